"""S01: the ranges this system takes, so that no sum of trade overflows and no code is longer than a code is."""

from __future__ import annotations

import polars as pl

from processor.engine.rules import Rule
from processor.flows.declarations.rules.vocabulary import EARLIEST_DAY, IDENTIFIER, LATEST_DAY, PARTS, SYSTEM, c, within

MAX_TOTAL = 10**13
"""Scale 2: a hundred thousand million."""
MAX_WORTH = 10**14
"""Scale 2, of a declaration: 90,000 such fit into one counter."""
MAX_MASS = 10**12
"""Grams."""
MAX_MASSES = 10**13
"""Grams, of a declaration's items: 900,000 such fit into one counter."""
MAX_AMOUNT = 10**14
"""Quantity at scale 5, unit price at scale 4."""
MAX_CHARGE = 10**13
"""Scale 4."""
MAX_RATE = 10**13
"""Scale 10: 1,000 yuan for one unit."""
MAX_SEQUENCE = 10**15
MAX_COUNTED = 10**15
MAX_PARTS = 999
MAX_SEALS = 99
MAX_TEXT = 512
"""Characters."""
DAY_MS = 86_400_000
DAYS = "2000-01-01 to 2100-01-01"

ARRAYS = ("items", "containers", "house_documents", "exchange_rates", "duties", "permits")


def rules() -> list[Rule]:
    return [*_of_every_event(), *_of_declarations(), *_of_items(), *_of_parts(), *_of_controls()]


def _of_every_event() -> list[Rule]:
    return [
        rule
        for on in ("declaration", "status", "control")
        for rule in (
            _s01(on, "sender_id", c("sender_id").str.contains(IDENTIFIER), "1 to 64 printable ASCII"),
            _s01(on, "event_id", c("event_id").str.contains(IDENTIFIER), "1 to 64 printable ASCII"),
            _s01(on, "revision", c("revision").is_between(1, 9999), "1 to 9999"),
            _s01(on, "sender_sequence", within("sender_sequence", MAX_SEQUENCE), "0 to 10^15"),
            _s01(on, "version", c("version").is_between(1, 9999), "1 to 9999"),
            *(
                _s01(on, moment, c(moment).is_between(EARLIEST_DAY * DAY_MS, LATEST_DAY * DAY_MS), DAYS)
                for moment in ("sent_at", "event_time")
            ),
        )
    ]


def _of_declarations() -> list[Rule]:
    on = "declaration"
    number = c("declaration_number").str.contains(r"^[ -~]{1,32}$")
    return [
        _s01(on, "declaration_number", number, "1 to 32 printable ASCII"),
        _s01("status", "declaration_number", number, "1 to 32 printable ASCII"),
        _s01("status", "office", c("office").str.contains(r"^[0-9A-Z]{1,8}$"), "1 to 8 digits or capitals"),
        _s01(
            on,
            "trader_id",
            c("trader_id").is_null() | c("trader_id").str.contains(r"^[ -~]{0,64}$"),
            "at most 64 printable ASCII",
        ),
        _text(on, "contract"),
        _text(on, "remark"),
        _s01(on, "gross_mass", within("gross_mass", MAX_MASS), "0 to 10^12 g"),
        _s01(on, "net_mass", within("net_mass", MAX_MASS), "0 to 10^12 g"),
        *(_s01(on, charge, within(charge, MAX_CHARGE), "0 to 10^9") for charge in ("freight", "insurance")),
        _s01(on, "other_charges", within("other_charges", MAX_CHARGE, -MAX_CHARGE), "-10^9 to 10^9"),
        _s01(on, "freight", c("worth").is_between(-MAX_WORTH, MAX_WORTH), "goods and charges: 10^12 yuan at most"),
        _s01(on, "net_mass", c("items_net_mass").is_between(-MAX_MASSES, MAX_MASSES), "of the items: 10^13 g at most"),
        *(_s01(on, parts, c(parts).list.len() <= MAX_PARTS, f"at most {MAX_PARTS}") for parts in ARRAYS),
    ]


def _of_items() -> list[Rule]:
    on = "item"
    return [
        _s01(on, "quantity", within("quantity", MAX_AMOUNT), "0 to 10^9"),
        _s01(on, "quantity_1", within("quantity_1", MAX_AMOUNT), "0 to 10^9"),
        _s01(on, "quantity_2", within("quantity_2", MAX_AMOUNT), "0 to 10^9"),
        _s01(on, "unit_price", within("unit_price", MAX_AMOUNT), "0 to 10^10"),
        _s01(
            on,
            "total",
            within("total", MAX_TOTAL) & within("goods", MAX_TOTAL),
            "0 to 10^11, in its currency and in yuan",
        ),
        _s01(on, "net_mass", within("net_mass", MAX_MASS), "0 to 10^12 g"),
        _text(on, "description"),
        _text(on, "model"),
    ]


def _of_parts() -> list[Rule]:
    return [
        _s01("container", "seals", c("seals").list.len() <= MAX_SEALS, f"at most {MAX_SEALS}"),
        _s01("house", "gross_mass", within("gross_mass", MAX_MASS), "0 to 10^12 g"),
        _s01("rate", "rate", within("rate", MAX_RATE, 1), "more than 0, at most 1000"),
        _s01("duty", "base", within("base", MAX_TOTAL), "0 to 10^11"),
        _s01("duty", "amount", within("amount", MAX_TOTAL), "0 to 10^11"),
        _s01("permit", "agency", c("agency").str.contains(r"^[ -~]{1,32}$"), "1 to 32 printable ASCII"),
    ]


def _of_controls() -> list[Rule]:
    on = "control"
    return [
        _s01(on, "date", within("date", LATEST_DAY, EARLIEST_DAY), DAYS),
        _s01(on, "last_sequence", within("last_sequence", MAX_SEQUENCE), "0 to 10^15"),
        _s01(on, "counts", c("counts").list.len() <= MAX_PARTS, f"at most {MAX_PARTS}"),
        *(_s01("count", sum_, within(sum_, MAX_COUNTED), "0 to 10^15") for sum_ in ("events", "value", "net_mass")),
    ]


def _text(on: str, field: str) -> Rule:
    return _s01(on, field, _at_most(MAX_TEXT, field), f"at most {MAX_TEXT} characters")


def _at_most(most: int, field: str) -> pl.Expr:
    return (c(field).str.len_chars() <= most).fill_null(value=True)


def _s01(on: str, field: str, holds: pl.Expr, expected: str) -> Rule:
    return Rule(
        "S01",
        on,
        f"{PARTS[on]}/{field}",
        "out of the range this system takes",
        "超出本系统可接受的范围",
        holds,
        SYSTEM,
        expected=expected,
    )
