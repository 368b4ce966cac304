"""Lists of records, taken apart and put together: groups and joins would cost many times as much."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from processor.engine.lifecycle import Ints


def apart(lists: pl.Series) -> tuple[pl.DataFrame, Ints]:
    """The fields of all records, and which list each was in."""
    lengths = lists.list.len().to_numpy()
    return lists.explode(empty_as_null=False).struct.unnest(), np.repeat(np.arange(len(lengths)), lengths)


def listed(parts: pl.DataFrame, parent: Ints, count: int) -> pl.Series:
    """Rows of ``parts`` as ``count`` lists of structs, in their order; ``parent``: which list each goes into."""
    rows = parts[np.argsort(parent, kind="stable")].to_struct().to_arrow()
    ends = np.cumsum(np.bincount(parent, minlength=count))
    return pl.Series(pa.LargeListArray.from_arrays(np.append(0, ends), rows))
