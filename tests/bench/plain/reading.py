"""Bytes to events, by fastavro: framing, body, key and partition."""

from __future__ import annotations

import json
from functools import lru_cache
from io import BytesIO
from typing import Any, NamedTuple

import fastavro
import xxhash

import schemas
from connectors.simulator.partitions import partition_of as hashed

INPUT = schemas.topic("customs.declarations")
MAX_VALUE_BYTES = 1024 * 1024


class DeadLetter(Exception):
    """No event; the argument is the reason."""


class Event(NamedTuple):
    """`number`: what it concerns; `content`: a hash of everything after the envelope."""

    name: str
    fields: dict[str, Any]
    number: str
    content: int


def _plain(schema: Any) -> Any:
    """A schema without logical types: moments and dates stay ints, and are read faster."""
    if isinstance(schema, dict):
        return {key: _plain(part) for key, part in schema.items() if key != "logicalType"}
    return [_plain(part) for part in schema] if isinstance(schema, list) else schema


def plain_schema(name: str) -> Any:
    return fastavro.parse_schema(_plain(json.loads(schemas.latest(name).text)))


_READERS = {name: plain_schema(name) for name in INPUT.values}
_BY_HEADER = {schemas.latest(name).header: name for name in INPUT.values} | {
    schemas.CONFLUENT + number.to_bytes(4, "big"): schema.partition(".")[0]
    for number, schema in schemas.confluent_ids().items()
}
_partition_of = lru_cache(1 << 18)(lambda key: hashed(key, INPUT.partitions))


def read(key: bytes | None, value: bytes | None, partition: int) -> Event:
    """The event of a record. Raises DeadLetter with the first reason that holds."""
    if value is None:
        raise DeadLetter("null_value")
    if len(value) > MAX_VALUE_BYTES:
        raise DeadLetter("oversized")
    if value[:2] == schemas.SINGLE_OBJECT:
        start = 10
    elif value[:1] == schemas.CONFLUENT:
        start = 5
    else:
        raise DeadLetter("unknown_framing")
    name = _BY_HEADER.get(value[:start])
    if name is None:
        raise DeadLetter("undecodable" if len(value) < start else "unknown_schema")
    body = BytesIO(value)
    body.seek(start)
    try:
        fields: Any = fastavro.schemaless_reader(body, _READERS[name])
    except (EOFError, ValueError, IndexError, OverflowError, TypeError, MemoryError):
        raise DeadLetter("undecodable") from None
    if body.tell() != len(value):
        raise DeadLetter("undecodable")
    number = fields["control_number" if name == "ControlRecord" else "declaration_number"]
    if key != number.encode():
        raise DeadLetter("wrong_key")
    if _partition_of(key) != partition:
        raise DeadLetter("wrong_partition")
    return Event(name, fields, number, xxhash.xxh64_intdigest(value[_envelope_end(value, start) :], len(name)))


def _envelope_end(value: bytes, at: int) -> int:
    """Where the five fields of the envelope end: two texts and three numbers."""
    for _ in range(2):
        length, shift = 0, 0
        while True:
            byte = value[at]
            at += 1
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        at += length >> 1
    for _ in range(3):
        while value[at] > 127:
            at += 1
        at += 1
    return at
