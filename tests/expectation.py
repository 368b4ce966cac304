"""A hand-worked scenario: events, and what must be said and counted, written as text that is read like a table.

An answer is one line: outcome, state, findings, advice unless it is NONE; or ``dead letter`` and the reason. A finding
is its rule and pointer, with ``!`` for an error and ``?`` for a warning::

    ACCEPTED LODGED
    REFUSED NONE D06/net_mass! W01/event_time? CORRECT_AND_RESEND

The counters are windows, each followed by everything that was ever counted in it by the counters the scenario is about
(``of``). A line is the word of the counter, its dimensions and its measures; measures left out at the end are zero::

    DAY 2025-03-01T00:00+08:00
        stage   LODGED 4200 IMPORT CN  = 1 100000 500000
        partner KZ IMPORT CN           = 1 1 100000 500000
        chapter 87 IMPORT CN           = 1 1 100000 500000
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.events import Raw, Record, at, log
from tests.oracle import Answer, CounterKey
from tests.oracle_decode import LogRecord
from tests.oracle_windows import WINDOWS

BREAKDOWNS = (
    "total",
    "partner",
    "chapter",
    "section",
    "heading",
    "new-three",
    "used-cars",
    "area",
    "channel",
    "procedure",
    "mode",
    "e-commerce",
)
MEASURES = {
    "stage": ("declarations-by-stage", 4),
    **dict.fromkeys(BREAKDOWNS, ("trade", 6)),
    "group": ("trade-with-groups", 5),
    "duty": ("duties", 2),
    "permit": ("permits", 1),
    "enterprises": ("enterprises", 1),
    "lane": ("lanes", 1),
    "time": ("clearance-times", 2),
    "answer": ("answers", 2),
    "hit": ("rule-hits", 2),
    "control": ("sender-control", 6),
}
"""By the word that stands for it in a scenario: a counter, and how many measures it has. Trade has a word for each of
its breakdowns, which is then not written among the dimensions.
"""

Counters = Mapping[CounterKey, tuple[int, ...]]


@dataclass(frozen=True)
class Scenario:
    """`name` is a sentence that says what holds; `events` are (event or bytes, append time in ms); `of` names the
    counters it is about, in the words of MEASURES.
    """

    name: str
    events: tuple[tuple[Record | Raw, int], ...]
    said: str
    counted: str
    of: str = "stage partner chapter"

    def records(self) -> list[LogRecord]:
        return log(self.events)

    def answers(self) -> list[Answer]:
        return [parse_answer(line) for line in self.said.strip().splitlines()]

    def differences(self, counters: Counters, *, absent_is_zero: bool = False) -> list[str]:
        """What in the windows of the scenario is not as written, a line each; keys not written must not exist.

        `absent_is_zero`: a key that is missing may also be there with zeros, and the other way round.
        """
        about = set(self.of.split())
        windows, expected = parse_counters(self.counted)
        unannounced = {word_of(key) for key in expected} - about
        assert not unannounced, f"{self.name}: {unannounced} are counted, but not what it is about"
        actual = {k: measures for k, measures in counters.items() if (k[1], k[2]) in windows and word_of(k) in about}
        zeros = [key for key in {*expected, *actual} if absent_is_zero and not any(expected.get(key, ()))]
        zeros = [key for key in zeros if not any(actual.get(key, ()))]
        return [
            f"{key}: expected {expected.get(key)}, got {actual.get(key)}"
            for key in sorted({*expected, *actual} - {*zeros}, key=str)
            if expected.get(key) != actual.get(key)
        ]


def word_of(key: CounterKey) -> str:
    """The word that stands for a counter in a scenario; for trade, that of the breakdown."""
    if key[0] == "trade":
        return key[3][0].lower().replace("_", "-")
    return next(word for word, (counter, _) in MEASURES.items() if counter == key[0])


def parse_answer(line: str) -> Answer:
    """One line of `said` as the oracle's answer."""
    if line.strip().startswith("dead letter"):
        return ("dead letter", line.rsplit(maxsplit=1)[-1])
    outcome, state, *rest = line.split()
    advice = rest.pop() if rest and rest[-1].isupper() and "/" not in rest[-1] else "NONE"
    findings = [re.fullmatch(r"([A-Z]\d\d)(/\S+)([!?])", finding) for finding in rest]
    severities = {"!": "ERROR", "?": "WARNING"}
    found = [(m[1], severities[m[3]], m[2]) for m in findings if m is not None]
    assert len(found) == len(rest), f"cannot read {line!r}"
    return ("receipt", outcome, state, found, advice)


def parse_counters(text: str) -> tuple[set[tuple[str, int | None]], dict[CounterKey, Any]]:
    """(windows, counters) of `counted`."""
    windows: set[tuple[str, int | None]] = set()
    counters: dict[CounterKey, Any] = {}
    window: tuple[str, int | None] = ("", None)
    for line in filter(None, map(str.strip, text.splitlines())):
        first, *rest = line.split()
        if first in WINDOWS:
            window = (first, at(rest[0]) if rest else None)
            windows.add(window)
            continue
        counter, width = MEASURES[first]
        equals = rest.index("=")
        breakdown = (first.upper().replace("-", "_"),) if first in BREAKDOWNS else ()
        key = (counter, *window, (*breakdown, *rest[:equals]))
        assert key not in counters, f"{line!r} is written twice"
        figures = [int(figure.replace(",", "")) for figure in rest[equals + 1 :]]
        assert len(figures) <= width, f"{line!r} has more than {width} measures"
        counters[key] = (*figures, *(0,) * (width - len(figures)))
    return windows, counters
