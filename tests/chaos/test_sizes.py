"""Records of one and two megabytes: taken, answered by a dead letter, or refused by the broker; neighbours count."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from connectors.topic_io import TopicReader, end_offsets
from processor.demo.compare import DEAD_LETTERS
from tests import events
from tests.crash.scene import INPUT, Scene, dead_letters, place, receipts
from tests.oracle_decode import partition_of

pytestmark = [pytest.mark.chaos, pytest.mark.kafka]

MIB = 1 << 20
TOPIC_BYTES = 2 * MIB
"""max.message.bytes of the topic: of a record with its batch around it."""

AROUND = 128
ITEMS, ROOM = 999, 448


def sized(serial: int, size: int) -> events.Raw:
    """A declaration of ``size`` bytes that breaks no rule: as many items as there may be, with texts."""

    def raw(texts: list[str]) -> events.Raw:
        items = [
            events.item(n + 1, net_mass=500, description="d" * 64 + text[:ROOM], model="m" * 64 + text[ROOM:])
            for n, text in enumerate(texts)
        ]
        return events.raw(events.declaration(events.number(serial), items=items, package_kind=None))

    bare = raw([""] * ITEMS)
    assert bare.value is not None
    each, rest = divmod(size - len(bare.value), ITEMS)
    made = raw(["x" * (each + (n < rest)) for n in range(ITEMS)])
    assert made.value is not None
    assert len(made.value) == size
    return made


def padded(serial: int, size: int) -> events.Raw:
    """A declaration with so many bytes after it that it is of ``size`` bytes."""
    raw = events.raw(events.declaration(events.number(serial)))
    assert raw.value is not None
    return events.Raw(raw.key, raw.value + bytes(size - len(raw.value)))


def small(serial: int) -> events.Raw:
    return events.raw(events.declaration(events.number(serial)))


async def send(scene: Scene, records: list[events.Raw]) -> list[bool]:
    """Send records one by one, as they are; whether the broker took each."""
    producer = AIOKafkaProducer(bootstrap_servers=scene.bootstrap, max_request_size=8 * MIB)
    await producer.start()
    taken = []
    try:
        for record in records:
            assert record.key is not None
            to = partition_of(record.key)
            try:
                await producer.send_and_wait(scene.prefix + INPUT, record.value, key=record.key, partition=to)
                taken.append(True)
            except MessageSizeTooLargeError:
                taken.append(False)
    finally:
        await producer.stop()
    return taken


def test_records_of_one_and_two_megabytes_are_answered_or_refused_and_their_neighbours_count(scene: Scene) -> None:
    large = {
        "ACCEPTED": sized(1, MIB),
        "oversized": sized(2, MIB + 1),
        "oversized, as large as the topic takes": padded(3, TOPIC_BYTES - AROUND),
        "refused by the broker": padded(4, TOPIC_BYTES),
    }
    records = [record for n, one in enumerate(large.values()) for record in (small(10 + n), one, small(20 + n))]
    worker = scene.worker()
    worker.until("it is ready", worker.ready)
    taken = asyncio.run(send(scene, records))
    assert [index for index, fine in enumerate(taken) if not fine] == [records.index(large["refused by the broker"])]
    scene.counted(worker)
    scene.answered_once()

    ends = end_offsets(scene.bootstrap, scene.prefix + INPUT)
    assert sum(ends.values()) == len(records) - 1
    expected: dict[tuple[int, int], str] = {}
    offsets = dict.fromkeys(ends, 0)
    answer = {one.key: name.partition(",")[0] for name, one in large.items()}
    for record, fine in zip(records, taken, strict=True):
        if fine:
            partition = partition_of(record.key or b"")
            expected[partition, offsets[partition]] = answer.get(record.key, "ACCEPTED")
            offsets[partition] += 1
    found = {(partition, offset): why for partition, offset, why in dead_letters(scene.bootstrap, scene.prefix)}
    found |= {place(r["receipt_id"]): r["outcome"] for r in receipts(scene.bootstrap, scene.prefix)}
    assert found == expected, worker.tail()
    with TopicReader(scene.bootstrap, scene.prefix + DEAD_LETTERS) as reader:
        kept = {record.key: record.value for batch in reader.to_end() for record in batch}
    assert kept == {one.key: one.value for name, one in large.items() if name.startswith("oversized")}
