"""What goods are worth in yuan, in statistical terms: imports CIF, exports FOB. Exact to the fen, half to even.

A price becomes yuan at the declaration's own rate, else at the rate of the month of its acceptance. Freight and
insurance are added or taken away as the trade terms ask for, and fall on the items by what they are worth, so that the
items' values add up to the declaration's. Sources: the domain reference, trade terms (A) and statistics.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

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
CHARGES = ("freight", "insurance")


def valued(
    lodged: pl.DataFrame, items: pl.DataFrame, parent: npt.NDArray[np.int64], rates: pl.DataFrame
) -> pl.DataFrame:
    """Of each item: ``goods`` (its price in yuan, scale 2), ``worth`` (in statistical terms) and ``unconverted``
    (whether a price or a charge has no rate); all Int64 but the last. ``parent``: each item's place in ``lodged``.
    """
    owner = pl.Series("parent", parent, dtype=pl.UInt32)
    declared = lodged.with_row_index("parent")
    asked = [items.select(owner, "currency")]
    asked += [declared.select("parent", currency=c(f"{charge}_currency")) for charge in CHARGES]
    rate = _rates(declared, pl.concat(asked), rates)
    cuts = np.cumsum([0, len(items), len(lodged), len(lodged)]).tolist()
    of_item, *of_charges = (rate.slice(at, end - at) for at, end in pairwise(cuts))
    price = c("total").cast(pl.Int128) * of_item.cast(pl.Int128).fill_null(0)
    goods = items.select(goods=_fen(_half_even(price, ONE))).to_series()
    running = _running(goods.to_numpy(), parent)
    whole = np.zeros(len(lodged), np.int64)
    whole[parent] = running  # the last of each declaration stays
    charged = _charges(declared, whole, dict(zip(CHARGES, of_charges, strict=True)))
    charge, lacking = charged["charge"].gather(parent), charged["lacking"].gather(parent)
    return pl.DataFrame(
        {
            "goods": goods,
            "worth": goods + _shares(charge, running, goods.to_numpy(), whole[parent], parent),
            "unconverted": of_item.is_null() | lacking,
        }
    )


def _rates(declared: pl.DataFrame, asked: pl.DataFrame, rates: pl.DataFrame) -> pl.Series:
    """Yuan for one unit (scale 10) of each currency asked for by a declaration (``parent``); null where unknown."""
    own = declared.select("parent", "exchange_rates").filter(c("exchange_rates").list.len() > 0)
    own = own.explode("exchange_rates").unnest("exchange_rates")
    own = own.unique(["parent", "currency"], keep="first").rename({"rate": "own"})
    date = pl.from_epoch("declaration_date", time_unit="d").dt
    month = declared.select((date.year() * 12 + date.month() - 1).alias("month"), "appended")
    asked = asked.hstack(month[asked["parent"].to_numpy()])
    found = asked.join(own, on=["parent", "currency"], how="left", maintain_order="left")
    found = found.join(rates, on=["currency", "month"], how="left", maintain_order="left")
    known = pl.when(c("known_from") <= c("appended")).then("rate")
    return found.select(pl.coalesce("own", pl.when(c("currency") == YUAN).then(pl.lit(ONE)), known)).to_series()


def _charges(declared: pl.DataFrame, goods: npt.NDArray[np.int64], rates: dict[str, pl.Series]) -> pl.DataFrame:
    """Of each declaration: ``charge``, what comes to its price or goes (fen, Int64), and whether a rate is
    ``lacking`` for it.
    """
    frame = declared.with_columns(
        goods=pl.Series(goods).cast(pl.Int128),
        **{f"{charge}_rate": rate.cast(pl.Int128) for charge, rate in rates.items()},
    )
    frame = frame.with_columns(freight_due=_due("freight", c("goods")))
    frame = frame.with_columns(insurance_due=_due("insurance", c("goods") + c("freight_due")))
    plays = {"freight": _under(FREIGHT), "insurance": _under(INSURANCE)}
    due = pl.sum_horizontal(pl.when(plays[charge]).then(_fen(c(f"{charge}_due"))).otherwise(0) for charge in CHARGES)
    away = (c("flow") == "EXPORT") & (c("trade_terms") != EX_WORKS)
    return frame.select(
        charge=pl.when(away).then(-due).otherwise(due),
        lacking=pl.any_horizontal(plays[charge] & _lacks(charge) for charge in CHARGES).fill_null(value=False),
    )


def _due(charge: str, base: pl.Expr) -> pl.Expr:
    """A charge as declared, in fen: 1 per cent of a base, 2 by the tonne, 3 in all."""
    mark, amount = c(f"{charge}_mark"), c(charge).cast(pl.Int128)
    in_yuan = amount * c(f"{charge}_rate")
    return (
        pl.when(mark == "1")
        .then(_half_even(base * amount, 10**6))
        .when(mark == "2")
        .then(_half_even(in_yuan * c("gross_mass").cast(pl.Int128), 10**18))
        .when(mark == "3")
        .then(_half_even(in_yuan, 10**12))
        .fill_null(0)
    )


def _lacks(charge: str) -> pl.Expr:
    return c(f"{charge}_mark").is_in(["2", "3"]) & c(charge).is_not_null() & c(f"{charge}_rate").is_null()


def _under(terms: dict[str, str]) -> pl.Expr:
    return pl.any_horizontal(
        (c("flow") == flow) & c("trade_terms").is_in(list(codes)).fill_null(value=False)
        for flow, codes in terms.items()
    )


def _shares(
    charge: pl.Series,
    running: npt.NDArray[np.int64],
    goods: npt.NDArray[np.int64],
    whole: npt.NDArray[np.int64],
    parent: npt.NDArray[np.int64],
) -> pl.Series:
    """What of its declaration's charge falls on each item: floors of the running share, so that they add up; all on
    the first item where the goods are worth nothing.
    """
    shares = np.zeros(len(goods), np.int64)
    some = np.nonzero(charge.to_numpy() != 0)[0]
    if not len(some):
        return pl.Series(shares)
    frame = pl.DataFrame({"charge": charge.gather(some), "to": running[some], "goods": goods[some], "of": whole[some]})
    frame = frame.cast(pl.Int128)
    upto, before = (c("charge") * to // c("of") for to in (c("to"), c("to") - c("goods")))
    first = pl.Series(np.append(True, parent[1:] != parent[:-1])[some])
    share = pl.when(c("of") != 0).then(upto - before).when(first).then("charge").otherwise(0)
    shares[some] = frame.select(_fen(share)).to_series().to_numpy()
    return pl.Series(shares)


def _running(amounts: npt.NDArray[np.int64], parent: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Running sums within each run of equal ``parent``."""
    sums = np.cumsum(amounts)
    first = np.nonzero(np.append(True, parent[1:] != parent[:-1]))[0] if len(parent) else np.zeros(0, np.int64)
    before = sums[first] - amounts[first]
    return sums - np.repeat(before, np.diff(np.append(first, len(parent))))


def _half_even(amount: pl.Expr, divisor: int) -> pl.Expr:
    """Int128 divided, half to even."""
    quotient = amount // pl.lit(divisor, pl.Int128)
    twice = (amount - quotient * divisor) * 2
    up = (twice > divisor) | ((twice == divisor) & (quotient % 2 != 0))
    return quotient + up.cast(pl.Int128)


def _fen(amount: pl.Expr) -> pl.Expr:
    return amount.clip(-MOST, MOST).cast(pl.Int64)
