"""The contracts hold together: schemas, topics, pinned ids, and what the flow declares against what is released."""

import hashlib
import json
import re
from itertools import combinations
from typing import Any

import fastavro
import pytest

import schemas
from processor import reference
from processor.engine.counters import WINDOWS
from processor.engine.judged import ENVELOPE
from processor.flows import declarations
from processor.flows.declarations.counters import COUNTERS
from processor.flows.declarations.lifecycle import KIND_OF_STATUS
from schemas.compatibility import obstacles
from tests import events

INPUT = schemas.topic("customs.declarations")
ALLOWED = {"string", "int", "long", "boolean", "null"}
"""Beside records, arrays and enums: what the strict reader and the content hash know."""

ABOUT = ["window_end", "time_zone"], ["revision", "generation", "source_positions", "watermark", "definition", "status"]
"""What stands before and after the measures of every total."""

PARTIES = {"senders", "declarations flow", "totals flow", "subscribers", "operators"}
"""Who writes and reads topics."""

DIRECTIONS = {"NONE": (), "BACKWARD_TRANSITIVE": ("newer",), "FULL_TRANSITIVE": ("newer", "older")}
"""Of two versions of a record, which must read what the other wrote, by the compatibility of its topic."""

RELEASED = [schema for name in schemas.names() for schema in schemas.versions(name)]


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
    assert len({schema.header for schema in RELEASED}) == len(RELEASED)


def test_versions_count_from_1_without_gaps_and_live_in_their_namespace() -> None:
    for name in schemas.names():
        assert [schema.version for schema in schemas.versions(name)] == list(range(1, len(schemas.versions(name)) + 1))
    for schema in RELEASED:
        assert json.loads(schema.text)["name"] == schema.name
        assert json.loads(schema.text)["namespace"] == f"singlewindow.v{schema.version}"


def test_a_released_schema_is_never_edited() -> None:
    """Not its docs either: they say unit and scale. A new file is released by adding the entry that is told here."""
    pinned = json.loads((schemas.HERE / "released.json").read_text(encoding="utf-8"))
    assert pinned == {
        schema.id: {
            "fingerprint": f"{int.from_bytes(schema.header[2:], 'little'):016x}",
            "sha256": hashlib.sha256((schemas.HERE / f"{schema.id}.avsc").read_bytes()).hexdigest(),
        }
        for schema in RELEASED
    }


@pytest.mark.parametrize("name", schemas.names())
def test_versions_read_each_other_as_their_topic_promises(name: str) -> None:
    (compatibility,) = {t.compatibility for t in schemas.topics() if name in (t.key, *t.values)}
    for older, newer in combinations(schemas.versions(name), 2):
        readers = {"newer": (newer, older), "older": (older, newer)}
        for reader, writer in (readers[direction] for direction in DIRECTIONS[compatibility]):
            found = obstacles(json.loads(reader.text), json.loads(writer.text))
            assert not found, f"{reader.id} cannot read {writer.id}"


def record(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": list(fields)}


def field(type_: Any, name: str = "f", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **more}


TEXT, LIST = field("string"), {"type": "array", "items": record(field("int"))}
ONE, TWO = ({"type": "enum", "name": "E", "symbols": ["A", "B"][:n]} for n in (1, 2))


@pytest.mark.parametrize(
    ("reader", "writer", "found"),
    [
        (record(TEXT), record(TEXT), []),
        (record(TEXT), record(TEXT, field("int", "g")), []),
        (record(TEXT, field(["null", "int"], "g", default=None)), record(TEXT), []),
        (record(TEXT, field("int", "g")), record(TEXT), ["/g: new, without a default"]),
        (record(field("long")), record(field("int")), []),
        (record(field("int")), record(field("long")), ["/f: long cannot be read as int"]),
        (record(field(["null", "string"])), record(TEXT), []),
        (record(TEXT), record(field(["null", "string"])), ["/f: null cannot be read as string"]),
        (record(field(TWO)), record(field(ONE)), []),
        (record(field(ONE)), record(field(TWO)), ["/f: symbol B is not known"]),
        (record(field({**ONE, "default": "A"})), record(field(TWO)), []),
        (record(field({**ONE, "name": "F"})), record(field(ONE)), ["/f: E cannot be read as F"]),
        (record(field({**LIST, "items": record(TEXT)})), record(field(LIST)), ["/f/*/f: int cannot be read as string"]),
        (
            record(field("long")),
            record(field({"type": "long", "logicalType": "timestamp-millis"})),
            ["/f: timestamp-millis would be read as a number"],
        ),
    ],
)
def test_obstacles_between_two_schemas_are_told(reader: Any, writer: Any, found: list[str]) -> None:
    assert obstacles(reader, writer) == found


@pytest.mark.parametrize("name", INPUT.values)
def test_input_records_begin_with_the_envelope_and_use_types_the_strict_reader_knows(name: str) -> None:
    for version in range(len(schemas.versions(name))):
        schema = described(name, version)
        names = [field["name"] for field in schema["fields"]]
        assert names[:5] == list(ENVELOPE) == ["sender_id", "event_id", "revision", "sent_at", "sender_sequence"]
        assert [field["type"] for field in schema["fields"][:5]] == [
            "string",
            "string",
            "int",
            {"type": "long", "logicalType": "timestamp-millis"},
            "long",
        ]
        assert kinds(schema) <= ALLOWED
        assert len(set(INPUT.key.split(", ")) & set(names)) == 1


def parts(schema: Any) -> list[Any]:
    """A schema's records, and all within them."""
    match schema:
        case {"type": "record", "fields": fields}:
            return [schema, *(part for field in fields for part in parts(field["type"]))]
        case {"type": "array", "items": items}:
            return parts(items)
        case list():
            return [part for branch in schema for part in parts(branch)]
    return []


def test_every_field_says_what_it_is() -> None:
    for schema in RELEASED:
        for part in parts(json.loads(schema.text)):
            assert part["doc"]
            assert all(field.get("doc") for field in part["fields"]), (schema.id, part["name"])


def test_every_topic_is_described_and_carries_records_that_exist() -> None:
    for topic in schemas.topics():
        assert topic.summary.endswith(".")
        assert topic.partitions > 0
        assert topic.key
        assert set(topic.values) <= set(schemas.names())
        assert topic.compatibility in DIRECTIONS
        assert (topic.compatibility == "NONE") == (not topic.values)
        assert topic.producers
        assert topic.consumers
        assert {*topic.producers, *topic.consumers} <= PARTIES


def test_what_is_said_of_retention_is_what_kafka_is_told() -> None:
    for topic in schemas.topics():
        match topic.retention.split():
            case ["for", "ever"]:
                assert topic.config["retention.ms"] == topic.config["retention.bytes"] == "-1"
            case [days, "days"]:
                assert topic.config["retention.ms"] == str(int(days) * 86_400_000)
            case _:
                assert topic.retention.startswith("the newest of each key")
        compacted = topic.retention.startswith("the newest")
        assert topic.config["cleanup.policy"] == ("compact" if compacted else "delete")


def test_every_record_travels_on_one_topic() -> None:
    carried = [name for topic in schemas.topics() for name in (topic.key, *topic.values) if name in schemas.names()]
    assert sorted(carried) == sorted(schemas.names())


def test_every_record_is_stamped_by_the_broker_whatever_the_clock_of_who_wrote_it() -> None:
    assert {topic.config["message.timestamp.type"] for topic in schemas.topics()} == {"LogAppendTime"}


def test_what_is_folded_is_kept_for_ever_and_answers_lie_beside_their_events() -> None:
    flow = declarations.flow(reference.load())
    assert flow.topic == INPUT.name
    assert tuple(flow.records) == INPUT.values
    assert ", ".join(dict.fromkeys(flow.records.values())) == INPUT.key
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
    slices = [] if counter.distinct is None else ["slice"]
    assert key_fields == ["counter", *counter.dimensions, *slices, "window", "window_start"]
    told = set(re.findall(r"\b[A-Z_]{3,}\b", described(topic.key)["doc"]))
    assert told == {WINDOWS[window] for window in counter.windows}
    assert ("minutes" in topic.retention) == ("MINUTE" in told)
    value_fields = [field["name"] for field in described(value)["fields"]]
    assert value_fields == [*ABOUT[0], *(measure for measure, _ in counter.measures), *ABOUT[1]]


def test_every_counter_topic_has_a_counter() -> None:
    shown = {topic.name for topic in schemas.topics() if topic.config.get("cleanup.policy") == "compact"}
    assert shown == {f"counters.{c.name}" for c in COUNTERS} | {"counters.partials", "counters.progress"}


def test_every_status_of_the_schema_is_a_kind_of_event() -> None:
    (status,) = (field for field in described("DeclarationStatus")["fields"] if field["name"] == "status")
    assert status["type"]["symbols"] == list(KIND_OF_STATUS)


def test_what_is_encoded_is_decoded() -> None:
    for event in (events.declaration(), events.status()):
        name, found = schemas.decode(schemas.encode(events.name_of(event), event))
        assert name == events.name_of(event)
        assert found["declaration_number"] == event["declaration_number"]
        assert schemas.encode(name, found) == events.encode(event)
    with pytest.raises(ValueError, match="not a single-object payload of a known schema: starts with 7b7d"):
        schemas.decode(b"{}")


def test_unknown_names_are_errors() -> None:
    with pytest.raises(KeyError, match="no schema Nothing"):
        schemas.latest("Nothing")
    with pytest.raises(KeyError, match=r"no topic nothing in topics\.yaml"):
        schemas.topic("nothing")
