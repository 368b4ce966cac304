"""Metrics: labels from closed sets, series that leave with their partition, and business figures summed at scrape."""

import struct
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from processor.engine.counters import SEPARATOR
from processor.engine.decode import REASONS
from processor.engine.model import Outcome, Source
from processor.engine.receipts import OUTCOMES, WITH_WARNINGS
from processor.engine.totals import Counted
from processor.flows.declarations.counters import COUNTERS
from processor.metrics import STATES, Business, Metrics, Server
from tests.events import at

COUNTED = Counted("declarations", COUNTERS, 8)
SOURCE = Source("customs.declarations", 3, 8)
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def samples(registry: CollectorRegistry) -> Samples:
    """What a scrape reads: (sample, labels) -> value."""
    text = generate_latest(registry).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def named(registry: CollectorRegistry, name: str) -> dict[tuple[str, ...], float]:
    """The values of one sample by its labels' values, in the labels' alphabetical order."""
    found = samples(registry).items()
    return {
        tuple(value for _, value in labels): figure
        for (sample, labels), figure in found
        if sample == f"single_window_{name}"
    }


def outcome(**tally: dict[str, int]) -> Outcome:
    flat = {(metric, label): n for metric, labels in tally.items() for label, n in labels.items()}
    return Outcome(position=42, watermark=1_500, tally=flat, seconds={"decode": 0.25})


def test_a_folded_batch_is_counted_by_outcome_rule_and_reason(registry: CollectorRegistry) -> None:
    metrics = Metrics(registry)
    tally = {"receipts": {"ACCEPTED": 2, "REFUSED": 1}, "findings": {"D03": 1}, "dead_letters": {"wrong_key": 4}}
    metrics.folded(SOURCE, "declarations", outcome(**tally, totals={"trade-by-partner": 5}), 7, silent=False, now=9.0)
    metrics.folded(SOURCE, "declarations", outcome(receipts={"ACCEPTED": 3}), 3, silent=False, now=10.0)
    assert named(registry, "records_total") == {("declarations", "3"): 10}
    assert named(registry, "receipts_total") == {("declarations", "ACCEPTED"): 5, ("declarations", "REFUSED"): 1}
    assert named(registry, "findings_total") == {("declarations", "D03"): 1}
    assert named(registry, "dead_letters_total") == {("declarations", "wrong_key"): 4}
    assert named(registry, "totals_published_total") == {("trade-by-partner",): 5}
    assert named(registry, "step_seconds_total") == {("declarations", "decode"): 0.5}
    assert named(registry, "position") == {("declarations", "3"): 42}
    assert named(registry, "watermark_seconds") == {("declarations", "3"): 1.5}
    assert named(registry, "batch_records_count") == {("declarations",): 2}
    assert named(registry, "last_answer_timestamp_seconds") == {("declarations",): 10}


def test_what_is_folded_silently_was_answered_and_counted_before(registry: CollectorRegistry) -> None:
    metrics = Metrics(registry)
    metrics.folded(SOURCE, "declarations", outcome(receipts={"ACCEPTED": 2}), 2, silent=True, now=9.0)
    assert named(registry, "refolded_records_total") == {("declarations", "3"): 2}
    assert named(registry, "records_total") == {}
    assert named(registry, "receipts_total") == {}
    assert named(registry, "position") == {("declarations", "3"): 42}


def test_a_partition_is_in_one_state_at_a_time_and_its_series_leave_with_it(registry: CollectorRegistry) -> None:
    metrics = Metrics(registry)
    other = Source("customs.declarations", 4, 8)
    for source in (SOURCE, other):
        metrics.folded(source, "declarations", outcome(), 1, silent=False, now=1.0)
        for state in STATES:
            metrics.moved(source, "declarations", state)
            on = [labels for labels, value in named(registry, "partition_state").items() if value]
            assert ("declarations", str(source.partition), state) in on
            assert len([labels for labels in on if labels[1] == str(source.partition)]) == 1
    metrics.gone(SOURCE, "declarations")
    assert {labels[1] for labels in named(registry, "partition_state")} == {"4"}
    assert named(registry, "position") == {("declarations", "4"): 42}
    assert named(registry, "watermark_seconds") == {("declarations", "4"): 1.5}
    metrics.gone(SOURCE, "declarations")


def test_a_partition_that_answers_after_a_broken_batch_is_live_again_and_the_break_stays_counted(
    registry: CollectorRegistry,
) -> None:
    metrics = Metrics(registry)
    for state in ("opening", "live", "broken"):
        metrics.moved(SOURCE, "declarations", state)
    metrics.folded(SOURCE, "declarations", outcome(), 1, silent=True, now=1.0)
    assert named(registry, "partition_state")["declarations", "3", "broken"] == 1
    metrics.folded(SOURCE, "declarations", outcome(), 1, silent=False, now=1.0)
    assert [labels[2] for labels, on in named(registry, "partition_state").items() if on] == ["live"]
    entered = named(registry, "partition_states_entered_total")
    assert entered == {("declarations", state): state in ("opening", "live", "broken") for state in STATES}


def test_labels_come_from_closed_sets() -> None:
    labels = {name: metric._labelnames for name, metric in vars(Metrics(CollectorRegistry())).items()}
    assert set().union(*labels.values()) == {
        "flow",
        "partition",
        "outcome",
        "rule",
        "reason",
        "counter",
        "part",
        "state",
    }
    assert len({*OUTCOMES, WITH_WARNINGS}) == 6
    assert len(set(REASONS)) == len(REASONS)
    for counter in COUNTERS:
        assert not {"declaration_number", "trader_id", "sender_id"} & set(counter.dimensions)


NOW = at("2025-03-01T00:30+08:00")
"""Still February in UTC."""


def total(window: str, number: int, counter: str, *dims: str, zone: str = "Asia/Shanghai") -> bytes:
    """The key a total has in the store."""
    return b"t" + SEPARATOR.join([window, str(number), counter, *dims, zone]).encode()


def days(moment: str) -> int:
    return (datetime.fromisoformat(moment) - datetime(1970, 1, 1)).days  # noqa: DTZ001 wall-clock days


def packed(*partitions: tuple[int, ...]) -> bytes:
    """A total's value: number, position and three measures of each source partition."""
    padded = ((*measures, 0, 0, 0)[:3] for measures in partitions)
    return b"".join(struct.pack("<iqqqq", place, 42, *measures) for place, measures in enumerate(padded))


class Scan:
    """A store's scan over a few entries."""

    def __init__(self, entries: dict[bytes, bytes]) -> None:
        self.entries = entries

    def __call__(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter([(key, value) for key, value in sorted(self.entries.items()) if key.startswith(prefix)])


def business(
    registry: CollectorRegistry, *scans: Any, now: float = NOW / 1000
) -> dict[str, dict[tuple[str, ...], float]]:
    """Figures of the three counters by sample, and by label values in alphabetical order of the labels."""
    registry.register(Business(COUNTED, lambda: list(scans), lambda: now))
    figures: dict[str, dict[tuple[str, ...], float]] = {}
    for (name, labels), value in samples(registry).items():
        figures.setdefault(name.removeprefix("single_window_"), {})[tuple(v for _, v in labels)] = value
    return figures


PARTNER = ("trade-by-partner", "KZ", "IMPORT", "CN", "USD")
KZ = ("USD", "IMPORT", "CN", "KZ")
STAGE = ("declarations-by-stage", "LODGED", "4200", "IMPORT", "CN")
LODGED = ("IMPORT", "CN", "4200")


def test_business_figures_add_up_the_source_partitions_in_units_people_use(registry: CollectorRegistry) -> None:
    one = Scan({total("a", 0, *PARTNER): packed((2, 100_050, 1_500), (1, 50, 500))})
    two = Scan({total("a", 0, *STAGE): packed((7, 0, 0)[:1], (8, 0, 0)[:1])})
    assert business(registry, one, two) == {
        "trade_by_partner_declarations": {("USD", "IMPORT", "CN", "KZ", "all_time"): 3},
        "trade_by_partner_value_currency_units": {("USD", "IMPORT", "CN", "KZ", "all_time"): 1001},
        "trade_by_partner_net_mass_kilograms": {("USD", "IMPORT", "CN", "KZ", "all_time"): 2},
        "declarations_by_stage_declarations_total": {("IMPORT", "CN", "4200", "all_time", "LODGED"): 15},
    }


def test_today_and_this_year_are_those_of_the_time_zone(registry: CollectorRegistry) -> None:
    today, yesterday = days("2025-03-01"), days("2025-02-28")
    entries = {
        total("d", today, *PARTNER): packed((1, 0, 0), (0, 0, 0)),
        total("d", yesterday, *PARTNER): packed((2, 0, 0), (0, 0, 0)),
        total("y", 2025, *PARTNER): packed((4, 0, 0), (0, 0, 0)),
        total("y", 2024, *PARTNER): packed((8, 0, 0), (0, 0, 0)),
        total("n", 2025 * 12 + 2, *PARTNER): packed((16, 0, 0), (0, 0, 0)),
        total("m", today * 1440, *PARTNER): packed((32, 0, 0), (0, 0, 0)),
    }
    assert datetime.fromtimestamp(NOW / 1000, ZoneInfo("UTC")).day == 28
    figures = business(registry, Scan(entries))["trade_by_partner_declarations"]
    assert figures == {(*KZ, "today"): 1, (*KZ, "year"): 4}


def test_stages_only_grow_and_trade_may_shrink(registry: CollectorRegistry) -> None:
    registry.register(Business(COUNTED, list, lambda: 0.0))
    kinds = {family.name: family.type for family in text_string_to_metric_families(generate_latest(registry).decode())}
    assert kinds == {
        "single_window_declarations_by_stage_declarations": "counter",
        "single_window_trade_by_partner_declarations": "gauge",
        "single_window_trade_by_partner_value_currency_units": "gauge",
        "single_window_trade_by_partner_net_mass_kilograms": "gauge",
        "single_window_trade_by_chapter_items": "gauge",
        "single_window_trade_by_chapter_value_currency_units": "gauge",
        "single_window_trade_by_chapter_net_mass_kilograms": "gauge",
    }


def test_a_scrape_reads_only_what_it_shows(registry: CollectorRegistry) -> None:
    asked: list[bytes] = []

    def scan(prefix: bytes) -> Iterable[tuple[bytes, bytes]]:
        asked.append(prefix)
        return []

    business(registry, scan)
    assert set(asked) == {f"t{kind}{SEPARATOR}".encode() for kind in "ayd"}, "never the minutes"


def test_a_server_without_a_start_holds_its_port_and_lets_it_go(registry: CollectorRegistry) -> None:
    server = Server(registry, "127.0.0.1", 0, lambda: (False, "opening"))
    server.start()
    assert server.port > 0
    server.stop()
    assert not server.thread.is_alive() or server.thread.join(5) is None
