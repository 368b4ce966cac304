"""A Faust transport that hands over batches: one message per partition and fetch, its value a whole Batch.

Three things differ from Faust's aiokafka driver. The consumer starts at the positions the engine gives it, never at
committed ones, and reads committed records only. Every batch says which seek it was fetched after (its epoch) and
between which positions it lies; both are noted in the consumer's own thread, where no seek can come between. And a
partition is polled only while the engine has room for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faust.events import Event
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from processor.engine.model import Batch, Record

FETCH_BYTES = 4 << 20
METADATA_MS = 10_000
"""A topic that goes, comes again or grows is seen within this time: its partitions are opened anew, and checked."""

NEVER_MS = 2**31 - 1
"""A worker whose partitions all wait, for room on a disk or for good, fetches nothing; it stays in its group."""

IDLE_SECONDS = 0.02
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Fetched:
    """A batch, the seek it follows, and how many offsets lie behind it in the log."""

    epoch: int
    batch: Batch
    behind: int = 0


@dataclass
class _Lane:
    epoch: int
    position: int


class _Thread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The consumer's thread. Everything that touches a position happens in its event loop."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.lanes: dict[TP, _Lane] = {}

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = RoundRobinPartitionAssignor
        return AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=NEVER_MS,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=2 * FETCH_BYTES,
            fetch_max_wait_ms=100,
            metadata_max_age_ms=METADATA_MS,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            check_crcs=conf.broker_check_crcs,
        )

    async def on_partitions_assigned(self, assigned: Iterable[TP], generation_id: int = 0) -> None:
        consumer = self._ensure_consumer()
        for tp in assigned:  # a place to stand on until the engine knows better; a paused partition is not fetched
            consumer.pause(_kafka(tp))
            consumer.seek(_kafka(tp), 0)
        await super().on_partitions_assigned(assigned, generation_id)

    async def seek_lane(self, tp: TP, position: int) -> int:
        consumer = self._ensure_consumer()
        consumer.seek(_kafka(tp), position)
        consumer.resume(_kafka(tp))
        epoch = self.lanes[tp].epoch + 1 if tp in self.lanes else 1
        self.lanes[tp] = _Lane(epoch, position)
        return epoch

    async def fetch(self, wanted: set[TP], timeout: float, most: int) -> dict[TP, Fetched]:
        consumer = self._ensure_consumer()
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher  # noqa: SLF001 aiokafka has no public poll by partition with positions
        for result in fetcher._records.values():  # noqa: SLF001
            if isinstance(result, FetchResult) and result.has_more():
                result._partition_records._consumer_record = _as_it_is  # noqa: SLF001
        with fetcher._subscriptions.fetch_context():  # noqa: SLF001
            records = await fetcher.fetched_records(wanted, timeout=timeout, max_records=most)
        # no await between here and the end: positions belong to these records
        assignment = fetcher._subscriptions.subscription.assignment  # noqa: SLF001
        fetched = {}
        for tp, found in records.items():
            state = assignment.state_value(tp) if assignment is not None else None
            lane = self.lanes.get(tp)
            if state is not None and lane is not None:
                behind = max(0, (state.lso or 0) - state.position)
                fetched[tp] = Fetched(lane.epoch, Batch(found, lane.position, state.position), behind)
                lane.position = state.position
            if tp in fetcher._records:  # noqa: SLF001 the rest waits its turn: aiokafka serves the first of them first
                fetcher._records.move_to_end(tp)  # noqa: SLF001
        return fetched


def _as_it_is(_: TP, record: Record) -> Record:
    """Instead of copying each record into one that also says where it comes from, its key's size and so on."""
    return record


def _kafka(tp: TP) -> TopicPartition:
    """Aiokafka insists on a named tuple of its own."""
    return TopicPartition(tp.topic, tp.partition)


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Yields batches; asks ``app.partitions`` which partitions have room, and tells it of rebalances."""

    def _new_consumer_thread(self) -> _Thread:
        self._serial = count(1)
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def _in_thread(self, coroutine: Any) -> Any:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._thread.thread_loop)
        return await asyncio.wrap_future(future)

    async def seek_lane(self, tp: TP, position: int) -> int:
        """Read ``tp`` from ``position`` on; the epoch of what is fetched from now on."""
        epoch: int = await self._in_thread(self._thread.seek_lane(tp, position))
        return epoch

    async def committed(self, tp: TP) -> tuple[int, str] | None:
        """The group's committed position of ``tp`` and what was noted with it, read from the coordinator."""
        consumer = self._thread._ensure_consumer()  # noqa: SLF001
        fetch = consumer._coordinator.fetch_committed_offsets  # noqa: SLF001 aiokafka's own gives no metadata
        found = (await self._in_thread(fetch([_kafka(tp)]))).get(_kafka(tp))
        return None if found is None or found.offset < 0 else (found.offset, found.metadata)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Called by Faust when a rebalance is over: the engine opens its partitions and seeks them itself."""
        self.app.partitions.assigned(self.assignment())
        return {}

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await super().on_partitions_revoked(revoked)
        await self.app.partitions.revoked(revoked)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        del timeout  # the engine's own pace, below
        self.not_waiting_next_records.clear()
        try:
            wanted = self.app.partitions.wanted()
            if not self.flow_active or not wanted:
                await asyncio.sleep(IDLE_SECONDS)
                return
            wait = POLL_SECONDS if self.app.partitions.all_wanted() else IDLE_SECONDS
            fetched = await self._in_thread(self._thread.fetch(wanted, wait, self.app.conf.broker_max_poll_records))
        finally:
            self.not_waiting_next_records.set()
        generation = self.app.consumer_generation_id
        for tp, found in fetched.items():
            if self.should_stop or not self.flow_active or generation != self.app.consumer_generation_id:
                return
            last = found.batch.records[-1]
            serial = next(self._serial)  # Faust drops a message with an offset it has seen: after a seek back, all are
            yield (
                tp,
                ConsumerMessage(
                    tp.topic,
                    tp.partition,
                    serial,
                    last.timestamp / 1000,
                    0,
                    None,
                    None,
                    found,
                    None,
                    0,
                    0,
                    tp,
                    generation_id=generation,
                ),
            )

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's watchdog expects one event a record; ours is progress and lag, in the metrics."""
        del now, tp


class Transport(driver.Transport):  # type: ignore[misc]
    Consumer: ClassVar[type] = Consumer


class BatchSchema(faust.Schema):  # type: ignore[misc]
    """Passes a batch through as it is: decoding is the engine's."""

    def compile(self, app: faust.App, **_: Any) -> Any:
        async def decode(message: Any, *, propagate: bool = False) -> Event:
            del propagate
            return Event(app, None, message.value, None, message)

        return decode
