"""Strict reading of Avro payloads: the guard in front of every decoder that trusts its input.

Covers what input schemas may use: records, nullable fields, arrays, enums, strings, booleans, ints and longs.
A payload passes only when every index is in range, every length lies inside the payload, strings are UTF-8 and
no byte is left over: no count can make a decoder allocate more than the payload's own size. What passes is given back
in the one encoding that every common encoder writes: shortest numbers, arrays in one block without its size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

INT = range(-(2**31), 2**31)
LONG = range(-(2**63), 2**63)
VARINT_BYTES = 10
MANY = 16
"""Items of an array that are looked at as one."""

Edit = tuple[int, int, bytes]
"""From, to, and what stands there in the canonical encoding."""

Read = Callable[[bytes, int, list[Edit]], int]
"""Reads one value of a payload at a byte, notes where it is not canonical, and gives the byte after it."""


class Step(NamedTuple):
    """How a value is read. ``plain``: a regular expression for its short canonical encodings: a message of a mebibyte
    may have a million values, and there is no time for a function each.
    """

    plain: bytes
    read: Read


class Malformed(ValueError):
    """The payload is not what its schema says; the message names the byte and the matter."""


def canonical(schema: dict[str, Any]) -> Callable[[bytes], bytes]:
    """A function that gives the canonical bytes of a payload of ``schema`` (fastavro's parsed form), and raises
    Malformed unless the payload is exactly one value of it.
    """
    step = _step(schema, {})

    def read(payload: bytes) -> bytes:
        edits: list[Edit] = []
        end = step.read(payload, 0, edits)
        if end != len(payload):
            raise Malformed(f"{len(payload) - end} bytes are left over after byte {end}")
        return _edited(payload, edits) if edits else payload

    return read


def _edited(payload: bytes, edits: list[Edit]) -> bytes:
    parts: list[bytes] = []
    at = 0
    for start, end, instead in sorted(edits):
        parts += payload[at:start], instead
        at = end
    return b"".join([*parts, payload[at:]])


def _step(schema: Any, named: dict[str, Step]) -> Step:
    """Each schema is taken apart once: a message of a mebibyte may have a million values."""
    if isinstance(schema, list):
        branches = [_step(branch, named) for branch in schema]
        plain = _either([_byte(2 * index) + branch.plain for index, branch in enumerate(branches)])
        return Step(plain, _union([branch.read for branch in branches]))
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(kind, dict | list):
        return _step(kind, named)
    match kind:
        case "record":
            fields = [_step(field["type"], named) for field in schema["fields"]]
            plain = b"".join(field.plain for field in fields)
            named[schema["name"]] = step = Step(plain, _record([field.read for field in fields]))
        case "enum":
            indexes = _either([_byte(2 * index) for index in range(min(len(schema["symbols"]), 64))])
            named[schema["name"]] = step = Step(indexes, _enum(len(schema["symbols"])))
        case "array":
            step = Step(rb"\x00", _array(_step(schema["items"], named)))
        case _ if kind in PLAIN:
            step = PLAIN[kind]
        case _ if kind in named:
            step = named[kind]
        case _:
            raise TypeError(f"input schemas may not use {kind!r}")
    return step


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


def _number(payload: bytes, at: int, edits: list[Edit], bounds: range = LONG) -> tuple[int, int]:
    """A number and the byte after it; many are of one byte."""
    if at < len(payload) and (byte := payload[at]) < 0x80:
        return (byte >> 1) ^ -(byte & 1), at + 1
    number, end = _long(payload, at, bounds)
    if payload[end - 1] == 0:  # its last byte adds nothing
        edits.append((at, end, _varint(number)))
    return number, end


def _varint(number: int) -> bytes:
    unsigned, groups = (number << 1) ^ (number >> 63), []
    while unsigned > 0x7F:
        groups.append(unsigned & 0x7F | 0x80)
        unsigned >>= 7
    return bytes([*groups, unsigned])


def _null(payload: bytes, at: int, edits: list[Edit]) -> int:
    del payload, edits
    return at


def _boolean(payload: bytes, at: int, edits: list[Edit]) -> int:
    del edits
    if payload[at : at + 1] not in (b"\x00", b"\x01"):
        raise Malformed(f"no boolean at byte {at}")
    return at + 1


def _int(payload: bytes, at: int, edits: list[Edit]) -> int:
    return _number(payload, at, edits, INT)[1]


def _any_long(payload: bytes, at: int, edits: list[Edit]) -> int:
    return _number(payload, at, edits)[1]


def _string(payload: bytes, at: int, edits: list[Edit]) -> int:
    length, at = _number(payload, at, edits)
    end = at + length
    if not at <= end <= len(payload):
        raise Malformed(f"a string of {length} bytes at byte {at} does not fit")
    try:
        payload[at:end].decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed(f"a string at byte {at} is not UTF-8") from None
    return end


def _byte(value: int) -> bytes:
    return b"\\x%02x" % value


def _either(patterns: Sequence[bytes]) -> bytes:
    return b"(?:" + b"|".join(patterns) + b")"


PLAIN = {
    "null": Step(b"", _null),
    "boolean": Step(rb"[\x00\x01]", _boolean),
    "int": Step(rb"(?:[\x00-\x7f]|[\x80-\xff]{1,3}[\x01-\x7f]|[\x80-\xff]{4}[\x01-\x0f])", _int),
    "long": Step(rb"(?:[\x00-\x7f]|[\x80-\xff]{1,8}[\x01-\x7f]|[\x80-\xff]{9}\x01)", _any_long),
    "string": Step(_either([_byte(2 * size) + rb"[\x00-\x7f]{%d}" % size for size in range(8)]), _string),
}


def _enum(symbols: int) -> Read:
    def step(payload: bytes, at: int, edits: list[Edit]) -> int:
        index, at = _number(payload, at, edits)
        if not 0 <= index < symbols:
            raise Malformed(f"enum index {index} at byte {at}")
        return at

    return step


def _union(branches: Sequence[Read]) -> Read:
    def step(payload: bytes, at: int, edits: list[Edit]) -> int:
        index, at = _number(payload, at, edits)
        if not 0 <= index < len(branches):
            raise Malformed(f"union index {index} at byte {at}")
        return branches[index](payload, at, edits)

    return step


def _record(fields: Sequence[Read]) -> Read:
    def step(payload: bytes, at: int, edits: list[Edit]) -> int:
        for field in fields:
            at = field(payload, at, edits)
        return at

    return step


def _items(item: Step) -> Callable[[bytes, int, list[Edit], int], int]:
    one, many = re.compile(item.plain, re.DOTALL), re.compile(item.plain * MANY, re.DOTALL)

    def step(payload: bytes, at: int, edits: list[Edit], count: int) -> int:
        if count == MANY and (found := many.match(payload, at)):
            return found.end()
        for _ in range(count):
            found = one.match(payload, at)
            at = found.end() if found else item.read(payload, at, edits)
        return at

    return step


def _array(item: Step) -> Read:
    items = _items(item)

    def step(payload: bytes, at: int, edits: list[Edit]) -> int:
        heads: list[tuple[int, int]] = []
        total = 0
        while True:
            start = at
            count, at = _long(payload, at)
            if count == 0:
                break
            if count < 0:
                count = -count
                _, at = _long(payload, at)  # the block's size in bytes, for readers that skip it
            if count > len(payload) - at:
                raise Malformed(f"an array of {count} items at byte {at} does not fit")
            heads.append((start, at))
            total += count
            for done in range(0, count, MANY):
                at = items(payload, at, edits, min(count - done, MANY))
        wanted = [_varint(total)] if heads else []
        wanted += [b""] * (len(heads) - 1) + [b"\x00"]  # one block, and the end of all
        for (begin, end), instead in zip([*heads, (start, at)], wanted, strict=True):
            if payload[begin:end] != instead:
                edits.append((begin, end, instead))
        return at

    return step
