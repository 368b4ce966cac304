"""Counting different values, exactly and reversibly: how many there are, from which there are.

A source partition says of a value (a trader) only that it is there in a month, or is there no longer (``presence``).
All that is said of a value comes to one totals partition, which knows from it where the value is: in a month if any
source has it there under anything kept, in a year if in any of its months, and so in all time. It counts the values it
knows; each is known to one totals partition, its slice, and what the slices count is to be added up.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from processor.engine.counters import ALL_TIME, MONTH, SEPARATOR, YEAR, Counter, in_window, keyed
from processor.engine.presence import Counts, turned
from processor.engine.several import Upon
from processor.engine.totals_rows import MEMBER, ROW, Counted, Rows, places

PLACE = b"v"
"""Of the counts in the store that say where a value is."""

LONGER = {MONTH: pl.col("window").floordiv(12), YEAR: pl.lit(0, pl.Int32), ALL_TIME: pl.lit(0, pl.Int32)}
"""Kinds of window, short to long, with the number of the next longer one."""


def summed(counted: Counted, partials: pl.DataFrame, upon: Upon) -> pl.DataFrame:
    """``partials`` with, in the place of those of single values, one for each key whose number of values changed:
    from source partition 0, at the position of its batch, the number as its first measure. By ``source``, ascending.
    """
    counters = {counter.name: counter for counter in counted.counters if counter.distinct is not None}
    name = partials["counter_key"].str.split(SEPARATOR).list.get(2)
    single = name.is_in(list(counters))
    if not single.any():
        return partials
    counts = Counts(upon, counted.entry["measures"].shape[0])
    changes = [
        change
        for counter in counters.values()
        for change in _changes(counter, _turned(counted, partials.filter(name == counter.name), upon), counts)
    ]
    changed = pl.concat(changes).sort("source", maintain_order=True)
    stored = [ROW + key.encode() for key in changed["counter_key"].to_list()]
    rows = Rows(upon.read(stored, changed["source"].to_numpy()), counted)
    numbers = rows.measures[:, 0]
    numbers[:, 0] += changed["sign"].to_numpy()
    stamps = partials.filter(single).select("source", "generation", "flow", "watermark").unique("source", keep="last")
    anew = changed.join(stamps, on="source", how="left", maintain_order="left").with_columns(
        partition=pl.lit(0, partials["partition"].dtype),
        position=np.array([outcome.position for outcome in upon.outcomes])[changed["source"].to_numpy()],
        measures=pl.Series(numbers.tolist(), dtype=pl.List(pl.Int64)),
    )
    together = pl.concat([partials.filter(~single), anew.select(partials.columns)])
    return together.sort("source", maintain_order=True)


def _turned(counted: Counted, values: pl.DataFrame, upon: Upon) -> pl.DataFrame:
    """``source`` and ``key`` of values that came (``sign`` 1) or went (-1), over all source partitions; notes who has
    which.
    """
    names = values.select("source", "counter_key").unique(maintain_order=True)
    source = names["source"].to_numpy()
    stored = [MEMBER + name.encode() for name in names["counter_key"].to_list()]
    rows = Rows(upon.read(stored, source), counted)
    before = rows.measures[:, :, 0].any(axis=1)
    rows.take(places(values, names), values)
    upon.put(stored, rows.dump(), source)
    sign = rows.measures[:, :, 0].any(axis=1).astype(np.int64) - before
    return names.select("source", key="counter_key", sign=pl.Series(sign)).filter(pl.col("sign") != 0)


def _changes(counter: Counter, values: pl.DataFrame, counts: Counts) -> Iterator[pl.DataFrame]:
    """By how much (``sign``) the number of values changes under each ``counter_key``."""
    assert counter.distinct is not None
    assert counter.spread is not None
    parts = pl.col("key").str.split(SEPARATOR).list
    named = {name: parts.get(place + 3) for place, name in enumerate((*counter.kept, counter.distinct))}
    there = values.select("sign", "source", window=parts.get(1).cast(pl.Int32), time_zone=parts.get(-1), **named)
    there = counter.spread(there)
    dimensions = (*counter.dimensions, "time_zone")
    for kind, longer in LONGER.items():
        _, there = turned(PLACE, kind, there, counter.name, (*counter.dimensions, counter.distinct), counts)
        sums = there.group_by("source", "window", *dimensions).agg(pl.col("sign").sum()).filter(pl.col("sign") != 0)
        yield sums.select("source", "sign", counter_key=in_window(kind, keyed(counter.name, counter.dimensions)))
        there = there.with_columns(window=longer)
