"""Strict reading of one Avro payload: the guard in front of every decoder that trusts its input.

Covers what input schemas may use: records, nullable fields, arrays, enums, strings, booleans, ints and longs.
A payload passes only when every index is in range, every length lies inside the payload, strings are UTF-8 and
no byte is left over: no count can make a decoder allocate more than the payload's own size.
"""

from __future__ import annotations

from typing import Any

INT = range(-(2**31), 2**31)
LONG = range(-(2**63), 2**63)
VARINT_BYTES = 10


class Malformed(ValueError):
    """The payload is not what its schema says; the message names the byte and the matter."""


def check(payload: bytes, schema: dict[str, Any]) -> None:
    """Raise Malformed unless ``payload`` is exactly one value of ``schema`` (fastavro's parsed form)."""
    end = _skip(payload, 0, schema, {})
    if end != len(payload):
        raise Malformed(f"{len(payload) - end} bytes are left over after byte {end}")


def _long(payload: bytes, at: int, bounds: range = LONG) -> tuple[int, int]:
    value = shift = 0
    for place in range(VARINT_BYTES):
        if at + place >= len(payload):
            raise Malformed(f"the payload ends inside a number at byte {at}")
        byte = payload[at + place]
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            number = (value >> 1) ^ -(value & 1)
            if number not in bounds:
                raise Malformed(f"a number at byte {at} is out of range")
            return number, at + place + 1
        shift += 7
    raise Malformed(f"a number at byte {at} has more than {VARINT_BYTES} bytes")


def _skip(payload: bytes, at: int, schema: Any, named: dict[str, Any]) -> int:  # noqa: C901, PLR0912 one arm a type
    if isinstance(schema, list):
        index, at = _long(payload, at)
        if not 0 <= index < len(schema):
            raise Malformed(f"union index {index} at byte {at}")
        return _skip(payload, at, schema[index], named)
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(kind, dict | list):
        return _skip(payload, at, kind, named)
    if isinstance(schema, dict) and "name" in schema:
        named[schema["name"]] = schema
    match kind:
        case "record":
            for field in schema["fields"]:
                at = _skip(payload, at, field["type"], named)
            return at
        case "string":
            length, at = _long(payload, at)
            if not 0 <= length <= len(payload) - at:
                raise Malformed(f"a string of {length} bytes at byte {at} does not fit")
            try:
                payload[at : at + length].decode("utf-8")
            except UnicodeDecodeError:
                raise Malformed(f"a string at byte {at} is not UTF-8") from None
            return at + length
        case "int":
            return _long(payload, at, INT)[1]
        case "long":
            return _long(payload, at)[1]
        case "boolean":
            if payload[at : at + 1] not in (b"\x00", b"\x01"):
                raise Malformed(f"no boolean at byte {at}")
            return at + 1
        case "enum":
            index, at = _long(payload, at)
            if not 0 <= index < len(schema["symbols"]):
                raise Malformed(f"enum index {index} at byte {at}")
            return at
        case "null":
            return at
        case "array":
            return _array(payload, at, schema["items"], named)
        case _ if kind in named:
            return _skip(payload, at, named[kind], named)
        case _:
            raise TypeError(f"input schemas may not use {kind!r}")


def _array(payload: bytes, at: int, items: Any, named: dict[str, Any]) -> int:
    while True:
        count, at = _long(payload, at)
        if count == 0:
            return at
        if count < 0:
            count = -count
            _, at = _long(payload, at)  # the block's size in bytes, for readers that skip it
        if count > len(payload) - at:
            raise Malformed(f"an array of {count} items at byte {at} does not fit")
        for _ in range(count):
            at = _skip(payload, at, items, named)
