"""Answers: one receipt per event, written as columns; and dead letters with the headers of KIP-1034."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

import schemas
from processor.engine.decode import Columns
from processor.engine.lifecycle import ACCEPTED, Folded, Lifecycle
from processor.engine.model import DeadLetter, Message, Outcome, Source
from processor.engine.rules import ERROR, FINDING

OUTCOMES = ("ACCEPTED", "PARKED", "REFUSED", "CONFLICT", "DUPLICATE", "CONFLICT", "REFUSED", "REFUSED")
"""Outcome of each verdict of ``lifecycle``."""

ADVICE = ("NONE", "NONE", "CORRECT_AND_RESEND", "CORRECT_AND_RESEND", "NONE", "CORRECT_AND_RESEND") + (
    "CORRECT_AND_RESEND",
    "RESEND_LATER",
)
WITH_WARNINGS = "ACCEPTED_WITH_WARNINGS"

LIFECYCLE_FINDINGS = {
    2: ("E05", "/", "not possible in the present state", ""),
    3: ("E03", "/version", "this version is held already, or is behind it", "the next version"),
    5: ("E03", "/event_id", "this event id and revision were used with other content", "a new revision"),
    7: ("E05", "/", "too many events wait for their predecessor", ""),
}
"""What the lifecycle adds to the findings, by verdict: rule, pointer, text, expected."""


@dataclass(frozen=True)
class Answers:
    """What a batch's events are answered with: ``frame`` in log order, findings by row, and the fold's verdicts."""

    frame: pl.DataFrame
    findings: pl.DataFrame
    folded: Folded
    lifecycle: Lifecycle


class Writer:
    """Writes receipts."""

    def __init__(self) -> None:
        schema = schemas.latest("Receipt")
        self.header = schema.header
        self.columns = Columns(schema.text)

    def message(self, topic: str, source: Source, answers: Answers, outcome: Outcome) -> Message:
        """All receipts of a batch, into the partition of their events; counts them in ``outcome.tally``."""
        frame = self.frame(source, answers)
        for name, n in frame["outcome"].value_counts().iter_rows():
            outcome.tally["receipts", name] = n
        hit = frame.filter(pl.col("findings").list.len() > 0)
        if len(hit):
            rules = hit["findings"].explode().struct.field("rule").value_counts()
            for name, n in rules.iter_rows():
                outcome.tally["findings", name] = n
        keys = frame["number"].cast(pl.Binary).to_list()
        header = self.header
        values = [header + payload for payload in self.columns.write(frame)]
        return Message(topic, source.partition, keys, values)

    def frame(self, source: Source, answers: Answers) -> pl.DataFrame:
        """Receipts as columns, in log order."""
        life, verdict = answers.lifecycle, answers.folded.verdict
        found = answers.frame.join(answers.findings, on="row", how="left", maintain_order="left")["findings"]
        found = _with_lifecycle(found, answers)
        warned = (verdict == ACCEPTED) & (found.list.len() > 0).fill_null(value=False).to_numpy()
        names = np.array([*OUTCOMES, WITH_WARNINGS])[np.where(warned, len(OUTCOMES), verdict)]
        prefix = f"{source.generation}-{source.topic}-{source.partition}-"
        return answers.frame.select(
            pl.concat_str(pl.lit(prefix), pl.col("offset").cast(pl.String)).alias("receipt_id"),
            pl.lit(source.generation, pl.Int32).alias("generation"),
            "sender_id",
            "event_id",
            "revision",
            pl.col("key").alias("number"),
            "version",
            pl.Series("outcome", names.tolist(), dtype=pl.String),
            pl.Series(life.states).gather(answers.folded.state).alias("state"),
            found.fill_null([]).alias("findings"),
            pl.Series(ADVICE).gather(verdict).alias("advice"),
            pl.col("appended").alias("appended_at"),
        )


def _with_lifecycle(found: pl.Series, answers: Answers) -> pl.Series:
    verdict, life = answers.folded.verdict, answers.lifecycle
    told = np.isin(verdict, list(LIFECYCLE_FINDINGS))
    if not told.any():
        return found
    rows = np.nonzero(told)[0]
    extra = []
    kinds, versions = answers.frame["kind"].to_list(), answers.frame["version"].to_list()
    for row in rows.tolist():
        rule, pointer, text, expected = LIFECYCLE_FINDINGS[int(verdict[row])]
        if rule == "E05":
            state = life.states[int(answers.folded.state[row])]
            text = f"{life.kinds[kinds[row]]} of version {versions[row]} in state {state}: {text}"
            legal = [kind for kind in life.kinds if life.table[state][kind] in life.states]
            expected = expected or "one of " + ", ".join(legal) if legal else "nothing: the state is final"
        extra.append([{"rule": rule, "severity": ERROR, "pointer": pointer, "text": text, "expected": expected}])
    added = pl.DataFrame({"i": rows.astype(np.uint32), "added": pl.Series(extra, dtype=pl.List(FINDING))})
    both = pl.DataFrame({"found": found.cast(pl.List(FINDING))}).with_row_index("i")
    both = both.join(added, on="i", how="left", maintain_order="left")
    return both.select(
        pl.when(pl.col("added").is_null())
        .then(pl.col("found"))
        .otherwise(pl.concat_list(pl.col("found").fill_null([]), pl.col("added").fill_null([])))
        .alias("findings")
    )["findings"]


def dead_letters(topic: str, source: Source, dead: Sequence[DeadLetter]) -> Message:
    """Dead letters with their records as they came: key, value, and why and where in the headers."""
    headers = [
        [
            ("__streams.errors.exception", f"single_window.{letter.reason}".encode()),
            ("__streams.errors.message", letter.message.encode()),
            ("__streams.errors.topic", source.topic.encode()),
            ("__streams.errors.partition", str(source.partition).encode()),
            ("__streams.errors.offset", str(letter.record.offset).encode()),
            ("single-window.reason", letter.reason.encode()),
            ("single-window.generation", str(source.generation).encode()),
        ]
        for letter in dead
    ]
    keys = [letter.record.key for letter in dead]
    values = [letter.record.value for letter in dead]
    return Message(topic, source.partition, keys, values, headers)
