"""A mapping file (YAML): how the rows of a foreign table become events. Declarative; it never invents a value.

    record: CustomsDeclaration         # what a row is
    fields:                            # field of the schema -> where its value comes from
      declaration_number: {column: Declaration ID, prefix: KR}
      event_time: {column: Date, moment: {at: "09:00", zone: Asia/Seoul}}
      containers: {constant: []}
      items:                           # a list of items, each with its own fields
        - sequence: {constant: 1}
          total: {column: Item Price}
    then:                              # further events of the same row, in this order after it
      - record: DeclarationStatus
        fields:
          event_id: {field: event_id, suffix: -RELEASED}    # a field of the row's first event

A value has one source, ``column`` (its text), ``constant`` or ``field``, and any of these steps, done in this order:

| step | does |
|---|---|
| strip: true | takes blanks off both ends |
| null_if: ["", "-"] | these texts are null; null stays null through all later steps |
| lookup: {"1": A} | replaces a text by its entry; a text without one refuses the row |
| integer: true | decimal digits -> integer |
| decimal: {shift: n} | moves the decimal point n places right (tonnes -> kg: 3) |
| decimal: {digits: n} | keeps n significant digits; for files written from binary floating point, which carries 15 |
| date: "%d.%m.%Y" | a day -> ISO date |
| moment: {date: "%Y-%m-%d", at: "09:00", zone: Asia/Seoul} | a day -> that time of day there |
| prefix: X, suffix: X | puts text before and after |

What comes out goes through ``connectors.records.canonical`` like any other input: decimals that do not fit the field's
scale refuse the row. ``sent_at`` may be left out: the publisher is the sender and says when it sends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Context, InvalidOperation
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

import schemas
from connectors.records import Record, RecordError

SOURCES = ("column", "constant", "field")
Values = Mapping[str, Any]
Step = Callable[[Any], Any]
Value = Callable[[Values, Values], Any]
"""(the row's texts by column, the canonical fields of the row's first event) -> a value."""


class MappingError(ValueError):
    """A mapping file that cannot be used. Says which part and what is wrong."""


@dataclass(frozen=True)
class Event:
    """One event of a row: its record, and where its fields come from."""

    record: str
    fields: dict[str, Value]

    def values(self, row: Values, first: Values) -> Record:
        """The event's values, still to be made canonical. Raises RecordError with the field's pointer."""
        return _values(self.fields, row, first)


@dataclass(frozen=True)
class RowMapping:
    """A mapping file, compiled: the events of one row in order, and the columns they need."""

    events: tuple[Event, ...]
    columns: frozenset[str]

    def check(self, header: Values) -> None:
        """Raises MappingError when the table lacks a column the mapping names."""
        missing = sorted(self.columns - header.keys())
        if missing:
            raise MappingError(f"the table has no column {', '.join(map(repr, missing))}; it has {', '.join(header)}")


SHIPPED = Path(__file__).parent / "mappings"
"""Mapping files that come with the project."""


def find(name: str) -> Path:
    """The mapping file of that path, or the shipped one of that name. Raises MappingError naming those there are."""
    for path in (Path(name), SHIPPED / f"{name}.yaml"):
        if path.is_file():
            return path
    shipped = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.yaml")))
    raise MappingError(f"no mapping file {name}; shipped are: {shipped}")


def load(path: Path) -> RowMapping:
    """A mapping file, checked against the schemas. Raises MappingError."""
    try:
        described = yaml.safe_load(path.read_text(encoding="utf-8"))
        return compile_mapping(described)
    except (yaml.YAMLError, MappingError) as error:
        raise MappingError(f"{path}: {error}") from None


def compile_mapping(described: Any) -> RowMapping:
    """A mapping as read from YAML, checked and compiled. Raises MappingError."""
    part = _table(described, "the mapping", {"about", "record", "fields", "then"}, {"record", "fields"})
    columns: set[str] = set()
    first = _event({"record": part["record"], "fields": part["fields"]}, "the mapping", columns, frozenset())
    earlier = frozenset(first.fields)
    more = [_event(spec, f"then/{n}", columns, earlier) for n, spec in enumerate(part.get("then", []))]
    return RowMapping((first, *more), frozenset(columns))


def _event(described: Any, where: str, columns: set[str], earlier: frozenset[str]) -> Event:
    part = _table(described, where, {"record", "fields"}, {"record", "fields"})
    record = part["record"]
    if record not in schemas.topic("customs.declarations").values:
        raise MappingError(f"{where}: record {record!r} is not an event of customs.declarations")
    schema = schemas.latest(record).parsed["fields"]
    needed = {f["name"] for f in schema if "default" not in f} - {"sent_at"}
    fields = _table(part["fields"], f"{where}/fields", {f["name"] for f in schema}, needed)
    compiled = {name: _source(spec, f"{where}/fields/{name}", columns, earlier) for name, spec in fields.items()}
    return Event(record, compiled)


def _source(spec: Any, where: str, columns: set[str], earlier: frozenset[str]) -> Value:
    if isinstance(spec, list):
        items = [
            {n: _source(v, f"{where}/{i}/{n}", columns, earlier) for n, v in _table(item, f"{where}/{i}").items()}
            for i, item in enumerate(spec)
        ]
        return partial(_list, items)
    part = _table(spec, where, {*SOURCES, *STEPS})
    sources = [s for s in SOURCES if s in part]
    if len(sources) != 1:
        raise MappingError(f"{where}: exactly one of {', '.join(SOURCES)} is needed, found {len(sources)}")
    steps = [make(part[name], f"{where}/{name}") for name, make in STEPS.items() if name in part]
    source = part[sources[0]]
    if sources[0] == "constant":
        return _constant(_through(steps, source))
    if sources[0] == "field":
        if source not in earlier:
            raise MappingError(
                f"{where}: {source!r} is not a field of the row's first event; only `then` can refer to it"
            )
        return lambda _, event: _through(steps, event[source])
    columns.add(source)
    return lambda row, _: _through(steps, row[source])


def _constant(value: Any) -> Value:
    return lambda _row, _first: value


def _through(steps: list[Step], value: Any) -> Any:
    for step in steps:
        if value is None:
            return None
        value = step(value)
    return value


def _list(items: list[dict[str, Value]], row: Values, first: Values) -> list[Record]:
    out = []
    for n, item in enumerate(items):
        try:
            out.append(_values(item, row, first))
        except RecordError as error:
            raise error.below(n) from None
    return out


def _values(fields: dict[str, Value], row: Values, first: Values) -> Record:
    out = {}
    for name, value in fields.items():
        try:
            out[name] = value(row, first)
        except RecordError as error:
            raise error.below(name) from None
    return out


def _table(value: Any, where: str, allowed: set[str] | None = None, needed: set[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MappingError(f"{where}: a table of names was expected, not {value!r}")
    odd = sorted(repr(name) for name in value if not isinstance(name, str))
    if odd:
        raise MappingError(f"{where}: {', '.join(odd)} must be quoted (YAML reads NO as false and 10 as a number)")
    if unknown := sorted(value.keys() - allowed if allowed is not None else ()):
        raise MappingError(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(sorted(allowed or ()))}")
    if missing := sorted((needed or set()) - value.keys()):
        raise MappingError(f"{where}: {', '.join(missing)} missing")
    return value


def _strip(_: Any, __: str) -> Step:
    return lambda text: text.strip()


def _null_if(texts: Any, where: str) -> Step:
    if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
        raise MappingError(f"{where}: a list of quoted texts was expected")
    return lambda text: None if text in texts else text


def _lookup(spec: Any, where: str) -> Step:
    table = _table(spec, where)

    def step(text: Any) -> Any:
        if text not in table:
            raise RecordError(f"{text!r} is not in the mapping's lookup table")
        return table[text]

    return step


def _integer(_: Any, __: str) -> Step:
    def step(text: str) -> int:
        if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 20):
            raise RecordError(f"{text[:40]!r} is not an integer")
        return int(text)

    return step


def _decimal(spec: Any, where: str) -> Step:
    part = _table(spec, where, {"shift", "digits"})
    shift, digits = part.get("shift", 0), part.get("digits", 60)
    if not isinstance(shift, int) or not isinstance(digits, int) or not -30 <= shift <= 30 or not 1 <= digits <= 60:
        raise MappingError(f"{where}: shift is a whole number within 30, digits one of 1..60")
    context = Context(prec=digits, rounding=ROUND_HALF_EVEN)

    def step(text: str) -> str:
        if len(text) > 60 or not text.isascii():
            raise RecordError(f"{text[:40]!r} is not a decimal number")
        try:
            number = context.create_decimal(text).scaleb(shift, context)
        except InvalidOperation:
            raise RecordError(f"{text!r} is not a decimal number") from None
        if not number.is_finite() or abs(number.adjusted()) > 60:
            raise RecordError(f"{text!r} is out of range")
        return f"{number:f}"

    return step


def _day(layout: str, text: str) -> date:
    try:
        return datetime.strptime(text, layout).replace(tzinfo=UTC).date()
    except ValueError:
        raise RecordError(f"{text[:40]!r} is not a date of the form {layout}") from None


def _date(layout: Any, where: str) -> Step:
    if not isinstance(layout, str):
        raise MappingError(f'{where}: a layout such as "%Y-%m-%d" was expected')
    return lru_cache(4096)(lambda text: _day(layout, text).isoformat())


def _moment(spec: Any, where: str) -> Step:
    part = _table(spec, where, {"date", "at", "zone"}, {"at", "zone"})
    layout = part.get("date", "%Y-%m-%d")
    try:
        at, zone = time.fromisoformat(part["at"]), ZoneInfo(part["zone"])
    except (ValueError, TypeError, ZoneInfoNotFoundError) as error:
        raise MappingError(f'{where}: a quoted time such as "09:00" and an IANA zone are needed: {error}') from None
    return lru_cache(4096)(lambda text: datetime.combine(_day(layout, text), at, zone).isoformat())


def _prefix(text: Any, _: str) -> Step:
    return lambda value: f"{text}{value}"


def _suffix(text: Any, _: str) -> Step:
    return lambda value: f"{value}{text}"


STEPS: dict[str, Callable[[Any, str], Step]] = {
    "strip": _strip,
    "null_if": _null_if,
    "lookup": _lookup,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "moment": _moment,
    "prefix": _prefix,
    "suffix": _suffix,
}
"""The steps in the order they are done: name -> (what the file says, where) -> step."""
