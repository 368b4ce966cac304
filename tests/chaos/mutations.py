"""Messages for the decoder's worst day, each by a seed and its number: any one can be made again without the others."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import schemas
from tests import events
from tests.events import Raw, Record
from tests.mangle import _varint as varint
from tests.mangle import write

NAMES = schemas.topic("customs.declarations").values
LARGEST = 1 << 20
HUGE = (2**7, 2**14, 2**20, 2**31 - 1, 2**31, 2**32, 2**40, 2**62, 2**63 - 1)
NO_TEXT = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\x80", b"\xf0\x9f\x98")
"""Not UTF-8: no such byte, overlong, half a surrogate pair, beyond Unicode, cut short, a tail alone."""
RUNS = (b"\x00", b"\xff", b"\x80", b"\x7f", b"\x01", b"\x00\x00\x00\x00\x00\x00\xf8\x7f")
"""What is written over a part; the last is a NaN."""


@dataclass(frozen=True)
class Made:
    """A message; ``how`` it was made; ``record``: its fields, if it is whole and canonical."""

    raw: Raw
    how: str
    schema: schemas.Schema
    record: Record | None = None


@cache
def versions() -> dict[str, tuple[schemas.Schema, ...]]:
    """Of each input record all released versions, and one that is not: it promotes the revision and adds a remark."""
    found = {}
    with tempfile.TemporaryDirectory() as directory:
        for name in NAMES:
            described = json.loads(schemas.latest(name).text)
            described["fields"][2] |= {"type": "long"}
            described["fields"].append({"name": "newly", "type": ["null", "string"], "default": None})
            path = Path(directory) / f"{name}.v99.avsc"
            path.write_text(json.dumps(described), encoding="utf-8")
            found[name] = (*schemas.versions(name), schemas._read(path))
    return found


@cache
def _records() -> tuple[Record, ...]:
    examples = [record for name in NAMES for record in schemas.examples(name).values()]
    return (
        *examples,
        events.declaration(
            containers=[events.equipment(events.container(n), seal_count=n, seals=["封志"] * n) for n in range(4)],
            house_documents=[events.house(1), events.house(-(2**63), "")],
            exchange_rates=[events.rate("USD", "7.1"), events.rate("CNY", "0")],
            items=[events.item(n, quantity=None, unit=None) for n in range(1, 4)],
            duties=[events.duty(), events.duty("OTHER", 0, None)],
            permits=[events.permit(), events.permit("", "REFUSED")],
            **events.charge("freight", "3", "500", "USD"),
        ),
        events.declaration("青岛", items=[], sent_at=-(2**63), event_time=2**63 - 1, declaration_date=-(2**31)),
        events.status(),
        events.status(step="CANCELLED", version=-1, office="", lane="RED", estimated_arrival=0, sender_sequence=-1),
        events.control("海关", last_sequence=2**63 - 1, counts=[events.count("LODGED", 5, 6, 7), events.count("")]),
    )


def densest() -> Iterator[tuple[Made, bytes | None]]:
    """Of every array a message of a mebibyte with as many items as go into it, and the payload it is known by: as it
    should be, with a number written at greater length than need be, and, to be refused, with a byte too many.
    """
    for name in NAMES:
        schema = schemas.latest(name)
        for field in filter(_is_array, schema.parsed["fields"]):
            made = _large(name, field, LARGEST - 1)
            body = (made.raw.value or b"")[10:]
            for form, known in ((body, body), (bytes([body[0] | 0x80, 0]) + body[1:], body), (body + b"\x00", None)):
                yield Made(Raw(made.raw.key, schema.header + form), f"densest {field['name']}", schema), known


def good(seed: int, number: int, *, newly: bool) -> Made:
    """A message that a sender does right; ``newly``: perhaps of the unreleased version."""
    rng = Random(f"{seed}/good/{number}")
    record, schema = _drawn(rng, newly=newly)
    return _made("good", rng, record, schema, write(schema.parsed, record), record)


def mutated(seed: int, number: int, *, newly: bool) -> Made:
    """A message that is nearly an event, or no event at all; ``newly``: perhaps of the unreleased version."""
    rng = Random(f"{seed}/{number}")
    record, schema = _drawn(rng, newly=newly)
    how = rng.choice((*WAYS, *WAYS, *WAYS, *["token"] * 6, *["values"] * 6, *["legal"] * 3, "bare", "framing", "key"))
    if number % 500 == 0:
        field = rng.choice([f for f in schema.parsed["fields"] if _is_array(f)] or [None])
        if field is not None:
            size = int(2 ** rng.uniform(10, 18))
            return _large(schema.name, field, size, rng.choice((b"", b"\x00", b"\x80")), cut=rng.randrange(2))
    body = write(schema.parsed, record)
    if how == "token":
        parts = list(_tokens(schema.parsed, record))
        for _ in range(rng.choice((1, 1, 1, 2))):
            at = rng.randrange(len(parts))
            parts[at] = (parts[at][0], _broken(rng, *parts[at]))
        return _made(how, rng, record, schema, b"".join(part for _, part in parts))
    if how == "values":
        parts = list(_tokens(schema.parsed, record))
        return _made(how, rng, record, schema, b"".join(_other_values(rng, parts)))
    if how == "legal":
        odd = {"block": rng.choice((1, 2, 1000)), "varint": rng.choice((1, 2, 9))}
        return _made(how, rng, record, schema, write(schema.parsed, record, **odd))
    if how == "bare":
        value = rng.choice((None, b"", rng.randbytes(rng.randrange(300)), body, b"\xc3\x01", b"{}", bytes(LARGEST + 1)))
        return Made(Raw(_key(record), value), how, schema)
    if how == "framing":
        other = rng.choice(versions()[rng.choice(NAMES)])
        head = rng.choice((other.header, schema.header[:-1] + b"\x00", schemas.CONFLUENT + rng.randbytes(4)))
        return Made(Raw(_key(record), (head + body)[: rng.choice((3, 9, 10, None))]), how, schema)
    if how == "key":
        return Made(Raw(rng.choice((None, b"", b"\xff", b"another")), schema.header + body), how, schema)
    return _made(how, rng, record, schema, WAYS[how](rng, body))


def _drawn(rng: Random, *, newly: bool) -> tuple[Record, schemas.Schema]:
    record = rng.choice(_records())
    *released, unreleased = versions()[events.name_of(record)]
    if newly and rng.random() < 0.5:
        return record | {"newly": rng.choice((None, "早"))}, unreleased
    return record, rng.choice(released)


def _made(
    how: str, rng: Random, record: Record, schema: schemas.Schema, body: bytes, whole: Record | None = None
) -> Made:
    numbers = [number for number, name in schemas.confluent_ids().items() if name == schema.id]
    confluent = bool(numbers) and rng.random() < 0.3
    head = schemas.CONFLUENT + numbers[0].to_bytes(4, "big") if confluent else schema.header
    return Made(Raw(_key(record), head + body), how, schema, whole)


def _key(record: Record) -> bytes:
    return events.key_of(record).encode()


def _is_array(field: Any) -> bool:
    return isinstance(field["type"], dict) and field["type"]["type"] == "array"


def _large(name: str, field: Any, size: int, end: bytes = b"", cut: int = 0) -> Made:
    schema = schemas.latest(name)
    record = {"CustomsDeclaration": events.declaration, "ControlRecord": events.control}[name]()
    shortest = _empty(field["type"]["items"])
    item = write(field["type"]["items"], shortest)
    count = (size - 10 - len(write(schema.parsed, record | {field["name"]: []})) - 8) // len(item)
    parts = {each["name"]: write(each["type"], record[each["name"]]) for each in schema.parsed["fields"]}
    body = b"".join((parts | {field["name"]: varint(count) + item * count + b"\x00"}).values()) + end
    canonical = None if end or cut else record | {field["name"]: [shortest] * count}
    return Made(Raw(_key(record), schema.header + body[: len(body) - cut]), "large", schema, canonical)


def _empty(schema: Any) -> Any:
    """The shortest value of a schema."""
    if isinstance(schema, list):
        return None
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "record":
        return {field["name"]: _empty(field["type"]) for field in schema["fields"]}
    if kind == "enum":
        return schema["symbols"][0]
    return {"string": "", "boolean": False, "array": []}.get(kind, 0)


def _tokens(schema: Any, value: Any) -> Iterator[tuple[str, bytes]]:
    """A value in Avro, in the parts that mean something to a reader."""
    if isinstance(schema, list):
        branch = 0 if value is None else 1
        yield "choice", varint(branch)
        yield from _tokens(schema[branch], value)
        return
    kind = schema["type"] if isinstance(schema, dict) else schema
    match kind:
        case "record":
            for field in schema["fields"]:
                yield from _tokens(field["type"], value[field["name"]])
        case "array":
            if value:
                yield "count", varint(len(value))
            for one in value:
                yield from _tokens(schema["items"], one)
            yield "count", b"\x00"
        case "string":
            yield "length", varint(len(value.encode()))
            yield "text", value.encode()
        case "enum":
            yield "choice", write(schema, value)
        case _:
            yield kind, write(schema, value)


def _broken(rng: Random, kind: str, was: bytes) -> bytes:
    """What may stand in the place of a part."""
    bomb = b"\x80" * rng.choice((1, 4, 9, 10, 11, 1000)) + rng.choice((b"", b"\x00", b"\x01", b"\x7f"))
    match kind:
        case "text":
            return rng.choice((was[:-1], was + was, rng.choice(NO_TEXT), rng.choice(NO_TEXT) + was, was + b"\x00"))
        case "boolean":
            return rng.choice((b"", rng.randbytes(1), b"\x02", b"\xff"))
        case "choice":
            return rng.choice((varint(-1), varint(2), varint(6), varint(rng.choice(HUGE)), b"\x80\x00", bomb))
    number = rng.choice(HUGE) * rng.choice((1, -1)) + rng.choice((0, 0, -1)) * (rng.random() < 0.5)
    number = max(-(2**63), min(2**63 - 1, number))
    block = varint(-rng.randrange(1, 4)) + varint(number) if kind == "count" else bomb
    return rng.choice(
        (varint(number), varint(rng.randrange(-3, 4)), b"\xff" * 9 + b"\x02", b"", was[:-1] + bomb, block)
    )


def _other_values(rng: Random, parts: list[tuple[str, bytes]]) -> Iterator[bytes]:
    """The parts, and here and there another value that may stand there."""
    text = None
    for place, (kind, was) in enumerate(parts):
        another = place > 12 and rng.random() < 0.2  # the key comes before
        if kind == "length":
            text = "".join(
                chr(rng.choice((0, 10, 65, 0x7FF, 0x9752, 0xFFFF, 0x1F600))) for _ in range(rng.randrange(9))
            )
            yield varint(len(text.encode())) if another else was
            text = text if another else None
        elif kind == "text":
            yield was if text is None else text.encode()
        elif kind in {"int", "long"} and another:
            bits = 31 if kind == "int" else 63
            yield varint(rng.choice((rng.randrange(2**bits), -rng.randrange(2**bits), -(2**bits), 2**bits - 1)))
        else:
            yield was


def _flip(rng: Random, body: bytes) -> bytes:
    out = bytearray(body)
    for _ in range(rng.choice((1, 1, 1, 2, 16))):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _splice(rng: Random, body: bytes) -> bytes:
    other, schema = _drawn(rng, newly=False)
    tail = write(schema.parsed, other)
    return body[: rng.randrange(len(body))] + tail[rng.randrange(len(tail)) :]


def _part(rng: Random, body: bytes) -> tuple[int, int]:
    start = rng.randrange(len(body))
    return start, min(len(body), start + rng.randrange(1, 40))


def _repeat(rng: Random, body: bytes) -> bytes:
    start, end = _part(rng, body)
    return body[:end] + body[start:end] * rng.choice((1, 2, 100)) + body[end:]


def _remove(rng: Random, body: bytes) -> bytes:
    start, end = _part(rng, body)
    return body[:start] + body[end:]


def _overwrite(rng: Random, body: bytes) -> bytes:
    start, end = _part(rng, body)
    run = rng.choice((*RUNS, rng.randbytes(40)))
    return body[:start] + (run * 40)[: end - start] + body[end:]


WAYS = {
    "flip": _flip,
    "splice": _splice,
    "repeat": _repeat,
    "remove": _remove,
    "overwrite": _overwrite,
    "cut": lambda rng, body: body[: rng.randrange(len(body))],
    "insert": lambda rng, body: body[: (at := rng.randrange(len(body)))] + rng.choice(RUNS) + body[at:],
    "append": lambda rng, body: body + rng.choice((b"\x00", rng.randbytes(rng.randrange(1, 40)), body)),
    "random": lambda rng, _: rng.randbytes(rng.choice((0, 1, 20, 200, 2000))),
}
"""What may be done to the body of a message."""
