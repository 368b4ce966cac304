"""A row of the totals: for each source partition that has one, its newest partial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from processor.engine.counters import Counter
from processor.engine.lifecycle import Ints

ROW, MEMBER = b"t", b"u"
"""Prefixes in the store: totals, and values that a total counts the different ones of."""


@dataclass(frozen=True)
class Counted:
    """A flow whose partials are added up: its counters and the partitions of its input topic."""

    flow: str
    counters: tuple[Counter, ...]
    partitions: int

    @property
    def entry(self) -> np.dtype[Any]:
        """What a totals row holds of each source partition that has come."""
        width = max(len(counter.measures) for counter in self.counters)
        return np.dtype([("partition", "<i4"), ("position", "<i8"), ("measures", "<i8", (width,))])


class Rows:
    """Totals rows as arrays. ``positions``: (rows, source partitions), 0 where none has come; ``measures``: (rows,
    source partitions, measures); ``first``: whether a row is new.
    """

    def __init__(self, stored: Sequence[bytes | None], counted: Counted) -> None:
        self.entry = counted.entry
        found = np.frombuffer(b"".join([raw or b"" for raw in stored]), self.entry)
        size = self.entry.itemsize
        owner = np.repeat(np.arange(len(stored)), [len(raw or b"") // size for raw in stored])
        self.positions = np.zeros((len(stored), counted.partitions), np.int64)
        self.measures = np.zeros((len(stored), counted.partitions, *self.entry["measures"].shape), np.int64)
        self.positions[owner, found["partition"]] = found["position"]
        self.measures[owner, found["partition"]] = found["measures"]
        self.first = [raw is None for raw in stored]

    def take(self, where: Ints, partials: pl.DataFrame) -> None:
        """Let newer partials take the place of older ones. ``where``: row of each partial, -1 for none."""
        partition, position = partials["partition"].to_numpy(), partials["position"].to_numpy()
        newer = np.nonzero(where >= 0)[0]
        newer = newer[position[newer] >= self.positions[where[newer], partition[newer]]]
        if len(newer):
            at, of = where[newer], partition[newer]
            amounts = partials["measures"].explode().to_numpy().reshape(len(partials), -1)
            self.positions[at, of] = position[newer]
            self.measures[at, of] = amounts[newer]

    def as_first(self) -> Rows:
        """The same rows, as if all were new: what was said of them before was another generation's."""
        self.first = [True] * len(self.first)
        return self

    def dump(self) -> list[bytes]:
        owner, partition = np.nonzero(self.positions)
        packed = np.zeros(len(owner), self.entry)
        packed["partition"] = partition
        packed["position"] = self.positions[owner, partition]
        packed["measures"] = self.measures[owner, partition]
        raw, size = packed.tobytes(), self.entry.itemsize
        ends = (np.bincount(owner, minlength=len(self.positions)).cumsum() * size).tolist()
        return [raw[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def places(partials: pl.DataFrame, rows: pl.DataFrame) -> Ints:
    """The row of each partial, by ``source`` and ``counter_key``; -1 for none."""
    on = ["source", "counter_key"]
    numbered = rows.select(on).with_row_index("place")
    found = partials.select(on).join(numbered, on=on, how="left", maintain_order="left")
    return found["place"].cast(pl.Int64).fill_null(-1).to_numpy()
