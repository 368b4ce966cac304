"""Work of several partitions at once: what waits of them is done as one.

A step, or a posting, costs nearly the same for twenty events and for two hundred. So while some is done, other work
waits, and is done together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from processor.engine.model import Due, Outcome, Work
from processor.engine.turns import Turns

W = TypeVar("W", Work, Due)


LONGEST_SECONDS = 0.5
"""No work waits longer for company."""


@dataclass(frozen=True)
class Kind(Generic[W]):
    """A kind of work: ``do`` gives an outcome for each of several, in its ``turn``. ``size``: of one; less than
    ``small`` in all is small work (see ``turns``). As one are done ``most`` together, unless one alone is more: beyond
    that nothing is gained. Small work waits for all partitions of the last two rounds, ``patience`` times as long as
    the last one took: else two groups would take turns, each at the cost of both. Urgent work does not wait.
    """

    do: Callable[[Sequence[W]], list[Outcome]]
    turn: int
    size: Callable[[W], int]
    small: int
    most: int
    patience: float


class _Asked(NamedTuple, Generic[W]):
    work: W
    size: int
    answer: asyncio.Future[Outcome]


class Together(Generic[W]):
    """The work of one kind in this worker; in up to so many ``rounds`` at a time if there is much of it."""

    def __init__(self, kind: Kind[W], turns: Turns, most_rounds: int = 1) -> None:
        self.kind: Kind[W] = kind
        self.turns, self.most_rounds = turns, most_rounds
        self.waiting: list[_Asked[W]] = []
        self.rounds = 0
        self.last: list[set[int]] = [set(), set()]
        self.took = 0.0
        self.timer: asyncio.TimerHandle | None = None

    async def outcome(self, work: W) -> Outcome:
        """What becomes of one; raises what it alone raises."""
        loop = asyncio.get_running_loop()
        asked = _Asked(work, self.kind.size(work), loop.create_future())
        self.waiting.append(asked)
        self._next()
        return await asked.answer

    @property
    def _much(self) -> bool:
        return _size(self.waiting) >= self.kind.most

    def _next(self) -> None:
        """Begin, or wait for company."""
        expected = self.last[0] | self.last[1]
        urgent = any(asked.work.is_urgent for asked in self.waiting)
        if urgent or _size(self.waiting) >= self.kind.small or expected <= _partitions(self.waiting):
            self._begin()
        elif self.waiting and self.timer is None and self.rounds == 0:
            patience = min(self.kind.patience * self.took, LONGEST_SECONDS)
            self.timer = asyncio.get_running_loop().call_later(patience, self._begin)

    def _begin(self) -> None:
        """Do what waits, in a second round, too, if there is much of it."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        while self.waiting and (self.rounds == 0 or (self.rounds < self.most_rounds and self._much)):
            chosen = [self.waiting.pop(0)]
            while self.waiting and self.waiting[0].size + _size(chosen) <= self.kind.most:
                chosen.append(self.waiting.pop(0))
            self.last = [self.last[1], _partitions(chosen)]
            self._do(chosen)

    def _do(self, chosen: Sequence[_Asked[W]]) -> None:
        self.rounds += 1
        loop = asyncio.get_running_loop()
        executor = self.turns.executor(self.kind.turn, is_small=_size(chosen) < self.kind.small)
        done = loop.run_in_executor(executor, self.kind.do, [each.work for each in chosen])
        done.add_done_callback(partial(self._done, chosen, loop.time()))

    def _done(self, chosen: Sequence[_Asked[W]], since: float, done: asyncio.Future[list[Outcome]]) -> None:
        self.rounds -= 1
        self.took = asyncio.get_running_loop().time() - since
        error = None if done.cancelled() else done.exception()
        if error is not None and len(chosen) > 1:  # whose fault it is, shows when each is done alone
            for asked in chosen:
                self._do([asked])
        else:
            for place, asked in enumerate(chosen):
                if not asked.answer.done():  # its partition may have gone meanwhile
                    _answer(asked.answer, done, error, place)
        self._next()


def _answer(
    answer: asyncio.Future[Outcome], done: asyncio.Future[list[Outcome]], error: BaseException | None, place: int
) -> None:
    if done.cancelled():
        answer.cancel()
    elif error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(done.result()[place])


def _partitions(some: Sequence[_Asked[W]]) -> set[int]:
    return {asked.work.source.partition for asked in some}


def _size(some: Sequence[_Asked[W]]) -> int:
    return sum(asked.size for asked in some)
