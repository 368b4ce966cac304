"""Rules as data, evaluated on columns; what they find, with pointers.

A rule says where the record is right. All rules on one frame are evaluated in one ``select``; what is wrong anywhere
becomes one frame of findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

import numpy as np
import numpy.typing as npt
import polars as pl

ERROR = "ERROR"
WARNING = "WARNING"

TOLD = ("rule", "severity", "pointer", "text", "text_zh", "expected")
FINDING = pl.Struct(dict.fromkeys(TOLD, pl.String))


@dataclass(frozen=True)
class Rule:
    """One check. ``on`` names the frame it is evaluated on; ``holds`` is true where the record is right (null counts
    as wrong); ``applies`` limits it (null counts as no). ``pointer`` may contain ``{place}``, the item's place from 1;
    ``text`` and ``text_zh`` say in English and in Chinese what is wrong.

    ``effective_from`` (ms) is compared with the event's own time, ``known_from`` (ms) with its append time: a rule made
    known later never changes what was folded before.
    """

    id: str
    on: str
    pointer: str
    text: str
    text_zh: str
    holds: pl.Expr
    source: str
    severity: str = ERROR
    applies: pl.Expr | None = None
    expected: str = ""
    effective_from: int = 0
    known_from: int = 0

    @property
    def where(self) -> pl.Expr | None:
        """True where the rule applies; None: everywhere. Needs the columns ``at`` and ``appended``."""
        limits = [] if self.applies is None else [self.applies]
        if self.effective_from:
            limits.append(pl.col("at") >= self.effective_from)
        if self.known_from:
            limits.append(pl.col("appended") >= self.known_from)
        return reduce(and_, limits) if limits else None


PLACED = ("row", "order", "place")
TOLD_COLUMNS = dict.fromkeys(TOLD, pl.String)
COLUMNS = {"row": pl.UInt32, "order": pl.Int64, "place": pl.Int64, **TOLD_COLUMNS}
"""Findings as columns, one row each: ``order`` and ``place`` say in which order they are told."""


_Hits = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Rows, a rule's place among all, and places in the rows' events."""

_NONE: _Hits = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))


class Judge:
    """Rules made ready for many batches. Planning an expression costs more than evaluating it on a few rows: a
    condition that several rules share is evaluated once, and all are put together with numpy.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        frames = dict.fromkeys(rule.on for rule in rules)
        self.on = {name: _On([(o, rule) for o, rule in enumerate(rules) if rule.on == name]) for name in frames}
        told = [(rule.id, rule.severity, rule.pointer, rule.text, rule.text_zh, rule.expected) for rule in rules]
        self.told = pl.DataFrame(told, schema=TOLD_COLUMNS, orient="row")

    def __call__(self, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """What the rules find (COLUMNS), in no particular order.

        Each frame has ``row``, ``at`` and ``appended`` (ms) and, where it holds parts of an event, ``place`` (from 1).
        """
        some = [(self.on[name], frame) for name, frame in frames.items() if name in self.on and len(frame)]
        hits = [_NONE, *(hit for on, frame in some for hit in on.hits(frame))]
        row, order, place = (np.concatenate(column) for column in zip(*hits, strict=True))
        found = pl.DataFrame({"row": row, "order": order, "place": place}, {name: COLUMNS[name] for name in PLACED})
        pointer = pl.col("pointer").str.replace("{place}", pl.col("place").cast(pl.String), literal=True)
        return found.hstack(self.told[order]).with_columns_seq(pointer)


class _On:
    """The rules on one frame, each with its place among all."""

    def __init__(self, rules: Sequence[tuple[int, Rule]]) -> None:
        self.orders = [order for order, _ in rules]
        where: dict[bytes, pl.Expr] = {}
        self.limits = [_place(where, rule.where) for _, rule in rules]
        self.conditions = [rule.holds.alias(f"holds {i}") for i, (_, rule) in enumerate(rules)]
        self.conditions += [limit.alias(f"where {i}") for i, limit in enumerate(where.values())]

    def hits(self, frame: pl.DataFrame) -> Iterator[_Hits]:
        columns = frame.select_seq(self.conditions).get_columns()
        where = [_true(column) for column in columns[len(self.orders) :]]
        row = frame["row"].to_numpy()
        place = frame["place"].to_numpy() if "place" in frame.columns else np.zeros(len(row), np.int64)
        for order, limit, holds in zip(self.orders, self.limits, columns, strict=False):
            if holds.all(ignore_nulls=False):  # as most rules do
                continue
            broken = ~_true(holds) if limit is None else ~_true(holds) & where[limit]
            hit = np.nonzero(broken)[0]
            yield row[hit], np.full(len(hit), order), place[hit]


def _place(where: dict[bytes, pl.Expr], limit: pl.Expr | None) -> int | None:
    """Which of the different limits this is; it is added if it is new."""
    if limit is None:
        return None
    key = limit.meta.serialize()
    where.setdefault(key, limit)
    return list(where).index(key)


def _true(column: pl.Series) -> npt.NDArray[np.bool_]:
    """Where it is true: null is not."""
    return (column.fill_null(value=False) if column.null_count() else column).to_numpy()


def table(findings: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    """Findings as a frame of COLUMNS."""
    return pl.DataFrame(findings, schema=COLUMNS, orient="row")


def refused(findings: pl.DataFrame) -> npt.NDArray[np.uint32]:
    """Rows with an error."""
    return findings.filter(pl.col("severity") == ERROR)["row"].to_numpy()


def by_row(findings: pl.DataFrame) -> pl.DataFrame:
    """``row`` and its ``findings`` (list of FINDING), in the order they are told."""
    ordered = findings.sort("row", "order", "place")
    told = pl.struct(TOLD).alias("findings")
    return ordered.group_by("row", maintain_order=True).agg(told)
