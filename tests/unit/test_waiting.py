"""What waits for a partition: one batch, which what comes joins."""

import asyncio
from collections.abc import Callable
from typing import Any

from processor.engine.model import Batch, LogRecord
from processor.engine.transport import Fetched
from processor.engine.waiting import SMALL_RECORDS, Waiting


def fetched(start: int, end: int, epoch: int = 1, behind: int = 0) -> Fetched:
    return Fetched(epoch, Batch([LogRecord(n, n, b"k", b"v") for n in range(start, end)], start, end), behind)


def taken(do: Callable[[Waiting], Any]) -> tuple[int, int, list[int], int] | None:
    """(start, end, offsets, behind) of what is next, when ``do`` has put some; of epoch 1."""

    async def next_() -> Fetched | None:
        waiting = Waiting()
        do(waiting)
        return await waiting.next(1, 0.05)

    found = asyncio.run(next_())
    if found is None:
        return None
    batch = found.batch
    return batch.start, batch.end, [record.offset for record in batch.records], found.behind


def put(*some: Fetched) -> Callable[[Waiting], Any]:
    return lambda waiting: [waiting.put(each) for each in some]


def test_what_follows_is_joined_and_the_newest_says_how_far_the_end_is() -> None:
    assert taken(put(fetched(3, 5, behind=9), fetched(5, 6, behind=2))) == (3, 6, [3, 4, 5], 2)


def test_what_does_not_follow_is_left_out_to_be_read_again() -> None:
    assert taken(put(fetched(3, 5, behind=9), fetched(6, 7, behind=2))) == (3, 5, [3, 4], 9)


def test_what_follows_another_seek_is_not_joined() -> None:
    assert taken(put(fetched(8, 9, epoch=0), fetched(3, 5))) == (3, 5, [3, 4], 0)
    assert taken(put(fetched(8, 9, epoch=0))) == (8, 9, [8], 0)


def test_nothing_comes_or_something_else_is_to_be_done() -> None:
    assert taken(put()) is None
    assert taken(Waiting.wake) is None


def test_there_is_room_while_what_waits_is_small() -> None:
    async def room() -> list[tuple[bool, int]]:
        waiting, seen = Waiting(), []
        for start in (0, 10):
            waiting.put(fetched(start, start + 10 if start == 0 else SMALL_RECORDS))
            seen.append((waiting.has_room, waiting.holds))
        await waiting.next(1, 0.05)
        return [*seen, (waiting.has_room, waiting.holds)]

    assert asyncio.run(room()) == [(True, 10), (False, SMALL_RECORDS), (True, 0)]


def test_it_ends_waiting_when_another_thing_is_done() -> None:
    async def next_() -> Fetched | None:
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return await asyncio.wait_for(Waiting().next(1, 60, done), 5)

    assert asyncio.run(next_()) is None
