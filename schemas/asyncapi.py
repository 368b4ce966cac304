"""The AsyncAPI 3 document of the platform: ``topics.yaml``, the schemas and an example of each, as one file.

``python -m schemas.asyncapi`` writes it to ``docs/asyncapi.yaml``; a test holds the file to this.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

import schemas
from schemas import Topic

PATH = schemas.HERE.parent / "docs" / "asyncapi.yaml"
AVRO = "application/vnd.apache.avro+json;version=1.9.0"
BINDING = "0.5.0"
FLOWS = ("declarations flow", "totals flow")
"""Producers and consumers that are the application's own: its operations. All others are the document's readers."""

DEAD_LETTER = "DeadLetter"
"""The message of a topic that carries no record of ours."""

INFO = {
    "title": "Single Window",
    "version": "1",
    "description": (
        "Declarations in, coded answers and exact counters out. Values, and keys that are records, are in Avro's "
        "single-object encoding: x-single-object-header (C3 01, then the CRC-64-AVRO fingerprint of the schema, "
        "little-endian), then the record. The input may be in Confluent framing too, with the ids of "
        "schemas/confluent_ids.json. Numbers are integers: a field's doc tells its unit and scale. "
        "Written by `python -m schemas.asyncapi`."
    ),
    "license": {"name": "Apache-2.0"},
}
SERVER = {
    "host": "{kafka}",
    "protocol": "kafka",
    "variables": {"kafka": {"default": "127.0.0.1:9092", "description": "SINGLE_WINDOW_KAFKA"}},
}
PREFIX = {"default": "", "description": "SINGLE_WINDOW_TOPIC_PREFIX: what the names of all topics begin with."}


def document() -> dict[str, Any]:
    """The document as JSON values."""
    topics = schemas.topics()
    return {
        "asyncapi": "3.0.0",
        "info": INFO,
        "defaultContentType": "avro/binary",
        "servers": {"kafka": SERVER},
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {key: operation for topic in topics for key, operation in _operations(topic)},
        "components": {
            "parameters": {"prefix": PREFIX},
            "messages": {name: _message(topic, name) for topic in topics for name in _carried(topic)},
            "schemas": {
                schema.id: {"schemaFormat": AVRO, "schema": json.loads(schema.text)}
                for name in schemas.names()
                for schema in schemas.versions(name)
            },
        },
    }


def text() -> str:
    """The document as YAML, without aliases."""
    unshared = json.loads(json.dumps(document()))
    return yaml.safe_dump(unshared, sort_keys=False, allow_unicode=True, width=120)


def _carried(topic: Topic) -> tuple[str, ...]:
    return topic.values or (DEAD_LETTER,)


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": "{prefix}" + topic.name,
        "summary": topic.summary,
        "parameters": {"prefix": _ref("components/parameters/prefix")},
        "messages": {name: _ref(f"components/messages/{name}") for name in _carried(topic)},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {key: _setting(key, value) for key, value in topic.config.items()},
                "bindingVersion": BINDING,
            }
        },
        "x-compatibility": topic.compatibility,
        "x-producers": list(topic.producers),
        "x-consumers": list(topic.consumers),
        "x-retention": topic.retention,
    }


def _setting(key: str, value: str) -> Any:
    """A topic's setting with the type the binding gives it."""
    if key == "cleanup.policy":
        return [value]
    return int(value) if key.endswith((".ms", ".bytes")) else value


def _operations(topic: Topic) -> list[tuple[str, dict[str, Any]]]:
    parties = [("receive", flow) for flow in topic.consumers] + [("send", flow) for flow in topic.producers]
    return [
        (
            f"{flow.replace(' ', '-')}.{action}.{topic.name}",
            {"action": action, "title": f"The {flow} {action}s", "channel": _ref(f"channels/{topic.name}")},
        )
        for action, flow in parties
        if flow in FLOWS
    ]


def _message(topic: Topic, name: str) -> dict[str, Any]:
    key = {"kafka": {"key": _key(topic), "bindingVersion": BINDING}}
    if name == DEAD_LETTER:
        as_it_came = {"type": "string", "format": "binary", "description": topic.summary}
        return {"name": name, "contentType": "application/octet-stream", "payload": as_it_came, "bindings": key}
    newest = schemas.latest(name)
    stem, fields = next(iter(schemas.examples(name).items()))
    return {
        "name": name,
        "summary": json.loads(newest.text)["doc"].split(". ")[0].rstrip(".") + ".",
        "payload": _ref(f"components/schemas/{newest.id}"),
        "bindings": key,
        "examples": [{"name": stem, "payload": fields}],
        "x-single-object-header": {schema.id: schema.header.hex() for schema in schemas.versions(name)},
    }


def _key(topic: Topic) -> dict[str, Any]:
    """The key of a topic's messages. The binding takes no Avro schema: a key that is a record is told by its id."""
    if topic.key not in schemas.names():
        return {"type": "string", "description": topic.key}
    newest = schemas.latest(topic.key)
    return {
        "type": "string",
        "format": "binary",
        "description": f"{newest.id} of components/schemas, in single-object encoding",
        "x-single-object-header": {schema.id: schema.header.hex() for schema in schemas.versions(topic.key)},
    }


def _ref(path: str) -> dict[str, str]:
    return {"$ref": f"#/{path}"}


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
