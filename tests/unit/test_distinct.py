"""Different values are counted exactly, whatever comes and goes: from entries in source partitions to totals."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from processor.engine import presence
from processor.engine.counters import timed
from processor.engine.model import Batch, Due, LogRecord, Outcome, Source
from processor.engine.partials import Writer
from processor.engine.several import Upon
from processor.engine.totals import TotalsFold
from processor.engine.totals_rows import Counted
from processor.flows.declarations.counters import COUNTERS
from tests.engine import PARTITIONS, TOTALS, Memory
from tests.events import at

(ENTERPRISES,) = [counter for counter in COUNTERS if counter.distinct is not None]
WIDTH = max(len(counter.measures) for counter in COUNTERS)
FOLD = TotalsFold([Counted("declarations", COUNTERS, PARTITIONS)], 1)
WRITER = Writer("declarations", COUNTERS, TOTALS)
MARCH, APRIL, NEXT_YEAR = (at(f"{day}T10:00+08:00") for day in ("2025-03-01", "2025-04-01", "2026-03-01"))

Key = tuple[str, int | None, str, str, str]
"""Window, its first instant (ms), area, channel and flow."""


class Entry(NamedTuple):
    """A declaration of a trader that counts, or (`sign` -1) no longer."""

    trader: str
    at: int = MARCH
    areas: str = ""
    channel: str = "OTHER"
    flow: str = "IMPORT"
    sign: int = 1


def frame(entries: Sequence[Entry]) -> pl.DataFrame:
    text = dict.fromkeys(("trader", "areas", "channel", "flow", "jurisdiction", "time_zone"), pl.String)
    rows = [(0, e.at, e.at, e.sign, e.trader, e.areas, e.channel, e.flow, "CN", "Asia/Shanghai") for e in entries]
    schema = {**dict.fromkeys(("source", "at", "appended", "sign"), pl.Int64), **text}
    return timed(pl.DataFrame(rows, schema=schema, orient="row"))


@dataclass
class World:
    """Source partitions that post, the log of partials between, and totals partitions that add up."""

    sources: dict[int, Memory] = field(default_factory=lambda: defaultdict(Memory))
    logs: list[list[LogRecord]] = field(default_factory=lambda: [[] for _ in range(TOTALS)])
    stores: list[Memory] = field(default_factory=lambda: [Memory() for _ in range(TOTALS)])
    totals: dict[bytes, bytes | None] = field(default_factory=dict)

    def post(self, source: int, *entries: Entry, watermark: int = 0) -> list[tuple[str, int]]:
        """Entries of one source partition; what it tells of each trader: 1 there, 0 gone."""
        store, here = self.sources[source], Source("customs.declarations", source, PARTITIONS)
        store.position += 1
        outcome = Outcome(store.position, 0)
        told = presence.told(ENTERPRISES, frame(entries), presence.Counts(Upon([here], [store], [outcome]), WIDTH))
        (messages,) = WRITER.messages([Due(here, [], store.position, watermark, store)], [told])
        for message in messages:
            log = self.logs[message.partition]
            log += [
                LogRecord(len(log) + n, 0, key, value)
                for n, (key, value) in enumerate(zip(message.keys, message.values, strict=True))
            ]
        store.write(outcome)
        return sorted(zip((route.decode() for route in told.routes), told.values[:, 0].tolist(), strict=True))

    def fold(self, most: int = 10_000) -> None:
        """All that has come, in batches of so many records at most."""
        for partition, (log, store) in enumerate(zip(self.logs, self.stores, strict=True)):
            source, end = Source("counters.partials", partition, TOTALS), log[-1].offset + 1 if log else 0
            fresh = [record for record in log if record.offset >= store.position]
            batch = Batch(fresh, store.position, end)
            while batch.records:
                now = batch.first(most)
                outcome = FOLD.step(source, now, store)
                for message in outcome.messages:
                    if message.topic == "counters.enterprises":
                        self.totals.update(zip(message.keys, message.values, strict=True))  # type: ignore[arg-type]
                store.write(outcome)
                batch = batch.since(now.end)

    def statuses(self) -> dict[str, set[str]]:
        """By window, of all totals."""
        found: dict[str, set[str]] = defaultdict(set)
        for key, value in self.totals.items():
            assert value is not None
            found[schemas.decode(key)[1]["window"]].add(schemas.decode(value)[1]["status"])
        return found

    def slices(self) -> dict[Key, dict[int, int]]:
        """How many enterprises each slice of a key counts."""
        found: dict[Key, dict[int, int]] = defaultdict(dict)
        for raw_key, raw_value in self.totals.items():
            assert raw_value is not None
            key, value = schemas.decode(raw_key)[1], schemas.decode(raw_value)[1]
            start = key["window_start"]
            moment = None if start is None else round(start.timestamp() * 1000)
            found[key["window"], moment, key["area"], key["channel"], key["flow"]][key["slice"]] = value["enterprises"]
        return found

    def counted(self) -> dict[Key, int]:
        """How many there are by key; where there are none, no key."""
        sums = {key: sum(slices.values()) for key, slices in self.slices().items()}
        return {key: n for key, n in sums.items() if n}


def ever(world: World, area: str = "CN", channel: str = "ALL") -> int:
    world.fold()
    return world.counted().get(("ALL_TIME", None, area, channel, "IMPORT"), 0)


def compacted(log: Sequence[LogRecord]) -> list[LogRecord]:
    """The newest record of each key, with the offset it had."""
    return sorted({record.key: record for record in log}.values())


#   declarations of T in partition 1    1   2   1   0
#   told                                1   -   -   0
def test_a_source_tells_a_value_when_it_comes_and_when_it_goes_and_not_between() -> None:
    world = World()
    assert world.post(1, Entry("T")) == [("T", 1)]
    assert world.post(1, Entry("T")) == []
    assert world.post(1, Entry("T", sign=-1)) == []
    assert world.post(1, Entry("T", sign=-1)) == [("T", 0)]
    assert world.post(1, Entry("T")) == [("T", 1)]


def test_what_comes_and_goes_within_a_posting_is_not_told() -> None:
    world = World()
    assert world.post(1, Entry("T"), Entry("T", sign=-1)) == []
    assert world.post(1, Entry("T"), Entry("T", sign=-1), Entry("T")) == [("T", 1)]
    assert world.post(1, Entry("T", sign=-1), Entry("T")) == []
    assert world.post(1) == []


def test_a_trader_with_many_declarations_is_one_enterprise() -> None:
    world = World()
    world.post(0, *[Entry("T")] * 5, Entry("U"))
    world.post(3, *[Entry("T")] * 2)
    assert ever(world) == 2


#   partition 0    T     -     -     T     -
#   partition 5    -     T     T     -     -
#   enterprises    1     1     1     1     0
def test_a_trader_is_there_as_long_as_any_source_has_it() -> None:
    world, seen = World(), []
    for partition, sign in ((0, 1), (5, 1), (0, -1), (0, 1), (5, -1), (0, -1)):
        world.post(partition, Entry("T", sign=sign))
        seen.append(ever(world))
    assert seen == [1, 1, 1, 1, 1, 0]


def test_a_month_counts_its_own_a_year_those_of_its_months_and_all_time_those_of_its_years() -> None:
    world = World()
    world.post(0, Entry("T", MARCH), Entry("U", MARCH), Entry("T", APRIL), Entry("T", NEXT_YEAR))
    world.fold()
    days = [at(f"{day}T00:00+08:00") for day in ("2025-03-01", "2025-04-01", "2026-03-01", "2025-01-01", "2026-01-01")]
    march, april, later, year, next_year = days
    found = {key[:2]: n for key, n in world.counted().items()}
    assert found == {
        ("MONTH", march): 2,
        ("MONTH", april): 1,
        ("MONTH", later): 1,
        ("YEAR", year): 2,
        ("YEAR", next_year): 1,
        ("ALL_TIME", None): 2,
    }
    world.post(0, Entry("T", MARCH, sign=-1), Entry("T", NEXT_YEAR, sign=-1))
    world.fold()
    found = {key[:2]: n for key, n in world.counted().items()}
    assert found == {("MONTH", march): 1, ("MONTH", april): 1, ("YEAR", year): 2, ("ALL_TIME", None): 2}


def test_areas_and_channels_count_a_trader_once_each() -> None:
    world = World()
    world.post(0, Entry("T", areas="37 3702", channel="PLATFORM"), Entry("T", areas="37"), Entry("U", areas="37"))
    world.post(1, Entry("T", areas="37 3702"))
    expected = {("CN", "ALL"): 2, ("CN", "PLATFORM"): 1, ("37", "ALL"): 2, ("37", "PLATFORM"): 1, ("3702", "ALL"): 1}
    assert {(area, channel): ever(world, area, channel) for area, channel in expected} == expected
    world.post(0, Entry("T", areas="37 3702", channel="PLATFORM", sign=-1))
    expected = {("CN", "ALL"): 2, ("CN", "PLATFORM"): 0, ("37", "ALL"): 2, ("37", "PLATFORM"): 0, ("3702", "ALL"): 1}
    assert {(area, channel): ever(world, area, channel) for area, channel in expected} == expected


def test_a_trader_that_moves_is_where_it_has_a_declaration_that_counts() -> None:
    world = World()
    world.post(0, Entry("T", areas="37"))
    world.post(0, Entry("T", areas="37", sign=-1), Entry("T", areas="11"))
    assert (ever(world), ever(world, "37"), ever(world, "11")) == (1, 0, 1)


def test_a_month_of_enterprises_becomes_final_as_any_other() -> None:
    world = World()
    for source in range(PARTITIONS):
        world.post(source, Entry("T"), watermark=MARCH)
    world.fold()
    assert world.statuses() == {"MONTH": {"PROVISIONAL"}, "YEAR": {"PROVISIONAL"}, "ALL_TIME": {"PROVISIONAL"}}
    for source in range(PARTITIONS):
        world.post(source, watermark=at("2025-04-01T01:00+08:00"))
    world.fold()
    assert world.statuses() == {"MONTH": {"FINAL"}, "YEAR": {"PROVISIONAL"}, "ALL_TIME": {"PROVISIONAL"}}
    for source in range(PARTITIONS):
        world.post(source, Entry("T", sign=-1), watermark=APRIL)
    world.fold()
    assert world.statuses()["MONTH"] == {"REVISED"}
    assert world.counted() == {}
    assert {key[2:] for key in world.slices()} == {("CN", "ALL", "IMPORT")}, "and no single trader has become a total"


def test_each_trader_is_in_one_slice_and_every_slice_has_some() -> None:
    world, traders = World(), [f"T{n}" for n in range(40)]
    for source in range(PARTITIONS):
        world.post(source, *(Entry(trader, areas="37") for trader in traders))
    world.fold()
    for slices in world.slices().values():
        assert set(slices) == set(range(TOTALS))
        assert sum(slices.values()) == len(traders)
    slices_of: dict[str, set[int]] = defaultdict(set)
    for partition, log in enumerate(world.logs):
        for record in log:
            assert record.value is not None
            key = schemas.decode(record.value)[1]["counter_key"]
            if key:
                slices_of[key.split("\x1f")[-2]].add(partition)
    assert {len(found) for found in slices_of.values()} == {1}, "all that is said of a trader comes to one place"


#   position   1 (T comes)   2 (T goes)   1 again
#   counted        1             0           0
def test_a_partial_that_stands_behind_what_is_known_changes_nothing() -> None:
    world = World()
    world.post(0, Entry("T"))
    stale = [list(log) for log in world.logs]
    assert ever(world) == 1
    world.post(0, Entry("T", sign=-1))
    assert ever(world) == 0
    for log, old in zip(world.logs, stale, strict=True):
        log += [LogRecord(len(log) + n, 0, record.key, record.value) for n, record in enumerate(old)]
    assert ever(world) == 0
    world.post(0, Entry("T"))
    assert ever(world) == 1


def test_partials_told_twice_count_once() -> None:
    world = World()
    world.post(0, Entry("T"), Entry("U", areas="37"))
    for log in world.logs:
        log += [record._replace(offset=len(log) + n) for n, record in enumerate(log)]
    assert (ever(world), ever(world, "37")) == (2, 1)


@pytest.mark.parametrize("most", [1, 2, 10_000])
def test_other_counters_pass_with_them_untouched(most: int) -> None:
    world, source = World(), Source("customs.declarations", 2, PARTITIONS)
    name = b"a\x1f0\x1flanes\x1fRED\x1f4200\x1fIMPORT\x1fCN\x1fAsia/Shanghai"
    told = presence.Told([name], np.full((1, WIDTH), 7), [name], np.zeros(1, np.int64))
    (messages,) = WRITER.messages([Due(source, [], 1, 0, Memory())], [told])
    for message in messages:
        world.logs[message.partition] += [
            LogRecord(n, 0, key, value) for n, (key, value) in enumerate(zip(message.keys, message.values, strict=True))
        ]
    world.post(0, Entry("T"))
    world.fold(most)
    assert ever(world) == 1
    rows = [value for store in world.stores for key, value in store.entries.items() if key == b"t" + name]
    assert len(rows) == 1


TRADERS = st.sampled_from(["T", "U", "V", "W"])
ENTRIES = st.builds(
    Entry,
    trader=TRADERS,
    at=st.sampled_from([MARCH, APRIL, NEXT_YEAR]),
    areas=st.sampled_from(["", "37", "37 3702"]),
    channel=st.sampled_from(["PLATFORM", "OTHER"]),
    flow=st.sampled_from(["IMPORT", "IMPORT", "EXPORT"]),
    sign=st.just(1),
)


class Move(NamedTuple):
    """One posting of a source partition: what comes to count, and which of what it had counts no longer; whether the
    totals are folded afterwards, in batches of so many.
    """

    source: int
    coming: list[Entry]
    going: list[int]
    fold: int | None


MOVES = st.builds(
    Move,
    source=st.integers(0, 2),
    coming=st.lists(ENTRIES, max_size=3),
    going=st.lists(st.integers(0, 99), max_size=3),
    fold=st.sampled_from([None, 1, 3, 10_000]),
)


def windows(moment: int) -> list[tuple[str, int | None]]:
    month, year = {
        MARCH: ("2025-03-01", "2025-01-01"),
        APRIL: ("2025-04-01", "2025-01-01"),
        NEXT_YEAR: ("2026-03-01", "2026-01-01"),
    }[moment]
    return [("MONTH", at(f"{month}T00:00+08:00")), ("YEAR", at(f"{year}T00:00+08:00")), ("ALL_TIME", None)]


def by_sets(entries: Sequence[Entry]) -> dict[Key, int]:
    """How many different traders there are, plainly."""
    traders: dict[Key, set[str]] = defaultdict(set)
    for e in entries:
        for window, start in windows(e.at):
            for area in ["CN", *e.areas.split()]:
                for channel in {"ALL", e.channel} - {"OTHER"}:
                    traders[window, start, area, channel, e.flow].add(e.trader)
    return {key: len(found) for key, found in traders.items()}


@settings(max_examples=25)
@given(st.lists(MOVES, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_coming_and_going_is_counted_as_sets_are(moves: list[Move], random: Any) -> None:
    world = World()
    here: dict[int, list[Entry]] = defaultdict(list)
    for move in moves:
        own = here[move.source]
        gone = [own.pop(n % len(own)) for n in move.going if own]
        world.post(move.source, *move.coming, *(entry._replace(sign=-1) for entry in gone))
        own += move.coming
        if move.fold:
            world.fold(move.fold)
    world.fold()
    expected = by_sets([*chain.from_iterable(here.values())])
    assert world.counted() == expected
    rebuilt = World(logs=[compacted(log) for log in world.logs])
    rebuilt.fold(3)
    assert rebuilt.counted() == expected, "from a compacted log"
    shuffled = World(logs=[in_another_order(log, random) for log in world.logs])
    shuffled.fold()
    assert shuffled.counted() == expected, "in another order of sources"


def in_another_order(log: Sequence[LogRecord], random: Any) -> list[LogRecord]:
    """The same records, those of each source in their order."""
    of: dict[bytes, list[LogRecord]] = defaultdict(list)
    for record in log:
        assert record.key is not None
        of[record.key.split(b"\x1f")[2]].append(record)
    turns = [source for source, records in of.items() for _ in records]
    random.shuffle(turns)
    waiting = {source: iter(records) for source, records in of.items()}
    return [next(waiting[source])._replace(offset=n) for n, source in enumerate(turns)]
