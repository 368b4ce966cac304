"""Counting entries: each counter in its own windows, whose keys are worked by hand."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.engine import counters
from processor.engine.counters import ALL_TIME, DAY, MINUTE, MONTH, WINDOWS, YEAR, Changes, Counter
from processor.flows.declarations.counters import COUNTERS
from tests.events import at

CHINA = "Asia/Shanghai"
EVERY = (MINUTE, DAY, MONTH, YEAR, ALL_TIME)
LIFETIME = 48 * 3_600_000


class Entry(NamedTuple):
    """What is counted: `at` and `appended` in ms; by default it came a second after it happened."""

    at: int
    code: str = "KZ"
    value: int = 5
    sign: int = 1
    zone: str = CHINA
    appended: int | None = None


def counter(name: str = "trade", windows: tuple[str, ...] = EVERY) -> Counter:
    return Counter(name, "it", ("flow", "code"), (("entries", "sign"), ("value", "value")), windows)


def frame(entries: Sequence[Entry]) -> pl.DataFrame:
    rows = [
        (e.at, e.sign, e.sign * e.value, e.at + 1_000 if e.appended is None else e.appended, e.code, e.zone, "IMPORT")
        for e in entries
    ]
    numbers = dict.fromkeys(("at", "sign", "value", "appended"), pl.Int64)
    text = dict.fromkeys(("code", "time_zone", "flow"), pl.String)
    timed = counters.timed(pl.DataFrame(rows, schema={**numbers, **text}, orient="row"))
    return timed.with_columns(source=pl.lit(0, pl.Int64))


def found(changes: Changes) -> dict[str, list[int]]:
    """Amounts by counter key, the separators as dots."""
    assert len(set(changes.keys)) == len(changes.keys)
    names = (key.decode().replace(counters.SEPARATOR, ".") for key in changes.keys)
    return dict(zip(names, changes.amounts.tolist(), strict=True))


def counted(entries: Sequence[Entry], *of: Counter) -> dict[str, list[int]]:
    return found(counters.count(of, {"it": frame(entries)}, 2))


#   2025-03-01 is day 20,148 since 1970; it has 1,440 minutes; March is month 2 of 2025, from January's 0
@pytest.mark.parametrize(
    ("moment", "minute"),
    [
        ("2025-03-01T00:00:00+08:00", 20_148 * 1440),
        ("2025-03-01T10:01:59.999+08:00", 20_148 * 1440 + 601),
        ("2025-03-01T23:59:59.999+08:00", 20_148 * 1440 + 1439),
    ],
)
def test_keys_of_every_window_say_kind_number_counter_dimensions_and_zone(moment: str, minute: int) -> None:
    assert counted([Entry(at(moment))], counter()) == {
        f"m.{minute}.trade.IMPORT.KZ.{CHINA}": [1, 5],
        f"d.20148.trade.IMPORT.KZ.{CHINA}": [1, 5],
        f"n.{2025 * 12 + 2}.trade.IMPORT.KZ.{CHINA}": [1, 5],
        f"y.2025.trade.IMPORT.KZ.{CHINA}": [1, 5],
        f"a.0.trade.IMPORT.KZ.{CHINA}": [1, 5],
    }


#   UTC        2024-12-31 15:00          2024-12-31 16:00
#   Shanghai   2024-12-31 23:00          2025-01-01 00:00
#   Seoul      2025-01-01 00:00          2025-01-01 01:00
def test_windows_are_cut_on_the_wall_clock_of_each_entrys_own_zone() -> None:
    moments = [at("2024-12-31T15:00Z"), at("2024-12-31T16:00Z")]
    entries = [Entry(moment, zone=zone) for moment in moments for zone in (CHINA, "Asia/Seoul", "UTC")]
    years = counted(entries, counter(windows=(YEAR,)))
    assert {key: amounts[0] for key, amounts in years.items()} == {
        f"y.2024.trade.IMPORT.KZ.{CHINA}": 1,
        f"y.2025.trade.IMPORT.KZ.{CHINA}": 1,
        "y.2025.trade.IMPORT.KZ.Asia/Seoul": 2,
        "y.2024.trade.IMPORT.KZ.UTC": 2,
    }


@pytest.mark.parametrize("windows", [w for size in range(1, 6) for w in combinations(EVERY, size)], ids="".join)
def test_a_counter_has_the_windows_it_names_and_no_others(windows: tuple[str, ...]) -> None:
    entries = [Entry(at("2025-03-01T10:00+08:00")), Entry(at("2025-03-31T10:00+08:00"))]
    days = counted(entries, counter(windows=windows))
    assert {key[0] for key in days} == set(windows)
    each = {MINUTE: 2, DAY: 2, MONTH: 1, YEAR: 1, ALL_TIME: 1}
    assert len(days) == sum(each[kind] for kind in windows)


def test_counters_with_different_windows_and_widths_are_counted_side_by_side() -> None:
    wide = Counter("wide", "it", ("code",), (("a", "sign"), ("b", "value"), ("c", "value")), (DAY,))
    narrow = Counter("narrow", "other", (), (("a", "sign"),), (MINUTE, YEAR))
    there = frame([Entry(at("2025-03-01T10:00+08:00"))] * 3)
    assert found(counters.count((wide, narrow), {"it": there, "other": there}, 3)) == {
        f"d.20148.wide.KZ.{CHINA}": [3, 15, 15],
        f"m.{20_148 * 1440 + 600}.narrow.{CHINA}": [3, 0, 0],
        f"y.2025.narrow.{CHINA}": [3, 0, 0],
    }
    assert found(counters.count((wide, narrow), {"it": there, "other": frame([])}, 3)).keys() == {
        f"d.20148.wide.KZ.{CHINA}"
    }


def test_what_is_taken_away_in_the_same_batch_leaves_a_zero_that_is_told() -> None:
    moment = at("2025-03-01T10:00+08:00")
    assert counted([Entry(moment), Entry(moment, sign=-1)], counter(windows=(DAY, ALL_TIME))) == {
        f"d.20148.trade.IMPORT.KZ.{CHINA}": [0, 0],
        f"a.0.trade.IMPORT.KZ.{CHINA}": [0, 0],
    }


def test_no_entries_change_nothing() -> None:
    for of in ((counter(), counter("other", (DAY,))), ()):
        nothing = counters.count(of, {"it": frame([])}, 2)
        assert (nothing.keys, nothing.amounts.shape) == ([], (0, 2))


#   the minute 10:00 of March 1st lives until 10:00 of March 3rd, whatever second of it an entry is of
@pytest.mark.parametrize("second", ["00", "59.999"])
@pytest.mark.parametrize(
    ("late", "lives"), [(LIFETIME - 1, True), (LIFETIME, False), (30 * LIFETIME, False), (0, True)]
)
def test_a_minute_counts_for_48_hours_and_what_comes_later_counts_in_days(second: str, late: int, lives: bool) -> None:
    moment, minute = at(f"2025-03-01T10:00:{second}+08:00"), at("2025-03-01T10:00+08:00")
    keys = counted([Entry(moment, appended=minute + late)], counter())
    assert {key[0] for key in keys} == set(EVERY if lives else EVERY[1:])


def test_late_and_early_entries_of_a_minute_are_told_apart_in_minutes_only() -> None:
    minute = at("2025-03-01T10:00+08:00")
    entries = [Entry(minute), Entry(minute, appended=minute + LIFETIME), Entry(minute, appended=minute - LIFETIME)]
    amounts = counted(entries, counter(windows=(MINUTE, DAY)))
    assert [amounts[key][0] for key in sorted(amounts, reverse=True)] == [2, 3]


def test_old_minutes_go_once_an_hour_and_none_that_may_still_be_touched() -> None:
    hour = at("2025-03-01T10:00Z")
    assert counters.expired_minutes(hour, hour + 3_599_999) is None
    gone = counters.expired_minutes(hour - 1, hour)
    assert gone is not None
    start, end = gone

    def key(moment: int, zone: str) -> bytes:
        (change,) = counters.count((counter(windows=(MINUTE,)),), {"it": frame([Entry(moment, zone=zone)])}, 2).keys
        return counters.PREFIX + change

    for zone in ("Etc/GMT+12", CHINA, "Pacific/Kiritimati"):  # UTC-12 to UTC+14
        assert not start <= key(hour - LIFETIME, zone) < end, "counts no more, but is nobody's to remove yet"
        assert start <= key(hour - LIFETIME - 30 * 3_600_000, zone) < end
    (day,) = counters.count((counter(windows=(DAY,)),), {"it": frame([Entry(hour - 99 * LIFETIME)])}, 2).keys
    assert not start <= counters.PREFIX + day < end


MOMENTS = st.one_of(
    st.integers(at("2000-01-01T00:00Z"), at("2100-01-01T00:00Z")),
    st.builds(
        lambda edge, off: at(edge) + off,
        st.sampled_from(["2025-01-01T00:00+08:00", "2024-02-29T00:00+08:00", "2025-10-26T01:00Z", "2025-03-30T01:00Z"]),
        st.sampled_from([-3_600_000, -60_000, -1, 0, 1, 59_999, 60_000, 3_600_000, 86_400_000]),
    ),
)
LATE = st.sampled_from([-60_000, 0, 1_000, LIFETIME - 60_000, LIFETIME - 1, LIFETIME, LIFETIME + 60_000])
ENTRIES = st.builds(
    lambda entry, late: entry._replace(appended=entry.at + late),
    st.builds(
        Entry,
        MOMENTS,
        st.sampled_from(["KZ", "UZ", ""]),
        st.integers(-(2**40), 2**40),
        st.sampled_from([1, 1, -1]),
        st.sampled_from([CHINA, "Asia/Almaty", "Europe/Berlin", "UTC", "America/St_Johns"]),
    ),
    LATE,
)
SUBSETS = st.sets(st.sampled_from(EVERY), min_size=1).map(lambda kinds: tuple(k for k in EVERY if k in kinds))


def by_hand(of: Counter, entries: Sequence[Entry]) -> dict[str, list[int]]:
    """The same one by one, with Python's own calendar."""
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for e in entries:
        wall = datetime.fromtimestamp(e.at // 1000, UTC).astimezone(ZoneInfo(e.zone)).replace(tzinfo=None)
        minutes = (wall - datetime(1970, 1, 1)).total_seconds() // 60  # noqa: DTZ001 - a wall clock
        numbers = {
            MINUTE: int(minutes),
            DAY: wall.date().toordinal() - 719_163,
            MONTH: wall.year * 12 + wall.month - 1,
            YEAR: wall.year,
            ALL_TIME: 0,
        }
        assert e.appended is not None
        if e.appended >= e.at // 60_000 * 60_000 + LIFETIME:
            del numbers[MINUTE]
        for kind, number in numbers.items():
            if kind in of.windows:
                row = sums[f"{kind}.{number}.{of.name}.IMPORT.{e.code}.{e.zone}"]
                row[0] += e.sign
                row[1] += e.sign * e.value
    return dict(sums)


@settings(max_examples=60)
@given(st.lists(ENTRIES, max_size=12), SUBSETS, SUBSETS)
def test_counting_is_adding_up_one_by_one(
    entries: list[Entry], windows: tuple[str, ...], others: tuple[str, ...]
) -> None:
    both = counter(windows=windows), counter("other", others)
    assert counted(entries, *both) == {**by_hand(both[0], entries), **by_hand(both[1], entries)}


def parsed(*keys: str) -> list[dict[str, object]]:
    return counters.parsed(
        pl.Series([key.replace(".", counters.SEPARATOR) for key in keys], dtype=pl.String)
    ).to_dicts()


def test_keys_are_taken_apart_into_instants() -> None:
    minute, day, month, year, ever = parsed(
        *(f"{window}.trade.IMPORT.KZ.{CHINA}" for window in ("m.29013720", "d.20148", "n.24302", "y.2025", "a.0"))
    )
    spans = {
        "MINUTE": ("2025-03-01T10:00+08:00", "2025-03-01T10:01+08:00"),
        "DAY": ("2025-03-01T00:00+08:00", "2025-03-02T00:00+08:00"),
        "MONTH": ("2025-03-01T00:00+08:00", "2025-04-01T00:00+08:00"),
        "YEAR": ("2025-01-01T00:00+08:00", "2026-01-01T00:00+08:00"),
    }
    for key in (minute, day, month, year):
        start, end = spans[str(key["window"])]
        assert (key["window_start"], key["window_end"]) == (at(start), at(end))
        assert (key["counter"], key["dimensions"], key["time_zone"]) == ("trade", ["IMPORT", "KZ"], CHINA)
    assert (ever["window"], ever["window_start"], ever["window_end"]) == ("ALL_TIME", None, None)
    assert day["prefix"] == counters.SEPARATOR.join(["d", "20148", ""])


def test_a_key_without_dimensions_and_one_with_an_empty_one_are_told_apart() -> None:
    none, empty = parsed("d.20148.trade.UTC", "d.20148.trade..UTC")
    assert (none["dimensions"], empty["dimensions"]) == ([], [""])


#   Berlin, 2025-10-26: 02:30 comes twice        Beirut, 2025-03-30: begins at 01:00
def test_an_hour_that_comes_twice_is_its_first_and_one_left_out_the_next() -> None:
    twice = [Entry(at(f"2025-10-26T0{hour}:30Z"), zone="Europe/Berlin") for hour in (0, 1)]
    (key,) = counted(twice, counter(windows=(MINUTE,)))
    (minute,) = parsed(key)
    assert minute["window_start"] == at("2025-10-26T00:30Z")
    (day,) = parsed(f"d.{datetime(2025, 3, 30, tzinfo=UTC).toordinal() - 719_163}.trade.Asia/Beirut")
    assert (day["window_start"], day["window_end"]) == (at("2025-03-29T22:00Z"), at("2025-03-30T21:00Z"))


def test_windows_of_the_declarations_flow_are_those_that_are_asked_for() -> None:
    long = tuple(WINDOWS[kind] for kind in EVERY[1:])
    usual = {known.name: tuple(WINDOWS[kind] for kind in known.windows) for known in COUNTERS}
    assert usual.pop("declarations-by-stage") == ("MINUTE", *long)
    assert usual.pop("enterprises") == long[1:]
    assert usual.pop("sender-control") == ("DAY",)
    assert usual.pop("clearance-times") == ("DAY", "ALL_TIME")
    assert set(usual.values()) == {long}
    assert {known.name: known.distinct for known in COUNTERS if known.distinct} == {"enterprises": "trader"}
    reversible = {"trade", "trade-with-groups", "duties", "permits", "enterprises", "sender-control"}
    assert {known.name for known in COUNTERS if known.reversible} == reversible


def test_each_source_is_counted_for_itself() -> None:
    march = at("2025-03-01T10:00:00+08:00")
    one, other = [Entry(march), Entry(march, code="RU")], [Entry(march, value=7)]
    both = pl.concat([frame(other).with_columns(source=pl.lit(1, pl.Int64)), frame(one)])
    changes = counters.count((counter(),), {"it": both}, 2)
    assert changes.source.tolist() == sorted(changes.source.tolist())
    for source, entries in enumerate((one, other)):
        own = np.nonzero(changes.source == source)[0]
        keys = [changes.keys[place] for place in own.tolist()]
        assert found(Changes(keys, changes.amounts[own], changes.source[own])) == counted(entries, counter())
