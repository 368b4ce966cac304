"""Who folds next: what answers before what counts; small work, and what counts, one at a time."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from typing import Any

import pytest

from processor.engine.turns import FIRST, SECOND, Turns

THREADS = 3


@pytest.fixture
def turns() -> Iterator[Turns]:
    made = Turns(THREADS)
    yield made
    made.end()


class Gate:
    """Work that says it has begun, and ends when it is let."""

    def __init__(self, executor: Executor, name: str = "", log: list[str] | None = None) -> None:
        self.begun, self.let = threading.Event(), threading.Event()
        self.name, self.log = name, [] if log is None else log
        self.future: Future[Any] = executor.submit(self._work)

    def _work(self) -> str:
        self.log.append(self.name)
        self.begun.set()
        assert self.let.wait(10)
        return self.name

    def end(self) -> str:
        self.let.set()
        name: str = self.future.result(10)
        return name


def begins(gate: Gate) -> bool:
    return gate.begun.wait(10)


def waits(gate: Gate) -> bool:
    return not gate.begun.wait(0.1)


def test_small_work_is_done_one_at_a_time_and_beside_it_large(turns: Turns) -> None:
    small, large = (turns.executor(FIRST, is_small=is_small) for is_small in (True, False))
    first, second, beside, other = Gate(small), Gate(small), Gate(large), Gate(large)
    assert all(begins(gate) for gate in (first, beside, other))
    assert waits(second)
    first.end()
    assert begins(second)
    for gate in (second, beside, other):
        gate.end()


def test_what_counts_is_done_one_at_a_time_and_small_answers_wait_for_small_counting(turns: Turns) -> None:
    counting = Gate(turns.executor(SECOND, is_small=True))
    assert begins(counting)
    more, answer = Gate(turns.executor(SECOND, is_small=False)), Gate(turns.executor(FIRST, is_small=True))
    assert waits(more)
    assert waits(answer)
    counting.end()
    assert begins(answer)
    assert begins(more)
    answer.end()
    more.end()


def test_what_answers_goes_before_what_counts() -> None:
    one, log = Turns(1), []
    answers, counts = (one.executor(turn, is_small=False) for turn in (FIRST, SECOND))
    gates = [Gate(answers, "at work", log), Gate(counts, "count", log), Gate(answers, "answer", log)]
    for gate in gates:
        gate.let.set()
    assert [gate.end() for gate in gates] == ["at work", "count", "answer"]
    assert log == ["at work", "answer", "count"]
    one.end()


def fails() -> None:
    raise ValueError("why")


@pytest.mark.parametrize("is_small", [True, False])
def test_an_error_is_told_to_who_asked_and_others_go_on(turns: Turns, is_small: bool) -> None:
    executor = turns.executor(FIRST, is_small=is_small)
    with pytest.raises(ValueError, match="why"):
        executor.submit(fails).result(10)
    assert executor.submit(lambda number: number + 1, 1).result(10) == 2


def test_at_the_end_what_is_at_work_ends_and_what_waits_is_cancelled() -> None:
    one = Turns(1)
    executor = one.executor(FIRST, is_small=True)
    at_work, waiting = Gate(executor), Gate(executor)
    assert begins(at_work)
    one.end()
    with pytest.raises(CancelledError):
        waiting.future.result(10)
    at_work.end()
    with pytest.raises(RuntimeError, match="nothing is folded any more"):
        executor.submit(fails)


def test_all_is_done_once_however_it_is_mixed(turns: Turns) -> None:
    done: list[int] = []
    small_at_once: list[int] = []
    at_work = [0]

    def work(number: int, is_small: bool) -> Callable[[], None]:
        def do() -> None:
            at_work[0] += is_small
            small_at_once.append(at_work[0])
            time.sleep(0.001)
            at_work[0] -= is_small
            done.append(number)

        return do

    asked = []
    for number in range(300):
        is_small = number % 3 == 0
        executor = turns.executor(number % 2, is_small=is_small)
        asked.append(executor.submit(work(number, is_small)))
    for future in asked:
        future.result(30)
    assert sorted(done) == list(range(300))
    assert max(small_at_once) == 1
