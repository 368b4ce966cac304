"""Where a trader is registered: the whole jurisdiction, and the watched areas, which lie in one another."""

from __future__ import annotations

import polars as pl

c = pl.col
BLANK = " "
"""Between the codes of ``areas``: as text they are quickly compared."""


def split(entries: pl.DataFrame, name: str) -> pl.DataFrame:
    """An entry for each of its ``areas``, as ``name``; none for those that have none."""
    own = entries.filter(c("areas") != "").with_columns(c("areas").str.split(BLANK).alias(name))
    return own.drop("areas").explode(name)


def by_area(entries: pl.DataFrame) -> pl.DataFrame:
    """Each entry for the whole jurisdiction and for each of its ``areas``, as ``area``."""
    whole = entries.with_columns(area="jurisdiction").drop("areas")
    return pl.concat([whole, split(entries, "area").select(whole.columns)])


def by_area_and_channel(entries: pl.DataFrame) -> pl.DataFrame:
    """Entries by area; through ``channel`` ALL, and those through the platform once more as PLATFORM."""
    every = by_area(entries)
    return pl.concat([every.with_columns(channel=pl.lit("ALL")), every.filter(c("channel") == "PLATFORM")])
