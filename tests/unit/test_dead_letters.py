"""Dead letters: the record as it came, headers and all, and then why and where."""

from aiokafka.record.memory_records import MemoryRecords

from processor.engine import record_batch
from processor.engine.model import DeadLetter, LogRecord, Source
from processor.engine.receipts import dead_letters

SOURCE = Source("customs.declarations", 3, 8, generation=2)
RECORD = LogRecord(41, 1_000, b"key", b"\x00what", (("trace", b"t1"), ("nothing", None)))


def test_a_dead_letter_is_its_record_with_reason_and_place_behind_its_own_headers() -> None:
    message = dead_letters("letters", SOURCE, [DeadLetter(RECORD, "undecodable", "byte 2")])
    assert (message.topic, message.partition, message.keys, message.values) == ("letters", 3, [b"key"], [b"\x00what"])
    assert message.headers == [
        [
            ("trace", b"t1"),
            ("nothing", None),
            ("__streams.errors.exception", b"single_window.undecodable"),
            ("__streams.errors.message", b"byte 2"),
            ("__streams.errors.topic", b"customs.declarations"),
            ("__streams.errors.partition", b"3"),
            ("__streams.errors.offset", b"41"),
            ("single-window.reason", b"undecodable"),
            ("single-window.generation", b"2"),
        ]
    ]


def test_its_headers_survive_the_way_to_the_broker() -> None:
    message = dead_letters("letters", SOURCE, [DeadLetter(RECORD, "undecodable", "byte 2")])
    (batch,) = record_batch.pack(message, 5)
    (record,) = MemoryRecords(batch._build()).next_batch()
    assert list(record.headers) == message.headers[0]
