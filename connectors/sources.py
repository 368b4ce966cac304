"""Files of events, read row by row: JSON lines, Avro containers, CSV. A row that cannot be read is an Unreadable.

The format follows the file's suffix: ``.jsonl`` and ``.csv`` (also ``.gz`` of both), ``.avro``.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import fastavro

import schemas
from connectors.records import plain_schema

MAX_LINE_BYTES = 16 << 20
"""A JSON line longer than this is refused unread; an event may have 1 MiB of Avro."""


class SourceError(ValueError):
    """A file that cannot be read at all. Says what is wrong and what to do."""


class Row(NamedTuple):
    """One row: its line (of CSV: its last) or number (Avro), its record if it says so, and its values by name."""

    line: int
    record: str | None
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Unreadable:
    """A row that is no row: its line or number, and why."""

    line: int
    reason: str


Rows = Iterator[Row | Unreadable]


def format_of(path: Path) -> str:
    """``jsonl``, ``avro`` or ``csv``, by suffix. Raises SourceError for another one."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
        if suffixes[-1:] == [".avro"]:
            raise SourceError(f"{path}: an Avro container is compressed inside, unpack it first")
    found = suffixes[-1].removeprefix(".") if suffixes else ""
    if found not in ("jsonl", "avro", "csv"):
        raise SourceError(f"{path}: the name must end in .jsonl, .csv (or .gz of these) or .avro")
    return found


def _open(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def _as_far_as_it_goes(path: Path, rows: Rows) -> Rows:
    """Rows of a compressed file, which may be cut short or damaged; then the last of them is Unreadable."""
    line = 0
    try:
        for row in rows:
            line = row.line
            yield row
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        if not line:
            raise SourceError(f"{path}: {error}") from None
        yield Unreadable(line + 1, f"the rest of the file cannot be read: {error}")


def json_lines(path: Path) -> Rows:
    """One JSON object a line, UTF-8; a member ``record`` names the record. Empty lines are passed over."""
    return _as_far_as_it_goes(path, _json_lines(path))


def _json_lines(path: Path) -> Rows:
    with _open(path) as stream:
        line = 0
        while text := stream.readline(MAX_LINE_BYTES):
            line += 1
            if len(text) == MAX_LINE_BYTES and not text.endswith(b"\n"):
                while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                    pass
                yield Unreadable(line, f"longer than {MAX_LINE_BYTES} bytes")
            elif not text.isspace():
                yield _json_row(line, text)


def _json_row(line: int, text: bytes) -> Row | Unreadable:
    try:
        values = json.loads(text, object_pairs_hook=_once, parse_float=Decimal, parse_constant=Decimal)
    except RecursionError:
        return Unreadable(line, "nested too deeply")
    except ValueError as error:
        return Unreadable(line, f"not JSON: {error}")
    if not isinstance(values, dict):
        return Unreadable(line, "not a JSON object")
    record = values.pop("record", None)
    if record is not None and not isinstance(record, str):
        return Unreadable(line, "/record: not a string")
    return Row(line, record, values)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)!r} is said twice")
    return values


def csv_rows(path: Path) -> Rows:
    """The rows of a CSV with a header line, UTF-8 with or without a byte order mark; values are texts by column.

    The first item of the iteration is the header itself: a Row whose values map each column to its number.
    """
    return _as_far_as_it_goes(path, _csv_rows(path))


def _csv_rows(path: Path) -> Rows:
    with _open(path) as stream, io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="") as text:
        reader = csv.reader(text, strict=True)
        header = next(reader, None)
        if not header:
            raise SourceError(f"{path}: empty, no header line")
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            raise SourceError(f"{path}: the header says {', '.join(map(repr, twice))} twice")
        yield Row(1, None, {name: n for n, name in enumerate(header)})
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Unreadable(reader.line_num, f"not CSV: {error}")
                continue
            if len(row) == len(header):
                yield Row(reader.line_num, None, dict(zip(header, row, strict=True)))
            elif row:
                yield Unreadable(reader.line_num, f"{len(row)} columns, the header has {len(header)}")


def avro_rows(path: Path) -> Rows:
    """The records of an Avro container, numbered from 1.

    Its schema must be a released one of ``schemas/`` or a union of such, each type defined once: no strange writer
    schema is ever read with.
    Bytes that do not fit lose the rest of their block, and say so.
    """
    with _open(path) as stream:
        try:
            blocks = fastavro.block_reader(stream)
            branches = _released(fastavro.schema.expand_schema(blocks.writer_schema))
        except (ValueError, KeyError, fastavro.schema.SchemaParseException) as error:
            raise SourceError(f"{path}: {error}") from None
        union = isinstance(blocks.writer_schema, list)
        number = 0
        while True:
            try:
                block: Any = next(blocks)
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001 - whatever a broken file makes the codec raise
                yield Unreadable(number + 1, f"the rest of the file cannot be read: {error!r}")
                return
            data, last = block.bytes_, number + block.num_records
            while number < last:
                number += 1
                try:
                    yield _avro_row(number, data, branches, union=union)
                except Exception as error:  # noqa: BLE001 - likewise
                    yield Unreadable(number, f"{last - number + 1} records of a block cannot be read: {error!r}")
                    number = last


def _avro_row(number: int, data: io.BytesIO, branches: list[tuple[str, Any]], *, union: bool) -> Row:
    branch = fastavro.schemaless_reader(data, "int", None) if union else 0
    if not isinstance(branch, int) or not 0 <= branch < len(branches):
        raise ValueError(f"no branch {branch!r}")
    name, schema = branches[branch]
    record = fastavro.schemaless_reader(data, schema, None)
    assert isinstance(record, dict)
    return Row(number, name, record)


def _released(writer: Any) -> list[tuple[str, Any]]:
    known = {_canonical_form(json.loads(s.text)): s for name in schemas.names() for s in schemas.versions(name)}
    branches = []
    for branch in writer if isinstance(writer, list) else [writer]:
        schema = known.get(_canonical_form(branch))
        if schema is None:
            name = branch.get("name", branch) if isinstance(branch, dict) else branch
            raise ValueError(f"written with a schema {name} that is not one of schemas/; rewrite the file with one")
        branches.append((schema.name, plain_schema(schema.text)))
    return branches


def _canonical_form(schema: Any) -> str:
    return fastavro.schema.to_parsing_canonical_form(schema)
