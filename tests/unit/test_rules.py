"""Rules find what is wrong where it is, in their order; each has an example, and the page says what the table says."""

import re

import polars as pl
import pytest

import schemas
from processor import rule_page
from processor.engine import rules as engine
from processor.engine.rules import ERROR, WARNING, Rule
from schemas import RuleExample
from tests.events import at, container, declaration, equipment, item, number, status
from tests.judged import flow, told

RECORDS = tuple(flow()[0].records)
EXAMPLES = {
    path.stem: example
    for path, example in zip(sorted((schemas.EXAMPLES / "rules").glob("*.json")), schemas.rule_examples(), strict=True)
}


@pytest.mark.parametrize("name", RECORDS)
def test_valid_examples_break_no_rule(name: str) -> None:
    examples = schemas.examples(name)
    assert dict(zip(examples, told(*examples.values()), strict=True)) == {stem: [] for stem in examples}


@pytest.mark.parametrize("stem", EXAMPLES)
def test_an_example_breaks_just_its_rule(stem: str) -> None:
    example: RuleExample = EXAMPLES[stem]
    assert stem.startswith(f"{example.rule}-")
    assert [rule for rule, *_ in told(example.fields)[0]] == [example.rule]


def test_every_rule_has_an_example() -> None:
    assert {example.rule for example in EXAMPLES.values()} == {rule.id for rule in flow()[0].rules}


def test_a_rule_says_what_is_wrong_and_what_is_right_in_two_languages_and_where_it_comes_from() -> None:
    for rule in flow()[0].rules:
        assert re.fullmatch(r"[A-Z][0-9]{2}", rule.id)
        assert rule.text.isascii()
        assert re.search(r"[\u4e00-\u9fff]", rule.text_zh)
        assert rule.expected
        assert rule.source


def test_what_has_no_source_but_us_warns_unless_it_is_ours_to_say() -> None:
    ours = [rule for rule in flow()[0].rules if re.search(r"\bown$|\bown:? (?!a |the )", rule.source)]
    assert {rule.severity for rule in ours} == {WARNING}


def test_the_page_is_what_the_table_says() -> None:
    written = rule_page.WRITTEN.read_text(encoding="utf-8")
    assert written == rule_page.page(), "docs/rules.md is not current: run python -m processor.rule_page"


def test_pointers_number_the_parts_from_one_and_follow_the_table() -> None:
    wrong = declaration(
        containerised=True,
        containers=[equipment(), equipment("CSQU3054384"), equipment(container(2)), equipment("")],
        items=[item(origin_country="XX"), item(2), item(3, "7700000000", origin_country="cn"), item(4, "1")],
    )
    assert told(declaration(), wrong, status())[1] == [
        ("D05", ERROR, "/items/1/origin_country"),
        ("D05", ERROR, "/items/3/origin_country"),
        ("D16", ERROR, "/items/3/commodity_code"),
        ("D16", ERROR, "/items/4/commodity_code"),
        ("C01", ERROR, "/containers/2/number"),
        ("C01", ERROR, "/containers/4/number"),
    ]


def test_the_product_of_price_and_quantity_is_exact_beyond_64_bits() -> None:
    largest, most = 2**63 - 1, 10**14
    huge = [item(total=10**13, quantity=most, unit_price=most), item(2, total=largest, quantity=largest, unit_price=1)]
    found = {(rule, where) for rule, _, where in told(declaration(items=huge))[0]}
    assert found >= {
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
    assert before == [("D01", WARNING, "/declaration_office"), ("D05", ERROR, "/jurisdiction")]


LEDGER = pl.DataFrame({"row": [0, 1, 2], "at": [10, 20, 30], "appended": [100, 200, 300], "n": [1, None, -1]})
NEVER = pl.lit(value=False)


def rule(holds: pl.Expr, severity: str = ERROR, **more: object) -> Rule:
    return Rule("X01", "ledger", "/n", "wrong", "有误", holds, "own", severity, **more)  # type: ignore[arg-type]


def rows(rule: Rule) -> list[int]:
    return sorted(engine.Judge([rule])({"ledger": LEDGER})["row"].to_list())


def test_null_counts_as_wrong_and_as_not_concerned() -> None:
    positive = pl.col("n") > 0
    assert rows(rule(positive)) == [1, 2]
    assert rows(rule(NEVER, applies=positive)) == [0]


def test_a_rule_applies_from_its_date_and_never_to_what_came_before_it_was_known() -> None:
    assert rows(rule(NEVER, effective_from=20)) == [1, 2]
    assert rows(rule(NEVER, known_from=201)) == [2]
    assert rows(rule(NEVER, effective_from=30, known_from=100)) == [2]


def test_warnings_do_not_refuse() -> None:
    found = engine.Judge([rule(NEVER, WARNING), rule(NEVER, applies=pl.col("row") == 1)])({"ledger": LEDGER})
    assert sorted(found["severity"].to_list()) == [ERROR, WARNING, WARNING, WARNING]
    assert engine.refused(found).tolist() == [1]
