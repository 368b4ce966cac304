"""What may follow what: the life of a declaration, and of a sender's control record, one event at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from connectors.simulator.messages import Fact

PARKED_AT_MOST = 8

_KINDS = ("LODGE", "AMEND", "ACCEPT", "INSPECT", "RELEASE", "CLEAR", "REJECT", "CANCEL", "STATE", "RESTATE")
_STAGES = ("LODGED", "AMENDED", "ACCEPTED", "INSPECTED", "RELEASED", "CLEARED", "REJECTED", "CANCELLED")
_TABLE = """
NONE      LODGED   park       park     park      park     park    park     park      RECORDED park
LODGED    conflict LODGED    ACCEPTED  park      park     park    REJECTED CANCELLED conflict refuse
ACCEPTED  conflict ACCEPTED  refuse    INSPECTED RELEASED park    REJECTED CANCELLED conflict refuse
INSPECTED conflict INSPECTED refuse    refuse    RELEASED park    REJECTED CANCELLED conflict refuse
RELEASED  conflict RELEASED  refuse    refuse    refuse   CLEARED refuse   CANCELLED conflict refuse
CLEARED   conflict CLEARED   refuse    refuse    refuse   refuse  refuse   CANCELLED conflict refuse
REJECTED  conflict LODGED    refuse    refuse    refuse   refuse  refuse   refuse    conflict refuse
CANCELLED conflict refuse    refuse    refuse    refuse   refuse  refuse   refuse    conflict refuse
RECORDED  conflict refuse    refuse    refuse    refuse   refuse  refuse   refuse    conflict RECORDED
"""
"""A line per state: what becomes of it with each kind of event."""

_NEXT = {
    state: dict(zip(_KINDS, verdicts, strict=True))
    for state, *verdicts in (line.split() for line in _TABLE.strip().splitlines())
}
_FINAL = frozenset(
    state for state, verdicts in _NEXT.items() if not {*verdicts.values()} - {"conflict", "refuse", "park"}
)
_DOCUMENTS = frozenset({"LODGE", "AMEND", "STATE", "RESTATE"})

STAGE_OF = dict(zip(_KINDS, _STAGES, strict=False))
"""The stage that an applied event counts under, by its kind; control records have none."""

TAKEN = frozenset({"ACCEPTED", "ACCEPTED_WITH_WARNINGS", "PARKED"})
"""Outcomes of events that took effect, or may yet."""


class Answer(NamedTuple):
    """What must be answered: a receipt (outcome, state, ids of its findings, one each), or a dead letter (reason)."""

    outcome: str
    state: str = ""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    dead_letter: str | None = None

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of all findings, sorted."""
        return tuple(sorted(self.errors + self.warnings))


class Row:
    """One number: where it stands, the identities it has seen with a hash of their content, and what waits.

    ``document``, ``counted_at`` (since when it counts, UTC ms), ``lodged_at``, ``accepted_at``, ``lane`` are for who
    keeps account.
    """

    __slots__ = (
        *("state", "version", "known", "parked"),
        *("document", "counted_at", "lodged_at", "accepted_at", "lane"),
    )

    def __init__(self) -> None:
        self.state = "NONE"
        self.version = 0
        self.known: dict[tuple[str, str, int], int] = {}
        self.parked: list[Fact] = []
        self.document: Any = None
        self.counted_at: int | None = None
        self.lodged_at = 0
        self.accepted_at = 0
        self.lane = "UNASSIGNED"


Apply = Callable[[Row, Fact], None]
"""Told each event that takes effect, after the row has taken its new state and version."""


def answer(row: Row, fact: Fact, apply: Apply) -> Answer:
    """The answer to the next event of a row, which takes it; parked events whose time has come are applied as well."""
    known = row.known.get(fact.identity)
    if known is not None:
        same = known == hash(fact.body)
        return Answer("DUPLICATE", row.state) if same else Answer("CONFLICT", row.state, ("E03",))
    if fact.errors:
        return Answer("REFUSED", row.state, fact.errors, fact.warnings)
    verdict = _verdict(row, fact)
    if verdict == "conflict":
        return Answer("CONFLICT", row.state, ("E03",), fact.warnings)
    if verdict == "refuse" or (verdict == "park" and len(row.parked) >= PARKED_AT_MOST):
        return Answer("REFUSED", row.state, ("E05",), fact.warnings)
    row.known[fact.identity] = hash(fact.body)
    if verdict == "park":
        row.parked.append(fact)
        return Answer("PARKED", row.state, (), fact.warnings)
    _take(row, fact, verdict, apply)
    said = Answer("ACCEPTED_WITH_WARNINGS" if fact.warnings else "ACCEPTED", row.state, (), fact.warnings)
    if row.parked:
        _try_parked(row, apply)
    return said


def _try_parked(row: Row, apply: Apply) -> None:
    """Applies the oldest parked event that is legal now, and again; those no longer possible lapse on the way."""
    place = 0
    while place < len(row.parked):
        verdict = _verdict(row, row.parked[place])
        if verdict == "park":
            place += 1
            continue
        fact = row.parked.pop(place)
        if verdict not in {"refuse", "conflict"}:
            _take(row, fact, verdict, apply)
            place = 0


def _take(row: Row, fact: Fact, state: str, apply: Apply) -> None:
    row.state = state
    if fact.kind in _DOCUMENTS:
        row.version = fact.version
    apply(row, fact)


def _verdict(row: Row, fact: Fact) -> str:
    """New state, or park, refuse or conflict."""
    if fact.kind in _DOCUMENTS:
        if fact.version <= row.version:
            return "conflict"
        ahead = fact.version > row.version + 1
    else:
        if fact.kind == "REJECT" and fact.version < row.version:
            return "refuse"
        ahead = fact.version > row.version
    return "park" if ahead and row.state not in _FINAL else _NEXT[row.state][fact.kind]
