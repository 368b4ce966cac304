"""Taking over from the generation before: beside it first, in silence, and never ahead of it.

Of what is said once, answers, the old generation keeps what it has committed when its producer is fenced. A note then
goes into its consumer group, where it keeps its position: whoever opens the partition for the old generation later
reads there that it was replaced, and whoever opens it for the new one, from where on that answers. With its own
position the new one notes that it answers: from then on it needs nothing of the old one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from aiokafka import TopicPartition
from kafka import KafkaAdminClient
from kafka import TopicPartition as ClientPartition

from processor.engine.model import Batch
from processor.engine.outbox import Outbox
from processor.engine.transport import Fetched

LOOK_SECONDS = 0.5
TIMEOUT_MS = 10_000
_REPLACED, _ANSWERS = "replaced by ", ", answers"


class Committed(NamedTuple):
    """A group's committed position. With it is noted up to where counters were ``published`` and whether the group
    ``answers``, or which generation the partition was ``replaced`` by (0: by none).
    """

    position: int = 0
    published: int = 0
    replaced: int = 0
    answers: bool = False

    @classmethod
    def noted(cls, position: int, note: str) -> Self:
        if note.startswith(_REPLACED):
            return cls(position, 0, int(note.removeprefix(_REPLACED)))
        published = note.removesuffix(_ANSWERS)
        return cls(position, int(published) if published.isdecimal() else 0, answers=note.endswith(_ANSWERS))

    @property
    def note(self) -> str:
        if self.replaced:
            return f"{_REPLACED}{self.replaced}"
        return f"{self.published}{_ANSWERS if self.answers else ''}"


class Predecessor:
    """The consumer group of the generation before, read by whoever wants to: asked twice a second at most."""

    def __init__(self, bootstrap: str, group: str, prefix: str) -> None:
        self.bootstrap, self.group, self.prefix = bootstrap, group, prefix
        self._found: Mapping[ClientPartition, tuple[int, str]] = {}
        self._asked = float("-inf")
        self._lock = asyncio.Lock()

    async def committed(self, log: TopicPartition, *, now: bool = False) -> Committed:
        """What it has committed of a partition; ``now``: not as of half a second ago. Raises KafkaError."""
        async with self._lock:
            if now or time.monotonic() - self._asked > LOOK_SECONDS:
                self._found = await asyncio.to_thread(self._ask)
                self._asked = time.monotonic()
        position, note = self._found.get(ClientPartition(log.topic, log.partition), (-1, ""))
        return Committed.noted(position, note) if position >= 0 else Committed()

    def _ask(self) -> Mapping[ClientPartition, tuple[int, str]]:
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=TIMEOUT_MS)
        try:
            found = admin.list_group_offsets(self.group)[self.group]
        finally:
            admin.close()
        return {tp: (said.offset, said.metadata) for tp, said in found.items()}


@dataclass
class Succession:
    """One partition's way from the generation ``before``, if there is one, to this one. ``since``: the position from
    which this one answers, None while the old one does. Until then it is folded in silence, up to ``limit``, and what
    is ``held`` lies behind that. ``speaks``: whether what this generation says is said.
    """

    before: Predecessor | None
    log: TopicPartition
    fold: str
    generation: int
    wanted: bool
    since: int | None = None
    limit: int = 0
    held: Fetched | None = None
    speaks: bool = True
    looked: float = float("-inf")

    @property
    def is_free(self) -> bool:
        """Whether it may be folded as far as the log goes."""
        return self.before is None or self.since is not None

    @property
    def holds(self) -> int:
        """Records held."""
        return 0 if self.held is None else len(self.held.batch.records)

    async def open(self, position: int, *, done: bool) -> int:
        """Learn whether the partition, which stands at ``position``, was taken over already; ``since``, or else 0.
        ``done``: it was, and nothing is left to be done for that.
        """
        if self.before is None:
            return 0
        self.limit, self.speaks = position, done
        if done:
            self.since = position
        else:
            found = await self.before.committed(self.log, now=True)
            self.limit = found.position
            self.since = found.position if found.replaced else None
        return self.since or 0

    def note(self, published: int) -> str:
        """What goes with a position of this generation; ``published``: up to where its counters are."""
        return Committed(0, published, answers=self.speaks).note

    async def look(self, position: int) -> bool:
        """See how far the old generation has come. If this one, at ``position``, is as far, and it is ``wanted``, the
        partition is taken over. Whether this one is free but does not speak yet; looks twice a second.
        """
        if self.before is None or self.speaks or time.monotonic() - self.looked < LOOK_SECONDS:
            return False
        self.looked = time.monotonic()
        if self.since is None:
            found = await self.before.committed(self.log)
            self.limit = found.position
            if self.wanted and position >= found.position:
                self.since = await self._take_over(self.before)
        return self.since is not None

    async def _take_over(self, before: Predecessor) -> int:
        producer = f"{before.group}-{self.fold}-{self.log.partition}"
        async with Outbox(before.bootstrap, producer, before.group, before.prefix) as outbox:
            # it is fenced now: no transaction of it is pending, or can come
            found = (await before.committed(self.log, now=True))._replace(replaced=self.generation)
            await outbox.commit([], self.log, found.position, found.note)
        return found.position

    def allowed(self, fetched: Fetched, batch: Batch) -> Batch:
        """The part of a batch that may be folded now; the rest is held."""
        if self.is_free:
            return batch
        later = batch.since(self.limit)
        self.held = Fetched(fetched.epoch, later, fetched.behind) if later.start < later.end else None
        return batch.upto(self.limit)

    def released(self) -> Fetched | None:
        """What was held, if it may be folded now."""
        if self.held is None or not (self.is_free or self.limit > self.held.batch.start):
            return None
        held, self.held = self.held, None
        return held
