"""Rules as data, evaluated on columns; what they find, with pointers.

A rule says where the record is right. All rules on one frame are evaluated in one ``select``; what is written out row
by row are findings only, and they are few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

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

    @cached_property
    def broken(self) -> pl.Expr:
        """True where the rule applies and the record is wrong. Needs the columns ``at`` and ``appended``."""
        wrong = ~self.holds.fill_null(value=False)
        if self.applies is not None:
            wrong &= self.applies.fill_null(value=False)
        if self.effective_from:
            wrong &= pl.col("at") >= self.effective_from
        if self.known_from:
            wrong &= pl.col("appended") >= self.known_from
        return wrong


COLUMNS = {
    "row": pl.UInt32,
    "order": pl.Int64,
    "place": pl.Int64,
    **dict.fromkeys(TOLD, pl.String),
}
"""Findings as columns, one row each: ``order`` and ``place`` say in which order they are told."""


def judge(rules: Sequence[Rule], frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """What the rules find (COLUMNS), in no particular order.

    Each frame has ``row``, ``at`` and ``appended`` (ms) and, where it holds parts of an event, ``place`` (from 1).
    """
    found = []
    for name, frame in frames.items():
        here = [(order, rule) for order, rule in enumerate(rules) if rule.on == name]
        if not here or frame.is_empty():
            continue
        broken = frame.select(rule.broken.alias(str(order)) for order, rule in here)
        row = frame["row"].to_numpy()
        place = frame["place"].to_numpy() if "place" in frame.columns else np.zeros(len(row), np.int64)
        for (order, rule), column in zip(here, broken.get_columns(), strict=True):
            if column.any():  # of most rules, nothing
                hit = np.nonzero(column.to_numpy())[0]
                hits = zip(row[hit].tolist(), place[hit].tolist(), strict=True)
                found += [_finding(row, order, rule, place) for row, place in hits]
    return table(found)


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


def _finding(row: int, order: int, rule: Rule, place: int) -> tuple[object, ...]:
    pointer = rule.pointer.replace("{place}", str(place))
    return row, order, place, rule.id, rule.severity, pointer, rule.text, rule.text_zh, rule.expected
