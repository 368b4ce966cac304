"""Whether a reader with one version of a schema can read what was written with another (Avro's schema resolution)."""

from __future__ import annotations

from typing import Any

_WIDER = {"int": {"long", "float", "double"}, "long": {"float", "double"}, "float": {"double"}}
"""What a writer's type may be read as, beside itself."""


def obstacles(reader: Any, writer: Any, at: str = "") -> list[str]:
    """What keeps ``reader`` from reading all that ``writer`` writes: a line each, with the place; empty when nothing.

    Both are the JSON of a schema of the types our schemas use: records, nullable fields, arrays, enums, primitives.
    A change of logical type is an obstacle too: the number would be read as something else.
    """
    if isinstance(writer, list):
        return [line for branch in writer for line in obstacles(reader, branch, at)]
    if isinstance(reader, list):
        every = [obstacles(branch, writer, at) for branch in reader]
        return min(every, key=len) if all(every) else []
    read, written = _type(reader), _type(writer)
    if read != written and read not in _WIDER.get(written, ()):
        return [f"{at or '/'}: {written} cannot be read as {read}"]
    if _logical(reader) != _logical(writer):
        return [f"{at or '/'}: {_logical(writer)} would be read as {_logical(reader)}"]
    match read:
        case "record":
            return _named(reader, writer, at) + _fields(reader, writer, at)
        case "array":
            return obstacles(reader["items"], writer["items"], f"{at}/*")
        case "enum":
            lost = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
            unknown = [] if "default" in reader else [f"{at or '/'}: symbol {symbol} is not known" for symbol in lost]
            return _named(reader, writer, at) + unknown
    return []


def _type(schema: Any) -> str:
    kind = schema["type"] if isinstance(schema, dict) else schema
    assert isinstance(kind, str)
    return kind


def _logical(schema: Any) -> str:
    return str(schema.get("logicalType", "a number")) if isinstance(schema, dict) else "a number"


def _named(reader: Any, writer: Any, at: str) -> list[str]:
    if reader["name"] == writer["name"]:
        return []
    return [f"{at or '/'}: {writer['name']} cannot be read as {reader['name']}"]


def _fields(reader: Any, writer: Any, at: str) -> list[str]:
    written = {field["name"]: field["type"] for field in writer["fields"]}
    found = []
    for field in reader["fields"]:
        place = f"{at}/{field['name']}"
        if field["name"] in written:
            found += obstacles(field["type"], written[field["name"]], place)
        elif "default" not in field:
            found.append(f"{place}: new, without a default")
    return found
