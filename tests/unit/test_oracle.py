import io
from collections import defaultdict

import fastavro
import pytest
from hypothesis import given

import schemas
from tests import strategies
from tests.events import declaration, encode, status
from tests.expectation import Scenario
from tests.mangle import mangled, write
from tests.oracle import Oracle
from tests.oracle_decode import LogRecord, murmur2, read_body
from tests.oracle_rules import year_of
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
        lambda: defaultdict(lambda: [0] * 3)
    )
    for (counter, window, _, dims), measures in oracle.counters.items():
        assert min(measures) >= 0
        for place, measure in enumerate(measures):
            sums[counter, dims][window][place] += measure
    for by_window in sums.values():
        assert by_window["DAY"] == by_window["MONTH"] == by_window["YEAR"] == by_window["ALL_TIME"]


@given(strategies.logs())
def test_an_answer_other_than_accepted_counts_nothing(records: list[LogRecord]) -> None:
    oracle = Oracle()
    for record in records:
        before = dict(oracle.counters)
        answer = oracle.feed(record)
        assert (oracle.counters != before) == (answer[1] in {"ACCEPTED", "ACCEPTED_WITH_WARNINGS"})


@pytest.mark.parametrize("record", [declaration(), status()], ids=["declaration", "status"])
def test_the_oracle_reads_what_fastavro_writes_in_any_legal_encoding(record: dict[str, object]) -> None:
    schema = schemas.latest("DeclarationStatus" if "status" in record else "CustomsDeclaration").parsed
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
