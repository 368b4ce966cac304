"""The judge of the engine: a naive fold of the log, record by record, in plain dicts. Slow, short and independent.

It shares the schemas with the program and nothing else. Its reading of bytes is in oracle_decode.py, its rules in
oracle_rules.py, and what the records then do to a declaration and to the counters is here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle_decode import ENVELOPE, DeadLetterError, Event, LogRecord, decode
from tests.oracle_rules import Finding, Reference, judge

Answer = tuple[Any, ...]
"""("receipt", outcome, state, [(rule, severity, pointer), ...], advice) or ("dead letter", reason)."""

CounterKey = tuple[str, str, int | None, tuple[str, ...]]
"""(counter, window, first instant of the window in ms or None, dimensions in the order of the key's schema)."""

MINUTE_MS, DAY_MS = 60_000, 86_400_000
MINUTE_LIFETIME_MS = 2 * DAY_MS
ROW_LIFETIME_MS = 1100 * DAY_MS
MAX_PARKED = 8
WINDOWS = ("MINUTE", "DAY", "MONTH", "YEAR", "ALL_TIME")
ZONES = {"CN": ZoneInfo("Asia/Shanghai"), "KR": ZoneInfo("Asia/Seoul")}
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

_LIFECYCLE = """
state      LODGE     AMEND      ACCEPT    INSPECT    RELEASE   CLEAR    REJECT    CANCEL
NONE       LODGED    park       park      park       park      park     park      park
LODGED     conflict  LODGED     ACCEPTED  park       park      park     REJECTED  CANCELLED
ACCEPTED   conflict  ACCEPTED   refuse    INSPECTED  RELEASED  park     REJECTED  CANCELLED
INSPECTED  conflict  INSPECTED  refuse    refuse     RELEASED  park     REJECTED  CANCELLED
RELEASED   conflict  RELEASED   refuse    refuse     refuse    CLEARED  refuse    CANCELLED
CLEARED    conflict  CLEARED    refuse    refuse     refuse    refuse   refuse    CANCELLED
REJECTED   conflict  LODGED     refuse    refuse     refuse    refuse   refuse    refuse
CANCELLED  conflict  refuse     refuse    refuse     refuse    refuse   refuse    refuse
"""
_KINDS, *_STATES = (line.split() for line in _LIFECYCLE.strip().splitlines())
TABLE = {(state, kind): said for state, *row in _STATES for kind, said in zip(_KINDS[1:], row, strict=True)}


@dataclass(frozen=True)
class Contribution:
    """What a declaration has counted as trade: since `moment` (ms), its (counter, dimensions, measures)."""

    moment: int
    jurisdiction: str
    entries: tuple[tuple[str, tuple[str, ...], tuple[int, ...]], ...]


@dataclass
class Row:
    """One declaration. `touched` is the append time (ms) of its last event that was accepted or parked."""

    state: str = "NONE"
    version: int = 0
    declaration: dict[str, Any] = field(default_factory=dict)
    identities: dict[tuple[str, str, int], tuple[str, bytes]] = field(default_factory=dict)
    parked: list[Event] = field(default_factory=list)
    counted: Contribution | None = None
    touched: int = 0


def kind_of(event: Event) -> str:
    """LODGE, AMEND, or the step that a status stands for."""
    if event.name == "DeclarationStatus":
        return STATUS_KINDS[event.fields["status"]]
    return "LODGE" if event.fields["version"] == 1 else "AMEND"


def verdict(state: str, current: int, kind: str, version: int) -> str:
    """The new state, or one of park, refuse, conflict."""
    said = TABLE[state, kind]
    if kind == "AMEND" and version <= current:
        return "conflict"
    too_early = version > (current + 1 if kind == "AMEND" else current)
    if kind != "LODGE" and too_early and state != "CANCELLED":
        return "park"
    if kind == "REJECT" and version < current:
        return "refuse"
    return said


def content_of(event: Event) -> tuple[str, str]:
    """What makes two events the same: the record and every value after the envelope, however they were encoded."""
    return event.name, repr([value for name, value in event.fields.items() if name not in ENVELOPE])


@lru_cache(maxsize=100_000)
def window_starts(moment: int, jurisdiction: str) -> tuple[tuple[str, int | None], ...]:
    """(window, first instant in ms) of the five windows around a moment (ms), cut in the jurisdiction's time zone."""
    local = datetime.fromtimestamp(moment // 1000, UTC).astimezone(ZONES[jurisdiction])
    minute = local.replace(second=0, microsecond=0)
    day = minute.replace(hour=0, minute=0)
    month = day.replace(day=1)
    starts = (minute, day, month, month.replace(month=1))
    return (*((w, int(s.timestamp()) * 1000) for w, s in zip(WINDOWS, starts, strict=False)), ("ALL_TIME", None))


def contribution(declaration: dict[str, Any], moment: int) -> Contribution:
    """What a declaration counts as trade from `moment` (ms) on."""
    place = (declaration["flow"], declaration["jurisdiction"], declaration["currency"])
    chapters: dict[str, tuple[int, int, int]] = {}
    for item in declaration["items"]:
        n, value, mass = chapters.get(item["commodity_code"][:2], (0, 0, 0))
        chapters[item["commodity_code"][:2]] = (n + 1, value + item["total"], mass + (item["net_mass"] or 0))
    value, mass = (sum(measures[which] for measures in chapters.values()) for which in (1, 2))
    partner = ("trade-by-partner", (declaration["partner_country"], *place), (1, value, mass))
    by_chapter = (("trade-by-chapter", (chapter, *place), measures) for chapter, measures in chapters.items())
    return Contribution(moment, declaration["jurisdiction"], (partner, *by_chapter))


class Oracle:
    """Folds a log, a record at a time; `answers` and `counters` are what the engine must have said and counted."""

    def __init__(self, reference: Reference | None = None, lifetime_ms: int = ROW_LIFETIME_MS):
        self.reference = reference or Reference()
        self.lifetime_ms = lifetime_ms
        self.rows: dict[str, Row] = {}
        self.answers: list[Answer] = []
        self.counters: dict[CounterKey, tuple[int, ...]] = {}

    def feed_all(self, records: Iterable[LogRecord]) -> list[Answer]:
        return [self.feed(record) for record in records]

    def feed(self, record: LogRecord) -> Answer:
        try:
            answer = self._answer(decode(record), record.timestamp_ms)
        except DeadLetterError as dead:
            answer = ("dead letter", str(dead))
        self.answers.append(answer)
        return answer

    def row(self, number: str, appended_at: int) -> Row:
        """The declaration as an event appended at `appended_at` (ms) finds it: a row past its lifetime is absent."""
        row = self.rows.get(number)
        return Row() if row is None or appended_at - row.touched > self.lifetime_ms else row

    def _answer(self, event: Event, appended_at: int) -> Answer:
        fields = event.fields
        row = self.row(fields["declaration_number"], appended_at)
        identity = (fields["sender_id"], fields["event_id"], fields["revision"])
        if identity in row.identities:
            if row.identities[identity] == content_of(event):
                return ("receipt", "DUPLICATE", row.state, [], "NONE")
            return ("receipt", "CONFLICT", row.state, [("E03", "ERROR", "/event_id")], "CORRECT_AND_RESEND")
        findings = judge(event.name, fields, appended_at, self.reference)
        if any(severity == "ERROR" for _, severity, _ in findings):
            return ("receipt", "REFUSED", row.state, findings, "CORRECT_AND_RESEND")
        said = verdict(row.state, row.version, kind_of(event), fields["version"])
        if said in {"conflict", "refuse"} or (said == "park" and len(row.parked) >= MAX_PARKED):
            return _turned_down(said, row.state, event, findings)
        self.rows[fields["declaration_number"]] = row
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
        if event.name == "CustomsDeclaration":
            row.version = event.fields["version"]
            row.declaration = event.fields
        content, moment = row.declaration, event.fields["event_time"]
        stage = (STAGES[kind_of(event)], content["declaration_office"], content["flow"], content["jurisdiction"])
        step = Contribution(moment, content["jurisdiction"], (("declarations-by-stage", stage, (1,)),))
        self._count(step, 1, appended_at)
        if row.counted:
            self._count(row.counted, -1, appended_at)
            moment = row.counted.moment
        row.counted = contribution(content, moment) if (content["flow"], state) in COUNTED else None
        if row.counted:
            self._count(row.counted, 1, appended_at)

    def _count(self, what: Contribution, sign: int, appended_at: int) -> None:
        for window, start in window_starts(what.moment, what.jurisdiction):
            if window == "MINUTE" and start is not None and start + MINUTE_LIFETIME_MS <= appended_at:
                continue
            for counter, dims, measures in what.entries:
                key = (counter, window, start, dims)
                before = self.counters.get(key, (0,) * len(measures))
                self.counters[key] = tuple(b + sign * m for b, m in zip(before, measures, strict=True))


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
