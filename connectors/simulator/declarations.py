"""Makes the records of a declaration: as lodged, as amended, and the steps customs takes with it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from random import Random

from connectors.simulator import items, parts, ways, world
from connectors.simulator.layout import Record
from connectors.simulator.messages import STATUSES
from connectors.simulator.parts import pick

DAY_MS = 86_400_000
OFFSET_MS = {"CN": 8 * 3_600_000, "KR": 9 * 3_600_000}
"""Neither territory changes its clocks."""

SERIALS_PER_SEED = 1_000_000
SEEDS = 1_000
"""Declaration numbers and senders of two seeds differ unless the seeds are equal modulo this."""

UNNAMED = 0.02
"""Of the Chinese declarations: their trader is not named."""

CONTAINERISED = 0.75
DECLARED_RATES = 0.5
DUTIABLE = 0.45
"""Of the Chinese imports."""

MIXED_PARTNERS = 0.08
MIXED_CURRENCIES = 0.02
"""Of the declarations with several items."""

FULL_ITEMS = 5
DESCRIBED = (
    "as contracted: brand, type and model as on the plate; material and composition as in the maker's certificate; "
    "use, processing and packing as in the list enclosed with the invoice"
)
"""What full declarations say of each item."""

USED_CARS = 0.25
"""Of the exports of cars."""

ONE_PACKAGE = {"00", "01"}
"""Bulk and bare (rule D07)."""

WATER, RAIL, AIR = {"2", "10"}, {"3", "20"}, {"5", "40"}
"""Modes of transport, Chinese and Korean."""

CENTRAL_ASIA = {"KZ", "UZ", "KG", "TJ"}
"""Where trains X9... go."""


class Writer:
    """Writes the records of one run. Deterministic for a random generator and a seed.

    ``sender_sequence`` None: the event is numbered when it is sent. ``full``: declarations of FULL_ITEMS, described.
    """

    def __init__(self, rng: Random, seed: int, *, full: bool = False) -> None:
        self._rng, self._full = rng, full
        self._run = seed % SEEDS
        self._serial = self._run * SERIALS_PER_SEED
        self._events = 0
        self._ways = ways.ways(rng)
        self._parties = ways.parties(rng, self._run)
        self._containers = world.containers(rng)

    def lodge(self, at: int) -> Record:
        """A new CustomsDeclaration, version 1, lodged at ``at`` (UTC ms)."""
        draw = self._rng.random
        self._serial += 1
        record: Record = pick(self._ways, draw()).copy()
        chinese = record["jurisdiction"] == "CN"
        if chinese:
            record.update(self._parties[int(world.TRADERS * draw() ** 2.5)])
            if draw() < UNNAMED:
                record.update(ways.NOBODY)
        else:
            record["sender_id"] = f"kr-agent-{self._serial % 6}.{self._run}"
        day = (at + OFFSET_MS[record["jurisdiction"]]) // DAY_MS
        record["event_id"] = self.event_id()
        record["sent_at"] = record["event_time"] = at
        record["declaration_date"] = day
        record["declaration_number"] = self._number(record, day)
        record["channel"] = "PLATFORM" if draw() < (0.8 if record["trader_zone"] else 0.35) else "OTHER"
        record["packages"] = 1 if record["package_kind"] in ONE_PACKAGE else 1 + int(400 * draw() ** 2)
        self._transport(record, at)
        self._papers(record)
        self._goods(record)
        self._weigh(record)
        return record

    def amend(self, record: Record, at: int) -> Record:
        """The next version of a declaration: other prices, masses, partner or currency, an item more or less."""
        rng = self._rng
        change = rng.random()
        version = record["version"] + 1
        new = {**record, "event_id": self.event_id(), "version": version, "event_time": at, "sent_at": at}
        goods: list[Record] = [dict(item) for item in record["items"]]
        new["items"] = goods
        if change < 0.55:
            item = rng.choice(goods)
            item["unit_price"] = (item["unit_price"] or 10_000) + 1 + int(rng.random() * 50_000)
            items.price(item)
        elif change < 0.70:
            goods.append(items.item(record, len(goods) + 1, goods[0]["currency"], rng))
        elif change < 0.80 and len(goods) > 1:
            goods.pop()
        elif change < 0.90:
            items.redirect(new, pick(world.PARTNERS[record["jurisdiction"]], rng.random()))
        elif change < 0.95:
            currency = pick(world.CURRENCIES, rng.random())
            for item in goods:
                item["currency"] = currency
        elif record["jurisdiction"] == "KR":
            new["flow"] = "EXPORT" if record["flow"] == "IMPORT" else "IMPORT"
        self._weigh(new)
        return new

    def step(self, record: Record, kind: str, lane: str, at: int) -> Record:
        """A DeclarationStatus: the step ``kind`` (ACCEPT, RELEASE ...) for the record's version, taken at ``at``.

        Acceptance assigns the lane; what is inspected is in the red one.
        """
        office, arrival = record["declaration_office"], record["arrival_time"]
        return {
            "sender_id": f"customs-{office}.{self._run}",
            "event_id": self.event_id(),
            "revision": 1,
            "sent_at": at,
            "sender_sequence": None if record["jurisdiction"] == "CN" else 0,
            "declaration_number": record["declaration_number"],
            "version": record["version"],
            "status": STATUSES[kind],
            "lane": lane if kind == "ACCEPT" else "RED" if kind == "INSPECT" else "UNASSIGNED",
            "office": office,
            "estimated_arrival": arrival if kind == "RELEASE" and arrival is not None and arrival > at else None,
            "synthetic": True,
            "event_time": at,
        }

    def event_id(self) -> str:
        """An event id that no other event of this run has."""
        self._events += 1
        return f"E{self._events:09d}"

    def _number(self, record: Record, day: int) -> str:
        if record["jurisdiction"] == "CN":
            flow = "1" if record["flow"] == "IMPORT" else "0"
            return f"{record['declaration_office']}{_year(day)}{flow}{self._serial:09d}"
        return f"KR{_year(day) % 100}{self._serial:011d}"

    def _transport(self, record: Record, at: int) -> None:
        """By what and in what the goods come or go, and when they arrive."""
        draw, mode = self._rng.random, record["transport_mode"]
        number = int(draw() * 1000)
        if mode in RAIL:
            record["conveyance"] = f"X{9 if record['trade_country'] in CENTRAL_ASIA else 8}{number:03d}"
        elif mode in WATER:
            record["conveyance"] = f"VESSEL {number % 300}"
            record["voyage"] = f"{number % 200:03d}{'E' if number % 2 else 'W'}"
            record["transport_document"] = f"BL{self._serial:09d}"
        elif mode in AIR:
            record["conveyance"] = f"MU{number}"
        if mode not in AIR and draw() < CONTAINERISED:
            first = int(draw() * (world.CONTAINERS - 3))
            last = first + (1 if number < 800 else 1 + number % 3)
            record["containerised"] = True
            record["containers"] = parts.boxes(self._containers[first:last], self._rng)
        arrived = draw()
        if arrived > 0.35:
            record["arrival_time"] = at + int((arrived - 0.8) * 5 * DAY_MS)
            if number < 300:
                record["movement_date"] = record["declaration_date"] + number % 5 - 2

    def _papers(self, record: Record) -> None:
        """Numbers and remarks that some declarations give."""
        given, serial = self._rng.random(), self._serial
        if given < 0.1:
            record["functional_reference"] = f"{record['flow'][0]}2026{serial:013d}"
        elif given < 0.25:
            record["contract"] = f"QD-{serial % 100_000:05d}"
        elif given < 0.27:
            record["risk_lane"] = pick(world.LANES, self._rng.random())
        elif given < 0.5 and record["trader_id"] is not None:
            record["owner_id"] = record["trader_id"] if given < 0.48 else "NO"
        if record["procedure"] in world.MANUALS:
            record["manual"] = f"{world.MANUALS[record['procedure']]}4258{serial % 10_000_000:07d}"
            if record["procedure"] == "0214" and record["flow"] == "EXPORT":
                record["remark"] = f"processing fee CNY {100 * (1 + serial % 400)}"

    def _items(self, record: Record, currency: str) -> list[Record]:
        count = pick(world.ITEM_COUNTS, self._rng.random())
        places = range(1, (FULL_ITEMS if self._full else count) + 1)
        made = [items.item(record, place, currency, self._rng) for place in places]
        for item in made if self._full else ():
            item["description"] = f"{item['commodity_code']} {DESCRIBED}"
        return made

    def _goods(self, record: Record) -> None:
        """The items, and what depends on them: charges, rates, duties, permits, house documents."""
        rng, imported = self._rng, record["flow"] == "IMPORT"
        currency = pick(world.CURRENCIES, rng.random())
        goods = record["items"] = self._items(record, currency)
        if len(goods) > 1:
            mixed = rng.random()
            if mixed < MIXED_PARTNERS:
                other = pick(world.PARTNERS[record["jurisdiction"]], rng.random())
                goods[-1]["origin_country" if imported else "destination_country"] = other
            elif mixed > 1 - MIXED_CURRENCIES:
                goods[-1]["currency"] = "USD"
        if not imported and goods[0]["commodity_code"].startswith("8703"):
            record["used_goods"] = rng.random() < USED_CARS
        parts.charge(record, rng)
        if record["jurisdiction"] == "CN":
            if rng.random() < DECLARED_RATES:
                record["exchange_rates"] = parts.rates(record)
            if imported and rng.random() < DUTIABLE:
                record["duties"] = parts.duties(record, rng)
        rare = rng.random()
        if rare < 0.06:
            record["permits"] = parts.permits(rng)
        elif rare < 0.09:
            record["house_documents"] = parts.houses(None, rng)

    def _weigh(self, record: Record) -> None:
        net = max(1_000, sum([item["net_mass"] or 0 for item in record["items"]]))
        record["net_mass"] = net
        told = self._rng.random() < 0.98 or record["freight_mark"] == "2"  # by the tonne of it (rule D10)
        record["gross_mass"] = net + int(net * 0.15 * self._rng.random()) if told else None
        if record["house_documents"]:
            record["house_documents"] = parts.houses(record["gross_mass"], self._rng)


@lru_cache(maxsize=64)
def _year(day: int) -> int:
    return date.fromordinal(date(1970, 1, 1).toordinal() + day).year
