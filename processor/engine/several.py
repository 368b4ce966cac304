"""Batches of several partitions as one frame, and what comes of it by partition again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from processor.engine.lifecycle import Ints
from processor.engine.model import Outcome, Record, Source, View, Work


def slices(of: Ints, count: int) -> list[slice]:
    """Where the part of each of ``count`` lies. ``of``: whose each element is, ascending."""
    ends = np.searchsorted(of, np.arange(count + 1)).tolist()
    return [slice(start, end) for start, end in pairwise(ends)]


class Several:
    """``work``: batches of different partitions, so of different keys. A record's row is its place in ``records``."""

    def __init__(self, work: Sequence[Work]) -> None:
        self.work = work
        self.records: Sequence[Record] = work[0].batch.records
        if len(work) > 1:
            self.records = [record for each in work for record in each.batch.records]

    @cached_property
    def of(self) -> Ints:
        """The place in ``work`` of each record."""
        return np.repeat(np.arange(len(self.work)), [len(each.batch.records) for each in self.work])

    @cached_property
    def partition(self) -> Ints:
        return np.array([each.source.partition for each in self.work])[self.of]

    @cached_property
    def appended(self) -> Ints:
        return np.concatenate([each.batch.appended for each in self.work])

    @cached_property
    def offset(self) -> Ints:
        return np.array([record.offset for record in self.records], np.int64)

    def slices(self, of: Ints) -> list[slice]:
        """Where each batch's part lies. ``of``: places in ``work``, ascending."""
        return slices(of, len(self.work))

    def sorted(self, of: Ints) -> tuple[Ints, list[slice]]:
        """What brings ``of`` in order, each part in its own; and the slices then."""
        order = np.argsort(of, kind="stable")
        return order, self.slices(of[order])


def read(views: Sequence[View], keys: list[bytes], of: Ints) -> list[bytes | None]:
    """What is stored under each key, in the one of ``views`` it is ``of`` (places among them, ascending)."""
    each = zip(views, slices(of, len(views)), strict=True)
    return [value for view, place in each for value in view.read(keys[place])]


@dataclass(frozen=True)
class Upon:
    """Several partitions: their states, read as they stand, and what becomes of each. ``of`` in what follows: places
    among them, ascending.
    """

    sources: Sequence[Source]
    views: Sequence[View]
    outcomes: Sequence[Outcome]

    def read(self, keys: list[bytes], of: Ints) -> list[bytes | None]:
        """What is stored under each key."""
        return read(self.views, keys, of)

    def put(self, keys: Sequence[bytes], values: Sequence[bytes], of: Ints) -> None:
        """Have it stored with the outcome."""
        pairs = list(zip(keys, values, strict=True))
        for outcome, place in zip(self.outcomes, slices(of, len(self.views)), strict=True):
            outcome.puts += pairs[place]
