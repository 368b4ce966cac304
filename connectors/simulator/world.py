"""Who trades what with whom, by which mode and office: the shares the simulated traffic is drawn from.

Shares are made up after what the zone and customs publish; offices, procedures, modes and countries are real codes.
"""

from __future__ import annotations

from random import Random
from typing import TypeVar

from connectors.simulator.goods import EXPORTS, IMPORTS, Good

T = TypeVar("T")

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
CONTAINER_LETTERS = dict(
    zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (n for n in range(10, 39) if n % 11), strict=True),
)


def table(shares: dict[T, int]) -> tuple[T, ...]:
    """Each value as often as its share says: drawing is one index, ``table[int(random() * len(table))]``."""
    return tuple(value for value, share in shares.items() for _ in range(share))


def _goods(goods: tuple[Good, ...]) -> tuple[Good, ...]:
    return table({good: good.share for good in goods})


OFFICES = {
    "CN": table({"4258": 34, "4200": 18, "4246": 14, "4250": 10, "4240": 8, "4254": 6, "4300": 6, "4301": 4}),
    "KR": table({"020": 4, "030": 5, "040": 1}),
}
PROCEDURES = {
    "IMPORT": table({"0110": 68, "0615": 15, "0214": 7, "1210": 6, "3339": 3, "4561": 1}),
    "EXPORT": table({"0110": 54, "0615": 16, "0214": 6, "9710": 9, "9610": 7, "9810": 5, "1210": 3}),
}
_NEIGHBOURS = {"RU": 250, "KZ": 110, "UZ": 70, "KG": 40, "TJ": 20, "IN": 60, "PK": 40, "IR": 25, "BY": 35}
_OVERSEAS = {"JP": 60, "KR": 75, "US": 65, "DE": 45, "VN": 40, "MY": 35, "TH": 30}
PARTNERS = {
    "CN": table(_NEIGHBOURS | _OVERSEAS),
    "KR": table({"CN": 40, "US": 20, "JP": 15, "VN": 10, "UZ": 5, "RU": 5, "KZ": 5}),
}
MODES_OVERLAND = table({"3": 62, "4": 34, "5": 4})
MODES_MIXED = table({"3": 42, "2": 34, "4": 18, "5": 6})
MODES_OVERSEAS = table({"2": 84, "5": 14, "3": 2})
MODES = {
    **dict.fromkeys(("KZ", "UZ", "KG", "TJ"), MODES_OVERLAND),
    **dict.fromkeys(("RU", "BY", "IR", "PK", "DE"), MODES_MIXED),
}
"""GAC codes: 2 water, 3 rail, 4 road, 5 air. A partner that is not named trades overseas."""

CURRENCIES = table({"CNY": 38, "USD": 44, "EUR": 8, "RUB": 10})
RATES = {"CNY": 7_100, "USD": 1_000, "EUR": 920, "RUB": 92_000}
"""Units of currency for a dollar, in thousandths; made up."""

GOODS = {"IMPORT": _goods(IMPORTS), "EXPORT": _goods(EXPORTS)}
ITEM_COUNTS = table({1: 53, 2: 26, 3: 12, 4: 6, 5: 3})
JURISDICTIONS = table({"CN": 97, "KR": 3})
REGIONS = ("370281", "370285", "370283", "370214", "370215", "370202", "370203", "370213", "370212", "370211")
"""GB/T 2260 codes of the city's districts, digits 3 to 8 of a trader's code."""

TRADERS = 3_000
CONTAINERS = 20_000


def uscc(stem: str) -> str:
    """A unified social credit code of 18 characters: ``stem`` of 17 and its check character (GB 32100, mod 31)."""
    total = sum(weight * USCC_ALPHABET.index(letter) for weight, letter in zip(USCC_WEIGHTS, stem, strict=True))
    return stem + USCC_ALPHABET[(31 - total) % 31]


def container(stem: str) -> str:
    """A container number of 11 characters: ``stem`` of 10 and its check digit (ISO 6346; remainder 10 gives 0)."""
    total = sum((CONTAINER_LETTERS.get(letter) or int(letter)) << place for place, letter in enumerate(stem))
    return f"{stem}{total % 11 % 10}"


def traders(rng: Random) -> tuple[str, ...]:
    """The unified social credit codes of the traders, all different."""
    return tuple(
        uscc(f"91{rng.choice(REGIONS)}MA{number:04d}" + "".join(rng.choices(USCC_ALPHABET, k=3)))
        for number in range(TRADERS)
    )


def containers(rng: Random) -> tuple[str, ...]:
    """Container numbers of a few owners, all different."""
    owners = ("TBJU", "MSKU", "COSU", "OOLU", "RZDU")
    return tuple(container(f"{rng.choice(owners)}{number * 37:06d}") for number in range(CONTAINERS))
