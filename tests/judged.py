"""What the flow's rules find in events, for tests: a batch as the flow prepares it, and what is told of each event."""

from functools import cache
from typing import Any

import polars as pl

import schemas
from processor import reference
from processor.engine import rules
from processor.engine.decode import Decoder
from processor.engine.flow import Flow
from processor.engine.model import LogRecord, Source
from processor.flows import declarations
from tests.events import Record, at, raw

APPENDED = at("2025-04-01T12:00+08:00")
Told = tuple[str, str, str]
"""(rule, severity, pointer)."""


@cache
def flow() -> tuple[Flow, Decoder]:
    made = declarations.flow(reference.load())
    return made, Decoder(made.records, {name: schemas.versions(name) for name in made.records})


def frames(*records: Record, appended: int = APPENDED) -> dict[str, pl.DataFrame]:
    """A batch of events as the flow prepares it for its rules; row n is event n."""
    made, decoder = flow()
    log = [LogRecord(n, appended, *raw(record)[:2]) for n, record in enumerate(records)]
    decoded, dead = decoder.decode(Source(made.topic, 0, 1), log)
    assert not dead
    moment = pl.lit(appended, pl.Int64).alias("appended")
    return dict(made.prepare({name: part.frame.with_columns(moment) for name, part in decoded.items()}).frames)


def found(*records: Record, appended: int = APPENDED) -> pl.DataFrame:
    """The findings in a batch of events (``rules.COLUMNS``); ``order`` is a rule's place in the table."""
    return rules.Judge(flow()[0].rules)(frames(*records, appended=appended))


def told(*records: Record, appended: int = APPENDED) -> list[list[Told]]:
    """What is told of each event, in order."""
    findings = rules.by_row(found(*records, appended=appended))
    by_row: dict[Any, list[Told]] = {
        row: [(f["rule"], f["severity"], f["pointer"]) for f in some] for row, some in findings.iter_rows()
    }
    return [by_row.get(row, []) for row in range(len(records))]
