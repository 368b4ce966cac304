"""The code lists the ledger counts by: of every list, at least the codes that simulated traffic uses."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

SHANGHAI = "Asia/Shanghai"
ZONES = {"CN": SHANGHAI, "KR": "Asia/Seoul"}
"""Time zone of each jurisdiction."""

_SCO = "KG KZ RU TJ UZ"
_GROUPS = {
    "SCO": {"2001-06-15": _SCO, "2017-06-09": "IN PK", "2023-07-04": "IR", "2024-07-04": "BY"},
    "SCO_PARTNERS": {"2025-09-01": "AE AF AM AZ BH EG KH KW LA LK MM MN MV NP QA SA TR"},
    "BELT_AND_ROAD": {
        "2014-01-01": "BY KZ TJ",
        "2015-01-01": "KR RU TR UZ",
        "2016-01-01": "IR",
        "2017-01-01": "KG MN MY PK TH VN",
        "2018-01-01": "AE",
    },
    "ASEAN": {"1967-08-08": "MY TH", "1995-07-28": "VN"},
    "RCEP": {"2022-01-01": "JP TH VN", "2022-02-01": "KR", "2022-03-18": "MY"},
    "CENTRAL_ASIA": {"1992-01-01": "KG KZ TJ UZ"},
    "EU": {"1958-01-01": "DE"},
}
"""Group -> day of accession -> countries. None of them has left."""

GROUPS = {
    group: {country: date.fromisoformat(since) for since, members in accessions.items() for country in members.split()}
    for group, accessions in _GROUPS.items()
}

_SECTIONS = """
I 01-05 II 06-14 III 15-15 IV 16-24 V 25-27 VI 28-38 VII 39-40 VIII 41-43 IX 44-46 X 47-49 XI 50-63 XII 64-67
XIII 68-70 XIV 71-71 XV 72-76 XV 78-83 XVI 84-85 XVII 86-89 XVIII 90-92 XIX 93-93 XX 94-96 XXI 97-97
"""
SECTIONS = {
    f"{chapter:02}": section
    for section, first, last in re.findall(r"(\w+) (\d\d)-(\d\d)", _SECTIONS)
    for chapter in range(int(first), int(last) + 1)
}
"""HS 2022: chapter -> section."""

HEADINGS = frozenset(
    {
        *("1001", "1005", "1201", "1205", "2601", "2603", "2607", "2701", "2709", "2710", "2711"),
        *("3102", "4011", "4403", "5201", "7403", "7601", "8429", "8507", "8541", "8703", "8704"),
    },
)
"""The watched ones."""

NEW_THREE = {
    **dict.fromkeys(("870380", "870360"), "ELECTRIC_VEHICLES"),
    **dict.fromkeys(("854142", "854143"), "SOLAR_CELLS"),
    "850760": "LITHIUM_BATTERIES",
}
CARS = "8703"
COUNTED_UNITS = frozenset({"001", "003"})
"""Sets and vehicles: units in which used cars are counted."""

OUTSIDE_STATISTICS = frozenset(
    ("CN", procedure) for procedure in ("0255", "0258", "0654", "0657", "1300", "2600", "2700", "4500", "4561")
)
E_COMMERCE = frozenset(("CN", procedure) for procedure in ("1210", "1239", "9610", "9710", "9810"))
MODES = {
    **{("CN", code): mode for code, mode in {"2": "1", "3": "2", "4": "3", "5": "4", "6": "5", "G": "7"}.items()},
    **{("KR", f"{mode}0"): f"{mode}" for mode in range(1, 9)},
}
"""(jurisdiction, code) -> mode of UN Rec 19; "0" for all others."""

AREAS = frozenset(
    {
        *("SCODA", "37", "3702", "370202", "370203", "370211", "370212", "370213", "370214", "370215"),
        *("370281", "370283", "370285"),
    },
)
"""The watched ones: zone, province, city, districts."""


@lru_cache(maxsize=1 << 14)
def memberships(country: str, day: date) -> tuple[tuple[str, str], ...]:
    """(group, membership) of a country: DATED as of a day, CONSTANT by the present members."""
    return tuple(
        (group, membership)
        for group, members in GROUPS.items()
        if country in members
        for membership, holds in (("DATED", members[country] <= day), ("CONSTANT", True))
        if holds
    )
