"""Kafka record batches, filled and compressed wherever there is time: not in the event loop, as aiokafka would."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cramjam
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from processor.engine.model import Message

BYTES = 1 << 20
"""Of records before compression, but for a single larger one."""

_ZSTD, _LEVEL = 4, 1
_HEAD = 61
_LENGTH_FROM, _CHECKSUM_AT, _CHECKED_FROM = 12, 17, 21
_PRODUCER_AT = 43


@dataclass(frozen=True)
class Addressed:
    """Packed records for one partition of one topic."""

    topic: str
    partition: int
    batch: RecordBatch


class RecordBatch:
    """Stands in for aiokafka's BatchBuilder, as one that is closed: it asks for what follows, and no more.

    Message format 2: head of 61 bytes, then the records, compressed. Sequence and producer go into the head when the
    batch is sent.
    """

    def __init__(self, built: bytes, count: int) -> None:
        self.head, self.count = bytearray(built[:_HEAD]), count
        records = bytes(cramjam.zstd.compress(built[_HEAD:], level=_LEVEL))
        self.records = records
        struct.pack_into(">i", self.head, 8, _HEAD + len(records) - _LENGTH_FROM)
        attributes = struct.unpack_from(">h", self.head, _CHECKED_FROM)[0]
        struct.pack_into(">h", self.head, _CHECKED_FROM, attributes | _ZSTD)

    def close(self) -> None:
        """It is."""

    def closed(self) -> bool:
        return True

    def record_count(self) -> int:
        return self.count

    def size(self) -> int:
        return _HEAD + len(self.records)

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        struct.pack_into(">qhi", self.head, _PRODUCER_AT, producer_id, producer_epoch, base_sequence)

    def _build(self) -> bytes:
        checksum = calc_crc32c(bytes(self.head[_CHECKED_FROM:]) + self.records)
        struct.pack_into(">I", self.head, _CHECKSUM_AT, checksum)
        return bytes(self.head) + self.records


def pack(message: Message, now: int) -> Iterator[RecordBatch]:
    """The records of a message, in as many batches as they need. ``now``: their creation time, ms."""
    headers = message.headers or [[]] * len(message.keys)
    builder, count = _builder(), 0
    append = builder.append
    for key, value, header in zip(message.keys, message.values, headers, strict=True):
        if append(count, now, key, value, header) is None:
            yield RecordBatch(bytes(builder.build()), count)
            builder, count = _builder(), 0
            append = builder.append
            append(count, now, key, value, header)
        count += 1
    if count:
        yield RecordBatch(bytes(builder.build()), count)


def _builder() -> Any:
    return DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=1,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=BYTES,
    )
