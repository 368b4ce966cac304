"""Makes the items of a declaration, prices them, and moves them to another partner."""

from __future__ import annotations

from random import Random

from connectors.simulator import world
from connectors.simulator.goods import Good
from connectors.simulator.layout import Record
from connectors.simulator.parts import pick


def item(record: Record, sequence: int, currency: str, rng: Random) -> Record:
    """A new item of a declaration, priced in ``currency``."""
    draw = rng.random
    imported = record["flow"] == "IMPORT"
    good: Good = pick(world.GOODS[record["flow"]], draw())
    units = 1 + int(good.most * draw() ** 2)
    quantity = units * 100_000 if good.unit not in {"070", "035"} else units * 100_000 + int(draw() * 1000) * 100
    told = draw()
    made: Record = {
        "sequence": sequence,
        "commodity_code": good.code if record["jurisdiction"] == "CN" else good.code[: 6 + int(draw() * 5)],
        "description": good.name if told < 0.12 else None,
        "model": "as contracted" if told < 0.01 else None,
        "quantity": quantity,
        "unit": good.unit,
        "quantity_1": None,
        "unit_1": None,
        "quantity_2": None,
        "unit_2": None,
        "net_mass": quantity * good.grams // 100_000 if draw() < 0.97 else None,
        "unit_price": 1 + int(good.price * (0.8 + 0.4 * draw())) * world.RATES[currency] // 1000,
        "total": 0,
        "currency": currency,
        "origin_country": record["trade_country"] if imported else record["jurisdiction"],
        "destination_country": None if imported or told < 0.7 else record["trade_country"],
        "duty_mode": "1" if told < 0.6 else None,
    }
    price(made)
    if told > 0.75:
        made["quantity_1"], made["unit_1"] = quantity * good.grams // 1_000, "035"
    if told > 0.98:
        made["quantity_2"], made["unit_2"] = units * 100_000, "007"
    if draw() < 0.02:
        made["quantity" if draw() < 0.5 else "unit_price"] = None
    return made


def redirect(record: Record, partner: str) -> None:
    """Makes another country the partner of all items."""
    record["trade_country"] = partner
    for item in record["items"]:
        if record["flow"] == "IMPORT":
            item["origin_country"] = partner
        else:
            item["destination_country"] = None


def price(item: Record) -> None:
    """Total = quantity x unit price, rounded to a hundredth: scales 5 + 4 - 2."""
    if item["quantity"] is not None:
        item["total"] = (item["quantity"] * item["unit_price"] + 5_000_000) // 10_000_000
