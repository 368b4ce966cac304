"""Batches of several partitions folded, and added up, as one frame come to what each comes to alone."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.simulator.traffic import Plan, generate
from processor.engine.journal import unpack
from processor.engine.model import Batch, Due, LogRecord, Outcome, Source, Work
from processor.engine.together import Kind, Together
from processor.engine.turns import FIRST, Turns
from tests.engine import PARTITIONS, TOTALS, Memory, folds
from tests.oracle_decode import partition_of

NOW = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 86_400_000
Batches = list[tuple[Source, Batch]]


def traffic(events: int) -> Batches:
    """A batch for each partition: with faults, undecodable bytes and records that lie in the wrong partition."""
    logs: dict[int, list[LogRecord]] = {partition: [] for partition in range(PARTITIONS)}
    plan = Plan(events, seed=3, errors=0.1, bad=0.02, start=datetime(2026, 11, 21, tzinfo=UTC))
    for place, message in enumerate(generate(plan)):
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
        journal = unpack([[outcome.entries]])
        counted = [
            [(kind, journal.documents[place], *rest) for kind, place, *rest in table.tolist()]
            for table in (journal.stages, journal.contributions)
        ]
        counted.append({of: sorted(map(repr, frame.rows())) for of, frame in journal.answered.items()})
    tally = {of: n for of, n in outcome.tally.items() if n}
    return [outcome.position, outcome.watermark, outcome.messages, outcome.puts, outcome.deletes, counted, tally]


@pytest.mark.parametrize("events", [40, 1_500])
def test_folded_and_posted_together_is_as_each_alone(events: int) -> None:
    fold, work = folds()[0], traffic(events)
    single, several = ({source.partition: Memory() for source, _ in work} for _ in range(2))
    found = 0
    for part in (0, 1):  # the second upon what the first left
        batches = [(source, batch.halves()[part]) for source, batch in work]
        alone = [fold.step(source, batch, single[source.partition]) for source, batch in batches]
        together = fold.steps([Work(source, batch, several[source.partition]) for source, batch in batches])
        assert list(map(seen, together)) == list(map(seen, alone))
        due = [
            (source, [out.entries] if out.entries else [], out.position, out.watermark)
            for (source, _), out in zip(batches, alone, strict=True)
        ]
        posted_alone = [fold.posts([Due(*each, single[each[0].partition])])[0] for each in due]
        posted = fold.posts([Due(*each, several[each[0].partition]) for each in due])
        assert list(map(unordered, posted)) == list(map(unordered, posted_alone))
        for memories, stepped, counted in ((single, alone, posted_alone), (several, together, posted)):
            for memory, *both in zip(memories.values(), stepped, counted, strict=True):
                memory.entries.update(put for outcome in both for put in outcome.puts)
        found += sum(n for outcome in together for (metric, _), n in outcome.tally.items() if metric == "dead_letters")
    assert found > 0


def unordered(posting: Outcome) -> list[Any]:
    """All that a posting changes and says, without the order of counters, which means nothing; progress comes last."""
    said = [
        (message[:2], sorted(zip(message.keys[:-1], message.values[:-1], strict=True))) for message in posting.messages
    ]
    last = [(message.keys[-1], message.values[-1]) for message in posting.messages]
    return [posting.position, posting.watermark, sorted(posting.puts), posting.expired, said, last]


@pytest.mark.parametrize("events", [40, 1_500])
def test_totals_added_up_together_are_as_each_alone(events: int) -> None:
    fold, totals = folds()
    single, several, stores = ([Memory() for _ in range(n)] for n in (TOTALS, TOTALS, PARTITIONS))
    ends, said = [0] * TOTALS, Counter[str]()
    for part in (0, 1):  # three days later: windows become final, minutes go
        logs: list[list[LogRecord]] = [[] for _ in range(TOTALS)]
        due = []
        for (source, batch), store in zip(traffic(events), stores, strict=True):
            later = [r._replace(timestamp=r.timestamp + part * 3 * DAY_MS) for r in batch.halves()[part].records]
            folded = fold.step(source, Batch(later, store.position, batch.halves()[part].end), store)
            store.write(folded)
            journal = [folded.entries] if folded.entries else []
            due.append(Due(source, journal, folded.position, folded.watermark, store))
        for posting, store in zip(fold.posts(due), stores, strict=True):
            store.entries.update(posting.puts)
            for message in posting.messages:
                log = logs[message.partition]
                for key, value in zip(message.keys, message.values, strict=True):
                    log.append(LogRecord(ends[message.partition] + len(log), NOW, key, value))
        work = [
            (Source("counters.partials", p, TOTALS), Batch(log, ends[p], ends[p] + len(log)), part == p == 1)
            for p, log in enumerate(logs)
        ]
        ends = [batch.end for _, batch, _ in work]
        alone = [totals.step(s, b, view, silent=silent) for (s, b, silent), view in zip(work, single, strict=True)]
        together = totals.steps([Work(s, b, view, silent) for (s, b, silent), view in zip(work, several, strict=True)])
        assert list(map(added_up, together)) == list(map(added_up, alone))
        for memories, outcomes in ((single, alone), (several, together)):
            for memory, outcome in zip(memories, outcomes, strict=True):
                memory.write(outcome)
        for outcome in together:
            said["deleted"] += len(outcome.deletes)
            said["messages"] += len(outcome.messages)
            said["gone"] += sum(value is None for message in outcome.messages for value in message.values)
        assert [bool(outcome.messages) for outcome in together] == [not silent for _, _, silent in work]
    assert min(said[what] for what in ("deleted", "messages", "gone")) > 0


def added_up(outcome: Outcome) -> list[Any]:
    """All that a step of totals changes and says, without the order of counters and keys, which means nothing."""
    said = sorted(
        (message[:2], sorted(zip(message.keys, map(repr, message.values), strict=True))) for message in outcome.messages
    )
    tally = dict(outcome.tally)
    return [outcome.position, outcome.watermark, sorted(outcome.puts), sorted(outcome.deletes), said, tally]


class Breaks:
    """Does nothing, in so many ``seconds``, and breaks on all work of partition 3; notes of which partitions it does
    work at a time.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.rounds: list[list[int]] = []

    def __call__(self, due: Sequence[Due]) -> list[Outcome]:
        self.rounds.append([each.source.partition for each in due])
        time.sleep(self.seconds)
        if 3 in self.rounds[-1]:
            raise ValueError("3")
        return [Outcome(each.position, 0) for each in due]


def due(partition: int, size: int = 1) -> Due:
    return Due(Source("t", partition, 8), [], size, 0, Memory())


def outcomes(do: Breaks, *works: Sequence[Due], most: int = 100) -> list[Any]:
    """What becomes of works that come a moment after one another."""

    async def ask() -> list[Any]:
        kind = Kind(do, FIRST, lambda each: each.position, 10, most, 50.0)
        together, asked = Together(kind, turns), []
        for work in works:
            asked += [asyncio.create_task(together.outcome(each)) for each in work]
            await asyncio.sleep(2 * do.seconds + 0.01)
        return await asyncio.gather(*asked, return_exceptions=True)

    turns = Turns(2)
    try:
        return asyncio.run(ask())
    finally:
        turns.end()


def test_what_waits_is_done_as_one_and_what_breaks_that_stands_alone() -> None:
    do = Breaks()
    found = outcomes(do, [due(0)], [due(partition, partition) for partition in (0, 1, 2, 3, 4)])
    assert isinstance(found.pop(4), ValueError)
    assert found == [Outcome(1, 0), *(Outcome(position, 0) for position in (0, 1, 2, 4))]
    assert sorted(do.rounds)[:2] == [[0], [0]]
    assert {place for some in do.rounds for place in some} == {0, 1, 2, 3, 4}


def test_a_round_waits_for_all_that_took_part_in_the_last_two() -> None:
    do = Breaks(0.03)  # patience is fifty times as long
    outcomes(do, [due(0)], [due(1), due(0)], [due(0)], [due(1)])
    assert do.rounds == [[0], [1, 0], [0, 1]]


def test_what_is_urgent_waits_for_nobody() -> None:
    do = Breaks(0.03)
    outcomes(do, [due(0)], [due(1), due(0)], [due(0)._replace(is_urgent=True)], [due(1), due(0)])
    assert do.rounds == [[0], [1, 0], [0], [1, 0]]


def test_no_more_is_done_as_one_than_it_is_good_for() -> None:
    do = Breaks()
    work = [due(partition, size) for partition, size in enumerate((5, 6, 4))] + [due(4, 20), due(5, 11)]
    assert outcomes(do, work, most=10) == [Outcome(size, 0) for size in (5, 6, 4, 20, 11)]
    assert max(sum(work[place if place < 3 else place - 1].position for place in some) for some in do.rounds) == 20
    assert sorted(place for some in do.rounds for place in some) == [0, 1, 2, 4, 5]
