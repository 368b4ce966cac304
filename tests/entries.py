"""Entries of the declarations flow without register or store: made of documents, and added up to what counters show."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import polars as pl

import schemas
from processor import reference
from processor.engine.counters import SEPARATOR, count, timed
from processor.engine.decode import Columns
from processor.engine.judged import Prepared
from processor.flows.declarations.counters import COUNTERS, DOCUMENT_SCHEMA
from processor.flows.declarations.entries import maker
from processor.flows.declarations.lifecycle import LANES
from processor.flows.declarations.prepare import preparer
from processor.reference import Reference
from tests import events
from tests.events import Record, at

INPUT = {name: Columns(schemas.latest(name).text) for name in schemas.topic("customs.declarations").values}
DOCUMENTS = Columns(json.dumps(DOCUMENT_SCHEMA))
WIDTH = max(len(counter.measures) for counter in COUNTERS)
APPENDED = at("2025-03-01T12:00+08:00")
AT = at("2025-03-01T11:30+08:00")
"""Unless a test says otherwise: when records were appended, and when they came to count. March 1st is day 20,148."""

NUMBERS = ("at", "appended", "tag", "mark_0", "mark_1", "sign", "source")
Counts = dict[str, tuple[int, ...]]
"""Measures by dimensions, which are separated by blanks."""


@cache
def tables() -> Reference:
    return reference.load()


@cache
def flow() -> tuple[Any, Any]:
    """Its prepare and entries, under our own tables."""
    return preparer(tables()), maker(tables())


class Counted(NamedTuple):
    """A document that counts from `at` on, or no longer (`sign` -1)."""

    record: Record
    sign: int = 1
    at: int = AT
    since: int = APPENDED
    """The append time by which it came to count."""


class Reached(NamedTuple):
    """A stage, with the row's document, lane and marks: when it was lodged and accepted."""

    stage: str
    record: Record
    at: int = AT
    lane: str = "UNASSIGNED"
    lodged: int = AT
    accepted: int = AT


def prepared(records: Sequence[Record]) -> Prepared:
    rows: dict[str, list[int]] = {name: [] for name in INPUT}
    for row, record in enumerate(records):
        rows[events.name_of(record)].append(row)
    frames = {
        name: INPUT[name]
        .frame([events.encode(records[row])[10:] for row in own])
        .hstack([pl.Series("row", own, pl.UInt32), pl.Series("appended", [APPENDED] * len(own), pl.Int64)])
        for name, own in rows.items()
    }
    found: Prepared = flow()[0](frames)
    return found


def documents(records: Sequence[Record]) -> pl.DataFrame:
    """The records' contents, as a register row gives them back."""
    brought = prepared(records).documents.sort("row")
    return DOCUMENTS.frame(DOCUMENTS.write(brought.drop("row")))


def entries(
    counted: Sequence[Counted] = (), reached: Sequence[Reached] = (), known: Reference | None = None
) -> Mapping[str, pl.DataFrame]:
    stages = pl.DataFrame(
        [(r.stage, r.at, APPENDED, LANES.index(r.lane), r.lodged, r.accepted, 1, 0) for r in reached],
        schema={"stage": pl.String, **dict.fromkeys(NUMBERS, pl.Int64)},
        orient="row",
    )
    moved = pl.DataFrame(
        [(c.sign, c.at, APPENDED, c.since, 0) for c in counted],
        schema=dict.fromkeys(("sign", "at", "appended", "counted_when", "source"), pl.Int64),
        orient="row",
    )
    made = maker(known) if known else flow()[1]
    found: Mapping[str, pl.DataFrame] = made(
        timed(stages.hstack(documents([r.record for r in reached]))),
        timed(moved.hstack(documents([c.record for c in counted]))),
    )
    return found


def totals(name: str, found: Mapping[str, pl.DataFrame], window: str = "a") -> Counts:
    """What one counter makes of entries: in all time, or by another kind of window with its number before the rest."""
    (counter,) = [counter for counter in COUNTERS if counter.name == name]
    changes = count([counter], found, WIDTH)
    here: Counts = {}
    for key, measures in zip(changes.keys, changes.amounts.tolist(), strict=True):
        kind, number, of, *dimensions, zone = key.decode().split(SEPARATOR)
        assert of == name
        assert zone
        if kind == window:
            here[" ".join([*([number] if window != "a" else []), *dimensions])] = tuple(
                measures[: len(counter.measures)]
            )
    return here


def enterprises(found: Mapping[str, pl.DataFrame]) -> Counts:
    """How many entries each trader has under the dimensions it is counted by."""
    (counter,) = [counter for counter in COUNTERS if counter.distinct]
    assert counter.distinct
    assert counter.spread
    kept = found[counter.of].select("source", "sign", "time_zone", "minute", counter.distinct, *counter.kept)
    columns = (*counter.dimensions, counter.distinct)
    rows = counter.spread(kept).group_by(*columns).agg(pl.col("sign").sum()).rows()
    return {" ".join(dimensions): (sign,) for *dimensions, sign in rows}


def counts(name: str, *counted: Counted) -> Counts:
    return totals(name, entries(counted))


def steps(name: str, *reached: Reached) -> Counts:
    return totals(name, entries(reached=reached))
