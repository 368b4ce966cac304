"""One record of the log, and what the simulator knows about it: the facts the ledger is folded from."""

from __future__ import annotations

import io
import json
from hashlib import blake2b
from typing import Any, NamedTuple

import fastavro

import schemas

ENVELOPE = 4
"""The first fields of every event (sender_id, event_id, revision, sent_at) are its envelope; the rest is content."""

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

Record = dict[str, Any]


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

    ``identity`` is (sender_id, event_id, revision), ``digest`` stands for the content, ``event_time`` is UTC ms,
    ``content`` is None for statuses and for declarations with errors. ``errors`` and ``warnings`` are the ids of the
    rules that were broken on purpose.
    """

    number: str
    identity: tuple[str, str, int]
    digest: bytes
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


class _Codec:
    """Writes one record type as header, envelope and content, so that the content can be told from the rest."""

    def __init__(self, name: str) -> None:
        schema = schemas.latest(name)
        raw = json.loads(schema.text)
        head, body = raw["fields"][:ENVELOPE], raw["fields"][ENVELOPE:]
        self.name = name.encode()
        self.header = schema.header
        self.envelope = fastavro.parse_schema({**raw, "name": f"{name}Envelope", "fields": head})
        self.body = fastavro.parse_schema({**raw, "fields": body})
        ids = {schema_id: number for number, schema_id in schemas.confluent_ids().items()}
        self.confluent = schemas.CONFLUENT + ids[schema.id].to_bytes(4, "big")

    def write(self, record: Record, *, confluent: bool) -> tuple[bytes, bytes]:
        """(value, digest of the content)."""
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.body, record)
        body = out.getvalue()
        out = io.BytesIO()
        out.write(self.confluent if confluent else self.header)
        fastavro.schemaless_writer(out, self.envelope, record)
        out.write(body)
        return out.getvalue(), blake2b(self.name + body, digest_size=12).digest()


_DECLARATION = _Codec("CustomsDeclaration")
_STATUS = _Codec("DeclarationStatus")


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
    value, digest = (_DECLARATION if status is None else _STATUS).write(record, confluent=confluent)
    version: int = record["version"]
    fact = Fact(
        number,
        (record["sender_id"], record["event_id"], record["revision"]),
        digest,
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
