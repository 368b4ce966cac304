"""What this program would answer otherwise than was answered: the log folded once more, held against the receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import polars as pl

import schemas
from connectors.subscribe import INPUT
from processor.engine.decode import Columns
from processor.engine.flow import RegisterFold
from processor.engine.model import Record, Source
from processor.flows import declarations
from processor.reference import Reference
from processor.refold import outcomes

NO_EVENT = "DEAD_LETTER"
"""Outcome of what has no receipt."""

ANSWER = {"offset": pl.Int64, "number": pl.String, "outcome": pl.String, "rules": pl.String}
"""One row for each receipt of a partition: its event's offset and number, the outcome, and the ids of the rules that
were told, in order, with blanks between.
"""
DIFFERENCE = {
    "partition": pl.Int64,
    "offset": pl.Int64,
    "number": pl.String,
    "was": pl.String,
    "was_rules": pl.String,
    "now": pl.String,
    "now_rules": pl.String,
}
"""One row for each event that would be answered otherwise: as it ``was`` answered, and as it would be ``now``."""

Log = Callable[[str, int, int], Iterable[Sequence[Record]]]
"""Records of a topic's partition from the first on, up to a position or beyond."""


class Differences(NamedTuple):
    """``events``: how many answers were compared; ``found``: DIFFERENCE, in log order."""

    events: int
    found: pl.DataFrame

    @property
    def kinds(self) -> pl.DataFrame:
        """``was``, ``was_rules``, ``now``, ``now_rules`` and how many ``events``, the most first."""
        kind = ["was", "was_rules", "now", "now_rules"]
        return (
            self.found.group_by(kind)
            .agg(pl.len().alias("events"))
            .sort("events", *kind, descending=[True] + [False] * 4)
        )

    def as_dict(self, limit: int) -> dict[str, Any]:
        """As names and plain values; the first ``limit`` events one by one."""
        return {
            "compared": self.events,
            "differ": len(self.found),
            "kinds": self.kinds.to_dicts(),
            "events": self.found.head(limit).to_dicts(),
        }


class Answers:
    """Reads receipts, and folds what they answered once more."""

    def __init__(self, reference: Reference) -> None:
        self.flow = declarations.flow(reference)
        versions = {name: schemas.versions(name) for name in schemas.names()}
        self.fold = RegisterFold(self.flow, versions, schemas.topic("counters.partials").partitions)
        receipt = schemas.latest("Receipt")
        self.columns, self.header = Columns(receipt.text), receipt.header

    def differences(
        self, ends: Sequence[int], log: Log, on_progress: Callable[[int, int], None] = lambda _done, _of: None
    ) -> Differences:
        """Of all that was answered and whose answer is still there. ``ends``: of the receipts' partitions.
        ``on_progress`` is told how many partitions are done, of how many; the rows and answers of one are in memory.
        """
        found, events = [pl.DataFrame(schema=DIFFERENCE)], 0
        for partition, end in enumerate(ends):
            was = self.told(log(self.flow.receipts, partition, end))
            first, last = was.select(first=pl.col("offset").min(), last=pl.col("offset").max()).row(0)
            upto = 0 if last is None else last + 1
            is_left = pl.col("offset") >= pl.lit(first, pl.Int64)
            source = Source(INPUT, partition, schemas.topic(INPUT).partitions)
            folded = outcomes(self.fold, source, log(self.flow.topic, partition, upto), upto)
            now = self._read(
                [
                    value
                    for outcome in folded
                    for m in outcome.messages
                    if m.topic == self.flow.receipts
                    for value in m.values
                    if value is not None
                ]
            )
            found.append(_compared(partition, was, now.filter(is_left)))
            events += len(was)
            on_progress(partition + 1, len(ends))
        return Differences(events, pl.concat(found))

    def told(self, fetched: Iterable[Sequence[Record]]) -> pl.DataFrame:
        """ANSWER, of records of the receipts' topic."""
        return self._read([record.value for records in fetched for record in records if record.value is not None])

    def _read(self, values: Sequence[bytes]) -> pl.DataFrame:
        cut = len(self.header)
        frame = self.columns.frame([value[cut:] for value in values])
        rule = pl.element().struct.field("rule")
        return frame.select(
            offset=pl.col("receipt_id").str.split("-").list.get(-1).cast(pl.Int64),
            number="number",
            outcome="outcome",
            rules=pl.col("findings").list.eval(rule).list.join(" "),
        )


def _compared(partition: int, was: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """DIFFERENCE, of the answers (ANSWER) to one partition."""
    both = was.join(now, on="offset", how="full", coalesce=True, suffix="_now")
    outcome, outcome_now = (pl.col(name).fill_null(NO_EVENT) for name in ("outcome", "outcome_now"))
    rules, rules_now = (pl.col(name).fill_null("") for name in ("rules", "rules_now"))
    return (
        both.filter((outcome != outcome_now) | (rules != rules_now))
        .select(
            partition=pl.lit(partition, pl.Int64),
            offset="offset",
            number=pl.coalesce("number", "number_now"),
            was=outcome,
            was_rules=rules,
            now=outcome_now,
            now_rules=rules_now,
        )
        .sort("offset")
    )
