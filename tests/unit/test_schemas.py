"""The contracts hold together: schemas, topics, pinned ids, and what the flow declares against what is released."""

import json
from itertools import pairwise
from typing import Any

import fastavro
import pytest

import schemas
from processor import reference
from processor.engine.flow import ENVELOPE
from processor.flows import declarations
from processor.flows.declarations.counters import COUNTERS
from processor.flows.declarations.lifecycle import KIND_OF_STATUS
from tests import events

INPUT = schemas.topic("customs.declarations")
ALLOWED = {"string", "int", "long", "boolean", "null"}
"""Beside records, arrays and enums: what the strict reader and the content hash know."""

ABOUT = ["window_end", "time_zone"], ["revision", "generation", "source_positions", "watermark", "definition", "status"]
"""What stands before and after the measures of every total."""


def described(name: str, version: int = -1) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(schemas.versions(name)[version].text)
    return found


def kinds(schema: Any) -> set[str]:
    """Every primitive type a schema uses."""
    if isinstance(schema, list):
        return set().union(*map(kinds, schema))
    if isinstance(schema, str):
        return {schema}
    match schema["type"]:
        case "record":
            return set().union(*(kinds(field["type"]) for field in schema["fields"]))
        case "array":
            return kinds(schema["items"])
        case "enum":
            return set()
        case inner:
            return kinds(inner)


def crc64(text: str) -> int:
    """The CRC-64-AVRO fingerprint, as the Avro specification spells it out."""
    empty = 0xC15D213AA4D7A795
    table = []
    for n in range(256):
        word = n
        for _ in range(8):
            word = (word >> 1) ^ (empty & -(word & 1))
        table.append(word)
    found = empty
    for byte in text.encode():
        found = (found >> 8) ^ table[(found ^ byte) & 0xFF]
    return found


def test_a_fingerprint_is_that_of_the_avro_specification() -> None:
    assert crc64('"int"') == 0x7275D51A3F395C8F
    for name in schemas.names():
        for schema in schemas.versions(name):
            canonical = fastavro.schema.to_parsing_canonical_form(json.loads(schema.text))
            assert schema.header == b"\xc3\x01" + crc64(canonical).to_bytes(8, "little")


def test_headers_tell_all_released_schemas_apart() -> None:
    released = [schema for name in schemas.names() for schema in schemas.versions(name)]
    assert len({schema.header for schema in released}) == len(released)
    assert [schema.id for schema in released] == [f"{s.name}.v{s.version}" for s in released]


def test_versions_count_from_0_without_gaps_and_newer_ones_read_older_records() -> None:
    for name in schemas.names():
        versions = schemas.versions(name)
        assert [schema.version for schema in versions] == list(range(len(versions)))
        for older, newer in pairwise(versions):
            had = {field["name"] for field in json.loads(older.text)["fields"]}
            added = [field for field in json.loads(newer.text)["fields"] if field["name"] not in had]
            assert all("default" in field for field in added), f"{newer.id} adds a field without a default"


@pytest.mark.parametrize("name", INPUT.values)
def test_input_records_begin_with_the_envelope_and_use_types_the_strict_reader_knows(name: str) -> None:
    for version in range(len(schemas.versions(name))):
        schema = described(name, version)
        fields = [(field["name"], field["type"]) for field in schema["fields"][:4]]
        assert [field for field, _ in fields] == list(ENVELOPE) == ["sender_id", "event_id", "revision", "sent_at"]
        assert [kind for _, kind in fields] == [
            "string",
            "string",
            "int",
            {"type": "long", "logicalType": "timestamp-millis"},
        ]
        assert kinds(schema) <= ALLOWED
        assert INPUT.key in [field["name"] for field in schema["fields"]]


def test_every_field_says_what_it_is() -> None:
    for name in schemas.names():
        schema = described(name)
        assert schema["name"] == name
        assert schema["doc"]
        assert all(field.get("doc") for field in schema["fields"]), name


def test_every_topic_carries_records_that_exist_and_every_record_travels_on_a_topic() -> None:
    used = set()
    for topic in schemas.topics():
        assert topic.summary
        assert topic.partitions > 0
        used |= {*topic.values, topic.key} & set(schemas.names())
        assert set(topic.values) <= set(schemas.names())
    assert used == set(schemas.names())


def test_what_is_folded_is_stamped_by_the_broker_and_answers_lie_beside_their_events() -> None:
    flow = declarations.flow(reference.load())
    assert flow.topic == INPUT.name
    assert flow.records == INPUT.values
    assert flow.key == INPUT.key
    assert {schemas.topic(name).config["message.timestamp.type"] for name in (flow.topic, "counters.partials")} == {
        "LogAppendTime"
    }
    assert INPUT.config["retention.ms"] == "-1", "the log is what everything can be folded from anew"
    assert {schemas.topic(name).partitions for name in (flow.receipts, flow.dead_letters)} == {INPUT.partitions}


def test_pinned_confluent_ids_name_released_schemas_of_the_input() -> None:
    pinned = schemas.confluent_ids()
    released = {schema.id for name in INPUT.values for schema in schemas.versions(name)}
    assert set(pinned.values()) == released
    assert all(0 < number < 2**31 for number in pinned)


@pytest.mark.parametrize("counter", COUNTERS, ids=lambda counter: counter.name)
def test_a_counter_is_declared_as_its_topic_shows_it(counter: Any) -> None:
    topic = schemas.topic(f"counters.{counter.name}")
    (value,) = topic.values
    key_fields = [field["name"] for field in described(topic.key)["fields"]]
    assert key_fields == ["counter", *counter.dimensions, "window", "window_start"]
    value_fields = [field["name"] for field in described(value)["fields"]]
    assert value_fields == [*ABOUT[0], *(measure for measure, _ in counter.measures), *ABOUT[1]]


def test_every_counter_topic_has_a_counter() -> None:
    shown = {topic.name for topic in schemas.topics() if topic.config.get("cleanup.policy") == "compact"}
    assert shown == {f"counters.{c.name}" for c in COUNTERS} | {"counters.partials", "counters.progress"}


def test_every_status_of_the_schema_is_a_kind_of_event() -> None:
    (status,) = (field for field in described("DeclarationStatus")["fields"] if field["name"] == "status")
    assert status["type"]["symbols"] == list(KIND_OF_STATUS)


def test_what_is_encoded_is_decoded() -> None:
    for record in (events.declaration(), events.status()):
        name, found = schemas.decode(schemas.encode(events.name_of(record), record))
        assert name == events.name_of(record)
        assert found["declaration_number"] == record["declaration_number"]
        assert schemas.encode(name, found) == events.encode(record)
    with pytest.raises(ValueError, match="not a single-object payload of a known schema: starts with 7b7d"):
        schemas.decode(b"{}")


def test_unknown_names_are_errors() -> None:
    with pytest.raises(KeyError, match="no schema Nothing"):
        schemas.latest("Nothing")
    with pytest.raises(KeyError, match=r"no topic nothing in topics\.yaml"):
        schemas.topic("nothing")
