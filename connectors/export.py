"""A counter's rows and changes as JSON lines, CSV or Parquet, exactly: no figure ever becomes a float.

The same columns everywhere: key, window end and time zone, measures, then what a total says of itself; before them
``change`` and ``old_revision`` where changes are followed. Scaled measures are decimals ("12.34"; decimal128 in
Parquet), other measures integers, moments ISO 8601 in UTC (timestamp[ms, UTC] in Parquet).
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.client import Subscription
from connectors.table import AsOf, Snapshot
from connectors.totals import Change, Counter, K, M, Total, fields

Format = Literal["jsonl", "csv", "parquet"]

CHANGE = ("change", "old_revision")
ABOUT = ("revision", "generation", "status", "source_positions", "watermark", "definition")
LONG_DIGITS = 19
"""Decimal digits of the largest 64-bit integer."""

_WINDOWS = ("MINUTE", "DAY", "MONTH", "YEAR", "ALL_TIME")
_TYPES = {
    **dict.fromkeys(("window_start", "window_end", "watermark"), pa.timestamp("ms", tz="UTC")),
    "slice": pa.int32(),
    "revision": pa.int64(),
    "generation": pa.int32(),
    "definition": pa.int32(),
    "source_positions": pa.list_(pa.int64()),
}


def export(
    subscription: Subscription[K, M],
    stdout: TextIO,
    tell: Callable[[AsOf], None],
    *,
    form: Format = "jsonl",
    output: Path | None = None,
    snapshot: bool = True,
    follow: bool = False,
) -> None:
    """Write the table, its changes from now on, or both, to ``output`` or ``stdout``; tell as of what the table is.

    A file without changes to come appears when it is whole, or not at all. Raises ValueError for what a form cannot do
    (before anything is read) and for a file that cannot be written.
    """
    if form == "parquet" and (follow or output is None):
        raise ValueError(f"parquet is one finished file: {'it cannot --follow' if follow else 'it needs --output'}")
    taken = subscription.snapshot()
    with _plainly(output):
        if form == "parquet":
            assert output is not None
            parquet(subscription.counter, taken, output)
            tell(taken.as_of)
            return
        with _opened(output, stdout, growing=follow) as out:
            writer = (JsonLines if form == "jsonl" else Csv)(out, subscription.counter, changes=follow)
            if snapshot:
                writer.write(Change(row.key, row, None) for row in in_order(taken))
            writer.as_of(taken.as_of)
            tell(taken.as_of)
            for update in subscription.updates() if follow else ():
                writer.write(update.changes)
                writer.as_of(update.as_of)


def in_order(taken: Snapshot[K, M]) -> list[Total[K, M]]:
    """The rows by dimensions, then kind of window, shortest first, then its start: equal tables, equal files."""

    def place(key: Any) -> tuple[Any, ...]:
        *dimensions, window, start = key
        return (*dimensions, _WINDOWS.index(window), start and start.timestamp())

    return [taken.rows[key] for key in sorted(taken.rows, key=place)]


def flat(counter: Counter[K, M], change: Change[K, M]) -> dict[str, Any]:
    """A change as named values: str, int, Decimal, datetime in UTC, list of int, or None.

    A delete has its key and its old revision only.
    """
    scales, key, row = counter.scales, _named(change.key), change.row
    values = {"change": "delete" if row is None else "put", "old_revision": change.old_revision, **key}
    if row is None:
        return {name: values.get(name) for name in columns(counter, changes=True)}
    measures = {name: decimal(n, scales[name]) if scales[name] else n for name, n in _named(row.measures).items()}
    about = {name: getattr(row, name) for name in ABOUT} | {"source_positions": list(row.source_positions)}
    return {**values, "window_end": row.window_end, "time_zone": row.time_zone, **measures, **about}


def columns(counter: Counter[K, M], *, changes: bool) -> list[str]:
    """The names of the columns, in order."""
    front: tuple[str, ...] = CHANGE if changes else ()
    return [*front, *fields(counter.key), "window_end", "time_zone", *fields(counter.measures), *ABOUT]


def decimal(number: int, scale: int) -> Decimal:
    """A scaled integer in its natural unit, exactly, with all its decimals."""
    return Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale))


class JsonLines:
    """One object a line: rows as ``flat`` names them, and ``{"as_of": {...}}`` after what it is about, if it moved."""

    def __init__(self, out: TextIO, counter: Counter[Any, Any], *, changes: bool) -> None:
        self.out, self.counter, self.columns = out, counter, columns(counter, changes=changes)
        self._told: AsOf | None = None

    def write(self, changes: Iterable[Change[Any, Any]]) -> None:
        for change in changes:
            values = flat(self.counter, change)
            self._line({name: values[name] for name in self.columns})
        self.out.flush()

    def as_of(self, as_of: AsOf) -> None:
        if as_of != self._told:
            self._told = as_of
            self._line({"as_of": as_of._asdict()})
            self.out.flush()

    def _line(self, values: dict[str, Any]) -> None:
        self.out.write(json.dumps(values, ensure_ascii=False, default=text) + "\n")


class Csv:
    """A header, then a line a row. No value is an empty field; source positions are separated by spaces."""

    def __init__(self, out: TextIO, counter: Counter[Any, Any], *, changes: bool) -> None:
        self.out, self.counter = out, counter
        self.rows = csv.DictWriter(out, columns(counter, changes=changes), extrasaction="ignore", lineterminator="\n")
        self.rows.writeheader()

    def write(self, changes: Iterable[Change[Any, Any]]) -> None:
        for change in changes:
            self.rows.writerow({name: _cell(value) for name, value in flat(self.counter, change).items()})
        self.out.flush()

    def as_of(self, as_of: AsOf) -> None:
        """Has no place in a CSV; whoever writes one tells it beside."""


def parquet(counter: Counter[K, M], taken: Snapshot[K, M], path: Path) -> None:
    """A table as one Parquet file. Its metadata say the counter and as of which positions, its columns their meaning.

    ``single_window.counter`` is a name, ``single_window.as_of`` the JSON of an ``AsOf``.
    """
    about = {"counter": counter.name, "as_of": json.dumps(taken.as_of._asdict(), default=text)}
    names = columns(counter, changes=False)
    schema = pa.schema(
        [pa.field(name, _type(counter, name), metadata={"description": counter.docs.get(name, "")}) for name in names],
        {f"single_window.{name}": said for name, said in about.items()},
    )
    rows = [flat(counter, Change(row.key, row, None)) for row in in_order(taken)]
    table = pa.Table.from_pydict({name: [row[name] for row in rows] for name in names}, schema)
    with whole(path) as part, part.open("wb") as out:
        pq.write_table(table, out, compression="zstd")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to; what is there in the end is put in the place of ``path`` at once, or is gone on an error."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def text(value: object) -> str:
    """A moment as ISO 8601 with milliseconds, a decimal with all its digits. For ``json.dumps``."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"no text for {type(value).__name__}")


@contextmanager
def _opened(output: Path | None, stdout: TextIO, *, growing: bool) -> Iterator[TextIO]:
    """Where to write text; a file that is not to grow for ever appears when it is whole."""
    with ExitStack() as stack:
        if output is None:
            yield stdout
            return
        path = output if growing else stack.enter_context(whole(output))
        yield stack.enter_context(path.open("w", encoding="utf-8", newline=""))


@contextmanager
def _plainly(output: Path | None) -> Iterator[None]:
    """A file that cannot be written, as a ValueError that says why."""
    try:
        yield
    except OSError as error:
        if output is None:
            raise
        raise ValueError(f"cannot write {output}: {error.strerror}") from None


def _cell(value: object) -> object:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return text(value) if isinstance(value, datetime | Decimal) else value


def _type(counter: Counter[Any, Any], name: str) -> pa.DataType:
    """The Arrow type of a column of a table."""
    if name in counter.scales:
        scale = counter.scales[name]
        return pa.decimal128(LONG_DIGITS, scale) if scale else pa.int64()
    return _TYPES.get(name, pa.string())


def _named(values: Any) -> dict[str, Any]:
    named: dict[str, Any] = values._asdict()
    return named
