"""What a declaration is worth in yuan, item by item: goods at their rate, and the charges its terms call for.

Imports are valued CIF and exports FOB, as China's statistics do. Values are integers of fen; nothing is a float.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

from tests.oracle_reference import Reference

Fields = dict[str, Any]

RATE_SCALE = 10**10
ADDED: dict[tuple[str, str], tuple[int, int]] = {
    ("IMPORT", "2"): (0, 1),
    ("IMPORT", "3"): (1, 1),
    ("IMPORT", "4"): (1, 0),
    ("IMPORT", "7"): (1, 1),
    ("EXPORT", "1"): (-1, -1),
    ("EXPORT", "2"): (-1, 0),
    ("EXPORT", "4"): (0, -1),
    ("EXPORT", "7"): (1, 0),
}
"""How often (freight, insurance) is added to the goods' price, by flow and terms; (0, 0) for all others."""


@dataclass(frozen=True)
class Worth:
    """`values`: fen, one for each item. `unconverted_items`: for each, whether its goods have no rate.
    `unconverted_charge`: whether a charge that the terms call for has none.
    """

    values: tuple[int, ...]
    unconverted_items: tuple[bool, ...]
    unconverted_charge: bool

    @property
    def value(self) -> int:
        return sum(self.values)

    @property
    def unconverted(self) -> bool:
        return self.unconverted_charge or any(self.unconverted_items)


def half_even(value: Fraction | int) -> int:
    """The nearest whole number; halves go to the even one, as Python rounds fractions."""
    return round(value)


def rate_of(d: Fields, currency: str | None, reference: Reference) -> int | None:
    """Yuan for one unit (scale 10): one for the yuan itself, else as declared, else of the month's table."""
    if currency is None or currency == "CNY":
        return RATE_SCALE if currency else None
    for declared in d["exchange_rates"]:
        if declared["currency"] == currency:
            rate: int = declared["rate"]
            return rate
    return reference.table_rate(currency, d["declaration_date"])


def goods_of(d: Fields, item: Fields, reference: Reference) -> int | None:
    """An item's price in fen; None without a rate."""
    rate = rate_of(d, item["currency"], reference)
    return None if rate is None else half_even(Fraction(item["total"] * rate, RATE_SCALE))


def charge_of(d: Fields, name: str, base: int, reference: Reference) -> int | None:
    """A charge in fen: 0 where it is not declared, None where it has no rate. `base`: what a percentage is of, fen."""
    mark, amount = d[f"{name}_mark"], d[name]
    if mark not in {"1", "2", "3"} or amount is None:
        return 0
    if mark == "1":
        return half_even(Fraction(base * amount, 10**6))
    rate = rate_of(d, d[f"{name}_currency"], reference)
    if rate is None:
        return None
    if mark == "2":
        return half_even(Fraction(amount * (d["gross_mass"] or 0) * rate, 10**18))
    return half_even(Fraction(amount * rate, 10**12))


def charges_of(d: Fields, goods: int, reference: Reference) -> tuple[int | None, int | None]:
    """(freight, insurance) as declared, in fen; `goods` in fen. A percentage of insurance is of goods and freight:
    of the price alone where that is CIF or C&F.
    """
    freight = charge_of(d, "freight", goods, reference)
    insured = goods if d["trade_terms"] in {"1", "2"} else goods + (freight or 0)
    return freight, charge_of(d, "insurance", insured, reference)


def worth(d: Fields, reference: Reference) -> Worth:
    """What a declaration is worth under its own rates and the tables."""
    prices = [goods_of(d, item, reference) for item in d["items"]]
    goods = [price or 0 for price in prices]
    times = ADDED.get((d["flow"], d["trade_terms"]), (0, 0))
    charges = charges_of(d, sum(goods), reference)
    added = max(-max(sum(goods), 0), sum(n * (charge or 0) for n, charge in zip(times, charges, strict=True)))
    return Worth(
        tuple(price + share for price, share in zip(goods, shares(added, goods), strict=True)),
        tuple(price is None for price in prices),
        any(n and charge is None for n, charge in zip(times, charges, strict=True)),
    )


def shares(amount: int, goods: list[int]) -> list[int]:
    """`amount` in parts proportional to `goods`: they add up to it, each off by less than one. To the first, if all
    goods are worth nothing.
    """
    whole = sum(goods)
    if not whole:
        return [amount if not place else 0 for place in range(len(goods))]
    floors = [amount * upto // whole for upto in (0, *accumulate(goods))]
    return [after - before for before, after in pairwise(floors)]
