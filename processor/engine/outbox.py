"""What a partition says: one Kafka transaction per batch, with the position in it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, Self

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, InvalidProducerEpoch, InvalidTxnState, NoBrokersAvailable, ProducerFenced

from processor.engine.model import Message
from processor.engine.record_batch import Addressed, pack

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
            max_request_size=8 << 20,
            transaction_timeout_ms=TRANSACTION_MS,
            retry_backoff_ms=RETRY_MS,
            **security,
        )

    async def __aenter__(self) -> Self:
        try:
            await self.producer.start()
        except BaseException as error:
            await self.producer.stop()
            if isinstance(error, AssertionError):  # all brokers are fenced for now: aiokafka asserts there is one
                raise NoBrokersAvailable(str(error)) from error
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):  # it is gone either way; the next start fences it
            await asyncio.wait_for(self.producer.stop(), 5)

    def pack(self, messages: Sequence[Message]) -> list[Addressed]:
        """What is to be sent, as record batches. Takes time: for a thread."""
        now = int(time.time() * 1000)
        return [
            Addressed(self.prefix + message.topic, message.partition, batch)
            for message in messages
            for batch in pack(message, now)
        ]

    async def commit(self, packed: Sequence[Addressed], log: TopicPartition, position: int, note: str) -> None:
        """Send ``packed`` and the position in one transaction; with the position goes a ``note`` (see
        ``succession.Committed``), as its metadata. Raises Fenced, or KafkaError when it is not known whether the
        transaction came through: then the partition is opened anew and reads the committed position.
        """
        try:
            async with self.producer.transaction():
                sent = [await self._send(each) for each in packed]
                await self.producer.send_offsets_to_transaction({log: (position, note)}, self.group)
                await asyncio.gather(*sent)
        except (ProducerFenced, InvalidProducerEpoch, InvalidTxnState, IllegalOperation) as fenced:
            # IllegalOperation: the sender met one of the others meanwhile, and there is no transaction any more
            raise Fenced(str(fenced)) from None

    async def _send(self, each: Addressed) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = await self.producer.send_batch(each.batch, each.topic, partition=each.partition)
        future.add_done_callback(_seen)
        return future


def _seen(future: asyncio.Future[Any]) -> None:
    """What became of a batch counts only as long as its transaction goes on: asyncio need not complain of the rest."""
    if not future.cancelled():
        future.exception()
