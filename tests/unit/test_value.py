"""What goods are worth, held to whole numbers: once by hand, once by plain Python for any declarations at all."""

from collections.abc import Sequence
from datetime import date
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import schemas
from processor import reference
from processor.engine.decode import Columns
from processor.flows.declarations.value import MOST, ONE, known_rates, valued
from tests.events import Record, charge, declaration, encode, item, rate

COLUMNS = Columns(schemas.latest("CustomsDeclaration").text)
APPENDED = 1_740_800_000_000
LATER = APPENDED + 1
MARCH = 2025 * 12 + 2
DAY = (date(2025, 3, 1) - date(1970, 1, 1)).days
YEN = 480_000_000
"""0.048 yuan, scale 10."""

TABLE = [
    ("USD", MARCH, 71_000_000_000, 0),
    ("USD", MARCH - 1, 72_000_000_000, 0),
    ("JPY", MARCH, YEN, APPENDED),
    ("KRW", MARCH, 50_000_000, LATER),
    ("CNY", MARCH, 1, 0),
]
"""Currency, month, rate, known_from: the won's rate came after the declarations, and the yuan has none in truth."""

RATES = pl.DataFrame(
    TABLE, {"currency": pl.String, "month": pl.Int32, "rate": pl.Int64, "known_from": pl.Int64}, orient="row"
)
MAX_TOTAL, MAX_WORTH = 10**13, 10**16
"""What rule S01 takes of an item's goods, and of a declaration as a whole."""


class Worth(NamedTuple):
    """Of one item."""

    goods: int
    worth: int
    unconverted: bool


def value(*declarations: Record) -> list[list[Worth]]:
    """What the items of each declaration are worth, all of them valued together."""
    lodged = COLUMNS.frame([encode(record)[10:] for record in declarations])
    lodged = lodged.with_columns(appended=pl.lit(APPENDED, pl.Int64))
    lengths = [len(record["items"]) for record in declarations]
    items = lodged.select("items").filter(pl.col("items").list.len() > 0).explode("items").unnest("items")
    found = valued(lodged, items, np.repeat(np.arange(len(lengths)), lengths), known_rates(RATES))
    assert dict(found.schema) == {"goods": pl.Int64, "worth": pl.Int64, "unconverted": pl.Boolean}
    every = [Worth(*row) for row in found.rows()]
    return [every[start:end] for start, end in pairwise([0, *accumulate(lengths)])]


def import_of(*totals: int, terms: str | None = "3", **changes: Any) -> Record:
    """An import of items at these prices in fen, FOB unless said."""
    items = [item(place, total=total) for place, total in enumerate(totals, start=1)]
    return declaration(**{"items": items, "trade_terms": terms, **changes})


def priced(currency: str, total: int = 100, **changes: Any) -> Record:
    """A CIF import of one item in a currency."""
    return declaration(**{"items": [item(total=total, currency=currency)], **changes})


def test_a_declared_rate_goes_before_the_tables() -> None:
    ((one,),) = value(priced("USD", exchange_rates=[rate("EUR", "8"), rate("USD", "7.2")]))
    assert one == Worth(720, 720, unconverted=False)
    ((first,),) = value(priced("USD", exchange_rates=[rate("USD", "7.3"), rate("USD", "7.2")]))
    assert first.goods == 730, "the first of two"
    ((yuan,),) = value(priced("CNY", exchange_rates=[rate("CNY", "2")]))
    assert yuan.goods == 100, "not for the yuan, which is one"


def test_without_a_declared_rate_the_month_of_the_declaration_date_decides() -> None:
    february = (date(2025, 2, 28) - date(1970, 1, 1)).days
    found = value(
        priced("USD"), priced("USD", declaration_date=february), priced("USD", declaration_date=february - 59)
    )
    assert [one.goods for (one,) in found] == [710, 720, 0]
    assert [one.unconverted for (one,) in found] == [False, False, True]


def test_a_row_of_the_table_counts_from_when_it_was_known() -> None:
    found = value(priced("JPY", 1000), priced("KRW", 1000))
    assert found == [[Worth(48, 48, unconverted=False)], [Worth(0, 0, unconverted=True)]]


def test_a_months_rate_is_known_when_the_month_begins_wherever_declarations_are_made() -> None:
    tables = reference.load()
    month = pl.col("month")
    begins = pl.datetime(month.floordiv(12), month % 12 + 1, 1, time_unit="ms")
    for zone in tables.jurisdictions["time_zone"].unique().to_list():
        late = tables.rates.filter(pl.col("known_from") > begins.dt.replace_time_zone(zone).dt.epoch("ms"))
        assert late.is_empty(), f"{zone}: until then, goods in these currencies are worth nothing"


def test_the_yuan_is_worth_one_yuan_whatever_a_table_says() -> None:
    assert value(priced("CNY")) == [[Worth(100, 100, unconverted=False)]]


def test_a_currency_without_a_rate_adds_nothing_and_says_so() -> None:
    mixed = declaration(items=[item(total=5, currency="XAU"), item(2, total=7)])
    assert value(mixed) == [[Worth(0, 0, unconverted=True), Worth(7, 7, unconverted=False)]]


@pytest.mark.parametrize(
    ("total", "yuan", "fen"), [(1, "0.5", 0), (3, "0.5", 2), (5, "0.5", 2), (1, "0.5000000001", 1), (7, "0.25", 2)]
)
def test_fen_are_rounded_half_to_even(total: int, yuan: str, fen: int) -> None:
    assert value(priced("USD", total, exchange_rates=[rate("USD", yuan)])) == [[Worth(fen, fen, unconverted=False)]]


FREIGHT, INSURANCE = charge("freight", "3", "100", "CNY"), charge("insurance", "3", "10", "CNY")


@pytest.mark.parametrize(
    ("flow", "terms", "added"),
    [
        ("IMPORT", "1", 0),
        ("IMPORT", "2", 10),
        ("IMPORT", "3", 110),
        ("IMPORT", "4", 100),
        ("IMPORT", "5", 0),
        ("IMPORT", "6", 0),
        ("IMPORT", "7", 110),
        ("IMPORT", None, 0),
        ("IMPORT", "", 0),
        ("EXPORT", "1", -110),
        ("EXPORT", "2", -100),
        ("EXPORT", "3", 0),
        ("EXPORT", "4", -10),
        ("EXPORT", "5", 0),
        ("EXPORT", "6", 0),
        ("EXPORT", "7", 100),
        ("EXPORT", None, 0),
        ("EXPORT", "", 0),
    ],
)
def test_imports_are_valued_cif_and_exports_fob(flow: str, terms: str | None, added: int) -> None:
    ((one,),) = value(import_of(100_000, terms=terms, flow=flow, **FREIGHT, **INSURANCE))
    assert one == Worth(100_000, 100_000 + 100 * added, unconverted=False)


@pytest.mark.parametrize(
    ("charges", "added"),
    [
        (charge("freight", "1", "5"), 50_00),
        (charge("freight", "1", "0.0001"), 0),
        (charge("freight", "2", "200", "CNY"), 120_00),
        (charge("freight", "2", "200", "USD"), 852_00),
        (charge("freight", "3", "200", "USD"), 1420_00),
        (charge("freight", "3", "200.0001", "CNY"), 200_00),
        (charge("insurance", "1", "0.3"), 3_00),
        (charge("freight", "1", "5") | charge("insurance", "1", "0.3"), 53_15),
        (charge("freight", "3", "500", "CNY") | charge("insurance", "1", "10"), 650_00),
        (charge("insurance", "2", "200", "CNY"), 120_00),
        (charge("other_charges", "3", "500", "CNY"), 0),
        (charge("freight", None, "500", "CNY"), 0),
        (charge("freight", "3", None, "CNY"), 0),
        (charge("freight", "1", None), 0),
        (charge("freight", "9", "500", "CNY"), 0),
    ],
)
def test_a_charge_is_a_percentage_an_amount_by_the_tonne_or_one_in_all(charges: Record, added: int) -> None:
    """1,000 yuan, 600 kg."""
    assert value(import_of(100_000, **charges)) == [[Worth(100_000, 100_000 + added, unconverted=False)]]


#   goods 1,000, freight 500, insurance 10 per cent: of 1,500 where the price is without freight, else of the price
@pytest.mark.parametrize(
    ("flow", "terms", "worth"),
    [("IMPORT", "3", 1_650), ("IMPORT", "2", 1_100), ("EXPORT", "1", 400), ("EXPORT", "4", 850)],
)
def test_a_percentage_of_insurance_is_of_goods_and_freight_once(flow: str, terms: str, worth: int) -> None:
    charges = charge("freight", "3", "500", "CNY") | charge("insurance", "1", "10")
    (found,) = value(import_of(100_000, terms=terms, flow=flow, **charges))
    assert found == [Worth(100_000, 100 * worth, unconverted=False)]


def test_freight_by_the_tonne_of_an_unknown_mass_is_none() -> None:
    charges = charge("freight", "2", "200", "CNY")
    assert value(import_of(100_000, gross_mass=None, **charges)) == [[Worth(100_000, 100_000, unconverted=False)]]


@pytest.mark.parametrize("currency", ["XAU", None])
@pytest.mark.parametrize("mark", ["2", "3"])
def test_a_charge_that_counts_and_has_no_rate_leaves_every_item_unconverted(mark: str, currency: str | None) -> None:
    lacking = charge("freight", mark, "500", currency)
    (used,) = value(import_of(1_000, 2_000, terms="3", **lacking, **INSURANCE))
    assert used == [Worth(1_000, 1_333, unconverted=True), Worth(2_000, 2_667, unconverted=True)]
    (unused,) = value(import_of(1_000, 2_000, terms="2", **lacking, **INSURANCE))
    assert [one.unconverted for one in unused] == [False, False]
    (declared,) = value(import_of(1_000, 2_000, terms="3", **charge("freight", "1", "5", currency)))
    assert [one.unconverted for one in declared] == [False, False], "a percentage needs no rate"


#   goods      1.00    1.00    1.00        to 1.00, 2.00, 3.00 of 3.00
#   charge 1   0.33    0.33    0.34        0.33, 0.66, 1.00: each floor less the one before
def test_a_charge_falls_on_the_items_so_that_they_add_up() -> None:
    (found,) = value(import_of(100, 100, 100, **charge("freight", "3", "1", "CNY")))
    assert [one.worth for one in found] == [133, 133, 134]
    (found,) = value(import_of(0, 100, 0, 300, **charge("freight", "3", "1", "CNY")))
    assert [one.worth for one in found] == [0, 125, 0, 375]


#   an export, CIF: the charge goes, and floors go down: -33.4, -66.7, -100 of a fen less
def test_what_is_taken_away_is_floored_downwards() -> None:
    (found,) = value(import_of(100, 100, 100, terms="1", flow="EXPORT", **charge("freight", "3", "1", "CNY")))
    assert [one.worth for one in found] == [66, 67, 67]
    assert sum(one.worth for one in found) == 200


def test_no_more_is_taken_away_than_there_is() -> None:
    (found,) = value(import_of(100, 300, terms="1", flow="EXPORT", **FREIGHT))
    assert [one.worth for one in found] == [0, 0]
    (unknown,) = value(declaration(flow="EXPORT", items=[item(currency="XAU")], trade_terms="1", **FREIGHT))
    assert unknown == [Worth(0, 0, unconverted=True)]


def test_where_goods_are_worth_nothing_the_charge_is_the_first_items() -> None:
    (found,) = value(import_of(0, 0, 0, **FREIGHT))
    assert [one.worth for one in found] == [10_000, 0, 0]
    (unknown,) = value(declaration(items=[item(currency="XAU"), item(2, currency="XAU")], trade_terms="3", **FREIGHT))
    assert unknown == [Worth(0, 10_000, unconverted=True), Worth(0, 0, unconverted=True)]


def test_declarations_of_a_batch_are_valued_each_by_itself() -> None:
    declared = [
        import_of(**FREIGHT),
        import_of(100, 100, exchange_rates=[rate("USD", "2")], **FREIGHT),
        import_of(0, **FREIGHT),
        import_of(**INSURANCE),
        import_of(),
        import_of(100, terms="1", flow="EXPORT", **FREIGHT),
        import_of(100),
    ]
    assert value(*declared) == [value(one)[0] for one in declared]
    assert [[one.worth for one in found] for found in value(*declared)] == [
        [],
        [5_100, 5_100],
        [10_000],
        [],
        [],
        [0],
        [100],
    ]
    assert value() == []
    assert value(import_of(), import_of()) == [[], []]


def half_even(number: int, divisor: int) -> int:
    whole, rest = divmod(number, divisor)
    return whole + (2 * rest > divisor or (2 * rest == divisor and whole % 2 == 1))


def rate_of(record: Record, currency: str | None) -> int | None:
    if currency == "CNY":
        return ONE
    for declared in record["exchange_rates"]:
        if currency is not None and declared["currency"] == currency:
            found: int = declared["rate"]
            return found
    day = date(1970, 1, 1).fromordinal(date(1970, 1, 1).toordinal() + record["declaration_date"])
    rows = {(row[0], row[1]): row[2] for row in TABLE if row[3] <= APPENDED}
    return rows.get((currency or "", day.year * 12 + day.month - 1))


def charge_of(record: Record, name: str, base: int) -> tuple[int, bool]:
    """A charge in fen as it is declared, and whether it lacks a rate."""
    mark, amount = record[f"{name}_mark"], record[name]
    if amount is None or mark not in {"1", "2", "3"}:
        return 0, False
    if mark == "1":
        return half_even(base * amount, 10**6), False
    per = rate_of(record, record[f"{name}_currency"])
    if per is None:
        return 0, True
    if mark == "3":
        return half_even(amount * per, 10**12), False
    return half_even(amount * (record["gross_mass"] or 0) * per, 10**18), False


TERMS = {
    "IMPORT": {"2": (0, 1), "3": (1, 1), "4": (1, 0), "7": (1, 1)},
    "EXPORT": {"1": (-1, -1), "2": (-1, 0), "4": (0, -1), "7": (1, 0)},
}


def by_hand(record: Record) -> list[Worth] | None:
    """The same in plain Python; None where an item, or a charge that counts, is more than this system takes."""
    rates = [rate_of(record, one["currency"]) for one in record["items"]]
    goods = [half_even(one["total"] * (per or 0), ONE) for one, per in zip(record["items"], rates, strict=True)]
    whole = sum(goods)
    freight, no_freight = charge_of(record, "freight", whole)
    insured = whole if record["trade_terms"] in {"1", "2"} else whole + freight
    insurance, no_insurance = charge_of(record, "insurance", insured)
    freights, insurances = TERMS[record["flow"]].get(record["trade_terms"], (0, 0))
    added = max(-whole, freights * freight + insurances * insurance)
    lacking = (no_freight and freights != 0) or (no_insurance and insurances != 0)
    large = max(freights * freight, insurances * insurance)
    if max([*goods, 0]) > MAX_TOTAL or large > MOST:
        return None
    shares = [added, *[0] * len(goods)] if whole == 0 else []
    if whole:
        floors = [added * upto // whole for upto in accumulate(goods, initial=0)]
        shares = [after - before for before, after in pairwise(floors)]
    found = zip(goods, shares, rates, strict=False)
    return [Worth(price, price + share, per is None or lacking) for price, share, per in found]


CURRENCIES = ["CNY", "USD", "JPY", "KRW", "XAU"]
SMALL = st.integers(0, 300)
TOTALS = st.one_of(SMALL, SMALL, st.integers(0, 10**13), st.sampled_from([10**13 - 1, 10**13]))
RATES_DECLARED = st.builds(
    lambda currency, rate: {"currency": currency, "rate": rate},
    st.sampled_from(CURRENCIES),
    st.one_of(st.integers(1, 10**13), st.sampled_from([1, 10**9, ONE // 2, ONE // 4, ONE, 3 * ONE // 2, 10**13])),
)
AMOUNTS = st.none() | st.integers(0, 10**6) | st.integers(0, 10**13) | st.sampled_from([1, 3_000, 990_000, 10**13])
MARKS = st.sampled_from([None, "1", "2", "3", "3"])


@st.composite
def declarations(draw: st.DrawFn) -> Record:
    """A declaration within the ranges of S01: any rates, charges, terms, and items."""
    currencies = draw(st.sampled_from([["CNY"], ["USD"], CURRENCIES]))
    goods = draw(st.lists(st.tuples(TOTALS, st.sampled_from(currencies)), max_size=5))
    charges: Record = {}
    for name in ("freight", "insurance"):
        charges[f"{name}_mark"] = draw(MARKS)
        charges[name] = draw(AMOUNTS)
        charges[f"{name}_currency"] = draw(st.sampled_from([None, *CURRENCIES]))
    return declaration(
        flow=draw(st.sampled_from(["IMPORT", "EXPORT"])),
        trade_terms=draw(st.sampled_from([None, *"1234567"])),
        items=[item(n, total=total, currency=currency) for n, (total, currency) in enumerate(goods, start=1)],
        exchange_rates=draw(st.lists(RATES_DECLARED, max_size=3)),
        gross_mass=draw(st.none() | st.integers(0, 10**6) | st.sampled_from([10**12 - 1, 10**12])),
        declaration_date=DAY + draw(st.sampled_from([0, 0, -1, 30, 31])),
        **charges,
    )


def held(record: Record, found: list[Worth]) -> None:
    expected = by_hand(record)
    if expected is not None:
        assert found == expected
        return
    if max(one.goods for one in found) <= MAX_TOTAL:
        assert abs(sum(one.worth for one in found)) > MAX_WORTH, "refused, if not for its goods"


@settings(max_examples=80)
@given(st.lists(declarations(), min_size=1, max_size=4))
@example(
    [
        import_of(10**13, 10**13, **charge("freight", "1", "99"), **charge("insurance", "1", "99")),
        import_of(1, 10**13, terms="1", flow="EXPORT", **charge("freight", "3", "1000000000", "CNY")),
        import_of(10**13, gross_mass=10**12, exchange_rates=[rate("CNY", "1")], **charge("freight", "2", "9", "CNY")),
    ]
)
@example([priced("USD", 10**10, exchange_rates=[rate("USD", "1000")])])
@example([priced("USD", 10**13, exchange_rates=[rate("USD", "1000")])])
def test_any_declarations_are_worth_what_plain_python_says(declared: list[Record]) -> None:
    for record, found in zip(declared, value(*declared), strict=True):
        if found:
            held(record, found)


LONGS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1, 2**62, -1, 0])


@st.composite
def absurd(draw: st.DrawFn) -> Record:
    """A declaration that says anything that can be written down, to be refused by S01."""
    charges = {f"{name}{part}": draw(kind) for name in ("freight", "insurance") for part, kind in ABSURD.items()}
    return declaration(
        items=[
            item(n, total=draw(LONGS), unit_price=0, currency=draw(ABSURD["_currency"]))
            for n in range(draw(st.integers(0, 4)))
        ],
        exchange_rates=[{"currency": draw(st.sampled_from(CURRENCIES)), "rate": draw(LONGS)}],
        gross_mass=draw(st.none() | LONGS),
        declaration_date=draw(st.integers(-(2**31), 2**31 - 1) | st.sampled_from([-(2**31), 2**31 - 1])),
        trade_terms=draw(st.sampled_from("1234567")),
        flow=draw(st.sampled_from(["IMPORT", "EXPORT"])),
        **charges,
    )


ABSURD: dict[str, st.SearchStrategy[Any]] = {
    "_mark": st.sampled_from(["1", "2", "3"]),
    "": LONGS,
    "_currency": st.sampled_from(CURRENCIES),
}


@settings(max_examples=25)
@given(st.lists(absurd(), min_size=1, max_size=3), st.lists(declarations(), min_size=1, max_size=3), st.randoms())
def test_what_is_out_of_all_range_raises_nothing_and_harms_no_neighbour(
    wrong: list[Record], right: Sequence[Record], order: Any
) -> None:
    mixed = [*wrong, *right]
    order.shuffle(mixed)
    together = value(*mixed)
    for record in right:
        assert together[mixed.index(record)] == value(record)[0]
