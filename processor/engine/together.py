"""Steps of several partitions at once: what waits of them is folded as one frame.

A step costs nearly the same for twenty events and for two hundred. So while some are folded, others wait, and are
folded together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from typing import NamedTuple

from processor.engine.flow import RegisterFold
from processor.engine.model import Batch, Outcome, Source, View, Work

TOGETHER = 8_000
"""Records that are folded as one, at most, unless they are one batch: beyond that nothing is gained."""

COMPANY_SECONDS = 0.002
"""What comes first waits so long for what was fetched with it."""


class _Asked(NamedTuple):
    work: Work
    answer: asyncio.Future[Outcome]

    @property
    def records(self) -> int:
        return len(self.work.batch.records)


class Together:
    """The steps of one flow's partitions in this worker. ``threads``: of ``executor``."""

    def __init__(self, fold: RegisterFold, executor: Executor, threads: int) -> None:
        self.fold, self.executor, self.threads = fold, executor, threads
        self.waiting: list[_Asked] = []
        self.rounds = 0

    async def step(self, source: Source, batch: Batch, view: View, silent: bool) -> Outcome:
        """As ``model.Fold.step``."""
        loop = asyncio.get_running_loop()
        asked = _Asked(Work(source, batch, view, silent), loop.create_future())
        self.waiting.append(asked)
        if len(self.waiting) == 1 or _records(self.waiting) >= TOGETHER:
            loop.call_later(COMPANY_SECONDS, self._begin)
        return await asked.answer

    def _begin(self) -> None:
        """Fold what waits, in a second thread, too, if there is much of it."""
        while self.waiting and (
            self.rounds == 0 or (self.rounds < self.threads and _records(self.waiting) >= TOGETHER)
        ):
            chosen = [self.waiting.pop(0)]
            while self.waiting and self.waiting[0].records + _records(chosen) <= TOGETHER:
                chosen.append(self.waiting.pop(0))
            self._fold(chosen)

    def _fold(self, chosen: Sequence[_Asked]) -> None:
        self.rounds += 1
        work = [asked.work for asked in chosen]
        done = asyncio.get_running_loop().run_in_executor(self.executor, self.fold.steps, work)
        done.add_done_callback(partial(self._folded, chosen))

    def _folded(self, chosen: Sequence[_Asked], done: asyncio.Future[list[Outcome]]) -> None:
        self.rounds -= 1
        error = None if done.cancelled() else done.exception()
        if error is not None and len(chosen) > 1:  # whose fault it is, shows when each is folded alone
            for asked in chosen:
                self._fold([asked])
        else:
            for place, asked in enumerate(chosen):
                if not asked.answer.done():  # its partition may have gone meanwhile
                    _answer(asked.answer, done, error, place)
        self._begin()


def _answer(
    answer: asyncio.Future[Outcome], done: asyncio.Future[list[Outcome]], error: BaseException | None, place: int
) -> None:
    if done.cancelled():
        answer.cancel()
    elif error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(done.result()[place])


def _records(some: Sequence[_Asked]) -> int:
    return sum(asked.records for asked in some)
