"""What the broker says about a log: asked once per opening, in a thread of its own."""

from __future__ import annotations

from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from processor.engine.identity import Log
from processor.engine.model import Record

TIMEOUT_MS = 10_000


def describe(bootstrap: str, topic: str, partition: int, last: int | None) -> tuple[Log, Record | None]:
    """The log of one partition, and the record at offset ``last`` (or the next one after it, or None).

    Blocking. Raises KafkaError when the broker does not answer, LookupError when there is no such topic.
    """
    admin = KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=TIMEOUT_MS)
    try:
        cluster = admin.describe_cluster()["cluster_id"]
        found: dict[str, Any] = admin.describe_topics([topic])[0]
    finally:
        admin.close()
    if found.get("error_code"):
        raise LookupError(f"topic {topic} does not exist: run `single-window topics create`")
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, group_id=None)
    try:
        tp = TopicPartition(topic, partition)
        consumer.assign([tp])
        start, end = consumer.beginning_offsets([tp])[tp], consumer.end_offsets([tp])[tp]
        record = None
        if last is not None and start <= last < end:
            consumer.seek(tp, last)
            polled = consumer.poll(timeout_ms=TIMEOUT_MS, max_records=1)
            record = next(iter(polled.get(tp, [])), None)
    finally:
        consumer.close()
    log = Log(str(cluster), str(found["topic_id"]), len(found["partitions"]), start, end)
    return log, record
