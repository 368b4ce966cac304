"""What a total is made of: its contributions, found by folding the log once more, in memory and in silence.

The fold is the flow's own; only its entries carry the declaration number as well. A contribution says which declaration
was counted (+1) or taken away again (-1), in which local minute, and the measures as they add up to the total.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

import schemas
from connectors import counters as subscribed
from connectors import totals
from connectors.export import decimal
from connectors.subscribe import INPUT
from connectors.table import AsOf, Snapshot
from processor import reference
from processor.engine.counters import WINDOWS, Counter
from processor.engine.flow import RegisterFold
from processor.engine.journal import unpack
from processor.engine.model import Record, Source
from processor.flows import declarations
from processor.flows.declarations.counters import COUNTERS
from processor.flows.declarations.entries import maker
from processor.refold import outcomes

OF_ANSWERS = {
    "answer": "the receipts",
    "finding": "the receipts' findings",
    "control": "the receipts, and the senders' control records",
}
"""What counters of answers count, which has no declaration number -> where it is to be found."""
BEGINNINGS = {"DAY": "1d", "MONTH": "1mo", "YEAR": "1y"}
"""Kind of window -> the calendar's unit that it begins with."""

Entries = Mapping[str, pl.DataFrame]
"""What counters count, by what it is of."""


class Asked(NamedTuple):
    """A total: ``counter`` as it is counted, ``published`` as it is read; the values of its dimensions, in its order;
    the kind of window, and the local day it begins on, None for ALL_TIME.
    """

    counter: Counter
    published: totals.Counter[Any, Any]
    dimensions: tuple[str, ...]
    window: str
    start: date | None

    @property
    def columns(self) -> dict[str, Any]:
        """Of contributions: declaration ``number``, ``sign``, local ``minute``, each measure with its sign; and where
        different values are counted, the value.
        """
        measures: dict[str, Any] = {name: pl.Int64 for name, _ in self.counter.measures}
        value = {} if self.counter.distinct is None else {self.counter.distinct: pl.String}
        return {"number": pl.String, "sign": pl.Int64, "minute": pl.Datetime("us"), **measures, **value}

    def among(self, entries: Entries) -> pl.DataFrame:
        """The contributions to this total, with ``columns``, in the order of the entries."""
        counter, mine = self.counter, entries[self.counter.of]
        if counter.spread is not None:
            mine = counter.spread(mine)
        minute = pl.from_epoch(pl.col("moment").cast(pl.Int64) * 60, time_unit="s")
        named = {"minute": minute, **{name: pl.col(column) for name, column in counter.measures}}
        asked = [pl.col(name) == value for name, value in zip(counter.dimensions, self.dimensions, strict=True)]
        if self.start is not None:
            asked.append(minute.dt.truncate(BEGINNINGS[self.window]).dt.date() == self.start)
        found = mine.filter(asked).with_columns(**named)
        return found.select(pl.col(name).cast(kind) for name, kind in self.columns.items())


def ask(name: str, said: Sequence[str], window: str, start: date | None) -> Asked:
    """The total of a counter under DIMENSION=VALUE for each of its dimensions. Raises ValueError for what is none."""
    published = subscribed.counter(name)
    counter = next(counter for counter in COUNTERS if counter.name == name)
    if counter.of in OF_ANSWERS:
        raise ValueError(f"{name} counts answers, not declarations: its contributions are {OF_ANSWERS[counter.of]}")
    pairs = [text.partition("=") for text in said]
    if sorted(dimension + equals for dimension, equals, _ in pairs) != sorted(
        f"{name}=" for name in counter.dimensions
    ):
        wanted = " ".join(f"{dimension}=..." for dimension in counter.dimensions)
        raise ValueError(f"a total of {name} is named by {wanted}, each once; not by {' '.join(said)}")
    kinds = [WINDOWS[kind] for kind in counter.windows if WINDOWS[kind] in (*BEGINNINGS, "ALL_TIME")]
    if window not in kinds:
        raise ValueError(f"{name} has no {window}; it has {', '.join(kinds)}")
    if (start is None) != (window == "ALL_TIME"):
        raise ValueError(f"{window} has no start" if start else f"which {window}? say its first day with --start")
    if start and pl.select(pl.lit(start).dt.truncate(BEGINNINGS[window])).item() != start:
        raise ValueError(f"no {window} begins on {start}")
    values = {dimension: value for dimension, _, value in pairs}
    return Asked(counter, published, tuple(values[dimension] for dimension in counter.dimensions), window, start)


class Explanation(NamedTuple):
    """``contributions``: the columns of ``Asked.columns``, by declaration number; ``total``: the measures as published;
    ``as_of``: the positions up to which contributions were looked for, and which the total includes.
    """

    asked: Asked
    contributions: pl.DataFrame
    total: tuple[int, ...]
    as_of: AsOf

    @property
    def sum(self) -> tuple[int, ...]:
        """What the contributions come to; where different values are counted: of how many there are more + than -."""
        counter, found = self.asked.counter, self.contributions
        if counter.distinct is not None:
            return (found.group_by(counter.distinct).agg(pl.col("sign").sum()).filter(pl.col("sign") > 0).height,)
        return tuple(int(found[name].sum()) for name, _ in counter.measures)

    @property
    def agrees(self) -> bool:
        return self.sum == self.total

    def as_dict(self) -> dict[str, Any]:
        """As names and plain values: scaled measures as decimals. Where different values are counted, contributions
        have no measures: the values are nobody's business.
        """
        asked, scales = self.asked, self.asked.published.scales
        shown = () if asked.counter.distinct else tuple(scales)

        def named(figures: Sequence[int], names: Iterable[str] = scales) -> dict[str, Any]:
            pairs = zip(names, figures, strict=True)
            return {name: decimal(n, scales[name]) if scales[name] else n for name, n in pairs}

        return {
            "counter": asked.counter.name,
            **dict(zip(asked.counter.dimensions, asked.dimensions, strict=True)),
            "window": asked.window,
            "window_start": asked.start and asked.start.isoformat(),
            "agrees": self.agrees,
            "sum": named(self.sum),
            "published": named(self.total),
            "contributions": [
                {"number": number, "sign": sign, "minute": f"{minute:%Y-%m-%dT%H:%M}", **named(figures, shown)}
                for number, sign, minute, *figures in self.contributions.select(
                    "number", "sign", "minute", *shown
                ).iter_rows()
            ],
            "as_of": self.as_of._asdict(),
        }


def published(asked: Asked, taken: Snapshot[Any, Any]) -> tuple[tuple[int, ...], AsOf]:
    """The total in a table, slices added up, zero where there is none; and as of which positions.

    A total is the same from the positions it says until its next change: so it is as of the greatest of those that it,
    its slices and the table say.
    """
    rows = [row for row in taken.rows.values() if _is(asked, row)]
    figures = [row.measures for row in rows] or [(0,) * len(asked.counter.measures)]
    positions = [taken.as_of.positions, *(row.source_positions for row in rows)]
    greatest = tuple(max(at) for at in zip(*positions, strict=True))
    return tuple(sum(figure) for figure in zip(*figures, strict=True)), taken.as_of._replace(positions=greatest)


def _is(asked: Asked, row: totals.Total[Any, Any]) -> bool:
    key = row.key
    if key.window != asked.window or any(
        getattr(key, name) != value for name, value in zip(asked.counter.dimensions, asked.dimensions, strict=True)
    ):
        return False
    return asked.start is None or key.window_start.astimezone(ZoneInfo(row.time_zone)).date() == asked.start


class Refold:
    """The declarations flow, folded again for its entries; these have ``number`` as well. Speaks to nobody."""

    def __init__(self, generation: int) -> None:
        tables = reference.load()
        flow = replace(declarations.flow(tables), entries=_singly(maker(tables, "number", "moment", "which")))
        versions = {name: schemas.versions(name) for name in schemas.names()}
        self.fold = RegisterFold(flow, versions, schemas.topic("counters.partials").partitions)
        self.generation = generation

    def entries(self, partition: int, fetched: Iterable[Sequence[Record]], end: int) -> Iterator[tuple[int, Entries]]:
        """The entries of one partition before position ``end``, by batches of its records from the first on, and up to
        which position they are.

        Its rows are held in memory as long as this lasts.
        """
        source = Source(INPUT, partition, schemas.topic(INPUT).partitions, self.generation)
        for outcome in outcomes(self.fold, source, fetched, end):
            if outcome.entries:
                yield outcome.position, self.fold.entries(unpack([[outcome.entries]]))


def _singly(
    make: Callable[[pl.DataFrame, pl.DataFrame], Entries],
) -> Callable[[pl.DataFrame, pl.DataFrame], Entries]:
    """Entries that tell their ``moment``, the local minute; ``which`` keeps them from being added up."""

    def entries(stages: pl.DataFrame, contributions: pl.DataFrame) -> Entries:
        one, other = (frame.with_columns(moment="minute").with_row_index("which") for frame in (stages, contributions))
        return make(one, other)

    return entries


def explain(
    asked: Asked,
    taken: Snapshot[Any, Any],
    log: Callable[[int, int], Iterable[Sequence[Record]]],
    on_progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Explanation:
    """Folds the log up to the positions of the published total, one partition after another: in memory are the rows of
    one. ``log``: a partition's records from the first on, up to a position or beyond. ``on_progress`` is told positions
    folded, and of how many.
    """
    total, as_of = published(asked, taken)
    refold, found = Refold(as_of.generation), [pl.DataFrame(schema=asked.columns)]
    for partition, end in enumerate(as_of.positions):
        before = sum(as_of.positions[:partition])
        for position, entries in refold.entries(partition, log(partition, end), end):
            found.append(asked.among(entries))
            on_progress(before + position, sum(as_of.positions))
    return Explanation(asked, pl.concat(found).sort("number", maintain_order=True), total, as_of)
