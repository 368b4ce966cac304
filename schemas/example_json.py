"""From what an example says in JSON to what Avro writes."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def as_avro(schema: Any, said: Any) -> Any:
    """A value of ``schema`` (its JSON) as fastavro takes it: defaults filled in, moments and dates as integers.

    Moments are ISO 8601 with a zone, or ms since 1970; dates are ISO, or days since 1970; scaled numbers are integers.
    Raises ValueError for a field that is missing or unknown. Types are not checked here.
    """
    match schema:
        case list():
            return None if said is None else as_avro(next(part for part in schema if part != "null"), said)
        case {"type": "record", "fields": fields}:
            unknown = said.keys() - {field["name"] for field in fields}
            if unknown:
                raise ValueError(f"{schema['name']} has no field {', '.join(sorted(unknown))}")
            return {field["name"]: _field(schema["name"], field, said) for field in fields}
        case {"type": "array", "items": items}:
            return [as_avro(items, one) for one in said]
        case {"logicalType": "timestamp-millis"} if isinstance(said, str):
            return (datetime.fromisoformat(said) - _EPOCH) // timedelta(milliseconds=1)
        case {"logicalType": "date"} if isinstance(said, str):
            return date.fromisoformat(said).toordinal() - _EPOCH.toordinal()
    return said


def changed(document: Any, pointer: str, value: Any) -> Any:
    """A JSON document with another value where ``pointer`` (RFC 6901) points; ``-`` is behind the end of a list."""
    document = copy.deepcopy(document)
    *way, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    place = document
    for part in way:
        place = place[int(part) if isinstance(place, list) else part]
    if not isinstance(place, list):
        place[last] = value
    elif last == "-":
        place.append(value)
    else:
        place[int(last)] = value
    return document


def _field(record: str, field: dict[str, Any], said: dict[str, Any]) -> Any:
    if field["name"] in said:
        return as_avro(field["type"], said[field["name"]])
    if "default" not in field:
        raise ValueError(f"{record} needs {field['name']}")
    return field["default"]
