"""Record batches as we pack them: aiokafka's own reader finds in them what was put in, checksum and all."""

import os

import pytest
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from processor.engine import record_batch
from processor.engine.model import Message

NOW = 1_795_316_000_000
BYTES = st.none() | st.binary(max_size=60)
HEADERS = st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=8)), max_size=3)
RECORDS = st.lists(st.tuples(BYTES, BYTES, HEADERS), min_size=1, max_size=30)


def read(batch: record_batch.RecordBatch) -> list[tuple[object, ...]]:
    """Offset, time, key, value and headers of each record, as a broker hands them out."""
    batch._set_producer_state(77, 3, 12)
    records = MemoryRecords(batch._build())
    found = records.next_batch()
    assert found.validate_crc()
    assert (found.producer_id, found.is_transactional, found.is_control_batch) == (77, True, False)
    assert found.next_offset == batch.record_count()
    assert not records.has_next()
    return [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in found]


@given(RECORDS)
def test_what_is_packed_is_read_by_aiokafka(
    records: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]],
) -> None:
    keys, values, headers = zip(*records, strict=True)
    (batch,) = record_batch.pack(Message("topic", 0, keys, values, headers), NOW)
    assert read(batch) == [(i, NOW, key, value, header) for i, (key, value, header) in enumerate(records)]


def test_records_that_do_not_fit_together_go_in_batches_of_their_own() -> None:
    values = [os.urandom(400_000) for _ in range(5)] + [os.urandom(record_batch.BYTES + 1), b"last"]
    batches = list(record_batch.pack(Message("topic", 0, [b"k"] * 7, values), NOW))
    assert [batch.record_count() for batch in batches] == [2, 2, 1, 1, 1]
    assert [value for batch in batches for _, _, _, value, _ in read(batch)] == values
    assert all(batch.closed() for batch in batches)


def test_no_records_make_no_batch() -> None:
    assert list(record_batch.pack(Message("topic", 0, [], []), NOW)) == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_batch_sent_again_is_the_same(times: int) -> None:
    (batch,) = record_batch.pack(Message("topic", 0, [b"k"], [b"v"]), NOW)
    batch._set_producer_state(1, 2, 3)
    assert len({batch._build() for _ in range(times)}) == 1
