"""Rules of freight, insurance and other charges: which a declaration needs under its terms, and how they are told."""

from __future__ import annotations

import polars as pl

from processor.engine.rules import WARNING, Rule
from processor.flows.declarations.rules.vocabulary import CLIENT, CN, EXPORT, IMPORT, c, one_of

ON = "declaration"
NAMES = {"freight": "运费", "insurance": "保费", "other_charges": "杂费"}
CIF, CF, FOB, CI, EXW = "1", "2", "3", "4", "7"
RATE, UNIT, TOTAL = "1", "2", "3"
MOST_PER_CENT = 990_000
USUAL_INSURANCE = 3_000
"""Scale 4: 0.3 per cent."""


def rules() -> list[Rule]:
    return [
        _needed("D08", IMPORT, "freight", (FOB, EXW, CI), "import under FOB, EXW, C&I"),
        _needed("D08", IMPORT, "insurance", (FOB, EXW, CF), "import under FOB, EXW, C&F"),
        _needed("D09", EXPORT, "freight", (CIF, CF, EXW), "export under CIF, C&F, EXW"),
        _needed("D09", EXPORT, "insurance", (CIF, CI), "export under CIF, C&I"),
        *(rule for charge in NAMES for rule in _complete(charge)),
        _weighed(),
        *(_rate(charge) for charge in NAMES),
        _usual_insurance(),
    ]


def _needed(number: str, flow: pl.Expr, charge: str, terms: tuple[str, ...], when: str) -> Rule:
    return Rule(
        number,
        ON,
        f"/{charge}_mark",
        f"the trade terms ask for {charge}",
        f"该成交方式下应填报{NAMES[charge]}",
        c(f"{charge}_mark").is_not_null(),
        CLIENT,
        applies=CN & flow & one_of(c("trade_terms"), terms),
        expected=f"{when}: {charge} is declared",
    )


def _complete(charge: str) -> list[Rule]:
    mark, meant = c(f"{charge}_mark"), charge.replace("_", " ")
    by_amount = (UNIT, TOTAL) if charge == "freight" else (TOTAL,)
    return [
        Rule(
            "D10",
            ON,
            f"/{charge}",
            f"{meant} without its rate or amount",
            f"未填报{NAMES[charge]}的费率或金额",
            c(charge).is_not_null(),
            CLIENT,
            applies=CN & one_of(mark, (RATE, *by_amount)),
            expected=f"mark 1: a rate; {' or '.join(by_amount)}: an amount",
        ),
        Rule(
            "D10",
            ON,
            f"/{charge}_currency",
            f"{meant} without its currency",
            f"未填报{NAMES[charge]}币制",
            c(f"{charge}_currency").is_not_null(),
            CLIENT,
            applies=CN & one_of(mark, by_amount),
            expected=f"mark {' or '.join(by_amount)}: a currency",
        ),
    ]


def _weighed() -> Rule:
    return Rule(
        "D10",
        ON,
        "/gross_mass",
        "freight by the tonne of an unknown mass",
        "按单价申报运费而未填报毛重",
        c("gross_mass").is_not_null(),
        f"{CLIENT}; what a unit price is of",
        applies=CN & (c("freight_mark") == UNIT),
        expected="mark 2: the gross mass",
    )


def _rate(charge: str) -> Rule:
    rate, expected = c(charge), "mark 1: 0.0001 to 99 per cent"
    if charge == "other_charges":
        rate, expected = rate.abs(), f"{expected}, or as much below nought"
    return Rule(
        "D11",
        ON,
        f"/{charge}",
        f"no rate of {charge.replace('_', ' ')}",
        f"{NAMES[charge]}率超出范围",
        rate.is_between(1, MOST_PER_CENT),
        CLIENT,
        applies=CN & (c(f"{charge}_mark") == RATE) & c(charge).is_not_null(),
        expected=expected,
    )


def _usual_insurance() -> Rule:
    rate = c("insurance")
    return Rule(
        "D11",
        ON,
        "/insurance",
        "not the usual rate of insurance",
        "保险费率不是通常的0.3%",
        rate == USUAL_INSURANCE,
        CLIENT,
        WARNING,
        applies=CN & (c("insurance_mark") == RATE) & rate.is_not_null(),
        expected="mark 1: 0.3 per cent",
    )
