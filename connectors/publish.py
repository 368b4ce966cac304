"""Publishing events from a file: every row becomes its events or is reported with its line, and the neighbours go on.

Rows that break a rule of customs are published: the processor answers them with a receipt. Refused here is only what
cannot be a record at all: an unreadable line, a missing, unknown, mistyped or inexact field (``connectors.records``).
Publishing a file again is safe: its events come out as duplicates.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import schemas
from connectors import mapping as mappings
from connectors import sources
from connectors.records import Encoded, Record, RecordError, canonical, encode
from connectors.topic_io import Sender, partition_of

EVENTS = schemas.topic("customs.declarations").values
"""The records the input topic takes."""

MAX_EVENT_BYTES = 1 << 20
"""The processor takes no larger events."""

REPORTED_ROWS = 1000
"""Refused rows kept in a result; the others are only counted."""

PROGRESS_ROWS = 5000

Progress = Callable[[int, int], None]
"""Called now and then with (rows read, events acknowledged)."""


@dataclass
class PublishResult:
    """What became of a file: rows read, events acknowledged by the broker, rows refused.

    ``refused_rows`` has (line, reason) of the first ``REPORTED_ROWS`` of the ``refused``; line counts from 1, with the
    header (in an Avro container: the record's number).
    """

    read: int = 0
    sent: int = 0
    refused: int = 0
    refused_rows: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, line: int, reason: str) -> None:
        self.refused += 1
        if len(self.refused_rows) < REPORTED_ROWS:
            self.refused_rows.append((line, reason))


def publish(
    path: Path,
    *,
    bootstrap: str,
    topic: str,
    mapping: Path | None = None,
    record: str | None = None,
    on_progress: Progress | None = None,
    now_ms: int | None = None,
) -> PublishResult:
    """Sends the events of a file to the input topic, keyed by declaration number, in the order of the file.

    The format follows the suffix: ``.jsonl`` and ``.csv`` (also ``.gz``), ``.avro``. CSV needs a mapping. ``record``
    names the record of JSON lines that do not say it themselves. ``now_ms`` is ``sent_at`` where the file has none
    (default: now). Raises SourceError, MappingError or TopicError before anything is sent, and aiokafka's KafkaError
    when the broker does not take the events.
    """
    result = PublishResult()
    sent_at = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    rows = events(path, mapping=mapping, record=record, now_ms=sent_at, result=result)
    asyncio.run(_send(rows, result, bootstrap, topic, on_progress))
    return result


def events(
    path: Path, *, mapping: Path | None, record: str | None, now_ms: int, result: PublishResult
) -> Iterator[list[Encoded]]:
    """The encoded events of each good row of a file; counts rows and refusals in ``result``. No Kafka involved."""
    kind = sources.format_of(path)
    if (kind == "csv") != (mapping is not None):
        raise mappings.MappingError(f"{path}: a mapping file is for CSV, and CSV needs one")
    if mapping is not None:
        yield from _mapped(path, mappings.load(mapping), now_ms, result)
        return
    rows = sources.json_lines(path) if kind == "jsonl" else sources.avro_rows(path)
    for row in rows:
        result.read += 1
        if isinstance(row, sources.Unreadable):
            result.refuse(row.line, row.reason)
            continue
        try:
            yield [_event(row.record or record, {"sent_at": now_ms, **row.values})]
        except RecordError as error:
            result.refuse(row.line, str(error))


def _mapped(path: Path, mapping: mappings.RowMapping, now_ms: int, result: PublishResult) -> Iterator[list[Encoded]]:
    rows = sources.csv_rows(path)
    header = next(rows)
    assert isinstance(header, sources.Row)
    mapping.check(header.values)
    for row in rows:
        result.read += 1
        if isinstance(row, sources.Unreadable):
            result.refuse(row.line, row.reason)
            continue
        try:
            yield _row_events(mapping, row.values, now_ms)
        except RecordError as error:
            result.refuse(row.line, str(error))


def _row_events(mapping: mappings.RowMapping, row: mappings.Values, now_ms: int) -> list[Encoded]:
    """All events of a row, or a RecordError: a row is published whole or not at all."""
    first: Record = {}
    out = []
    for event in mapping.events:
        record = canonical(event.record, {"sent_at": now_ms, **event.values(row, first)})
        first = first or record
        out.append(_bounded(encode(event.record, record)))
    return out


def _event(name: str | None, values: Record) -> Encoded:
    if name not in EVENTS:
        said = "does not name its record" if name is None else f"names the record {name!r}"
        raise RecordError(f"the row {said}; one of {', '.join(EVENTS)} was expected")
    return _bounded(encode(name, canonical(name, values)))


def _bounded(event: Encoded) -> Encoded:
    if len(event.value) > MAX_EVENT_BYTES:
        raise RecordError(f"{len(event.value)} bytes, more than the {MAX_EVENT_BYTES} an event may have")
    return event


async def _send(
    rows: Iterator[list[Encoded]], result: PublishResult, bootstrap: str, topic: str, on_progress: Progress | None
) -> None:
    first = next(rows, None)
    sender = await Sender.connect(bootstrap, topic)
    try:
        told = 0
        while first is not None:
            for key, value in first:
                await sender.send(key, value, partition_of(key, sender.partitions))
            if on_progress is not None and result.read - told >= PROGRESS_ROWS:
                told = result.read
                on_progress(result.read, sender.sent)
            first = next(rows, None)
        await sender.flush()
    finally:
        result.sent = sender.sent
        await sender.close()
    if on_progress is not None:
        on_progress(result.read, result.sent)
