"""What the oracle counts: the entries that a step, a declaration, a control record and an answer make in the counters.

An entry is one row of one counter before windows. Stage entries stay; entries of a contribution go with it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from tests.oracle_reference import Reference
from tests.oracle_value import Worth, worth
from tests.oracle_windows import local

Fields = dict[str, Any]
Dims = tuple[str, ...]

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LONG = ("DAY", "MONTH", "YEAR", "ALL_TIME")
WINDOWS_OF = {
    "declarations-by-stage": ("MINUTE", *LONG),
    "trade": LONG,
    "trade-with-groups": LONG,
    "duties": LONG,
    "permits": LONG,
    "enterprises": LONG[1:],
    "lanes": LONG,
    "clearance-times": ("DAY", "ALL_TIME"),
    "answers": LONG,
    "rule-hits": LONG,
    "sender-control": LONG[:1],
}
SENDERS_ZONE = "Asia/Shanghai"
"""Where the days of answers, rule hits and control records are cut."""

NEW_THREE = {
    "870380": "ELECTRIC_VEHICLES",
    "870360": "ELECTRIC_VEHICLES",
    "854142": "SOLAR_CELLS",
    "854143": "SOLAR_CELLS",
    "850760": "LITHIUM_BATTERIES",
}
SECTIONS = (
    ("I", 1, 5),
    ("II", 6, 14),
    ("III", 15, 15),
    ("IV", 16, 24),
    ("V", 25, 27),
    ("VI", 28, 38),
    ("VII", 39, 40),
    ("VIII", 41, 43),
    ("IX", 44, 46),
    ("X", 47, 49),
    ("XI", 50, 63),
    ("XII", 64, 67),
    ("XIII", 68, 70),
    ("XIV", 71, 71),
    ("XV", 72, 83),
    ("XVI", 84, 85),
    ("XVII", 86, 89),
    ("XVIII", 90, 92),
    ("XIX", 93, 93),
    ("XX", 94, 96),
    ("XXI", 97, 97),
)
"""Section, first and last chapter, of the Harmonized System 2022."""

CARS = "8703"
VEHICLE_UNITS = {"001", "003"}


class Entry(NamedTuple):
    """One row for a counter: added in every window of the counter. `trader`: of enterprises, who is counted."""

    counter: str
    dims: Dims
    measures: tuple[int, ...]
    trader: str | None = None


def section(chapter: str) -> str:
    """The HS section (I to XXI) of a chapter of two digits."""
    return next(name for name, first, last in SECTIONS if first <= int(chapter) <= last)


@dataclass(frozen=True)
class Document:
    """A declaration as it counts: its fields and, by the tables, what follows from them."""

    fields: Fields
    reference: Reference

    @cached_property
    def worth(self) -> Worth:
        return worth(self.fields, self.reference)

    @property
    def place(self) -> Dims:
        """(flow, jurisdiction), the last dimensions of every counter of declarations."""
        return self.fields["flow"], self.fields["jurisdiction"]

    @property
    def zone(self) -> str:
        return self.reference.zones[self.fields["jurisdiction"]]

    @property
    def statistical(self) -> bool:
        return (self.fields["jurisdiction"], self.fields["procedure"]) not in self.reference.outside_statistics

    @property
    def areas(self) -> list[str]:
        """The watched areas its trader is registered in, the widest first."""
        declared = (self.fields[f"trader_{level}"] for level in ("province", "city", "district", "zone"))
        return list(dict.fromkeys(area for area in declared if area in self.reference.areas))

    @property
    def scopes(self) -> list[str]:
        """Its jurisdiction, and the watched areas."""
        return list(dict.fromkeys([self.fields["jurisdiction"], *self.areas]))

    @property
    def net_mass(self) -> int:
        return sum(item["net_mass"] or 0 for item in self.fields["items"])

    def partner(self, item: Fields) -> str:
        """Origin of an import, final destination of an export."""
        if self.fields["flow"] == "IMPORT":
            return str(item["origin_country"])
        return str(item["destination_country"] or self.fields["trade_country"])

    def part(self, places: Iterable[int]) -> tuple[int, int, int, int]:
        """(items, value, net mass, unconverted) of the items at these places."""
        chosen = list(places)
        return (
            len(chosen),
            sum(self.worth.values[n] for n in chosen),
            sum(self.fields["items"][n]["net_mass"] or 0 for n in chosen),
            int(self.worth.unconverted_charge or any(self.worth.unconverted_items[n] for n in chosen)),
        )


def stage_entries(document: Document, stage: str, lane: str) -> Iterator[Entry]:
    """What a step adds, whatever becomes of the declaration: by stage, and its lane when it is accepted."""
    office, measures = document.fields["declaration_office"], (1, document.worth.value, document.net_mass)
    by_stage = (stage, office, *document.place)
    yield Entry("declarations-by-stage", by_stage, (*measures, int(document.worth.unconverted)))
    if stage == "ACCEPTED":
        yield Entry("lanes", (lane, office, *document.place), (1,))


def clearance_entries(document: Document, released: int, lodged: int, accepted: int, lane: str) -> Iterator[Entry]:
    """How long a release took, from lodging and from acceptance; times in ms."""
    arrives = document.fields["arrival_time"]
    arrival = "PRE_ARRIVAL" if arrives is not None and arrives > lodged else "ARRIVED"
    for interval, since in (("LODGED_TO_RELEASED", lodged), ("ACCEPTED_TO_RELEASED", accepted)):
        seconds = max(0, (released - since) // 1000)
        dims = (interval, arrival, lane, bucket(seconds), document.fields["declaration_office"], *document.place)
        yield Entry("clearance-times", dims, (1, seconds))


def bucket(seconds: int) -> str:
    """The first second that lies above: each of the first sixteen by itself, then sixteen for every doubling."""
    width = 1
    while seconds >= 32 * width:
        width *= 2
    return str((seconds // width + 1) * width)


def contribution_entries(document: Document, moment: int) -> Iterator[Entry]:
    """All that a declaration counts as from `moment` (ms) on."""
    d, place = document.fields, document.place
    if document.statistical:
        yield from _trade(document)
        yield from _groups(document, moment)
    for kind in dict.fromkeys(duty["kind"] for duty in d["duties"]):
        amount = sum(duty["amount"] for duty in d["duties"] if duty["kind"] == kind)
        yield Entry("duties", (kind, *place), (1, amount))
    for permit in d["permits"]:
        yield Entry("permits", (permit["agency"], permit["state"], *place), (1,))
    if d["trader_id"]:
        for area in document.scopes:
            for channel in ("ALL", "PLATFORM") if d["channel"] == "PLATFORM" else ("ALL",):
                yield Entry("enterprises", (area, channel, *place), (1,), d["trader_id"])


def _trade(document: Document) -> Iterator[Entry]:
    d = document.fields
    parts: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for n, item in enumerate(d["items"]):
        for view in _views_of_item(document, item):
            parts[view].append(n)
        for view in _views_of_declaration(document):
            parts[view].append(n)
    for (breakdown, code), places in parts.items():
        items, value, net_mass, unconverted = document.part(places)
        vehicles = sum(_vehicles(d["items"][n]) for n in places) if breakdown == "USED_CARS" else 0
        measures = (1, items, value, net_mass, vehicles, unconverted)
        yield Entry("trade", (breakdown, code, *document.place), measures)


def _views_of_item(document: Document, item: Fields) -> Iterator[tuple[str, str]]:
    code = item["commodity_code"]
    yield "TOTAL", "ALL"
    yield "PARTNER", document.partner(item)
    yield "CHAPTER", code[:2]
    yield "SECTION", section(code[:2])
    if code[:4] in document.reference.headings:
        yield "HEADING", code[:4]
    if code[:6] in NEW_THREE:
        yield "NEW_THREE", NEW_THREE[code[:6]]
    if document.fields["used_goods"] and code[:4] == CARS:
        yield "USED_CARS", "ALL"


def _views_of_declaration(document: Document) -> Iterator[tuple[str, str]]:
    d, reference = document.fields, document.reference
    yield from (("AREA", area) for area in document.areas)
    yield "CHANNEL", d["channel"]
    yield "PROCEDURE", d["procedure"]
    yield "MODE", reference.modes.get((d["jurisdiction"], d["transport_mode"]), "0")
    if (d["jurisdiction"], d["procedure"]) in reference.e_commerce:
        yield "E_COMMERCE", d["procedure"]


def _vehicles(item: Fields) -> int:
    return (item["quantity"] or 0) if item["unit"] in VEHICLE_UNITS else 0


def _groups(document: Document, moment: int) -> Iterator[Entry]:
    today = local(moment, document.zone).date()
    partners = [document.partner(item) for item in document.fields["items"]]
    for group, rows in document.reference.groups.items():
        dated = {country for country, first, last in rows if first <= today and (last is None or today <= last)}
        constant = {country for country, _, last in rows if last is None}
        for membership, members in (("DATED", dated), ("CONSTANT", constant)):
            places = [n for n, partner in enumerate(partners) if partner in members and partner != "CN"]
            if places:
                measures = (1, *document.part(places))
                for area in document.scopes:
                    yield Entry("trade-with-groups", (group, membership, area, *document.place), measures)


def control_moment(control: Fields) -> int:
    """A moment (ms) of the day a control record is about: its noon in China."""
    return int(control["date"]) * DAY_MS + 4 * HOUR_MS


def control_entries(control: Fields) -> Iterator[Entry]:
    """What a sender says it has sent on a day."""
    sender, first, last = control["sender_id"], control["first_sequence"], control["last_sequence"]
    numbered = last - first + 1 if first or last else 0
    yield Entry("sender-control", (sender, "SEQUENCES"), (0, numbered, 0, 0, 0, 0))
    for count in control["counts"]:
        measures = (0, count["events"], 0, count["value"], 0, count["net_mass"])
        yield Entry("sender-control", (sender, count["step"]), measures)


def sender_of(fields: Fields) -> str:
    """Who is counted as the sender; "?" for one whose name S01 refuses."""
    return fields["sender_id"] if re.fullmatch("[ -~]{1,64}", fields["sender_id"]) else "?"


def received_entries(record: str, fields: Fields, outcome: str, stage: str) -> Iterator[Entry]:
    """What has come of a sender, to be held against its control record of the day; `stage`: of the event's kind."""
    sender = sender_of(fields)
    if fields["sender_sequence"] > 0 and outcome != "DUPLICATE":
        yield Entry("sender-control", (sender, "SEQUENCES"), (1, 0, 0, 0, 0, 0))
    if record != "ControlRecord" and outcome in {"ACCEPTED", "ACCEPTED_WITH_WARNINGS", "PARKED"}:
        declared = record == "CustomsDeclaration"
        value = sum(item["total"] for item in fields["items"]) if declared else 0
        net_mass = (fields["net_mass"] or 0) if declared else 0
        yield Entry("sender-control", (sender, stage), (1, 0, value, 0, net_mass, 0))


def answer_entries(record: str, fields: Fields, outcome: str, findings: Iterable[tuple[str, str, str]]) -> list[Entry]:
    """What a receipt adds: the answer itself, and the rules it names."""
    first = int(fields["revision"] == 1)
    answer = Entry("answers", (sender_of(fields), record, outcome), (1, first))
    hits: defaultdict[tuple[str, str], int] = defaultdict(int)
    for rule, severity, _ in findings:
        hits[rule, severity] += 1
    return [answer, *(Entry("rule-hits", (*named, record), (times, 1)) for named, times in hits.items())]
