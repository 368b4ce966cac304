"""How far totals include their source partitions: kept, told to subscribers, and what follows for a window."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

import schemas
from processor.engine.lifecycle import Ints
from processor.engine.model import Message, Source, View
from processor.engine.several import Upon
from processor.engine.totals_rows import Counted

PROGRESS = b"g"
"""Prefix in the store, of progress per flow."""

PROGRESS_TOPIC = "counters.progress"
GRACE_MS = 3_600_000
"""A window is final an hour after its end, by the slowest source partition's append time."""


@dataclass(frozen=True)
class Progress:
    """How far a flow's totals include its source partitions, of each totals partition, by place. ``positions``: next
    offset of each source partition, none where nothing has come; ``before`` and ``watermark``: append time (ms) of the
    slowest, before this batch and after it.
    """

    positions: list[list[int]]
    before: Ints
    watermark: Ints

    @classmethod
    def none(cls, count: int) -> Progress:
        return cls([[] for _ in range(count)], np.zeros(count, np.int64), np.zeros(count, np.int64))

    @property
    def present(self) -> list[int]:
        """Places where something has come."""
        return [place for place, positions in enumerate(self.positions) if positions]

    def status(self, source: Ints, end: pl.Expr, first: pl.Series) -> pl.Expr:
        """Of totals of ``source`` whose windows end at ``end``; ``first``: whether each is published for the first
        time.
        """
        final = end + GRACE_MS
        before, watermark = pl.Series(self.before[source]), pl.Series(self.watermark[source])
        return (
            pl.when(end.is_null() | (final > watermark))
            .then(pl.lit("PROVISIONAL"))
            .when((final <= before) & ~first)
            .then(pl.lit("REVISED"))
            .otherwise(pl.lit("FINAL"))
        )


def known(counted: Counted, view: View) -> list[tuple[int, int]]:
    """Position and watermark (ms) of every source partition of a flow, as they stand."""
    raw = view.read([PROGRESS + counted.flow.encode()])[0]
    return [(p, w) for p, w in json.loads(raw)] if raw else [(0, 0)] * counted.partitions


class Teller:
    """Keeps progress, and writes it to its topic. ``generation``: of the totals."""

    def __init__(self, generation: int) -> None:
        self.generation = generation

    def moved(self, counted: Counted, newest: pl.DataFrame, upon: Upon) -> Progress:
        """Progress of every source partition of a flow; publishes those that moved. ``newest``: partials, with
        ``source``.
        """
        # only a progress record says that all of a publication came before it: a batch may end within one
        reached = newest.filter(pl.col("counter_key") == "")
        moved = reached.group_by("source", "partition", maintain_order=True).agg(pl.col("position", "watermark").max())
        progress = Progress.none(len(upon.sources))
        for place in newest["source"].unique().sort().to_list():
            outcome, stands = upon.outcomes[place], known(counted, upon.views[place])
            progress.before[place] = min(watermark for _, watermark in stands)
            told = []
            for _, partition, position, watermark in moved.filter(pl.col("source") == place).iter_rows():
                stands[partition] = (max(position, stands[partition][0]), max(watermark, stands[partition][1]))
                told.append(partition)
            progress.watermark[place] = min(watermark for _, watermark in stands)
            progress.positions[place] = [position for position, _ in stands]
            outcome.puts.append((PROGRESS + counted.flow.encode(), json.dumps(stands).encode()))
            if not outcome.silent:
                outcome.messages.append(self.told(upon.sources[place], counted, stands, told))
        return progress

    def told(
        self, source: Source, counted: Counted, stands: Sequence[tuple[int, int]], partitions: Iterable[int]
    ) -> Message:
        """The progress of these source partitions."""
        names, values = [], []
        for partition in partitions:
            at = {"totals_partition": source.partition, "source_partition": partition}
            names.append(schemas.encode("ProgressKey", {"flow": counted.flow, "generation": self.generation, **at}))
            reached = dict(zip(("position", "watermark"), stands[partition], strict=True))
            values.append(schemas.encode("Progress", reached))
        return Message(PROGRESS_TOPIC, 0, names, values)
