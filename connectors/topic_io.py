"""Reading a topic to its end and sending batches to it, for connectors that run as plain functions.

On aiokafka: kafka-python 3.0.12 sends 7,800 and reads 10,000 records of 300 bytes a second here (its CRC is pure
Python), aiokafka's batch builder and consumer do more than ten times that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.partitioner import murmur2
from aiokafka.structs import ConsumerRecord, TopicPartition

T = TypeVar("T")

BATCH_BYTES = 256 << 10
FETCH_BYTES = 4 << 20
POLL_MS = 500
CLOSING_S = 0.05
"""What a connection may take to be closed: aiokafka does not wait for it."""
STALLED_S = 60.0
"""A reader that gets no further for this long gives up."""


class TopicError(RuntimeError):
    """A topic that is not there or does not answer. Says what to do."""


def partition_of(key: bytes, partitions: int) -> int:
    """Kafka's default partition of a key: murmur2, as the Java client and kafka-python have it."""
    number: int = (murmur2(key) & 0x7FFFFFFF) % partitions
    return number


async def partitions_of(bootstrap: str, topic: str) -> int:
    """How many partitions a topic has. Never creates it; raises TopicError when it, or the broker, is not there.

    A cluster whose brokers are not ready, as after a stall, is waited for.
    """
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    until = time.monotonic() + STALLED_S
    try:
        await client.bootstrap()
        while (cluster := await _cluster(client)) is None:
            if time.monotonic() > until:
                raise TopicError(f"the cluster at {bootstrap} has no broker that is ready")
            await asyncio.sleep(POLL_MS / 1000)
        found = cluster.partitions_for_topic(topic)
    except KafkaConnectionError:
        raise TopicError(f"no Kafka answers at {bootstrap}") from None
    finally:
        await client.close()
    if not found:
        raise TopicError(f"no topic {topic} at {bootstrap}; create it with `single-window topics create`")
    return len(found)


async def _cluster(client: AIOKafkaClient) -> Any:
    """What is known of a cluster; None while it names no broker."""
    try:
        return await client.fetch_all_metadata()
    except KafkaConnectionError:
        raise
    except KafkaError:
        return None


class Sender:
    """Sends to one topic, idempotent and acknowledged by all replicas, in the order of the calls within a partition.

    ``sent`` counts records the broker has acknowledged. A failed delivery raises from the next call; records after it
    may or may not have been sent, so what is sent again must be safe to send again.
    """

    def __init__(self, producer: Any, topic: str, partitions: int) -> None:
        self._producer = producer
        self._topic = topic
        self.partitions = partitions
        self._open: dict[int, Any] = {}
        self._pending: list[tuple[Awaitable[Any], int]] = []
        self.sent = 0

    @classmethod
    async def connect(cls, bootstrap: str, topic: str) -> Sender:
        """A sender for a topic that exists. Raises TopicError or aiokafka's KafkaError."""
        partitions = await partitions_of(bootstrap, topic)
        producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
        )
        await producer.start()
        return cls(producer, topic, partitions)

    async def send(
        self, key: bytes | None, value: bytes | None, partition: int, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Puts a record into its partition's batch; waits when the broker is behind."""
        batch = self._open.get(partition)
        if batch is None or batch.append(timestamp=None, key=key, value=value, headers=list(headers)) is None:
            await self._submit(partition)
            batch = self._open[partition] = self._producer.create_batch()
            batch.append(timestamp=None, key=key, value=value, headers=list(headers))

    async def flush(self) -> None:
        """Returns when everything is acknowledged."""
        for partition in list(self._open):
            await self._submit(partition)
        await self._settle(0)

    async def close(self) -> None:
        """Stops; what is not acknowledged by then may be lost."""
        for future, _ in self._pending:
            with suppress(Exception):
                await asyncio.wait_for(future, 1)
        await self._producer.stop()

    async def _submit(self, partition: int) -> None:
        batch = self._open.pop(partition, None)
        if batch is None:
            return
        batch.close()
        future = await self._producer.send_batch(batch, self._topic, partition=partition)
        self._pending.append((future, batch.record_count()))
        await self._settle(2 * self.partitions)

    async def _settle(self, left: int) -> None:
        while len(self._pending) > left:
            future, count = self._pending.pop(0)
            await future
            self.sent += count


class TopicReader:
    """Reads all partitions of one topic, read-committed: up to the ends taken at the start, then onward.

    ``start`` gives first offsets by partition (others: the beginning; gone ones: the oldest there is). ``ends`` are the
    last stable offsets at the start. Not for use inside a running event loop.
    """

    def __init__(
        self, bootstrap: str, topic: str, *, start: Mapping[int, int] | None = None, at_end: bool = False
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._start = dict(start or {})
        self._at_end = at_end
        self._runner = asyncio.Runner()
        self._consumer: Any = None
        self._uncommitted: Any = None
        self._assigned: list[TopicPartition] = []
        self.ends: dict[int, int] = {}

    def __enter__(self) -> Self:
        try:
            self.run(self._connect())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        try:
            for consumer in (self._consumer, self._uncommitted):
                if consumer is not None:
                    self.run(consumer.stop())
                    self.run(asyncio.sleep(CLOSING_S))
        finally:
            self._runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs other work on the reader's event loop, between two batches."""
        return self._runner.run(work)

    def to_end(
        self, ends: Mapping[int, int] | None = None, *, patience: float = STALLED_S
    ) -> Iterator[list[ConsumerRecord]]:
        """The records up to ``ends`` (else those of the start), in log order within a partition, or a little beyond.

        The end is where the position is, not where the last record was: transaction markers and compacted records
        take offsets too. Raises TopicError when nothing comes for ``patience`` seconds.
        """
        ends = self.ends if ends is None else ends
        since, last = time.monotonic(), -1
        while (behind := self.behind(ends)) > 0:
            if behind != last:
                since, last = time.monotonic(), behind
            elif time.monotonic() - since > patience:
                raise TopicError(f"{self._topic} at {self._bootstrap} stopped {behind} offsets before its end")
            yield from self.poll()

    def onward(self, until: Callable[[], bool] = lambda: False) -> Iterator[list[ConsumerRecord]]:
        """What comes after, until asked to end."""
        while not until():
            yield from self.poll()

    def poll(self) -> list[list[ConsumerRecord]]:
        """What has come, a list a partition; waits half a second for it."""
        return list(self.run(self._consumer.getmany(timeout_ms=POLL_MS)).values())

    def behind(self, ends: Mapping[int, int]) -> int:
        """Offsets left before these ends. Read-committed: those of open transactions are left too."""
        return self.run(self._behind(ends))

    def committed(self) -> dict[int, int]:
        """The last stable offsets now: the first of an open transaction, else the end."""
        return self.run(self._ends_of(self._consumer))

    def written(self) -> dict[int, int]:
        """The ends now, open transactions included. What a committed transaction has written lies before them, even
        where its marker has yet to come: a broker does not write the markers of a transaction all at once.
        """
        return self.run(self._written())

    async def _connect(self) -> None:
        count = await partitions_of(self._bootstrap, self._topic)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=4 * FETCH_BYTES,
        )
        await self._consumer.start()
        self._assigned = [TopicPartition(self._topic, p) for p in range(count)]
        self._consumer.assign(self._assigned)
        self.ends = await self._ends_of(self._consumer)
        start = self.ends if self._at_end else self._start
        for partition, offset in start.items():
            self._consumer.seek(TopicPartition(self._topic, partition), offset)

    async def _ends_of(self, consumer: Any) -> dict[int, int]:
        return {tp.partition: end for tp, end in (await consumer.end_offsets(self._assigned)).items()}

    async def _written(self) -> dict[int, int]:
        if self._uncommitted is None:
            self._uncommitted = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, group_id=None)
            await self._uncommitted.start()
        return await self._ends_of(self._uncommitted)

    async def _behind(self, ends: Mapping[int, int]) -> int:
        return sum(
            [
                max(0, end - await self._consumer.position(TopicPartition(self._topic, partition)))
                for partition, end in ends.items()
            ]
        )


def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """Per partition, the offset after the last one a read-committed reader may see. Raises TopicError."""
    with TopicReader(bootstrap, topic) as reader:
        return reader.ends
