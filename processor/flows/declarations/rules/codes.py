"""D05: every coded field is one of its list, or has its length and pattern."""

from __future__ import annotations

import polars as pl

from processor.engine.rules import ERROR, WARNING, Rule
from processor.flows.declarations.rules.vocabulary import (
    CLIENT,
    CN,
    DISTRICTS,
    ISO_CONTAINERS,
    ISO_COUNTRIES,
    ISO_CURRENCIES,
    MODES,
    OWN,
    PARTS,
    c,
    one_of,
)
from processor.reference import Reference

GAC_MODES = "0123456789GHLTWXYZ"
DUTY_MODES = "123456789"
DUTY_KINDS = ("DUTY", "VAT", "CONSUMPTION_TAX", "ANTI_DUMPING", "OTHER")
WORDS = {
    "functional_reference": ("functional reference", "统一编号"),
    "declaration_office": ("office code", "申报地海关代码"),
    "border_office": ("office code", "进出境关别代码"),
    "procedure": ("supervision mode", "监管方式代码"),
    "duty_regime": ("duty regime", "征免性质代码"),
    "manual": ("number of a manual", "备案号"),
    "trader_district": ("district code", "企业所在区县代码"),
    "trader_city": ("city code", "企业所在城市代码"),
    "trader_province": ("province code", "企业所在省份代码"),
    "transport_mode": ("transport mode", "运输方式代码"),
    "transport_document": ("number of a transport document", "提运单号"),
    "trade_terms": ("trade terms", "成交方式代码"),
    "freight_mark": ("mark of freight", "运费标志"),
    "insurance_mark": ("mark of insurance", "保费标志"),
    "other_charges_mark": ("mark of other charges", "杂费标志"),
    "package_kind": ("kind of packages", "包装种类代码"),
    "unit": ("unit", "成交计量单位代码"),
    "unit_1": ("unit", "第一法定计量单位代码"),
    "unit_2": ("unit", "第二法定计量单位代码"),
    "duty_mode": ("levy", "征免方式代码"),
    "size_type": ("size and type of a container", "集装箱尺寸和类型代码"),
    "kind": ("kind of duty or tax", "税费种类"),
}
"""What a field holds, in English and in Chinese."""


def rules(reference: Reference) -> list[Rule]:
    return [_jurisdiction(), *_of_declarations(), *_of_parts(), *_countries(reference), *_currencies(reference)]


def _jurisdiction() -> Rule:
    return Rule(
        "D05",
        "declaration",
        "/jurisdiction",
        "unknown jurisdiction",
        "未知的关境",
        c("zone_known"),
        "own: the jurisdictions of jurisdictions.csv",
        expected="CN, KR",
    )


def _of_declarations() -> list[Rule]:
    on = "declaration"
    return [
        _pattern(on, "functional_reference", "[0-9A-Z]{18}", "18 digits or capitals", CN, f"{CLIENT}; {OWN}", WARNING),
        _pattern(on, "declaration_office", "[0-9A-Z]{1,8}", "1 to 8 digits or capitals"),
        _pattern(on, "border_office", "[0-9]{4}", "four digits", CN),
        _pattern(on, "procedure", "[0-9]{4}", "four digits", CN),
        _pattern(on, "procedure", "[0-9A-Z]{1,8}", "1 to 8 digits or capitals", ~CN),
        _pattern(on, "duty_regime", "[0-9]{3}", "three digits", CN),
        _pattern(on, "manual", "[0-9A-Z]{12}", "12 digits or capitals", CN),
        _pattern(on, "trader_district", "[0-9]{6}", "six digits", CN, DISTRICTS),
        _pattern(on, "trader_city", "[0-9]{4}", "four digits", CN, DISTRICTS),
        _pattern(on, "trader_province", "[0-9]{2}", "two digits", CN, DISTRICTS),
        _list(on, "transport_mode", tuple(GAC_MODES), "one of " + GAC_MODES, CN, MODES),
        _pattern(on, "transport_mode", "[0-9A-Z]{1,2}", "1 or 2 digits or capitals", ~CN),
        _pattern(on, "transport_document", "[ -~]{1,32}", "1 to 32 printable ASCII", CN),
        _list(on, "trade_terms", tuple("1234567"), "1 to 7", CN),
        _list(on, "freight_mark", tuple("123"), "1 rate, 2 by the tonne, 3 amount", CN),
        _list(on, "insurance_mark", tuple("13"), "1 rate, 3 amount", CN),
        _list(on, "other_charges_mark", tuple("13"), "1 rate, 3 amount", CN),
        _pattern(on, "package_kind", "[0-9A-Z]{2}", "two digits or capitals", CN),
    ]


def _of_parts() -> list[Rule]:
    return [
        *(
            _pattern("item", unit, "[0-9]{3}", "three digits", CN, "GAC list of units of measurement")
            for unit in ("unit", "unit_1", "unit_2")
        ),
        _pattern("container", "size_type", "[0-9A-Z]{4}", "four digits or capitals: 22G1", CN, ISO_CONTAINERS),
        _list("item", "duty_mode", tuple(DUTY_MODES), "1 to 9", CN, f"{CLIENT}; public lists have 8, too"),
        _list("duty", "kind", DUTY_KINDS, ", ".join(DUTY_KINDS), None, "own: the kinds this system counts"),
    ]


def _countries(reference: Reference) -> list[Rule]:
    return [
        Rule(
            "D05",
            on,
            _pointer(on, field),
            "no country of ISO 3166",
            f"{meant}不是ISO 3166国家或地区代码",
            c(field).is_null() | one_of(c(field), reference.countries),
            ISO_COUNTRIES,
            expected="two capitals",
        )
        for on, field, meant in (
            ("declaration", "trade_country", "启运国（运抵国）"),
            ("item", "origin_country", "原产国"),
            ("item", "destination_country", "最终目的国"),
        )
    ]


def _currencies(reference: Reference) -> list[Rule]:
    return [
        Rule(
            "D05",
            on,
            _pointer(on, field),
            "no currency of ISO 4217",
            f"{meant}币制不是ISO 4217货币代码",
            c(field).is_null() | one_of(c(field), reference.currencies),
            ISO_CURRENCIES,
            applies=applies,
            expected="three capitals",
        )
        for on, field, meant, applies in (
            ("declaration", "freight_currency", "运费", CN),
            ("declaration", "insurance_currency", "保费", CN),
            ("declaration", "other_charges_currency", "杂费", CN),
            ("rate", "currency", "汇率", CN),
            ("item", "currency", "成交", None),
        )
    ]


def _pattern(
    on: str,
    field: str,
    pattern: str,
    expected: str,
    applies: pl.Expr | None = None,
    source: str = CLIENT,
    severity: str = ERROR,
) -> Rule:
    holds = c(field).str.contains(f"^{pattern}$").fill_null(value=True)
    return _code(on, field, holds, expected, applies, source, severity)


def _list(
    on: str, field: str, codes: tuple[str, ...], expected: str, applies: pl.Expr | None = None, source: str = CLIENT
) -> Rule:
    return _code(on, field, c(field).is_null() | one_of(c(field), codes), expected, applies, source)


def _code(
    on: str,
    field: str,
    holds: pl.Expr,
    expected: str,
    applies: pl.Expr | None = None,
    source: str = CLIENT,
    severity: str = ERROR,
) -> Rule:
    text, text_zh = WORDS[field]
    pointer = _pointer(on, field)
    return Rule("D05", on, pointer, f"no valid {text}", f"{text_zh}有误", holds, source, severity, applies, expected)


def _pointer(on: str, field: str) -> str:
    return f"{PARTS[on]}/{field}"
