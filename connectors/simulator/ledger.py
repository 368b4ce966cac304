"""What every counter must show: the log folded event by event, in plain Python, from the facts of the simulator.

The judge of the processor: it shares no code with it and imitates none. It knows which rules an event breaks because
the simulator broke them; the lifecycle, duplicates, parking and counting it works out by itself, one event at a time.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from connectors.simulator.messages import Content, Fact, Message
from connectors.simulator.windows import Windows, months_and_longer, zone_of

HOUR = 3_600_000
MINUTE_LIFETIME = 48 * HOUR
AHEAD = 15 * 60_000
"""An event time more than this after the append time is warned of (W01)."""

LATITUDE = HOUR
"""The broker may append up to this long after the time the ledger was told; what would then differ is refused."""

PARKED_AT_MOST = 8

_KINDS = ("LODGE", "AMEND", "ACCEPT", "INSPECT", "RELEASE", "CLEAR", "REJECT", "CANCEL")
_STAGES = ("LODGED", "AMENDED", "ACCEPTED", "INSPECTED", "RELEASED", "CLEARED", "REJECTED", "CANCELLED")
_TABLE = """
NONE      LODGED   park      park     park      park     park    park     park
LODGED    conflict LODGED    ACCEPTED park      park     park    REJECTED CANCELLED
ACCEPTED  conflict ACCEPTED  refuse   INSPECTED RELEASED park    REJECTED CANCELLED
INSPECTED conflict INSPECTED refuse   refuse    RELEASED park    REJECTED CANCELLED
RELEASED  conflict RELEASED  refuse   refuse    refuse   CLEARED refuse   CANCELLED
CLEARED   conflict CLEARED   refuse   refuse    refuse   refuse  refuse   CANCELLED
REJECTED  conflict LODGED    refuse   refuse    refuse   refuse  refuse   refuse
CANCELLED conflict refuse    refuse   refuse    refuse   refuse  refuse   refuse
"""
"""A line per state: what becomes of it with each kind of event."""

_NEXT = {
    state: dict(zip(_KINDS, verdicts, strict=True))
    for state, *verdicts in (line.split() for line in _TABLE.strip().splitlines())
}
_STAGE_OF = dict(zip(_KINDS, _STAGES, strict=True))

JURISDICTION = {"declarations-by-stage": 3, "trade-by-partner": 2, "trade-by-chapter": 2}
"""Which dimension of a counter is the jurisdiction."""

Key = tuple[str, str, int | None, tuple[str, ...]]
"""(counter, window kind, first instant in UTC ms or None for ALL_TIME, dimensions in the order of the Key schema)."""


class Answer(NamedTuple):
    """What must be answered: a receipt (outcome, state, sorted ids of its findings), or a dead letter (its reason)."""

    outcome: str
    state: str = ""
    rules: tuple[str, ...] = ()
    dead_letter: str | None = None


class _Row:
    """One declaration: where it stands, what it says, when it began to count as trade, and what waits."""

    __slots__ = ("content", "counted_at", "known", "parked", "state", "version")

    def __init__(self) -> None:
        self.state = "NONE"
        self.version = 0
        self.content: Content | None = None
        self.counted_at: int | None = None
        self.known: dict[tuple[str, str, int], bytes] = {}
        self.parked: list[Fact] = []


class Ledger:
    """Folds a log and knows the figures.

    ``counters``: Key -> measures in the order of the value schema: (declarations,) for declarations-by-stage with
    dimensions (stage, office, flow, jurisdiction); (declarations, value in hundredths, net mass in g) for
    trade-by-partner with (partner, flow, jurisdiction, currency); (items, value, net mass) for trade-by-chapter with
    (chapter, flow, jurisdiction, currency). What was taken away again stays as zeros: an absent key and zeros mean the
    same. ``receipts``: outcome -> number. ``dead_letters``: reason -> number. ``events``: records seen.
    Nothing here forms cycles: with a million events, ``gc.disable()`` saves a caller a fifth of the time.
    """

    def __init__(self, generation: int = 1) -> None:
        self.generation = generation
        self.receipts: Counter[str] = Counter()
        self.dead_letters: Counter[str] = Counter()
        self.events = 0
        self._rows: dict[str, _Row] = {}
        self._windows = Windows()
        self._short: dict[Key, tuple[int, ...]] = {}
        self._appended_at: datetime | None = None
        self._appended = 0

    @property
    def counters(self) -> dict[Key, tuple[int, ...]]:
        """What every counter must show now: a new dict at every call. Months, years and all time are sums of days."""
        found = dict(self._short)
        for (counter, kind, day, dimensions), measures in self._short.items():
            if kind == "DAY":
                assert day is not None
                for longer, start in months_and_longer(zone_of(dimensions[JURISDICTION[counter]]), day):
                    _sum(found, (counter, longer, start, dimensions), measures)
        return found

    def observe(self, message: Message, appended_at: datetime) -> Answer:
        """The answer to the next record of the log; the counters include it afterwards.

        Only the order within a key matters. ``appended_at`` (timezone-aware): when sending began; the broker's append
        time may be up to one hour later. Raises ValueError where that hour would decide on a minute window (48 h) or a
        warning (W01), and for an event that breaks the promises of its making.
        """
        self.events += 1
        if appended_at is not self._appended_at:
            self._appended_at, self._appended = appended_at, int(appended_at.timestamp() * 1000)
        fact = message.fact
        if fact is None:
            assert message.undecodable
            self.dead_letters[message.undecodable] += 1
            return Answer("DEAD_LETTER", dead_letter=message.undecodable)
        self._check_time(fact)
        row = self._rows.get(fact.number)
        if row is None:
            row = self._rows[fact.number] = _Row()
        answer = self._judge(row, fact)
        self.receipts[answer.outcome] += 1
        if answer.outcome in {"ACCEPTED", "ACCEPTED_WITH_WARNINGS"}:
            self._try_parked(row)
        return answer

    def _check_time(self, fact: Fact) -> None:
        ahead = fact.event_time - self._appended - AHEAD
        if (ahead <= LATITUDE) if "W01" in fact.warnings else (ahead > 0):
            raise ValueError(f"{fact.number}: whether event time {fact.event_time} is warned of depends on the broker")

    def _judge(self, row: _Row, fact: Fact) -> Answer:
        known = row.known.get(fact.identity)
        if known is not None:
            same = known == fact.body
            return Answer("DUPLICATE" if same else "CONFLICT", row.state, () if same else ("E03",))
        if fact.errors:
            return Answer("REFUSED", row.state, tuple(sorted(fact.errors + fact.warnings)))
        verdict = _verdict(row, fact)
        if verdict == "conflict":
            return Answer("CONFLICT", row.state, tuple(sorted(("E03", *fact.warnings))))
        if verdict == "refuse" or (verdict == "park" and len(row.parked) >= PARKED_AT_MOST):
            return Answer("REFUSED", row.state, tuple(sorted(("E05", *fact.warnings))))
        row.known[fact.identity] = fact.body
        if verdict == "park":
            row.parked.append(fact)
            return Answer("PARKED", row.state, fact.warnings)
        self._apply(row, fact, verdict)
        return Answer("ACCEPTED_WITH_WARNINGS" if fact.warnings else "ACCEPTED", row.state, fact.warnings)

    def _try_parked(self, row: _Row) -> None:
        """Applies the oldest parked event that is legal now, and again; those no longer possible lapse on the way."""
        place = 0
        while place < len(row.parked):
            verdict = _verdict(row, row.parked[place])
            if verdict == "park":
                place += 1
                continue
            fact = row.parked.pop(place)
            if verdict not in {"refuse", "conflict"}:
                self._apply(row, fact, verdict)
                place = 0

    def _apply(self, row: _Row, fact: Fact, state: str) -> None:
        before, counted_at = row.content, row.counted_at
        row.state = state
        if fact.content is not None:
            row.content = fact.content
            row.version = fact.version
        now = row.content
        assert now is not None
        dimensions = (_STAGE_OF[fact.kind], now.office, now.flow, now.jurisdiction)
        self._add("declarations-by-stage", dimensions, now.jurisdiction, fact.event_time, (1,))
        counts = state == "CLEARED" or (state == "RELEASED" and now.flow == "IMPORT")
        if counts and counted_at is not None and now is before:
            return
        if counted_at is not None:
            assert before is not None
            self._trade(before, counted_at, -1)
        row.counted_at = None
        if counts:
            row.counted_at = fact.event_time if counted_at is None else counted_at
            self._trade(now, row.counted_at, 1)

    def _trade(self, content: Content, at: int, sign: int) -> None:
        zone, flow, currency = content.jurisdiction, content.flow, content.currency
        value = sum(item[1] for item in content.items)
        mass = sum(item[2] for item in content.items)
        measures = (sign, sign * value, sign * mass)
        self._add("trade-by-partner", (content.partner, flow, zone, currency), zone, at, measures)
        for chapter, item_value, item_mass in content.items:
            measures = (sign, sign * item_value, sign * item_mass)
            self._add("trade-by-chapter", (chapter, flow, zone, currency), zone, at, measures)

    def _add(
        self, counter: str, dimensions: tuple[str, ...], jurisdiction: str, at: int, measures: tuple[int, ...]
    ) -> None:
        minute, day = self._windows.of(zone_of(jurisdiction), at)
        if self._minute_lives(minute):
            _sum(self._short, (counter, "MINUTE", minute, dimensions), measures)
        _sum(self._short, (counter, "DAY", day, dimensions), measures)

    def _minute_lives(self, start: int) -> bool:
        left = start + MINUTE_LIFETIME - self._appended
        if 0 < left <= LATITUDE:
            raise ValueError(f"whether the minute {start} still lives depends on when the broker appends")
        return left > 0


def _sum(totals: dict[Key, tuple[int, ...]], key: Key, measures: tuple[int, ...]) -> None:
    total = totals.get(key)
    if total is None:
        totals[key] = measures
    elif len(total) == 1:
        totals[key] = (total[0] + measures[0],)
    else:
        totals[key] = (total[0] + measures[0], total[1] + measures[1], total[2] + measures[2])


def _verdict(row: _Row, fact: Fact) -> str:
    """New state, or park, refuse or conflict."""
    verdict = _NEXT[row.state][fact.kind]
    if fact.kind == "AMEND" and fact.version <= row.version:
        return "conflict"
    if fact.kind == "REJECT" and fact.version < row.version:
        return "refuse"
    if fact.kind == "LODGE" or row.state == "CANCELLED":
        return verdict
    ahead = fact.version - row.version - (fact.kind == "AMEND")
    return "park" if ahead > 0 else verdict
