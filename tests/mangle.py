"""Bytes that are nearly an event: cut, flipped, framed wrongly, or legal Avro that no common encoder writes."""

from typing import Any

import schemas
from tests.events import Raw, Record, encode, name_of, raw


def mangled(record: Record, how: tuple[Any, ...]) -> Raw:  # noqa: C901 - one line for each mangling
    """The key and value of an event after one mangling; `how` is its name and its arguments."""
    key, value, _ = raw(record)
    assert value is not None
    match how:
        case ("cut", count):
            return Raw(key, value[: -1 - count % len(value)])
        case ("append", extra):
            return Raw(key, value + extra)
        case ("flip", place, mask):
            place %= len(value)
            return Raw(key, value[:place] + bytes([value[place] ^ mask]) + value[place + 1 :])
        case ("insert", place, extra):
            place %= len(value)
            return Raw(key, value[:place] + extra + value[place:])
        case ("blocks", size):
            return Raw(key, value[:10] + write(schemas.latest(name_of(record)).parsed, record, block=size))
        case ("long varint", length):
            return Raw(key, value[:10] + write(schemas.latest(name_of(record)).parsed, record, varint=length))
        case ("header", name):
            return Raw(key, _framed(record, name))
        case ("key", other):
            return Raw(other, value)
        case ("partition", other):
            return Raw(key, value, other)
        case ("value", other):
            return Raw(key, other)
        case ("body", other):
            return Raw(key, value[:10] + other)
    raise AssertionError(f"no mangling {how}")


def _framed(record: Record, name: str) -> bytes:
    body = encode(record)[10:]
    return {
        "confluent": encode(record, confluent=True),
        "unknown fingerprint": schemas.SINGLE_OBJECT + bytes(8) + body,
        "unknown id": schemas.CONFLUENT + b"\x00\x00\x00\x63" + body,
        "receipt": schemas.latest("Receipt").header + body,
        "json": b"{}",
        "half": encode(record)[:7],
    }[name]


def _varint(value: int, length: int = 1) -> bytes:
    """Zigzag varint of at least `length` bytes: the last ones may be empty."""
    unsigned = value << 1 ^ value >> 63
    groups = [unsigned & 0x7F]
    while (unsigned := unsigned >> 7) or len(groups) < length:
        groups.append(unsigned & 0x7F)
    return bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])


def write(schema: Any, value: Any, block: int = 0, varint: int = 1) -> bytes:
    """A value in Avro. `block`: arrays in sized blocks of so many items. `varint`: fewest bytes of ints and longs."""
    if isinstance(schema, list):
        branch = 0 if value is None else 1
        return _varint(branch) + write(schema[branch], value, block, varint)
    kind = schema["type"] if isinstance(schema, dict) else schema
    match kind:
        case "null":
            return b""
        case "boolean":
            return b"\x01" if value else b"\x00"
        case "int" | "long":
            return _varint(value, varint)
        case "string":
            encoded: bytes = value.encode()
            return _varint(len(encoded)) + encoded
        case "enum":
            return _varint(schema["symbols"].index(value))
        case "record":
            return b"".join(write(f["type"], value[f["name"]], block, varint) for f in schema["fields"])
    items = [write(schema["items"], one, block, varint) for one in value]
    if not block:
        return (_varint(len(items)) + b"".join(items) if items else b"") + b"\x00"
    parts = [items[start : start + block] for start in range(0, len(items), block)]
    blocks = (_varint(-len(part)) + _varint(len(b"".join(part))) + b"".join(part) for part in parts)
    return b"".join(blocks) + b"\x00"
