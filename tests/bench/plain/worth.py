"""What a declaration is worth in yuan, in ints: items at their rate, charges by the terms, shared to the last fen."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

from tests.oracle_reference import date_of, shipped
from tests.oracle_value import ADDED, RATE_SCALE

Fields = dict[str, Any]
NEVER = 1 << 62
_RATES = shipped().rates


class Worth(NamedTuple):
    """Fen by item; which items have no rate; whether a charge has none; the goods' prices, None without a rate."""

    values: list[int]
    unconverted: list[bool]
    unconverted_charge: bool
    prices: list[int | None]


def divided(number: int, scale: int) -> int:
    """The nearest whole number, halves to the even one."""
    whole, rest = divmod(number, scale)
    if 2 * rest > scale or (2 * rest == scale and whole & 1):
        return whole + 1
    return whole


@lru_cache(10_000)
def month_rate(currency: str, days: int) -> tuple[int | None, int]:
    """Yuan for one unit in the month of a date, and since when (ms) that is known."""
    day = date_of(days)
    if day is None:
        return None, NEVER
    first = day.replace(day=1)
    before = (first - timedelta(1)).replace(day=1) if first > date_of(31) else date_of(0)
    wednesday = before + timedelta((2 - before.weekday()) % 7 + 14)
    known = datetime.combine(wednesday + timedelta(1), time(), UTC)
    return _RATES.get((currency, f"{day:%Y-%m}")), int(known.timestamp() * 1000)


def worth(d: Fields, appended_at: int) -> Worth:
    """By the rates the declaration declares, else those known when it was appended (ms)."""
    declared = {}
    for rate in reversed(d["exchange_rates"]):
        declared[rate["currency"]] = rate["rate"]

    def rate_of(currency: str | None) -> int | None:
        if currency is None or currency == "CNY":
            return RATE_SCALE if currency else None
        if currency in declared:
            return declared[currency]
        rate, known = month_rate(currency, d["declaration_date"])
        return rate if appended_at >= known else None

    def charge_of(name: str, base: int) -> int | None:
        mark, amount = d[f"{name}_mark"], d[name]
        if amount is None or mark not in {"1", "2", "3"}:
            return 0
        if mark == "1":
            return divided(base * amount, 10**6)
        rate = rate_of(d[f"{name}_currency"])
        if rate is None:
            return None
        if mark == "2":
            return divided(amount * (d["gross_mass"] or 0) * rate, 10**18)
        return divided(amount * rate, 10**12)

    prices: list[int | None] = []
    rates: dict[str, int | None] = {}
    for item in d["items"]:
        currency = item["currency"]
        if currency not in rates:
            rates[currency] = rate_of(currency)
        rate = rates[currency]
        prices.append(None if rate is None else divided(item["total"] * rate, RATE_SCALE))
    goods = [price or 0 for price in prices]
    unconverted = [price is None for price in prices]
    times = ADDED.get((d["flow"], d["trade_terms"]))
    if times is None:
        return Worth(goods, unconverted, False, prices)
    whole = sum(goods)
    freight = charge_of("freight", whole)
    insured = whole if d["trade_terms"] in {"1", "2"} else whole + (freight or 0)
    insurance = charge_of("insurance", insured) if times[1] else 0
    added = max(-max(whole, 0), times[0] * (freight or 0) + times[1] * (insurance or 0))
    lacking = bool((times[0] and freight is None) or (times[1] and insurance is None))
    if not added:
        return Worth(goods, unconverted, lacking, prices)
    if not whole:
        return Worth([added, *goods[1:]] if goods else goods, unconverted, lacking, prices)
    values, before = [], 0
    for price, upto in zip(goods, accumulate(goods), strict=True):
        share = added * upto // whole
        values.append(price + share - before)
        before = share
    return Worth(values, unconverted, lacking, prices)
