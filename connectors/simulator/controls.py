"""Senders number what they send, and after each day say what it was: control records, most of them right."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from connectors.simulator import world
from connectors.simulator.drafts import Draft, Entry
from connectors.simulator.faults import breaks
from connectors.simulator.layout import Record
from connectors.simulator.ledger.lifecycle import STAGE_OF
from connectors.simulator.messages import Content, Count, Message
from connectors.simulator.parts import pick

DAY_MS = 86_400_000
SHANGHAI_MS = 8 * 3_600_000
EPOCH = date(1970, 1, 1)

SKIPPED = 0.0001
"""Of all numbers: gaps that nobody can explain."""

RIGHT, WRONG, CORRECTED, HASTY, BROKEN = "right", "wrong", "corrected", "hasty", "broken"
FATES = world.table({RIGHT: 44, WRONG: 2, CORRECTED: 3, HASTY: 1})
"""WRONG counts too much; then it may be CORRECTED, HASTY if the correction arrives first. BROKEN breaks a rule."""

TOO_MUCH = {"events": 1, "value": 100_000, "net_mass": 5_000}
"""What a wrong count is off by, in one of the three."""

TOLD_WITHIN = 30 * 60_000
CORRECTED_WITHIN = 60 * 60_000


@dataclass
class Day:
    """What a sender has sent in a day (days since 1970): its numbers ``first`` (0: none yet) and ``last`` (of an
    earlier day until then); ``steps`` are events, value, net mass of each.
    """

    sender: str
    date: int
    fate: str
    first: int = 0
    last: int = 0
    steps: dict[str, list[int]] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """How many control records it takes."""
        return 1 if self.fate in {RIGHT, WRONG} else 2


class Senders:
    """Numbers events as they are sent, and accounts for them. Days are those of Shanghai, by ``sent_at``.

    ``broken``: the chance of a day's first control record to break a rule. ``told``: control records to be sent, put
    here when a day is over. ``due``: how many control records are yet to be sent for what was sent so far.
    """

    def __init__(self, rng: Random, broken: float) -> None:
        self.told: list[Entry] = []
        self.due = 0
        self._rng = rng
        self._broken = broken
        self._last: dict[str, int] = {}
        self._days: dict[str, Day] = {}
        self._today = 0
        self._midnight = 0
        self._records = 0

    def send(self, draft: Draft, now: int) -> Message:
        """The event of a draft under the number it has, or its sender's next. Drafts come in the order of ``now``."""
        if now >= self._midnight:
            self._turn(now)
        record = draft.record
        number, is_control = draft.number, "control_number" in record
        if number is not None and (is_control or not draft.taken):
            self.due -= is_control
            return draft.send(number)
        sender = record["sender_id"]
        day = self._days.get(sender) or self._begin(sender)
        if number is None:
            number = day.last = day.last + (2 if self._rng.random() < SKIPPED else 1)
            day.first = day.first or number
        if not is_control:
            message = draft.send(number)
            if draft.taken:
                assert message.fact is not None
                _count(day.steps, STAGE_OF[message.fact.kind], message.fact.content)
            return message
        self.due -= 1
        if record["date"] == self._today and not draft.errors:
            record["last_sequence"] = number
        return draft.send(number)

    def close(self, at: int) -> list[Entry]:
        """The control records of the day that is not over, told now."""
        return [entry for day in self._days.values() for entry in self._tell(day, at, at)]

    def _turn(self, at: int) -> None:
        """A day is over: who has sent anything will tell, and then has sent something again."""
        over, self._days = self._days, {}
        self._today = (at + SHANGHAI_MS) // DAY_MS
        self._midnight = (self._today + 1) * DAY_MS - SHANGHAI_MS
        for day in over.values():
            self._last[day.sender] = day.last
            self.told += self._tell(day, at + 1 + int(TOLD_WITHIN * self._rng.random()))
            if day.first:
                self._begin(day.sender)

    def _begin(self, sender: str) -> Day:
        fate = BROKEN if self._rng.random() < self._broken else pick(FATES, self._rng.random())
        day = self._days[sender] = Day(sender, self._today, fate, last=self._last.get(sender, 0))
        self.due += day.records
        return day

    def _tell(self, day: Day, at: int, later: int | None = None) -> list[Entry]:
        """The control records of a day, from ``at`` on. Corrections are sent at ``later``, or within an hour of it."""
        if later is None:
            later = at + 1 + int(CORRECTED_WITHIN * self._rng.random())
        right = self._record(day, at)
        if day.fate == RIGHT:
            return [(at, Draft(right))]
        if day.fate == BROKEN:
            broken, errors = breaks(right, self._rng)
            return [(at, Draft(broken, errors)), (later, Draft({**right, "sent_at": later, "event_time": later}))]
        first = Draft(self._too_much(right))
        if day.fate == WRONG:
            return [(at, first)]
        event_id = self._event_id()
        second = Draft({**right, "event_id": event_id, "version": 2, "sent_at": later, "event_time": later})
        return [(later + 1 if day.fate == HASTY else at, first), (later, second)]

    def _record(self, day: Day, at: int) -> Record:
        is_numbered = day.first > 0
        return {
            "sender_id": day.sender,
            "event_id": self._event_id(),
            "revision": 1,
            "sent_at": at,
            "sender_sequence": None if is_numbered else 0,
            "control_number": f"{day.sender}/{EPOCH + timedelta(day.date)}",
            "version": 1,
            "date": day.date,
            "first_sequence": day.first,
            "last_sequence": day.last if is_numbered else 0,
            "counts": [
                {"step": step, "events": events, "value": value, "net_mass": mass}
                for step, (events, value, mass) in day.steps.items()
            ],
            "synthetic": True,
            "event_time": at,
        }

    def _too_much(self, record: Record) -> Record:
        """The record with a count that is too high."""
        counts = [dict(count) for count in record["counts"]]
        if not counts:
            counts.append({"step": "LODGED", "events": 0, "value": 0, "net_mass": 0})
        what = self._rng.choice(tuple(TOO_MUCH))
        counts[0][what] += TOO_MUCH[what]
        return {**record, "counts": counts}

    def _event_id(self) -> str:
        self._records += 1
        return f"C{self._records:07d}"


def _count(steps: dict[str, list[int]], stage: str, said: Content | Count | None) -> None:
    step = steps.get(stage)
    if step is None:
        step = steps[stage] = [0, 0, 0]
    step[0] += 1
    if isinstance(said, Content):
        for item in said.items:
            step[1] += item.total
        step[2] += said.net_mass or 0
