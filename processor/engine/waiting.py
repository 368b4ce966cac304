"""What was fetched for a partition and waits for its turn."""

from __future__ import annotations

import asyncio
from typing import Any

from processor.engine.model import Batch
from processor.engine.transport import Fetched

SMALL_RECORDS = 2_000
"""A batch that waits and is smaller is joined by what comes: the next step takes all there is. A step with fewer
records is small work (see ``turns``).
"""


class Waiting:
    """One batch; while that is small, what comes joins it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[list[Fetched] | None] = asyncio.Queue()
        self.pile: list[Fetched] = []
        self.coming: asyncio.Task[list[Fetched] | None] | None = None

    @property
    def holds(self) -> int:
        """Records that wait."""
        return sum(len(each.batch.records) for each in self.pile)

    @property
    def has_room(self) -> bool:
        return not self.pile or self.holds < SMALL_RECORDS

    def put(self, fetched: Fetched) -> None:
        self.pile.append(fetched)
        if len(self.pile) == 1:
            self.queue.put_nowait(self.pile)

    def wake(self) -> None:
        """Let whoever waits see that there is something else to do."""
        self.queue.put_nowait(None)

    def close(self) -> None:
        if self.coming is not None:
            self.coming.cancel()

    async def next(self, epoch: int, patience: float, *until: asyncio.Future[Any]) -> Fetched | None:
        """All that waits, as one batch; None where nothing comes for ``patience`` seconds, or before one of ``until``
        is done. Of what follows another seek than ``epoch``, at most the first part.
        """
        if self.coming is None:
            self.coming = asyncio.create_task(self.queue.get())
        await asyncio.wait({self.coming, *until}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not self.coming.done():
            return None
        pile, self.coming = self.coming.result(), None
        if pile is None:
            return None
        self.pile = []
        return _joined([each for each in pile if each.epoch == epoch] or pile[:1])


def _joined(pile: list[Fetched]) -> Fetched:
    """Batches as one, as far as each follows the one before."""
    first, *others = pile
    batch, behind = first.batch, first.behind
    for each in others:
        if each.batch.start == batch.end:
            batch, behind = Batch([*batch.records, *each.batch.records], batch.start, each.batch.end), each.behind
    return Fetched(first.epoch, batch, behind)
