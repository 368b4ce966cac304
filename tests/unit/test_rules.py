"""Every rule has an event that breaks it and nothing else, right up to its edge; and valid events break none."""

import re
from functools import cache
from typing import Any

import polars as pl

import schemas
from processor import reference
from processor.engine import rules as engine
from processor.engine.decode import Decoder
from processor.engine.flow import Prepared
from processor.engine.model import LogRecord, Source
from processor.engine.rules import ERROR, WARNING, Rule
from processor.flows import declarations
from tests.events import Record, at, container, declaration, item, number, raw, status, uscc

APPENDED = at("2025-03-01T12:00+08:00")
CLOCK_SKEW = 15 * 60_000
NAMES = schemas.topic("customs.declarations").values


@cache
def flow() -> tuple[Any, Decoder]:
    versions = {name: schemas.versions(name) for name in NAMES}
    return declarations.flow(reference.load()), Decoder(NAMES, "declaration_number", versions)


def prepared(*records: Record, appended: int = APPENDED) -> Prepared:
    """A batch of events as the flow prepares it for its rules; row n is event n."""
    made, decoder = flow()
    log = [LogRecord(n, appended, *raw(record)[:2]) for n, record in enumerate(records)]
    decoded, dead = decoder.decode(Source(made.topic, 0, 1), log)
    assert not dead
    times = pl.lit(appended, pl.Int64).alias("appended")
    prepared: Prepared = made.prepare({name: part.frame.with_columns(times) for name, part in decoded.items()})
    return prepared


def told(*records: Record, appended: int = APPENDED) -> list[list[tuple[str, str, str]]]:
    """Per event: (rule, severity, pointer) of its findings, in the order they are told."""
    found = engine.by_row(engine.judge(flow()[0].rules, prepared(*records, appended=appended).frames))
    by_row = {row: [(f["rule"], f["severity"], f["pointer"]) for f in told] for row, told in found.iter_rows()}
    return [by_row.get(row, []) for row in range(len(records))]


def korean(**changes: Any) -> Record:
    """A declaration in Korea, where few rules apply."""
    korea: Record = {"jurisdiction": "KR", "declaration_office": "030", "procedure": "11", "trader_id": "KP2ZVU3"}
    return declaration(**{"number": "KR97061800", **korea, **changes})


VALID = (
    declaration(),
    declaration(number(2, flow="EXPORT")),
    declaration(number(3, office="4258", year=2024), declaration_office="4258"),
    declaration(version=9999, revision=9999),
    declaration(trader_id=None),
    declaration(sender_id="x" * 64, event_id=" ~"),
    declaration(gross_mass=None, net_mass=1000),
    declaration(gross_mass=1000, net_mass=None),
    declaration(gross_mass=10**12, net_mass=10**12),
    declaration(transport_mode="3", conveyance="X8051"),
    declaration(transport_mode="3", conveyance="X9999"),
    declaration(containerised=True, containers=[container(n) for n in range(999)]),
    declaration(items=[item(n) for n in range(1, 1000)]),
    declaration(items=[item(total=100_001, unit_price=10_000_000), item(2, total=99_999, unit_price=10_000_000)]),
    declaration(items=[item(total=5, quantity=None), item(2, total=5, unit_price=None), item(3, net_mass=None)]),
    declaration(items=[item(total=10**13, unit_price=None, quantity=10**14, net_mass=10**12), item(2, total=0)]),
    declaration(items=[item(total=0, quantity=None, unit_price=10**14)]),
    declaration(event_time=at("2000-01-01T00:00+00:00")),
    declaration(event_time=APPENDED + CLOCK_SKEW),
    korean(),
    korean(declaration_number="x" * 32),
    korean(items=[item(n, code) for n, code in enumerate(("870380", "8703800", "8703800000"), 1)]),
    korean(net_mass=10**12, gross_mass=0),
    korean(transport_mode="3"),
    status(),
    status("x" * 32, "CANCELLED", version=9999, revision=9999, office="ABCDEFGH"),
    status(event_time=APPENDED + CLOCK_SKEW),
)

BROKEN: tuple[tuple[str, str, Record], ...] = (
    ("D01", "/declaration_number", declaration("42002025100000001")),
    ("D01", "/declaration_number", declaration("42002025100000000A", declaration_date=20_148)),
    ("D01", "/declaration_number", declaration(number(office="4240"))),
    ("D01", "/declaration_number", declaration(number(office="9999"), declaration_office="9999")),
    ("D01", "/declaration_number", declaration(number(year=2024), declaration_date=20_148)),
    ("D02", "/declaration_number", declaration(number(), flow="EXPORT")),
    ("D02", "/declaration_number", declaration(number(flow="EXPORT"), flow="IMPORT")),
    ("D03", "/trader_id", declaration(trader_id="")),
    ("D03", "/trader_id", declaration(trader_id=uscc().lower())),
    ("D03", "/trader_id", declaration(trader_id=uscc()[:17] + ("0" if uscc()[17] != "0" else "1"))),
    ("D05", "/jurisdiction", declaration(jurisdiction="RU")),
    ("D05", "/currency", declaration(currency="DEM")),
    ("D05", "/partner_country", declaration(partner_country="XX")),
    ("D05", "/declaration_office", korean(declaration_office="ABCDEFGHI")),
    ("D05", "/procedure", declaration(procedure="110")),
    ("D05", "/transport_mode", declaration(transport_mode="")),
    ("D05", "/items/1/origin_country", declaration(items=[item(origin_country="")])),
    ("D06", "/net_mass", declaration(net_mass=600_001)),
    ("D06", "/net_mass", declaration(net_mass=999)),
    ("D06", "/net_mass", declaration(gross_mass=999, net_mass=None)),
    ("D16", "/items/1/commodity_code", declaration(items=[item(commodity_code="870380")])),
    ("D16", "/items/1/commodity_code", declaration(items=[item(commodity_code="7700000000")])),
    ("D16", "/items/1/commodity_code", korean(items=[item(commodity_code="87038")])),
    ("D16", "/items/1/commodity_code", korean(items=[item(commodity_code="87038000000")])),
    ("D17", "/items/1/total", declaration(items=[item(total=100_002, unit_price=10_000_000)])),
    ("D17", "/items/1/total", declaration(items=[item(total=99_998, unit_price=10_000_000)])),
    ("D18", "/items", declaration(items=[])),
    ("D18", "/items", declaration(items=[item(1), item(1)])),
    ("D18", "/items", declaration(items=[item(0)])),
    ("C01", "/containers/1", declaration(containerised=True, containers=["CSQU3054384"])),
    ("C01", "/containers/1", declaration(containerised=True, containers=["csqu3054383"])),
    ("C02", "/containers", declaration(containerised=True)),
    ("C02", "/containers", declaration(containers=[container()])),
    ("S01", "/sender_id", declaration(sender_id="")),
    ("S01", "/event_id", declaration(event_id="青")),
    ("S01", "/revision", declaration(revision=10_000)),
    ("S01", "/declaration_number", korean(declaration_number="x" * 33)),
    ("S01", "/version", declaration(version=0)),
    ("S01", "/event_time", declaration(event_time=at("2000-01-01T00:00+00:00") - 1)),
    ("S01", "/sender_id", status(sender_id="x" * 65)),
    ("S01", "/event_id", status(event_id="\n")),
    ("S01", "/revision", status(revision=0)),
    ("S01", "/declaration_number", status("")),
    ("S01", "/version", status(version=10_000, event_id="a")),
    ("S01", "/event_time", status(event_time=0)),
    ("S01", "/office", status(office="qingdao")),
    ("S01", "/gross_mass", declaration(gross_mass=10**12 + 1)),
    ("S01", "/net_mass", korean(net_mass=-1)),
    ("S01", "/items", declaration(items=[item(n) for n in range(1, 1001)])),
    ("S01", "/containers", declaration(containerised=True, containers=[container()] * 1000)),
    ("S01", "/items/1/quantity", declaration(items=[item(quantity=10**14 + 1, unit_price=None)])),
    ("S01", "/items/1/unit_price", declaration(items=[item(unit_price=-1, quantity=None)])),
    ("S01", "/items/1/total", declaration(items=[item(total=10**13 + 1, quantity=None, unit_price=None)])),
    ("S01", "/items/1/net_mass", declaration(items=[item(net_mass=10**12 + 1)])),
    ("W01", "/event_time", declaration(event_time=APPENDED + CLOCK_SKEW + 1)),
    ("W01", "/event_time", status(event_time=APPENDED + CLOCK_SKEW + 1)),
    ("W02", "/conveyance", declaration(transport_mode="3", conveyance=None)),
    ("W02", "/conveyance", declaration(transport_mode="3", conveyance="X7051")),
)


def test_valid_events_break_no_rule() -> None:
    assert told(*VALID) == [[]] * len(VALID)


def test_each_example_breaks_just_its_rule() -> None:
    severities = {rule.id: rule.severity for rule in flow()[0].rules}
    assert told(*(record for *_, record in BROKEN)) == [[(rule, severities[rule], where)] for rule, where, _ in BROKEN]


def test_every_rule_has_an_example() -> None:
    def place(rule: str, pointer: str, record: Record) -> tuple[str, str, str]:
        kind = "status" if "status" in record else "declaration"
        return rule, kind, re.sub(r"/[0-9]+", "/{place}", pointer)

    of_frame = {"item": "declaration", "container": "declaration"}
    every = {(rule.id, of_frame.get(rule.on, rule.on), rule.pointer) for rule in flow()[0].rules}
    assert {place(*example) for example in BROKEN} == every


def test_a_rule_says_what_is_wrong_and_where_it_comes_from() -> None:
    for rule in flow()[0].rules:
        assert re.fullmatch(r"[A-Z][0-9]{2}", rule.id)
        assert rule.severity == (WARNING if rule.id.startswith("W") else ERROR)
        assert rule.text
        assert rule.source


def test_pointers_number_the_items_and_containers_from_one() -> None:
    wrong = declaration(
        containerised=True,
        containers=[container(), "CSQU3054384", container(), ""],
        items=[item(origin_country="XX"), item(2), item(3, "7700000000", origin_country="cn"), item(4, "1")],
    )
    assert told(declaration(), wrong, status())[1] == [
        ("D05", ERROR, "/items/1/origin_country"),
        ("D05", ERROR, "/items/3/origin_country"),
        ("D16", ERROR, "/items/3/commodity_code"),
        ("D16", ERROR, "/items/4/commodity_code"),
        ("C01", ERROR, "/containers/2"),
        ("C01", ERROR, "/containers/4"),
    ]


def test_the_product_of_price_and_quantity_is_exact_beyond_64_bits() -> None:
    largest, most = 2**63 - 1, 10**14
    huge = [item(total=10**13, quantity=most, unit_price=most), item(2, total=largest, quantity=largest, unit_price=1)]
    assert {(rule, where) for rule, _, where in told(declaration(items=huge))[0]} == {
        ("D17", "/items/1/total"),
        ("D17", "/items/2/total"),
        ("S01", "/items/2/quantity"),
        ("S01", "/items/2/total"),
    }


def test_a_code_list_row_counts_from_the_moment_it_was_known() -> None:
    known = at("2020-01-01T00:00+00:00")
    year = declaration(number(year=2020), event_time=known)
    assert told(year, appended=known) == [[]]
    before = told(declaration(event_time=known - 1), appended=known - 1)[0]
    assert before == [("D01", ERROR, "/declaration_number"), ("D05", ERROR, "/jurisdiction")]


LEDGER = pl.DataFrame({"row": [0, 1, 2], "at": [10, 20, 30], "appended": [100, 200, 300], "n": [1, None, -1]})


def rows(rule: Rule) -> list[int]:
    return sorted(engine.judge([rule], {"ledger": LEDGER})["row"].to_list())


def test_null_counts_as_wrong_and_as_not_concerned() -> None:
    positive = pl.col("n") > 0
    assert rows(Rule("X01", "ledger", "/n", "not positive", positive, "own")) == [1, 2]
    assert rows(Rule("X01", "ledger", "/n", "never", pl.lit(False), "own", applies=positive)) == [0]


def test_a_rule_applies_from_its_date_and_never_to_what_came_before_it_was_known() -> None:
    never = pl.lit(False)
    assert rows(Rule("X01", "ledger", "/n", "never", never, "own", effective_from=20)) == [1, 2]
    assert rows(Rule("X01", "ledger", "/n", "never", never, "own", known_from=201)) == [2]
    assert rows(Rule("X01", "ledger", "/n", "never", never, "own", effective_from=30, known_from=100)) == [2]


def test_warnings_do_not_refuse() -> None:
    frames = {"ledger": LEDGER}
    never = pl.lit(False)
    warning = Rule("W99", "ledger", "/n", "never", never, "own", WARNING)
    error = Rule("X01", "ledger", "/n", "never", never, "own", applies=pl.col("row") == 1)
    found = engine.judge([warning, error], frames)
    assert sorted(found["rule"].to_list()) == ["W99", "W99", "W99", "X01"]
    assert engine.refused(found).tolist() == [1]
