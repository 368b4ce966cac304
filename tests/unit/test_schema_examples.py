"""The examples: of every record, valid, and what the loader makes of their JSON."""

import json
import re

import fastavro
import pytest

import schemas
from connectors.records import canonical
from processor.flows.declarations.counters import COUNTERS
from processor.flows.declarations.lifecycle import KIND_OF_STATUS
from schemas.example_json import as_avro, changed


@pytest.mark.parametrize("name", schemas.names())
def test_every_record_has_examples_and_each_is_read_as_it_was_written(name: str) -> None:
    found = schemas.examples(name)
    assert found
    for fields in found.values():
        assert fastavro.validation.validate(fields, schemas.latest(name).parsed, strict=True)
        read, values = schemas.decode(schemas.encode(name, fields))
        assert read == name
        assert schemas.encode(name, values) == schemas.encode(name, fields)


@pytest.mark.parametrize("name", schemas.topic("customs.declarations").values)
def test_an_example_can_be_published_as_it_stands(name: str) -> None:
    for stem, fields in schemas.examples(name).items():
        said = json.loads((schemas.EXAMPLES / name / f"{stem}.json").read_text(encoding="utf-8"))
        assert canonical(name, said) == fields


def test_every_file_among_the_examples_is_one() -> None:
    folders = {path.name for path in schemas.EXAMPLES.iterdir()}
    assert folders - {"rules"} == set(schemas.names())
    files = {path for path in schemas.EXAMPLES.rglob("*") if path.is_file()}
    assert files == set(schemas.EXAMPLES.glob("*/*.json"))


def test_an_example_of_a_rule_is_a_valid_record_changed() -> None:
    for path in (schemas.EXAMPLES / "rules").glob("*.json"):
        said = json.loads(path.read_text(encoding="utf-8"))
        assert set(said) == {"rule", "record", "of", "changes"}, path
        assert re.fullmatch(rf"{said['rule']}-[a-z0-9-]+", path.stem)
    for name, _, fields in schemas.rule_examples():
        assert fastavro.validation.validate(fields, schemas.latest(name).parsed, strict=True)


def test_there_is_an_example_of_every_status_and_of_every_kind_of_key_and_total() -> None:
    assert {status["status"] for status in schemas.examples("DeclarationStatus").values()} == set(KIND_OF_STATUS)
    for counter in COUNTERS:
        topic = schemas.topic(f"counters.{counter.name}")
        keys = schemas.examples(topic.key)
        assert {key["counter"] for key in keys.values()} == {counter.name}
        assert set(keys) == set(schemas.examples(topic.values[0])), "keys and totals go by the same names"


def test_the_example_of_a_control_record_counts_the_examples_of_its_day() -> None:
    control = schemas.examples("ControlRecord")["day"]
    sent = sorted(
        (d["sender_sequence"], d["version"], sum(item["total"] for item in d["items"]), d["net_mass"])
        for d in schemas.examples("CustomsDeclaration").values()
        if d["sender_id"] == control["sender_id"]
    )
    assert [n for n, *_ in sent] == list(range(control["first_sequence"], control["last_sequence"] + 1))
    for count, of in zip(
        control["counts"], ([s for s in sent if s[1] == 1], [s for s in sent if s[1] > 1]), strict=True
    ):
        assert count["events"] == len(of)
        assert count["value"] == sum(value for *_, value, _ in of)
        assert count["net_mass"] == sum(mass for *_, mass in of)


def test_an_example_may_leave_out_defaults_and_write_moments_and_dates() -> None:
    part = {"type": "record", "name": "P", "fields": [{"name": "f", "type": "string"}]}
    fields = [
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "on", "type": ["null", {"type": "int", "logicalType": "date"}], "default": None},
        {"name": "parts", "type": {"type": "array", "items": part}},
    ]
    schema = {"type": "record", "name": "R", "fields": fields}
    said = {"at": "1970-01-01T08:00:01.5+08:00", "on": "1970-01-03", "parts": [{"f": "x"}]}
    assert as_avro(schema, said) == {"at": 1500, "on": 2, "parts": [{"f": "x"}]}
    assert as_avro(schema, {"at": 7, "parts": []}) == {"at": 7, "on": None, "parts": []}
    with pytest.raises(ValueError, match="R needs at"):
        as_avro(schema, {"parts": []})
    with pytest.raises(ValueError, match="R has no field of"):
        as_avro(schema, {"at": 7, "parts": [], "of": 1})


def test_a_change_leaves_the_document_it_is_made_to() -> None:
    document = {"a": [{"b/c": 1}]}
    assert changed(document, "/a/0/b~1c", 2) == {"a": [{"b/c": 2}]}
    assert changed(document, "/a/-", 3) == {"a": [{"b/c": 1}, 3]}
    assert changed(document, "/a/0", None) == {"a": [None]}
    assert document == {"a": [{"b/c": 1}]}
