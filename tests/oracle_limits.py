"""Rule S01 as the oracle reads it: what this system takes, so that no sum can overflow and no text floods it."""

import re
from collections.abc import Iterator
from typing import Any

from tests.oracle_reference import Reference
from tests.oracle_value import goods_of, worth
from tests.oracle_windows import FIRST_MOMENT, LAST_MOMENT

Fields = dict[str, Any]

MONEY, WORTH, MASS, QUANTITY, PARTS, SEALS, TEXT = 10**13, 10**14, 10**12, 10**14, 999, 99, 512
ITEM_RANGES = {
    "total": (0, MONEY),
    "net_mass": (0, MASS),
    "quantity": (0, QUANTITY),
    "quantity_1": (0, QUANTITY),
    "quantity_2": (0, QUANTITY),
    "unit_price": (0, QUANTITY),
}
PART_RANGES = {
    "items": ITEM_RANGES,
    "exchange_rates": {"rate": (1, 10**13)},
    "duties": {"base": (0, MONEY), "amount": (0, MONEY)},
    "house_documents": {"gross_mass": (0, MASS)},
}
HEADER_RANGES = {
    "gross_mass": (0, MASS),
    "net_mass": (0, MASS),
    "freight": (0, MONEY),
    "insurance": (0, MONEY),
    "other_charges": (-MONEY, MONEY),
}
HEADER_TEXTS = {"contract": TEXT, "remark": TEXT}
ARRAYS = ("items", "containers", "house_documents", "exchange_rates", "duties", "permits")


def outside(value: int | None, low: int, high: int) -> bool:
    return value is not None and not low <= value <= high


def s01_declaration(d: Fields, reference: Reference) -> Iterator[str]:
    yield from _envelope(d)
    yield from _number(d, "declaration_number")
    yield from (f"/{name}" for name, bounds in HEADER_RANGES.items() if outside(d[name], *bounds))
    if outside(worth(d, reference).value, -WORTH, WORTH):
        yield "/freight"
    masses = (item["net_mass"] or 0 for item in d["items"])
    if outside(sum(max(-(10**15), min(10**15, mass)) for mass in masses), -10 * MASS, 10 * MASS):
        yield "/net_mass"
    yield from (f"/{name}" for name in ARRAYS if len(d[name]) > PARTS)
    yield from (f"/{name}" for name, most in HEADER_TEXTS.items() if len(d[name] or "") > most)
    if not re.fullmatch("[ -~]{0,64}", d["trader_id"] or ""):
        yield "/trader_id"
    for array, ranges in PART_RANGES.items():
        for place, part in enumerate(d[array], 1):
            yield from (f"/{array}/{place}/{name}" for name, at in ranges.items() if outside(part[name], *at))
    for place, item in enumerate(d["items"], 1):
        if outside(goods_of(d, item, reference), 0, MONEY) and not outside(item["total"], 0, MONEY):
            yield f"/items/{place}/total"
        yield from (f"/items/{place}/{name}" for name in ("description", "model") if len(item[name] or "") > TEXT)
    yield from (f"/containers/{n}/seals" for n, c in enumerate(d["containers"], 1) if len(c["seals"]) > SEALS)
    agencies = enumerate((permit["agency"] for permit in d["permits"]), 1)
    yield from (f"/permits/{n}/agency" for n, agency in agencies if not re.fullmatch("[ -~]{1,32}", agency))


def s01_status(d: Fields, _: Reference) -> Iterator[str]:
    yield from _envelope(d)
    yield from _number(d, "declaration_number")
    if not re.fullmatch("[0-9A-Z]{1,8}", d["office"]):
        yield "/office"


def s01_control(d: Fields, _: Reference) -> Iterator[str]:
    yield from _envelope(d)
    if outside(d["date"], FIRST_MOMENT // 86_400_000, LAST_MOMENT // 86_400_000):
        yield "/date"
    if outside(d["last_sequence"], 0, 10**15):
        yield "/last_sequence"
    if len(d["counts"]) > PARTS:
        yield "/counts"
    for place, count in enumerate(d["counts"], 1):
        numbers = ("events", "value", "net_mass")
        yield from (f"/counts/{place}/{name}" for name in numbers if outside(count[name], 0, 10**15))


def _envelope(d: Fields) -> Iterator[str]:
    yield from (f"/{number}" for number in ("version", "revision") if outside(d[number], 1, 9999))
    yield from (f"/{name}" for name in ("sender_id", "event_id") if not re.fullmatch("[ -~]{1,64}", d[name]))
    if outside(d["sender_sequence"], 0, 10**15):
        yield "/sender_sequence"
    yield from (f"/{moment}" for moment in ("sent_at", "event_time") if outside(d[moment], FIRST_MOMENT, LAST_MOMENT))


def _number(d: Fields, name: str) -> Iterator[str]:
    if not re.fullmatch("[ -~]{1,32}", d[name]):
        yield f"/{name}"
