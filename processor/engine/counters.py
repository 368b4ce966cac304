"""Counters, declared: what is counted, by which dimensions, in which windows; and counting a batch's entries.

A counter key is text: window kind, window, counter, dimensions and time zone, separated by U+001F. The window is a
number of minutes, days, months (since year 0) or years of local wall-clock time, so keys of one kind sort by time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

SEPARATOR = "\x1f"
MINUTE, DAY, MONTH, YEAR, ALL_TIME = "m", "d", "n", "y", "a"
WINDOWS = {MINUTE: "MINUTE", DAY: "DAY", MONTH: "MONTH", YEAR: "YEAR", ALL_TIME: "ALL_TIME"}
HOUR_MS = 3_600_000
MINUTE_LIFETIME_MS = 48 * HOUR_MS
WALL_CLOCKS_MS = 15 * HOUR_MS
"""More than any wall clock is off UTC."""

PREFIX = b"c"
"""Of counter keys in the store."""

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
    measure, as wide as the widest counter.
    """

    keys: list[bytes]
    amounts: npt.NDArray[np.int64]


def expired_minutes(before: int, watermark: int) -> tuple[bytes, bytes] | None:
    """Store keys of minutes that no record from ``watermark`` (ms) on can touch: housekeeping, once an hour."""
    if before // HOUR_MS == watermark // HOUR_MS:
        return None
    oldest = (watermark - MINUTE_LIFETIME_MS - WALL_CLOCKS_MS) // 60_000
    start = PREFIX + (MINUTE + SEPARATOR).encode()
    return start, start + str(oldest).encode()


def parsed(keys: pl.Series) -> pl.DataFrame:
    """Counter keys (String) taken apart: ``counter``, ``dimensions`` (list of String, in the counter's order),
    ``time_zone``, ``window`` (a name of WINDOWS), ``window_start`` and ``window_end`` (instants in ms, null for all
    time), and ``prefix``: all a key has before its counter.
    """
    parts = keys.alias("parts").str.split(SEPARATOR).to_frame().lazy()
    part = pl.col("parts").list
    frame = parts.select(
        kind=part.get(0),
        number=part.get(1),
        counter=part.get(2),
        dimensions=part.slice(3, part.len() - 4),
        time_zone=part.get(-1),
    ).collect()
    windows = frame.select("kind", "number", "time_zone").unique(maintain_order=True)
    return frame.join(_instants(windows), on=["kind", "number", "time_zone"], how="left", maintain_order="left")


def _instants(windows: pl.DataFrame) -> pl.DataFrame:
    number = pl.col("number").cast(pl.Int64)
    walls = windows.with_columns(_wall(number).alias("from"), _wall(number + 1).alias("to"))
    zones = [
        here.with_columns(window_start=_instant("from", zone), window_end=_instant("to", zone))
        for (zone,), here in walls.group_by("time_zone", maintain_order=True)
    ]
    return (pl.concat(zones) if zones else walls.with_columns(window_start=pl.lit(0), window_end=pl.lit(0))).select(
        "kind",
        "number",
        "time_zone",
        "window_start",
        "window_end",
        prefix=pl.concat_str("kind", "number", separator=SEPARATOR) + SEPARATOR,
        window=pl.col("kind").replace_strict(WINDOWS, return_dtype=pl.String),
    )


def _wall(number: pl.Expr) -> pl.Expr:
    """Wall-clock time at which a window begins; null for all time."""
    kind = pl.col("kind")
    month = pl.when(kind == MONTH).then(number).otherwise(number * 12)
    return (
        pl.when(kind == MINUTE)
        .then(pl.from_epoch(number * 60_000, time_unit="ms"))
        .when(kind == DAY)
        .then(pl.from_epoch(number * 86_400_000, time_unit="ms"))
        .when(kind.is_in([MONTH, YEAR]))
        .then(pl.datetime(month.floordiv(12), month % 12 + 1, 1, time_unit="ms"))
    )


def _instant(wall: str, zone: str) -> pl.Expr:
    """Wall-clock time as an instant in ms. An hour that comes twice is its first; one that is left out, the next."""
    local = pl.col(wall).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    later = (pl.col(wall) + pl.duration(hours=1)).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.fill_null(later).dt.epoch("ms")


def count(counters: Sequence[Counter], entries: dict[str, pl.DataFrame]) -> Changes:
    """Add up entries. ``entries[of]`` has ``sign`` (1, -1), ``at`` and ``appended`` (ms), ``time_zone`` and the
    columns the counters name. An entry whose minute has outlived MINUTE_LIFETIME_MS counts in longer windows only.
    """
    width = max(len(counter.measures) for counter in counters)
    timed = {of: _timed(frame) for of, frame in entries.items() if not frame.is_empty()}
    parts = [_amounts(counter, timed[counter.of], width) for counter in counters if counter.of in timed]
    if not parts:
        return Changes([], np.zeros((0, width), np.int64))
    whole = pl.concat(list(_windows(pl.concat(parts), width)))
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


def _amounts(counter: Counter, frame: pl.DataFrame, width: int) -> pl.DataFrame:
    """One row per entry: ``of`` (counter, dimensions and time zone), ``minute``, ``live`` and the amounts _0, _1 ..."""
    amounts = [pl.col("sign") if column is None else pl.col("sign") * pl.col(column) for _, column in counter.measures]
    amounts += [pl.lit(0, pl.Int64)] * (width - len(amounts))
    return frame.select(
        pl.concat_str(pl.lit(counter.name), *counter.dimensions, "time_zone", separator=SEPARATOR).alias("of"),
        "minute",
        "live",
        *(amount.cast(pl.Int64).alias(f"_{place}") for place, amount in enumerate(amounts)),
    )


def _windows(entries: pl.DataFrame, width: int) -> Iterator[pl.DataFrame]:
    """``key`` and amounts for each kind of window, each added up from the next shorter one."""
    total = [pl.col(f"_{place}").sum() for place in range(width)]
    fine = entries.group_by("of", "minute", "live").agg(total)
    days = fine.group_by("of", pl.col("minute").floordiv(1440).alias("window")).agg(total)
    date = (pl.col("window").cast(pl.Int64) * 86_400_000).cast(pl.Datetime("ms")).dt
    months = days.group_by("of", (date.year() * 12 + date.month() - 1).alias("window")).agg(total)
    years = months.group_by("of", pl.col("window").floordiv(12)).agg(total)
    ever = years.group_by("of").agg(total).with_columns(window=pl.lit(0))
    minutes = fine.filter("live").rename({"minute": "window"})
    for kind, part in ((MINUTE, minutes), (DAY, days), (MONTH, months), (YEAR, years), (ALL_TIME, ever)):
        key = pl.concat_str(pl.lit(kind), pl.col("window").cast(pl.String), "of", separator=SEPARATOR)
        yield part.select(key.alias("key"), pl.col([f"_{place}" for place in range(width)]))
