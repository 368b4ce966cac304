"""The partitions this worker holds: opened and closed as Kafka's consumer group assigns and revokes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from faust.types import TP

from processor.engine.identity import Foreign, where
from processor.engine.partition import Partition
from processor.engine.transport import Fetched


class Partitions:
    """``open`` makes the Partition of a topic partition; ``fatal`` is called when one must not go on. While all
    together hold ``most`` records or more, none is wanted.
    """

    def __init__(self, open_: Callable[[TP], Partition], fatal: Callable[[str], None], most: int) -> None:
        self.open, self.fatal, self.most = open_, fatal, most
        self.held: dict[TP, Partition] = {}

    def assigned(self, tps: Iterable[TP]) -> None:
        """Hold these ``tps``, too. Partitions open themselves, outside the rebalance."""
        for tp in tps:
            if tp not in self.held:
                partition = self.held[tp] = self.open(TP(tp.topic, tp.partition))
                partition.task.add_done_callback(self._ended)

    async def revoked(self, tps: Iterable[TP]) -> None:
        gone = [self.held.pop(tp) for tp in tps if tp in self.held]
        await asyncio.gather(*(partition.close() for partition in gone))

    async def close(self) -> None:
        await self.revoked(list(self.held))

    def wanted(self) -> set[TP]:
        """Partitions with room for a batch."""
        if sum(partition.holds for partition in self.held.values()) >= self.most:
            return set()
        return {tp for tp, partition in self.held.items() if partition.has_room}

    def all_wanted(self) -> bool:
        return all(partition.has_room for partition in self.held.values())

    def offer(self, tp: TP, fetched: Fetched) -> None:
        """Hand a batch to its partition; one that has gone drops it, to be read again by its new holder."""
        partition = self.held.get(tp)
        if partition is not None and not partition.closing:
            partition.offer(fetched)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.fatal(str(error) if isinstance(error, Foreign) else where(error))


def readiness(left: Sequence[int | None]) -> tuple[bool, str]:
    """Whether all assigned partitions are restored, and how far they are. ``left``: of each the records to be folded
    again, None while it opens.
    """
    if not left:
        return False, "no partitions assigned"
    told = [f"{left.count(0)} of {len(left)} partitions ready"]
    if restoring := [n for n in left if n]:
        told.append(f"restoring: {len(restoring)} of {len(left)} partitions, {sum(restoring):,} records left")
    return left.count(0) == len(left), "; ".join(told)
