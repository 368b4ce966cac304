"""Batches of several partitions judged as one frame come to what each comes to alone."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.simulator.traffic import Plan, generate
from processor.engine.flow import RegisterFold
from processor.engine.journal import unpack
from processor.engine.model import Batch, LogRecord, Outcome, Source
from processor.engine.together import Together
from tests.engine import PARTITIONS, Memory, folds
from tests.oracle_decode import partition_of

NOW = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp() * 1000)
Work = tuple[Source, Batch]


def traffic(events: int) -> list[Work]:
    """A batch for each partition: with faults, undecodable bytes and records that lie in the wrong partition."""
    logs: dict[int, list[LogRecord]] = {partition: [] for partition in range(PARTITIONS)}
    for place, message in enumerate(generate(Plan(events, seed=3, errors=0.1, bad=0.02))):
        log = logs[partition_of(message.key or b"") if place % 50 else 0]
        log.append(LogRecord(len(log), NOW + place, message.key, message.value))
    return [
        (Source("customs.declarations", partition, PARTITIONS), Batch(log, 0, len(log)))
        for partition, log in logs.items()
    ]


def seen(outcome: Outcome) -> list[Any]:
    """All that an outcome changes; of entries without the order of documents and frames, which means nothing."""
    counted: list[Any] = []
    if outcome.entries:
        journal = unpack([outcome.entries])
        counted = [
            [(kind, journal.documents[place], *rest) for kind, place, *rest in table.tolist()]
            for table in (journal.stages, journal.contributions)
        ]
        counted.append({of: sorted(map(repr, frame.rows())) for of, frame in journal.answered.items()})
    tally = {of: n for of, n in outcome.tally.items() if n}
    return [outcome.position, outcome.watermark, outcome.messages, outcome.puts, outcome.deletes, counted, tally]


def alone(work: list[Work]) -> list[list[Any]]:
    return [seen(folds()[0].step(source, batch, Memory())) for source, batch in work]


@pytest.mark.parametrize("events", [40, 1_500])
def test_judged_together_is_as_judged_alone(events: int) -> None:
    fold, work = folds()[0], traffic(events)
    judged = fold.judge(work)
    together = [seen(fold.settle(*each, Memory(), one)) for each, one in zip(work, judged, strict=True)]
    assert together == alone(work)
    assert sum(len(one.dead) for one in judged) > 0


class Breaks(RegisterFold):
    """A fold that breaks on every batch with a certain partition in it; counts what it judges at a time."""

    def __init__(self) -> None:
        self.__dict__.update(folds()[0].__dict__)
        self.sizes: list[int] = []

    def judge(self, work: Any) -> Any:
        self.sizes.append(len(work))
        if any(source.partition == 3 for source, _ in work):
            raise ValueError("partition 3")
        return super().judge(work)


def test_what_waits_is_judged_as_one_and_a_batch_that_breaks_stands_alone() -> None:
    # partition 0 first, alone; 1 to 7 wait, and are judged together; 3 breaks that: then each alone
    async def steps() -> list[Any]:
        with ThreadPoolExecutor(2) as executor:
            together = Together(fold, executor, 2)
            return await asyncio.gather(
                *(together.step(source, batch, Memory(), silent=False) for source, batch in work),
                return_exceptions=True,
            )

    fold, work = Breaks(), traffic(200)
    found = asyncio.run(steps())
    assert isinstance(found.pop(3), ValueError)
    expected = alone(work)
    del expected[3]
    assert list(map(seen, found)) == expected
    assert fold.sizes == [1, 7, *[1] * 7]
