"""Business figures: summed at scrape, in units people use, by labels from closed sets, as the ledger expects them."""

import struct
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from processor.business import BOUNDS, Business
from processor.demo import compare
from processor.demo.run import labels
from processor.engine.counters import SEPARATOR, Counter
from processor.engine.totals_rows import Counted
from processor.flows.declarations.counters import COUNTERS
from processor.flows.declarations.entries import bucket
from tests.events import at

COUNTED = Counted("declarations", COUNTERS, 8)
WIDTH = max(len(counter.measures) for counter in COUNTERS)
NOW = at("2025-03-01T00:30+08:00")
"""Still February in UTC, and in Seoul an hour later."""
CLOSED = labels()


def total(window: str, number: int, counter: str, *dims: str, zone: str = "Asia/Shanghai") -> bytes:
    """The key a total has in the store."""
    return b"t" + SEPARATOR.join([window, str(number), counter, *dims, zone]).encode()


def days(moment: str) -> int:
    return (datetime.fromisoformat(moment) - datetime(1970, 1, 1)).days  # noqa: DTZ001 wall-clock days


def packed(*partitions: tuple[int, ...]) -> bytes:
    """A total's value: number, position and measures of each source partition."""
    padded = ((*measures, *[0] * WIDTH)[:WIDTH] for measures in partitions)
    return b"".join(struct.pack(f"<iq{WIDTH}q", place, 42, *measures) for place, measures in enumerate(padded))


class Scan:
    """A store's scan over a few entries."""

    def __init__(self, entries: Mapping[bytes, bytes]) -> None:
        self.entries = entries

    def __call__(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter([(key, value) for key, value in sorted(self.entries.items()) if key.startswith(prefix)])


def samples(*scans: Any) -> compare.Samples:
    """What a scrape reads of these totals partitions."""
    registry = CollectorRegistry()
    registry.register(Business(COUNTED, CLOSED, lambda: dict(enumerate(scans)), lambda: NOW / 1000))
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def shown(found: compare.Samples, name: str, *without: str) -> dict[tuple[str, ...], float]:
    """The values of one sample by its labels' values, in the labels' alphabetical order."""
    return {
        tuple(value for label, value in those if label not in without): figure
        for (sample, those), figure in found.items()
        if sample == f"single_window_{name}"
    }


PARTNER = ("trade", "PARTNER", "KZ", "IMPORT", "CN")
KZ = ("PARTNER", "KZ", "IMPORT", "CN")
STAGE = ("declarations-by-stage", "LODGED", "4200", "IMPORT", "CN")


def test_figures_add_up_the_source_partitions_in_units_people_use() -> None:
    one = Scan({total("a", 0, *PARTNER): packed((2, 3, 100_050, 1_500, 250_000, 1), (1, 1, 50, 500, 0, 0))})
    two = Scan({total("a", 0, *STAGE): packed((7, 1, 2, 1), (8, 0, 0, 0))})
    found = samples(one, two)
    trade = {name: shown(found, f"trade_{name}") for name in ("declarations", "items", "quantity_units", "unconverted")}
    assert trade == {
        "declarations": {(*KZ, "all_time", "0"): 3},
        "items": {(*KZ, "all_time", "0"): 4},
        "quantity_units": {(*KZ, "all_time", "0"): 2.5},
        "unconverted": {(*KZ, "all_time", "0"): 1},
    }
    assert shown(found, "trade_value_yuan") == {(*KZ, "all_time", "0"): 1001}
    assert shown(found, "trade_net_mass_kilograms") == {(*KZ, "all_time", "0"): 2}
    lodged = ("IMPORT", "CN", "4200", "all_time", "1", "LODGED")
    assert shown(found, "declarations_by_stage_declarations_total") == {lodged: 15}
    assert shown(found, "declarations_by_stage_value_yuan") == {lodged: 0.01}


def test_today_and_this_year_are_those_of_the_time_zone() -> None:
    today, yesterday = days("2025-03-01"), days("2025-02-28")
    korean = ("trade", "PARTNER", "KZ", "IMPORT", "KR")
    entries = {
        total("d", today, *PARTNER): packed((1,), (0,)),
        total("d", yesterday, *PARTNER): packed((2,), (0,)),
        total("y", 2025, *PARTNER): packed((4,), (0,)),
        total("y", 2024, *PARTNER): packed((8,), (0,)),
        total("n", 2025 * 12 + 2, *PARTNER): packed((16,), (0,)),
        total("m", today * 1440, *PARTNER): packed((32,), (0,)),
        total("d", yesterday, *korean, zone="America/New_York"): packed((64,)),
        total("d", today, *korean, zone="America/New_York"): packed((128,)),
    }
    assert datetime.fromtimestamp(NOW / 1000, ZoneInfo("UTC")).day == 28
    figures = shown(samples(Scan(entries)), "trade_declarations", "slice", "code", "breakdown", "flow")
    assert figures == {("CN", "today"): 1, ("CN", "year"): 4, ("KR", "today"): 64}


def test_codes_outside_the_closed_sets_show_together_as_other_and_how_much_they_are_is_told() -> None:
    entries = {
        total("a", 0, "declarations-by-stage", "LODGED", office, "IMPORT", "CN"): packed((n, 100 * n))
        for n, office in enumerate(("4200", "9901", "EVIL\n", "other"), start=1)
    } | {
        total("a", 0, "trade", breakdown, code, "IMPORT", "CN"): packed((1,))
        for breakdown, code in (("PARTNER", "KZ"), ("PARTNER", "4200"), ("CHAPTER", "KZ"), ("MADE_UP", "KZ"))
    }
    found = samples(Scan(entries))
    lodged = shown(
        found, "declarations_by_stage_declarations_total", "flow", "jurisdiction", "period", "slice", "stage"
    )
    assert lodged == {("4200",): 1, ("other",): 9}
    assert shown(found, "trade_declarations", "flow", "jurisdiction", "period", "slice") == {
        ("PARTNER", "KZ"): 1,
        ("PARTNER", "other"): 1,
        ("CHAPTER", "other"): 1,
        ("other", "other"): 1,
    }
    shares = {key: share for key, share in shown(found, "other_share").items() if share}
    assert shares == {
        ("declarations-by-stage", "office"): 0.9,
        ("trade", "breakdown"): 0.25,
        ("trade", "code"): 0.75,
    }


def test_senders_are_no_labels_and_their_figures_are_added_up() -> None:
    entries = {
        total("a", 0, "answers", sender, "ControlRecord", "ACCEPTED"): packed((n, 1)) for n, sender in enumerate("ABC")
    } | {
        total("d", days("2025-03-01"), "sender-control", sender, "LODGED"): packed((3, 4, 500, 600, 7_000, 8_000))
        for sender in "AB"
    }
    found = samples(Scan(entries))
    assert shown(found, "answers_events_total", "slice") == {("ACCEPTED", "all_time", "ControlRecord"): 3}
    assert shown(found, "sender_control_received", "slice") == {("today", "LODGED"): 6}
    assert shown(found, "sender_control_declared_value_currency_units", "slice") == {("today", "LODGED"): 12}
    assert shown(found, "sender_control_received_net_mass_kilograms", "slice") == {("today", "LODGED"): 14}


def test_clearance_times_are_a_histogram_over_all_offices_with_bounds_of_the_counter_s_own_buckets() -> None:
    own = {int(bound) for bound in bucket(pl.Series(range(0, 1_000_000, 7), dtype=pl.Int64)).to_list()}
    assert set(BOUNDS) <= own
    wished = (900, 3600, 7200, 14400, 28800, 57600, 86400, 172_800, 432_000, 864_000)
    nearest = [min(own, key=lambda bound, wish=wish: abs(bound - wish)) for wish in wished]
    assert list(BOUNDS) == nearest
    entries = {
        total("a", 0, "clearance-times", "LODGED_TO_RELEASED", "ARRIVED", "RED", bound, office, "IMPORT", "CN"): packed(
            (n, s)
        )
        for bound, office, n, s in (
            ("1", "4200", 1, 0),
            ("896", "4300", 2, 1_780),
            ("928", "4200", 4, 3_700),
            ("1048576", "9999", 8, 8_000_000),
        )
    }
    found = samples(Scan(entries))
    kept = ("all_time", "RED", "ARRIVED", "LODGED_TO_RELEASED", "IMPORT", "CN")
    buckets = shown(
        found, "clearance_seconds_bucket", "slice", "period", "lane", "arrival", "interval", "flow", "jurisdiction"
    )
    assert buckets == {(str(float(b)),): 3 if b == 896 else 7 for b in BOUNDS} | {("+Inf",): 15}
    assert shown(found, "clearance_seconds_sum", "slice").values() == pytest.approx([8_005_480])
    assert {frozenset(key) for key in shown(found, "clearance_seconds_count", "slice")} == {frozenset(kept)}


def test_what_can_be_taken_back_is_a_gauge_and_the_rest_only_grows() -> None:
    registry = CollectorRegistry()
    registry.register(Business(COUNTED, CLOSED, dict, lambda: 0.0))
    kinds = {family.name: family.type for family in text_string_to_metric_families(generate_latest(registry).decode())}
    found = {
        kind: {name.removeprefix("single_window_") for name in kinds if kinds[name] == kind}
        for kind in set(kinds.values())
    }
    assert found["histogram"] == {"clearance_seconds"}
    assert found["counter"] == {
        *(f"declarations_by_stage_{measure}" for measure in ("declarations", "net_mass_kilograms", "unconverted")),
        "lanes_declarations",
        "answers_events",
        "answers_first_revision",
        "rule_hits_findings",
        "rule_hits_events",
    }
    assert "declarations_by_stage_value_yuan" in found["gauge"], "an export may be worth less than nothing"
    assert {"trade_value_yuan", "duties_amount_currency_units", "enterprises_enterprises"} <= found["gauge"]


def test_a_dimension_without_a_closed_set_stops_the_worker_at_its_start() -> None:
    made = Counter("made", of="made", dimensions=("stage", "trader"), measures=(("n", None),))
    with pytest.raises(ValueError, match="no closed set of values for trader of made"):
        Business(Counted("declarations", (made,), 8), CLOSED, dict, lambda: 0.0)


def test_a_scrape_reads_only_the_windows_it_shows() -> None:
    asked: list[bytes] = []

    def scan(prefix: bytes) -> Iterable[tuple[bytes, bytes]]:
        asked.append(prefix)
        return []

    samples(scan)
    windows = [prefix.decode().removeprefix("t").rstrip(SEPARATOR).split(SEPARATOR) for prefix in asked]
    assert sorted(windows) == [
        ["a", "0"],
        ["d", str(days("2025-02-28"))],
        ["d", str(days("2025-03-01"))],
        ["y", "2025"],
    ]


OFFICES = st.sampled_from(["4200", "4300", "9901"])
SENDERS = st.sampled_from(["a", "b"])
FIGURES = st.dictionaries(
    st.one_of(
        st.tuples(
            st.just("declarations-by-stage"), st.tuples(st.just("LODGED"), OFFICES, st.just("IMPORT"), st.just("CN"))
        ),
        st.tuples(
            st.just("trade"),
            st.tuples(
                st.sampled_from(["PARTNER", "AREA"]),
                st.sampled_from(["KZ", "37", "?"]),
                st.just("EXPORT"),
                st.just("KR"),
            ),
        ),
        st.tuples(st.just("answers"), st.tuples(SENDERS, st.just("ControlRecord"), st.just("REFUSED"))),
        st.tuples(
            st.just("clearance-times"),
            st.tuples(
                st.just("LODGED_TO_RELEASED"),
                st.just("ARRIVED"),
                st.just("RED"),
                st.sampled_from(["16", "896", "928", "1048576"]),
                OFFICES,
                st.just("IMPORT"),
                st.just("CN"),
            ),
        ),
        st.tuples(st.just("enterprises"), st.tuples(st.just("37"), st.just("ALL"), st.just("IMPORT"), st.just("CN"))),
    ),
    st.lists(st.integers(0, 10**9), min_size=WIDTH, max_size=WIDTH),
    max_size=12,
)


@given(FIGURES, st.booleans())
def test_what_is_shown_is_what_the_ledger_expects_and_a_wrong_figure_is_found(figures: Any, wrong: bool) -> None:
    parts: list[dict[bytes, bytes]] = [{}, {}]
    ledger = {}
    widths = {counter.name: len(counter.measures) for counter in COUNTERS}
    for n, ((counter, dims), measures) in enumerate(figures.items()):
        measures = tuple(measures[: widths[counter]])  # noqa: PLW2901
        halves = tuple(m // 2 for m in measures), tuple(m - m // 2 for m in measures)
        zone = "Asia/Seoul" if "KR" in dims else "Asia/Shanghai"
        key = total("a", 0, counter, *dims, zone=zone)
        if counter == "enterprises":
            parts[0][key], parts[1][key] = packed(halves[0]), packed(halves[1])
        else:
            parts[n % 2][key] = packed(*halves)
        ledger[counter, "ALL_TIME", None, dims] = measures
    result = compare.Comparison()
    now = datetime.fromtimestamp(NOW / 1000, UTC)
    if wrong and ledger:
        key, measures = next(iter(ledger.items()))
        ledger[key] = (measures[0] + 1, *measures[1:])
    compare.metrics(ledger, lambda _: False, CLOSED, samples(*map(Scan, parts)), now, result)
    assert bool(result.mismatches) == (wrong and bool(ledger)), result.examples
