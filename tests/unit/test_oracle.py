import io
from collections import defaultdict
from datetime import date

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from tests import strategies
from tests.events import (
    charge,
    control,
    count,
    declaration,
    duty,
    encode,
    equipment,
    item,
    name_of,
    permit,
    rate,
    status,
)
from tests.expectation import Scenario
from tests.mangle import mangled, write
from tests.oracle import CounterKey, Oracle
from tests.oracle_counters import bucket
from tests.oracle_decode import LogRecord, murmur2, read_body
from tests.oracle_reference import shipped
from tests.oracle_rules import year_of
from tests.oracle_value import shares
from tests.scenarios import SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_oracle_agrees_with_the_scenario_that(scenario: Scenario) -> None:
    oracle = Oracle()
    assert oracle.feed_all(scenario.records()) == scenario.answers()
    assert scenario.differences(oracle.counters) == []


@given(strategies.logs())
def test_any_log_is_answered_record_by_record_and_its_windows_add_up(records: list[LogRecord]) -> None:
    oracle = Oracle()
    assert len(oracle.feed_all(records)) == len(records)
    sums: defaultdict[tuple[object, ...], defaultdict[str, list[int]]] = defaultdict(
        lambda: defaultdict(lambda: [0] * 6)
    )
    for (counter, window, _, dims), measures in oracle.counters.items():
        assert measures[0] >= 0
        if counter != "enterprises":
            for place, measure in enumerate(measures):
                sums[counter, dims][window][place] += measure
    for by_window in sums.values():
        windows = [total for window, total in by_window.items() if window != "MINUTE"]
        assert all(total == windows[0] for total in windows)


@given(strategies.logs())
def test_every_whole_breakdown_of_trade_adds_up_to_its_total(records: list[LogRecord]) -> None:
    oracle = Oracle()
    oracle.feed_all(records)
    whole = {"TOTAL", "PARTNER", "CHAPTER", "SECTION", "CHANNEL", "PROCEDURE", "MODE"}
    sums: defaultdict[tuple[object, ...], dict[str, tuple[int, ...]]] = defaultdict(
        lambda: dict.fromkeys(whole, (0, 0, 0))
    )
    for (counter, window, start, dims), measures in oracle.counters.items():
        if counter == "trade" and dims[0] in whole:
            of = sums[window, start, dims[2:]]
            of[dims[0]] = tuple(a + b for a, b in zip(of[dims[0]], measures[1:4], strict=True))
    for breakdowns in sums.values():
        assert len(set(breakdowns.values())) == 1


@given(strategies.logs(max_size=20))
def test_an_answer_other_than_accepted_counts_nothing_but_what_is_said_of_senders(records: list[LogRecord]) -> None:
    oracle = Oracle()
    for record in records:
        before = counted(oracle)
        answer = oracle.feed(record)
        assert (counted(oracle) != before) <= (answer[1] in {"ACCEPTED", "ACCEPTED_WITH_WARNINGS"})


def counted(oracle: Oracle) -> dict[CounterKey, tuple[int, ...]]:
    """What is counted of declarations."""
    of_senders = {"answers", "rule-hits", "sender-control"}
    return {key: measures for key, measures in oracle.counters.items() if key[0] not in of_senders}


@given(st.integers(-(10**15), 10**15), st.lists(st.integers(0, 10**13), min_size=1, max_size=20))
def test_a_charge_goes_to_the_items_to_the_last_fen_each_within_one_of_its_share(amount: int, goods: list[int]) -> None:
    parts = shares(amount, goods)
    assert sum(parts) == amount
    if sum(goods):
        assert all(abs(part * sum(goods) - amount * g) < sum(goods) for part, g in zip(parts, goods, strict=True))


@pytest.mark.parametrize(
    ("seconds", "upper"),
    [(0, "1"), (15, "16"), (16, "17"), (31, "32"), (32, "34"), (33, "34"), (63, "64"), (64, "68"), (86_400, "90112")],
)
def test_the_bucket_of_a_time(seconds: int, upper: str) -> None:
    assert bucket(seconds) == upper


def test_the_table_of_rates_is_that_of_the_third_wednesday_of_the_month_before() -> None:
    day = (date(2025, 3, 31) - date(1970, 1, 1)).days
    reference = shipped()
    # 19 February 2025: EUR 1 = CNY 7.6017 = KRW 1504.72
    assert reference.table_rate("EUR", day) == 76_017_000_000
    assert reference.table_rate("KRW", day) == 50_519_033
    assert reference.table_rate("KGS", day) is None
    assert reference.table_rate("EUR", 2**31 - 1) is None


_FULL = declaration(
    items=[item(), item(2)],
    exchange_rates=[rate("USD", "7.2")],
    containers=[equipment(seals=["1", "2"]), equipment(size_type=None)],
    duties=[duty()],
    permits=[permit()],
    **charge("freight", "3", "1", "USD"),
)
_CONTROL = control(counts=[count("LODGED"), count("ACCEPTED")])


@pytest.mark.parametrize("record", [_FULL, status(), _CONTROL], ids=["declaration", "status", "control"])
def test_the_oracle_reads_what_fastavro_writes_in_any_legal_encoding(record: dict[str, object]) -> None:
    schema = schemas.latest(name_of(record)).parsed
    assert read_body(schema, encode(record)[10:])[0] == record
    assert write(schema, record) == encode(record)[10:]
    for how in (("blocks", 1), ("blocks", 2), ("long varint", 10)):
        value = mangled(record, how).value
        assert value is not None
        assert read_body(schema, value[10:])[0] == record
        assert fastavro.schemaless_reader(io.BytesIO(value[10:]), schema, None)["version"] == 1


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973_932_308),
        (b"foobar", -790_332_482),
        (b"a-little-bit-long-string", -985_981_536),
        (b"a-little-bit-longer-string", -1_486_304_829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        (b"abc", 479_470_107),
    ],
)
def test_murmur2_gives_the_numbers_of_kafkas_own_test(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


@pytest.mark.parametrize(
    ("days", "year"),
    [
        (-1, 1969),
        (0, 1970),
        (11_016, 2000),
        (11_015, 2000),
        (20_453, 2025),
        (20_454, 2026),
        (-719_528, 0),
        (-719_529, -1),
    ],
)
def test_the_year_of_a_date(days: int, year: int) -> None:
    assert year_of(days) == year
