"""What declarations add to the counters of trade: the codes they have in every breakdown and group."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from operator import add, sub

from connectors.simulator.ledger import codes
from connectors.simulator.ledger.sums import Dimensions, Entry, Sums
from connectors.simulator.ledger.valuation import Document, Line, Profile
from connectors.simulator.ledger.windows import date_of

Alike = tuple[int, Profile, str | None]
"""(first instant of the day, ms; profile; partner of all items, None for several)."""

Measures = tuple[int, int, int, int, int]
"""declarations, items, value, net mass, unconverted."""


class Trade:
    """Keeps ``trade`` and ``trade-with-groups``. Declarations that are alike are added up; their codes are looked up
    when the figures are asked for.
    """

    def __init__(self) -> None:
        self._alike: dict[Alike, tuple[int, ...]] = {}
        self._parts = Sums()

    def count(self, document: Document, day: int, sign: int) -> None:
        """A declaration has come to count on a day, or (sign -1) no longer does."""
        lines = document.lines
        partner: str | None = lines[0].partner
        if len(lines) > 1 and any(line.partner != partner for line in lines):
            partner = None
        alike = day, document.profile, partner
        total = self._alike.get(alike, (0, 0, 0, 0, 0))
        measures = 1, len(lines), document.value, document.net_mass, document.unconverted
        self._alike[alike] = tuple(map(add if sign > 0 else sub, total, measures))
        change = self._parts.add if sign > 0 else self._parts.take
        change("trade", day, _parts(document))
        if partner is None:
            change("trade", day, _partners(document))
            change(
                "trade-with-groups", day, _groups(document, date_of(codes.ZONES[document.profile.jurisdiction], day))
            )

    def add_to(self, sums: Sums) -> None:
        """Adds both counters to ``sums``."""
        sums.add_all(self._parts)
        for (day, profile, partner), measures in self._alike.items():
            declarations, items, value, mass, unconverted = measures
            whole = declarations, items, value, mass, 0, unconverted
            sums.add("trade", day, [(dimensions, whole) for dimensions in _of_whole(profile, partner)])
            if partner is not None:
                today = date_of(codes.ZONES[profile.jurisdiction], day)
                groups = _in_groups(partner, today, profile.areas, profile.flow, profile.jurisdiction)
                sums.add("trade-with-groups", day, [(dimensions, measures) for dimensions in groups])


def _parts(document: Document) -> list[Entry]:
    """The codes of the items in ``trade``: (breakdown, code, flow, jurisdiction), (declarations, items, value, net
    mass, quantity, unconverted).
    """
    profile, lines = document.profile, document.lines
    parts: dict[Dimensions, list[int]] = {}
    for line in lines:
        is_car = line.used_cars is not None
        for dimensions in _of_line(line.code[:6], profile.flow, profile.jurisdiction, is_car):
            part = parts.get(dimensions)
            if part is None:
                part = parts[dimensions] = [1, 0, 0, 0, 0, 0]
            _put(part, line)
            if is_car and dimensions[0] == USED_CARS:
                part[4] += line.used_cars or 0
    return [(dimensions, tuple(part)) for dimensions, part in parts.items()]


def _partners(document: Document) -> list[Entry]:
    """The partners of the items in ``trade``."""
    profile = document.profile
    parts: dict[Dimensions, list[int]] = {}
    for line in document.lines:
        dimensions = "PARTNER", line.partner, profile.flow, profile.jurisdiction
        _put(parts.setdefault(dimensions, [1, 0, 0, 0, 0, 0]), line)
    return [(dimensions, tuple(part)) for dimensions, part in parts.items()]


def _groups(document: Document, day: date) -> list[Entry]:
    """The groups of the items' partners in ``trade-with-groups``: (group, membership, area, flow, jurisdiction)."""
    profile = document.profile
    parts: dict[Dimensions, list[int]] = {}
    for line in document.lines:
        for dimensions in _in_groups(line.partner, day, profile.areas, profile.flow, profile.jurisdiction):
            _put(parts.setdefault(dimensions, [1, 0, 0, 0, 0, 0]), line)
    return [(dimensions, (*part[:4], part[5])) for dimensions, part in parts.items()]


def _put(part: list[int], line: Line) -> None:
    part[1] += 1
    part[2] += line.value
    part[3] += line.net_mass
    part[5] |= line.unconverted


USED_CARS = "USED_CARS"


@lru_cache(maxsize=1 << 14)
def _of_whole(profile: Profile, partner: str | None) -> list[Dimensions]:
    found = [("TOTAL", "ALL"), *(("AREA", area) for area in profile.areas)]
    found += [("CHANNEL", profile.channel), ("PROCEDURE", profile.procedure), ("MODE", profile.mode)]
    if profile.is_e_commerce:
        found.append(("E_COMMERCE", profile.procedure))
    if partner is not None:
        found.append(("PARTNER", partner))
    return [(*code, profile.flow, profile.jurisdiction) for code in found]


@lru_cache(maxsize=1 << 14)
def _of_line(subheading: str, flow: str, jurisdiction: str, is_used_car: bool) -> list[Dimensions]:
    chapter, heading = subheading[:2], subheading[:4]
    found = [("CHAPTER", chapter), ("SECTION", codes.SECTIONS[chapter])]
    if heading in codes.HEADINGS:
        found.append(("HEADING", heading))
    if subheading in codes.NEW_THREE:
        found.append(("NEW_THREE", codes.NEW_THREE[subheading]))
    if is_used_car:
        found.append((USED_CARS, "ALL"))
    return [(*code, flow, jurisdiction) for code in found]


@lru_cache(maxsize=1 << 14)
def _in_groups(partner: str, day: date, areas: tuple[str, ...], flow: str, jurisdiction: str) -> list[Dimensions]:
    groups, places = codes.memberships(partner, day), (jurisdiction, *areas)
    return [(*group, area, flow, jurisdiction) for group in groups for area in places]
