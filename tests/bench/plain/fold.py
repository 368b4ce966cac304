"""The life of declarations and control records, an event at a time, and what is answered and counted on the way."""

from __future__ import annotations

import re
from io import BytesIO
from typing import NamedTuple, Protocol

import fastavro

import schemas
from tests.bench.plain import checks, counts
from tests.bench.plain.counts import SHANGHAI, Dims, Entry, Fields, Windows, windows
from tests.bench.plain.reading import DeadLetter, Event, plain_schema, read
from tests.bench.plain.worth import worth
from tests.oracle import (
    COUNTED,
    DOCUMENTS,
    MAX_PARKED,
    MINUTE_LIFETIME_MS,
    ROW_LIFETIME_MS,
    STAGES,
    STATUS_KINDS,
    TABLE,
)
from tests.oracle_counters import DAY_MS, HOUR_MS, bucket
from tests.oracle_windows import FIRST_MOMENT, LAST_MOMENT

_sender = re.compile("[ -~]{1,64}").fullmatch
_RECEIPT = plain_schema("Receipt")
_HEADER = schemas.latest("Receipt").header
_TAKEN = {"ACCEPTED", "ACCEPTED_WITH_WARNINGS", "PARKED"}
NEW: Fields = {
    "state": "NONE",
    "version": 0,
    "lane": "UNASSIGNED",
    "lodged_at": 0,
    "accepted_at": 0,
    "touched": 0,
    "counted_at": None,
    "seen": {},
    "parked": [],
}


class State(Protocol):
    """Where a rival keeps things. Rows and documents are dicts of what JSON can hold."""

    def row(self, number: str) -> Fields | None: ...
    def put_row(self, number: str, row: Fields) -> None: ...
    def document(self, number: str) -> Fields: ...
    def put_document(self, number: str, document: Fields) -> None: ...
    def post(self, counter: str, into: Windows, entries: list[Entry], sign: int) -> None: ...


class Answer(NamedTuple):
    """`outcome`: of a receipt, or the reason of a dead letter; `receipt`: its bytes, None for a dead letter."""

    outcome: str
    receipt: bytes | None
    findings: list[checks.Finding]
    state: str = ""


class Step(NamedTuple):
    """What an event does, as it is parked: all that is needed when it is its turn."""

    kind: str
    version: int
    at: int
    lane: str
    document: Fields | None


def answer(
    state: State, partition: int, offset: int, appended_at: int, key: bytes | None, value: bytes | None
) -> Answer:
    """Fold one record of the log into the state: its receipt, or why it is a dead letter. Times in ms."""
    try:
        event = read(key, value, partition)
    except DeadLetter as dead:
        return Answer(str(dead), None, [])
    outcome, now, found, advice = _fold(state, event, appended_at)
    _count_answer(state, event, outcome, found, appended_at)
    d = event.fields
    receipt = {
        "receipt_id": f"1-customs.declarations-{partition}-{offset}",
        "generation": 1,
        "sender_id": d["sender_id"],
        "event_id": d["event_id"],
        "revision": d["revision"],
        "number": event.number,
        "version": d["version"],
        "outcome": outcome,
        "state": now,
        "findings": [
            {"rule": rule, "severity": severity, "pointer": pointer, "text": "", "text_zh": "", "expected": ""}
            for rule, severity, pointer in found
        ],
        "advice": advice,
        "appended_at": appended_at,
    }
    out = BytesIO()
    out.write(_HEADER)
    fastavro.schemaless_writer(out, _RECEIPT, receipt)
    return Answer(outcome, out.getvalue(), found, now)


def _fold(state: State, event: Event, appended_at: int) -> tuple[str, str, list[checks.Finding], str]:
    """(outcome, state, findings, advice) of an event."""
    d, number = event.fields, event.number
    row = state.row(number)
    if row is None or appended_at - row["touched"] > ROW_LIFETIME_MS:
        row = {**NEW, "seen": {}, "parked": []}
    now = row["state"]
    identity = f"{d['sender_id']}|{d['event_id']}|{d['revision']}"
    before = row["seen"].get(identity)
    if before is not None:
        if before == event.content:
            return "DUPLICATE", now, [], "NONE"
        return "CONFLICT", now, [("E03", "ERROR", "/event_id")], "CORRECT_AND_RESEND"
    step, found = _judged(event, appended_at)
    if any(severity == "ERROR" for _, severity, _ in found):
        return "REFUSED", now, found, "CORRECT_AND_RESEND"
    said = verdict(now, row["version"], step.kind, step.version)
    if said == "conflict":
        return "CONFLICT", now, [*found, ("E03", "ERROR", "/version")], "CORRECT_AND_RESEND"
    if said == "refuse" or (said == "park" and len(row["parked"]) >= MAX_PARKED):
        finding = ("E05", "ERROR", "/status" if event.name == "DeclarationStatus" else "/version")
        return "REFUSED", now, [*found, finding], "RESEND_LATER" if said == "park" else "CORRECT_AND_RESEND"
    row["seen"][identity] = event.content
    row["touched"] = appended_at
    if said == "park":
        row["parked"].append([*step])
        state.put_row(number, row)
        return "PARKED", now, found, "NONE"
    _apply(state, number, row, step, said, appended_at)
    now = row["state"]
    while row["parked"] and (following := _first_legal(row)):
        _apply(state, number, row, *following, appended_at)
    state.put_row(number, row)
    return "ACCEPTED_WITH_WARNINGS" if found else "ACCEPTED", now, found, "NONE"


def _judged(event: Event, appended_at: int) -> tuple[Step, list[checks.Finding]]:
    d = event.fields
    if event.name == "DeclarationStatus":
        found = checks.judge_status(d, appended_at)
        return Step(STATUS_KINDS[d["status"]], d["version"], d["event_time"], d["lane"], None), found
    first, later = DOCUMENTS[event.name]
    kind = first if d["version"] == 1 else later
    if event.name == "ControlRecord":
        said = {"moment": d["date"] * DAY_MS + 4 * HOUR_MS, "sender": d["sender_id"]}
        numbered = d["last_sequence"] - d["first_sequence"] + 1 if d["first_sequence"] or d["last_sequence"] else 0
        said["counts"] = [["SEQUENCES", numbered, 0, 0]]
        said["counts"] += [[c["step"], c["events"], c["value"], c["net_mass"]] for c in d["counts"]]
        return Step(kind, d["version"], d["event_time"], "UNASSIGNED", said), checks.judge_control(d, appended_at)
    value = worth(d, appended_at)
    found = checks.judge_declaration(d, appended_at, value)
    kept = None if any(severity == "ERROR" for _, severity, _ in found) else counts.document(d, value)
    return Step(kind, d["version"], d["event_time"], d["risk_lane"], kept), found


def verdict(state: str, current: int, kind: str, version: int) -> str:
    """The new state, or one of park, refuse, conflict."""
    said = TABLE[state, kind]
    if kind in {"LODGE", "AMEND", "STATE", "RESTATE"}:
        if version <= current:
            return "conflict"
        current += 1
    elif kind == "REJECT" and version < current:
        return "refuse"
    return "park" if version > current and state != "CANCELLED" else said


def _first_legal(row: Fields) -> tuple[Step, str] | None:
    """Takes the oldest parked step that is legal now, and drops those before it that no longer can be."""
    still, waiting = [], iter(row["parked"])
    found = None
    for parked in waiting:
        step = Step(*parked)
        said = verdict(row["state"], row["version"], step.kind, step.version)
        if said == "park":
            still.append(parked)
        elif said not in {"refuse", "conflict"}:
            found = (step, said)
            break
    row["parked"] = [*still, *waiting]
    return found


def _apply(state: State, number: str, row: Fields, step: Step, new: str, appended_at: int) -> None:
    row["state"] = new
    if step.kind in {"STATE", "RESTATE"}:
        _restate(state, number, row, step)
        return
    before = state.document(number) if row["version"] else None
    kept = before
    if step.document is not None:
        row["version"] = step.version
        kept = step.document
        state.put_document(number, kept)
    assert kept is not None
    if step.lane != "UNASSIGNED":
        row["lane"] = step.lane
    if step.kind == "LODGE":
        row["lodged_at"] = step.at
    elif step.kind == "ACCEPT":
        row["accepted_at"] = step.at
    _staged(state, row, step, kept, appended_at)
    counted_at, counts_now = row["counted_at"], (kept["flow"], new) in COUNTED
    if counted_at is not None and counts_now and step.document is None:
        return
    if counted_at is not None:
        assert before is not None
        counts.contribute(before, counted_at, -1, state.post)
    row["counted_at"] = None
    if counts_now:
        row["counted_at"] = step.at if counted_at is None else counted_at
        counts.contribute(kept, row["counted_at"], 1, state.post)


def _restate(state: State, number: str, row: Fields, step: Step) -> None:
    """What a sender says of its day takes the place of what it said before."""
    assert step.document is not None
    for said, sign in ((state.document(number) if row["version"] else None, -1), (step.document, 1)):
        if said:
            entries: list[Entry] = [
                ((said["sender"], name), (0, events, 0, value, 0, mass)) for name, events, value, mass in said["counts"]
            ]
            state.post("sender-control", windows(said["moment"], SHANGHAI)[:1], entries, sign)
    row["version"] = step.version
    state.put_document(number, step.document)


def _staged(state: State, row: Fields, step: Step, kept: Fields, appended_at: int) -> None:
    """What a step adds, whatever becomes of the declaration."""
    place: Dims = (kept["office"], kept["flow"], kept["jurisdiction"])
    long = windows(step.at, checks.REFERENCE.zones[kept["jurisdiction"]])
    entry: Entry = ((STAGES[step.kind], *place), (1, kept["value"], kept["net_mass"], kept["unconverted"]))
    minute = step.at // 60_000 * 60_000
    lives = minute + MINUTE_LIFETIME_MS > appended_at
    state.post("declarations-by-stage", (("MINUTE", minute), *long) if lives else long, [entry], 1)
    if step.kind == "ACCEPT":
        state.post("lanes", long, [((row["lane"], *place), (1,))], 1)
    elif step.kind == "RELEASE":
        early = "PRE_ARRIVAL" if kept["arrival"] is not None and kept["arrival"] > row["lodged_at"] else "ARRIVED"
        entries: list[Entry] = []
        for name, since in (("LODGED_TO_RELEASED", row["lodged_at"]), ("ACCEPTED_TO_RELEASED", row["accepted_at"])):
            seconds = max(0, (step.at - since) // 1000)
            entries.append(((name, early, row["lane"], bucket(seconds), *place), (1, seconds)))
        state.post("clearance-times", (long[0], long[3]), entries, 1)


def _count_answer(state: State, event: Event, outcome: str, found: list[checks.Finding], appended_at: int) -> None:
    d, name = event.fields, event.name
    sender = d["sender_id"] if _sender(d["sender_id"]) else "?"
    long = windows(appended_at, SHANGHAI)
    state.post("answers", long, [((sender, name, outcome), (1, int(d["revision"] == 1)))], 1)
    if found:
        hits: dict[tuple[str, str], int] = {}
        for rule, severity, _ in found:
            hits[rule, severity] = hits.get((rule, severity), 0) + 1
        state.post("rule-hits", long, [((*hit, name), (times, 1)) for hit, times in hits.items()], 1)
    if not FIRST_MOMENT <= d["sent_at"] <= LAST_MOMENT:
        return
    entries: list[Entry] = []
    if d["sender_sequence"] > 0 and outcome != "DUPLICATE":
        entries.append(((sender, "SEQUENCES"), (1, 0, 0, 0, 0, 0)))
    if name != "ControlRecord" and outcome in _TAKEN:
        if name == "DeclarationStatus":
            entries.append(((sender, d["status"]), (1, 0, 0, 0, 0, 0)))
        else:
            value = sum(item["total"] for item in d["items"])
            stage = "LODGED" if d["version"] == 1 else "AMENDED"
            entries.append(((sender, stage), (1, 0, value, 0, d["net_mass"] or 0, 0)))
    if entries:
        state.post("sender-control", windows(d["sent_at"], SHANGHAI)[:1], entries, 1)
