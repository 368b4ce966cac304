"""One record of the log, and what the simulator knows about it: the facts the ledger is folded from."""

from __future__ import annotations

from typing import NamedTuple

import schemas
from connectors.simulator import avro
from connectors.simulator.avro import Record

KINDS = {
    "ACCEPTED": "ACCEPT",
    "INSPECTED": "INSPECT",
    "RELEASED": "RELEASE",
    "CLEARED": "CLEAR",
    "REJECTED": "REJECT",
    "CANCELLED": "CANCEL",
}
"""Status of a step -> kind of event."""

STATUSES = {kind: status for status, kind in KINDS.items()}

__all__ = ["KINDS", "STATUSES", "Content", "Fact", "Message", "Record", "content", "message"]


class Content(NamedTuple):
    """What the counters need of a declaration. ``items``: (HS chapter, value of scale 2, net mass in g or 0)."""

    jurisdiction: str
    flow: str
    office: str
    partner: str
    currency: str
    items: tuple[tuple[str, int, int], ...]


class Fact(NamedTuple):
    """A decodable event as the simulator meant it.

    ``identity`` is (sender_id, event_id, revision), ``body`` the encoded content without the envelope, ``event_time``
    UTC ms. ``content`` is None for statuses and for declarations with errors. ``errors`` and ``warnings`` are the ids
    of the rules that were broken on purpose.
    """

    number: str
    identity: tuple[str, str, int]
    body: bytes
    kind: str
    version: int
    event_time: int
    content: Content | None
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Message(NamedTuple):
    """One Kafka record. ``partition`` None means murmur2 of the key; ``fact`` None means undecodable, for a reason."""

    key: bytes | None
    value: bytes | None
    partition: int | None
    fact: Fact | None
    undecodable: str | None = None


def _framings(name: str) -> tuple[bytes, bytes]:
    """The prefix of a record in single-object encoding, and in Confluent framing."""
    schema = schemas.latest(name)
    ids = {schema_id: number for number, schema_id in schemas.confluent_ids().items()}
    return schema.header, schemas.CONFLUENT + ids[schema.id].to_bytes(4, "big")


_DECLARATION = _framings("CustomsDeclaration")
_STATUS = _framings("DeclarationStatus")


def message(
    record: Record,
    errors: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
    *,
    confluent: bool = False,
) -> Message:
    """The event of a record in single-object encoding (or Confluent framing), keyed by its declaration number.

    A record with a ``status`` is a DeclarationStatus, any other a CustomsDeclaration.
    """
    number: str = record["declaration_number"]
    status = record.get("status")
    version: int = record["version"]
    framing = _DECLARATION if status is None else _STATUS
    body = avro.declaration(record) if status is None else avro.step(record)
    value = framing[confluent] + avro.envelope(record) + body
    fact = Fact(
        number,
        (record["sender_id"], record["event_id"], record["revision"]),
        body,
        KINDS[status] if status else ("LODGE" if version == 1 else "AMEND"),
        version,
        record["event_time"],
        None if status or errors else content(record),
        errors,
        warnings,
    )
    return Message(number.encode(), value, None, fact)


def content(record: Record) -> Content:
    """What the counters need of a CustomsDeclaration."""
    return Content(
        record["jurisdiction"],
        record["flow"],
        record["declaration_office"],
        record["partner_country"],
        record["currency"],
        tuple([(i["commodity_code"][:2], i["total"], i["net_mass"] or 0) for i in record["items"]]),
    )
