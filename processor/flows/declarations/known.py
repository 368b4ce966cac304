"""Reference tables as they stood when a record was appended, looked up by place: a join costs many times as much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add

import numpy as np
import polars as pl

from processor.engine.lifecycle import Ints

NEVER = np.iinfo(np.int64).max


class Known:
    """A table by its key. ``table``: ``known_from`` (Int64, ms) and key columns (String, or integers of a small range);
    raises ValueError where a key occurs twice. ``on``: what asks for each key column. ``place``: an expression on what
    asks, the place of each row's key among all there might be.
    """

    def __init__(self, table: pl.DataFrame, on: Mapping[str, pl.Expr]) -> None:
        place, own, count = [], [], 1
        for key, asking in on.items():
            numbered, size = _numbers(table[key])
            place.append(numbered(asking) * count)
            own.append(numbered(pl.col(key)) * count)
            count *= size
        self.place = reduce(add, place)
        places = table.select(reduce(add, own)).to_series()
        if places.n_unique() < len(table):
            raise ValueError(f"a key occurs twice in a table by {', '.join(on)}")
        self.rows = np.full(count, len(table))
        self.rows[places.to_numpy()] = np.arange(len(table))
        self.since = np.append(table["known_from"].to_numpy(), NEVER)
        self.columns = {column.name: column.extend_constant(None, 1) for column in table.get_columns()}

    def values(self, place: Ints, appended: Ints, *names: str) -> list[pl.Series]:
        """Columns of the table at each ``place``, null where it has none that was known when it was ``appended``."""
        rows = self.rows[place]
        known = np.where(self.since[rows] <= appended, rows, len(self.since) - 1)
        return [self.columns[name][known] for name in names]


def _numbers(column: pl.Series) -> tuple[Callable[[pl.Expr], pl.Expr], int]:
    """Numbers what occurs in a column, and as the last all else; and how many numbers that makes."""
    if column.dtype == pl.String:
        codes = pl.Enum(column.unique(maintain_order=True))
        most = len(codes.categories)
        return lambda of: of.cast(codes, strict=False).to_physical().cast(pl.Int64).fill_null(most), most + 1
    values = column.to_numpy()
    least, most = int(values.min()), int(values.max())
    rest = most - least + 1
    return lambda of: pl.when(of.is_between(least, most)).then(of.cast(pl.Int64) - least).otherwise(rest), rest + 1
