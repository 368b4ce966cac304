"""Sends records to Kafka quickly, or at a steady rate."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice

from aiokafka import AIOKafkaProducer

from connectors.simulator.messages import Message
from connectors.simulator.partitions import partition_of

BATCH_BYTES = 512 * 1024
REQUEST_BYTES = 8 << 20
CHUNK = 2_000
"""Records taken at once when there is no rate."""

TICK_SECONDS = 0.05
IN_FLIGHT = 32
"""Batches waiting for the broker's acknowledgement, at most."""


def publish(
    messages: Iterable[Message],
    bootstrap: str,
    topic: str,
    *,
    rate: float | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Sends all records in order, acknowledged by all replicas and none twice; returns how many.

    ``rate``: records per second, spread evenly and taken from ``messages`` when they are due; None: as fast as it
    goes. ``on_progress`` is told the number sent, about every second. The order within a partition is that of
    ``messages``. Must not be called in a running event loop. Raises the producer's KafkaError when the broker refuses
    or cannot be reached.
    """
    return asyncio.run(_publish(iter(messages), bootstrap, topic, rate, on_progress))


async def _publish(
    messages: Iterator[Message],
    bootstrap: str,
    topic: str,
    rate: float | None,
    on_progress: Callable[[int], None] | None,
) -> int:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=BATCH_BYTES,
        max_request_size=REQUEST_BYTES,
        linger_ms=0,
    )
    await producer.start()
    try:
        sender = _Sender(producer, topic, len(await producer.partitions_for(topic)))
        sent, told, began = 0, 0.0, time.monotonic()
        while True:
            due = CHUNK if rate is None else int((time.monotonic() - began) * rate) + 1 - sent
            chunk = list(islice(messages, max(0, due)))
            for message in chunk:
                sender.add(message)
            sent += len(chunk)
            if rate is not None:
                sender.close_all()
            await sender.send_closed()
            if len(chunk) < due:
                break
            if rate is not None:
                await asyncio.sleep(TICK_SECONDS)
            if on_progress is not None and time.monotonic() - told >= 1:
                told = time.monotonic()
                on_progress(sent)
        sender.close_all()
        await sender.send_closed()
        await sender.settle(0)
        if on_progress is not None:
            on_progress(sent)
        return sent
    finally:
        await producer.stop()


class _Sender:
    """Fills one batch per partition and hands full ones to the producer, a bounded number at a time."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, partitions: int) -> None:
        self._producer = producer
        self._topic = topic
        self._batches = [producer.create_batch() for _ in range(partitions)]
        self._closed: list[tuple[int, object]] = []
        self._flying: deque[asyncio.Future[object]] = deque()
        self._partition = lru_cache(maxsize=1 << 18)(lambda key: partition_of(key, partitions))

    def add(self, message: Message) -> None:
        """Appends a record to the batch of its partition; a full batch is closed and a new one begun."""
        partition = message.partition
        if partition is None:
            partition = self._partition(message.key or b"")
        append = self._batches[partition].append
        if append(key=message.key, value=message.value, timestamp=None) is None:
            self._close(partition)
            if self._batches[partition].append(key=message.key, value=message.value, timestamp=None) is None:
                raise ValueError(f"a record of {len(message.value or b'')} bytes does not fit a batch")

    def close_all(self) -> None:
        """Closes the batches that hold anything."""
        for partition, batch in enumerate(self._batches):
            if batch.record_count():
                self._close(partition)

    async def send_closed(self) -> None:
        """Hands over what is closed; waits while too much is unacknowledged. Raises what the producer raises."""
        for partition, batch in self._closed:
            self._flying.append(await self._producer.send_batch(batch, self._topic, partition=partition))
        self._closed.clear()
        await self.settle(IN_FLIGHT)

    async def settle(self, at_most: int) -> None:
        """Waits until at most so many batches are unacknowledged."""
        while len(self._flying) > at_most:
            await self._flying.popleft()
        await asyncio.sleep(0)

    def _close(self, partition: int) -> None:
        batch = self._batches[partition]
        batch.close()
        self._closed.append((partition, batch))
        self._batches[partition] = self._producer.create_batch()
