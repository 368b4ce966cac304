"""What senders were answered, what rules they broke, and what came of all they say they sent."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from connectors.simulator.ledger.codes import SHANGHAI
from connectors.simulator.ledger.lifecycle import STAGE_OF, TAKEN, Answer
from connectors.simulator.ledger.sums import Entry, Sums
from connectors.simulator.ledger.windows import Windows, day_of
from connectors.simulator.messages import Content, Count, Fact

SEQUENCES = "SEQUENCES"
EARLIEST, LATEST = 946_684_800_000, 4_102_444_800_000
"""2000-01-01 and 2100-01-01 UTC, ms: times of sending that are counted."""

SENDER = re.compile("[ -~]{1,64}")

Place = tuple[int, str, str]
"""(first instant of the day, ms; sender; step)."""


class Senders:
    """Keeps the counters ``answers`` and ``rule-hits`` (at append time), and ``sender-control`` (by ``sent_at``)."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._answers: dict[tuple[int, str, str, str, bool], int] = {}
        self._hits = Sums()
        self._received: dict[Place, int] = {}
        self._sums: dict[Place, tuple[int, int]] = {}
        self._declared = Sums()

    def answered(self, fact: Fact, answer: Answer, day: int) -> None:
        """An event was answered; ``day`` (first instant, ms) of its append time."""
        name, _, revision = fact.identity
        sender, record, outcome = sender_of(name), fact.record, answer.outcome
        key = day, sender, record, outcome, revision == 1
        self._answers[key] = self._answers.get(key, 0) + 1
        if answer.errors or answer.warnings:
            for severity, told in (("ERROR", answer.errors), ("WARNING", answer.warnings)):
                hits = [((rule, severity, record), (n, 1)) for rule, n in Counter(told).items()]
                self._hits.add("rule-hits", day, hits)
        if EARLIEST <= fact.sent_at <= LATEST:
            self._came(fact, outcome, sender)

    def declared(self, before: Count | None, now: Count, sender: str) -> None:
        """What a sender says it sent in a day replaces what it said before."""
        if before is not None:
            self._declared.take("sender-control", day_of(SHANGHAI, before.date), _said(before, sender))
        self._declared.add("sender-control", day_of(SHANGHAI, now.date), _said(now, sender))

    def add_to(self, sums: Sums) -> None:
        """Adds all counters to ``sums``."""
        for (day, sender, record, outcome, is_first), n in self._answers.items():
            sums.add("answers", day, (((sender, record, outcome), (n, n if is_first else 0)),))
        for (day, sender, step), n in self._received.items():
            value, mass = self._sums.get((day, sender, step), (0, 0))
            sums.add("sender-control", day, (((sender, step), (n, 0, value, 0, mass, 0)),))
        for own in (self._hits, self._declared):
            sums.add_all(own)

    def _came(self, fact: Fact, outcome: str, sender: str) -> None:
        day, received = self._windows.of(SHANGHAI, fact.sent_at)[1], self._received
        if fact.sequence > 0 and outcome != "DUPLICATE":
            place = day, sender, SEQUENCES
            received[place] = received.get(place, 0) + 1
        stage = STAGE_OF.get(fact.kind)
        if stage is not None and outcome in TAKEN:
            place = day, sender, stage
            received[place] = received.get(place, 0) + 1
            if isinstance(fact.content, Content):
                value, mass = self._sums.get(place, (0, 0))
                value += sum([item.total for item in fact.content.items])
                self._sums[place] = value, mass + (fact.content.net_mass or 0)


@lru_cache(maxsize=1 << 12)
def sender_of(name: str) -> str:
    """Who is counted as the sender: ``?`` for what is no identifier."""
    return name if SENDER.fullmatch(name) else "?"


def _said(count: Count, sender: str) -> list[Entry]:
    numbers = count.last - count.first + 1 if count.last else 0
    found: list[Entry] = [((sender, SEQUENCES), (0, numbers, 0, 0, 0, 0))]
    return found + [((sender, step), (0, n, 0, value, 0, mass)) for step, n, value, mass in count.steps]
