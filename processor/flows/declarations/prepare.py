"""From decoded columns to what rules, register and counters read: kinds of event, frames for rules, and contents."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from processor.engine.flow import Prepared
from processor.flows.declarations import checks
from processor.flows.declarations.lifecycle import KIND_OF_STATUS
from processor.reference import Reference

ENVELOPE = ("row", "sender_id", "event_id", "revision", "version", "appended")
CARRIED = ("row", "at", "appended", "jurisdiction")


def preparer(reference: Reference) -> Callable[[Mapping[str, pl.DataFrame]], Prepared]:
    """Prepares batches of CustomsDeclaration and DeclarationStatus.

    Frames for rules: ``declaration``, ``status``, ``item`` and ``container`` (with ``place``), each with ``at``,
    ``appended`` and, but for status, ``jurisdiction``.
    """
    zones = reference.jurisdictions.rename({"code": "jurisdiction", "known_from": "zone_known_from"})
    offices = reference.offices.rename({"code": "declaration_office", "known_from": "office_known_from"})

    def prepare(decoded: Mapping[str, pl.DataFrame]) -> Prepared:
        lodged, status = (_timed(decoded[name]) for name in ("CustomsDeclaration", "DeclarationStatus"))
        places = lodged.select("jurisdiction", "declaration_office", "appended")
        places = places.join(zones, on="jurisdiction", how="left", maintain_order="left")
        places = places.join(offices, on=["jurisdiction", "declaration_office"], how="left", maintain_order="left")
        places = places.select(
            "time_zone",
            office_known=(pl.col("office_known_from") <= pl.col("appended")).fill_null(value=False),
            zone_known=(pl.col("zone_known_from") <= pl.col("appended")).fill_null(value=False),
        )
        items = _items(lodged)
        lodged = lodged.hstack(
            [
                *places.get_columns(),
                checks.social_credit_codes(lodged["trader_id"]).alias("trader_id_valid"),
                *_of_items(lodged["row"], items).get_columns(),
            ]
        )
        containers = lodged.select(*CARRIED, "containers").filter(pl.col("containers").list.len() > 0)
        place = _places(containers["containers"])
        containers = containers.explode("containers").rename({"containers": "container"})
        valid = checks.container_numbers(containers["container"]).alias("valid")
        frames = {
            "declaration": lodged,
            "status": status,
            "item": items,
            "container": containers.hstack([place, valid]),
        }
        return Prepared(_events(lodged, status), frames, _documents(lodged))

    return prepare


def _timed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.hstack([frame["event_time"].alias("at")])


def _events(lodged: pl.DataFrame, status: pl.DataFrame) -> pl.DataFrame:
    kind = pl.when(pl.col("version") <= 1).then(pl.lit("LODGE")).otherwise(pl.lit("AMEND"))
    columns = [*map(pl.col, (*ENVELOPE, "at")), pl.col("declaration_number").alias("key")]
    return pl.concat(
        [
            lodged.select(*columns, kind.alias("kind")),
            status.select(
                *columns, pl.col("status").replace_strict(KIND_OF_STATUS, return_dtype=pl.String).alias("kind")
            ),
        ]
    )


def _items(lodged: pl.DataFrame) -> pl.DataFrame:
    """One row per goods item: CARRIED, ``place`` from 1, the item's fields, ``chapter``."""
    items = lodged.select(*CARRIED, "items").filter(pl.col("items").list.len() > 0)
    place = _places(items["items"])
    exploded = items.explode("items").unnest("items")
    return exploded.hstack([place, exploded["commodity_code"].str.slice(0, 2).alias("chapter")])


def _places(lists: pl.Series) -> pl.Series:
    """``place`` of each element of non-empty lists within its own, from 1."""
    lengths = lists.list.len().cast(pl.Int64).to_numpy()
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return pl.Series("place", np.arange(1, len(starts) + 1) - starts, dtype=pl.UInt32)


def _of_items(rows: pl.Series, items: pl.DataFrame) -> pl.DataFrame:
    """For each row its items together: ``value``, ``items_in_order``, ``items_net_mass``, ``lines``; null for none."""
    line = pl.struct("chapter", pl.col("total").alias("value"), pl.col("net_mass").fill_null(0))
    found = items.group_by("row", maintain_order=True).agg(
        pl.col("total").sum().alias("value"),
        (pl.col("sequence") == pl.col("place")).all().alias("items_in_order"),
        pl.col("net_mass").sum().alias("items_net_mass"),
        line.alias("lines"),
    )
    return rows.to_frame().join(found, on="row", how="left", maintain_order="left").drop("row")


def _documents(lodged: pl.DataFrame) -> pl.DataFrame:
    """The content a register row keeps (counters.DOCUMENT_SCHEMA), one row per declaration, with ``row``."""
    return lodged.select(
        "row",
        pl.col("declaration_office").alias("office"),
        "flow",
        "jurisdiction",
        "time_zone",
        pl.col("partner_country").alias("partner"),
        "currency",
        "value",
        pl.col("items_net_mass").alias("net_mass"),
        pl.col("lines").fill_null([]),
    )
