"""Bytes to columns: Kafka records in, one polars frame per record type out, and a dead letter for the rest.

Fast path: pyruhvro decodes all payloads of one schema at once; what it gives is validated (UTF-8) and encoded again:
only a payload that comes back byte for byte is taken. Everything else (other legal encodings, damage) goes record by
record through ``wire``, which gives its canonical bytes; then it takes the fast path too. So both paths give the same
columns. Those of an older version are resolved to the newest (``resolution``).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyruhvro

import schemas
from processor.engine import partitioner, resolution, wire
from processor.engine.model import DeadLetter, Record, Source

MAX_BYTES = 1 << 20
TOGETHER = 4_096
SPLIT = 16
"""Payloads read at a time; into how many parts they are split to find what is wrong among them; so few are looked at
singly.
"""

DAMAGE = (ValueError, pa.ArrowException)
"""What a payload that is not well-formed raises."""

REASONS = (
    "null_value",
    "oversized",
    "unknown_framing",
    "unknown_schema",
    "undecodable",
    "wrong_key",
    "wrong_partition",
    "unprocessable",
)
"""Why a record became a dead letter: the closed set of the header and of the metric's label."""


@dataclass(frozen=True)
class Decoded:
    """Columns of one record type. ``frame``: ``row`` (UInt32, place in the batch) and the schema's fields, times and
    dates as plain integers; ``payloads``: the canonical Avro bytes, in the same order, under the schema each was
    written with: what an event is made of does not change when a newer schema comes.
    """

    frame: pl.DataFrame
    payloads: list[bytes]


class Columns:
    """One version of a record type, between Avro payloads and polars columns."""

    def __init__(self, text: str) -> None:
        self.parsed = _plain(json.loads(text))
        self.text = json.dumps(self.parsed)
        self.arrow = pyruhvro.avro_to_arrow_schema(self.text)
        self.empty = pl.DataFrame(pl.from_arrow(self.arrow.empty_table()))

    def read(self, payloads: list[bytes]) -> pa.RecordBatch:
        """All payloads as columns. Raises when any of them is not well-formed, and then tells not which."""
        try:
            batch = pyruhvro.deserialize_array(payloads, self.text)
        except BaseException as panic:  # a Rust panic is no Exception
            if isinstance(panic, KeyboardInterrupt | SystemExit):
                raise
            raise ValueError(str(panic)) from None
        batch.validate(full=True)
        return batch

    def frame(self, payloads: list[bytes]) -> pl.DataFrame:
        """Payloads of our own making as a frame."""
        return pl.DataFrame(pl.from_arrow(self.read(payloads))) if payloads else self.empty

    def write(self, frame: pl.DataFrame) -> list[bytes]:
        """The rows of ``frame`` (the schema's fields by name, in its order) as Avro payloads."""
        if frame.is_empty():
            return []
        table = frame.select(self.arrow.names).to_arrow().cast(self.arrow)
        encoded: list[bytes] = self.encode(table.combine_chunks().to_batches()[0]).to_pylist()
        return encoded

    def encode(self, batch: pa.RecordBatch) -> pa.BinaryArray:
        """A record batch as Avro payloads."""
        return pyruhvro.serialize_record_batch(batch, self.text, 1)[0]

    def returned(self, batch: pa.RecordBatch, payloads: Sequence[bytes]) -> list[bool] | None:
        """Which rows of ``batch``, read from ``payloads``, are written as they were; None: all of them."""
        back = self.encode(batch)
        ends = np.frombuffer(back.buffers()[1], "<i4")[back.offset :][: len(back) + 1]
        data = back.buffers()[2].slice(ends[0], ends[-1] - ends[0])
        sizes = np.fromiter(map(len, payloads), np.int64, len(payloads))
        if np.array_equal(np.diff(ends), sizes) and data.equals(pa.py_buffer(b"".join(payloads))):
            return None
        return [a == b for a, b in zip(back.to_pylist(), payloads, strict=True)]


class Decoder:
    """Decodes the records of one input topic. ``keys``: the record types it may carry, and of each the field that the
    Kafka key must equal.
    """

    def __init__(self, keys: Mapping[str, str], versions: Mapping[str, Sequence[schemas.Schema]]) -> None:
        self.keys = keys
        known = [schema for name in keys for schema in versions[name]]
        self.columns = {schema.id: Columns(schema.text) for schema in known}
        self.newest = {name: self.columns[versions[name][-1].id] for name in keys}
        by_id = {schema.id: schema for schema in known}
        self.headers = {schema.header: schema for schema in known}
        for number, schema_id in schemas.confluent_ids().items():
            if schema_id in by_id:
                self.headers[schemas.CONFLUENT + number.to_bytes(4, "big")] = by_id[schema_id]
        parsed: dict[str, Any] = {name: fastavro.parse_schema(columns.parsed) for name, columns in self.columns.items()}
        self.strict = {schema_id: wire.canonical(schema) for schema_id, schema in parsed.items()}

    def decode(self, source: Source, records: Sequence[Record]) -> tuple[dict[str, Decoded], list[DeadLetter]]:
        """Frames by record type, and dead letters in log order. No bytes whatsoever raise."""
        partition = np.full(len(records), source.partition)
        decoded, dead = self.together(records, partition, source.partitions)
        return decoded, [letter for _, letter in dead]

    def together(
        self, records: Sequence[Record], partition: npt.NDArray[np.int64], partitions: int
    ) -> tuple[dict[str, Decoded], list[tuple[int, DeadLetter]]]:
        """The same for records of several of so many ``partitions``; ``partition``: of each record. Dead letters come
        with their rows.
        """
        dead: list[tuple[int, str, str]] = []
        taken = {name: _Taken(columns) for name, columns in self.newest.items()}
        for schema_id, rows, payloads in self._framed(records, dead):
            columns, into = self.columns[schema_id], taken[schema_id.split(".")[0]]
            _slow(columns, self.strict[schema_id], *_fast(columns, rows, payloads, into), into, dead)
        keys = [record.key for record in records]
        decoded = {
            name: self._addressed(self.keys[name], keys, partition, partitions, part.decoded(), dead)
            for name, part in taken.items()
        }
        return decoded, [(row, DeadLetter(records[row], reason, text)) for row, reason, text in sorted(dead)]

    def _framed(
        self, records: Sequence[Record], dead: list[tuple[int, str, str]]
    ) -> list[tuple[str, list[int], list[bytes]]]:
        """Schema id, rows and bare payloads of what has a header that was known when the record was appended."""
        values = [record.value for record in records]
        heads = [b"" if value is None or len(value) > MAX_BYTES else value[:10] for value in values]
        by_head: dict[bytes, int] = {head: place for place, head in enumerate(dict.fromkeys(heads))}
        of = np.array([by_head[head] for head in heads])
        framed: dict[str, tuple[list[int], list[bytes]]] = defaultdict(lambda: ([], []))
        for head, place in by_head.items():
            rows: list[int] = np.nonzero(of == place)[0].tolist()
            size = next((size for size in (10, 5) if head[:size] in self.headers), 0)
            schema = self.headers.get(head[:size])
            if schema is not None and schema.known_from:
                early = [row for row in rows if records[row].timestamp < schema.known_from]
                dead += [(row, "unknown_schema", f"{schema.id} was not known yet; replay") for row in early]
                rows = sorted({*rows} - {*early})
            if schema is not None:
                known_rows, payloads = framed[schema.id]
                known_rows += rows
                payloads += [values[row][size:] for row in rows]  # type: ignore[index]
            else:
                dead += [(row, *_unframed(values[row])) for row in rows]
        return [(schema_id, rows, payloads) for schema_id, (rows, payloads) in framed.items()]

    def _addressed(
        self,
        field: str,
        record_keys: list[bytes | None],
        partition: npt.NDArray[np.int64],
        partitions: int,
        decoded: Decoded,
        dead: list[tuple[int, str, str]],
    ) -> Decoded:
        """Keep what lies under its own key in the partition Kafka's default partitioner gives that key."""
        at = decoded.frame["row"].to_numpy()
        rows = at.tolist()
        keys: list[bytes] = decoded.frame[field].cast(pl.Binary).to_list()
        under = [record_keys[row] for row in rows]
        astray = partitioner.partitions(keys, partitions) != partition[at]
        if under == keys and not astray.any():
            return decoded
        keep = []
        for row, key, found, elsewhere in zip(rows, keys, under, astray.tolist(), strict=True):
            keep.append(key == found and not elsewhere)
            if key != found:
                dead.append((row, "wrong_key", f"the Kafka key must be the UTF-8 bytes of {field}"))
            elif elsewhere:
                text = "partition by murmur2 of the key: set partitioner=murmur2_random in librdkafka clients"
                dead.append((row, "wrong_partition", text))
        return Decoded(decoded.frame.filter(pl.Series(keep, dtype=pl.Boolean)), list(compress(decoded.payloads, keep)))


def _fast(columns: Columns, rows: list[int], payloads: list[bytes], taken: _Taken) -> tuple[list[int], list[bytes]]:
    """Take what comes back byte for byte; return the rest."""
    batches: list[pa.RecordBatch] = []
    good: list[int] = []
    for start in range(0, len(rows), TOGETHER):
        for batch, places in _read(columns, payloads, start, start + TOGETHER):
            same = columns.returned(batch, payloads[places.start : places.stop])
            batches.append(batch if same is None else batch.filter(pa.array(same, pa.bool_())))
            good += places if same is None else compress(places, same)
    if len(good) == len(rows):
        taken.add(columns, batches, rows, payloads)
        return [], []
    taken.add(columns, batches, [rows[place] for place in good], [payloads[place] for place in good])
    other = sorted({*range(len(rows))} - {*good})
    return [rows[place] for place in other], [payloads[place] for place in other]


def _slow(
    columns: Columns,
    strict: Callable[[bytes], bytes],
    rows: list[int],
    payloads: list[bytes],
    taken: _Taken,
    dead: list[tuple[int, str, str]],
) -> None:
    """Take what is well-formed, by its canonical bytes; the rest is dead."""
    good: list[int] = []
    canonical: list[bytes] = []
    for row, payload in zip(rows, payloads, strict=True):
        try:
            canonical.append(strict(payload))
        except wire.Malformed as reason:
            dead.append((row, "undecodable", str(reason)))
        else:
            good.append(row)
    if good:
        taken.add(columns, [columns.read(canonical)], good, canonical)


def _read(columns: Columns, payloads: list[bytes], start: int, end: int) -> Iterator[tuple[pa.RecordBatch, range]]:
    """What can be read of ``payloads[start:end]``, part by part with their places; a few neighbours of what cannot be
    read are left out with it.
    """
    places = range(start, min(end, len(payloads)))
    try:
        yield columns.read(payloads[start:end]), places
    except DAMAGE:
        if len(places) > SPLIT:
            size = -(-len(places) // SPLIT)
            for at in range(start, places.stop, size):
                yield from _read(columns, payloads, at, min(at + size, places.stop))


class _Taken:
    """What is taken so far of one record type, in the columns of its newest version."""

    def __init__(self, newest: Columns) -> None:
        self.newest = newest
        self.frames: list[pl.DataFrame] = []
        self.payloads: list[bytes] = []

    def add(self, columns: Columns, batches: Sequence[pa.RecordBatch], rows: list[int], payloads: list[bytes]) -> None:
        """``batches``: what ``payloads`` are in ``columns`` of their own version."""
        if columns is not self.newest:
            versions = columns.parsed, self.newest.parsed
            batches = [resolution.resolved(batch, *versions, self.newest.arrow) for batch in batches]
        table = pa.Table.from_batches(batches, self.newest.arrow).combine_chunks()
        self.frames.append(_rows(pl.DataFrame(pl.from_arrow(table)), rows))
        self.payloads += payloads

    def decoded(self) -> Decoded:
        return Decoded(pl.concat(self.frames) if self.frames else _rows(self.newest.empty, []), self.payloads)


def _rows(frame: pl.DataFrame, rows: list[int]) -> pl.DataFrame:
    return frame.hstack([pl.Series("row", rows, dtype=pl.UInt32)])


def _unframed(value: bytes | None) -> tuple[str, str]:
    if value is None:
        return "null_value", "the record has no value"
    if len(value) > MAX_BYTES:
        return "oversized", f"{len(value)} bytes; at most {MAX_BYTES} are taken"
    if value.startswith(schemas.SINGLE_OBJECT):
        if len(value) < 10:
            return "undecodable", "the payload ends inside its header"
        return "unknown_schema", f"no schema with fingerprint {value[2:10].hex()}; deploy it, then replay"
    if value.startswith(schemas.CONFLUENT):
        if len(value) < 5:
            return "undecodable", "the payload ends inside its header"
        return "unknown_schema", f"no schema with id {int.from_bytes(value[1:5], 'big')}; pin it, then replay"
    return "unknown_framing", "neither Avro single-object encoding (C3 01) nor Confluent framing (00)"


def _plain(schema: Any) -> Any:
    """The schema without logical types and defaults' documentation: times and dates stay integers."""
    if isinstance(schema, dict):
        if "logicalType" in schema:
            return schema["type"]
        return {k: _plain(v) for k, v in schema.items() if k != "doc"}
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    return schema
