"""Writes the two events in Avro's binary encoding, by hand: several times as fast as a general writer.

The fields are in the order of ``schemas/CustomsDeclaration.v0.avsc`` and ``DeclarationStatus.v0.avsc``; a test holds
the bytes against the general writer.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

Record = dict[str, Any]

FLOWS = {"IMPORT": b"\x00", "EXPORT": b"\x02"}
STATUSES = {
    status: bytes((2 * place,))
    for place, status in enumerate(("ACCEPTED", "INSPECTED", "RELEASED", "CLEARED", "REJECTED", "CANCELLED"))
}
BOOLEANS = {False: b"\x00", True: b"\x01"}
NULL = b"\x00"
SOME = b"\x02"

LOW = (1 << 14) - 1
MORE = [bytes((n & 127 | 128, n >> 7 | 128)) for n in range(1 << 14)]
"""Fourteen bits with others to follow."""

LAST = [bytes((n,)) if n < 128 else bytes((n & 127 | 128, n >> 7)) for n in range(1 << 14)]
"""The highest fourteen bits."""


def long(number: int) -> bytes:
    """An int or long: zigzag, then seven bits a byte, lowest first."""
    rest = number << 1 if number >= 0 else (~number << 1) | 1
    if rest <= LOW:
        return LAST[rest]
    out = MORE[rest & LOW]
    rest >>= 14
    while rest > LOW:
        out += MORE[rest & LOW]
        rest >>= 14
    return out + LAST[rest]


def text(value: str) -> bytes:
    """A string of less than 8,192 bytes."""
    raw = value.encode()
    return LAST[2 * len(raw)] + raw


@lru_cache(maxsize=1 << 16)
def word(value: str) -> bytes:
    """A string that many records have in common."""
    return text(value)


def maybe_long(number: int | None) -> bytes:
    """An int or long, or null."""
    return NULL if number is None else SOME + long(number)


def maybe_word(value: str | None) -> bytes:
    """A string that many records have in common, or null."""
    return NULL if value is None else SOME + word(value)


def envelope(record: Record) -> bytes:
    """sender_id, event_id, revision, sent_at of either event."""
    return word(record["sender_id"]) + text(record["event_id"]) + long(record["revision"]) + long(record["sent_at"])


def step(record: Record) -> bytes:
    """The content of a DeclarationStatus: all fields after the envelope."""
    return b"".join(
        (
            text(record["declaration_number"]),
            long(record["version"]),
            STATUSES[record["status"]],
            word(record["office"]),
            BOOLEANS[record["synthetic"]],
            long(record["event_time"]),
        ),
    )


def declaration(record: Record) -> bytes:
    """The content of a CustomsDeclaration: all fields after the envelope."""
    containers, items = record["containers"], record["items"]
    parts = [
        text(record["declaration_number"]),
        long(record["version"]),
        word(record["jurisdiction"]),
        FLOWS[record["flow"]],
        word(record["declaration_office"]),
        long(record["declaration_date"]),
        word(record["procedure"]),
        maybe_word(record["trader_id"]),
        word(record["partner_country"]),
        word(record["transport_mode"]),
        maybe_word(record["conveyance"]),
        maybe_long(record["packages"]),
        maybe_long(record["gross_mass"]),
        maybe_long(record["net_mass"]),
        word(record["currency"]),
        BOOLEANS[record["containerised"]],
    ]
    if containers:
        parts += (long(len(containers)), *map(word, containers))
    parts.append(NULL)
    if items:
        parts += (long(len(items)), *map(_item, items))
    parts += (NULL, BOOLEANS[record["synthetic"]], long(record["event_time"]))
    return b"".join(parts)


def _item(item: Record) -> bytes:
    return b"".join(
        (
            long(item["sequence"]),
            word(item["commodity_code"]),
            maybe_long(item["quantity"]),
            maybe_word(item["unit"]),
            maybe_long(item["unit_price"]),
            long(item["total"]),
            maybe_long(item["net_mass"]),
            word(item["origin_country"]),
        ),
    )
