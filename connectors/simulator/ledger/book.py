"""The ledger: takes the records of a log one by one, answers each, and keeps account of every counter."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from connectors.simulator.ledger import lifecycle
from connectors.simulator.ledger.codes import SHANGHAI, ZONES
from connectors.simulator.ledger.enterprises import Enterprises
from connectors.simulator.ledger.lifecycle import STAGE_OF, Answer, Row
from connectors.simulator.ledger.rates import month_rate
from connectors.simulator.ledger.senders import Senders
from connectors.simulator.ledger.sums import Entry, Key, Sums
from connectors.simulator.ledger.trade import Trade
from connectors.simulator.ledger.valuation import Document, Rates, document
from connectors.simulator.ledger.windows import Windows, months_and_longer
from connectors.simulator.messages import Content, Count, Fact, Message

HOUR = 3_600_000
MINUTE_LIFETIME = 48 * HOUR
AHEAD = 15 * 60_000
"""An event time more than this after the append time is warned of (W01)."""

LATITUDE = HOUR
"""The broker may append up to this long after the time the ledger was told; what would then differ is refused."""

AT_APPEND = frozenset({"answers", "rule-hits"})
"""Counters whose windows are those of the append time."""


class Ledger:
    """Folds a log and knows the figures.

    ``rates``: of currencies that a declaration does not declare; by default, of the month's table. ``counters``: Key ->
    measures in the order of the value schema (``enterprises``: over all slices). What was taken away again stays as
    zeros: an absent key and zeros mean the same. ``receipts``: outcome -> number. ``dead_letters``: reason -> number.
    ``events``: records seen. Nothing here forms cycles: with a million events, ``gc.disable()`` saves a caller a fifth
    of the time.
    """

    def __init__(self, generation: int = 1, rates: Rates = month_rate) -> None:
        self.generation = generation
        self.receipts: Counter[str] = Counter()
        self.dead_letters: Counter[str] = Counter()
        self.events = 0
        self._rates = rates
        self._rows: dict[str, Row] = {}
        self._windows = Windows()
        self._sums = Sums()
        self._trade = Trade()
        self._enterprises = Enterprises()
        self._senders = Senders(self._windows)
        self._appended_at: datetime | None = None
        self._appended = 0
        self._append_day = 0
        self._unsure: set[tuple[str, int | None]] = set()

    @property
    def counters(self) -> dict[Key, tuple[int, ...]]:
        """What every counter must show now: a new dict at every call."""
        whole = Sums()
        whole.add_all(self._sums)
        self._trade.add_to(whole)
        self._senders.add_to(whole)
        return dict(self._sums.minutes()) | dict(whole.days_and_longer()) | dict(self._enterprises.figures())

    def unsure(self, key: Key) -> bool:
        """Whether a figure depends on when the broker appended: one of ``answers`` or ``rule-hits`` in a day, month or
        year of Shanghai that begins or ends within the latitude of an append time the ledger was told. It counts by
        what it was told; a comparison leaves such a figure out. The figures of all time are always sure.
        """
        return key[0] in AT_APPEND and key[1:3] in self._unsure

    def observe(self, message: Message, appended_at: datetime) -> Answer:
        """The answer to the next record of the log; the counters include it afterwards.

        Only the order within a key matters. ``appended_at`` (timezone-aware): when sending began; the broker's append
        time may be up to one hour later. Raises ValueError where that hour would decide on a minute window (48 h) or a
        warning (W01), and for an event that breaks the promises of its making; see ``unsure`` for what it makes of the
        windows of ``answers`` and ``rule-hits``.
        """
        self.events += 1
        if appended_at is not self._appended_at:
            self._tell_time(appended_at)
        fact = message.fact
        if fact is None:
            assert message.undecodable
            self.dead_letters[message.undecodable] += 1
            return Answer("DEAD_LETTER", dead_letter=message.undecodable)
        self._check_time(fact)
        row = self._rows.get(fact.number)
        if row is None:
            row = self._rows[fact.number] = Row()
        answer = lifecycle.answer(row, fact, self._apply)
        self.receipts[answer.outcome] += 1
        self._senders.answered(fact, answer, self._append_day)
        return answer

    def _tell_time(self, appended_at: datetime) -> None:
        if appended_at != self._appended_at:
            self._appended = int(appended_at.timestamp() * 1000)
            days = [self._windows.of(SHANGHAI, self._appended + later)[1] for later in (0, LATITUDE)]
            self._append_day = days[0]
            windows = [{("DAY", day), *months_and_longer(SHANGHAI, day)} for day in days]
            self._unsure |= windows[0] ^ windows[1]
        self._appended_at = appended_at

    def _check_time(self, fact: Fact) -> None:
        ahead = fact.event_time - self._appended - AHEAD
        if (ahead <= LATITUDE) if "W01" in fact.warnings else (ahead > 0):
            raise ValueError(f"{fact.number}: whether event time {fact.event_time} is warned of depends on the broker")

    def _apply(self, row: Row, fact: Fact) -> None:
        """Keeps account of an event that takes effect."""
        said = fact.content
        if isinstance(said, Count):
            self._senders.declared(row.document, said, fact.identity[0])
            row.document = said
            return
        before: Document | None = row.document
        if fact.lane != "UNASSIGNED":
            row.lane = fact.lane
        if fact.kind == "LODGE":
            row.lodged_at = fact.event_time
        elif fact.kind == "ACCEPT":
            row.accepted_at = fact.event_time
        if isinstance(said, Content):
            row.document = document(said, self._rates)
        now: Document = row.document
        self._staged(row, fact, now)
        counted_at = row.counted_at
        counts = row.state == "CLEARED" or (row.state == "RELEASED" and now.profile.flow == "IMPORT")
        if counts and counted_at is not None and now is before:
            return
        if counted_at is not None:
            assert before is not None
            self._contribute(before, counted_at, -1)
        row.counted_at = None
        if counts:
            row.counted_at = fact.event_time if counted_at is None else counted_at
            self._contribute(now, row.counted_at, 1)

    def _staged(self, row: Row, fact: Fact, now: Document) -> None:
        """What is never taken back: stages, lanes, times of clearance."""
        at, place = fact.event_time, (now.office, now.profile.flow, now.profile.jurisdiction)
        minute, day = self._windows.of(ZONES[now.profile.jurisdiction], at)
        entry = (STAGE_OF[fact.kind], *place), (1, now.value, now.net_mass, now.unconverted)
        if self._minute_lives(minute):
            self._sums.add_to_minute("declarations-by-stage", day, minute, (entry,))
        else:
            self._sums.add("declarations-by-stage", day, (entry,))
        if fact.kind == "ACCEPT":
            self._sums.add("lanes", day, (((row.lane, *place), (1,)),))
        elif fact.kind == "RELEASE":
            early = "PRE_ARRIVAL" if now.arrival is not None and now.arrival > row.lodged_at else "ARRIVED"
            entries: list[Entry] = []
            for interval, since in (("LODGED_TO_RELEASED", row.lodged_at), ("ACCEPTED_TO_RELEASED", row.accepted_at)):
                seconds = max(0, (at - since) // 1000)
                entries.append(((interval, early, row.lane, bucket(seconds), *place), (1, seconds)))
            self._sums.add("clearance-times", day, entries)

    def _contribute(self, document: Document, at: int, sign: int) -> None:
        """What a declaration adds while it counts as trade, and takes away when it no longer does."""
        profile = document.profile
        day = self._windows.of(ZONES[profile.jurisdiction], at)[1]
        change = self._sums.add if sign > 0 else self._sums.take
        if profile.is_statistical:
            self._trade.count(document, day, sign)
        if document.duties:
            amounts: Counter[str] = Counter()
            for kind, amount in document.duties:
                amounts[kind] += amount
            of = profile.flow, profile.jurisdiction
            change("duties", day, [((kind, *of), (1, amount)) for kind, amount in amounts.items()])
        for permit in document.permits:
            change("permits", day, (((*permit, profile.flow, profile.jurisdiction), (1,)),))
        self._enterprises.count(document, day, sign)

    def _minute_lives(self, start: int) -> bool:
        left = start + MINUTE_LIFETIME - self._appended
        if 0 < left <= LATITUDE:
            raise ValueError(f"whether the minute {start} still lives depends on when the broker appends")
        return left > 0


def bucket(seconds: int) -> str:
    """The upper bound of the bucket that so many seconds fall into, in seconds: sixteen buckets each time as long."""
    if seconds < 16:
        return str(seconds + 1)
    size = seconds.bit_length() - 5
    return str(((seconds >> size) + 1) << size)
