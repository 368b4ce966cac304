"""Counters, declared: what is counted, by which dimensions, in which windows; and counting a batch's entries.

A counter key is text: window kind, window, counter, dimensions and time zone, separated by U+001F. The window is a
number of minutes, days, months (since year 0) or years of local wall-clock time, so keys of one kind sort by time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

SEPARATOR = "\x1f"
MINUTE, DAY, MONTH, YEAR, ALL_TIME = "m", "d", "n", "y", "a"
WINDOWS = {MINUTE: "MINUTE", DAY: "DAY", MONTH: "MONTH", YEAR: "YEAR", ALL_TIME: "ALL_TIME"}
HOUR_MS = 3_600_000
DAY_MINUTES = 1_440
MINUTE_LIFETIME_MS = 48 * HOUR_MS
WALL_CLOCKS_MS = 15 * HOUR_MS
"""More than any wall clock is off UTC."""

PREFIX = b"c"
"""Of counter keys in the store."""


@dataclass(frozen=True)
class Counter:
    """``of``: which of the flow's entries it counts; ``dimensions``: columns of theirs; each measure is a column to add
    up. ``windows``: the kinds it keeps, short to long. ``reversible``: whether what was counted can be taken away.
    ``definition`` is raised when the meaning changes, and with it the generation.

    ``distinct``: column whose different values are counted (by MONTH, YEAR and ALL_TIME): those that more entries
    brought than took away. A source partition counts entries by the columns ``kept`` and the value; ``spread`` makes of
    a frame of these one with the dimensions, perhaps with more rows.
    """

    name: str
    of: str
    dimensions: tuple[str, ...]
    measures: tuple[tuple[str, str], ...]
    windows: tuple[str, ...] = (DAY, MONTH, YEAR, ALL_TIME)
    reversible: bool = True
    definition: int = 1
    distinct: str | None = None
    kept: tuple[str, ...] = ()
    spread: Callable[[pl.DataFrame], pl.DataFrame] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Changes:
    """What entries add to counters: ``keys`` are different, of each source; ``amounts`` is int64, one row per key, one
    column per measure, as wide as the widest counter; ``source``: of which source each is, ascending.
    """

    keys: list[bytes]
    amounts: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]


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
    frame = parts.select_seq(
        kind=part.get(0),
        number=part.get(1),
        counter=part.get(2),
        dimensions=part.slice(3, part.len() - 4),
        time_zone=part.get(-1),
    ).collect()
    windows = frame.select_seq("kind", "number", "time_zone").unique(maintain_order=True)
    return frame.join(_instants(windows), on=["kind", "number", "time_zone"], how="left", maintain_order="left")


def _instants(windows: pl.DataFrame) -> pl.DataFrame:
    number = pl.col("number").cast(pl.Int64)
    walls = windows.with_columns_seq(_wall(number).alias("from"), _wall(number + 1).alias("to"))
    zones = [
        here.with_columns_seq(window_start=_instant("from", zone), window_end=_instant("to", zone))
        for (zone,), here in walls.group_by("time_zone", maintain_order=True)
    ]
    return (
        pl.concat(zones) if zones else walls.with_columns_seq(window_start=pl.lit(0), window_end=pl.lit(0))
    ).select_seq(
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


def count(counters: Sequence[Counter], entries: Mapping[str, pl.DataFrame], width: int) -> Changes:
    """Add up entries. ``entries[of]``, if any, has ``source``, ``minute``, ``live`` and ``time_zone`` (see ``timed``),
    and the columns the counters name; measures are signed.
    """
    alike: dict[tuple[str, ...], list[pl.DataFrame]] = defaultdict(list)
    for counter in counters:
        frame = entries.get(counter.of)
        if frame is not None and len(frame):
            of = keyed(counter.name, counter.dimensions)
            alike[counter.windows].append(amounts(of, counter.measures, frame, width))
    parts = [part for windows, frames in alike.items() for part in by_window(pl.concat(frames), width, windows)]
    if not parts:
        return Changes([], np.zeros((0, width), np.int64), np.zeros(0, np.int64))
    whole = pl.concat(parts).sort("source", maintain_order=True)
    keys: list[bytes] = whole["key"].cast(pl.Binary).to_list()
    return Changes(keys, whole.drop("key", "source").to_numpy(), whole["source"].to_numpy())


def keyed(name: str, columns: Sequence[str]) -> pl.Expr:
    """What a counter key has after its window."""
    return pl.concat_str(pl.lit(name), *columns, "time_zone", separator=SEPARATOR)


def in_window(kind: str, of: pl.Expr) -> pl.Expr:
    """The counter key of ``of`` (``keyed``) in a ``window`` of a kind."""
    return pl.concat_str(pl.lit(kind), pl.col("window").cast(pl.String), of, separator=SEPARATOR)


def timed(frame: pl.DataFrame) -> pl.DataFrame:
    """Entries with ``at``, ``appended`` (ms) and ``time_zone``: with ``minute``, the wall-clock minute of ``at``, and
    ``live``, whether its window stands: it counts no more once it has outlived MINUTE_LIFETIME_MS.
    """
    wall = pl.lit(None, pl.Int64)
    for zone in frame["time_zone"].unique(maintain_order=True).to_list():
        local = pl.from_epoch("at", time_unit="ms").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        here = local.dt.replace_time_zone(None).dt.epoch("ms")
        wall = pl.when(pl.col("time_zone") == zone).then(here).otherwise(wall)
    return frame.with_columns_seq(
        minute=wall.floordiv(60_000).cast(pl.Int32),
        live=pl.col("at").floordiv(60_000) * 60_000 + MINUTE_LIFETIME_MS > pl.col("appended"),
    )


def amounts(of: pl.Expr, measures: Sequence[tuple[str, str]], frame: pl.DataFrame, width: int) -> pl.DataFrame:
    """One row per entry: ``source``, ``of`` (``keyed``), ``minute``, ``live`` and the amounts _0, _1 ..."""
    columns = [pl.col(column).cast(pl.Int64) for _, column in measures]
    columns += [pl.lit(0, pl.Int64)] * (width - len(columns))
    return frame.select_seq(
        "source", of.alias("of"), "minute", "live", *(column.alias(f"_{place}") for place, column in enumerate(columns))
    )


def by_window(entries: pl.DataFrame, width: int, kinds: Sequence[str]) -> Iterator[pl.DataFrame]:
    """``key``, ``source`` and amounts for each kind of window, each added up from the next shorter one."""
    total = [pl.col(f"_{place}").sum() for place in range(width)]
    if MINUTE in kinds:
        entries = entries.group_by("source", "of", "minute", "live").agg(total)
        yield _in_window(MINUTE, entries.filter("live").rename({"minute": "window"}), width)
    longer = {
        DAY: pl.col("minute").floordiv(DAY_MINUTES),
        MONTH: month_of(pl.col("window")),
        YEAR: pl.col("window").floordiv(12),
        ALL_TIME: pl.lit(0, pl.Int32),
    }
    for kind, window in longer.items():
        entries = entries.group_by("source", "of", window.alias("window")).agg(total)
        if kind in kinds:
            yield _in_window(kind, entries, width)
        if kind == kinds[-1]:
            return


def month_of(day: pl.Expr) -> pl.Expr:
    """Number of the month of a day, by its number (Int32)."""
    date = (day.cast(pl.Int64) * 86_400_000).cast(pl.Datetime("ms")).dt
    return date.year() * 12 + date.month() - 1


def _in_window(kind: str, part: pl.DataFrame, width: int) -> pl.DataFrame:
    amounts = pl.col([f"_{place}" for place in range(width)])
    return part.select_seq("source", in_window(kind, pl.col("of")).alias("key"), amounts)
