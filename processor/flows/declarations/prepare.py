"""From decoded columns to what rules, register and counters read: kinds of event, frames for rules, and contents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from processor.engine.judged import ENVELOPE, Prepared
from processor.engine.lifecycle import Ints
from processor.flows.declarations.content import Codes, controls, declarations, together
from processor.flows.declarations.lifecycle import KIND_OF_STATUS, LANES
from processor.flows.declarations.parts import apart
from processor.flows.declarations.rules.limits import MAX_PARTS
from processor.flows.declarations.value import known_rates, valued
from processor.reference import Reference

c = pl.col
CARRIED = ("row", "at", "appended", "jurisdiction")
MOST_MASS = 10**15
"""Grams: more is out of range (S01), and must not overflow before it is refused."""
WITH_ITEMS = ("flow", "used_goods", "trade_country")


def preparer(reference: Reference) -> Callable[[Mapping[str, pl.DataFrame]], Prepared]:
    """Prepares batches of CustomsDeclaration, DeclarationStatus and ControlRecord.

    Frames for rules: ``declaration``, ``status``, ``control``, and a row for each part of a declaration: ``item``,
    ``container``, ``rate``, ``house``, ``duty``, ``permit``; of a control record: ``count``. Each has ``at`` and
    ``appended``, parts have ``place``, those of declarations ``jurisdiction``. Beside: what a sender adds up without
    looking, ``hash_value`` and ``hash_net_mass``.
    """
    codes, rates = Codes(reference), known_rates(reference.rates)

    def prepare(decoded: Mapping[str, pl.DataFrame]) -> Prepared:
        names = ("CustomsDeclaration", "DeclarationStatus", "ControlRecord")
        lodged, status, control = (_timed(decoded[name]) for name in names)
        lodged = lodged.hstack(codes.places(lodged))
        items, parent = _items(lodged)
        items = items.hstack(valued(lodged, items, parent, rates)).hstack(codes.conditions(items))
        lodged = lodged.hstack(_sums(len(lodged), items, parent))
        frames = {
            "declaration": lodged,
            "status": status,
            "control": control,
            "item": _few(items),
            "container": _few(_parts(lodged, "containers", CARRIED)[0]),
            "rate": _few(_parts(lodged, "exchange_rates", CARRIED)[0]),
            "house": _few(_parts(lodged, "house_documents", CARRIED)[0]),
            "duty": _few(_parts(lodged, "duties", CARRIED)[0]),
            "permit": _few(_parts(lodged, "permits", CARRIED)[0]),
            "count": _few(_parts(control, "counts", CARRIED[:3])[0]),
        }
        sums = lodged.select("row", "hash_value", hash_net_mass=c("net_mass").fill_null(0))
        documents = together(declarations(codes, lodged, items, parent), controls(control))
        return Prepared(_events(lodged, status, control), frames, documents, sums)

    return prepare


def _timed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.hstack([frame["event_time"].alias("at")])


def _events(lodged: pl.DataFrame, status: pl.DataFrame, control: pl.DataFrame) -> pl.DataFrame:
    first = c("version") <= 1
    lanes = {lane: tag for tag, lane in enumerate(LANES)}

    def of(frame: pl.DataFrame, record: str, key: str, kind: pl.Expr, lane: pl.Expr) -> pl.DataFrame:
        tag = lane.replace_strict(lanes, return_dtype=pl.Int64)
        return frame.select_seq(
            "row", "version", "at", "appended", *ENVELOPE, record=pl.lit(record), key=key, kind=kind, tag=tag
        )

    return pl.concat(
        [
            of(
                lodged,
                "CustomsDeclaration",
                "declaration_number",
                pl.when(first).then(pl.lit("LODGE")).otherwise(pl.lit("AMEND")),
                c("risk_lane"),
            ),
            of(
                status,
                "DeclarationStatus",
                "declaration_number",
                c("status").replace_strict(KIND_OF_STATUS, return_dtype=pl.String),
                c("lane"),
            ),
            of(
                control,
                "ControlRecord",
                "control_number",
                pl.when(first).then(pl.lit("STATE")).otherwise(pl.lit("RESTATE")),
                pl.lit(LANES[0]),
            ),
        ]
    )


def _items(lodged: pl.DataFrame) -> tuple[pl.DataFrame, Ints]:
    """One row per goods item: CARRIED, WITH_ITEMS, ``permitted`` (whether its declaration names a permit), the item's
    fields and its ``place`` from 1; and its declaration's place in ``lodged``.
    """
    whether = lodged.select_seq(permitted=c("permits").list.len() > 0)
    return _parts(lodged.hstack(whether), "items", (*CARRIED, *WITH_ITEMS, "permitted"))


def _parts(frame: pl.DataFrame, name: str, carried: Sequence[str]) -> tuple[pl.DataFrame, Ints]:
    """One row per element of a list of records: what is ``carried``, the record's fields and its ``place`` from 1; and
    its parent's place in ``frame``.
    """
    fields, parent = apart(frame[name])
    lengths = np.bincount(parent, minlength=len(frame))
    before = np.cumsum(lengths) - lengths
    place = pl.Series("place", np.arange(1, len(parent) + 1) - before[parent], dtype=pl.UInt32)
    return frame[parent, list(carried)].hstack(fields).hstack([place]), parent


def _few(parts: pl.DataFrame) -> pl.DataFrame:
    """Parts that are judged one by one. More than a record may have are refused as such: half a million of them would
    be told of in a receipt that no topic takes.
    """
    most: Any = parts["place"].max()
    return parts if (most or 0) <= MAX_PARTS else parts.filter(c("place") <= MAX_PARTS)


def _sums(count: int, items: pl.DataFrame, parent: Ints) -> pl.DataFrame:
    """Of each of ``count`` declarations its items together: ``worth``, ``hash_value`` and ``items_net_mass`` (Int64),
    ``unconverted``, ``leaves`` (whether any is for elsewhere than China), ``items_in_order`` (Boolean; null without
    items).
    """
    own = items.select_seq(
        "worth",
        hash_value="total",
        items_net_mass=c("net_mass").fill_null(0).clip(-MOST_MASS, MOST_MASS),
        unconverted=c("unconverted"),
        leaves=(c("destination_country") != "CN").fill_null(value=False),
        astray=c("sequence") != c("place"),
    )
    sums = own.select_seq(pl.all().cast(pl.Int64)).to_numpy()
    added = np.zeros((count, sums.shape[1]), np.int64)
    np.add.at(added, parent, sums)
    has_items = np.zeros(count, np.bool_)
    has_items[parent] = True
    frame = pl.DataFrame(added, schema=own.columns)
    return frame.select_seq(
        "worth",
        "hash_value",
        "items_net_mass",
        unconverted=c("unconverted") > 0,
        leaves=c("leaves") > 0,
        items_in_order=pl.when(pl.Series(has_items)).then(c("astray") == 0),
    )
