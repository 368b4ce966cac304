"""The composition root: where settings, flows, the engine, Faust and metrics meet."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from processor import heap  # isort: split

import faust
import structlog
import uvloop
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from faust.tables.manager import TableManager
from faust.types import TP
from prometheus_client import CollectorRegistry, ProcessCollector

import schemas
from connectors.topic_io import TopicError
from processor import reference
from processor.business import Business, Scan
from processor.engine import cluster
from processor.engine.assigned import Partitions, readiness
from processor.engine.flow import RegisterFold
from processor.engine.identity import Missing
from processor.engine.model import Due, Fold, Outcome, Source, Work
from processor.engine.partition import LAGGING_RECORDS, Partition
from processor.engine.posting import POSTED_BYTES
from processor.engine.shelf import shelf
from processor.engine.snapshots import Snapshots
from processor.engine.store import Memory, Store
from processor.engine.succession import Committed, Predecessor
from processor.engine.surroundings import Surroundings
from processor.engine.together import Kind, Together
from processor.engine.totals import TotalsFold
from processor.engine.totals_rows import Counted
from processor.engine.transport import BatchSchema
from processor.engine.turns import FIRST, SECOND, Turns
from processor.engine.waiting import SMALL_RECORDS
from processor.flows import declarations
from processor.former import Published
from processor.labels import closed
from processor.metrics import Metrics, Restoring, Server
from processor.observer import Observer
from processor.settings import Settings

log = structlog.get_logger()
SWITCH_SECONDS = 0.0005
"""A step calls polars some two hundred times, and after each waits for the thread that took the interpreter meanwhile:
of Python's 5 ms, all those waits together were a third of the step.
"""

FOLDING_THREADS = 3
"""Two for steps with much to do, one for what counts."""

STEP_RECORDS = 8_000
"""Records that are folded as one."""

SMALL_TOTALS = 20_000
"""More than a step of totals takes: all of it is small work."""

STEP_PATIENCE, POST_PATIENCE, TOTALS_PATIENCE = 0.5, 2.0, 5.0
"""How long a step, a posting, and a step of totals wait for those of other partitions, by what they took last time."""

TOTALS_RECORDS = 10_000
"""A step of totals takes fewer records than a step of events: each becomes a message and a row."""

BATCHES_HELD = 3
"""Full batches in memory: two at work, one waiting."""
STOP_SECONDS = 9.0


class NoTables(TableManager):  # type: ignore[misc]
    """Faust waits a second at every start for tables to be declared; ours are none of Faust's."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class WorkerApp:
    """One worker: a Faust app whose agents hand batches to partitions."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.failed: str | None = None
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        self.folds: dict[str, Fold] = {fold.topic: fold for fold in self._folds()}
        flows = {topic: fold.name for topic, fold in self.folds.items()}
        metrics = Metrics(self.registry)
        metrics.expect(dict(self.reference.lanes.select("lane", "expected_share").iter_rows()))
        self.observer = Observer(metrics, flows, settings.crash_at)
        self.registry.register(self._business())
        self.registry.register(Restoring(self._restoring))
        self.turns = Turns(FOLDING_THREADS)
        self.executor = ThreadPoolExecutor(2, thread_name_prefix="write")  # what is short does not wait for a step
        self.steps = {topic: self._steps(fold) for topic, fold in self.folds.items()}
        self.posts = {topic: self._posts(fold) for topic, fold in self.folds.items()}
        self.memory = Memory(settings.cache_mb, settings.buffers_mb)
        group = settings.group_before
        self.predecessor = Predecessor(settings.kafka, group, settings.topic_prefix) if group else None
        self.snapshots = self._snapshots()
        self.partitions = Partitions(self._open, self._fatal, BATCHES_HELD * settings.poll_records)
        self.faust = self._app()
        self.server = Server(self.registry, settings.metrics_host, settings.metrics_port, self.ready)

    def _folds(self) -> list[Fold]:
        versions = {name: schemas.versions(name) for name in schemas.names()}
        self.reference = reference.load()
        self.flow = flow = declarations.flow(self.reference)
        totals_partitions = schemas.topic("counters.partials").partitions
        counted = Counted(flow.name, flow.counters, schemas.topic(flow.topic).partitions)
        self.counted = counted
        return [
            RegisterFold(flow, versions, totals_partitions),
            TotalsFold([counted], self.settings.generation),
        ]

    def _snapshots(self) -> Snapshots | None:
        settings = self.settings
        if not settings.snapshots:
            return None
        executor = ThreadPoolExecutor(1, thread_name_prefix="snapshot")
        return Snapshots(shelf(settings.snapshots), settings.group_id, executor, self.observer.snapshot)

    def _business(self) -> Business:
        def scans() -> dict[int, Scan]:
            held = [p for p in list(self.partitions.held.values()) if p.source.topic == TotalsFold.topic]
            return {p.source.partition: p.store.scan for p in held if p.store is not None and p.speaks and p.left == 0}

        return Business(self.counted, closed(self.reference, self.flow), scans, time.time)

    def _app(self) -> faust.App:
        settings = self.settings
        app = faust.App(
            settings.group_id,
            broker=[f"single-window://{server.strip()}" for server in settings.kafka.split(",")],
            store="memory://",
            datadir=str(settings.state_dir / "faust"),
            consumer_group_instance_id=settings.instance or None,
            broker_max_poll_records=settings.poll_records,
            broker_session_timeout=settings.session_seconds,
            broker_heartbeat_interval=min(3.0, settings.session_seconds / 4),
            broker_request_timeout=max(40.0, settings.session_seconds * 2),
            TableManager=NoTables,
            topic_allow_declare=False,
            topic_disable_leader=True,
            stream_wait_empty=False,
            stream_recovery_delay=0.0,
            stream_buffer_maxsize=64,
            web_enabled=False,
            web_in_thread=False,
            worker_redirect_stdouts=False,
            producer_compression_type=None,
        )
        app.partitions = self.partitions  # the transport asks it for room, and tells it of rebalances
        for topic in self.folds:
            self._agent(app, app.topic(settings.topic_prefix + topic, schema=BatchSchema(), acks=False), topic)
        return app

    def _agent(self, app: faust.App, topic: Any, name: str) -> None:
        @app.agent(topic, name=f"intake-{name}")  # type: ignore[untyped-decorator]
        async def intake(stream: Any) -> None:
            async for event in stream.events():
                self.partitions.offer(event.message.tp, event.value)

    def _open(self, tp: TP) -> Partition:
        settings = self.settings
        topic = tp.topic.removeprefix(settings.topic_prefix)
        fold = self.folds[topic]
        described = schemas.topic(topic)
        totals = isinstance(fold, TotalsFold)
        consumer = self.faust.consumer
        return Partition(
            Source(topic, tp.partition, described.partitions, settings.generation),
            fold,
            Surroundings(
                bootstrap=settings.kafka,
                group=settings.group_id,
                prefix=settings.topic_prefix,
                state=settings.state_dir,
                memory=self.memory,
                executor=self.executor,
                observer=self.observer,
                seek=lambda source, position: consumer.seek_lane(_tp(settings, source), position),
                committed=self._committed,
                lagging=lambda: any(
                    p.behind > LAGGING_RECORDS for p in self.partitions.held.values() if p.fold is fold
                ),
                step=self.steps[topic],
                post=self.posts[topic],
                publish_seconds=settings.publish_seconds,
                lagging_seconds=settings.lagging_seconds,
                linger_seconds=2 * settings.publish_seconds if totals else 0.0,
                fetch_records=settings.poll_records,
                step_records=TOTALS_RECORDS if totals else settings.poll_records,
                tables=(lambda _: "") if totals else self.reference.digest_at,
                compacted=totals,
                dead_letters="" if totals else "customs.declarations.dead-letters",
                predecessor=self.predecessor,
                take_over=settings.take_over,
                restate=partial(self._restate, fold) if isinstance(fold, TotalsFold) and self.predecessor else None,
                snapshots=self.snapshots,
            ),
        )

    async def _committed(self, source: Source) -> Committed:
        found = await self.faust.consumer.committed(_tp(self.settings, source))
        if found is None:
            return Committed()
        return Committed.noted(*found)

    def _steps(self, fold: Fold) -> Callable[[Work], Awaitable[Outcome]]:
        def size(work: Work) -> int:
            return len(work.batch.records)

        if isinstance(fold, TotalsFold):
            kind = Kind(fold.steps, SECOND, size, SMALL_TOTALS, TOTALS_RECORDS, TOTALS_PATIENCE)
            return Together(kind, self.turns).outcome
        kind = Kind(fold.steps, FIRST, size, SMALL_RECORDS, STEP_RECORDS, STEP_PATIENCE)
        return Together(kind, self.turns, most_rounds=2).outcome

    def _posts(self, fold: Fold) -> Callable[[Due], Awaitable[Outcome]]:
        def size(due: Due) -> int:
            return sum(map(len, due.journal))

        kind = Kind(fold.posts, SECOND, size, POSTED_BYTES, 2 * POSTED_BYTES, POST_PATIENCE)
        return Together(kind, self.turns).outcome

    async def _restate(self, fold: TotalsFold, source: Source, store: Store) -> Outcome | None:
        settings = self.settings
        before = Published(settings.kafka, settings.topic_prefix, settings.generation_before, source.partition)
        executor = self.turns.executor(SECOND, is_small=False)
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, fold.restated, source, store, before)
        except TopicError as error:  # tried again
            raise TimeoutError(str(error)) from None

    def ready(self) -> tuple[bool, str]:
        """Whether every assigned partition is restored, and what is the matter if not."""
        return readiness([p.left for p in list(self.partitions.held.values())])

    def _restoring(self) -> dict[tuple[str, int], int]:
        held = list(self.partitions.held.values())
        return {(p.fold.name, p.source.partition): p.left or 0 for p in held if p.store is not None}

    def _stores(self) -> list[tuple[Source, str, Store]]:
        held = list(self.partitions.held.values())
        return [(p.source, p.fold.name, p.store) for p in held if p.store is not None]

    def _fatal(self, reason: str) -> None:
        if self.failed is None:
            self.failed = reason
            log.error("stopping", reason=reason)
            self.stop.set()

    async def _await_broker(self) -> None:
        topic = self.settings.topic_prefix + self.flow.topic
        while not self.stop.is_set():
            try:
                await self._knock()
                await asyncio.to_thread(cluster.describe, self.settings.kafka, topic, 0, None)
            except Missing as missing:
                self._fatal(str(missing))
            except Exception as error:  # noqa: BLE001 whatever it is, the broker is not there yet
                log.warning("waiting for Kafka", bootstrap=self.settings.kafka, error=type(error).__name__)
                await asyncio.sleep(1)
            else:
                return

    async def _knock(self) -> None:
        """Raise OSError unless a bootstrap server takes connections: the clients would wait for long."""
        for server in self.settings.kafka.split(","):
            host, _, port = server.strip().rpartition(":")
            with contextlib.suppress(OSError):
                _, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), 2)
                writer.close()
                return
        raise OSError("no bootstrap server takes connections")

    async def run(self) -> int:
        """Work until SIGTERM or SIGINT, or until something is wrong for good: then 1."""
        self.stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)
        self.server.start()
        log.info("serving", host=self.settings.metrics_host, port=self.server.port)
        await self._await_broker()
        if not self.stop.is_set():
            await self._work()
        self.server.stop()
        self.turns.end()
        self.executor.shutdown(cancel_futures=True)
        return 1 if self.failed else 0

    async def _work(self) -> None:
        self.faust.loop = asyncio.get_running_loop()
        self.faust.finalize()
        tasks = [asyncio.create_task(self._watch()), asyncio.create_task(heap.trimmed())]
        if self.snapshots is not None:
            tasks.append(asyncio.create_task(self.snapshots.keep(self._stores, self.settings.snapshot_seconds)))
        try:
            await self.faust.start()
            log.info("started", generation=self.settings.generation)
            await self.stop.wait()
        except KafkaError as error:
            self._fatal(f"{type(error).__name__}: {error}")
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(TimeoutError):  # without a broker Faust waits; positions are safe
                await asyncio.wait_for(self._stop(), STOP_SECONDS)
            log.info("stopped")

    async def _stop(self) -> None:
        await self.partitions.close()
        await self.faust.stop()

    async def _watch(self) -> None:
        """Faust crashed: so do we, and whoever runs us starts us again."""
        while not self.faust.crashed:  # noqa: ASYNC110 Faust tells of a crash by a flag
            await asyncio.sleep(0.5)
        self._fatal(_crash(self.faust.crash_reason))


def _crash(reason: BaseException | None) -> str:
    """In words, where we know what it means."""
    if isinstance(reason, OffsetOutOfRangeError):
        wanted = ", ".join(f"{tp.topic}-{tp.partition} from {offset} on" for tp, offset in reason.args[0].items())
        return f"records are gone that were to be folded next: {wanted}. Were they deleted from the log?"
    return f"Faust crashed: {reason!r}"


def _tp(settings: Settings, source: Source) -> TP:
    return TP(settings.topic_prefix + source.topic, source.partition)


def work(settings: Settings) -> int:
    """Run one worker in this process; its exit status."""
    heap.few()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)  # batches make many short-lived objects and no cycles
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(WorkerApp(settings).run())
        sys.stderr.flush()
        os._exit(status)  # Faust's consumer thread may still wait for a broker that is away
