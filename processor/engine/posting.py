"""When a partition posts its journal to its counters, how much of it, and what comes of it.

A posting is made beside the batches, which touch no counter; what it publishes goes out between two of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from processor.engine.model import Due, Outcome, Source
from processor.engine.outbox import Outbox
from processor.engine.record_batch import Addressed
from processor.engine.store import Journalled, Store
from processor.engine.succession import Succession
from processor.engine.surroundings import Surroundings

REST, MOST_SECONDS = 5, 1.0
"""After a publication a partition rests so many times as long as it took, of MOST_SECONDS at most: a busy worker
publishes less often, but every five seconds.
"""

POSTED_BYTES = 1 << 20
"""Journalled entries are posted in parts of about this size: it bounds what a posting takes of memory."""


class Posting(NamedTuple):
    """A posting under way: ``done`` gives its outcome and what publishes it; up to which ``position`` it goes, whether
    ``silent``, whether there was ``some`` of a journal and it is the ``whole`` of it, and when it began (``at``).
    """

    done: asyncio.Future[tuple[Outcome, list[Addressed]]]
    position: int
    silent: bool
    some: bool
    whole: bool
    at: float


class Poster:
    """Posts the journal of one store, as long as that is open. ``heir``: the partition's; ``published``: up to where
    counters are published; ``told``, ``told_at``: the position last published, and when; ``took``: seconds that cost.
    """

    def __init__(
        self, source: Source, around: Surroundings, store: Store, outbox: Outbox, heir: Succession, published: int
    ) -> None:
        self.source, self.around, self.store, self.published = source, around, store, published
        self.outbox, self.heir = outbox, heir
        self.told, self.told_at, self.took = 0, time.monotonic(), 0.0
        self.posting: Posting | None = None

    @property
    def is_done(self) -> bool:
        """Whether there is something to publish."""
        return self.posting is not None and self.posting.done.done()

    @property
    def under_way(self) -> Sequence[asyncio.Future[Any]]:
        return [] if self.posting is None else [self.posting.done]

    async def close(self) -> None:
        """Wait for what reads the store."""
        if self.posting is not None:
            await asyncio.wait({self.posting.done})

    def due_in(self, committed: int) -> float | None:
        """Seconds until the journal wants posting, or a position telling; None when nothing does or it is not time to
        speak, or a posting is under way. ``committed``: the position in Kafka.
        """
        store = self.store
        if self.posting is not None:
            return None
        if self._published_before:
            enough = store.position >= self.published or sum(each.size for each in store.journal) > POSTED_BYTES
            return 0.0 if enough else None
        if store.position < committed or not (store.journal or store.position > self.told):
            return None
        pace = self.around.lagging_seconds if self.around.lagging() else self.around.publish_seconds
        return max(0.0, self.told_at + max(pace, REST * self.took) - time.monotonic())

    @property
    def _published_before(self) -> bool:
        """Whether the oldest of the journal was published by whoever held the partition before: then, in silence."""
        return bool(self.store.journal) and self.store.journal[0].position <= self.published

    def begin(self) -> None:
        """Begin to post the oldest of the journal."""
        store, loop, executor = self.store, asyncio.get_running_loop(), self.around.executor
        silent = self._published_before
        batches, position, watermark = self._next()

        async def post() -> tuple[Outcome, list[Addressed]]:
            journal = await loop.run_in_executor(executor, store.entries, batches)
            posting = await self.around.post(Due(self.source, journal, position, watermark, store, silent))
            return posting, await loop.run_in_executor(executor, self.outbox.pack, posting.messages)

        done = asyncio.create_task(post())
        whole = len(batches) == len(store.journal)
        self.posting = Posting(done, position, silent, bool(batches), whole, time.monotonic())

    async def publish(self, committed: int) -> None:
        """Publish what was posted. ``committed``: the position in Kafka, which never goes back."""
        around, source, store, begun = self.around, self.source, self.store, self.posting
        assert begun is not None
        self.posting = None
        posting, packed = await begun.done
        if not begun.silent:
            if begun.whole:
                self.told, self.told_at = begun.position, time.monotonic()
            if packed:
                around.observer.point("before_partials", source)
                position = max(committed, store.position)
                await self.outbox.commit(packed, self.heir.log, position, self.heir.note(begun.position))
                self.published = begun.position
                around.observer.point("before_markers", source)
        if begun.some:
            await asyncio.get_running_loop().run_in_executor(around.executor, store.write_posting, posting)
        self.took = min(time.monotonic() - begun.at, MOST_SECONDS)
        around.observer.posted(source, posting)

    def _next(self) -> tuple[list[Journalled], int, int]:
        """The oldest of the journal, about POSTED_BYTES of it, with the position and watermark they lead up to."""
        store = self.store
        before = [each for each in store.journal if each.position <= self.published]
        chosen: list[Journalled] = []
        for each in before or store.journal:
            if chosen and sum(one.size for one in chosen) + each.size > POSTED_BYTES:
                break
            chosen.append(each)
        if not before and len(chosen) == len(store.journal):
            return chosen, store.position, store.watermark
        return chosen, chosen[-1].position, chosen[-1].watermark
