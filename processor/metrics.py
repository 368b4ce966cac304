"""The engine's own metrics, on an injected registry, and where they are served. Base units; labels from closed sets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from processor.engine.lifecycle import Ints
from processor.engine.model import Outcome, Source
from processor.engine.snapshots import HAPPENINGS

STATES = (
    "opening",
    "restoring",
    "following",
    "live",
    "waiting",
    "fenced",
    "broken",
    "gap",
    "replaced",
    "closed",
)
PASSING = ("broken", "gap")
"""A partition that answers a batch after these is live again, and does not say so."""

ANSWER_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0)
"""The last is what single windows promise: an answer within ten minutes (TradeNet)."""


class Metrics:
    """The engine's own metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        p = "single_window_"
        by = ["flow", "partition"]
        self.records = Counter(p + "records", "Records folded and answered", by, registry=registry)
        self.refolded = Counter(p + "refolded_records", "Records folded again silently", by, registry=registry)
        self.receipts = Counter(p + "receipts", "Receipts sent, by outcome", ["flow", "outcome"], registry=registry)
        self.findings = Counter(p + "findings", "Findings in receipts, by rule", ["flow", "rule"], registry=registry)
        self.dead = Counter(p + "dead_letters", "Dead letters, by reason", ["flow", "reason"], registry=registry)
        self.totals = Counter(p + "totals_published", "Totals published, by counter", ["counter"], registry=registry)
        self.steps = Counter(p + "step_seconds", "Seconds spent in steps, by part", ["flow", "part"], registry=registry)
        self.batch = Histogram(
            p + "batch_records", "Records a batch", ["flow"], registry=registry, buckets=(1, 10, 100, 1000, 4000, 8000)
        )
        self.position = Gauge(p + "position", "Next offset to fold", by, registry=registry)
        self.watermark = Gauge(
            p + "watermark_seconds", "Append time of the newest record folded", by, registry=registry
        )
        self.fetched = Gauge(p + "first_fetch_timestamp_seconds", "First batch fetched", ["flow"], registry=registry)
        self.answered = Gauge(p + "last_answer_timestamp_seconds", "Last batch committed", ["flow"], registry=registry)
        self.state = Gauge(
            p + "partition_state", "1 for the state a partition is in", [*by, "state"], registry=registry
        )
        self.entered = Counter(
            p + "partition_states_entered", "Times a partition entered a state", ["flow", "state"], registry=registry
        )
        self.behind = Gauge(
            p + "behind_records", "Offsets to the end of the log, not fetched yet", by, registry=registry
        )
        self.waits = BulkHistogram(
            p + "answer_seconds", "Seconds from an event's append to its committed answer", ["flow"], ANSWER_SECONDS
        )
        registry.register(self.waits)
        self.snapped = Gauge(
            p + "snapshot_timestamp_seconds", "When the last snapshot of a store was taken", by, registry=registry
        )
        self.snapshots = Counter(
            p + "snapshots", "Snapshots of stores, by what became of them", ["flow", "outcome"], registry=registry
        )
        self.lanes = Gauge(
            p + "lane_expected_share", "Share of declarations a lane should have, 0 to 1", ["lane"], registry=registry
        )

    def folded(self, source: Source, flow: str, outcome: Outcome, records: int, silent: bool, now: float) -> None:
        """Count a folded batch. What was folded silently was answered, and counted, before."""
        partition = str(source.partition)
        self.position.labels(flow, partition).set(outcome.position)
        self.watermark.labels(flow, partition).set(outcome.watermark / 1000)
        self.batch.labels(flow).observe(records)
        self.spent(flow, outcome)
        (self.refolded if silent else self.records).labels(flow, partition).inc(records)
        if silent:
            return
        self.answered.labels(flow).set(now)
        for each in PASSING:
            self.state.labels(flow, partition, each).set(False)
        self.state.labels(flow, partition, "live").set(True)
        tallies: Mapping[str, Callable[[str], Any]] = {
            "receipts": lambda label: self.receipts.labels(flow, label),
            "findings": lambda label: self.findings.labels(flow, label),
            "dead_letters": lambda label: self.dead.labels(flow, label),
            "totals": self.totals.labels,
        }
        for (metric, label), n in outcome.tally.items():
            tallies[metric](label).inc(n)

    def waited(self, flow: str, appended: Ints, now: float) -> None:
        """Answers were committed ``now`` (s, this clock) to records appended at these times (ms, the broker's)."""
        self.waits.observe((flow,), np.maximum(now - appended / 1000, 0.0))

    def lies_behind(self, source: Source, flow: str, records: int) -> None:
        """How far a partition's last fetch was from the end of the log."""
        self.behind.labels(flow, str(source.partition)).set(records)

    def snapshot(self, source: Source, flow: str, what: str, now: float) -> None:
        """A snapshot was taken, restored, refused, or failed."""
        for each in HAPPENINGS:
            self.snapshots.labels(flow, each).inc(each == what)
        if what == "taken":
            self.snapped.labels(flow, str(source.partition)).set(now)

    def expect(self, shares: Mapping[str, float]) -> None:
        """The shares lanes should have: what they drift from."""
        for lane, share in shares.items():
            self.lanes.labels(lane).set(share)

    def spent(self, flow: str, outcome: Outcome) -> None:
        """Where the time of a step or a posting went."""
        for part, seconds in outcome.seconds.items():
            self.steps.labels(flow, part).inc(seconds)

    def fetched_first(self, flow: str, now: float) -> None:
        """The first batch of a flow came in."""
        self.fetched.labels(flow).set(now)

    def moved(self, source: Source, flow: str, state: str) -> None:
        """A partition entered a state."""
        for each in STATES:
            self.state.labels(flow, str(source.partition), each).set(each == state)
            # all of them show from the start: no first one is missed
            self.entered.labels(flow, each).inc(each == state)

    def gone(self, source: Source, flow: str) -> None:
        """A partition has left this worker: so do its series."""
        partition = str(source.partition)
        for gauge in (self.position, self.watermark, self.behind, self.snapped):
            gauge.remove_by_labels({"flow": flow, "partition": partition})
        self.state.remove_by_labels({"flow": flow, "partition": partition})


class Restoring(Collector):
    """Offsets that ``left`` says are yet to be folded again in silence, by flow and partition."""

    def __init__(self, left: Callable[[], Mapping[tuple[str, int], int]]) -> None:
        self.left = left

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "single_window_restoring_records", "Records left to fold again silently", labels=["flow", "partition"]
        )
        for (flow, partition), records in self.left().items():
            family.add_metric([flow, str(partition)], records)
        yield family


class BulkHistogram(Collector):
    """A histogram that takes observations by the batch; prometheus_client's own takes them one by one."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        self.name, self.documentation, self.labels = name, documentation, list(labels)
        self.bounds = np.array(bounds, np.float64)
        self.found: dict[tuple[str, ...], tuple[Ints, float]] = {}

    def observe(self, labels: tuple[str, ...], values: npt.NDArray[np.float64]) -> None:
        """Count values, each in the first bucket whose bound it does not exceed. One thread observes."""
        places = np.searchsorted(self.bounds, values, side="left")
        counts, total = self.found.get(labels, (np.zeros(len(self.bounds) + 1, np.int64), 0.0))
        self.found[labels] = counts + np.bincount(places, minlength=len(counts)), total + float(values.sum())

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self.name, self.documentation, labels=self.labels)
        bounds = [*map(str, self.bounds.tolist()), "+Inf"]
        for labels, (counts, total) in list(self.found.items()):
            family.add_metric(labels, list(zip(bounds, np.cumsum(counts).tolist(), strict=True)), total)
        yield family


class Page:
    """The text of /metrics. One at a time is made, for all who asked before: scrapers in a hurry do not add up."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.lock = threading.Lock()
        self.began, self.text = -1.0, b""

    def read(self, names: Sequence[str] = ()) -> bytes:
        """All metrics, as of no earlier than now; or only those of the engine with these ``names``, which is cheap."""
        if names:
            return _written(self.registry.restricted_registry(names))
        asked = time.monotonic()
        with self.lock:
            if self.began <= asked:
                self.began = time.monotonic()
                self.text = _written(self.registry)
            return self.text


def _written(registry: Any) -> bytes:
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text


class Server:
    """/metrics (``?name[]=`` for some of it), /healthz (the process answers), /readyz (all is restored)."""

    def __init__(
        self, registry: CollectorRegistry, host: str, port: int, ready: Callable[[], tuple[bool, str]]
    ) -> None:
        page = Page(registry)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                if asked.path == "/metrics":
                    self._answer(200, page.read(parse_qs(asked.query).get("name[]", [])), CONTENT_TYPE_LATEST)
                elif asked.path == "/healthz":
                    self._answer(200, b"ok\n")
                elif asked.path == "/readyz":
                    is_ready, why = ready()
                    self._answer(200 if is_ready else 503, (why + "\n").encode())
                else:
                    self._answer(404, b"try /metrics, /healthz or /readyz\n")

            def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Scrapes are not news."""

        self.http = ThreadingHTTPServer((host, port), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, name="metrics", daemon=True)

    @property
    def port(self) -> int:
        return int(self.http.server_address[1])

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()
