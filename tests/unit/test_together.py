"""Batches of several partitions folded as one frame come to what each comes to alone."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.simulator.traffic import Plan, generate
from processor.engine.flow import RegisterFold
from processor.engine.journal import unpack
from processor.engine.model import Batch, LogRecord, Outcome, Source, Work
from processor.engine.together import Together
from tests.engine import PARTITIONS, Memory, folds
from tests.oracle_decode import partition_of

NOW = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp() * 1000)
Batches = list[tuple[Source, Batch]]


def traffic(events: int) -> Batches:
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


def alone(work: Batches) -> list[list[Any]]:
    return [seen(folds()[0].step(source, batch, Memory())) for source, batch in work]


@pytest.mark.parametrize("events", [40, 1_500])
def test_folded_together_is_as_folded_alone(events: int) -> None:
    fold, work = folds()[0], traffic(events)
    single, several = ({source.partition: Memory() for source, _ in work} for _ in range(2))
    found = 0
    for part in (0, 1):  # the second upon what the first left in the registers
        batches = [(source, batch.halves()[part]) for source, batch in work]
        alone = [fold.step(source, batch, single[source.partition]) for source, batch in batches]
        together = fold.steps([Work(source, batch, several[source.partition]) for source, batch in batches])
        assert list(map(seen, together)) == list(map(seen, alone))
        for memories, outcomes in ((single, alone), (several, together)):
            for (source, _), outcome in zip(batches, outcomes, strict=True):
                memories[source.partition].entries.update(outcome.puts)
        found += sum(n for outcome in together for (metric, _), n in outcome.tally.items() if metric == "dead_letters")
    assert found > 0


class Breaks(RegisterFold):
    """A fold that breaks on all work with a certain partition in it; counts what it folds at a time."""

    def __init__(self) -> None:
        self.__dict__.update(folds()[0].__dict__)
        self.sizes: list[int] = []

    def steps(self, work: Any) -> Any:
        self.sizes.append(len(work))
        if any(each.source.partition == 3 for each in work):
            raise ValueError("partition 3")
        return super().steps(work)


def test_what_waits_is_folded_as_one_and_a_batch_that_breaks_stands_alone() -> None:
    # what comes at a time goes together; 3 breaks that: then each alone
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
    assert fold.sizes == [8, *[1] * 8]
