"""The rules of the declarations flow, as data. Sources: the letters of the domain reference, see docs in README."""

from __future__ import annotations

import polars as pl

from processor.engine.rules import WARNING, Rule
from processor.reference import Reference

c = pl.col
CN, KR = c("jurisdiction") == "CN", c("jurisdiction") == "KR"

MAX_TOTAL = 10**13
"""Scale 2: a hundred thousand million. 900,000 such items fit into one counter."""
MAX_MASS = 10**12
"""Grams."""
MAX_AMOUNT = 10**14
"""Quantity at scale 5, unit price at scale 4."""
MAX_PARTS = 999
EARLIEST, LATEST = 946_684_800_000, 4_102_444_800_000
"""2000-01-01 and 2100-01-01 UTC, ms."""
CLOCK_SKEW_MS = 15 * 60_000
GAC = "A: China Single Window form"
OWN = "own: a limit of this system"


def rules(reference: Reference) -> tuple[Rule, ...]:
    """All rules, in the order findings are reported in."""
    return (*_declaration(reference), *_items(reference), *_containers(), *_limits(), *_warnings())


def _declaration(reference: Reference) -> list[Rule]:
    number, year = c("declaration_number"), pl.from_epoch("declaration_date", time_unit="d").dt.year()
    on = "declaration"
    return [
        Rule(
            "D01",
            on,
            "/declaration_number",
            "not 18 digits of a known office, the year of declaration and a sequence",
            number.str.contains(r"^[0-9]{18}$")
            & (number.str.slice(0, 4) == c("declaration_office"))
            & c("office_known")
            & (number.str.slice(4, 4) == year.cast(pl.String).str.zfill(4)),
            "B: GAC form-filling norm",
            applies=CN,
            expected="office (4), year (4), flow (1), sequence (9)",
        ),
        Rule(
            "D02",
            on,
            "/declaration_number",
            "the ninth digit does not agree with the flow",
            number.str.slice(8, 1) == pl.when(c("flow") == "IMPORT").then(pl.lit("1")).otherwise(pl.lit("0")),
            "B: GAC form-filling norm",
            applies=CN & (number.str.len_chars() >= 9),
            expected="1 for import, 0 for export",
        ),
        Rule(
            "D03",
            on,
            "/trader_id",
            "no valid unified social credit code",
            c("trader_id").is_null() | c("trader_id_valid"),
            "GB 32100-2015, as python-stdnum checks it",
            applies=CN,
            expected="18 characters without I, O, S, V, Z; mod-31 check",
        ),
        _d05("/jurisdiction", "unknown jurisdiction", c("zone_known"), "CN, KR"),
        _d05("/currency", "no currency of ISO 4217", _is_one_of(c("currency"), reference.currencies)),
        _d05("/partner_country", "no country of ISO 3166", _is_one_of(c("partner_country"), reference.countries)),
        _d05("/declaration_office", "no office code", c("declaration_office").str.contains(r"^[0-9A-Z]{1,8}$")),
        _d05("/procedure", "no supervision mode", c("procedure").str.contains(r"^[0-9]{4}$"), "four digits", CN),
        _d05("/transport_mode", "no transport mode", c("transport_mode").str.contains(r"^[0-9A-Z]{1,2}$")),
        Rule(
            "D06",
            on,
            "/net_mass",
            "net mass exceeds gross mass, or a mass is below 1 kg",
            (c("net_mass") <= c("gross_mass")).fill_null(value=True)
            & (c("net_mass") >= 1000).fill_null(value=True)
            & (c("gross_mass") >= 1000).fill_null(value=True),
            GAC + "; F R0223",
            applies=CN,
            expected="net <= gross; below 1 kg declare 1 kg",
        ),
    ]


def _is_one_of(value: pl.Expr, codes: pl.Series) -> pl.Expr:
    """Membership in a code list: an Enum keeps its hash table, ``is_in`` would build one for every batch."""
    return value.cast(pl.Enum(codes), strict=False).is_not_null()


def _d05(pointer: str, text: str, holds: pl.Expr, expected: str = "", applies: pl.Expr | None = None) -> Rule:
    return Rule("D05", "declaration", pointer, text, holds, GAC, applies=applies, expected=expected)


def _items(reference: Reference) -> list[Rule]:
    code = c("commodity_code")
    exact = c("unit_price").cast(pl.Int128) * c("quantity").cast(pl.Int128)
    # total has scale 2, price x quantity scale 9: one cent is 10**7
    off = (c("total").cast(pl.Int128) * 10**7 - exact).abs()
    return [
        Rule(
            "D05",
            "item",
            "/items/{place}/origin_country",
            "no country of ISO 3166",
            _is_one_of(c("origin_country"), reference.countries),
            GAC,
        ),
        Rule(
            "D16",
            "item",
            "/items/{place}/commodity_code",
            "no commodity code of HS 2022",
            pl.when(CN)
            .then(code.str.contains(r"^[0-9]{10}$"))
            .when(KR)
            .then(code.str.contains(r"^[0-9]{6,10}$"))
            .otherwise(pl.lit(value=True))
            & _is_one_of(code.str.slice(0, 6), reference.subheadings),
            "W; HS 2022",
            expected="CN: 10 digits; KR: 6 to 10; the first six a subheading of HS 2022",
        ),
        Rule(
            "D17",
            "item",
            "/items/{place}/total",
            "total is not unit price times quantity",
            c("unit_price").is_null() | c("quantity").is_null() | (off <= 10**7),
            GAC,
            expected="equal within 0.01",
        ),
        Rule(
            "D18",
            "declaration",
            "/items",
            "items are not numbered 1 to n without gaps",
            c("items_in_order").fill_null(value=False),
            "F R0007",
            expected="1, 2, ... n; one item at least",
        ),
    ]


def _containers() -> list[Rule]:
    return [
        Rule(
            "C01",
            "container",
            "/containers/{place}",
            "no container number with a right check digit",
            c("valid"),
            "ISO 6346; F R0028",
            expected="owner (4 letters), serial (6), check digit; upper case",
        ),
        Rule(
            "C02",
            "declaration",
            "/containers",
            "the container flag and the containers disagree",
            c("containerised") == (c("containers").list.len() > 0),
            "F C0055",
            expected="containerised exactly when a container is named",
        ),
    ]


def _limits() -> list[Rule]:
    both = [
        rule
        for on in ("declaration", "status")
        for rule in (
            _s01(on, "/sender_id", c("sender_id").str.contains(r"^[ -~]{1,64}$"), "1 to 64 printable ASCII"),
            _s01(on, "/event_id", c("event_id").str.contains(r"^[ -~]{1,64}$"), "1 to 64 printable ASCII"),
            _s01(on, "/revision", c("revision").is_between(1, 9999), "1 to 9999"),
            _s01(on, "/declaration_number", c("declaration_number").str.contains(r"^[ -~]{1,32}$"), "1 to 32 ASCII"),
            _s01(on, "/version", c("version").is_between(1, 9999), "1 to 9999"),
            _s01(on, "/event_time", c("at").is_between(EARLIEST, LATEST), "2000-01-01 to 2100-01-01"),
        )
    ]
    return [
        *both,
        _s01("status", "/office", c("office").str.contains(r"^[0-9A-Z]{1,8}$"), "1 to 8 digits or capitals"),
        _s01("declaration", "/gross_mass", _within("gross_mass", MAX_MASS), "0 to 10^12 g"),
        _s01("declaration", "/net_mass", _within("net_mass", MAX_MASS), "0 to 10^12 g"),
        _s01("declaration", "/items", c("items").list.len() <= MAX_PARTS, "at most 999"),
        _s01("declaration", "/containers", c("containers").list.len() <= MAX_PARTS, "at most 999"),
        _s01("item", "/items/{place}/quantity", _within("quantity", MAX_AMOUNT), "0 to 10^9"),
        _s01("item", "/items/{place}/unit_price", _within("unit_price", MAX_AMOUNT), "0 to 10^10"),
        _s01("item", "/items/{place}/total", _within("total", MAX_TOTAL), "0 to 10^11"),
        _s01("item", "/items/{place}/net_mass", _within("net_mass", MAX_MASS), "0 to 10^12 g"),
    ]


def _s01(on: str, pointer: str, holds: pl.Expr, expected: str) -> Rule:
    return Rule("S01", on, pointer, "out of the range this system takes", holds, OWN, expected=expected)


def _within(name: str, most: int) -> pl.Expr:
    return c(name).is_null() | c(name).is_between(0, most)


def _warnings() -> list[Rule]:
    skew = [
        Rule(
            "W01",
            on,
            "/event_time",
            "lies in the future of the broker's clock: check yours",
            c("at") <= c("appended") + CLOCK_SKEW_MS,
            "own",
            WARNING,
        )
        for on in ("declaration", "status")
    ]
    train = Rule(
        "W02",
        "declaration",
        "/conveyance",
        "no train number of the China-Europe (X8...) or Central Asia (X9...) lines",
        c("conveyance").str.contains(r"^X[89][0-9]{3}$"),
        "own",
        WARNING,
        applies=CN & (c("transport_mode") == "3"),
    )
    return [*skew, train]
