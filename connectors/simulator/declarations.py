"""Makes the records of a declaration: as lodged, as amended, and the steps customs takes with it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from random import Random
from typing import Any

from connectors.simulator import world
from connectors.simulator.goods import Good
from connectors.simulator.messages import STATUSES, Record

DAY_MS = 86_400_000
OFFSET_MS = {"CN": 8 * 3_600_000, "KR": 9 * 3_600_000}
"""Neither territory changes its clocks."""

SERIALS_PER_SEED = 1_000_000
SEEDS = 1_000
"""Declaration numbers of two seeds differ unless the seeds are equal modulo this."""


class Writer:
    """Writes the records of one run. Deterministic for a random generator and a seed."""

    def __init__(self, rng: Random, seed: int) -> None:
        self._rng = rng
        self._serial = seed % SEEDS * SERIALS_PER_SEED
        self._events = 0
        self._traders = world.traders(rng)
        self._containers = world.containers(rng)

    def lodge(self, at: int) -> Record:
        """A new CustomsDeclaration, version 1, lodged at ``at`` (UTC ms)."""
        draw = self._rng.random
        self._serial += 1
        jurisdiction = _pick(world.JURISDICTIONS, draw())
        flow = "EXPORT" if draw() < 0.55 else "IMPORT"
        office = _pick(world.OFFICES[jurisdiction], draw())
        partner = _pick(world.PARTNERS[jurisdiction], draw())
        day = (at + OFFSET_MS[jurisdiction]) // DAY_MS
        trader = int(world.TRADERS * draw() ** 2.5)
        mode = _pick(world.MODES.get(partner, world.MODES_OVERSEAS), draw())
        packed = [] if draw() < 0.25 or mode == "5" else self._boxes()
        record: Record = {
            "sender_id": f"agent-{trader % 240:03d}",
            "event_id": self.event_id(),
            "revision": 1,
            "sent_at": at,
            "declaration_number": self._number(jurisdiction, flow, office, day),
            "version": 1,
            "jurisdiction": jurisdiction,
            "flow": flow,
            "declaration_office": office,
            "declaration_date": day,
            "procedure": _pick(world.PROCEDURES[flow], draw()) if jurisdiction == "CN" else "11",
            "trader_id": self._traders[trader] if jurisdiction == "CN" and draw() < 0.98 else None,
            "partner_country": partner,
            "transport_mode": mode,
            "conveyance": self._conveyance(mode, partner),
            "packages": 1 + int(400 * draw() ** 2),
            "gross_mass": None,
            "net_mass": None,
            "currency": _pick(world.CURRENCIES, draw()),
            "containerised": bool(packed),
            "containers": packed,
            "items": (),
            "synthetic": True,
            "event_time": at,
        }
        record["items"] = [self._item(record, place + 1) for place in range(_pick(world.ITEM_COUNTS, draw()))]
        self._weigh(record)
        return record

    def amend(self, record: Record, at: int) -> Record:
        """The next version of a declaration: other prices, masses or partner, an item more or less."""
        rng = self._rng
        change = rng.random()
        version = record["version"] + 1
        new = {**record, "event_id": self.event_id(), "version": version, "event_time": at, "sent_at": at}
        items: list[Record] = [dict(item) for item in record["items"]]
        if change < 0.55:
            item = rng.choice(items)
            item["unit_price"] = (item["unit_price"] or 10_000) + 1 + int(rng.random() * 50_000)
            _price(item)
        elif change < 0.70:
            items.append(self._item(record, len(items) + 1))
        elif change < 0.80 and len(items) > 1:
            items.pop()
        elif change < 0.90:
            new["partner_country"] = _pick(world.PARTNERS[record["jurisdiction"]], rng.random())
        elif change < 0.95:
            new["currency"] = _pick(world.CURRENCIES, rng.random())
        elif record["jurisdiction"] == "KR":
            new["flow"] = "EXPORT" if record["flow"] == "IMPORT" else "IMPORT"
        new["items"] = items
        self._weigh(new)
        return new

    def step(self, record: Record, kind: str, at: int) -> Record:
        """A DeclarationStatus: the step ``kind`` (ACCEPT, RELEASE ...) for the record's version, taken at ``at``."""
        office = record["declaration_office"]
        return {
            "sender_id": f"customs-{office}",
            "event_id": self.event_id(),
            "revision": 1,
            "sent_at": at,
            "declaration_number": record["declaration_number"],
            "version": record["version"],
            "status": STATUSES[kind],
            "office": office,
            "synthetic": True,
            "event_time": at,
        }

    def event_id(self) -> str:
        """An event id that no other event of this run has."""
        self._events += 1
        return f"E{self._events:09d}"

    def _number(self, jurisdiction: str, flow: str, office: str, day: int) -> str:
        if jurisdiction == "CN":
            return f"{office}{_year(day)}{int(flow == 'IMPORT')}{self._serial:09d}"
        return f"KR{_year(day) % 100}{self._serial:011d}"

    def _boxes(self) -> list[str]:
        draw = self._rng.random
        first = int(draw() * (world.CONTAINERS - 3))
        return list(self._containers[first : first + (1 if draw() < 0.7 else 1 + int(draw() * 3))])

    def _conveyance(self, mode: str, partner: str) -> str | None:
        number = int(self._rng.random() * 1000)
        if mode == "3":
            return f"X{9 if partner in {'KZ', 'UZ', 'KG', 'TJ'} else 8}{number:03d}"
        if mode == "2":
            return f"VESSEL {number % 300}/{number:03d}{'E' if number % 2 else 'W'}"
        return f"MU{number}" if mode == "5" else None

    def _item(self, record: Record, sequence: int) -> Record:
        draw = self._rng.random
        good: Good = _pick(world.GOODS[record["flow"]], draw())
        imported = record["flow"] == "IMPORT"
        units = 1 + int(good.most * draw() ** 2)
        quantity = units * 100_000 if good.unit not in {"070", "035"} else units * 100_000 + int(draw() * 1000) * 100
        rate = world.RATES[record["currency"]]
        item: Record = {
            "sequence": sequence,
            "commodity_code": good.code if record["jurisdiction"] == "CN" else good.code[: 6 + int(draw() * 5)],
            "quantity": quantity,
            "unit": good.unit,
            "unit_price": 1 + int(good.price * (0.8 + 0.4 * draw())) * rate // 1000,
            "total": 0,
            "net_mass": quantity * good.grams // 100_000 if draw() < 0.97 else None,
            "origin_country": record["partner_country"] if imported else record["jurisdiction"],
        }
        _price(item)
        if draw() < 0.02:
            item["quantity" if draw() < 0.5 else "unit_price"] = None
        return item

    def _weigh(self, record: Record) -> None:
        net = max(1_000, sum(item["net_mass"] or 0 for item in record["items"]))
        record["net_mass"] = net
        record["gross_mass"] = net + int(net * 0.15 * self._rng.random()) if self._rng.random() < 0.98 else None


def _pick(values: tuple[Any, ...], draw: float) -> Any:
    return values[int(draw * len(values))]


def _price(item: Record) -> None:
    """Total = quantity x unit price, rounded to a hundredth: scales 5 + 4 - 2."""
    if item["quantity"] is not None:
        item["total"] = (item["quantity"] * item["unit_price"] + 5_000_000) // 10_000_000


@lru_cache(maxsize=64)
def _year(day: int) -> int:
    return date.fromordinal(date(1970, 1, 1).toordinal() + day).year
