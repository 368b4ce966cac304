"""A counter's table as its log makes it, record by record, and as of which positions it stands. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple

import schemas
from connectors.subscribe import FLOW, INPUT, ProgressKey, serving
from connectors.totals import Change, Counter, K, M, Total, moment


class AsOf(NamedTuple):
    """What is surely included: per partition of the input every record before ``positions``, and of every partition
    what was appended up to ``watermark`` (1970 while one is empty). ``generation``: the oldest that serves a part of
    the totals (0: nothing was ever counted).
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
    """The rows as they stand. The order of records within a key decides, as compaction has it."""

    counter: Counter[K, M]
    rows: dict[K, Total[K, M]] = field(default_factory=dict)

    def apply(self, raw_key: bytes, raw_value: bytes | None) -> list[Change[K, M]]:
        """Take the next record in; what changed by it.

        Nothing for a tombstone of a row not known here (compaction may have taken the row itself). A new generation
        takes the place of the one before in each totals partition at once, in one transaction: rows it does not have
        become nought and go.
        """
        key = self.counter.read_key(raw_key)
        if raw_value is None:
            gone = self.rows.pop(key, None)
            return [] if gone is None else [Change(key, None, gone.revision)]
        row = self.counter.read(key, raw_value)
        before = self.rows.get(key)
        self.rows[key] = row
        return [Change(key, row, None if before is None else before.revision)]


def as_of(reached: Mapping[ProgressKey, tuple[int, int]]) -> AsOf:
    """What the totals include, by their progress (position, watermark in ms): the least of all totals partitions, each
    by the generation that serves there.
    """
    serves = serving(reached)
    own = [key for key in reached if key.flow == FLOW]
    sources = max([schemas.topic(INPUT).partitions, *(key.source_partition + 1 for key in own)])
    totals = max([schemas.topic("counters.partials").partitions, *(key.totals_partition + 1 for key in own)])
    found = [
        [reached.get(ProgressKey(FLOW, serves.get((FLOW, total), 0), total, source), (0, 0)) for total in range(totals)]
        for source in range(sources)
    ]
    watermark = moment(min(mark for some in found for _, mark in some))
    assert watermark is not None
    positions = tuple(min(position for position, _ in some) for some in found)
    return AsOf(min(serves.values(), default=0), positions, watermark)
