"""The engine's metrics: labels from closed sets, series that leave with their partition, waits counted by the batch."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from processor.demo.compare import scrape
from processor.engine.decode import REASONS
from processor.engine.model import Outcome, Source
from processor.engine.receipts import OUTCOMES, WITH_WARNINGS
from processor.metrics import ANSWER_SECONDS, STATES, Metrics, Page, Server

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
    metrics.folded(SOURCE, "declarations", outcome(**tally, totals={"trade": 5}), 7, silent=False, now=9.0)
    metrics.folded(SOURCE, "declarations", outcome(receipts={"ACCEPTED": 3}), 3, silent=False, now=10.0)
    assert named(registry, "records_total") == {("declarations", "3"): 10}
    assert named(registry, "receipts_total") == {("declarations", "ACCEPTED"): 5, ("declarations", "REFUSED"): 1}
    assert named(registry, "findings_total") == {("declarations", "D03"): 1}
    assert named(registry, "dead_letters_total") == {("declarations", "wrong_key"): 4}
    assert named(registry, "totals_published_total") == {("trade",): 5}
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
    metrics = Metrics(CollectorRegistry())
    labels = {name: metric._labelnames for name, metric in vars(metrics).items() if metric is not metrics.waits}
    assert set(metrics.waits.labels) <= {"flow"}
    assert set().union(*labels.values()) == {
        "flow",
        "partition",
        "outcome",
        "rule",
        "reason",
        "counter",
        "part",
        "state",
        "lane",
    }
    assert len({*OUTCOMES, WITH_WARNINGS}) == 6
    assert len(set(REASONS)) == len(REASONS)


def test_the_wait_for_an_answer_is_counted_by_the_batch_as_one_by_one(registry: CollectorRegistry) -> None:
    metrics, single = Metrics(registry), CollectorRegistry()
    alone = Histogram("single_window_answer_seconds", "Alone", ["flow"], registry=single, buckets=ANSWER_SECONDS)
    now = 1_000_000.0
    for batch in ([0.0, 0.01, 0.0101, 599.9, 600.0, 600.1], [-5.0, 3.0], []):
        appended = [round((now - seconds) * 1000) for seconds in batch]
        metrics.waited("declarations", np.array(appended, np.int64), now)
        for moment in appended:
            alone.labels("declarations").observe(max(0.0, now - moment / 1000))
    for part in ("bucket", "count"):
        assert named(registry, f"answer_seconds_{part}") == named(single, f"answer_seconds_{part}")
    ((_, total),) = named(registry, "answer_seconds_sum").items()
    assert total == pytest.approx(1_803.0201, abs=1e-3)
    assert named(registry, "answer_seconds_bucket")["declarations", "600.0"] == 7, "within ten minutes"


def test_how_far_a_partition_lies_behind_leaves_with_it(registry: CollectorRegistry) -> None:
    metrics = Metrics(registry)
    metrics.lies_behind(SOURCE, "declarations", 12_345)
    assert named(registry, "behind_records") == {("declarations", "3"): 12_345}
    metrics.gone(SOURCE, "declarations")
    assert named(registry, "behind_records") == {}


def test_lanes_have_their_expected_shares(registry: CollectorRegistry) -> None:
    Metrics(registry).expect({"GREEN": 0.8, "RED": 0.05})
    assert named(registry, "lane_expected_share") == {("GREEN",): 0.8, ("RED",): 0.05}


class Slow(Collector):
    """Takes until it is let go, and says how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.began, self.go = threading.Event(), threading.Event()

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        self.asked += 1
        self.began.set()
        assert self.go.wait(60)
        yield GaugeMetricFamily("asked", "Times", value=self.asked)


class Door:
    """A lock; ``came``: a permit for each who wanted it."""

    def __init__(self) -> None:
        self.lock, self.came = threading.Lock(), threading.Semaphore(0)

    def __enter__(self) -> None:
        self.came.release()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def test_scrapes_that_come_together_share_one_page_made_after_they_came(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, door = Slow(), Door()
    registry.register(slow)
    page = Page(registry)
    monkeypatch.setattr(page, "lock", door)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(page.read)
        assert slow.began.wait(60)
        others = [pool.submit(page.read) for _ in range(8)]
        assert all(door.came.acquire(timeout=60) for _ in range(9))
        slow.go.set()
    assert b"asked 1.0" in first.result()
    assert all(b"asked 2.0" in other.result() for other in others)
    assert b"asked 3.0" in page.read()


def test_some_of_the_metrics_are_read_without_making_the_others(registry: CollectorRegistry) -> None:
    slow, metrics = Slow(), Metrics(registry)
    registry.register(slow)
    metrics.folded(SOURCE, "declarations", outcome(), 7, silent=False, now=9.0)
    server = Server(registry, "127.0.0.1", 0, lambda: (True, ""))
    server.start()
    found = scrape(f"http://127.0.0.1:{server.port}", "single_window_position", "single_window_records_total")
    server.stop()
    place = (("flow", "declarations"), ("partition", "3"))
    assert found == {("single_window_position", place): 42, ("single_window_records_total", place): 7}
    assert slow.asked == 0


def test_a_server_without_a_start_holds_its_port_and_lets_it_go(registry: CollectorRegistry) -> None:
    server = Server(registry, "127.0.0.1", 0, lambda: (False, "opening"))
    server.start()
    assert server.port > 0
    server.stop()
    assert not server.thread.is_alive() or server.thread.join(5) is None
