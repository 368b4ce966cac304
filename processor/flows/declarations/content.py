"""The content a register row keeps of a declaration or a control record (counters.DOCUMENT_SCHEMA), as columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from processor.flows.declarations.areas import BLANK
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


class Codes:
    """The reference tables as they stood when a record was appended."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.offices = reference.offices.with_columns(office=pl.lit(value=True))
        self.watched_areas = reference.areas.with_columns(area=c("code"))
        self.watched_headings = reference.watched_headings.with_columns(watched=c("heading"))
        conditions = reference.commodity_conditions.with_columns(size=c("prefix").str.len_bytes()).sort("size")
        self.conditions_by_size = {int(of): part for (of,), part in conditions.group_by("size", maintain_order=True)}

    def places(self, lodged: pl.DataFrame) -> pl.DataFrame:
        """Of declarations: ``time_zone``, ``zone_known``, ``office_known``; ``statistical`` and ``e_commerce`` of the
        procedure; ``mode`` (UN Rec 19).
        """
        tables, here = self.reference, "jurisdiction"
        zone = _known(lodged, tables.jurisdictions, {here: "code"}, "time_zone")
        office = _known(lodged, self.offices, {here: here, "declaration_office": "code"}, "office")
        procedure = _known(lodged, tables.procedures, {here: here, "procedure": "code"}, "statistical", "e_commerce")
        mode = _known(lodged, tables.transport_modes, {here: here, "transport_mode": "code"}, "rec19")
        return pl.concat([zone, office, procedure, mode], how="horizontal").select(
            c("time_zone"),
            zone_known=c("time_zone").is_not_null(),
            office_known=c("office").is_not_null(),
            statistical=c("statistical").fill_null(value=True),
            e_commerce=c("e_commerce").fill_null(value=False),
            mode=c("rec19").fill_null("0"),
        )

    def conditions(self, items: pl.DataFrame) -> pl.DataFrame:
        """Of goods items: ``conditions``, the flags of their commodity in the tariff, by the longest prefix known."""
        found = []
        for size, part in self.conditions_by_size.items():
            asked = items.select("flow", "appended", prefix=c("commodity_code").str.slice(0, size))
            flags = _known(asked, part, {"prefix": "prefix", "flow": "flow"}, "flags")
            found.append(flags.to_series().alias(str(size)))
        longest_first = [series.name for series in reversed(found)]
        return pl.DataFrame(found).select(conditions=pl.coalesce(longest_first))

    def goods(self, items: pl.DataFrame) -> pl.DataFrame:
        """Of goods items: ``section``, and ``heading`` where it is watched."""
        cut = items.select(
            "appended", chapter=c("commodity_code").str.slice(0, 2), heading=c("commodity_code").str.slice(0, 4)
        )
        tables = self.reference
        section = _known(cut, tables.sections, {"chapter": "chapter"}, "section")
        heading = _known(cut, self.watched_headings, {"heading": "heading"}, "watched")
        return pl.concat([cut.select("chapter"), section, heading.rename({"watched": "heading"})], how="horizontal")

    def areas(self, lodged: pl.DataFrame) -> pl.Series:
        """Of declarations: the watched areas their trader is registered in, large to small, BLANK between."""
        asked = lodged.select("appended", *AREAS)
        found = pl.concat(
            [_known(asked, self.watched_areas, {name: "code"}, "area").rename({"area": name}) for name in AREAS],
            how="horizontal",
        )
        once = [c(AREAS[0])]
        for place, name in enumerate(AREAS[1:], start=1):  # one code in two fields is one area
            again = pl.any_horizontal(c(name) == c(larger) for larger in AREAS[:place])
            once.append(pl.when(~again.fill_null(value=False)).then(name))
        return found.select(pl.concat_str(once, separator=BLANK, ignore_nulls=True).alias("areas")).to_series()


def _known(frame: pl.DataFrame, table: pl.DataFrame, on: dict[str, str], *values: str) -> pl.DataFrame:
    """Values of ``table`` for each row, null where it has none that was known at the row's ``appended``."""
    found = frame.select("appended", *on).join(
        table, left_on=list(on), right_on=list(on.values()), how="left", maintain_order="left"
    )
    return found.select(pl.when(c("known_from") <= c("appended")).then(c(name)).alias(name) for name in values)


def declarations(
    codes: Codes, lodged: pl.DataFrame, items: pl.DataFrame, parent: npt.NDArray[np.int64]
) -> pl.DataFrame:
    """``row`` and the content of each declaration."""
    lengths = np.bincount(parent, minlength=len(lodged))
    return lodged.select(
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


def _parts(codes: Codes, count: int, items: pl.DataFrame, parent: npt.NDArray[np.int64]) -> pl.Series:
    """Of each declaration what its items add up to, one for each code of each breakdown."""
    code, used = c("commodity_code"), c("used_goods")
    country = (
        pl.when(c("flow") == "IMPORT")
        .then("origin_country")
        .otherwise(pl.coalesce("destination_country", "trade_country"))
    )
    own = items.hstack(codes.goods(items)).select(
        "chapter",
        "section",
        "heading",
        pl.Series("parent", parent, dtype=pl.UInt32),
        partner=country,
        new_three=code.str.slice(0, 6).replace_strict(NEW_THREE, default=None, return_dtype=pl.String),
        used_cars=pl.when(used & code.str.starts_with(CARS)).then(pl.lit("ALL")),
        value="worth",
        net_mass=c("net_mass").fill_null(0),
        quantity=pl.when(c("unit").is_in(VEHICLES)).then("quantity").fill_null(0),
        unconverted=c("unconverted").cast(pl.Int32),
    )
    measures = ("value", "net_mass", "quantity", "unconverted")
    parts = []
    for name in ("partner", "chapter", "section", "heading", "new_three", "used_cars"):
        with_code = own.filter(c(name).is_not_null()) if own[name].null_count() else own
        quantity = "quantity" if name == "used_cars" else pl.lit(0, pl.Int64).alias("quantity")
        parts.append(
            with_code.select(
                "parent",
                pl.lit(name.upper()).alias("breakdown"),
                pl.col(name).alias("code"),
                *measures[:2],
                quantity,
                measures[3],
            )
        )
    return _listed(count, _together(pl.concat(parts)))


def _together(parts: pl.DataFrame) -> pl.DataFrame:
    """Parts of one declaration with one code in one breakdown, added up."""
    return parts.group_by("parent", "breakdown", "code", maintain_order=True).agg(
        pl.len().cast(pl.Int32).alias("items"), c("value", "net_mass", "quantity").sum(), c("unconverted").max()
    )


def _of_duties(lodged: pl.DataFrame) -> pl.Series:
    duties = lodged.select("duties").with_row_index("parent").filter(c("duties").list.len() > 0)
    duties = duties.explode("duties").unnest("duties")
    return _listed(len(lodged), duties.group_by("parent", "kind", maintain_order=True).agg(c("amount").sum()))


def _of_permits(lodged: pl.DataFrame) -> pl.Series:
    permits = lodged.select("permits").with_row_index("parent").filter(c("permits").list.len() > 0)
    permits = permits.explode("permits").unnest("permits")
    counted = permits.group_by("parent", "agency", "state", maintain_order=True).agg(permits=pl.len().cast(pl.Int32))
    return _listed(len(lodged), counted)


def _listed(count: int, parts: pl.DataFrame) -> pl.Series:
    """Rows of ``parts`` as a list of structs for each ``parent`` below ``count``; empty where it has none."""
    lists = parts.group_by("parent", maintain_order=True).agg(pl.struct(pl.exclude("parent")).alias("list"))
    every = pl.DataFrame({"parent": pl.Series(np.arange(count), dtype=pl.UInt32)})
    return every.join(lists, on="parent", how="left", maintain_order="left")["list"].fill_null([])


def controls(control: pl.DataFrame) -> pl.DataFrame:
    """``row`` and the content of each control record, as far as it has one: counts by step, and how many numbers."""
    said = control.select("row", sender="sender_id", step="counts").explode("step").drop_nulls("step").unnest("step")
    steps = said.select("row", "sender", "step", declared="events", value="value", net_mass="net_mass")
    numbers = control.select(
        "row",
        sender="sender_id",
        step=pl.lit("SEQUENCES"),
        declared=c("last_sequence") - c("first_sequence") + (c("last_sequence") > 0).cast(pl.Int64),
        value=pl.lit(0, pl.Int64),
        net_mass=pl.lit(0, pl.Int64),
    )
    listed = pl.concat([steps, numbers]).group_by("row").agg(controls=pl.struct(pl.exclude("row")))
    return control.select(
        "row", number="control_number", flow=pl.lit(CONTROL), time_zone=pl.lit(PLATFORM_ZONE), day="date"
    ).join(listed, on="row", how="left", maintain_order="left")


def together(declared: pl.DataFrame, stated: pl.DataFrame) -> pl.DataFrame:
    """Contents of declarations and of control records in one frame: what a record does not have is empty."""
    frame = pl.concat([declared, stated], how="diagonal")
    return frame.with_columns(
        cs.string().fill_null(""),
        cs.integer().fill_null(0),
        cs.boolean().fill_null(value=False),
        pl.col(pl.List).fill_null([]),
    )
