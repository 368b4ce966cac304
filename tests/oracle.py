"""The judge of the engine: a naive fold of the log, record by record, in plain dicts. Slow, short and independent.

It shares the schemas with the program and nothing else; the reference tables are an argument. Its reading of bytes is
in oracle_decode.py, its rules in oracle_rules*.py, what a declaration is worth in oracle_value.py and what it counts as
in oracle_counters.py. What the records then do to a declaration, and to the counters, is here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.oracle_counters import (
    SENDERS_ZONE,
    WINDOWS_OF,
    Document,
    Entry,
    answer_entries,
    clearance_entries,
    contribution_entries,
    control_entries,
    control_moment,
    received_entries,
    stage_entries,
)
from tests.oracle_decode import ENVELOPE, DeadLetterError, Event, LogRecord, decode
from tests.oracle_reference import Reference, shipped
from tests.oracle_rules import Finding, judge
from tests.oracle_windows import FIRST_MOMENT, LAST_MOMENT, window_starts

Answer = tuple[Any, ...]
"""("receipt", outcome, state, [(rule, severity, pointer), ...], advice) or ("dead letter", reason)."""

CounterKey = tuple[str, str, int | None, tuple[str, ...]]
"""(counter, window, first instant of the window in ms or None, dimensions in the order of the key's schema)."""

MINUTE_LIFETIME_MS = 2 * 86_400_000
ROW_LIFETIME_MS = 1100 * 86_400_000
MAX_PARKED = 8
COUNTED = {("IMPORT", "RELEASED"), ("IMPORT", "CLEARED"), ("EXPORT", "CLEARED")}
STATUS_KINDS = {
    "ACCEPTED": "ACCEPT",
    "INSPECTED": "INSPECT",
    "RELEASED": "RELEASE",
    "CLEARED": "CLEAR",
    "REJECTED": "REJECT",
    "CANCELLED": "CANCEL",
}
STAGES = {kind: status for status, kind in STATUS_KINDS.items()} | {"LODGE": "LODGED", "AMEND": "AMENDED"}
DOCUMENTS = {"CustomsDeclaration": ("LODGE", "AMEND"), "ControlRecord": ("STATE", "RESTATE")}
"""What version 1 of a record does, and what later ones do."""

_LIFECYCLE = """
state      LODGE     AMEND      ACCEPT    INSPECT    RELEASE   CLEAR    REJECT    CANCEL     STATE     RESTATE
NONE       LODGED    park       park      park       park      park     park      park       RECORDED  park
LODGED     conflict  LODGED     ACCEPTED  park       park      park     REJECTED  CANCELLED  conflict  refuse
ACCEPTED   conflict  ACCEPTED   refuse    INSPECTED  RELEASED  park     REJECTED  CANCELLED  conflict  refuse
INSPECTED  conflict  INSPECTED  refuse    refuse     RELEASED  park     REJECTED  CANCELLED  conflict  refuse
RELEASED   conflict  RELEASED   refuse    refuse     refuse    CLEARED  refuse    CANCELLED  conflict  refuse
CLEARED    conflict  CLEARED    refuse    refuse     refuse    refuse   refuse    CANCELLED  conflict  refuse
REJECTED   conflict  LODGED     refuse    refuse     refuse    refuse   refuse    refuse     conflict  refuse
CANCELLED  conflict  refuse     refuse    refuse     refuse    refuse   refuse    refuse     conflict  refuse
RECORDED   conflict  refuse     refuse    refuse     refuse    refuse   refuse    refuse     conflict  RECORDED
"""
_KINDS, *_STATES = (line.split() for line in _LIFECYCLE.strip().splitlines())
TABLE = {(state, kind): said for state, *row in _STATES for kind, said in zip(_KINDS[1:], row, strict=True)}


@dataclass(frozen=True)
class Contribution:
    """What a declaration or a control record has counted as: since `moment` (ms), on the clock of a time zone."""

    moment: int
    zone: str
    entries: tuple[Entry, ...]


@dataclass
class Row:
    """One declaration, or one sender's day. Times in ms; `touched` is the append time of its last event that was
    accepted or parked.
    """

    state: str = "NONE"
    version: int = 0
    document: Document | None = None
    lane: str = "UNASSIGNED"
    lodged_at: int = 0
    accepted_at: int = 0
    identities: dict[tuple[str, str, int], tuple[str, str]] = field(default_factory=dict)
    parked: list[Event] = field(default_factory=list)
    counted: Contribution | None = None
    touched: int = 0


def kind_of(event: Event) -> str:
    """What an event does: bring a first content or a later one, or the step that a status stands for."""
    if event.name == "DeclarationStatus":
        return STATUS_KINDS[event.fields["status"]]
    first, later = DOCUMENTS[event.name]
    return first if event.fields["version"] == 1 else later


def verdict(state: str, current: int, kind: str, version: int) -> str:
    """The new state, or one of park, refuse, conflict."""
    said = TABLE[state, kind]
    brings = kind in {"LODGE", "AMEND", "STATE", "RESTATE"}
    if brings and version <= current:
        return "conflict"
    if version > (current + 1 if brings else current) and state != "CANCELLED":
        return "park"
    if kind == "REJECT" and version < current:
        return "refuse"
    return said


def content_of(event: Event) -> tuple[str, str]:
    """What makes two events the same: the record and every value after the envelope, however they were encoded."""
    return event.name, repr([value for name, value in event.fields.items() if name not in ENVELOPE])


class Oracle:
    """Folds a log, a record at a time; `answers` and `counters` are what the engine must have said and counted."""

    def __init__(self, reference: Reference | None = None, lifetime_ms: int = ROW_LIFETIME_MS):
        self.reference = reference or shipped()
        self.lifetime_ms = lifetime_ms
        self.rows: dict[str, Row] = {}
        self.answers: list[Answer] = []
        self.counters: dict[CounterKey, tuple[int, ...]] = {}
        self.traders: defaultdict[CounterKey, Counter[str]] = defaultdict(Counter)

    def feed_all(self, records: Iterable[LogRecord]) -> list[Answer]:
        return [self.feed(record) for record in records]

    def feed(self, record: LogRecord) -> Answer:
        try:
            event = decode(record)
        except DeadLetterError as dead:
            answer: Answer = ("dead letter", str(dead))
        else:
            event = replace(event, appended_at=record.timestamp_ms)
            answer = self._answer(event, record.timestamp_ms)
            self._count_answer(event, answer, record.timestamp_ms)
        self.answers.append(answer)
        return answer

    def row(self, number: str, appended_at: int) -> Row:
        """What an event appended at `appended_at` (ms) finds under its number: a row past its lifetime is absent."""
        row = self.rows.get(number)
        return Row() if row is None or appended_at - row.touched > self.lifetime_ms else row

    def _answer(self, event: Event, appended_at: int) -> Answer:
        fields = event.fields
        row = self.row(event.key, appended_at)
        identity = (fields["sender_id"], fields["event_id"], fields["revision"])
        if identity in row.identities:
            if row.identities[identity] == content_of(event):
                return ("receipt", "DUPLICATE", row.state, [], "NONE")
            return ("receipt", "CONFLICT", row.state, [("E03", "ERROR", "/event_id")], "CORRECT_AND_RESEND")
        findings = judge(event.name, fields, appended_at, self.reference.at(appended_at))
        if any(severity == "ERROR" for _, severity, _ in findings):
            return ("receipt", "REFUSED", row.state, findings, "CORRECT_AND_RESEND")
        said = verdict(row.state, row.version, kind_of(event), fields["version"])
        if said in {"conflict", "refuse"} or (said == "park" and len(row.parked) >= MAX_PARKED):
            return _turned_down(said, row.state, event, findings)
        self.rows[event.key] = row
        row.identities[identity] = content_of(event)
        row.touched = appended_at
        if said == "park":
            row.parked.append(event)
            return ("receipt", "PARKED", row.state, findings, "NONE")
        self._apply(row, event, said, appended_at)
        state = row.state
        self._try_parked(row, appended_at)
        return ("receipt", "ACCEPTED_WITH_WARNINGS" if findings else "ACCEPTED", state, findings, "NONE")

    def _try_parked(self, row: Row, appended_at: int) -> None:
        while found := _first_legal(row):
            self._apply(row, *found, appended_at)

    def _apply(self, row: Row, event: Event, state: str, appended_at: int) -> None:
        row.state = state
        if event.name == "ControlRecord":
            row.version = event.fields["version"]
            stated = tuple(control_entries(event.fields))
            self._recount(row, Contribution(control_moment(event.fields), SENDERS_ZONE, stated))
            return
        if event.name == "CustomsDeclaration":
            row.version = event.fields["version"]
            row.document = Document(event.fields, self.reference.at(event.appended_at))
        kind, moment = kind_of(event), event.fields["event_time"]
        lane = event.fields["risk_lane" if event.name == "CustomsDeclaration" else "lane"]
        row.lane = row.lane if lane == "UNASSIGNED" else lane
        row.lodged_at = moment if kind == "LODGE" else row.lodged_at
        row.accepted_at = moment if kind == "ACCEPT" else row.accepted_at
        document = row.document
        assert document is not None, "a first step brings a declaration"
        steps = list(stage_entries(document, STAGES[kind], row.lane))
        if kind == "RELEASE":
            steps += clearance_entries(document, moment, row.lodged_at, row.accepted_at, row.lane)
        self._count(Contribution(moment, document.zone, tuple(steps)), 1, appended_at)
        since = row.counted.moment if row.counted else moment
        counts = (document.fields["flow"], state) in COUNTED
        entries = tuple(contribution_entries(document, since)) if counts else ()
        self._recount(row, Contribution(since, document.zone, entries) if counts else None)

    def _recount(self, row: Row, counted: Contribution | None) -> None:
        """Take away what a row has counted as, and count what it does now."""
        for contribution, sign in ((row.counted, -1), (counted, 1)):
            if contribution:
                self._count(contribution, sign)
        row.counted = counted

    def _count_answer(self, event: Event, answer: Answer, appended_at: int) -> None:
        _, outcome, _, findings, _ = answer
        told = answer_entries(event.name, event.fields, outcome, findings)
        self._count(Contribution(appended_at, SENDERS_ZONE, tuple(told)), 1)
        sent_at = event.fields["sent_at"]
        if FIRST_MOMENT <= sent_at <= LAST_MOMENT:
            stage = STAGES.get(kind_of(event), "")
            came = received_entries(event.name, event.fields, outcome, stage)
            self._count(Contribution(sent_at, SENDERS_ZONE, tuple(came)), 1)

    def _count(self, what: Contribution, sign: int, appended_at: int = 0) -> None:
        """Add entries to (1) or take them from (-1) their windows. A minute counts for 48 hours by `appended_at`."""
        starts = window_starts(what.moment, what.zone)
        for entry in what.entries:
            for window in WINDOWS_OF[entry.counter]:
                start = starts[window]
                if window == "MINUTE" and start is not None and start + MINUTE_LIFETIME_MS <= appended_at:
                    continue
                key = (entry.counter, window, start, entry.dims)
                if entry.trader is None:
                    before = self.counters.get(key, (0,) * len(entry.measures))
                    self.counters[key] = tuple(b + sign * m for b, m in zip(before, entry.measures, strict=True))
                else:
                    self.traders[key][entry.trader] += sign
                    self.counters[key] = (sum(times > 0 for times in self.traders[key].values()),)


def _first_legal(row: Row) -> tuple[Event, str] | None:
    """Takes the oldest parked event that is legal now, and drops those before it that no longer can be."""
    still: list[Event] = []
    found = None
    waiting: Iterator[Event] = iter(row.parked)
    for event in waiting:
        said = verdict(row.state, row.version, kind_of(event), event.fields["version"])
        if said == "park":
            still.append(event)
        elif said not in {"refuse", "conflict"}:
            found = (event, said)
            break
    row.parked = [*still, *waiting]
    return found


def _turned_down(said: str, state: str, event: Event, findings: list[Finding]) -> Answer:
    if said == "conflict":
        finding = ("E03", "ERROR", "/version")
        return ("receipt", "CONFLICT", state, [*findings, finding], "CORRECT_AND_RESEND")
    finding = ("E05", "ERROR", "/status" if event.name == "DeclarationStatus" else "/version")
    advice = "RESEND_LATER" if said == "park" else "CORRECT_AND_RESEND"
    return ("receipt", "REFUSED", state, [*findings, finding], advice)
