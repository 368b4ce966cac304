"""Every metric of the worker, on an injected registry. Base units; labels from closed sets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from processor.engine.counters import ALL_TIME, DAY, SEPARATOR, YEAR
from processor.engine.counters import Counter as CounterDeclaration
from processor.engine.model import Outcome, Source
from processor.engine.totals import Counted

STATES = ("opening", "restoring", "live", "waiting", "fenced", "broken", "gap", "closed")
PASSING = ("broken", "gap")
"""A partition that answers a batch after these is live again, and does not say so."""


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
            self.entered.labels(flow, each).inc(
                each == state
            )  # all of them show from the start: no first one is missed

    def gone(self, source: Source, flow: str) -> None:
        """A partition has left this worker: so do its series."""
        partition = str(source.partition)
        for gauge in (self.position, self.watermark):
            gauge.remove_by_labels({"flow": flow, "partition": partition})
        self.state.remove_by_labels({"flow": flow, "partition": partition})


Scan = Callable[[bytes], Iterable[tuple[bytes, bytes]]]


class Business(Collector):
    """The business figures: totals of the keys this worker owns, for all time, this year and today.

    Read from the stores at scrape. ``period`` is all_time, year or today. What can go down is a gauge.
    """

    def __init__(
        self,
        counted: Counted,
        scans: Callable[[], list[Scan]],
        now: Callable[[], float],
    ) -> None:
        self.counters = {counter.name: counter for counter in counted.counters}
        self.entry, self.scans, self.now = counted.entry, scans, now

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        families = {
            (name, measure): _family(counter, measure)
            for name, counter in self.counters.items()
            for measure, _ in counter.measures
        }
        for scan in self.scans():
            for kind, period in ((ALL_TIME, "all_time"), (YEAR, "year"), (DAY, "today")):
                for key, raw in scan(b"t" + kind.encode() + SEPARATOR.encode()):
                    self._add(families, key, raw, period)
        yield from families.values()

    def _add(self, families: Mapping[tuple[str, str], Metric], key: bytes, raw: bytes, period: str) -> None:
        _, number, name, *dimensions, zone = key[1:].decode().split(SEPARATOR)
        counter = self.counters[name]
        if period != "all_time" and int(number) != _present(period, zone, self.now()):
            return
        totals = np.frombuffer(raw, self.entry)["measures"].sum(axis=0).tolist()
        for (measure, _), total in zip(counter.measures, totals, strict=False):
            families[name, measure].add_metric([period, *dimensions], _shown(measure, total))  # type: ignore[attr-defined]


def _family(counter: CounterDeclaration, measure: str) -> Metric:
    unit = {"value": "_currency_units", "net_mass": "_kilograms"}.get(measure, "")
    name = f"single_window_{counter.name.replace('-', '_')}_{measure}{unit}"
    monotone = counter.of == "stage"
    family = CounterMetricFamily if monotone else GaugeMetricFamily
    return family(name, f"{counter.name}: {measure}", labels=["period", *counter.dimensions])


def _shown(measure: str, total: int) -> float:
    """Currency units and kilograms, floats only here, where they are shown."""
    return total / {"value": 100, "net_mass": 1000}.get(measure, 1)


def _present(period: str, zone: str, now: float) -> int:
    local = datetime.fromtimestamp(now, ZoneInfo(zone))
    return local.year if period == "year" else local.date().toordinal() - 719_163


class Server:
    """/metrics, /healthz (the process answers) and /readyz (partitions assigned and restored)."""

    def __init__(
        self, registry: CollectorRegistry, host: str, port: int, ready: Callable[[], tuple[bool, str]]
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)  # type: ignore[no-untyped-call]
                elif self.path == "/healthz":
                    self._answer(200, b"ok\n")
                elif self.path == "/readyz":
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
