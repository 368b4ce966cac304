"""Reference tables are whole, dated, and their digest sees every row; rates are those customs would use."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor import reference
from processor.reference import HERE, Reference, rates
from tests.events import at

TABLES = reference.load()
FIRST_MOMENT = at("2020-01-01T00:00+00:00")
KEYS = {
    "offices": ("jurisdiction", "code"),
    "jurisdictions": ("code",),
    "groups": ("group", "country"),
    "rates": ("currency", "month"),
    "sections": ("chapter",),
    "watched_headings": ("heading",),
    "procedures": ("jurisdiction", "code"),
    "transport_modes": ("jurisdiction", "code"),
    "areas": ("code",),
    "lanes": ("lane",),
    "commodity_conditions": ("prefix", "flow"),
}


def table(name: str) -> pl.DataFrame:
    found: pl.DataFrame = getattr(TABLES, name)
    return found


def month(text: str) -> int:
    year, month = text.split("-")
    return int(year) * 12 + int(month) - 1


def rate(currency: str, when: str) -> Decimal | None:
    found = TABLES.rates.filter((pl.col("currency") == currency) & (pl.col("month") == month(when)))["rate"]
    return Decimal(found.item()).scaleb(-10) if len(found) else None


def test_every_file_is_a_table_and_every_table_counts_for_the_digest() -> None:
    assert {path.stem for path in HERE.glob("*.csv")} == set(reference.DATED) == set(KEYS)


@pytest.mark.parametrize("name", KEYS)
def test_a_table_has_one_row_for_a_key_and_says_since_when_and_how_it_is_known(name: str) -> None:
    file = pl.read_csv(HERE / f"{name}.csv", infer_schema=False)
    assert file.select("known_from", "source").null_count().sum_horizontal().item() == 0
    assert set(file["verified"]) <= {"true", "false"}
    assert not table(name).select(KEYS[name]).is_duplicated().any()
    assert table(name)["known_from"].null_count() == 0


def test_what_is_ours_alone_is_not_called_verified() -> None:
    for name in KEYS:
        file = pl.read_csv(HERE / f"{name}.csv", infer_schema=False)
        assert set(file.filter(pl.col("source").str.contains(r"^own\b"))["verified"]) <= {"false"}


def test_groups_are_countries_and_never_china() -> None:
    countries = set(TABLES.groups["country"])
    assert countries <= set(TABLES.countries)
    assert "CN" not in countries
    names = {"SCO", "SCO_PARTNERS", "BELT_AND_ROAD", "ASEAN", "RCEP", "CENTRAL_ASIA", "EU"}
    assert set(TABLES.groups["group"]) == names


def members(group: str, day: str) -> set[str]:
    on = (date.fromisoformat(day) - date(1970, 1, 1)).days
    there = (pl.col("from_day") <= on) & (pl.col("to_day") >= on).fill_null(value=True)
    return set(TABLES.groups.filter((pl.col("group") == group) & there)["country"])


def test_iran_and_belarus_join_the_sco_on_their_days() -> None:
    before = {"RU", "KZ", "KG", "TJ", "UZ", "IN", "PK"}
    assert members("SCO", "2023-07-03") == before
    assert members("SCO", "2023-07-04") == before | {"IR"}
    assert members("SCO", "2024-07-04") == before | {"IR", "BY"}


def test_the_united_kingdom_leaves_the_eu_with_the_last_day_of_january() -> None:
    assert len(members("EU", "2020-01-31")) == 28
    assert members("EU", "2020-01-31") - members("EU", "2020-02-01") == {"GB"}


def test_all_chapters_of_hs_2022_have_a_section() -> None:
    chapters = {code[:2] for code in TABLES.subheadings}
    assert set(TABLES.sections["chapter"]) == chapters
    assert len(chapters) == 96
    assert TABLES.sections["section"].n_unique() == 21


def test_watched_headings_and_conditions_begin_codes_of_hs_2022() -> None:
    headings = {code[:4] for code in TABLES.subheadings}
    assert set(TABLES.watched_headings["heading"]) <= headings
    for prefix in TABLES.commodity_conditions["prefix"]:
        assert any(code.startswith(prefix[:6]) for code in TABLES.subheadings), prefix


def test_a_month_has_the_rate_of_the_third_wednesday_of_the_month_before() -> None:
    assert rates.third_wednesday(month("2025-02")) == date(2025, 2, 19)  # 1 euro: 7.6017 CNY, 1.0434 USD, 1504.72 KRW
    assert rates.third_wednesday(month("2025-10")) == date(2025, 10, 15)
    assert rate("EUR", "2025-03") == Decimal("7.6017")
    assert rate("USD", "2025-03") == Decimal("7.2855089132")
    assert rate("KRW", "2025-03") == Decimal("0.0050519033")
    assert rate("CNY", "2025-03") is None


def quoted(*days: str) -> list[tuple[str, int, Decimal]]:
    """(currency, month, rate) of a table of the bank with these days only: 1 euro is 8 CNY or 1 USD and a day more."""
    lines = {date.fromisoformat(day): f"{place + 1},8,N/A," for place, day in enumerate(days)}
    months = rates._months(["USD", "CNY", "RUB", ""], lines)
    return [(currency, number, Decimal(rate).scaleb(-10)) for currency, number, rate, _ in months]


def test_a_wednesday_without_quotation_takes_the_last_day_before_it_but_none_of_the_week_before_that() -> None:
    march, tuesday = month("2025-03"), "2025-02-18"
    assert quoted("2025-02-11", tuesday, "2025-02-20") == [("EUR", march, 8), ("USD", march, 4)]
    assert quoted("2025-02-12", "2025-02-20") == [("EUR", march, 8), ("USD", march, 8)]
    assert quoted("2025-02-11", "2025-02-20") == []


def test_the_rouble_is_the_banks_until_it_stopped_and_ours_from_then_on() -> None:
    assert rate("RUB", "2022-03") == Decimal("0.0844591468")  # of 2022-02-16: 7.2101 CNY, 85.3679 RUB
    assert rate("RUB", "2022-04") == Decimal("0.0640")
    assert rate("RUB", "2026-12") is not None


def test_a_month_is_known_the_day_after_its_quotation_so_everywhere_before_it_begins() -> None:
    usd = TABLES.rates.filter((pl.col("currency") == "USD") & (pl.col("month") == month("2025-03")))
    assert usd["known_from"].item() == at("2025-02-20T00:00+00:00")


@given(st.decimals("0.0000000001", "1000", places=12))
def test_a_rate_is_scaled_half_to_even(value: Decimal) -> None:
    assert rates.scaled(str(value)) == round(value * 10**10)


def test_nothing_is_known_before_the_first_row() -> None:
    assert TABLES.digest_at(at("1999-12-31T00:00+00:00")) == ""
    assert TABLES.digest_at(FIRST_MOMENT) == TABLES.digest_at(FIRST_MOMENT + 1) != ""


@pytest.mark.parametrize("name", reference.DATED)
def test_a_row_changes_the_digest_from_the_moment_it_is_known_and_not_before(name: str) -> None:
    moment = at("2024-06-01T00:00+00:00")
    row = table(name).head(1).with_columns(pl.lit(moment, pl.Int64).alias("known_from"))
    more: Reference = replace(TABLES, **{name: pl.concat([table(name), row])})
    assert more.digest_at(moment - 1) == TABLES.digest_at(moment - 1)
    assert more.digest_at(moment) != TABLES.digest_at(moment)


def test_the_order_of_rows_plays_no_part() -> None:
    turned = replace(TABLES, **{name: table(name).reverse() for name in reference.DATED})
    assert turned._digests == TABLES._digests
