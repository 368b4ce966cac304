"""Subscribing to a counter: its table as it stands, its changes as they are committed, and as of which positions.

with Subscription(TRADE, "127.0.0.1:9092") as trade:
    rows, as_of = trade.snapshot()
    for change in trade.follow():
        ...
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Generic, NamedTuple, Self

from aiokafka.errors import KafkaError

from connectors import table
from connectors.subscribe import PROGRESS, ProgressKey, progress_of
from connectors.table import AsOf, Snapshot, Table
from connectors.topic_io import TopicReader
from connectors.totals import Change, Counter, K, M

PATIENCE_S = 90.0
"""How long a snapshot waits for an open transaction: a killed worker's ends after a minute (its timeout) at most,
give or take the broker's look-out of 10 s; earlier, when another worker takes over."""
REFRESH_S = 1.0
"""How often a follower asks how far the totals have come."""

Reached = dict[ProgressKey, tuple[int, int]]


class Update(NamedTuple, Generic[K, M]):
    """Some changes, in log order within a key, and what the table with them surely includes."""

    changes: list[Change[K, M]]
    as_of: AsOf


class Subscription(Generic[K, M]):
    """Reads one counter, read-committed: an aborted transaction is never seen. It holds the whole table in memory.

    Snapshots and changes may be mixed: each goes on where the last one ended, so nothing is missed or told twice.
    Which partition a key is in never changes, so the changes of a key come in the order they were made; those of
    different keys may not. Compaction may leave out changes between
    two revisions; it forgets deletes after a day, so one that was cut off for longer should start anew.
    Not for use inside a running event loop. Raises TopicError when a topic is not there, or KafkaError.
    """

    def __init__(self, counter: Counter[K, M], bootstrap: str, prefix: str = "") -> None:
        self.counter = counter
        self._reader = TopicReader(bootstrap, prefix + counter.topic)
        self._progress = TopicReader(bootstrap, prefix + PROGRESS)
        self._newest: dict[bytes, bytes | None] = {}
        self._reached: Reached = {}
        self._table: Table[K, M] = Table(counter)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(self._reader)
            opening.enter_context(self._progress)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def as_of(self) -> AsOf:
        """What the table, as far as it was read, surely includes. It may include more."""
        return table.as_of(self._reached)

    def snapshot(self) -> Snapshot[K, M]:
        """The table as it stands now.

        The progress is read first, then the topic up to its end: so the table includes at least what the progress
        says. Waits for transactions that are open at that end.
        """
        reached = self._reach()
        for batch in self._reader.to_end(self._reader.written(), patience=PATIENCE_S):
            for record in batch:
                self._table.apply(record.key, record.value)
        self._reached = reached
        return Snapshot(dict(self._table.rows), self.as_of)

    def follow(self, until: Callable[[], bool] = lambda: False) -> Iterator[Change[K, M]]:
        """Every change since what was read last, from the beginning if nothing was; for ever, or until asked to end.

        ``until`` is asked about twice a second.
        """
        for update in self.updates(until):
            yield from update.changes

    def updates(self, until: Callable[[], bool] = lambda: False) -> Iterator[Update[K, M]]:
        """The same by what came together, and when only ``as_of`` has moved, without changes."""
        told, asked, coming = self.as_of, -REFRESH_S, None
        while not until():
            changes = [
                change
                for batch in self._reader.poll()
                for record in batch
                for change in self._table.apply(record.key, record.value)
            ]
            if coming is None and time.monotonic() - asked >= REFRESH_S:
                asked, coming = time.monotonic(), self._coming()
            elif coming is not None and self._reader.behind(coming[1]) == 0:
                self._reached, coming = coming[0], None
            if changes or self.as_of != told:
                told = self.as_of
                yield Update(changes, told)

    def _coming(self) -> tuple[Reached, dict[int, int]] | None:
        """How far the totals have come, and the ends to read up to until that is included."""
        try:
            return self._reach(), self._reader.written()
        except KafkaError as error:
            if not error.retriable:
                raise
            return None  # the broker is away; a follower waits for it

    def _reach(self) -> Reached:
        for batch in self._progress.to_end(self._progress.committed()):
            self._newest.update({record.key: record.value for record in batch})
        return progress_of(self._newest)
