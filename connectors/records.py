"""Between what people write, records and bytes: exact conversion into the canonical fields of a schema, and Avro.

Accepted per type of field, and nothing else (a binary floating point number never is):

- timestamp: ISO 8601 with a zone, at most milliseconds ("2024-05-01T09:00:00+08:00"); or an integer, ms since 1970 UTC
- date: ISO ("2024-05-01"); or an integer, days since 1970
- quantity, price, rate, charge, money, mass: a string in the natural unit (units, yuan for one, per cent, currency
  units, kilograms), "12.34"; or the scaled integer
- int, long, boolean, string, enum: JSON's integer, true or false, a string, one of the symbols
- nullable: the same or null; may be left out
- array: a list of the same

A decimal string must fit its field's scale (``SCALES``) without rounding. Fields a schema does not know are refused:
a misspelt optional field would otherwise be lost in silence.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import fastavro

import schemas

SCALES = {
    **dict.fromkeys(("quantity", "quantity_1", "quantity_2"), 5),
    **dict.fromkeys(("unit_price", "freight", "insurance", "other_charges"), 4),
    **dict.fromkeys(("total", "base", "amount", "value"), 2),
    **dict.fromkeys(("gross_mass", "net_mass"), 3),
    "rate": 10,
}
"""Fields that are longs scaled by a power of ten: name -> decimals of the natural unit (masses: kg kept in grams)."""

KEYS = {
    "CustomsDeclaration": "declaration_number",
    "DeclarationStatus": "declaration_number",
    "ControlRecord": "control_number",
}
"""Records of the input topic: name -> the field that is its Kafka key."""

Record = dict[str, Any]
Converter = Callable[[Any], Any]

_DECIMAL = re.compile(r"(-?)([0-9]{1,30})(?:\.([0-9]{1,30}))?", re.ASCII)
_FINER_THAN_MS = re.compile(r"[.,][0-9]{3}[0-9]*[1-9]", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_BITS = {"int": 31, "long": 63}


class RecordError(ValueError):
    """A value that cannot become a record's field. Says where (a JSON pointer) and why."""

    def __init__(self, why: str, pointer: str = "") -> None:
        super().__init__(f"{pointer}: {why}" if pointer else why)
        self.why = why
        self.pointer = pointer

    def below(self, part: str | int) -> RecordError:
        """The same error, seen from one level further out."""
        return RecordError(self.why, f"/{part}{self.pointer}")


class Encoded(NamedTuple):
    """One event ready for the input topic: the Kafka key and the single-object Avro value."""

    key: bytes
    value: bytes


def scaled(text: str, scale: int) -> int:
    """A decimal string as an integer scaled by 10**scale, exactly. Raises RecordError where digits would be lost."""
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise RecordError(f"{text[:40]!r} is not a decimal number such as 12.34")
    sign, whole, fraction = found.groups(default="")
    kept, lost = fraction[:scale], fraction[scale:]
    if lost.strip("0"):
        raise RecordError(f"{text!r} has more than {scale} decimals")
    number = int(whole + kept.ljust(scale, "0"))
    return -number if sign else number


def canonical(name: str, values: Mapping[str, Any]) -> Record:
    """The canonical fields of a record of the newest schema version, from values as the module's table accepts them.

    Raises RecordError for a missing, unknown, mistyped or inexact field; KeyError for an unknown record.
    """
    record: Record = _converter(name)(values)
    return record


def encode(name: str, record: Record) -> Encoded:
    """A canonical record of the input topic as key and value. Raises RecordError for text that is not Unicode."""
    try:
        out = io.BytesIO()
        out.write(schemas.latest(name).header)
        fastavro.schemaless_writer(out, _plain(name), record)
        return Encoded(record[KEYS[name]].encode(), out.getvalue())
    except UnicodeEncodeError:
        raise RecordError("text that is not valid UTF-8") from None


def decode(payload: bytes) -> Record:
    """The record of a single-object payload of ours, as the newest version has it; dates and timestamps as integers.

    Raises ValueError for another framing or an unknown fingerprint.
    """
    found = _readers().get(payload[:10])
    if found is None:
        raise ValueError(f"not a single-object payload of a known schema: starts with {payload[:10].hex()}")
    record = fastavro.schemaless_reader(io.BytesIO(payload[10:]), *found)
    assert isinstance(record, dict)
    return record


@cache
def _readers() -> dict[bytes, tuple[Any, Any]]:
    """Header -> (writer's schema, reader's schema or None when it is the same)."""
    return {
        s.header: (plain_schema(s.text), None if s == schemas.latest(name) else _plain(name))
        for name in schemas.names()
        for s in schemas.versions(name)
    }


def _without_logical_types(part: Any) -> Any:
    if isinstance(part, dict):
        return {k: _without_logical_types(v) for k, v in part.items() if k not in ("logicalType", "doc")}
    return [_without_logical_types(p) for p in part] if isinstance(part, list) else part


@cache
def plain_schema(text: str) -> Any:
    """A schema, given as JSON text, whose dates and timestamps stay integers when read and written."""
    return fastavro.parse_schema(_without_logical_types(json.loads(text)))


@cache
def _plain(name: str) -> Any:
    return plain_schema(schemas.latest(name).text)


@cache
def _converter(name: str) -> Converter:
    return _record(json.loads(schemas.latest(name).text))


def _record(described: Record) -> Converter:
    fields = [(f["name"], _AS_IS.get(str(f["type"])), _field(f), f.get("default", ...)) for f in described["fields"]]
    known = {name for name, *_ in fields}

    def convert(values: Any) -> Record:
        if not isinstance(values, Mapping):
            raise RecordError(f"an object was expected, not {_kind(values)}")
        out = {}
        for name, as_is, field, default in fields:
            value = values.get(name, ...)
            if type(value) is as_is:
                out[name] = value
                continue
            if value is ...:
                if default is ...:
                    raise RecordError("missing", f"/{name}")
                out[name] = default
                continue
            try:
                out[name] = field(value)
            except RecordError as error:
                raise error.below(name) from None
        if len(values) > len(known) or not known.issuperset(values):
            unknown = next(name for name in values if name not in known)
            raise RecordError(f"unknown field; {described['name']} has {', '.join(sorted(known))}", f"/{unknown}")
        return out

    return convert


def _field(described: Record) -> Converter:
    kind, name = described["type"], described["name"]
    if isinstance(kind, list):
        (inner,) = (k for k in kind if k != "null")
        convert = _type(inner, name)
        return lambda value: None if value is None else convert(value)
    return _type(kind, name)


def _type(kind: Any, name: str) -> Converter:
    if isinstance(kind, str):
        return _scaled(SCALES[name]) if name in SCALES else _PRIMITIVES[kind]
    if "logicalType" in kind:
        return _LOGICAL[kind["logicalType"]]
    match kind["type"]:
        case "enum":
            return _symbol(kind["symbols"])
        case "array":
            return _array(_type(kind["items"], ""))
        case "record":
            return _record(kind)
    raise TypeError(f"no conversion for fields of type {kind}")


def _only(wanted: type, words: str) -> Converter:
    def convert(value: Any) -> Any:
        if not isinstance(value, wanted):
            raise RecordError(f"{words} was expected, not {_kind(value)}")
        return value

    return convert


def _integer(bits: int) -> Converter:
    def convert(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise RecordError(f"an integer was expected, not {_kind(value)}")
        if not -(1 << bits) <= value < 1 << bits:
            raise RecordError(f"does not fit {bits + 1} bits")
        return value

    return convert


def _scaled(scale: int) -> Converter:
    integer = _integer(_BITS["long"])

    def convert(value: Any) -> int:
        if isinstance(value, str):
            value = scaled(value, scale)
        elif not isinstance(value, int) or isinstance(value, bool):
            raise RecordError(
                f'a string such as "12.34" or an integer scaled by 10^{scale} was expected, not {_kind(value)}'
            )
        number: int = integer(value)
        return number

    return convert


def _symbol(symbols: list[str]) -> Converter:
    def convert(value: Any) -> str:
        if not isinstance(value, str) or value not in symbols:
            raise RecordError(f"one of {', '.join(symbols)} was expected, not {_kind(value)}")
        return value

    return convert


def _array(item: Converter) -> Converter:
    def convert(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise RecordError(f"a list was expected, not {_kind(value)}")
        out = []
        for n, one in enumerate(value):
            try:
                out.append(item(one))
            except RecordError as error:
                raise error.below(n) from None
        return out

    return convert


def _timestamp(value: Any) -> int:
    if not isinstance(value, str):
        number: int = _integer(_BITS["long"])(value)
        return number
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise RecordError(f"{value[:40]!r} is not an ISO 8601 moment such as 2024-05-01T09:00:00+08:00") from None
    if moment.tzinfo is None:
        raise RecordError(f"{value!r} has no time zone")
    if _FINER_THAN_MS.search(value):
        raise RecordError(f"{value!r} is finer than a millisecond")
    return (moment - _EPOCH) // _MS


def _date(value: Any) -> int:
    if not isinstance(value, str):
        number: int = _integer(_BITS["int"])(value)
        return number
    try:
        return date.fromisoformat(value).toordinal() - _EPOCH.toordinal()
    except ValueError:
        raise RecordError(f"{value[:40]!r} is not an ISO date such as 2024-05-01") from None


_PRIMITIVES: dict[str, Converter] = {
    "string": _only(str, "a string"),
    "boolean": _only(bool, "true or false"),
    "int": _integer(_BITS["int"]),
    "long": _integer(_BITS["long"]),
}
_AS_IS: dict[str, type] = {"string": str, "boolean": bool}
"""Types whose values need no conversion: most fields are such (a declaration: 30 -> 20 us)."""
_LOGICAL: dict[str, Converter] = {"timestamp-millis": _timestamp, "date": _date}


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
