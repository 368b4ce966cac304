"""What goods are worth in yuan, in statistical terms: imports CIF, exports FOB. Exact to the fen, half to even.

A price becomes yuan at the declaration's own rate, else at the rate of the month of its acceptance. Freight and
insurance are added or taken away as the trade terms ask for, no more than there is, and fall on the items by what they
are worth, so that the items' values add up to the declaration's. A percentage of insurance is of goods and freight.
Sources: the domain reference, trade terms (A) and statistics.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl

from processor.engine.lifecycle import Bools, Ints
from processor.flows.declarations.known import Known
from processor.flows.declarations.parts import apart

c = pl.col
YUAN = "CNY"
ONE = 10**10
"""Yuan for a yuan, at the scale of rates."""
MOST = 1 << 60
"""Fen: more is out of range (S01), and must not overflow before it is refused."""

FREIGHT = {"IMPORT": "347", "EXPORT": "127"}
INSURANCE = {"IMPORT": "237", "EXPORT": "14"}
"""Trade terms under which a charge plays a part: 1 CIF, 2 C&F, 3 FOB, 4 C&I, 7 EXW."""
EX_WORKS = "7"
HAVE_FREIGHT = ("1", "2")
"""Terms whose price has the freight in it."""
CHARGES = ("freight", "insurance")
CHARGED = ("flow", "trade_terms", "gross_mass", *CHARGES, *(f"{charge}_mark" for charge in CHARGES))
"""What a declaration's charges depend on, beside rates and goods."""


def known_rates(rates: pl.DataFrame) -> Known:
    """The table of rates, as ``valued`` asks for it."""
    return Known(rates, {"currency": c("currency"), "month": c("month")})


def valued(lodged: pl.DataFrame, items: pl.DataFrame, parent: Ints, rates: Known) -> pl.DataFrame:
    """Of each item: ``goods`` (its price in yuan, scale 2), ``worth`` (in statistical terms) and ``unconverted``
    (whether a price or a charge has no rate); all Int64 but the last. ``parent``: each item's place in ``lodged``.
    """
    every = np.arange(len(lodged))
    currencies = [items["currency"], *(lodged[f"{charge}_currency"] for charge in CHARGES)]
    rate = _rates(lodged, pl.concat(currencies), np.concatenate([parent, every, every]), rates)
    cuts = np.cumsum([0, len(items), len(lodged), len(lodged)]).tolist()
    of_item, *of_charges = (rate.slice(at, end - at) for at, end in pairwise(cuts))
    price = c("total").cast(pl.Int128) * of_item.cast(pl.Int128).fill_null(0)
    goods = items.select_seq(goods=_fen(_half_even(price, pl.lit(ONE, pl.Int128)))).to_series()
    running = _running(goods.to_numpy(), parent)
    whole = np.zeros(len(lodged), np.int64)
    whole[parent] = running  # the last of each declaration stays
    charge, lacking = _charges(lodged, whole, dict(zip(CHARGES, of_charges, strict=True)))
    return pl.DataFrame(
        {
            "goods": goods,
            "worth": goods + _shares(charge[parent], running, goods.to_numpy(), whole[parent], parent),
            "unconverted": of_item.is_null() | pl.Series(lacking[parent]),
        }
    )


def _rates(lodged: pl.DataFrame, currency: pl.Series, parent: Ints, rates: Known) -> pl.Series:
    """Yuan for one unit (scale 10) of each currency asked for by a declaration; null where unknown."""
    fields, owner = apart(lodged["exchange_rates"])
    own = fields.select_seq(pl.Series("parent", owner), "currency", own="rate").unique(
        ["parent", "currency"], keep="first"
    )
    date = pl.from_epoch("declaration_date", time_unit="d").dt
    when = lodged.select_seq("appended", month=date.year() * 12 + date.month() - 1)
    asked = when[parent].hstack([currency.alias("currency"), pl.Series("parent", parent)])
    asked = asked.join(own, on=["parent", "currency"], how="left", maintain_order="left")
    place = asked.select_seq(rates.place).to_series().to_numpy()
    asked = asked.hstack(rates.values(place, asked["appended"].to_numpy(), "rate"))
    return asked.select_seq(pl.coalesce(pl.when(c("currency") == YUAN).then(pl.lit(ONE)), "own", "rate")).to_series()


def _charges(lodged: pl.DataFrame, goods: Ints, rates: dict[str, pl.Series]) -> tuple[Ints, Bools]:
    """Of each declaration what comes to its price or goes (fen), and whether a rate is lacking for it."""
    charge, lacking = np.zeros(len(lodged), np.int64), np.zeros(len(lodged), np.bool_)
    marked = lodged.select_seq(pl.any_horizontal(c(f"{name}_mark").is_not_null() for name in CHARGES))
    some = np.nonzero(marked.to_series().to_numpy())[0]
    if not len(some):
        return charge, lacking
    frame = lodged[some, [*CHARGED]].hstack(
        [
            pl.Series("goods", goods[some]).cast(pl.Int128),
            *(rate[some].cast(pl.Int128).alias(f"{name}_rate") for name, rate in rates.items()),
        ]
    )
    frame = _due(frame, "freight", c("goods"))
    extra = pl.when(c("trade_terms").is_in(HAVE_FREIGHT)).then(0).otherwise(c("freight_due"))
    frame = _due(frame, "insurance", c("goods") + extra)
    plays = {"freight": _under(FREIGHT), "insurance": _under(INSURANCE)}
    due = pl.sum_horizontal(pl.when(plays[name]).then(_fen(c(f"{name}_due"))).otherwise(0) for name in CHARGES)
    away = (c("flow") == "EXPORT") & (c("trade_terms") != EX_WORKS)
    found = frame.select_seq(
        charge=pl.max_horizontal(pl.when(away).then(-due).otherwise(due), -c("goods").clip(0).cast(pl.Int64)),
        lacking=pl.any_horizontal(plays[name] & _lacks(name) for name in CHARGES).fill_null(value=False),
    )
    charge[some], lacking[some] = found["charge"].to_numpy(), found["lacking"].to_numpy()
    return charge, lacking


def _due(frame: pl.DataFrame, charge: str, base: pl.Expr) -> pl.DataFrame:
    """With a charge as declared, in fen: 1 per cent of a base, 2 by the tonne, 3 in all."""
    mark, amount = c(f"{charge}_mark"), c(charge).cast(pl.Int128)
    in_yuan = amount * c(f"{charge}_rate")
    by_tonne = in_yuan * c("gross_mass").cast(pl.Int128)
    frame = frame.with_columns_seq(
        exact=pl.when(mark == "1").then(base * amount).when(mark == "2").then(by_tonne).when(mark == "3").then(in_yuan),
        divisor=mark.replace_strict({"1": 10**6, "2": 10**18, "3": 10**12}, default=1, return_dtype=pl.Int128),
    )
    return frame.with_columns_seq(_half_even(c("exact"), c("divisor")).fill_null(0).alias(f"{charge}_due"))


def _lacks(charge: str) -> pl.Expr:
    return c(f"{charge}_mark").is_in(["2", "3"]) & c(charge).is_not_null() & c(f"{charge}_rate").is_null()


def _under(terms: dict[str, str]) -> pl.Expr:
    return pl.any_horizontal(
        (c("flow") == flow) & c("trade_terms").is_in(list(codes)).fill_null(value=False)
        for flow, codes in terms.items()
    )


def _shares(charge: Ints, running: Ints, goods: Ints, whole: Ints, parent: Ints) -> pl.Series:
    """What of its declaration's charge falls on each item: floors of the running share, so that they add up; all on
    the first item where the goods are worth nothing.
    """
    shares = np.zeros(len(goods), np.int64)
    some = np.nonzero(charge)[0]
    if not len(some):
        return pl.Series(shares)
    frame = pl.DataFrame({"charge": charge[some], "to": running[some], "goods": goods[some], "of": whole[some]})
    frame = frame.cast(pl.Int128)
    upto, before = (c("charge") * to // c("of") for to in (c("to"), c("to") - c("goods")))
    first = pl.Series(np.append(True, parent[1:] != parent[:-1])[some])
    share = pl.when(c("of") != 0).then(upto - before).when(first).then("charge").otherwise(0)
    shares[some] = frame.select_seq(_fen(share)).to_series().to_numpy()
    return pl.Series(shares)


def _running(amounts: Ints, parent: Ints) -> Ints:
    """Running sums within each run of equal ``parent``."""
    sums = np.cumsum(amounts)
    first = np.nonzero(np.append(True, parent[1:] != parent[:-1]))[0] if len(parent) else np.zeros(0, np.int64)
    before = sums[first] - amounts[first]
    return sums - np.repeat(before, np.diff(np.append(first, len(parent))))


def _half_even(amount: pl.Expr, divisor: pl.Expr) -> pl.Expr:
    """Int128 divided, half to even."""
    quotient = amount // divisor
    twice = (amount - quotient * divisor) * 2
    up = (twice > divisor) | ((twice == divisor) & (quotient % 2 != 0))
    return quotient + up.cast(pl.Int128)


def _fen(amount: pl.Expr) -> pl.Expr:
    return amount.clip(-MOST, MOST).cast(pl.Int64)
