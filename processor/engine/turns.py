"""The threads that fold, and who is next: what answers before what counts; small work, and what counts, one at a time.

Folding is made of many short calls of polars, each of which gives the interpreter away and takes it back. Small work
consists of little else: two threads with small work wait for one another at every call, and get nothing done sooner.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple

FIRST, SECOND = 0, 1


class Turns:
    """``threads`` that fold. At most one of them has small work, and at most one what is SECOND; that waits as long as
    anything that is FIRST, and may begin, does.
    """

    def __init__(self, threads: int) -> None:
        self.changed = threading.Condition()
        self.waiting: tuple[deque[_Call], deque[_Call]] = (deque(), deque())
        self.small_at_work = self.second_at_work = False
        self.ended = False
        for n in range(threads):
            threading.Thread(target=self._run, name=f"fold-{n}", daemon=True).start()

    def executor(self, turn: int, *, is_small: bool) -> Executor:
        """Takes work of one kind."""
        return _Turn(self, turn, is_small)

    def put(self, call: _Call) -> None:
        with self.changed:
            if self.ended:
                raise RuntimeError("nothing is folded any more")
            self.waiting[call.turn].append(call)
            self.changed.notify()

    def end(self) -> None:
        """What waits is cancelled."""
        with self.changed:
            self.ended = True
            for calls in self.waiting:
                for call in calls:
                    call.future.cancel()
                calls.clear()
            self.changed.notify_all()

    def _next(self) -> _Call | None:
        """What may begin now, if anything."""
        for turn, calls in enumerate(self.waiting):
            for place, call in enumerate(calls):
                if not (call.is_small and self.small_at_work) and not (turn == SECOND and self.second_at_work):
                    del calls[place]
                    return call
        return None

    def _run(self) -> None:
        call: _Call | None
        while True:
            with self.changed:
                while (call := self._next()) is None and not self.ended:
                    self.changed.wait()
                if call is None:
                    return
                self.small_at_work |= call.is_small
                self.second_at_work |= call.turn == SECOND
            call.do()
            with self.changed:
                self.small_at_work &= not call.is_small
                self.second_at_work &= call.turn != SECOND
                self.changed.notify_all()
            del call


class _Call(NamedTuple):
    future: Future[Any]
    function: Callable[[], Any]
    turn: int
    is_small: bool

    def do(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self.function())
        except BaseException as error:  # noqa: BLE001 whoever asked is told
            self.future.set_exception(error)


class _Turn(Executor):
    def __init__(self, turns: Turns, turn: int, is_small: bool) -> None:
        self.turns, self.turn, self.is_small = turns, turn, is_small

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.turns.put(_Call(future, lambda: fn(*args, **kwargs), self.turn, self.is_small))
        return future
