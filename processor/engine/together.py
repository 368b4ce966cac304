"""Steps of several partitions at once: what waits of them is judged as one frame.

Judging costs nearly the same for twenty events and for two hundred. So while some are judged, others wait, and are
judged together; what needs a register, each partition then does for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from typing import NamedTuple

from processor.engine.flow import RegisterFold
from processor.engine.judged import Judged
from processor.engine.model import Batch, Outcome, Source, View

TOGETHER = 8_000
"""Records that are judged as one, at most, unless they are one batch: beyond that nothing is gained."""


class _Asked(NamedTuple):
    source: Source
    batch: Batch
    answer: asyncio.Future[Judged]


class Together:
    """The steps of one flow's partitions in this worker. ``threads``: of ``executor``."""

    def __init__(self, fold: RegisterFold, executor: Executor, threads: int) -> None:
        self.fold, self.executor, self.threads = fold, executor, threads
        self.waiting: list[_Asked] = []
        self.rounds = 0

    async def step(self, source: Source, batch: Batch, view: View, silent: bool) -> Outcome:
        """As ``model.Fold.step``."""
        loop = asyncio.get_running_loop()
        asked = _Asked(source, batch, loop.create_future())
        self.waiting.append(asked)
        self._begin()
        judged = await asked.answer
        settle = partial(self.fold.settle, silent=silent)
        return await loop.run_in_executor(self.executor, settle, source, batch, view, judged)

    def _begin(self) -> None:
        """Judge what waits, in a second thread, too, if there is much of it."""
        while self.waiting and (self.rounds == 0 or (self.rounds < self.threads and _much(self.waiting))):
            chosen = [self.waiting.pop(0)]
            while self.waiting and len(self.waiting[0].batch.records) + _records(chosen) <= TOGETHER:
                chosen.append(self.waiting.pop(0))
            self._judge(chosen)

    def _judge(self, chosen: Sequence[_Asked]) -> None:
        self.rounds += 1
        work = [(asked.source, asked.batch) for asked in chosen]
        done = asyncio.get_running_loop().run_in_executor(self.executor, self.fold.judge, work)
        done.add_done_callback(partial(self._judged, chosen))

    def _judged(self, chosen: Sequence[_Asked], done: asyncio.Future[list[Judged]]) -> None:
        self.rounds -= 1
        error = None if done.cancelled() else done.exception()
        if error is not None and len(chosen) > 1:  # whose fault it is, shows when each is judged alone
            for asked in chosen:
                self._judge([asked])
        else:
            for place, asked in enumerate(chosen):
                if not asked.answer.done():  # its partition may have gone meanwhile
                    _settle(asked.answer, done, error, place)
        self._begin()


def _settle(
    answer: asyncio.Future[Judged], done: asyncio.Future[list[Judged]], error: BaseException | None, place: int
) -> None:
    if done.cancelled():
        answer.cancel()
    elif error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(done.result()[place])


def _much(waiting: Sequence[_Asked]) -> bool:
    return _records(waiting) >= TOGETHER


def _records(some: Sequence[_Asked]) -> int:
    return sum(len(asked.batch.records) for asked in some)
