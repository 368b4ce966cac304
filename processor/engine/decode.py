"""Bytes to columns: Kafka records in, one polars frame per record type out, and a dead letter for the rest.

Fast path: pyruhvro decodes all payloads of the newest schema at once; what it gives is validated (UTF-8) and encoded
again: only a payload that comes back byte for byte is taken. Everything else (older versions, other legal encodings,
damage) goes record by record through ``wire.check`` and fastavro with schema resolution, is written anew in the
newest schema, and then takes the fast path too; so both paths give the same columns.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
import polars as pl
import pyarrow as pa
import pyruhvro

import schemas
from processor.engine import partitioner, wire
from processor.engine.model import DeadLetter, Record, Source

MAX_BYTES = 1 << 20
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
    dates as plain integers; ``payloads``: the canonical Avro bytes, in the same order."""

    frame: pl.DataFrame
    payloads: list[bytes]


class Columns:
    """One record type of the newest schema, between Avro payloads and polars columns."""

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
        return self.encode(table.combine_chunks().to_batches()[0])

    def encode(self, batch: pa.RecordBatch) -> list[bytes]:
        """A record batch as Avro payloads."""
        encoded: list[bytes] = pyruhvro.serialize_record_batch(batch, self.text, 1)[0].to_pylist()
        return encoded


class Decoder:
    """Decodes the records of one input topic. ``names``: the record types it may carry; ``key``: the field the
    Kafka key must equal."""

    def __init__(self, names: Sequence[str], key: str, versions: Mapping[str, Sequence[schemas.Schema]]) -> None:
        self.key = key
        self.columns = {name: Columns(versions[name][-1].text) for name in names}
        self.newest = {name: versions[name][-1].id for name in names}
        known = [schema for name in names for schema in versions[name]]
        by_id = {schema.id: schema for schema in known}
        self.headers = {schema.header: schema for schema in known}
        for number, schema_id in schemas.confluent_ids().items():
            if schema_id in by_id:
                self.headers[schemas.CONFLUENT + number.to_bytes(4, "big")] = by_id[schema_id]
        self.plain = {schema.id: fastavro.parse_schema(_plain(json.loads(schema.text))) for schema in known}

    def decode(self, source: Source, records: Sequence[Record]) -> tuple[dict[str, Decoded], list[DeadLetter]]:
        """Frames by record type, and dead letters in log order. No bytes whatsoever raise."""
        dead: list[tuple[int, str, str]] = []
        payloads: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
        for row, schema, body in self._framed(records, dead):
            payloads[schema.id].append((row, body))
        canonical: dict[str, list[tuple[int, bytes]]] = {name: [] for name in self.columns}
        frames: dict[str, list[pl.DataFrame]] = {name: [] for name in self.columns}
        for schema_id, rows in payloads.items():
            name = schema_id.split(".")[0]
            if schema_id == self.newest[name]:
                rest = self._fast(name, rows, frames[name], canonical[name])
            else:
                rest = rows
            again = self._slow(name, schema_id, rest, dead)
            if again:
                frames[name].append(_rows(self.columns[name].frame([p for _, p in again]), [r for r, _ in again]))
                canonical[name] += again
        decoded = {}
        for name, parts in frames.items():
            frame = pl.concat(parts) if parts else _rows(self.columns[name].empty, [])
            decoded[name] = self._addressed(source, records, Decoded(frame, [p for _, p in canonical[name]]), dead)
        return decoded, [DeadLetter(records[row], reason, text) for row, reason, text in sorted(dead)]

    def _framed(self, records: Sequence[Record], dead: list[tuple[int, str, str]]) -> list[tuple[int, Any, bytes]]:
        framed = []
        headers = self.headers
        for row, record in enumerate(records):
            value = record.value
            if value is None:
                dead.append((row, "null_value", "the record has no value"))
            elif len(value) > MAX_BYTES:
                dead.append((row, "oversized", f"{len(value)} bytes; at most {MAX_BYTES} are taken"))
            elif (schema := headers.get(value[:10])) is not None:
                framed.append((row, schema, value[10:]))
            elif (schema := headers.get(value[:5])) is not None:
                framed.append((row, schema, value[5:]))
            else:
                dead.append((row, *_unframed(value)))
        return framed

    def _fast(
        self,
        name: str,
        rows: list[tuple[int, bytes]],
        frames: list[pl.DataFrame],
        taken: list[tuple[int, bytes]],
    ) -> list[tuple[int, bytes]]:
        """Decode what comes back byte for byte; return the rest. A batch that fails is halved down to its cause."""
        columns = self.columns[name]
        payloads = [payload for _, payload in rows]
        try:
            batch = columns.read(payloads)
            back = columns.encode(batch)
        except (ValueError, pa.ArrowException):
            if len(rows) == 1:
                return rows
            half = len(rows) // 2
            first = self._fast(name, rows[:half], frames, taken)
            return first + self._fast(name, rows[half:], frames, taken)
        frame = _rows(pl.DataFrame(pl.from_arrow(batch)), [row for row, _ in rows])
        if back == payloads:
            frames.append(frame)
            taken += rows
            return []
        same = [a == b for a, b in zip(back, payloads, strict=True)]
        frames.append(frame.filter(pl.Series(same)))
        taken += [row for row, ok in zip(rows, same, strict=True) if ok]
        return [row for row, ok in zip(rows, same, strict=True) if not ok]

    def _slow(
        self, name: str, schema_id: str, rows: list[tuple[int, bytes]], dead: list[tuple[int, str, str]]
    ) -> list[tuple[int, bytes]]:
        writer, reader = self.plain[schema_id], self.plain[self.newest[name]]
        again = []
        for row, payload in rows:
            try:
                wire.check(payload, writer)
                record = fastavro.schemaless_reader(io.BytesIO(payload), writer, reader)
                out = io.BytesIO()
                fastavro.schemaless_writer(out, reader, record)
            except wire.Malformed as reason:
                dead.append((row, "undecodable", str(reason)))
            else:
                again.append((row, out.getvalue()))
        return again

    def _addressed(
        self, source: Source, records: Sequence[Record], decoded: Decoded, dead: list[tuple[int, str, str]]
    ) -> Decoded:
        """Keep what lies under its own key in the partition Kafka's default partitioner gives that key."""
        frame = decoded.frame
        rows = frame["row"].to_list()
        keys = frame[self.key].cast(pl.Binary).to_list()
        wrong_key = [records[row].key != key for row, key in zip(rows, keys, strict=True)]
        astray = partitioner.partitions(keys, source.partitions) != source.partition
        if not any(wrong_key) and not astray.any():
            return decoded
        for row, bad_key, elsewhere in zip(rows, wrong_key, astray.tolist(), strict=True):
            if bad_key:
                dead.append((row, "wrong_key", f"the Kafka key must be the UTF-8 bytes of {self.key}"))
            elif elsewhere:
                text = "partition by murmur2 of the key: set partitioner=murmur2_random in librdkafka clients"
                dead.append((row, "wrong_partition", text))
        keep = [not (a or b) for a, b in zip(wrong_key, astray.tolist(), strict=True)]
        payloads = [p for p, ok in zip(decoded.payloads, keep, strict=True) if ok]
        return Decoded(frame.filter(pl.Series(keep, dtype=pl.Boolean)), payloads)


def _rows(frame: pl.DataFrame, rows: list[int]) -> pl.DataFrame:
    return frame.with_columns(pl.Series("row", rows, dtype=pl.UInt32))


def _unframed(value: bytes) -> tuple[str, str]:
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
