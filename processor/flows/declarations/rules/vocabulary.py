"""What rules are written in: columns, conditions that recur, and sources."""

from __future__ import annotations

import polars as pl

c = pl.col
CN, KR = c("jurisdiction") == "CN", c("jurisdiction") == "KR"
IMPORT, EXPORT = c("flow") == "IMPORT", c("flow") == "EXPORT"

CLIENT = "a China Single Window client: form and tips"
NORM = "GAC form-filling norm"
MODES = "GAC transport-mode list"
TECHNICAL = "NCTS phase 5 technical specification"
ISO_COUNTRIES = "ISO 3166-1, as pycountry lists it"
ISO_CURRENCIES = "ISO 4217, as pycountry lists it"
ISO_CONTAINERS = "ISO 6346"
DISTRICTS = "GB/T 2260"
OWN = "own"
SYSTEM = "own: a limit of this system"

IDENTIFIER = r"^[ -~]{1,64}$"
"""Of senders and events."""

EARLIEST_DAY, LATEST_DAY = 10_957, 47_482
"""2000-01-01 and 2100-01-01, days since 1970."""

PARTS = {
    "declaration": "",
    "status": "",
    "control": "",
    "item": "/items/{place}",
    "container": "/containers/{place}",
    "house": "/house_documents/{place}",
    "rate": "/exchange_rates/{place}",
    "duty": "/duties/{place}",
    "permit": "/permits/{place}",
    "count": "/counts/{place}",
}
"""Frames that rules are evaluated on, and where their fields are in the record."""


def one_of(value: pl.Expr, codes: pl.Series | tuple[str, ...]) -> pl.Expr:
    """Membership in a code list: an Enum keeps its hash table, ``is_in`` would build one for every batch."""
    return value.cast(pl.Enum(list(codes)), strict=False).is_not_null()


def named(field: str) -> pl.Expr:
    """Neither null nor empty."""
    return c(field).is_not_null() & (c(field) != "")


def within(field: str, most: int, least: int = 0) -> pl.Expr:
    """Null, or from ``least`` to ``most``."""
    return c(field).is_between(least, most).fill_null(value=True)
