"""The contracts: Avro schemas, topics, examples, and a small loader and row codec over them.

One file per record and version, ``NAME.vN.avsc``, never edited once released (``released.json``). Everything that
crosses a process boundary is written here; the processor and the connectors share this package and nothing else.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import fastavro
import yaml

from schemas.example_json import as_avro, changed

HERE = Path(__file__).parent
EXAMPLES = HERE / "examples"
SINGLE_OBJECT = b"\xc3\x01"
"""First two bytes of Avro's single-object encoding; the schema's CRC-64-AVRO follows, little-endian."""

CONFLUENT = b"\x00"
"""First byte of Confluent framing; a four-byte big-endian schema id follows."""


@dataclass(frozen=True)
class Schema:
    """One released version of one record. ``text`` is its JSON, ``header`` its single-object prefix of 10 bytes.

    ``known_from`` (ms, from the attribute of that name, a date): records appended before it were not read with it, and
    are not when the past is folded again.
    """

    name: str
    version: int
    text: str
    parsed: dict[str, Any]
    header: bytes
    known_from: int = 0

    @property
    def id(self) -> str:
        return f"{self.name}.v{self.version}"


@dataclass(frozen=True)
class Topic:
    """One topic as ``topics.yaml`` describes it, and says what each part means."""

    name: str
    summary: str
    partitions: int
    config: dict[str, str]
    key: str
    values: tuple[str, ...]
    compatibility: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    retention: str


class RuleExample(NamedTuple):
    """A record that breaks one rule and no other: its name, the rule's id, and its fields as Avro writes them."""

    record: str
    rule: str
    fields: dict[str, Any]


def _read(path: Path) -> Schema:
    name, version, _ = path.name.split(".")
    raw = _json(path)
    fingerprint = fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(raw), "CRC-64-AVRO")
    parsed = fastavro.parse_schema(raw)
    assert isinstance(parsed, dict)
    header = SINGLE_OBJECT + bytes.fromhex(fingerprint)
    known_from = datetime.fromisoformat(raw.get("known_from", "1970-01-01")).replace(tzinfo=UTC)
    return Schema(name, int(version[1:]), json.dumps(raw), parsed, header, int(known_from.timestamp() * 1000))


@cache
def versions(name: str) -> tuple[Schema, ...]:
    """All released versions of a record, oldest first. Unknown names raise KeyError."""
    found = sorted((_read(p) for p in HERE.glob(f"{name}.v*.avsc")), key=lambda s: s.version)
    if not found:
        raise KeyError(f"no schema {name} in {HERE.name}/")
    return tuple(found)


def latest(name: str) -> Schema:
    """The newest version of a record."""
    return versions(name)[-1]


@cache
def names() -> tuple[str, ...]:
    """The names of all records."""
    return tuple(sorted({p.name.split(".")[0] for p in HERE.glob("*.avsc")}))


@cache
def confluent_ids() -> dict[int, str]:
    """Pinned Confluent schema ids: id -> ``NAME.vN``."""
    return {int(number): schema for number, schema in _json(HERE / "confluent_ids.json").items()}


@cache
def topics() -> tuple[Topic, ...]:
    """All topics, in the order of ``topics.yaml``."""
    described = yaml.safe_load((HERE / "topics.yaml").read_text(encoding="utf-8"))
    lists = ("values", "producers", "consumers")
    return tuple(
        Topic(name, **{**said, **{part: tuple(said[part]) for part in lists}}) for name, said in described.items()
    )


def topic(name: str) -> Topic:
    """One topic by its name without prefix. Unknown names raise KeyError."""
    for found in topics():
        if found.name == name:
            return found
    raise KeyError(f"no topic {name} in topics.yaml")


def examples(name: str) -> dict[str, dict[str, Any]]:
    """The examples of a record, by the stems of their files: its fields, all of them, as Avro writes them.

    A file, ``examples/NAME/STEM.json``, may leave out what has a default, and writes moments and dates in ISO 8601.
    """
    schema = json.loads(latest(name).text)
    return {
        path.stem: as_avro(schema, _json(path))
        for path in sorted((EXAMPLES / name).glob("*.json"), key=lambda path: path.stem)
    }


def rule_examples() -> tuple[RuleExample, ...]:
    """The examples of the rules, ``examples/rules/ID-*.json``: each changes a valid example until it breaks the rule.

    ``{"rule": ID, "record": NAME, "of": STEM, "changes": {JSON pointer: value}}``; pointers are those of RFC 6901.
    """
    found = []
    for path in sorted((EXAMPLES / "rules").glob("*.json")):
        said = _json(path)
        record = said["record"]
        fields = _json(EXAMPLES / record / f"{said['of']}.json")
        for pointer, value in said["changes"].items():
            fields = changed(fields, pointer, value)
        found.append(RuleExample(record, said["rule"], as_avro(json.loads(latest(record).text), fields)))
    return tuple(found)


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def _by_header() -> dict[bytes, Schema]:
    return {schema.header: schema for name in names() for schema in versions(name)}


def encode(name: str, record: dict[str, Any]) -> bytes:
    """One record in single-object encoding under the newest version of its schema. For rows, not for the hot path."""
    schema = latest(name)
    out = io.BytesIO()
    out.write(schema.header)
    fastavro.schemaless_writer(out, schema.parsed, record)
    return out.getvalue()


def decode(payload: bytes) -> tuple[str, dict[str, Any]]:
    """(record name, record) of a single-object payload written under any released version.

    Raises ValueError for another framing or an unknown fingerprint. Only for payloads of our own making: input of
    strangers goes through ``processor.engine.decode``.
    """
    schema = _by_header().get(payload[:10])
    if schema is None:
        raise ValueError(f"not a single-object payload of a known schema: starts with {payload[:10].hex()}")
    record = fastavro.schemaless_reader(io.BytesIO(payload[10:]), schema.parsed, latest(schema.name).parsed)
    assert isinstance(record, dict)
    return schema.name, record
