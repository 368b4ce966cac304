"""Rules of a declaration as a whole: its number, its parties, its masses, its procedure."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processor.engine.rules import WARNING, Rule
from processor.flows.declarations import checks
from processor.flows.declarations.rules.vocabulary import (
    CLIENT,
    CN,
    EXPORT,
    IMPORT,
    NORM,
    TECHNICAL,
    c,
    named,
    one_of,
)

ON = "declaration"
CREDIT_CODE = "18 characters without I, O, S, V, Z; mod-31 check"
KILOGRAM = 1000
BULK, BARE = "00", "01"
TO_CHINA_ONLY = ("0654", "0657", "1427")
DUTY_REGIMES = {"101": ("0110", "3339"), "299": ("1300", "1427", "4561")}
MANUALS = {
    "B": ("0214", "0255"),
    "C": ("0615", "0654"),
    "E": ("0214", "0255", "0615", "0654"),
    "H": ("5014",),
}
PROCESSING = ("0214", "0255", "0615", "0654", "5014")


def rules() -> list[Rule]:
    return [*_number(), *_parties(), *_measures(), *_transport(), *_procedure(), *_parts()]


def _number() -> list[Rule]:
    number, year = c("declaration_number"), pl.from_epoch("declaration_date", time_unit="d").dt.year()
    return [
        Rule(
            "D01",
            ON,
            "/declaration_number",
            "not 18 digits of the office, the year of declaration and a sequence",
            "报关单号不是由申报地海关代码、申报年份及流水号组成的18位数字",
            number.str.contains(r"^[0-9]{18}$")
            & (number.str.slice(0, 4) == c("declaration_office"))
            & (number.str.slice(4, 4) == year.cast(pl.String).str.zfill(4)),
            NORM,
            applies=CN,
            expected="office (4), year (4), flow (1), sequence (9)",
        ),
        Rule(
            "D01",
            ON,
            "/declaration_office",
            "an office that our list does not have",
            "申报地海关代码不在本系统的关区代码表中",
            c("office_known"),
            f"{NORM}; public lists disagree",
            WARNING,
            applies=CN & c("declaration_office").str.contains(r"^[0-9]{4}$"),
            expected="a code of offices.csv",
        ),
        Rule(
            "D02",
            ON,
            "/declaration_number",
            "the ninth digit does not agree with the flow",
            "报关单号第九位与进出口标志不符",
            number.str.slice(8, 1) == pl.when(IMPORT).then(pl.lit("1")).otherwise(pl.lit("0")),
            NORM,
            applies=CN & (number.str.len_chars() >= 9),
            expected="1 for import, 0 for export",
        ),
    ]


def _parties() -> list[Rule]:
    parties = [
        Rule(
            "D03",
            ON,
            f"/{party}",
            "no valid unified social credit code",
            "统一社会信用代码无效",
            c(party).is_null() | excepted | c(party).map_batches(checks.social_credit_codes, pl.Boolean),
            "GB 32100-2015",
            applies=CN,
            expected=expected,
        )
        for party, excepted, expected in (
            ("trader_id", pl.lit(value=False), CREDIT_CODE),
            ("declarant_id", pl.lit(value=False), CREDIT_CODE),
            ("owner_id", c("owner_id") == "NO", f"{CREDIT_CODE}; or NO"),
        )
    ]
    code = Rule(
        "D04",
        ON,
        "/trader_code",
        "no customs registration code of a trader",
        "海关注册编码格式有误",
        c("trader_code").is_null() | c("trader_code").str.contains(r"^[0-9]{4}[0-9A-Z]{6}$"),
        f"{CLIENT}; GAC registration code rules",
        applies=CN,
        expected="10 characters: district (4 digits), zone, ownership, serial (4)",
    )
    return [*parties, code]


def _measures() -> list[Rule]:
    net, gross, packages = c("net_mass"), c("gross_mass"), c("packages")
    house = c("house_documents").list.eval(pl.element().struct.field("gross_mass").cast(pl.Int128))
    return [
        Rule(
            "D06",
            ON,
            "/net_mass",
            "net mass exceeds gross mass, or a mass is below 1 kg",
            "净重大于毛重，或重量不足1千克",
            (net <= gross).fill_null(value=True)
            & (net >= KILOGRAM).fill_null(value=True)
            & (gross >= KILOGRAM).fill_null(value=True),
            f"{CLIENT}; {TECHNICAL}, R0223",
            applies=CN,
            expected="net <= gross; below 1 kg declare 1 kg",
        ),
        Rule(
            "D07",
            ON,
            "/packages",
            "no packages, or bulk or bare goods in more than one",
            "件数小于1，或散装、裸装货物件数不为1",
            packages.is_null()
            | (packages == 1)
            | ((packages > 1) & ~one_of(c("package_kind"), (BULK, BARE)).fill_null(value=False)),
            CLIENT,
            applies=CN,
            expected="at least 1; package kind 00 (bulk) or 01 (bare): 1",
        ),
        Rule(
            "D19",
            ON,
            "/gross_mass",
            "the house documents weigh more than the declaration",
            "分运单毛重合计大于报关单毛重",
            house.list.sum() <= gross.cast(pl.Int128),
            f"{TECHNICAL}, R0983",
            applies=CN & gross.is_not_null(),
            expected="at least the sum of the house documents' gross masses",
        ),
    ]


def _transport() -> list[Rule]:
    return [
        Rule(
            "D12",
            ON,
            f"/{field}",
            f"transport by water without its {meant}",
            f"水路运输未填报{meant_zh}",
            named(field),
            CLIENT,
            applies=CN & (c("transport_mode") == "2"),
            expected="transport by water names vessel, voyage and bill of lading",
        )
        for field, meant, meant_zh in (
            ("conveyance", "vessel", "运输工具名称"),
            ("voyage", "voyage", "航次号"),
            ("transport_document", "bill of lading", "提运单号"),
        )
    ]


def _procedure() -> list[Rule]:
    procedure = c("procedure")
    return [
        Rule(
            "D13",
            ON,
            "/duty_regime",
            "not the duty regime usual for the supervision mode",
            "征免性质与监管方式不匹配",
            _as_the_procedure_asks(c("duty_regime"), DUTY_REGIMES),
            CLIENT,
            WARNING,
            applies=CN & c("manual").is_null() & one_of(procedure, sum(DUTY_REGIMES.values(), ())),
            expected="without a manual: 101 for 0110, 3339; 299 for 1300, 1427, 4561",
        ),
        Rule(
            "D14",
            ON,
            "/trade_country",
            "goods of this supervision mode do not leave China",
            "该监管方式下出口货物的运抵国及最终目的国应为中国",
            (c("trade_country") == "CN") & ~c("leaves"),
            CLIENT,
            applies=CN & EXPORT & one_of(procedure, TO_CHINA_ONLY),
            expected="export under 0654, 0657, 1427: CN here and as destination of every item",
        ),
        Rule(
            "D15",
            ON,
            "/manual",
            "not a manual of this processing mode",
            "手册编号首位与加工贸易监管方式不符",
            _as_the_procedure_asks(c("manual").str.slice(0, 1), MANUALS),
            CLIENT,
            WARNING,
            applies=CN & c("manual").is_not_null() & one_of(procedure, PROCESSING),
            expected="first letter under 0214, 0255: B or E; 0615, 0654: C or E; 5014: H",
        ),
        Rule(
            "D20",
            ON,
            "/remark",
            "supplied materials are returned processed without a word on the fee",
            "来料加工出口未在备注栏注明加工费",
            named("remark"),
            CLIENT,
            applies=CN & EXPORT & (procedure == "0214"),
            expected="export under 0214: the processing fee",
        ),
    ]


def _as_the_procedure_asks(value: pl.Expr, asked: Mapping[str, tuple[str, ...]]) -> pl.Expr:
    return pl.any_horizontal(
        (value == right) & one_of(c("procedure"), procedures) for right, procedures in asked.items()
    )


def _parts() -> list[Rule]:
    return [
        Rule(
            "D18",
            ON,
            "/items",
            "items are not numbered 1 to n without gaps",
            "商品项号未从1起连续编号",
            c("items_in_order").fill_null(value=False),
            f"{TECHNICAL}, R0007",
            expected="1, 2, ... n; one item at least",
        ),
    ]
