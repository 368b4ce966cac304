"""An event before it is sent, when it has neither its place in what the sender sends nor bytes."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from connectors.simulator.layout import Record
from connectors.simulator.ledger.lifecycle import TAKEN, Row, answer
from connectors.simulator.messages import KINDS, Fact, Message, message


class Draft:
    """A record to be sent, with the ids of its errors and warnings.

    ``taken``: whether it takes effect, so that its sender counts it. ``again``: the draft it repeats; it keeps that
    one's number. ``message``: what was sent.
    """

    __slots__ = ("again", "confluent", "errors", "message", "record", "taken", "warnings")

    def __init__(
        self,
        record: Record,
        errors: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (),
        *,
        confluent: bool = False,
        again: Draft | None = None,
    ) -> None:
        self.record = record
        self.errors = errors
        self.warnings = warnings
        self.confluent = confluent
        self.taken = not errors
        self.again = again
        self.message: Message | None = None

    @property
    def number(self) -> int | None:
        """Its place in what the sender sends, where that is settled already."""
        found: int | None = self.record["sender_sequence"]
        if found is None and self.again is not None:
            return self.again.number
        return found

    def send(self, number: int) -> Message:
        """The event under this number."""
        self.record["sender_sequence"] = number
        self.message = message(self.record, self.errors, self.warnings, confluent=self.confluent)
        return self.message


Entry = tuple[int, Draft]
"""(when the record reaches the log, UTC ms; the draft). The same draft twice is the same bytes twice."""


def foresee(entries: Sequence[Entry]) -> None:
    """Works out which drafts, all of declarations, are ``taken`` when they reach the log at these times."""
    rows: dict[str, Row] = {}
    for _, draft in entries:
        draft.taken = False
    for _, draft in sorted(entries, key=itemgetter(0)):
        if not draft.errors:
            fact = _fact(draft.record)
            draft.taken |= answer(rows.setdefault(fact.number, Row()), fact, _nothing).outcome in TAKEN


def _fact(record: Record) -> Fact:
    """As much of the fact as decides what becomes of the event."""
    version: int = record["version"]
    return Fact(
        record="",
        number=record["declaration_number"],
        identity=(record["sender_id"], record["event_id"], record["revision"]),
        body=b"",
        kind=KINDS[record["status"]] if "status" in record else "LODGE" if version == 1 else "AMEND",
        version=version,
        event_time=record["event_time"],
        sent_at=record["sent_at"],
        sequence=0,
    )


def _nothing(_row: Row, _fact: Fact) -> None:
    """Nobody keeps account."""
