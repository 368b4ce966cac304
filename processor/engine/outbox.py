"""What a partition says: one Kafka transaction per batch, with the position in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Self

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidProducerEpoch, InvalidTxnState, ProducerFenced

from processor.engine.model import Message

BATCH_BYTES = 1 << 20
TRANSACTION_MS = 60_000
RETRY_MS = 20


class Fenced(Exception):
    """Another worker holds this partition now, or the broker gave up on the transaction."""


class Outbox:
    """The transactional producer of one partition. Starting it fences whoever held the same id before."""

    def __init__(self, bootstrap: str, transactional_id: str, group: str, prefix: str, **security: Any) -> None:
        self.group, self.prefix = group, prefix
        self.producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            transactional_id=transactional_id,
            client_id=transactional_id,
            acks="all",
            compression_type="zstd",
            max_batch_size=BATCH_BYTES,
            max_request_size=8 << 20,
            transaction_timeout_ms=TRANSACTION_MS,
            retry_backoff_ms=RETRY_MS,
            **security,
        )

    async def __aenter__(self) -> Self:
        try:
            await self.producer.start()
        except BaseException:
            await self.producer.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):  # it is gone either way; the next start fences it
            await asyncio.wait_for(self.producer.stop(), 5)

    async def commit(self, messages: Sequence[Message], log: TopicPartition, position: int, published: int) -> None:
        """Send ``messages`` and the position in one transaction; with the position goes, as its metadata, up to where
        counters are published. Raises Fenced, or KafkaError when it is not known whether the transaction came through:
        then the partition is opened anew and reads the committed position.
        """
        try:
            async with self.producer.transaction():
                sent = [future for message in messages for future in await self._send(message)]
                await self.producer.send_offsets_to_transaction({log: (position, str(published))}, self.group)
                await asyncio.gather(*sent)
        except (ProducerFenced, InvalidProducerEpoch, InvalidTxnState) as fenced:
            raise Fenced(str(fenced)) from None

    async def _send(self, message: Message) -> list[asyncio.Future[Any]]:
        topic, futures = self.prefix + message.topic, []
        builder = self.producer.create_batch()
        append = builder.append
        headers = message.headers or [[]] * len(message.keys)
        for key, value, header in zip(message.keys, message.values, headers, strict=True):
            if append(key=key, value=value, timestamp=None, headers=header) is None:
                futures.append(await self._hand_over(builder, topic, message.partition))
                builder = self.producer.create_batch()
                append = builder.append
                append(key=key, value=value, timestamp=None, headers=header)
            if builder.record_count() % 1000 == 0:
                await asyncio.sleep(0)
        if builder.record_count():
            futures.append(await self._hand_over(builder, topic, message.partition))
        return futures

    async def _hand_over(self, builder: Any, topic: str, partition: int) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = await self.producer.send_batch(builder, topic, partition=partition)
        future.add_done_callback(_seen)
        return future


def _seen(future: asyncio.Future[Any]) -> None:
    """What became of a batch counts only as long as its transaction goes on: asyncio need not complain of the rest."""
    if not future.cancelled():
        future.exception()
