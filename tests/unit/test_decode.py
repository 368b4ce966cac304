"""Bytes become columns or dead letters: both framings, every version, every legal encoding, and no bytes that crash."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import xxhash
from hypothesis import example, given, settings
from hypothesis import strategies as st

import schemas
from processor.engine import judged
from processor.engine.decode import MAX_BYTES, REASONS, Decoder
from processor.engine.model import DeadLetter, LogRecord, Source
from tests import events, oracle_decode
from tests.events import Raw, Record
from tests.mangle import mangled, write

KEYS = {
    "CustomsDeclaration": "declaration_number",
    "DeclarationStatus": "declaration_number",
    "ControlRecord": "control_number",
}
"""The records of the topic, and of each the field that is its key."""
ALONE = Source("customs.declarations", 0, 1)
"""The only partition: whatever the key, it is the right one."""

DECODER = Decoder(KEYS, {name: schemas.versions(name) for name in KEYS})

RECORDS = (
    events.declaration(),
    events.declaration(
        trader_id=None,
        conveyance=None,
        packages=None,
        gross_mass=None,
        net_mass=None,
        trade_terms=None,
        containerised=True,
        containers=[events.equipment(events.container(n), seal_count=n, seals=["封志"] * n) for n in range(4)],
        house_documents=[events.house(1), events.house(-(2**63), "")],
        exchange_rates=[events.rate("USD", "7.1"), events.rate("CNY", "0")],
        items=[events.item(n, quantity=None, unit=None, unit_price=None, net_mass=None) for n in range(1, 4)],
        duties=[events.duty(), events.duty("OTHER", 0, None)],
        permits=[events.permit(), events.permit("", "REFUSED")],
    ),
    events.declaration("青岛", items=[], sent_at=-(2**63), event_time=2**63 - 1, declaration_date=-(2**31)),
    events.declaration(
        **events.charge("freight", "3", "500", "USD"),
        **events.charge("insurance", "1", "0.3"),
        sender_sequence=2**63 - 1,
        arrival_time=-1,
        movement_date=2**31 - 1,
        risk_lane="BLUE",
        channel="OTHER",
        flow="EXPORT",
        synthetic=False,
    ),
    events.status(),
    events.status(step="CANCELLED", version=-1, office="", lane="RED", estimated_arrival=0, sender_sequence=-1),
    events.control(),
    events.control(
        "海关", first_sequence=1, last_sequence=2**63 - 1, counts=[events.count("LODGED", 5, 6, 7), events.count("")]
    ),
)


def decode(*raws: Raw, source: Source = ALONE) -> tuple[dict[str, pl.DataFrame], list[DeadLetter]]:
    """Frames and dead letters of a batch; every record must be in exactly one of them."""
    records = [LogRecord(offset, 0, raw.key, raw.value) for offset, raw in enumerate(raws)]
    decoded, dead = DECODER.decode(source, records)
    frames = {name: part.frame for name, part in decoded.items()}
    rows = [row for frame in frames.values() for row in frame["row"].to_list()]
    assert sorted([*rows, *(letter.record.offset for letter in dead)]) == list(range(len(raws)))
    assert {letter.reason for letter in dead} <= set(REASONS)
    assert [letter.record.offset for letter in dead] == sorted(letter.record.offset for letter in dead)
    for part in decoded.values():
        assert len(part.payloads) == len(part.frame)
    return frames, dead


def rows(frames: dict[str, pl.DataFrame]) -> dict[int, tuple[str, Record]]:
    """row -> (record name, fields)"""
    return {row.pop("row"): (name, row) for name, frame in frames.items() for row in frame.iter_rows(named=True)}


def only_letter(raw: Raw) -> tuple[str, str]:
    """(reason, message) of the one dead letter a record gives."""
    frames, dead = decode(raw)
    assert not rows(frames)
    return dead[0].reason, dead[0].message


@pytest.mark.parametrize("confluent", [False, True])
@pytest.mark.parametrize("record", RECORDS, ids=str)
def test_what_goes_in_comes_out_as_columns_in_both_framings(record: Record, confluent: bool) -> None:
    frames, dead = decode(events.raw(record, confluent=confluent))
    assert not dead
    assert rows(frames) == {0: (events.name_of(record), record)}


def test_a_batch_keeps_the_place_of_each_record_and_mixes_framings_and_types() -> None:
    frames, dead = decode(*(events.raw(record, confluent=n % 2 == 1) for n, record in enumerate(RECORDS)))
    assert not dead
    assert rows(frames) == {n: (events.name_of(record), record) for n, record in enumerate(RECORDS)}


@pytest.mark.parametrize(
    "how", [("blocks", 1), ("blocks", 2), ("blocks", 1000), ("long varint", 2), ("long varint", 10)]
)
@pytest.mark.parametrize("record", RECORDS, ids=str)
def test_other_legal_encodings_give_the_same_columns_and_the_same_canonical_bytes(record: Record, how: Any) -> None:
    odd = mangled(record, how)
    records = [LogRecord(0, 0, odd.key, odd.value), LogRecord(1, 0, *events.raw(record)[:2])]
    decoded, dead = DECODER.decode(ALONE, records)
    assert not dead
    part = decoded[events.name_of(record)]
    assert part.frame.drop("row").rows(named=True) == [record, record]
    assert part.payloads == [events.encode(record)[10:]] * 2


def reread(name: str, version: int, text: str, directory: Path) -> schemas.Schema:
    """A schema that was never released."""
    path = directory / f"{name}.v{version}.avsc"
    path.write_text(text, encoding="utf-8")
    return schemas._read(path)


def test_an_older_version_is_resolved_to_the_newest(tmp_path: Path) -> None:
    name = "DeclarationStatus"
    released = schemas.latest(name)
    described = json.loads(released.text)
    described["fields"][2] |= {"type": "long"}  # revision: int, and promoted
    described["fields"].append({"name": "remark", "type": ["null", "string"], "default": None})
    newer = reread(name, released.version + 1, json.dumps(described), tmp_path)
    decoder = Decoder({name: KEYS[name]}, {name: (*schemas.versions(name), newer)})
    old = events.status()
    body = write(newer.parsed, {**old, "remark": "早"})
    key = old["declaration_number"].encode()
    values = [newer.header + body, events.encode(old), events.encode(old, confluent=True), events.encode(old)[:-1]]
    decoded, dead = decoder.decode(ALONE, [LogRecord(n, 0, key, value) for n, value in enumerate(values)])
    assert [(letter.record.offset, letter.reason) for letter in dead] == [(3, "undecodable")]
    frame = decoded[name].frame.sort("row")
    assert frame.drop("row").rows(named=True) == [
        {**old, "remark": "早"},
        {**old, "remark": None},
        {**old, "remark": None},
    ]
    own = events.encode(old)[10:]
    assert sorted(decoded[name].payloads) == sorted([body, own, own]), "contents are compared as they were written"


def test_each_record_has_its_own_key() -> None:
    control, status = events.control(), events.status()
    frames, dead = decode(events.raw(control), events.raw(status))
    assert not dead
    assert {name: len(frame) for name, frame in frames.items() if len(frame)} == {
        "ControlRecord": 1,
        "DeclarationStatus": 1,
    }
    under_sender = Raw(control["sender_id"].encode(), events.encode(control))
    assert only_letter(under_sender) == ("wrong_key", "the Kafka key must be the UTF-8 bytes of control_number")


def test_the_records_of_a_topic_are_those_the_flow_takes() -> None:
    assert tuple(KEYS) == schemas.topic("customs.declarations").values


def test_a_record_appended_before_its_schema_was_known_stays_a_dead_letter(tmp_path: Path) -> None:
    name = "DeclarationStatus"
    described = json.loads(schemas.latest(name).text)
    described["fields"].append({"name": "remark", "type": ["null", "string"], "default": None})
    newer = reread(name, 9, json.dumps({**described, "known_from": "2026-01-02"}), tmp_path)
    decoder = Decoder({name: KEYS[name]}, {name: (*schemas.versions(name), newer)})
    status = events.status()
    value = newer.header + write(newer.parsed, {**status, "remark": None})
    key, known = status["declaration_number"].encode(), events.at("2026-01-02T00:00+00:00")
    decoded, dead = decoder.decode(ALONE, [LogRecord(0, known - 1, key, value), LogRecord(1, known, key, value)])
    assert [(letter.record.offset, letter.reason) for letter in dead] == [(0, "unknown_schema")]
    assert decoded[name].frame["row"].to_list() == [1]


@pytest.mark.parametrize(
    ("raw", "reason", "message"),
    [
        (Raw(b"k", None), "null_value", "the record has no value"),
        (Raw(b"k", bytes(MAX_BYTES + 1)), "oversized", "1048577 bytes; at most 1048576 are taken"),
        (Raw(b"k", b""), "unknown_framing", "neither Avro"),
        (Raw(b"k", b"{}"), "unknown_framing", "neither Avro"),
        (Raw(b"k", b"\xc3"), "unknown_framing", "neither Avro"),
        (Raw(b"k", b"\xc3\x01abcdefg"), "undecodable", "the payload ends inside its header"),
        (Raw(b"k", b"\xc3\x01abcdefgh"), "unknown_schema", "no schema with fingerprint 6162636465666768; deploy it"),
        (Raw(b"k", b"\x00\x00\x00\x01"), "undecodable", "the payload ends inside its header"),
        (Raw(b"k", b"\x00\x00\x00\x00\x63abc"), "unknown_schema", "no schema with id 99; pin it"),
        (mangled(RECORDS[0], ("header", "receipt")), "unknown_schema", "no schema with fingerprint"),
        (mangled(RECORDS[0], ("cut", 0)), "undecodable", "ends inside"),
        (mangled(RECORDS[0], ("append", b"\x00")), "undecodable", "1 bytes are left over after byte"),
        (mangled(RECORDS[0], ("body", b"")), "undecodable", "the payload ends inside a number at byte 0"),
        (mangled(RECORDS[0], ("key", None)), "wrong_key", "UTF-8 bytes of declaration_number"),
        (mangled(RECORDS[0], ("key", b"420020251000000002")), "wrong_key", "UTF-8 bytes of declaration_number"),
        (mangled(events.control(), ("key", b"AGENT-1")), "wrong_key", "UTF-8 bytes of control_number"),
    ],
)  # fmt: skip
def test_a_dead_letter_says_why(raw: Raw, reason: str, message: str) -> None:
    found = only_letter(raw)
    assert found[0] == reason
    assert message in found[1]


def test_the_largest_payload_that_is_taken_is_a_mebibyte() -> None:
    room = MAX_BYTES - len(events.encode(events.declaration(conveyance=""))) - 2
    largest = events.declaration(conveyance="x" * room)
    assert len(events.encode(largest)) == MAX_BYTES
    frames, dead = decode(events.raw(largest))
    assert not dead
    assert rows(frames)[0][1]["conveyance"] == "x" * room
    assert only_letter(events.raw(events.declaration(conveyance="x" * (room + 1))))[0] == "oversized"


def test_a_record_in_a_partition_its_key_does_not_have_is_dead() -> None:
    raw = events.raw(RECORDS[0])
    assert raw.key is not None
    right = oracle_decode.partition_of(raw.key)
    for partition in range(8):
        frames, dead = decode(raw, source=Source("customs.declarations", partition, 8))
        assert len(rows(frames)) == (partition == right)
        assert [letter.reason for letter in dead] == ([] if partition == right else ["wrong_partition"])
        assert all("murmur2" in letter.message for letter in dead)


@pytest.mark.parametrize("count", [1000, 2**20, 2**31, 2**40, 2**62, -(2**20), -(2**40), -(2**63)])
@pytest.mark.parametrize(
    ("record", "field"),
    [
        *((events.declaration(), name) for name in ("exchange_rates", "containers", "items", "permits")),
        (events.control(), "counts"),
    ],
    ids=["exchange_rates", "containers", "items", "permits", "counts"],
)
def test_a_huge_count_is_refused_in_no_time(record: Record, field: str, count: int) -> None:
    schema = schemas.latest(events.name_of(record)).parsed
    before = schema["fields"][: [f["name"] for f in schema["fields"]].index(field)]
    head = b"".join(write(f["type"], record[f["name"]]) for f in before)
    tail = write("long", count) + (write("long", 5) if count < 0 else b"") + bytes(40)
    began = time.perf_counter()
    reason, message = only_letter(mangled(record, ("body", head + tail)))
    assert reason == "undecodable"
    assert "does not fit" in message
    assert time.perf_counter() - began < 1


LONGS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([s * 2**n + d for n in range(63) for s in (1, -1) for d in (0, -1)]),
)
ENVELOPES = st.fixed_dictionaries(
    {
        "sender_id": st.text(max_size=80),
        "event_id": st.text(max_size=80),
        "revision": st.integers(-(2**31), 2**31 - 1),
        "sent_at": LONGS,
        "sender_sequence": LONGS,
    }
)


def taken_apart(record: Record) -> tuple[bytes, bytes]:
    """The bytes of an event's identity, its first three fields, and those of its content: all after the fifth."""
    types = {field["name"]: field["type"] for field in schemas.latest(events.name_of(record)).parsed["fields"]}
    assert tuple(types)[:5] == oracle_decode.ENVELOPE == judged.ENVELOPE
    written = [write(kind, record[name]) for name, kind in types.items()]
    return b"".join(written[:3]), b"".join(written[5:])


@given(st.lists(st.tuples(st.sampled_from(RECORDS), ENVELOPES), min_size=1, max_size=4))
def test_identity_is_the_first_three_fields_and_content_begins_after_the_fifth(
    drawn: list[tuple[Record, Record]],
) -> None:
    sent = [{**record, **envelope} for record, envelope in drawn]
    records = [LogRecord(n, 0, *events.raw(record)[:2]) for n, record in enumerate(sent)]
    decoded, dead = DECODER.decode(ALONE, records)
    assert not dead
    for part in decoded.values():
        if len(part.frame):
            own = [taken_apart(sent[row]) for row in part.frame["row"].to_list()]
            found = [hashes.view(np.uint64).tolist() for hashes in judged._hashes(part)]
            assert found == [[xxhash.xxh3_64_intdigest(one) for one in each] for each in zip(*own, strict=True)]


MANGLINGS = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, 400)),
    st.tuples(st.just("append"), st.binary(min_size=1, max_size=9)),
    st.tuples(st.just("flip"), st.integers(0, 400), st.integers(1, 255)),
    st.tuples(st.just("flip"), st.integers(10, 400), st.sampled_from([1, 2, 0x7F, 0x80, 0xFF])),
    st.tuples(st.just("insert"), st.integers(10, 400), st.binary(min_size=1, max_size=9)),
    st.tuples(st.just("blocks"), st.integers(1, 3)),
    st.tuples(st.just("long varint"), st.integers(1, 10)),
    st.tuples(st.just("header"), st.sampled_from(["confluent", "unknown fingerprint", "unknown id", "json", "half"])),
    st.tuples(st.just("body"), st.binary(max_size=80)),
    st.tuples(st.just("value"), st.none() | st.binary(max_size=30)),
    st.tuples(st.just("key"), st.none() | st.binary(max_size=5)),
)
MANGLED = st.builds(mangled, st.sampled_from(RECORDS), MANGLINGS)
GOOD = st.sampled_from([events.raw(record) for record in RECORDS])


def by_oracle(raw: Raw) -> tuple[str, Any]:
    """(record name, fields), or ("dead letter", reason), by the specifications; the partition is taken to be right."""
    partition = 0 if raw.key is None else oracle_decode.partition_of(raw.key)
    try:
        event = oracle_decode.decode(oracle_decode.LogRecord(partition, 0, 0, raw.key, raw.value))
    except oracle_decode.DeadLetterError as dead:
        return "dead letter", str(dead)
    return event.name, event.fields


@settings(max_examples=250)
@given(MANGLED)
@example(Raw(None, None))
def test_mangled_bytes_are_judged_as_the_avro_specification_does(raw: Raw) -> None:
    frames, dead = decode(raw)
    if dead:
        assert ("dead letter", dead[0].reason) == by_oracle(raw)
    else:
        assert rows(frames)[0] == by_oracle(raw)


@settings(max_examples=60)
@given(st.lists(st.one_of(GOOD, MANGLED, st.builds(Raw, st.just(b"k"), st.binary(max_size=40))), max_size=40))
def test_a_record_gives_the_same_columns_alone_and_among_bad_neighbours(raws: list[Raw]) -> None:
    frames, dead = decode(*raws)
    together = rows(frames) | {letter.record.offset: (letter.reason, letter.message) for letter in dead}
    for place, raw in enumerate(raws):
        frames, dead = decode(raw)
        alone = rows(frames) | {letter.record.offset: (letter.reason, letter.message) for letter in dead}
        assert together[place] == alone[0]


def test_one_bad_record_among_a_thousand_costs_only_itself() -> None:
    raws = [events.raw(events.status(events.number(n))) for n in range(1000)]
    bad = {0, 500, 998, 999}
    raws = [Raw(raw.key, (raw.value or b"")[:-1]) if n in bad else raw for n, raw in enumerate(raws)]
    frames, dead = decode(*raws)
    assert {letter.record.offset for letter in dead} == bad
    assert len(frames["DeclarationStatus"]) == 996
