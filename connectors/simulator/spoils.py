"""Ways of spoiling a record: each puts something wrong into it and leaves the rest right."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from connectors.simulator import world
from connectors.simulator.layout import Record

Spoil = Callable[[Record, Random], None]
"""Breaks a record in place; its lists and what they hold are shared with others and are replaced."""

YEAR_1999_MS = 915_148_800_000
YEAR_2101_MS = 4_133_980_800_000


def put_one_of(field: str, *values: object) -> Spoil:
    """Puts one of the values into a field."""

    def broken(record: Record, rng: Random) -> None:
        record[field] = rng.choice(values)

    return broken


def put(**fields: object) -> Spoil:
    """Puts values into fields."""

    def broken(record: Record, _: Random) -> None:
        record.update(fields)

    return broken


def in_item(**fields: object) -> Spoil:
    """Puts values into fields of one item."""

    def broken(record: Record, rng: Random) -> None:
        items = list(record["items"])
        place = rng.randrange(len(items))
        items[place] = {**items[place], **fields}
        record["items"] = items

    return broken


def all_of(*spoils: Spoil) -> Spoil:
    def broken(record: Record, rng: Random) -> None:
        for spoil in spoils:
            spoil(record, rng)

    return broken


def code(*codes: str) -> Spoil:
    def broken(record: Record, rng: Random) -> None:
        in_item(commodity_code=rng.choice(codes))(record, rng)

    return broken


def number(change: Callable[[str], str]) -> Spoil:
    def broken(record: Record, _: Random) -> None:
        record["declaration_number"] = change(record["declaration_number"])

    return broken


def other_office(record: Record, rng: Random) -> None:
    record["declaration_office"] = rng.choice(sorted(set(world.OFFICES["CN"]) - {record["declaration_office"]}))


def last_year(record: Record, _: Random) -> None:
    record["declaration_date"] -= 366


def credit_code(change: Callable[[str], str]) -> Spoil:
    """Spoils one of the three unified social credit codes."""

    def broken(record: Record, rng: Random) -> None:
        field = rng.choice(("trader_id", "trader_id", "declarant_id", "owner_id"))
        code = record[field]
        record[field] = change(world.uscc("91370281MA3000000") if code in {None, "NO"} else code)

    return broken


def other_check(code: str) -> str:
    return code[:-1] + ("0" if code[-1] != "0" else "1")


def short_manual(record: Record, _: Random) -> None:
    record["manual"] = (record["manual"] or "E4258")[:5]


def too_heavy(record: Record, rng: Random) -> None:
    record["house_documents"] = ()
    record["net_mass"] = record["gross_mass"] = 999
    if rng.random() < 0.7:
        record["gross_mass"] = 1_000 + rng.randrange(100_000)
        record["net_mass"] = record["gross_mass"] + 1


def weighed(record: Record, _: Random) -> None:
    record["gross_mass"] = record["gross_mass"] or record["net_mass"]


def heavy_houses(record: Record, _: Random) -> None:
    gross = record["gross_mass"] = record["gross_mass"] or record["net_mass"]
    record["house_documents"] = [{"number": "H1", "gross_mass": gross}, {"number": "H2", "gross_mass": 1}]


def charge(name: str, mark: str | None = None, amount: int | None = None, currency: str | None = None) -> Spoil:
    return put(**{f"{name}_mark": mark, name: amount, f"{name}_currency": currency})


def terms(terms: str, left_out: str, *declared: str) -> Spoil:
    """Terms that call for a charge that is left out; the others are declared."""
    spoils = [charge(name, "1", 3_000) for name in declared]
    return all_of(put(trade_terms=terms), charge(left_out), *spoils)


def by_sea(field: str) -> Spoil:
    papers = {"conveyance": "VESSEL 7", "voyage": "007E", "transport_document": "BL7"}
    return put(**{"transport_mode": "2", **papers, field: None})


def gap(record: Record, rng: Random) -> None:
    items = [dict(item) for item in record["items"]]
    items[-1]["sequence"] += rng.choice((1, -1))
    record["items"] = items if rng.random() < 0.8 else []


def box(**fields: Any) -> Spoil:
    """One container more, with one of the values in a field."""
    right = {"number": world.container("COSU123456"), "size_type": None, "empty": True, "seal_count": None, "seals": ()}

    def broken(record: Record, rng: Random) -> None:
        record["containerised"] = True
        record["containers"] = [right, {**right, **{name: rng.choice(values) for name, values in fields.items()}}]

    return broken


def no_box(record: Record, _: Random) -> None:
    record["containerised"] = not record["containerised"]
    if record["containerised"]:
        record["containers"] = []


def crowd(record: Record, _: Random) -> None:
    record["items"] = [{**record["items"][0], "sequence": place} for place in range(1, 1001)]


def nobody(*names: str) -> Spoil:
    """A sender that cannot be: it has sent nothing before."""
    return all_of(put_one_of("sender_id", *names), put(sender_sequence=0))


def in_the_past(record: Record, rng: Random) -> None:
    record["estimated_arrival"] = record["event_time"] - rng.choice((0, 1, 86_400_000))


def earlier(record: Record, _: Random) -> None:
    record["date"] -= 1


def backwards(record: Record, _: Random) -> None:
    record["first_sequence"] = record["last_sequence"] + 1


def counts_of(*steps: str) -> Spoil:
    """A count of each of these steps, and no other."""
    return put(counts=[{"step": step, "events": 1, "value": 0, "net_mass": 0} for step in steps])
