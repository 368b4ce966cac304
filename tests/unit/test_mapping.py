"""A mapping file turns rows into events exactly, and never invents a value."""

from typing import Any

import pytest

from connectors import mapping
from connectors.records import RecordError, canonical, decode, encode
from tests.korea_recount import minor_units

ROW = {
    "Declaration ID": "97061800",
    "Date": "2020-01-01",
    "Office ID": "30",
    "Import Type": "11",
    "Mode of Transport": "10",
    "Declarant ID": "ZZR1LT6",
    "Importer ID": "QLRUBN9",
    "HS6 Code": "440890",
    "Country of Departure": "BE",
    "Country of Origin": "NO",
    "Net Mass": "108.5",
    "Item Price": "241.58000000000004",
}


def status(**fields: Any) -> dict[str, Any]:
    """A mapping to a status whose fields are constants unless said otherwise."""
    constants: dict[str, Any] = {
        "sender_id": "S",
        "event_id": "E",
        "revision": 1,
        "sender_sequence": 0,
        "declaration_number": "N",
        "version": 1,
        "status": "RELEASED",
        "lane": "UNASSIGNED",
        "office": "30",
        "synthetic": True,
        "event_time": 0,
    }
    return {"record": "DeclarationStatus", "fields": {n: {"constant": v} for n, v in constants.items()} | fields}


def mapped(field: str, spec: dict[str, Any], text: str) -> Any:
    events = mapping.compile_mapping(status(**{field: {"column": "X", **spec}})).events
    return events[0].values({"X": text}, {})[field]


def test_a_korean_row_becomes_a_declaration_and_two_synthetic_statuses() -> None:
    korea = mapping.load(mapping.find("korea-import"))
    first = canonical("CustomsDeclaration", {"sent_at": 0, **korea.events[0].values(ROW, {})})
    rest = [canonical(e.record, {"sent_at": 0, **e.values(ROW, first)}) for e in korea.events[1:]]
    nine_in_seoul = 1_577_836_800_000  # 2020-01-01T00:00Z
    nothing = {name: [] for name in ("exchange_rates", "containers", "house_documents", "duties", "permits")}
    told = {name: value for name, value in first.items() if value is not None}
    assert told == nothing | {
        "sender_id": "kcs-cdd",
        "event_id": "KR-97061800",
        "revision": 1,
        "sent_at": 0,
        "sender_sequence": 0,
        "declaration_number": "KR97061800",
        "version": 1,
        "jurisdiction": "KR",
        "flow": "IMPORT",
        "channel": "OTHER",
        "declaration_office": "30",
        "declaration_date": 18262,
        "procedure": "11",
        "declarant_id": "ZZR1LT6",
        "trader_id": "QLRUBN9",
        "trade_country": "BE",
        "transport_mode": "10",
        "net_mass": 108_500,
        "used_goods": False,
        "risk_lane": "UNASSIGNED",
        "containerised": False,
        "items": first["items"],
        "synthetic": True,
        "event_time": nine_in_seoul,
    }
    (item,) = first["items"]
    assert {name: value for name, value in item.items() if value is not None} == {
        "sequence": 1,
        "commodity_code": "440890",
        "total": 24_158,
        "currency": "KRW",
        "net_mass": 108_500,
        "origin_country": "NO",
    }
    assert {r["lane"] for r in rest} == {"UNASSIGNED"}
    assert [(r["event_id"], r["status"], r["office"], r["synthetic"], r["event_time"]) for r in rest] == [
        ("KR-97061800-ACCEPTED", "ACCEPTED", "30", True, nine_in_seoul + 3_600_000),
        ("KR-97061800-RELEASED", "RELEASED", "30", True, nine_in_seoul + 7_200_000),
    ]
    assert decode(encode("CustomsDeclaration", first).value) == first


def test_a_mass_finer_than_a_gram_refuses_the_row_and_names_the_field() -> None:
    korea = mapping.load(mapping.find("korea-import"))
    values = {"sent_at": 0, **korea.events[0].values(ROW | {"Net Mass": "0.0005"}, {})}
    with pytest.raises(RecordError, match=r"/net_mass: '0.0005' has more than 3 decimals"):
        canonical("CustomsDeclaration", values)


@pytest.mark.parametrize(
    ("spec", "text", "expected"),
    [
        ({"strip": True}, "  a b ", "a b"),
        ({"null_if": ["", "-"]}, "-", None),
        ({"null_if": ["-"], "prefix": "KR"}, "-", None),
        ({"lookup": {"1": "IMPORT"}}, "1", "IMPORT"),
        ({"strip": True, "lookup": {"no": "NO"}}, " no", "NO"),
        ({"integer": True}, "-12", -12),
        ({"decimal": {"shift": 3}}, "1.25", "1250"),
        ({"decimal": {"digits": 15}}, "83.39999999999998", "83.4000000000000"),
        ({"decimal": {"digits": 15}}, "125.55", "125.55"),
        ({"decimal": {}}, "1e3", "1000"),
        ({"date": "%d.%m.%Y"}, "31.12.2020", "2020-12-31"),
        ({"moment": {"at": "09:00", "zone": "Asia/Seoul"}}, "2020-12-31", "2020-12-31T09:00:00+09:00"),
        ({"moment": {"date": "%Y%m%d", "at": "23:30", "zone": "UTC"}}, "20201231", "2020-12-31T23:30:00+00:00"),
        ({"prefix": "a", "suffix": "z"}, "m", "amz"),
    ],
)
def test_each_step_does_what_its_line_in_the_table_says(spec: dict[str, Any], text: str, expected: Any) -> None:
    assert mapped("office", spec, text) == expected


@pytest.mark.parametrize(
    ("spec", "text", "why"),
    [
        ({"lookup": {"1": "IMPORT"}}, "2", "lookup table"),
        ({"integer": True}, "\uff11", "not an integer"),
        ({"integer": True}, "1.0", "not an integer"),
        ({"decimal": {}}, "NaN", "out of range"),
        ({"decimal": {}}, "1e999", "out of range"),
        ({"decimal": {}}, "12,5", "not a decimal number"),
        ({"date": "%Y-%m-%d"}, "2020-02-30", "not a date"),
        ({"moment": {"at": "09:00", "zone": "Asia/Seoul"}}, "", "not a date"),
    ],
)
def test_a_text_a_step_cannot_take_refuses_the_row(spec: dict[str, Any], text: str, why: str) -> None:
    with pytest.raises(RecordError, match=f"/office: .*{why}"):
        mapped("office", spec, text)


@pytest.mark.parametrize(
    ("described", "why"),
    [
        ([], "a table of names was expected"),
        ({"record": "Receipt", "fields": {}}, "not an event of customs.declarations"),
        ({"record": "DeclarationStatus", "fields": {}}, "declaration_number.* missing"),
        (status(offices={"constant": 1}), "unknown offices"),
        (status(office={"column": "A", "constant": "B"}), "exactly one of column, constant, field"),
        (status(office={"column": "A", "round": 2}), "unknown round"),
        (status(office={"field": "event_id"}), "only `then` can refer"),
        (status(office={"column": "A", "lookup": {False: "NO"}}), "must be quoted"),
        (status(office={"column": "A", "moment": {"at": 540, "zone": "Asia/Seoul"}}), "a quoted time"),
        (status(office={"column": "A", "moment": {"at": "09:00", "zone": "Asia/Soul"}}), "IANA zone"),
        (status() | {"then": [{"record": "DeclarationStatus"}]}, "then/0: fields missing"),
    ],
)
def test_a_mapping_that_cannot_work_says_where_and_why(described: Any, why: str) -> None:
    with pytest.raises(mapping.MappingError, match=why):
        mapping.compile_mapping(described)


def test_a_table_without_a_needed_column_is_refused_before_its_rows() -> None:
    with pytest.raises(mapping.MappingError, match="no column 'X'; it has A, B"):
        mapping.compile_mapping(status(office={"column": "X"})).check({"A": 0, "B": 1})


def test_an_unknown_mapping_names_the_shipped_ones() -> None:
    with pytest.raises(mapping.MappingError, match=r"shipped are: .*korea-import"):
        mapping.find("atlantis-import")


def test_fifteen_digits_are_the_price_the_recount_finds() -> None:
    for text in ("241.58000000000004", "124104.96000000002", "1720.1899999999994", "7045681618.1", "0.0"):
        made = canonical(
            "CustomsDeclaration",
            {
                "sent_at": 0,
                **mapping.load(mapping.find("korea-import")).events[0].values(ROW | {"Item Price": text}, {}),
            },
        )
        assert made["items"][0]["total"] == minor_units(text)
