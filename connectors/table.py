"""A counter's table as its log makes it, record by record, and as of which positions it stands. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple

import schemas
from connectors.subscribe import FLOW, INPUT, ProgressKey
from connectors.totals import Change, Counter, K, M, Total, moment


class AsOf(NamedTuple):
    """What is surely included: of ``generation`` (0: nothing was ever counted), per partition of the input every
    record before ``positions``, and of every partition what was appended up to ``watermark`` (1970 while one is empty).
    """

    generation: int
    positions: tuple[int, ...]
    watermark: datetime


class Snapshot(NamedTuple, Generic[K, M]):
    """A counter's rows by key, without expired ones; an absent key is zero. ``as_of``: what they surely include."""

    rows: dict[K, Total[K, M]]
    as_of: AsOf


@dataclass
class Table(Generic[K, M]):
    """The rows of the newest generation seen. The order of records within a key decides, as compaction has it."""

    counter: Counter[K, M]
    rows: dict[K, Total[K, M]] = field(default_factory=dict)
    generation: int = 0

    def apply(self, raw_key: bytes, raw_value: bytes | None) -> list[Change[K, M]]:
        """Take the next record in; what changed by it.

        Nothing for a row of an older generation, or for a tombstone of a row not known here (compaction may have taken
        the row itself). The first row of a newer generation takes all older ones away, before it is put.
        """
        key = self.counter.read_key(raw_key)
        if raw_value is None:
            gone = self.rows.pop(key, None)
            return [] if gone is None else [Change(key, None, gone.revision)]
        row = self.counter.read(key, raw_value)
        if row.generation < self.generation:
            return []
        replaced: list[Change[K, M]] = []
        if row.generation > self.generation:
            replaced = [Change(old.key, None, old.revision) for old in self.rows.values()]
            self.rows.clear()
            self.generation = row.generation
        before = self.rows.get(key)
        self.rows[key] = row
        return [*replaced, Change(key, row, None if before is None else before.revision)]


def as_of(reached: Mapping[ProgressKey, tuple[int, int]], generation: int) -> AsOf:
    """What the totals include, by their progress (position, watermark in ms): the least of all totals partitions.

    Of ``generation``; if that is 0, of the newest that has progress.
    """
    own = [key for key in reached if key.flow == FLOW]
    generation = generation or max((key.generation for key in own), default=0)
    sources = max([schemas.topic(INPUT).partitions, *(key.source_partition + 1 for key in own)])
    totals = max([schemas.topic("counters.partials").partitions, *(key.totals_partition + 1 for key in own)])
    found = [
        [reached.get(ProgressKey(FLOW, generation, total, source), (0, 0)) for total in range(totals)]
        for source in range(sources)
    ]
    watermark = moment(min(mark for some in found for _, mark in some))
    assert watermark is not None
    return AsOf(generation, tuple(min(position for position, _ in some) for some in found), watermark)
