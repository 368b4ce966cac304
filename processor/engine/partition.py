"""A partition's life: fenced, opened, checked, folded silently up to the committed position, then live.

A batch's life: step (pure), one Kafka transaction, one WriteBatch. A crash before the transaction leaves nothing; one
between the two is made good by folding the batch again without speaking.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from kafka.errors import KafkaError as ClientError

from processor.engine import cluster, identity
from processor.engine.model import Batch, DeadLetter, Fold, Outcome, Source, Work
from processor.engine.outbox import Fenced, Outbox
from processor.engine.posting import Poster
from processor.engine.receipts import dead_letters
from processor.engine.record_batch import Addressed
from processor.engine.store import Mark, Store
from processor.engine.succession import LOOK_SECONDS, Committed, Succession
from processor.engine.surroundings import Surroundings
from processor.engine.transport import Fetched
from processor.engine.waiting import Waiting

RETRY_SECONDS = 1.0
CLOSE_SECONDS = 8.0
LAGGING_RECORDS = 2_000
NOTICE_SECONDS = 2.0
"""An idle partition commits nothing, so nothing tells it that it was replaced: it looks so often."""

UNPROCESSABLE_AT_MOST = 100
ENVIRONMENT = (KafkaError, ClientError, OSError, MemoryError, asyncio.TimeoutError)
"""Errors that are not the data's: wait, and try again."""

T = TypeVar("T")


class Open(NamedTuple):
    """What a partition works with as long as it is open."""

    store: Store
    poster: Poster
    outbox: Outbox


class Partition:
    """One source partition under one fold. ``committed``: the position in Kafka; ``behind``: offsets left in the log
    after the last batch. ``replaced``: by a newer generation,
    for good. ``heir``: how it comes to take the place of the generation before, if there is one.
    """

    def __init__(self, source: Source, fold: Fold, around: Surroundings) -> None:
        self.source, self.fold, self.around = source, fold, around
        self.waiting, self.at_work = Waiting(), 0
        self.ready = False
        self.closing = False
        self.epoch = 0
        self.committed = 0
        self.store: Store | None = None
        self.behind = 0
        self.unprocessable = 0
        self.replaced = False
        self.heir = self._heir()
        self.noticed = 0.0
        self.task = asyncio.create_task(self._run(), name=f"{fold.name}-{source.partition}")

    @property
    def _log(self) -> TopicPartition:
        return TopicPartition(self.around.prefix + self.source.topic, self.source.partition)

    def _heir(self) -> Succession:
        around = self.around
        return Succession(around.predecessor, self._log, self.fold.name, self.source.generation, around.take_over)

    @property
    def speaks(self) -> bool:
        """Whether what it says is said: not while the generation before still does."""
        return self.heir.speaks

    @property
    def left(self) -> int | None:
        """Offsets left to fold in silence; None while it is not known."""
        if self.replaced:
            return 0
        store = self.store
        return None if store is None else max(0, self.committed - store.position)

    @property
    def _has_caught_up(self) -> bool:
        """Nearly."""
        return self.behind < min(LAGGING_RECORDS, self.around.fetch_records)

    @property
    def has_room(self) -> bool:
        """One batch runs, one waits."""
        return self.ready and not self.closing and self.waiting.has_room

    @property
    def holds(self) -> int:
        """Records waiting, at work and held back."""
        return self.waiting.holds + self.at_work + self.heir.holds

    def offer(self, fetched: Fetched) -> None:
        self.around.observer.fetched(self.source, fetched.behind)
        self.waiting.put(fetched)

    async def close(self) -> None:
        """Stop taking batches, await the running step (bounded), close."""
        self.closing, self.ready = True, False
        self.waiting.wake()
        done, _ = await asyncio.wait({self.task}, timeout=CLOSE_SECONDS)
        if not done:
            self.task.cancel()
            await asyncio.wait({self.task}, timeout=CLOSE_SECONDS)

    async def _run(self) -> None:
        try:
            while not self.closing:
                await self._lives()
        finally:
            self.waiting.close()
            self._tell("closed")

    async def _lives(self) -> None:
        try:
            await self._live()
        except Fenced:
            self._tell("fenced")
            await self._pause(RETRY_SECONDS * 5)
        except ENVIRONMENT as error:
            self._tell("waiting", error=type(error).__name__, reason=str(error)[:200])
            await self._pause(RETRY_SECONDS)
        finally:
            self.ready = False

    async def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self.closing and time.monotonic() < deadline:  # noqa: ASYNC110 closing is a flag
            await asyncio.sleep(0.05)

    def _tell(self, state: str, **facts: Any) -> None:
        self.around.observer.state(self.source, state, **facts)

    async def _thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.around.executor, function, *arguments)

    async def _live(self) -> None:
        around, source, fold = self.around, self.source, self.fold
        self._tell("opening")
        self.behind = 0
        self.heir = self._heir()
        transactional_id = f"{around.group}-{fold.name}-{source.partition}"
        async with Outbox(around.bootstrap, transactional_id, around.group, around.prefix) as outbox:
            # after fencing: no transaction of an earlier holder is pending
            committed = await around.committed(source)
            if committed.replaced:
                await self._stay_replaced(committed.replaced)
                return
            self.committed = committed.position
            path = around.state / f"g{source.generation}" / f"{fold.name}-{source.partition}"
            store = await self._thread(Store, path, around.memory)
            try:
                store = await self._known(store)
                self.committed = max(committed.position, store.position)
                published = max(committed.published, store.mark.posted)
                poster = Poster(source, around, store, outbox, self.heir, published)
                since = await self.heir.open(store.position, done=committed.answers or store.mark.succeeded)
                if self.heir.limit > store.position:
                    identity.check_committed(self.heir.limit, await self._recognise(store.mark))
                self.committed = max(self.committed, since)
                self.store = store
                self._tell("restoring" if self.left else self._state, position=store.position, records=self.left)
                await self._read_from(store.position)
                self.ready = True
                try:
                    await self._work(Open(store, poster, outbox))
                finally:
                    await poster.close()
            finally:
                self.store = None
                store.close()

    async def _stay_replaced(self, by: int) -> None:
        self.replaced = True
        self._tell("replaced", generation=by)
        while not self.closing:  # noqa: ASYNC110 closing is a flag
            await asyncio.sleep(0.1)

    @property
    def _state(self) -> str:
        return "live" if self.heir.speaks else "following"

    async def _known(self, store: Store) -> Store:
        """The store, or a snapshot beyond it, once it is known to belong to the log."""
        around, source = self.around, self.source
        if store.mark.cluster:
            await self._recognise(store.mark)
        if around.snapshots is not None:
            store = await around.snapshots.newest(source, self.fold.name, store, around.memory, self._recognise)
        if not store.mark.cluster:
            log = await self._recognise(store.mark)
            store.adopt(
                Mark(log.cluster, log.topic, log.partitions, source.generation, self.fold.definition, around.tables(0))
            )
        return store

    async def _recognise(self, mark: Mark) -> identity.Log:
        """The log, if a store at ``mark`` belongs to it; else raises Foreign."""
        around, source = self.around, self.source
        last = mark.last[0] if mark.last else None
        log, record = await asyncio.to_thread(
            cluster.describe, around.bootstrap, around.prefix + source.topic, source.partition, last
        )
        tables = around.tables(mark.watermark)
        identity.check(mark, log, source.partitions, around.compacted, self.fold.definition, tables)
        identity.check_committed(self.committed, log)
        if record is None and last is not None and log.start <= last < log.end and not around.compacted:
            raise TimeoutError(f"the broker did not give the record at offset {last}")
        identity.check_last(mark, record, around.compacted)
        return log

    async def _read_from(self, position: int) -> None:
        """Batches that were fetched before the seek are told by their epoch; one fetched after it may wait already."""
        self.epoch = await self.around.seek(self.source, position)

    async def _work(self, open_: Open) -> None:
        _, poster, _ = open_
        while not self.closing:
            await self._succeed(open_)
            if poster.is_done:
                await poster.publish(self.committed)
            due = poster.due_in(self.committed)
            if due == 0.0:
                poster.begin()
            fetched = await self._arrival(due, poster)
            if fetched is None:
                await self._notice()
                continue
            self.at_work = len(fetched.batch.records)
            try:
                await self._take(fetched, open_)
            finally:
                self.at_work = 0
            if self.around.linger_seconds and self._has_caught_up:
                await asyncio.sleep(self.around.linger_seconds)

    async def _arrival(self, due: float | None, poster: Poster) -> Fetched | None:
        """The next batch; None where none comes before something else is due."""
        if self.heir.held is not None:
            held = self.heir.released()
            if held is None:
                await asyncio.sleep(LOOK_SECONDS)
            return held
        patience = NOTICE_SECONDS if self.heir.speaks else LOOK_SECONDS
        if due:  # no longer than until lag may be over
            patience = min(due, self.around.publish_seconds)
        return await self.waiting.next(self.epoch, patience, *poster.under_way)

    async def _notice(self) -> None:
        """Raises Fenced when a newer generation has taken the partition over."""
        if self.closing or time.monotonic() - self.noticed < NOTICE_SECONDS:
            return
        self.noticed = time.monotonic()
        with contextlib.suppress(TimeoutError):  # the broker is away: then nobody takes over
            committed = await asyncio.wait_for(self.around.committed(self.source), 1)
            if committed.replaced:
                raise Fenced(f"replaced by generation {committed.replaced}")

    async def _succeed(self, open_: Open) -> None:
        """Follow the generation before; when it is time, take its place."""
        heir, around = self.heir, self.around
        store, poster, outbox = open_
        if not await heir.look(store.position):
            return
        self.committed = max(self.committed, heir.since or 0)
        packed: Sequence[Addressed] = []
        if around.restate is not None:
            if store.position < self.committed:
                return
            restated = await around.restate(self.source, store)
            if restated is None:
                return
            packed = await self._thread(outbox.pack, restated.messages)
        around.observer.point("before_succession", self.source)
        self.committed = max(self.committed, store.position)
        note = Committed(0, poster.published, answers=True).note
        await outbox.commit(packed, self._log, self.committed, note)
        around.observer.point("after_succession", self.source)
        await self._thread(store.write_succeeded)
        heir.speaks = True
        self._tell("restoring" if self.left else "live", position=store.position)

    async def _take(self, fetched: Fetched, open_: Open) -> None:
        batch, store = fetched.batch, open_.store
        if fetched.epoch != self.epoch:
            return
        if batch.start != store.position:
            self._tell("gap", expected=store.position, got=batch.start)
            await self._read_from(store.position)
            return
        self.behind = fetched.behind
        for silent_to in (open_.poster.published, self.committed):
            if batch.start < silent_to and not self.closing:
                await self._fold(batch.upto(silent_to), open_, silent=True)
                batch = batch.since(store.position)
                if store.position == self.committed:
                    self._tell(self._state, position=store.position)
        batch = self.heir.allowed(fetched, batch)
        while batch.start < batch.end and not self.closing:
            await self._fold(batch.first(self.around.step_records), open_, silent=not self.heir.speaks)
            batch = batch.since(store.position)

    async def _fold(self, batch: Batch, open_: Open, *, silent: bool) -> None:
        """Fold one batch. A batch that breaks the step is halved down to its cause."""
        try:
            outcome = await self.around.step(Work(self.source, batch, open_.store, silent, not self._has_caught_up))
        except ENVIRONMENT:
            raise
        except Exception as error:  # noqa: BLE001 the data's fault, or ours: find the record
            self._tell("broken", error=type(error).__name__, records=len(batch.records))
            if len(batch.records) > 1:
                for half in batch.halves():
                    if not self.closing:
                        await self._fold(half, open_, silent=silent)
                return
            outcome = self._unprocessable(batch, open_.store, error)
        await self._commit(batch, outcome, open_, silent=silent)

    def _unprocessable(self, batch: Batch, store: Store, error: Exception) -> Outcome:
        """A record no step can fold is a dead letter, as long as such records are few: many are a fault of ours."""
        self.unprocessable += 1
        if self.unprocessable > UNPROCESSABLE_AT_MOST or not self.around.dead_letters:
            raise identity.Foreign(f"{self.unprocessable} records broke the step: {identity.where(error)}")
        letter = DeadLetter(batch.records[0], "unprocessable", f"{type(error).__name__}: {error}"[:300])
        outcome = Outcome(batch.end, max(store.watermark, batch.records[0].timestamp))
        outcome.messages.append(dead_letters(self.around.dead_letters, self.source, [letter]))
        outcome.tally["dead_letters", letter.reason] = 1
        return outcome

    async def _commit(self, batch: Batch, outcome: Outcome, open_: Open, *, silent: bool) -> None:
        around, source = self.around, self.source
        store, poster, outbox = open_
        if not silent:
            around.observer.point("before_transaction", source)
            packed = await self._thread(outbox.pack, outcome.messages)
            await outbox.commit(packed, self._log, outcome.position, self.heir.note(poster.published))
            around.observer.point("before_store", source)
        last = identity.fingerprint(batch.records[-1]) if batch.records else None
        around.observer.point("in_store", source)
        await self._thread(store.write, outcome, last, around.tables(outcome.watermark))
        around.observer.point("after_store", source)
        if not silent:
            self.committed = store.position
        around.observer.folded(source, outcome, batch, silent)
