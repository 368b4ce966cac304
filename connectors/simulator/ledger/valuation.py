"""What a declaration is worth in yuan, and what of it is counted: imports CIF, exports FOB, in integers of fen."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from connectors.simulator.ledger import codes
from connectors.simulator.ledger.rates import SCALE, month_of
from connectors.simulator.messages import Charge, Content

Rates = Callable[[str, int], int | None]
"""Yuan for one unit of a currency, scale 10, in a month (12 x year + month - 1); None where there is no rate."""

USED = {
    ("IMPORT", "3"): (1, 1),
    ("IMPORT", "7"): (1, 1),
    ("IMPORT", "2"): (0, 1),
    ("IMPORT", "4"): (1, 0),
    ("EXPORT", "1"): (-1, -1),
    ("EXPORT", "2"): (-1, 0),
    ("EXPORT", "4"): (0, -1),
    ("EXPORT", "7"): (1, 0),
}
"""(flow, trade terms) -> how freight and insurance go into the value; under other terms neither does."""


class Profile(NamedTuple):
    """What many declarations have in common. ``areas``: the watched ones; ``mode``: UN Rec 19."""

    jurisdiction: str
    flow: str
    channel: str
    procedure: str
    mode: str
    areas: tuple[str, ...]
    is_statistical: bool
    is_e_commerce: bool


class Line(NamedTuple):
    """An item as it is counted. ``used_cars``: their quantity, scale 5; None: it is none. ``unconverted``: 0 or 1."""

    partner: str
    code: str
    value: int
    net_mass: int
    used_cars: int | None
    unconverted: int


class Document(NamedTuple):
    """A declaration as it is counted: value in fen, masses in g; ``unconverted``: 0 or 1."""

    profile: Profile
    office: str
    trader: str | None
    arrival: int | None
    value: int
    net_mass: int
    unconverted: int
    lines: tuple[Line, ...]
    duties: tuple[tuple[str, int], ...]
    permits: tuple[tuple[str, str], ...]


def document(content: Content, rates: Rates) -> Document:
    """What is counted of a declaration, valued at the rates it declares, else those of its month."""
    found, charge, unconverted = _value(content, rates)
    profile = _profile(
        content.jurisdiction,
        content.flow,
        content.channel,
        content.procedure,
        content.mode,
        (content.province, content.city, content.district, content.zone),
    )
    whole, passed, given = sum(goods or 0 for goods in found), 0, 0
    lines, mass = [], 0
    imported, used = content.flow == "IMPORT", content.used
    for item, goods in zip(content.items, found, strict=True):
        value = goods or 0
        if charge:
            passed += value
            due = charge * passed // whole if whole else charge
            value, given = value + due - given, due
        mass += item.net_mass or 0
        car = used and item.code.startswith(codes.CARS)
        lines.append(
            Line(
                item.origin if imported else item.destination or content.trade_country,
                item.code,
                value,
                item.net_mass or 0,
                (item.quantity or 0) * (item.unit in codes.COUNTED_UNITS) if car else None,
                unconverted or int(goods is None),
            ),
        )
    return Document(
        profile,
        content.office,
        content.trader,
        content.arrival,
        whole + charge,
        mass,
        max(line.unconverted for line in lines),
        tuple(lines),
        content.duties,
        content.permits,
    )


def _value(content: Content, rates: Rates) -> tuple[list[int | None], int, int]:
    """(goods of each item in fen, None without a rate; charges to allot, in fen; 1 if one in use has no rate)."""
    month = _month(content.date)
    known: dict[str, int | None] = {**dict(reversed(content.rates)), "CNY": SCALE}

    def rate(currency: str) -> int | None:
        if currency not in known:
            known[currency] = rates(currency, month)
        return known[currency]

    goods = []
    for item in content.items:
        of = rate(item.currency)
        goods.append(None if of is None else half_even(item.total * of, SCALE))
    with_freight, with_insurance = USED.get((content.flow, content.terms or ""), (0, 0))
    if not (with_freight or with_insurance):
        return goods, 0, 0
    base = sum(value or 0 for value in goods)
    freight = _charge(content.freight, base, content.gross_mass, rate)
    priced_with_freight = content.terms in {"1", "2"}
    insured = base + (0 if priced_with_freight else freight or 0)
    insurance = _charge(content.insurance, insured, content.gross_mass, rate)
    unconverted = (with_freight and freight is None) or (with_insurance and insurance is None)
    charges = with_freight * (freight or 0) + with_insurance * (insurance or 0)
    return goods, max(charges, -max(base, 0)), int(bool(unconverted))


def _charge(charge: Charge, base: int, gross_mass: int | None, rate: Callable[[str], int | None]) -> int | None:
    """Fen of a charge as declared, 0 if it is not; None without a rate. ``base``: what a percentage is of, fen."""
    mark, amount, currency = charge
    if mark is None or amount is None:
        return 0
    if mark == "1":
        return half_even(base * amount, 10**6)
    of = None if currency is None else rate(currency)
    if of is None:
        return None
    if mark == "2":
        return half_even(amount * (gross_mass or 0) * of, 10**18)
    return half_even(amount * of, 10**12)


def half_even(dividend: int, divisor: int) -> int:
    """The quotient rounded to the nearest integer, to the even one halfway."""
    whole, rest = divmod(dividend, divisor)
    twice = 2 * rest
    return whole + (twice > divisor or (twice == divisor and whole & 1))


_month = lru_cache(maxsize=1 << 10)(month_of)


@lru_cache(maxsize=1 << 14)
def _profile(
    jurisdiction: str,
    flow: str,
    channel: str,
    procedure: str,
    mode: str,
    registered: tuple[str | None, ...],
) -> Profile:
    return Profile(
        jurisdiction,
        flow,
        channel,
        procedure,
        codes.MODES.get((jurisdiction, mode), "0"),
        tuple([area for area in registered if area in codes.AREAS]),
        (jurisdiction, procedure) not in codes.OUTSIDE_STATISTICS,
        (jurisdiction, procedure) in codes.E_COMMERCE,
    )
