"""A hand-worked scenario: events, and what must be said and counted, written as text that is read like a table.

An answer is one line: outcome, state, findings, advice unless it is NONE; or ``dead letter`` and the reason. A finding
is its rule and pointer, with ``!`` for an error and ``?`` for a warning::

    ACCEPTED LODGED
    REFUSED NONE D06/net_mass! W01/event_time? CORRECT_AND_RESEND

The counters are windows, each followed by everything that was ever counted in it::

    DAY 2025-03-01T00:00+08:00
        stage   LODGED 4200 IMPORT CN  = 1
        partner KZ IMPORT CN USD       = 1 100000 500000
        chapter 87 IMPORT CN USD       = 1 100000 500000
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.events import Raw, Record, at, log
from tests.oracle import WINDOWS, Answer, CounterKey
from tests.oracle_decode import LogRecord

COUNTERS = {"stage": "declarations-by-stage", "partner": "trade-by-partner", "chapter": "trade-by-chapter"}
Counters = Mapping[CounterKey, tuple[int, ...]]


@dataclass(frozen=True)
class Scenario:
    """`name` is a sentence that says what holds; `events` are (event or bytes, append time in ms)."""

    name: str
    events: tuple[tuple[Record | Raw, int], ...]
    said: str
    counted: str

    def records(self) -> list[LogRecord]:
        return log(self.events)

    def answers(self) -> list[Answer]:
        return [parse_answer(line) for line in self.said.strip().splitlines()]

    def differences(self, counters: Counters, *, absent_is_zero: bool = False) -> list[str]:
        """What in the windows of the scenario is not as written, a line each; keys not written must not exist.

        `absent_is_zero`: a key that is missing may also be there with zeros, and the other way round.
        """
        windows, expected = parse_counters(self.counted)
        actual = {key: measures for key, measures in counters.items() if (key[1], key[2]) in windows}
        zeros = [key for key in {*expected, *actual} if absent_is_zero and not any(expected.get(key, ()))]
        zeros = [key for key in zeros if not any(actual.get(key, ()))]
        return [
            f"{key}: expected {expected.get(key)}, got {actual.get(key)}"
            for key in sorted({*expected, *actual} - {*zeros}, key=str)
            if expected.get(key) != actual.get(key)
        ]


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
        equals = rest.index("=")
        key = (COUNTERS[first], *window, tuple(rest[:equals]))
        assert key not in counters, f"{line!r} is written twice"
        counters[key] = tuple(int(figure.replace(",", "")) for figure in rest[equals + 1 :])
    return windows, counters
