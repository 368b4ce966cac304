"""The content a register row keeps of a declaration or a control record (counters.DOCUMENT_SCHEMA), as columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
import polars.selectors as cs

from processor.engine.lifecycle import Ints
from processor.flows.declarations.areas import BLANK
from processor.flows.declarations.known import Known
from processor.flows.declarations.parts import apart, listed
from processor.reference import Reference

c = pl.col
AREAS = ("trader_province", "trader_city", "trader_district", "trader_zone")
NEW_THREE = {
    "870380": "ELECTRIC_VEHICLES",
    "870360": "ELECTRIC_VEHICLES",
    "854142": "SOLAR_CELLS",
    "854143": "SOLAR_CELLS",
    "850760": "LITHIUM_BATTERIES",
}
"""Subheadings of HS 2022; 870360 are plug-in hybrids."""
CARS = "8703"
VEHICLES = ["001", "003"]
"""Units in which cars are counted: set 台, vehicle 辆."""
PLATFORM_ZONE = "Asia/Shanghai"
CONTROL = "CONTROL"
EMPTY = (
    cs.string().fill_null(""),
    cs.integer().fill_null(0),
    cs.boolean().fill_null(value=False),
    pl.col(pl.List).fill_null([]),
)
"""What stands for what a record does not have."""


class Codes:
    """The reference tables as they stood when a record was appended."""

    def __init__(self, reference: Reference) -> None:
        here, code = c("jurisdiction"), c("commodity_code")
        self.zones = Known(reference.jurisdictions, {"code": here})
        self.offices = Known(reference.offices, {"jurisdiction": here, "code": c("declaration_office")})
        self.procedures = Known(reference.procedures, {"jurisdiction": here, "code": c("procedure")})
        self.modes = Known(reference.transport_modes, {"jurisdiction": here, "code": c("transport_mode")})
        self.sections = Known(reference.sections, {"chapter": c("chapter")})
        self.headings = Known(reference.watched_headings, {"heading": c("heading")})
        self.watched = {name: Known(reference.areas, {"code": c(name)}) for name in AREAS}
        conditions = reference.commodity_conditions.with_columns_seq(size=c("prefix").str.len_bytes())
        longest_first = conditions.sort("size", descending=True).group_by("size", maintain_order=True)
        self.conditions_by_size = {
            str(size): Known(part, {"prefix": code.str.slice(0, size), "flow": c("flow")})
            for (size,), part in longest_first
        }

    def places(self, lodged: pl.DataFrame) -> pl.DataFrame:
        """Of declarations: ``time_zone``, ``zone_known``, ``office_known``; ``statistical`` and ``e_commerce`` of the
        procedure; ``mode`` (UN Rec 19).
        """
        found = _found(
            lodged,
            (self.zones, {"time_zone": "time_zone"}),
            (self.offices, {"code": "office"}),
            (self.procedures, {"statistical": "statistical", "e_commerce": "e_commerce"}),
            (self.modes, {"rec19": "mode"}),
        )
        return found.select_seq(
            c("time_zone"),
            zone_known=c("time_zone").is_not_null(),
            office_known=c("office").is_not_null(),
            statistical=c("statistical").fill_null(value=True),
            e_commerce=c("e_commerce").fill_null(value=False),
            mode=c("mode").fill_null("0"),
        )

    def conditions(self, items: pl.DataFrame) -> pl.DataFrame:
        """Of goods items: ``conditions``, the flags of their commodity in the tariff, by the longest prefix known."""
        found = _found(items, *((known, {"flags": size}) for size, known in self.conditions_by_size.items()))
        return found.select_seq(conditions=pl.coalesce(pl.all()))

    def goods(self, items: pl.DataFrame) -> pl.DataFrame:
        """Of goods items: ``chapter``, ``section``, and ``heading`` where it is watched."""
        cut = items.select_seq(
            "appended", chapter=c("commodity_code").str.slice(0, 2), heading=c("commodity_code").str.slice(0, 4)
        )
        return cut.select_seq("chapter").hstack(
            _found(cut, (self.sections, {"section": "section"}), (self.headings, {"heading": "heading"}))
        )

    def areas(self, lodged: pl.DataFrame) -> pl.Series:
        """Of declarations: the watched areas their trader is registered in, large to small, BLANK between."""
        found = _found(lodged, *((known, {"code": name}) for name, known in self.watched.items()))
        once = [c(AREAS[0])]
        for place, name in enumerate(AREAS[1:], start=1):  # one code in two fields is one area
            again = pl.any_horizontal(c(name) == c(larger) for larger in AREAS[:place])
            once.append(pl.when(~again.fill_null(value=False)).then(name))
        return found.select_seq(pl.concat_str(once, separator=BLANK, ignore_nulls=True).alias("areas")).to_series()


def _found(frame: pl.DataFrame, *asked: tuple[Known, Mapping[str, str]]) -> pl.DataFrame:
    """What tables know of each row as they stood at its ``appended``: columns of each under the names given here."""
    places = frame.select_seq("appended", *(known.place.alias(str(n)) for n, (known, _) in enumerate(asked)))
    appended, *of = (column.to_numpy() for column in places.get_columns())
    found: list[pl.Series] = []
    for (known, names), place in zip(asked, of, strict=True):
        values = known.values(place, appended, *names)
        found += [column.alias(name) for column, name in zip(values, names.values(), strict=True)]
    return pl.DataFrame(found)


def declarations(codes: Codes, lodged: pl.DataFrame, items: pl.DataFrame, parent: Ints) -> pl.DataFrame:
    """``row`` and the content of each declaration."""
    lengths = np.bincount(parent, minlength=len(lodged))
    return lodged.select_seq(
        "row",
        number="declaration_number",
        office="declaration_office",
        flow="flow",
        jurisdiction="jurisdiction",
        time_zone=c("time_zone").fill_null(""),
        trader=c("trader_id").fill_null(""),
        areas=codes.areas(lodged),
        channel="channel",
        procedure="procedure",
        mode="mode",
        statistical="statistical",
        e_commerce="e_commerce",
        arrival=c("arrival_time").fill_null(0),
        items=pl.Series(lengths).cast(pl.Int32),
        value="worth",
        net_mass="items_net_mass",
        unconverted=c("unconverted").cast(pl.Int32),
        parts=_parts(codes, len(lodged), items, parent),
        duties=_of_duties(lodged),
        permits=_of_permits(lodged),
    )


def _parts(codes: Codes, count: int, items: pl.DataFrame, parent: Ints) -> pl.Series:
    """Of each declaration what its items add up to, one for each code of each breakdown."""
    code, used = c("commodity_code"), c("used_goods")
    country = (
        pl.when(c("flow") == "IMPORT")
        .then("origin_country")
        .otherwise(pl.coalesce("destination_country", "trade_country"))
    )
    own = items.hstack(codes.goods(items)).select_seq(
        pl.Series("parent", parent, dtype=pl.UInt32),
        PARTNER=country,
        CHAPTER="chapter",
        SECTION="section",
        HEADING="heading",
        NEW_THREE=code.str.slice(0, 6).replace_strict(NEW_THREE, default=None, return_dtype=pl.String),
        USED_CARS=pl.when(used & code.str.starts_with(CARS)).then(pl.lit("ALL")),
        value="worth",
        net_mass=c("net_mass").fill_null(0),
        quantity=pl.when(c("unit").is_in(VEHICLES)).then("quantity").fill_null(0),
        unconverted=c("unconverted").cast(pl.Int32),
    )
    measures = ("value", "net_mass", "quantity", "unconverted")
    of = [name for name in own.columns if name not in ("parent", *measures)]
    parts = own.unpivot(of, index=["parent", *measures], variable_name="breakdown", value_name="code")
    return _listed(count, _together(parts.drop_nulls("code")))


def _together(parts: pl.DataFrame) -> pl.DataFrame:
    """Parts of one declaration with one code in one breakdown, added up."""
    quantity = pl.when(c("breakdown") == "USED_CARS").then("quantity").otherwise(0)
    return parts.group_by("parent", "breakdown", "code", maintain_order=True).agg(
        pl.len().cast(pl.Int32).alias("items"),
        c("value", "net_mass").sum(),
        quantity.sum().alias("quantity"),
        c("unconverted").max(),
    )


def _of_duties(lodged: pl.DataFrame) -> pl.Series:
    duties, parent = apart(lodged["duties"])
    duties = duties.hstack([pl.Series("parent", parent)])
    return _listed(len(lodged), duties.group_by("parent", "kind", maintain_order=True).agg(c("amount").sum()))


def _of_permits(lodged: pl.DataFrame) -> pl.Series:
    permits, parent = apart(lodged["permits"])
    permits = permits.hstack([pl.Series("parent", parent)])
    counted = permits.group_by("parent", "agency", "state", maintain_order=True).agg(permits=pl.len().cast(pl.Int32))
    return _listed(len(lodged), counted)


def _listed(count: int, parts: pl.DataFrame) -> pl.Series:
    """Rows of ``parts`` as a list of structs for each ``parent`` below ``count``; empty where it has none."""
    return listed(parts.drop("parent"), parts["parent"].to_numpy(), count)


def controls(control: pl.DataFrame) -> pl.DataFrame:
    """``row`` and the content of each control record, as far as it has one: counts by step, and how many numbers."""
    said = (
        control.select_seq("row", sender="sender_id", step="counts").explode("step").drop_nulls("step").unnest("step")
    )
    steps = said.select_seq("row", "sender", "step", declared="events", value="value", net_mass="net_mass")
    numbers = control.select_seq(
        "row",
        sender="sender_id",
        step=pl.lit("SEQUENCES"),
        declared=c("last_sequence") - c("first_sequence") + (c("last_sequence") > 0).cast(pl.Int64),
        value=pl.lit(0, pl.Int64),
        net_mass=pl.lit(0, pl.Int64),
    )
    listed = pl.concat([steps, numbers]).group_by("row").agg(controls=pl.struct(pl.exclude("row")))
    return control.select_seq(
        "row", number="control_number", flow=pl.lit(CONTROL), time_zone=pl.lit(PLATFORM_ZONE), day="date"
    ).join(listed, on="row", how="left", maintain_order="left")


def together(declared: pl.DataFrame, stated: pl.DataFrame) -> pl.DataFrame:
    """Contents of declarations and of control records in one frame: what a record does not have is empty."""
    frame = pl.concat([declared, stated], how="diagonal")
    return frame.with_columns_seq(EMPTY)
