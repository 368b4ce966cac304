"""Which different values are there, as one source partition sees it: exact, reversible, told only when it changes.

Entries are counted by month, under all that is kept of them and their value. Totals are told where such a count begins
to be positive, or ceases to: most entries are of values that are there already, and cost one count and no word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from processor.engine.counters import DAY_MINUTES, MONTH, Changes, Counter, in_window, keyed, month_of
from processor.engine.lifecycle import Ints
from processor.engine.several import Upon

KEPT = b"e"
"""Of the counts in the store that are no counters."""


class Told(NamedTuple):
    """Keys and their measures (keys, measures); ``routes``: what decides on the totals partition of each; ``source``:
    of which source each is, ascending.
    """

    keys: list[bytes]
    values: Ints
    routes: list[bytes]
    source: Ints


class Counts:
    """Counts in the stores of several sources: read as they stand, written with the outcome of each. A key is added to
    once.
    """

    def __init__(self, upon: Upon, width: int) -> None:
        self.upon, self.width = upon, width

    def add(self, prefix: bytes, changes: Changes) -> tuple[Ints, Ints]:
        """The values before and after: (keys, width)."""
        stored = [prefix + key for key in changes.keys]
        zero = bytes(8 * self.width)
        found = [value or zero for value in self.upon.read(stored, changes.source)]
        before = np.frombuffer(b"".join(found), "<i8").reshape(len(stored), self.width)
        after = before + changes.amounts
        raw, size = after.astype("<i8").tobytes(), len(zero)
        self.upon.put(stored, [raw[i : i + size] for i in range(0, len(raw), size)], changes.source)
        return before, after


def told(counter: Counter, entries: pl.DataFrame, counts: Counts) -> Told:
    """What became of values: 1 where one is there now, 0 where it is gone, by month and all that is kept.

    ``entries``: ``source``, ``counter.kept``, ``counter.distinct``, ``time_zone``, ``minute`` and ``sign``.
    """
    assert counter.distinct is not None
    month = month_of(pl.col("minute").floordiv(DAY_MINUTES))
    names = (*counter.kept, counter.distinct)
    keys, changed = turned(KEPT, MONTH, entries.with_columns_seq(window=month), counter.name, names, counts)
    values = np.zeros((len(keys), counts.width), np.int64)
    values[:, 0] = changed["sign"].to_numpy() > 0
    return Told(keys, values, changed[counter.distinct].cast(pl.Binary).to_list(), changed["source"].to_numpy())


def turned(
    prefix: bytes, kind: str, frame: pl.DataFrame, counter: str, names: Sequence[str], counts: Counts
) -> tuple[list[bytes], pl.DataFrame]:
    """Adds up ``sign`` by ``source``, ``window`` (of a kind), ``names`` and ``time_zone``: the keys whose count begins
    to be positive (``sign`` 1 in the frame) or ceases to (-1), and their columns.
    """
    columns = (*names, "time_zone")
    sums = frame.group_by("source", "window", *columns).agg(pl.col("sign").sum()).filter(pl.col("sign") != 0)
    sums = sums.sort("source")
    keys: list[bytes] = sums.select_seq(in_window(kind, keyed(counter, names)).cast(pl.Binary)).to_series().to_list()
    amounts = np.zeros((len(keys), counts.width), np.int64)
    amounts[:, 0] = sums["sign"].to_numpy()
    before, after = counts.add(prefix, Changes(keys, amounts, sums["source"].to_numpy()))
    sign = (after[:, 0] > 0).astype(np.int64) - (before[:, 0] > 0)
    places = np.nonzero(sign)[0]
    return [keys[place] for place in places.tolist()], sums[places].with_columns_seq(sign=pl.Series(sign[places]))
