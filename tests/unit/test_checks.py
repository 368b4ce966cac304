"""Check digits of columns are those of python-stdnum, value by value."""

import re
from types import ModuleType

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum import iso6346
from stdnum.cn import uscc

from processor.flows.declarations import checks
from tests import events

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
STRANGE = "IOSVZiosvzaA0 -\n\x00\uff11青"


def completed(body: str) -> str:
    return body + uscc.calc_check_digit(body)


def numbered(body: str) -> str:
    return body + iso6346.calc_check_digit(body)


def spoilt(codes: st.SearchStrategy[str], alphabet: str) -> st.SearchStrategy[str]:
    """Codes with one character put in the place of another, cut or made longer."""
    character = st.sampled_from(alphabet + STRANGE)
    return st.one_of(
        st.builds(lambda c, n, x: c[: n % len(c)] + x + c[n % len(c) + 1 :], codes, st.integers(0, 20), character),
        st.builds(lambda c, n: c[:n], codes, st.integers(0, 20)),
        st.builds(lambda c, x: c + x, codes, character),
    )


BODIES = st.tuples(
    st.one_of(*(st.text(of, min_size=2, max_size=2) for of in ("0123456789", USCC_ALPHABET))),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(USCC_ALPHABET, min_size=9, max_size=9),
).map("".join)
CODES = BODIES.map(completed)
OWNERS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3)
CONTAINERS = (
    st.tuples(OWNERS, st.sampled_from("UJZR"), st.text("0123456789", min_size=6, max_size=6)).map("".join).map(numbered)
)


def takes(standard: ModuleType, number: str) -> bool:
    """Whether a module of stdnum takes a number, and as its own compact form. On strange characters it raises."""
    try:
        return bool(standard.validate(number) == number)
    except ValueError:
        return False


def takes_code(number: str) -> bool:
    """As stdnum does; where letters say who registered it and as what, which it does not know, by its check digit."""
    if re.fullmatch("[0-9]{2}.*", number, re.ASCII | re.DOTALL):
        return takes(uscc, number)
    form = re.fullmatch(f"[{USCC_ALPHABET}]{{2}}[0-9]{{6}}[{USCC_ALPHABET}]{{10}}", number, re.ASCII)
    return form is not None and completed(number[:17]) == number


def judged(check: object, values: list[str | None]) -> list[bool | None]:
    found: list[bool | None] = check(pl.Series(values, dtype=pl.String)).to_list()  # type: ignore[operator]
    return found


@given(st.lists(st.one_of(st.none(), CODES, spoilt(CODES, USCC_ALPHABET), st.text(max_size=20)), max_size=20))
@example(["91110000600037341L", "0000000\n0000000000", "A4", "", None, "９1110000600037341L"])  # noqa: RUF001
def test_social_credit_codes_are_judged_as_stdnum_does_in_compact_form(values: list[str | None]) -> None:
    expected = [None if v is None else takes_code(v) for v in values]
    assert judged(checks.social_credit_codes, values) == expected


@given(
    st.lists(
        st.one_of(st.none(), CONTAINERS, spoilt(CONTAINERS, "ABCUJZR0123456789"), st.text(max_size=13)), max_size=20
    )
)
@example(["CSQU3054383", "00ĀU0000000", "A_CU0000000", "TASU117000 0", "tasu1170000", None, ""])
def test_container_numbers_are_judged_as_stdnum_does_in_compact_form(values: list[str | None]) -> None:
    expected = [None if v is None else v[:3].isalpha() and takes(iso6346, v) for v in values]
    assert judged(checks.container_numbers, values) == expected


def test_an_owner_code_has_letters_only_unlike_in_stdnum() -> None:
    strange = numbered("C1QU305438")
    assert iso6346.is_valid(strange)
    assert judged(checks.container_numbers, [strange]) == [False]


def test_a_remainder_of_ten_is_the_digit_zero() -> None:
    rest = [numbered(f"CSQU{serial:06d}") for serial in range(200)]
    weights = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", [*range(10), *(n for n in range(10, 39) if n % 11)]))  # noqa: B905
    tens = [c for c in rest if sum(weights[x] << n for n, x in enumerate(c[:10])) % 11 == 10]
    assert tens
    assert all(c.endswith("0") for c in tens)
    assert judged(checks.container_numbers, tens) == [True] * len(tens)


@given(CODES, st.integers(0, 17), st.sampled_from(USCC_ALPHABET))
def test_one_wrong_character_is_always_found(code: str, place: int, other: str) -> None:
    wrong = code[:place] + other + code[place + 1 :]
    assert judged(checks.social_credit_codes, [wrong]) == [wrong == code]


def test_no_values_give_no_verdicts() -> None:
    assert judged(checks.social_credit_codes, []) == []
    assert judged(checks.container_numbers, [None]) == [None]
    assert judged(checks.container_numbers, [events.container()]) == [True]
