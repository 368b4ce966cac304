"""What the broker says about a log: asked once per opening, in a thread of its own."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from kafka import KafkaAdminClient

from processor.engine.identity import Log, Missing
from processor.engine.model import Record

TIMEOUT_MS = 10_000
UNKNOWN_TOPIC = 3


def describe(bootstrap: str, topic: str, partition: int, last: int | None) -> tuple[Log, Record | None]:
    """The log of one partition, and the record at offset ``last`` (or the next one after it, or None).

    Blocking. Raises KafkaError when the broker does not answer, Missing when there is no such topic.
    """
    admin = KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=TIMEOUT_MS)
    try:
        cluster = admin.describe_cluster()["cluster_id"]
        found: dict[str, Any] = admin.describe_topics([topic])[0]
    finally:
        admin.close()
    if found.get("error_code") == UNKNOWN_TOPIC:
        raise Missing(f"topic {topic} does not exist: run `single-window topics create`")
    start, end, record = asyncio.run(_look(bootstrap, TopicPartition(topic, partition), last))
    if found.get("error_code"):
        raise OSError(f"the broker cannot describe {topic} now: error {found['error_code']}")
    log = Log(str(cluster), str(found["topic_id"]), len(found["partitions"]), start, end)
    return log, record


async def _look(bootstrap: str, tp: TopicPartition, last: int | None) -> tuple[int, int, Record | None]:
    """First offset, next offset, and the record at ``last`` or the next one after it."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="none")
    await consumer.start()
    try:
        consumer.assign([tp])
        start = (await consumer.beginning_offsets([tp]))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
        if last is None or not start <= last < end:
            return start, end, None
        consumer.seek(tp, last)
        found = await consumer.getmany(tp, timeout_ms=TIMEOUT_MS, max_records=1)
        return start, end, next(iter(found.get(tp, [])), None)
    finally:
        await consumer.stop()
