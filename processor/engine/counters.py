"""Counters, declared: what is counted, by which dimensions, in which windows; and counting a batch's entries.

A counter key is text: window kind, window, counter, dimensions and time zone, separated by U+001F. The window is a
number of minutes, days, months (since year 0) or years of local wall-clock time, so keys of one kind sort by time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl

SEPARATOR = "\x1f"
MINUTE, DAY, MONTH, YEAR, ALL_TIME = "m", "d", "n", "y", "a"
WINDOWS = {MINUTE: "MINUTE", DAY: "DAY", MONTH: "MONTH", YEAR: "YEAR", ALL_TIME: "ALL_TIME"}
MINUTE_LIFETIME_MS = 48 * 3_600_000

STAGE, DOCUMENT, LINE = "stage", "document", "line"


@dataclass(frozen=True)
class Counter:
    """``of``: what an entry is: a ``stage`` reached, a ``document`` that counts, or a ``line`` of one.

    ``dimensions`` are columns of the document (and ``stage``, or the line's columns); each measure is a column to add
    up, or None to count entries. ``definition`` is raised when the meaning changes, and with it the generation.
    """

    name: str
    of: str
    dimensions: tuple[str, ...]
    measures: tuple[tuple[str, str | None], ...]
    definition: int = 1


@dataclass(frozen=True)
class Changes:
    """What a batch adds to counters: ``keys`` are distinct; ``amounts`` is int64, one row per key, one column per
    measure, as wide as the widest counter."""

    keys: list[bytes]
    amounts: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Key:
    """A counter key, taken apart. ``start`` and ``end`` are instants in ms, None for all time."""

    counter: str
    window: str
    start: int | None
    end: int | None
    dimensions: tuple[str, ...]
    time_zone: str


def parse(key: str) -> Key:
    """A key's parts. Raises ValueError for what is no key."""
    kind, number, counter, *dimensions, time_zone = key.split(SEPARATOR)
    start, end = bounds(kind, int(number), time_zone)
    return Key(counter, WINDOWS[kind], start, end, tuple(dimensions), time_zone)


def bounds(kind: str, number: int, time_zone: str) -> tuple[int | None, int | None]:
    """First instant of a window and first instant after it, in ms."""
    if kind == ALL_TIME:
        return None, None
    return _instant(kind, number, time_zone), _instant(kind, number + 1, time_zone)


def _instant(kind: str, number: int, time_zone: str) -> int:
    if kind in (MINUTE, DAY):
        wall = datetime.fromtimestamp(number * (60 if kind == MINUTE else 86_400), UTC)
    elif kind == MONTH:
        wall = datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
    else:
        wall = datetime(number, 1, 1, tzinfo=UTC)
    return int(wall.replace(tzinfo=ZoneInfo(time_zone)).timestamp() * 1000)


def count(counters: Sequence[Counter], entries: dict[str, pl.DataFrame]) -> Changes:
    """Add up entries. ``entries[of]`` has ``sign`` (1, -1), ``at`` and ``appended`` (ms), ``time_zone`` and the
    columns the counters name. An entry whose minute has outlived MINUTE_LIFETIME_MS counts in longer windows only.
    """
    width = max(len(counter.measures) for counter in counters)
    timed = {of: _timed(frame) for of, frame in entries.items() if not frame.is_empty()}
    parts = [part for counter in counters if counter.of in timed for part in _one(counter, timed[counter.of], width)]
    if not parts:
        return Changes([], np.zeros((0, width), np.int64))
    whole = pl.concat(parts)
    keys: list[bytes] = whole["key"].cast(pl.Binary).to_list()
    return Changes(keys, whole.drop("key").to_numpy())


def _timed(frame: pl.DataFrame) -> pl.DataFrame:
    """With the wall-clock ``minute`` of ``at``, and ``live``: whether its minute window still stands."""
    wall = pl.lit(None, pl.Int64)
    for zone in frame["time_zone"].unique(maintain_order=True).to_list():
        local = pl.from_epoch("at", time_unit="ms").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        here = local.dt.replace_time_zone(None).dt.epoch("ms")
        wall = pl.when(pl.col("time_zone") == zone).then(here).otherwise(wall)
    return frame.with_columns(
        minute=wall.floordiv(60_000).cast(pl.Int32),
        live=pl.col("at").floordiv(60_000) * 60_000 + MINUTE_LIFETIME_MS > pl.col("appended"),
    )


def _one(counter: Counter, frame: pl.DataFrame, width: int) -> list[pl.DataFrame]:
    by = [*counter.dimensions, "time_zone"]
    names = [f"_{i}" for i in range(len(counter.measures))]
    amounts = [
        (pl.col("sign") if column is None else pl.col("sign") * pl.col(column)).alias(name)
        for name, (_, column) in zip(names, counter.measures, strict=True)
    ]
    total = [pl.col(name).sum() for name in names]
    fine = frame.select(*by, "minute", "live", *amounts).group_by(*by, "minute", "live").agg(total)
    minutes = fine.filter("live").drop("live").rename({"minute": "window"})
    days = fine.with_columns(window=pl.col("minute").floordiv(1440)).group_by(*by, "window").agg(total)
    date = (pl.col("window").cast(pl.Int64) * 86_400_000).cast(pl.Datetime("ms")).dt
    months = days.with_columns(window=date.year() * 12 + date.month() - 1).group_by(*by, "window").agg(total)
    years = months.with_columns(window=pl.col("window").floordiv(12)).group_by(*by, "window").agg(total)
    ever = years.with_columns(window=pl.lit(0, pl.Int32)).group_by(*by, "window").agg(total)
    keyed = []
    for kind, part in ((MINUTE, minutes), (DAY, days), (MONTH, months), (YEAR, years), (ALL_TIME, ever)):
        start = pl.concat_str(pl.lit(kind + SEPARATOR), pl.col("window").cast(pl.String), pl.lit(SEPARATOR + counter.name))
        padding = [pl.lit(0, pl.Int64).alias(f"_{i}") for i in range(len(names), width)]
        keyed.append(
            part.select(
                pl.concat_str(start, *by, separator=SEPARATOR).alias("key"),
                *(pl.col(name).cast(pl.Int64) for name in names),
                *padding,
            )
        )
    return keyed
