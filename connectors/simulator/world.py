"""Who trades what with whom, by which mode and office: the shares the simulated traffic is drawn from.

Shares are made up after what the zone and customs publish; offices, procedures, modes, areas and countries are real
codes.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple, TypeVar

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
REGIMES = {"0110": "101", "3339": "101", "4561": "299", "0214": "502", "0615": "503"}
"""Nature of levy by procedure (rule D13); the others give none."""

MANUALS = {"0214": "B", "0615": "C"}
"""First letter of the manual of a processing procedure (rule D15)."""

_NEIGHBOURS = {"RU": 250, "KZ": 110, "UZ": 70, "KG": 40, "TJ": 20, "IN": 60, "PK": 40, "IR": 25, "BY": 35, "MN": 25}
_OVERSEAS = {"JP": 60, "KR": 75, "US": 65, "DE": 45, "VN": 40, "MY": 35, "TH": 30, "TR": 20, "AE": 15}
PARTNERS = {
    "CN": table(_NEIGHBOURS | _OVERSEAS),
    "KR": table({"CN": 40, "US": 20, "JP": 15, "VN": 10, "UZ": 5, "RU": 5, "KZ": 5}),
}
MODES_OVERLAND = table({"3": 62, "4": 34, "5": 4})
MODES_MIXED = table({"3": 42, "2": 34, "4": 18, "5": 6})
MODES_OVERSEAS = table({"2": 84, "5": 14, "3": 2})
MODES = {
    **dict.fromkeys(("KZ", "UZ", "KG", "TJ", "MN"), MODES_OVERLAND),
    **dict.fromkeys(("RU", "BY", "IR", "PK", "DE"), MODES_MIXED),
}
"""GAC codes: 2 water, 3 rail, 4 road, 5 air. A partner that is not named trades overseas."""

KOREAN_MODES = {"2": "10", "3": "20", "4": "30", "5": "40"}
"""The Korean code of a GAC code."""

TERMS = {
    "IMPORT": table({"1": 58, "3": 22, "2": 12, "7": 5, "4": 3}),
    "EXPORT": table({"3": 62, "1": 20, "2": 12, "7": 4, "4": 2}),
}
"""GAC codes: 1 CIF, 2 C&F, 3 FOB, 4 C&I, 7 EXW."""

FREIGHT_DUE = {("IMPORT", "3"), ("IMPORT", "7"), ("IMPORT", "4"), ("EXPORT", "1"), ("EXPORT", "2"), ("EXPORT", "7")}
INSURANCE_DUE = {("IMPORT", "3"), ("IMPORT", "7"), ("IMPORT", "2"), ("EXPORT", "1"), ("EXPORT", "4")}
"""Terms that need freight, insurance declared (rules D08, D09)."""

FREIGHT_MARKS = table({"3": 12, "1": 5, "2": 3})
PACKAGES = table({"22": 50, "92": 22, "93": 12, "06": 12, "00": 3, "01": 1})
"""GAC codes: 22 carton, 92 recycled pallet, 93 pallet, 06 bag, 00 bulk, 01 bare."""

LANES = table({"GREEN": 80, "YELLOW": 12, "RED": 5, "BLUE": 3})
CURRENCIES = table({"CNY": 36, "USD": 43, "EUR": 9, "RUB": 10, "KZT": 2})
RATES = {"CNY": 7_100, "USD": 1_000, "EUR": 920, "RUB": 92_000, "KZT": 478_000}
"""Units of currency for a dollar, in thousandths; made up."""

YUAN = {"USD": 71_080_000_000, "EUR": 77_260_000_000, "RUB": 772_000_000, "KZT": 148_500_000}
"""Yuan for a unit of currency as declarations give it, scale 10; made up."""

AGENCIES = table({"MOFCOM": 5, "GACC": 5, "NMPA": 2, "NFGA": 1})
PERMIT_STATES = table({"GRANTED": 85, "PENDING": 10, "REFUSED": 5})

GOODS = {"IMPORT": _goods(IMPORTS), "EXPORT": _goods(EXPORTS)}
ITEM_COUNTS = table({1: 53, 2: 26, 3: 12, 4: 6, 5: 3})
JURISDICTIONS = table({"CN": 97, "KR": 3})

ZONE = "SCODA"
"""The trade-cooperation zone; it lies in Jiaozhou, 370281."""

DISTRICTS = table(
    {"370281": 34, "370211": 10, "370202": 6, "370203": 5, "370214": 5, "370215": 4, "370212": 3, "370213": 3}
    | {"370285": 2, "370283": 2}
    | {"370102": 5, "370602": 5, "371302": 4}
    | {"610112": 4, "650102": 3, "310115": 3},
)
"""GB/T 2260: ten districts of the city, three of the province's other cities, three elsewhere."""

IN_ZONE = 0.6
"""Of the traders of its district."""

TRADERS = 3_000
AGENTS = 60
CONTAINERS = 20_000


class Trader(NamedTuple):
    """Unified social credit code, customs code of ten characters, and where it is registered."""

    id: str
    code: str
    zone: str | None
    district: str
    city: str
    province: str


class Agent(NamedTuple):
    """Who declares: a sender, with its unified social credit code."""

    sender: str
    id: str


def uscc(stem: str) -> str:
    """A unified social credit code of 18 characters: ``stem`` of 17 and its check character (GB 32100, mod 31)."""
    total = sum(weight * USCC_ALPHABET.index(letter) for weight, letter in zip(USCC_WEIGHTS, stem, strict=True))
    return stem + USCC_ALPHABET[(31 - total) % 31]


def container(stem: str) -> str:
    """A container number of 11 characters: ``stem`` of 10 and its check digit (ISO 6346; remainder 10 gives 0)."""
    total = sum((CONTAINER_LETTERS.get(letter) or int(letter)) << place for place, letter in enumerate(stem))
    return f"{stem}{total % 11 % 10}"


def traders(rng: Random) -> tuple[Trader, ...]:
    """The traders, all different."""
    return tuple(_trader(rng, number) for number in range(TRADERS))


def _trader(rng: Random, number: int) -> Trader:
    district = rng.choice(DISTRICTS)
    zone = ZONE if district == "370281" and rng.random() < IN_ZONE else None
    return Trader(
        uscc(f"91{district}MA{number:04d}" + "".join(rng.choices(USCC_ALPHABET, k=3))),
        f"{district[:4]}{'6' if zone else '9'}{rng.choice('1236')}{number:04d}",
        zone,
        district,
        district[:4],
        district[:2],
    )


def agents(run: int) -> tuple[Agent, ...]:
    """The declaring agents. Their senders are those of a run, a number below 1,000."""
    return tuple(Agent(f"agent-{number:02d}.{run}", uscc(f"91370281MB{number:07d}")) for number in range(AGENTS))


def containers(rng: Random) -> tuple[str, ...]:
    """Container numbers of a few owners, all different."""
    owners = ("TBJU", "MSKU", "COSU", "OOLU", "RZDU")
    return tuple(container(f"{rng.choice(owners)}{number * 37:06d}") for number in range(CONTAINERS))
