"""The strict reader passes exactly what is one value of the schema, and never works for longer than the payload."""

import io
import time
from typing import Any

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import schemas
from processor.engine import wire
from tests import events
from tests.mangle import write

RECORDS = {
    "declaration": events.declaration(
        containerised=True,
        containers=[events.equipment(events.container(n), seals=[f"S{n}", "封志"]) for n in range(3)],
        house_documents=[events.house(5)],
        exchange_rates=[events.rate("USD", "7.1")],
        items=[events.item(n) for n in range(1, 6)],
        duties=[events.duty(), events.duty("DUTY", 1, None)],
        permits=[events.permit(state="PENDING")],
    ),
    "empty declaration": events.declaration(items=[]),
    "status": events.status(lane="RED", estimated_arrival=1),
    "control": events.control(
        first_sequence=1, last_sequence=9, counts=[events.count("LODGED"), events.count("CLEARED")]
    ),
}


def avro(**fields: Any) -> Any:
    """A record schema with these fields."""
    return fastavro.parse_schema(
        {"type": "record", "name": "R", "fields": [{"name": name, "type": kind} for name, kind in fields.items()]}
    )


def check(payload: bytes, schema: Any) -> bytes:
    """The canonical bytes."""
    return wire.canonical(schema)(payload)


def refusal(payload: bytes, schema: Any) -> str:
    with pytest.raises(wire.Malformed) as refused:
        check(payload, schema)
    return str(refused.value)


@pytest.mark.parametrize("block", [0, 1, 2, 1000])
@pytest.mark.parametrize("varint", [1, 2, 10])
@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_every_legal_way_to_write_a_record_becomes_the_common_one(
    record: events.Record, block: int, varint: int
) -> None:
    schema = schemas.latest(events.name_of(record)).parsed
    assert check(write(schema, record, block, varint), schema) == write(schema, record)


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_no_part_of_a_record_passes_for_the_whole(record: events.Record) -> None:
    schema = schemas.latest(events.name_of(record)).parsed
    whole = write(schema, record)
    for end in range(len(whole)):
        with pytest.raises(wire.Malformed):
            check(whole[:end], schema)


def test_an_array_in_an_array_is_read_to_its_own_end() -> None:
    container = {
        "type": "record",
        "name": "C",
        "fields": [{"name": "seals", "type": {"type": "array", "items": "string"}}],
    }
    schema = avro(a={"type": "array", "items": container}, b="boolean")
    check(b"\x04" + b"\x02\x02x\x00" + b"\x00" + b"\x00" + b"\x01", schema)
    said = "an array of 64 items at byte 3 does not fit"
    assert refusal(b"\x04\x80\x01" + bytes(6), schema) == said


@pytest.mark.parametrize(
    ("schema", "payload", "said"),
    [
        (avro(a="string"), b"\x06ab", "a string of 3 bytes at byte 1 does not fit"),
        (avro(a="string"), b"\x01", "a string of -1 bytes at byte 1 does not fit"),
        (avro(a="string"), b"\x02\xff", "a string at byte 1 is not UTF-8"),
        (avro(a="string"), b"\x06\xed\xa0\x80", "a string at byte 1 is not UTF-8"),
        (avro(a="int"), b"", "the payload ends inside a number at byte 0"),
        (avro(a="int"), b"\x80", "the payload ends inside a number at byte 0"),
        (avro(a="int"), b"\x80\x80\x80\x80\x10", "a number at byte 0 is out of range"),
        (avro(a="long"), b"\xff" * 9 + b"\x02", "a number at byte 0 is out of range"),
        (avro(a="long"), b"\x80" * 10 + b"\x00", "a number at byte 0 has more than 10 bytes"),
        (avro(a="boolean"), b"\x02", "no boolean at byte 0"),
        (avro(a="boolean"), b"", "no boolean at byte 0"),
        (avro(a=["null", "int"]), b"\x04", "union index 2 at byte 1"),
        (avro(a=["null", "int"]), b"\x01", "union index -1 at byte 1"),
        (avro(a={"type": "enum", "name": "E", "symbols": ["A", "B"]}), b"\x04", "enum index 2 at byte 1"),
        (avro(a={"type": "enum", "name": "E", "symbols": ["A", "B"]}), b"\x01", "enum index -1 at byte 1"),
        (avro(a={"type": "array", "items": "int"}), b"\x04\x00\x00", "the payload ends inside a number at byte 3"),
        (avro(a="int"), b"\x00\x00", "1 bytes are left over after byte 1"),
    ],
)
def test_a_refusal_names_the_byte_and_the_matter(schema: Any, payload: bytes, said: str) -> None:
    assert refusal(payload, schema) == said


@pytest.mark.parametrize("count", [10, 2**20, 2**31, 2**62, -10, -(2**31), -(2**63)])
def test_an_array_that_cannot_fit_is_refused_at_its_count(count: int) -> None:
    payload = write("long", count) + (write("long", 3) if count < 0 else b"") + b"\x00\x00\x00"
    began = time.perf_counter()
    assert refusal(payload, avro(a={"type": "array", "items": "int"})).endswith("does not fit")
    assert time.perf_counter() - began < 0.1


@given(st.binary(max_size=60))
@example(b"")
def test_any_bytes_either_pass_or_are_malformed(payload: bytes) -> None:
    schema = avro(a=["null", "string"], b={"type": "array", "items": "string"}, c="long")
    try:
        check(payload, schema)
    except wire.Malformed:
        return
    stream = io.BytesIO(payload)
    fastavro.schemaless_reader(stream, schema, None)
    assert stream.read() == b"", "what passes is read to its last byte by a decoder that trusts it"


def test_a_schema_with_a_type_that_input_may_not_use_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="input schemas may not use 'double'"):
        check(bytes(8), avro(a="double"))
