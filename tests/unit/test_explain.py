"""What a total is made of: the contributions to any total add up to it, and say which declarations they are of."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemas
from connectors.counters import COUNTERS
from connectors.table import AsOf, Snapshot, Table
from processor.engine.flow import RegisterFold
from processor.engine.model import Batch, LogRecord, Outcome, Source, View
from processor.explain import OF_ANSWERS, Explanation, Refold, ask, explain, published
from processor.flows.declarations.counters import COUNTERS as COUNTED
from processor.looks import _explained
from tests import events, strategies
from tests.engine import PARTITIONS, Engine
from tests.oracle_decode import LogRecord as OracleRecord
from tests.oracle_decode import partition_of

AMENDED, CANCELLED, KEPT = events.number(1), events.number(2), events.number(3)
WHERE = ("flow=IMPORT", "jurisdiction=CN")
CHAPTER = ("breakdown=CHAPTER", "code=87", *WHERE)
IN_SHANDONG = ("area=37", "channel=ALL", *WHERE)
MARCH = date(2025, 3, 1)
Log = dict[int, list[LogRecord]]


@cache
def refold() -> Refold:
    return Refold(1)


def by_partition(records: list[OracleRecord]) -> Log:
    parts: Log = {p: [] for p in range(PARTITIONS)}
    for r in records:
        parts[r.partition].append(LogRecord(r.offset, r.timestamp_ms, r.key, r.value))
    return parts


def counted(log: Log) -> Engine:
    engine = Engine()
    for partition, records in log.items():
        if records:
            engine.feed(partition, records)
    engine.publish(max((r.timestamp for records in log.values() for r in records), default=0))
    return engine


def taken(engine: Engine, name: str) -> Snapshot[Any, Any]:
    """A counter's table, as of all that was fed."""
    table: Table[Any, Any] = Table(next(counter for counter in COUNTERS if counter.name == name))
    for key, value in engine.totals.items():
        if schemas.decode(key)[1]["counter"] == name:
            table.apply(key, value)
    positions = tuple(engine.stores[p].position if p in engine.stores else 0 for p in range(PARTITIONS))
    return Snapshot(table.rows, AsOf(1, positions, datetime(2025, 3, 1, tzinfo=UTC)))


def explained(log: Log, name: str, dimensions: Sequence[str], window: str, size: int = 2) -> Explanation:
    """A total of the engine explained from its log, for the window that begins with March."""
    return explain(ask(name, dimensions, window, MARCH), taken(counted(log), name), fetched(log, size))


def fetched(log: Log, size: int) -> Callable[[int, int], Sequence[list[LogRecord]]]:
    """The log as a reader hands it over: so many records at a time."""
    return lambda partition, _: [log[partition][at : at + size] for at in range(0, len(log[partition]), size)]


def history(explanation: Explanation) -> list[tuple[Any, ...]]:
    """Number, sign and minute of the contributions, and of trade the first three measures."""
    return [tuple(map(plain, one.values()))[:6] for one in explanation.as_dict()["contributions"]]


def plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def course() -> Log:
    """Three declarations, two of one trader; what became of them its numbers say."""
    #   1 March  09:00 lodged  10:00 accepted  10:30 released | 2 March  09:00 amended | 3 March  09:00 cancelled
    traders = {AMENDED: events.uscc(1), CANCELLED: events.uscc(1), KEPT: events.uscc(2)}
    goods = [events.item(), events.item(2, "8704100000")]
    amended = events.declaration(AMENDED, 2, items=[events.item(total=70_000)], trader_id=None)
    moments = [
        *[
            ("2025-03-01T09:00+08:00", events.declaration(number, items=goods, trader_id=trader, trader_province="37"))
            for number, trader in traders.items()
        ],
        *[("2025-03-01T10:00+08:00", events.status(number, "ACCEPTED")) for number in traders],
        *[("2025-03-01T10:30+08:00", events.status(number, "RELEASED")) for number in traders],
        ("2025-03-02T09:00+08:00", amended),
        ("2025-03-03T09:00+08:00", events.status(CANCELLED, "CANCELLED")),
    ]
    return by_partition(
        events.log([(record | {"event_time": events.at(when)}, events.at(when)) for when, record in moments])
    )


def test_an_amended_and_a_cancelled_declaration_are_told_with_what_they_took_away() -> None:
    found = explained(course(), "trade", CHAPTER, "DAY")
    released = "2025-03-01T10:30"
    assert history(found) == [
        (AMENDED, 1, released, 1, 2, "2000.00"),
        (AMENDED, -1, released, -1, -2, "-2000.00"),
        (AMENDED, 1, released, 1, 1, "700.00"),
        (CANCELLED, 1, released, 1, 2, "2000.00"),
        (CANCELLED, -1, released, -1, -2, "-2000.00"),
        (KEPT, 1, released, 1, 2, "2000.00"),
    ]
    assert found.agrees
    assert found.sum == (2, 3, 270_000, 1_500_000, 0, 0)


@pytest.mark.parametrize(
    ("counter", "dimensions"),
    [
        ("trade", ("breakdown=TOTAL", "code=ALL", *WHERE)),
        ("trade-with-groups", ("group=SCO", "membership=DATED", "area=CN", *WHERE)),
    ],
)
def test_what_one_fetch_brings_of_a_declaration_is_told_singly_although_it_is_counted_together(
    counter: str, dimensions: tuple[str, ...]
) -> None:
    found = explained(course(), counter, dimensions, "DAY", size=100)
    signs = [(AMENDED, 1), (AMENDED, -1), (AMENDED, 1), (CANCELLED, 1), (CANCELLED, -1), (KEPT, 1)]
    assert [one[:3] for one in history(found)] == [(*one, "2025-03-01T10:30") for one in signs]
    assert found.agrees
    assert found.sum[0] == 2


def test_stages_are_never_taken_back() -> None:
    found = explained(course(), "declarations-by-stage", ("stage=RELEASED", "office=4200", *WHERE), "MONTH")
    assert [one[:2] for one in history(found)] == [(AMENDED, 1), (CANCELLED, 1), (KEPT, 1)]
    assert found.agrees


def test_enterprises_are_counted_once_each_and_not_named() -> None:
    #   of trader 1: one declaration is amended to name nobody, the other cancelled; of trader 2: one
    found = explained(course(), "enterprises", IN_SHANDONG, "MONTH")
    signs = [(AMENDED, 1), (AMENDED, -1), (CANCELLED, 1), (CANCELLED, -1), (KEPT, 1)]
    assert history(found) == [(*one, "2025-03-01T10:30") for one in signs]
    assert found.sum == found.total == (1,)
    for trader in (events.uscc(1), events.uscc(2)):
        assert trader not in str(found.as_dict())


def test_what_comes_after_the_positions_of_the_total_is_not_of_it() -> None:
    log = course()
    snapshot, counted_upto = taken(counted(log), "trade"), sum(map(len, log.values()))
    late = events.status(KEPT, "CANCELLED", event_time=events.at("2025-03-04T09:00+08:00"))
    own = log[partition_of(KEPT.encode())]
    own.append(LogRecord(len(own), late["event_time"], KEPT.encode(), events.encode(late)))
    found = explain(ask("trade", CHAPTER, "DAY", MARCH), snapshot, fetched(log, 100))
    assert found.agrees
    assert found.sum[0] == 2
    assert sum(found.as_of.positions) == counted_upto


def test_a_total_that_is_not_the_sum_is_told() -> None:
    log, asked = course(), ask("trade", CHAPTER, "DAY", MARCH)
    snapshot = taken(counted(log), "trade")
    rows = {key: row._replace(measures=row.measures._replace(value=1)) for key, row in snapshot.rows.items()}
    found = explain(asked, snapshot._replace(rows=rows), fetched(log, 100))
    assert not found.agrees
    told = list(_explained(found.as_dict()))
    assert told[0].split() == ["number", "sign", "minute", *(name for name, _ in asked.counter.measures)]
    assert [line.split() for line in told[-4:-1]] == [
        [KEPT, "+1", "2025-03-01T10:30", "1", "2", "2,000.00", "1,000,000", "0.00000", "0"],
        ["sum", "2", "3", "2,700.00", "1,500,000", "0.00000", "0"],
        ["published", "2", "3", "0.01", "1,500,000", "0.00000", "0"],
    ]
    assert told[-1] == "6 contributions: not as published"
    assert len(set(map(len, told[:-1]))) == 1


def test_a_total_that_is_not_there_is_zero_and_has_no_contributions() -> None:
    found = explained(course(), "trade", ("breakdown=CHAPTER", "code=01", *WHERE), "MONTH", size=100)
    assert found.agrees
    assert (history(found), found.total) == ([], (0,) * 6)


def test_what_is_no_total_is_said_in_a_line() -> None:
    for arguments, reason in (
        (("progress", CHAPTER, "DAY", MARCH), "no counter progress; there are: "),
        (("answers", ("sender=A", "record=B", "outcome=C"), "DAY", MARCH), "its contributions are the receipts"),
        (
            ("trade", CHAPTER[1:], "DAY", MARCH),
            "is named by breakdown=... code=... flow=... jurisdiction=..., each once",
        ),
        (("trade", (*CHAPTER, "code=88"), "DAY", MARCH), "each once; not by"),
        (("trade", ("breakdown", *CHAPTER[1:]), "DAY", MARCH), "each once; not by"),
        (("enterprises", IN_SHANDONG, "DAY", MARCH), "enterprises has no DAY; it has MONTH, YEAR, ALL_TIME"),
        (("trade", CHAPTER, "DAY", None), "which DAY? say its first day with --start"),
        (("trade", CHAPTER, "ALL_TIME", MARCH), "ALL_TIME has no start"),
        (("trade", CHAPTER, "YEAR", MARCH), "no YEAR begins on 2025-03-01"),
        (("trade", CHAPTER, "MONTH", date(2025, 3, 2)), "no MONTH begins on 2025-03-02"),
    ):
        with pytest.raises(ValueError, match=re.escape(reason)) as refused:
            ask(*arguments)
        assert "\n" not in str(refused.value)


class Brittle(RegisterFold):
    """A fold that one record breaks."""

    def step(self, source: Source, batch: Batch, view: View, *, silent: bool = False) -> Outcome:
        if any(record.offset == 1 for record in batch.records):
            raise ZeroDivisionError
        return super().step(source, batch, view, silent=silent)


def test_a_record_that_breaks_the_step_is_left_out_as_the_worker_leaves_it_out() -> None:
    partition, log = next((p, records) for p, records in course().items() if len(records) > 2)
    whole, brittle = refold(), Refold(1)
    brittle.fold.__class__ = Brittle

    def reached(by: Refold, records: list[LogRecord]) -> list[str]:
        stages = [entries["stage"]["stage"] for _, entries in by.entries(partition, [records], len(log))]
        return [stage for some in stages for stage in some]

    assert reached(brittle, log) == reached(whole, [log[0], *log[2:]]) != reached(whole, log)


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(strategies.logs(max_size=30), st.integers(1, 7))
def test_the_contributions_to_any_total_of_any_log_add_up_to_it(records: list[OracleRecord], size: int) -> None:
    log = by_partition(records)
    engine, read = counted(log), fetched(log, size)
    entries = [found for p in range(PARTITIONS) for _, found in refold().entries(p, read(p, len(log[p])), len(log[p]))]
    for counter in COUNTED:
        if counter.of in OF_ANSWERS:
            continue
        snapshot = taken(engine, counter.name)
        for key, row in snapshot.rows.items():
            if key.window == "MINUTE":
                continue
            start = key.window_start and key.window_start.astimezone(ZoneInfo(row.time_zone)).date()
            said = [f"{name}={getattr(key, name)}" for name in counter.dimensions]
            asked = ask(counter.name, said, key.window, start)
            parts = pl.concat([pl.DataFrame(schema=asked.columns), *map(asked.among, entries)])
            explanation = Explanation(asked, parts, *published(asked, snapshot))
            assert explanation.agrees, key
            assert set(explanation.contributions["sign"]) <= {1, -1}
