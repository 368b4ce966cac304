"""Rules as data, evaluated on columns; what they find, with pointers.

A rule says where the record is right. All rules on one frame are evaluated in one ``select``; only rows that break one
are looked at again, to say which and where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

ERROR = "ERROR"
WARNING = "WARNING"

FINDING = pl.Struct(
    {"rule": pl.String, "severity": pl.String, "pointer": pl.String, "text": pl.String, "expected": pl.String}
)


@dataclass(frozen=True)
class Rule:
    """One check. ``on`` names the frame it is evaluated on; ``holds`` is true where the record is right (null counts
    as wrong); ``applies`` limits it (null counts as no). ``pointer`` may contain ``{place}``, the item's place from 1.

    ``effective_from`` (ms) is compared with the event's own time, ``known_from`` (ms) with its append time: a rule made
    known later never changes what was folded before.
    """

    id: str
    on: str
    pointer: str
    text: str
    holds: pl.Expr
    source: str
    severity: str = ERROR
    applies: pl.Expr | None = None
    expected: str = ""
    effective_from: int = 0
    known_from: int = 0

    @property
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


def judge(rules: Sequence[Rule], frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """What the rules find, in the order of the rules, then of the places: ``row`` (UInt32), ``findings`` (list of
    FINDING), ``errors`` (UInt32, how many refuse). Rows without findings are absent.

    Each frame has ``row``, ``at`` and ``appended`` (ms) and, where it holds parts of an event, ``place`` (from 1).
    """
    found = []
    for name, frame in frames.items():
        here = [(order, rule) for order, rule in enumerate(rules) if rule.on == name]
        if not here or frame.is_empty():
            continue
        broken = frame.select([rule.broken.alias(str(order)) for order, rule in here])
        any_broken = broken.select(pl.any_horizontal(pl.all())).to_series()
        if not any_broken.any():
            continue
        wrong, broken = frame.filter(any_broken), broken.filter(any_broken)
        for order, rule in here:
            hits = wrong.filter(broken[str(order)])
            if not hits.is_empty():
                found.append(_findings(order, rule, hits))
    if not found:
        return pl.DataFrame(schema={"row": pl.UInt32, "findings": pl.List(FINDING), "errors": pl.UInt32})
    return (
        pl.concat(found)
        .sort("row", "order", "place", maintain_order=True)
        .group_by("row", maintain_order=True)
        .agg(
            pl.struct("rule", "severity", "pointer", "text", "expected").alias("findings"),
            (pl.col("severity") == ERROR).sum().cast(pl.UInt32).alias("errors"),
        )
    )


def _findings(order: int, rule: Rule, hits: pl.DataFrame) -> pl.DataFrame:
    place = pl.col("place").cast(pl.UInt32) if "place" in hits.columns else pl.lit(0, pl.UInt32)
    before, _, after = rule.pointer.partition("{place}")
    pointer = (
        pl.concat_str(pl.lit(before), place.cast(pl.String), pl.lit(after))
        if "{place}" in rule.pointer
        else pl.lit(before)
    )
    return hits.select(
        "row",
        pl.lit(order, pl.UInt32).alias("order"),
        place.alias("place"),
        pl.lit(rule.id).alias("rule"),
        pl.lit(rule.severity).alias("severity"),
        pointer.alias("pointer"),
        pl.lit(rule.text).alias("text"),
        pl.lit(rule.expected).alias("expected"),
    )
