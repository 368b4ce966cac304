"""Strict reading of Avro payloads: the guard in front of every decoder that trusts its input.

Covers what input schemas may use: records, nullable fields, arrays, enums, strings, booleans, ints and longs.
A payload passes only when every index is in range, every length lies inside the payload, strings are UTF-8 and
no byte is left over: no count can make a decoder allocate more than the payload's own size. What passes is given back
in the one encoding that every common encoder writes: shortest numbers, arrays in one block without its size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

INT = range(-(2**31), 2**31)
LONG = range(-(2**63), 2**63)
VARINT_BYTES = 10

Edit = tuple[int, int, bytes]
"""From, to, and what stands there in the canonical encoding."""

Read = Callable[[bytes, int, list[Edit]], int]
"""Reads one value of a payload at a byte, notes where it is not canonical, and gives the byte after it."""


class Step(NamedTuple):
    """How a value is read. ``short``: its encodings of one byte, which are whole and canonical: a message of a mebibyte
    may have a million, and no function is called for them.
    """

    short: frozenset[bytes]
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
        short = NOUGHT if schema[0] == "null" else NONE
        return Step(short, _union([_step(branch, named).read for branch in schema]))
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(kind, dict | list):
        return _step(kind, named)
    match kind:
        case "record":
            fields: list[Step] = []
            named[schema["name"]] = step = Step(NONE, _record(fields))
            fields += [_step(field["type"], named) for field in schema["fields"]]
        case "enum":
            named[schema["name"]] = step = Step(_indexes(schema["symbols"]), _enum(len(schema["symbols"])))
        case "array":
            step = Step(NOUGHT, _array(_step(schema["items"], named)))
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


def _indexes(of: Sequence[Any]) -> frozenset[bytes]:
    return frozenset(bytes([2 * index]) for index in range(min(len(of), 64)))


NONE, NOUGHT = frozenset[bytes](), _indexes([0])
NUMBERS = frozenset(bytes([byte]) for byte in range(0x80))
PLAIN = {
    "null": Step(NONE, _null),
    "boolean": Step(frozenset({b"\x00", b"\x01"}), _boolean),
    "int": Step(NUMBERS, _int),
    "long": Step(NUMBERS, _any_long),
    "string": Step(NOUGHT, _string),
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


def _record(fields: Sequence[Step]) -> Read:
    def step(payload: bytes, at: int, edits: list[Edit]) -> int:
        for short, read in fields:
            at = at + 1 if payload[at : at + 1] in short else read(payload, at, edits)
        return at

    return step


def _array(item: Step) -> Read:
    short, read = item

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
            for _ in range(count):
                at = at + 1 if payload[at : at + 1] in short else read(payload, at, edits)
        wanted = [_varint(total)] if heads else []
        wanted += [b""] * (len(heads) - 1) + [b"\x00"]  # one block, and the end of all
        for (begin, end), instead in zip([*heads, (start, at)], wanted, strict=True):
            if payload[begin:end] != instead:
                edits.append((begin, end, instead))
        return at

    return step
