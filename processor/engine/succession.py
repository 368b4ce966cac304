"""Taking over from the generation before: beside it first, in silence, and never ahead of it.

Of what is said once, answers, the old generation keeps what it has committed when its producer is fenced. A note then
goes into its consumer group, where it keeps its position: whoever opens the partition for the old generation later
reads there that it was replaced, and whoever opens it for the new one, from where on that answers.
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

from processor.engine.outbox import Outbox

LOOK_SECONDS = 0.5
TIMEOUT_MS = 10_000
_REPLACED = "replaced by "


class Committed(NamedTuple):
    """A group's committed position. With it is noted up to where counters were ``published``, or which generation the
    partition was ``replaced`` by (0: by none).
    """

    position: int = 0
    published: int = 0
    replaced: int = 0

    @classmethod
    def noted(cls, position: int, note: str) -> Self:
        if note.startswith(_REPLACED):
            return cls(position, 0, int(note.removeprefix(_REPLACED)))
        return cls(position, int(note) if note.isdecimal() else 0)

    @property
    def note(self) -> str:
        return f"{_REPLACED}{self.replaced}" if self.replaced else str(self.published)


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
    """One partition's way from the old generation to this one. ``since``: the position from which this generation
    answers, None while the old one does; ``speaks``: whether what this one says is said.
    """

    before: Predecessor
    log: TopicPartition
    fold: str
    generation: int
    wanted: bool
    since: int | None = None
    speaks: bool = False
    looked: float = float("-inf")

    async def open(self) -> None:
        """Learn whether the partition was taken over already."""
        found = await self.before.committed(self.log, now=True)
        if found.replaced:
            self.since = found.position

    async def limit(self, position: int) -> int:
        """Up to where the partition, which stands at ``position``, may be folded in silence. Where the old generation
        has answered no more than that, and succession is ``wanted``, it is taken over from.
        """
        if self.since is not None:
            return self.since
        found = await self.before.committed(self.log)
        if not self.wanted or position < found.position:
            return found.position
        before = self.before
        async with Outbox(before.bootstrap, f"{before.group}-{self._name}", before.group, before.prefix) as outbox:
            # it is fenced now: no transaction of it is pending, or can come
            found = (await before.committed(self.log, now=True))._replace(replaced=self.generation)
            await outbox.commit([], self.log, found.position, found.note)
        self.since = found.position
        return found.position

    @property
    def _name(self) -> str:
        return f"{self.fold}-{self.log.partition}"
