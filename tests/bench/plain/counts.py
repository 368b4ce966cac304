"""What a declaration counts as: summed up once, when it is lodged, and posted when it comes to count.

A document here is a dict that JSON can hold: what stores keep of a declaration. Entries are (dimensions, measures).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from tests.bench.plain.checks import REFERENCE, Known
from tests.bench.plain.worth import Worth
from tests.oracle_counters import CARS, NEW_THREE, VEHICLE_UNITS, section

Fields = dict[str, Any]
Dims = tuple[str, ...]
Entry = tuple[Dims, tuple[int, ...]]
Windows = tuple[tuple[str, int | None], ...]
Post = Callable[[str, Windows, list[Entry], int], None]
"""Adds entries to (1), or takes them from (-1), the windows of a counter."""

SHANGHAI = "Asia/Shanghai"
_ZONES = {zone: ZoneInfo(zone) for zone in (*REFERENCE.zones.values(), SHANGHAI)}


@lru_cache(1 << 17)
def _days(day_and_zone: tuple[int, str]) -> Windows:
    """Day, month, year and all time around an hour (since 1970) in a zone: no zone here is off by half hours."""
    hour, zone = day_and_zone
    day = datetime.fromtimestamp(hour * 3600, _ZONES[zone]).replace(hour=0)
    month = day.replace(day=1)
    starts = (day, month, month.replace(month=1))
    long = [(w, int(at.timestamp()) * 1000) for w, at in zip(("DAY", "MONTH", "YEAR"), starts, strict=True)]
    return (*long, ("ALL_TIME", None))


def windows(moment: int, zone: str) -> Windows:
    """Day, month, year and all time around a moment (ms)."""
    return _days((moment // 3_600_000, zone))


@lru_cache(1 << 16)
def _views(code: str, used: bool) -> tuple[tuple[str, str], ...]:
    """(breakdown, code) of what an item's commodity counts under, beside the total and its partner."""
    found = [("CHAPTER", code[:2]), ("SECTION", section(code[:2]))]
    if code[:4] in REFERENCE.headings:
        found.append(("HEADING", code[:4]))
    if code[:6] in NEW_THREE:
        found.append(("NEW_THREE", NEW_THREE[code[:6]]))
    if used and code[:4] == CARS:
        found.append(("USED_CARS", "ALL"))
    return tuple(found)


def document(d: Fields, value: Worth) -> Fields:
    """What is kept of a declaration: its place, its worth, and its items added up by every breakdown."""
    flow, jurisdiction, procedure = d["flow"], d["jurisdiction"], d["procedure"]
    imported, used = flow == "IMPORT", d["used_goods"]
    charge = int(value.unconverted_charge)
    sums: dict[tuple[str, str], list[int]] = {("TOTAL", "ALL"): [0, 0, 0, 0, charge]}
    total = sums["TOTAL", "ALL"]
    statistical = (jurisdiction, procedure) not in REFERENCE.outside_statistics
    net_mass = 0
    for item, worth, unconverted in zip(d["items"], value.values, value.unconverted, strict=True):
        mass = item["net_mass"] or 0
        net_mass += mass
        total[0] += 1
        total[1] += worth
        total[2] += mass
        if unconverted:
            total[4] = 1
        if not statistical:
            continue
        partner = item["origin_country"] if imported else item["destination_country"] or d["trade_country"]
        for view in (("PARTNER", partner), *_views(item["commodity_code"], used)):
            found = sums.get(view)
            if found is None:
                found = sums[view] = [0, 0, 0, 0, charge]
            found[0] += 1
            found[1] += worth
            found[2] += mass
            if view[0] == "USED_CARS" and item["unit"] in VEHICLE_UNITS:
                found[3] += item["quantity"] or 0
            if unconverted:
                found[4] = 1
    declared = (d["trader_province"], d["trader_city"], d["trader_district"], d["trader_zone"])
    areas = list(dict.fromkeys(area for area in declared if area in REFERENCE.areas))
    kept: list[list[Any]] = []
    if statistical:
        kept = [[breakdown, code, *found] for (breakdown, code), found in sums.items()]
        mode = REFERENCE.modes.get((jurisdiction, d["transport_mode"]), "0")
        views = [("CHANNEL", d["channel"]), ("PROCEDURE", procedure), ("MODE", mode), *(("AREA", a) for a in areas)]
        if (jurisdiction, procedure) in REFERENCE.e_commerce:
            views.append(("E_COMMERCE", procedure))
        kept += [[*view, *total] for view in views]
    duties: dict[str, int] = {}
    for duty in d["duties"]:
        duties[duty["kind"]] = duties.get(duty["kind"], 0) + duty["amount"]
    return {
        "flow": flow,
        "jurisdiction": jurisdiction,
        "office": d["declaration_office"],
        "value": total[1],
        "net_mass": net_mass,
        "unconverted": total[4],
        "arrival": d["arrival_time"],
        "trade": kept,
        "duties": duties,
        "permits": [[permit["agency"], permit["state"]] for permit in d["permits"]],
        "trader": d["trader_id"],
        "scopes": list(dict.fromkeys([jurisdiction, *areas])),
        "platform": d["channel"] == "PLATFORM",
    }


def _groups_of(at: tuple[str, date]) -> tuple[Dims, ...]:
    """(group, membership) that a partner is a member of on a day."""
    partner, today = at
    found = []
    for group, rows in REFERENCE.groups.items():
        dates = [(first, last) for country, first, last in rows if country == partner]
        if any(first <= today and (last is None or today <= last) for first, last in dates):
            found.append((group, "DATED"))
        if any(last is None for _, last in dates):
            found.append((group, "CONSTANT"))
    return tuple(found) if partner != "CN" else ()


_GROUPS = Known(_groups_of)
_EPOCH = date(1970, 1, 1)


@lru_cache(10_000)
def _date(day_start: int, zone: str) -> date:
    return datetime.fromtimestamp(day_start // 1000, _ZONES[zone]).date()


def contribute(document: Fields, moment: int, sign: int, post: Post) -> None:
    """Add or take away all that a declaration counts as from a moment (ms) on."""
    place = (document["flow"], document["jurisdiction"])
    zone = REFERENCE.zones[document["jurisdiction"]]
    long = windows(moment, zone)
    if document["trade"]:
        entries = []
        partners = []
        for breakdown, code, items, value, mass, vehicles, unconverted in document["trade"]:
            entries.append(((breakdown, code, *place), (1, items, value, mass, vehicles, unconverted)))
            if breakdown == "PARTNER":
                partners.append((code, items, value, mass, unconverted))
        post("trade", long, entries, sign)
        groups: dict[Dims, list[int]] = {}
        today = _date(long[0][1] or 0, zone)
        for partner, items, value, mass, unconverted in partners:
            for group in _GROUPS[partner, today]:
                found = groups.get(group)
                if found is None:
                    groups[group] = [1, items, value, mass, unconverted]
                else:
                    found[1] += items
                    found[2] += value
                    found[3] += mass
                    found[4] |= unconverted
        if groups:
            scopes = document["scopes"]
            post(
                "trade-with-groups",
                long,
                [((*group, scope, *place), tuple(sums)) for group, sums in groups.items() for scope in scopes],
                sign,
            )
    if document["duties"]:
        post("duties", long, [((kind, *place), (1, amount)) for kind, amount in document["duties"].items()], sign)
    if document["permits"]:
        post("permits", long, [((*permit, *place), (1,)) for permit in document["permits"]], sign)
    trader = document["trader"]
    if trader:
        channels = ("ALL", "PLATFORM") if document["platform"] else ("ALL",)
        entries = [((scope, channel, *place, trader), (1,)) for scope in document["scopes"] for channel in channels]
        post("enterprises", long[1:], entries, sign)


def day_of(days: int) -> date:
    return _EPOCH + timedelta(days)
