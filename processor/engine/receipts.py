"""Answers: one receipt per event, written as columns; and dead letters with the headers of KIP-1034."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

import schemas
from processor.engine.decode import Columns
from processor.engine.lifecycle import ACCEPTED, DUPLICATE, REUSED, Folded, Ints, Lifecycle
from processor.engine.model import DeadLetter, Header, Message, Outcome, Source
from processor.engine.rules import ERROR, by_row, table

OUTCOMES = ("ACCEPTED", "PARKED", "REFUSED", "CONFLICT", "DUPLICATE", "CONFLICT", "REFUSED", "REFUSED")
"""Outcome of each verdict of ``lifecycle``."""

_CORRECT = "CORRECT_AND_RESEND"
ADVICE = ("NONE", "NONE", _CORRECT, _CORRECT, "NONE", _CORRECT, _CORRECT, "RESEND_LATER")
"""Advice of each verdict."""

LAST = 1 << 20
WITH_WARNINGS = "ACCEPTED_WITH_WARNINGS"

LIFECYCLE_FINDINGS = {
    2: ("E05", "/", "not possible in the present state", "在当前状态下不允许", ""),
    3: ("E03", "/version", "this version is held already, or is behind it", "该版本已存在或已过时", "the next version"),
    5: (
        "E03",
        "/event_id",
        "this event id and revision were used with other content",
        "该事件编号和修订号已用于其他内容",
        "a new revision",
    ),
    7: ("E05", "/", "too many events wait for their predecessor", "等待前序事件的事件过多", ""),
}
"""What the lifecycle adds to the findings, by verdict: rule, pointer, text in English and Chinese, expected."""


@dataclass(frozen=True)
class Answers:
    """What events are answered with: ``frame`` in log order, ``of`` which batch each is, their ``offsets`` and
    ``kinds`` (places in ``lifecycle.kinds``), findings (``rules.COLUMNS``), the fold.
    """

    frame: pl.DataFrame
    of: Ints
    offsets: Ints
    kinds: Ints
    findings: pl.DataFrame
    folded: Folded
    lifecycle: Lifecycle


class Writer:
    """Writes receipts."""

    def __init__(self) -> None:
        schema = schemas.latest("Receipt")
        self.header = schema.header
        self.columns = Columns(schema.text)

    def frame(self, sources: Sequence[Source], answers: Answers, findings: pl.DataFrame) -> pl.DataFrame:
        """Events in log order with their receipts' fields, and ``source``: its place in ``sources``. ``findings``: what
        is told (``told``).
        """
        life, folded = answers.lifecycle, answers.folded
        events = answers.frame.with_columns_seq(source=answers.of, offset=answers.offsets)
        events = events.join(by_row(findings), on="row", how="left", maintain_order="left")
        warned = (folded.verdict == ACCEPTED) & events["findings"].is_not_null().to_numpy()
        names = pl.Series([*OUTCOMES, WITH_WARNINGS]).gather(np.where(warned, len(OUTCOMES), folded.verdict))
        prefixes = pl.Series([f"{each.generation}-{each.topic}-{each.partition}-" for each in sources])
        return events.with_columns_seq(
            pl.concat_str(prefixes.gather(answers.of), pl.col("offset").cast(pl.String)).alias("receipt_id"),
            pl.lit(sources[0].generation, pl.Int32).alias("generation"),
            pl.col("key").alias("number"),
            names.alias("outcome"),
            pl.Series(life.states).gather(folded.state).alias("state"),
            pl.col("findings").fill_null([]),
            pl.Series(ADVICE).gather(folded.verdict).alias("advice"),
            pl.col("appended").alias("appended_at"),
        )

    def written(self, answered: pl.DataFrame) -> tuple[list[bytes], list[bytes]]:
        """Keys and values of the receipts in ``frame``."""
        keys: list[bytes] = answered["number"].cast(pl.Binary).to_list()
        return keys, [self.header + payload for payload in self.columns.write(answered)]


def tally(answered: pl.DataFrame, findings: pl.DataFrame, of: Ints, outcomes: Sequence[Outcome]) -> None:
    """Count receipts, and what they tell, in the ``tally`` of each outcome. ``of``: which of them each row is."""
    told = zip(of[findings["row"].to_numpy()].tolist(), findings["rule"].to_list(), strict=True)
    receipts = zip(answered["source"].to_list(), answered["outcome"].to_list(), strict=True)
    for metric, found in (("receipts", receipts), ("findings", told)):
        for (place, name), n in Counter(found).items():
            outcomes[place].tally[metric, name] = n


def told(answers: Answers) -> pl.DataFrame:
    """Findings as receipts tell them (``rules.COLUMNS``)."""
    return pl.concat([_relevant(answers), _of_lifecycle(answers)])


def _relevant(answers: Answers) -> pl.DataFrame:
    """What the rules found in events that are judged by them: not those whose identity was used before."""
    again = np.isin(answers.folded.verdict, (DUPLICATE, REUSED))
    if not again.any():
        return answers.findings
    rows = answers.frame["row"].filter(pl.Series(again))
    return answers.findings.filter(~pl.col("row").is_in(rows.implode()))


def _of_lifecycle(answers: Answers) -> pl.DataFrame:
    """What the lifecycle has to say, as findings that are told last."""
    folded, life = answers.folded, answers.lifecycle
    told = np.nonzero(np.isin(folded.verdict, list(LIFECYCLE_FINDINGS)))[0]
    kinds, rows, versions = answers.kinds, answers.frame["row"].to_numpy(), answers.frame["version"].to_numpy()
    found = []
    for e in told.tolist():
        kind, row, version = int(kinds[e]), int(rows[e]), int(versions[e])
        rule, pointer, text, text_zh, expected = LIFECYCLE_FINDINGS[int(folded.verdict[e])]
        if rule == "E05":
            state = life.states[int(folded.state[e])]
            text = f"{life.kinds[kind]} of version {version} in state {state}: {text}"
            text_zh = f"{life.kinds[kind]}（版本 {version}，状态 {state}）：{text_zh}"
            legal = [name for name in life.kinds if life.table[state][name] in life.states]
            expected = "one of " + ", ".join(legal) if legal else "nothing: the state is final"
            pointer = life.pointers[int(life.is_document[kind])]
        found.append((row, LAST, 0, rule, ERROR, pointer, text, text_zh, expected))
    return table(found)


def dead_letters(topic: str, source: Source, dead: Sequence[DeadLetter]) -> Message:
    """Dead letters with their records as they came: key, value and headers; then why and where, in more headers."""
    headers: list[list[Header]] = [
        [
            *letter.record.headers,
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
