"""Work of several partitions at once: what waits of them is done as one.

A step, or a posting, costs nearly the same for twenty events and for two hundred. So while some is done, other work
waits, and is done together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from processor.engine.model import Outcome

W = TypeVar("W")


@dataclass(frozen=True)
class Kind(Generic[W]):
    """A kind of work: ``do`` gives an outcome for each of several. ``size``: of one; as one are done ``most`` together,
    unless one alone is more: beyond that nothing is gained. What comes first waits ``company_seconds`` for what comes
    with it.
    """

    do: Callable[[Sequence[W]], list[Outcome]]
    size: Callable[[W], int]
    most: int
    company_seconds: float


class _Asked(NamedTuple, Generic[W]):
    work: W
    size: int
    answer: asyncio.Future[Outcome]


class Together(Generic[W]):
    """The work of one kind in this worker. ``threads``: of ``executor``."""

    def __init__(self, kind: Kind[W], executor: Executor, threads: int) -> None:
        self.kind, self.executor, self.threads = kind, executor, threads
        self.waiting: list[_Asked[W]] = []
        self.rounds = 0

    async def outcome(self, work: W) -> Outcome:
        """What becomes of one; raises what it alone raises."""
        loop = asyncio.get_running_loop()
        asked = _Asked(work, self.kind.size(work), loop.create_future())
        self.waiting.append(asked)
        if self._much:
            self._begin()
        elif len(self.waiting) == 1:
            loop.call_later(self.kind.company_seconds, self._begin)
        return await asked.answer

    @property
    def _much(self) -> bool:
        return _size(self.waiting) >= self.kind.most

    def _begin(self) -> None:
        """Do what waits, in a second thread, too, if there is much of it."""
        while self.waiting and (self.rounds == 0 or (self.rounds < self.threads and self._much)):
            chosen = [self.waiting.pop(0)]
            while self.waiting and self.waiting[0].size + _size(chosen) <= self.kind.most:
                chosen.append(self.waiting.pop(0))
            self._do(chosen)

    def _do(self, chosen: Sequence[_Asked[W]]) -> None:
        self.rounds += 1
        done = asyncio.get_running_loop().run_in_executor(self.executor, self.kind.do, [each.work for each in chosen])
        done.add_done_callback(partial(self._done, chosen))

    def _done(self, chosen: Sequence[_Asked[W]], done: asyncio.Future[list[Outcome]]) -> None:
        self.rounds -= 1
        error = None if done.cancelled() else done.exception()
        if error is not None and len(chosen) > 1:  # whose fault it is, shows when each is done alone
            for asked in chosen:
                self._do([asked])
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


def _size(some: Sequence[_Asked[W]]) -> int:
    return sum(asked.size for asked in some)
