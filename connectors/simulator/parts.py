"""What a declaration carries beside its items: charges, rates, containers, house documents, duties, permits."""

from __future__ import annotations

from random import Random
from typing import Any

from connectors.simulator import world
from connectors.simulator.layout import Record

SIZES = ("22G1", "45G1", "42G1", "22R1", None)
USUAL_INSURANCE = 3_000
"""0.3 per cent, scale 4 (rule D11)."""

PERCENT = 10_000
"""Of freight and insurance, scale 4."""


def pick(values: tuple[Any, ...], draw: float) -> Any:
    """One of the values, for a draw from 0 to 1."""
    return values[int(draw * len(values))]


def charge(record: Record, rng: Random) -> None:
    """Declares freight and insurance where the terms call for them (rules D08 to D11), and seldom other charges."""
    due = record["flow"], record["trade_terms"]
    currency = record["items"][0]["currency"]
    if due in world.FREIGHT_DUE:
        mark = pick(world.FREIGHT_MARKS, rng.random())
        amount = 1 + int(rng.random() * (9 * PERCENT if mark == "1" else 300_000 if mark == "2" else 90_000_000))
        _declare(record, "freight", mark, amount, currency)
    if due in world.INSURANCE_DUE:
        if rng.random() < 0.85:
            _declare(record, "insurance", "1", USUAL_INSURANCE, currency)
        else:
            _declare(record, "insurance", "3", 1 + int(rng.random() * 5_000_000), currency)
    if rng.random() < 0.01:
        _declare(record, "other_charges", "3", 1 + int(rng.random() * 2_000_000), currency)


def _declare(record: Record, name: str, mark: str, amount: int, currency: str) -> None:
    record[f"{name}_mark"], record[name] = mark, amount
    record[f"{name}_currency"] = None if mark == "1" else currency


def rates(record: Record) -> list[Record]:
    """A declared rate for every foreign currency of the declaration."""
    used = [item["currency"] for item in record["items"]]
    used += [record["freight_currency"], record["insurance_currency"]]
    wobble = record["declaration_date"] % 7 * 10_000_000
    return [
        {"currency": currency, "rate": world.YUAN[currency] + wobble}
        for currency in dict.fromkeys(used)
        if currency in world.YUAN
    ]


def boxes(numbers: tuple[str, ...], rng: Random) -> list[Record]:
    """Containers with these numbers, most of them sealed."""
    return [_box(number, rng) for number in numbers]


def _box(number: str, rng: Random) -> Record:
    draw = rng.random()
    seals = [] if draw < 0.6 else [f"CN{int(draw * 1e6):06d}"]
    if draw > 0.97:
        seals.append(f"TR{int(draw * 1e6):06d}")
    return {
        "number": number,
        "size_type": pick(SIZES, rng.random()),
        "empty": False,
        "seal_count": len(seals) if draw < 0.9 else None,
        "seals": seals,
    }


def houses(gross_mass: int | None, rng: Random) -> list[Record]:
    """Two house documents that cover the gross mass together, or less than it (rule D19)."""
    mass = gross_mass or 2_000
    part = int(mass * rng.random())
    return [{"number": f"H{part:09d}A", "gross_mass": part}, {"number": f"H{part:09d}B", "gross_mass": mass - part}]


def duties(record: Record, rng: Random) -> list[Record]:
    """Duty and value-added tax on the first item, seldom another one, in yuan."""
    item = record["items"][0]
    base = item["total"] * world.YUAN.get(item["currency"], 10**10) // 10**10
    duty = base * int(100 * rng.random()) // 1_000
    found = [
        {"kind": "DUTY", "item": item["sequence"], "base": base, "amount": duty},
        {"kind": "VAT", "item": item["sequence"], "base": base + duty, "amount": (base + duty) * 13 // 100},
    ]
    if rng.random() < 0.08:
        kind = "CONSUMPTION_TAX" if rng.random() < 0.7 else "ANTI_DUMPING"
        found.append({"kind": kind, "item": None, "base": base, "amount": base // 20})
    return found


def permits(rng: Random) -> list[Record]:
    """A permit, seldom two."""
    return [_permit(rng) for _ in range(1 if rng.random() < 0.9 else 2)]


def _permit(rng: Random) -> Record:
    return {
        "agency": pick(world.AGENCIES, rng.random()),
        "number": f"P{int(rng.random() * 1e9):09d}",
        "state": pick(world.PERMIT_STATES, rng.random()),
    }
