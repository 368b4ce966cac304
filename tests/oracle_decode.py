"""Bytes to events, as the oracle sees them: framing, a strict Avro reader, key and partition.

Written from the Avro and Kafka specifications, value by value, and shared with nothing: it also judges the engine's
decoders. Logical types are left alone: a timestamp is an int of milliseconds, a date an int of days.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import schemas

PARTITIONS = schemas.topic("customs.declarations").partitions
MAX_VALUE_BYTES = 1024 * 1024
ENVELOPE = ("sender_id", "event_id", "revision", "sent_at", "sender_sequence")
ENVELOPE_FIELDS = len(ENVELOPE)
"""These come first in every event; what follows them is its content."""


class LogRecord(NamedTuple):
    """One record of the input topic. `timestamp_ms` is the broker's LogAppendTime."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class Event:
    """One decoded event: the record's name, its fields, its content (the body's bytes after the envelope), and when it
    was appended (ms).
    """

    name: str
    fields: dict[str, Any]
    content: bytes
    appended_at: int = 0

    @property
    def key(self) -> str:
        """The number of what it concerns: a declaration, or a sender's day."""
        key: str = self.fields["control_number" if self.name == "ControlRecord" else "declaration_number"]
        return key


class DeadLetterError(Exception):
    """The record cannot be taken as an event; the argument is the reason."""


class MalformedError(Exception):
    """The bytes are not exactly one record of the schema."""


def murmur2(key: bytes) -> int:
    """Kafka's 32-bit murmur2 (org.apache.kafka.common.utils.Utils), as an unsigned number."""
    word, factor = 0xFFFFFFFF, 0x5BD1E995
    hashed = 0x9747B28C ^ len(key)
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * factor & word
        k = (k ^ k >> 24) * factor & word
        hashed = hashed * factor & word ^ k
    if key[whole:]:
        hashed = (hashed ^ int.from_bytes(key[whole:], "little")) * factor & word
    hashed = (hashed ^ hashed >> 13) * factor & word
    return hashed ^ hashed >> 15


def partition_of(key: bytes) -> int:
    """The partition Kafka's default partitioner gives a key."""
    return (murmur2(key) & 0x7FFFFFFF) % PARTITIONS


class _Reader:
    """Reads Avro values from the front of `data`. Raises MalformedError at the first byte that is not right."""

    def __init__(self, data: bytes):
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.data) - self.at:
            raise MalformedError
        self.at += count
        return self.data[self.at - count : self.at]

    def long(self) -> int:
        unsigned = 0
        for place in range(10):
            byte = self.take(1)[0]
            unsigned |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                break
        else:
            raise MalformedError
        if unsigned >= 1 << 64:
            raise MalformedError
        return unsigned >> 1 ^ -(unsigned & 1)

    def int(self) -> int:
        value = self.long()
        if not -(1 << 31) <= value < 1 << 31:
            raise MalformedError
        return value

    def boolean(self) -> bool:
        byte = self.take(1)
        if byte not in {b"\x00", b"\x01"}:
            raise MalformedError
        return byte == b"\x01"

    def string(self) -> str:
        try:
            return self.take(self.long()).decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedError from None

    def choice(self, options: list[Any]) -> Any:
        """An enum's symbol or a union's branch: numbered from 0, and one of those there are."""
        chosen = self.int()
        if not 0 <= chosen < len(options):
            raise MalformedError
        return options[chosen]

    def array(self, items: Any) -> list[Any]:
        values: list[Any] = []
        while count := self.long():
            if count < 0:
                self.long()  # the block's size in bytes, for readers that skip
            values.extend(self.value(items) for _ in range(abs(count)))
        return values

    def value(self, schema: Any) -> Any:
        if isinstance(schema, list):
            return self.value(self.choice(schema))
        kind = schema["type"] if isinstance(schema, dict) else schema
        match kind:
            case "string":
                return self.string()
            case "int":
                return self.int()
            case "long":
                return self.long()
            case "null":
                return None
            case "boolean":
                return self.boolean()
            case "enum":
                return self.choice(schema["symbols"])
            case "array":
                return self.array(schema["items"])
            case "record":
                return {field["name"]: self.value(field["type"]) for field in schema["fields"]}
        raise AssertionError(f"the oracle does not read {kind}")


def _input_schemas() -> dict[str, schemas.Schema]:
    names = schemas.topic("customs.declarations").values
    for name in names:
        assert len(schemas.versions(name)) == 1, f"{name} has a second version: the oracle must learn to resolve it"
    return {schemas.latest(name).id: schemas.latest(name) for name in names}


_SCHEMAS = _input_schemas()
_BY_FINGERPRINT = {schema.header[2:]: schema for schema in _SCHEMAS.values()}
_BY_CONFLUENT_ID = {number.to_bytes(4, "big"): _SCHEMAS[name] for number, name in schemas.confluent_ids().items()}


def _unframe(value: bytes) -> tuple[schemas.Schema, bytes]:
    for magic, known, length in ((b"\xc3\x01", _BY_FINGERPRINT, 8), (b"\x00", _BY_CONFLUENT_ID, 4)):
        if value.startswith(magic):
            identity, body = value[len(magic) :][:length], value[len(magic) + length :]
            if len(identity) < length:
                raise DeadLetterError("undecodable")
            if identity not in known:
                raise DeadLetterError("unknown_schema")
            return known[identity], body
    raise DeadLetterError("unknown_framing")


def read_body(schema: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """(fields, content) of exactly one record. Raises MalformedError."""
    reader = _Reader(body)
    fields: dict[str, Any] = {}
    content_at = 0
    for number, field in enumerate(schema["fields"]):
        if number == ENVELOPE_FIELDS:
            content_at = reader.at
        fields[field["name"]] = reader.value(field["type"])
    if reader.at != len(body):
        raise MalformedError
    return fields, body[content_at:]


def decode(record: LogRecord) -> Event:
    """The event of a record of the log. Raises DeadLetterError with the first reason that holds."""
    if record.value is None:
        raise DeadLetterError("null_value")
    if len(record.value) > MAX_VALUE_BYTES:
        raise DeadLetterError("oversized")
    schema, body = _unframe(record.value)
    try:
        fields, content = read_body(schema.parsed, body)
    except MalformedError:
        raise DeadLetterError("undecodable") from None
    event = Event(schema.name, fields, content)
    if record.key is None or record.key != event.key.encode():
        raise DeadLetterError("wrong_key")
    if partition_of(record.key) != record.partition:
        raise DeadLetterError("wrong_partition")
    return event
