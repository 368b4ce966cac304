"""The course of a demonstration: start what is missing, publish, work, wait until all is counted, compare."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import schemas
from connectors import subscribe, topic_io
from connectors.simulator.ledger import Ledger
from connectors.simulator.messages import Message
from connectors.simulator.send import publish
from connectors.simulator.traffic import Plan, generate
from deploy import local_kafka, topics
from processor import reference
from processor.business import Closed
from processor.demo import compare
from processor.engine.decode import Columns
from processor.flows import declarations
from processor.labels import closed

HOME = Path(".local/demo")
INPUT = "customs.declarations"
PACED = 5_000
"""Events sent at PACED_RATE after the backlog, to measure latency; a tenth of a small demo."""
PACED_RATE = 1_000.0
STALLED_SECONDS = 120.0
OTHERS = {f"SINGLE_WINDOW_{name}" for name in ("GROUP", "GENERATION", "REPLACES", "TAKE_OVER", "INSTANCE", "SNAPSHOTS")}
"""Settings of other workers of this machine, which a demonstration has nothing to do with."""

Progress = Callable[[str, int, int], None]
"""Told what is done, how far, of how many."""


class DemoError(RuntimeError):
    """The demonstration could not go on; the message says where to look."""


@dataclass(frozen=True)
class Report:
    """What a demonstration found. ``events_per_second``: from the first fetch to the last receipt of the backlog."""

    events: int
    receipts: int
    accepted: int
    refused: int
    duplicates: int
    parked: int
    conflicts: int
    dead_letters: int
    events_per_second: int
    latency_p50_ms: float
    latency_p99_ms: float
    figures_compared: int
    mismatches: int
    worker_peak_mb: int

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


class Stage:
    """A cluster, topics of its own, and at most one worker, gone again at the end."""

    def __init__(self, stack: ExitStack, kafka: str | None) -> None:
        self.bootstrap = kafka or local_kafka.start().bootstrap
        name = f"demo-{os.getpid()}-{int(time.time())}"
        self.prefix, self.home = name + ".", HOME / name
        self.home.mkdir(parents=True)
        stack.callback(shutil.rmtree, self.home, ignore_errors=True)
        stack.callback(topics.delete, self.bootstrap, self.prefix)
        topics.create(self.bootstrap, self.prefix)

    @contextmanager
    def worker(self) -> Iterator[Worker]:
        worker = Worker(self)
        try:
            yield worker
        finally:
            worker.stop()


class Worker:
    """A worker process, and where its metrics are."""

    def __init__(self, stage: Stage) -> None:
        self.log = HOME / "worker.log"
        self.port = local_kafka.free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if name not in OTHERS},
            "SINGLE_WINDOW_KAFKA": stage.bootstrap,
            "SINGLE_WINDOW_TOPIC_PREFIX": stage.prefix,
            "SINGLE_WINDOW_STATE_DIR": str(stage.home / "state"),
            "SINGLE_WINDOW_METRICS_PORT": str(self.port),
        }
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "processor", "worker"]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)  # noqa: S603

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def samples(self, *names: str) -> compare.Samples:
        """/metrics, or those of these names; empty until it answers. Raises DemoError when the worker has died."""
        if self.process.poll() is not None:
            raise DemoError(f"the worker ended with status {self.process.returncode}; see {self.log}")
        try:
            return compare.scrape(self.url, *names)
        except OSError:
            return {}

    def positions(self) -> int:
        """Sum of the positions of the declarations flow."""
        found = self.samples("single_window_position").items()
        return int(sum(position for (_, labels), position in found if ("flow", "declarations") in labels))

    def moment(self, name: str) -> float:
        """When the declarations flow did this: seconds since 1970."""
        sample = f"single_window_{name}_timestamp_seconds"
        return self.samples(sample)[sample, (("flow", "declarations"),)]

    def peak_mb(self) -> int:
        """The most memory the process has held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) // 1024

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def observed(messages: Iterable[Message], ledger: Ledger, now: datetime) -> Iterator[Message]:
    """The same messages, each entered into the ledger on its way."""
    for message in messages:
        ledger.observe(message, now)
        yield message


def await_counted(stage: Stage, worker: Worker, tell: Progress) -> None:
    """Return when the totals include the whole input topic, by their published progress."""
    ends = topic_io.end_offsets(stage.bootstrap, stage.prefix + INPUT)
    total, last, since = sum(ends.values()), -1, time.monotonic()
    while True:
        position = worker.positions()
        tell("counting", min(position, total), total)
        if position >= total:
            reached = subscribe.progress(bootstrap=stage.bootstrap, prefix=stage.prefix)
            if subscribe.all_counted(reached, ends):
                return
        if position != last:
            last, since = position, time.monotonic()
        elif time.monotonic() - since > STALLED_SECONDS:
            raise DemoError(
                f"nothing was counted for {STALLED_SECONDS:.0f} s, {position} of {total} events; see {worker.log}"
            )
        time.sleep(0.5)


class Latency:
    """Watches receipts come in, as a read-committed consumer sees them."""

    def __init__(self, stage: Stage) -> None:
        self.arrived: list[tuple[float, bytes]] = []
        self.stopped = threading.Event()
        self.watching = threading.Event()
        self.thread = threading.Thread(target=self._watch, args=(stage,), daemon=True)
        self.thread.start()
        self.watching.wait(30)

    def _watch(self, stage: Stage) -> None:
        with topic_io.TopicReader(stage.bootstrap, stage.prefix + compare.RECEIPTS, at_end=True) as reader:
            self.watching.set()
            for batch in reader.onward(self.stopped.is_set):
                now = time.time() * 1000
                self.arrived += [(now, record.value) for record in batch]

    def quantiles(self) -> tuple[float, float]:
        """p50 and p99 of append to receipt, ms."""
        self.stopped.set()
        self.thread.join(10)
        if not self.arrived:
            return 0.0, 0.0
        schema = schemas.latest("Receipt")
        frame = Columns(schema.text).frame([value[len(schema.header) :] for _, value in self.arrived])
        waited = sorted(
            now - appended for (now, _), appended in zip(self.arrived, frame["appended_at"].to_list(), strict=True)
        )
        return round(waited[len(waited) // 2], 1), round(waited[int(len(waited) * 0.99)], 1)


def once(events: int, seed: int, kafka: str | None, tell: Progress) -> tuple[Report, compare.Comparison]:
    """Publish ``events``, work them off, compare everything. Raises DemoError, LocalKafkaError."""
    with ExitStack() as stack:
        stage = Stage(stack, kafka)
        ledger, now = Ledger(), datetime.now(UTC)
        paced = min(PACED, events // 10)
        traffic = observed(generate(Plan(events=events, seed=seed)), ledger, now)
        backlog = events - paced
        publish(
            islice(traffic, backlog),
            stage.bootstrap,
            stage.prefix + INPUT,
            on_progress=lambda sent: tell("publishing", sent, backlog),
        )
        worker = stack.enter_context(stage.worker())
        await_counted(stage, worker, tell)
        first, last = worker.moment("first_fetch"), worker.moment("last_answer")
        latency = Latency(stage)
        publish(traffic, stage.bootstrap, stage.prefix + INPUT, rate=PACED_RATE)
        await_counted(stage, worker, tell)
        p50, p99 = latency.quantiles()
        tell("comparing", 0, 1)
        result = compare.Comparison()
        figures = ledger.counters
        compare.counter_topics(figures, ledger.unsure, stage.bootstrap, stage.prefix, result)
        compare.metrics(figures, ledger.unsure, labels(), worker.samples(), datetime.now(UTC), result)
        outcomes = compare.answers(ledger, stage.bootstrap, stage.prefix, result)
        return _report(events, outcomes, round(backlog / (last - first)), p50, p99, result, worker.peak_mb()), result


def labels() -> Closed:
    """The values a worker of this version shows as labels."""
    tables = reference.load()
    return closed(tables, declarations.flow(tables))


def _report(
    events: int, outcomes: Counter[str], rate: int, p50: float, p99: float, result: compare.Comparison, peak: int
) -> Report:
    dead = outcomes.pop("dead_letters")
    return Report(
        events=events,
        receipts=sum(outcomes.values()),
        accepted=outcomes["ACCEPTED"] + outcomes["ACCEPTED_WITH_WARNINGS"],
        refused=outcomes["REFUSED"],
        duplicates=outcomes["DUPLICATE"],
        parked=outcomes["PARKED"],
        conflicts=outcomes["CONFLICT"],
        dead_letters=dead,
        events_per_second=rate,
        latency_p50_ms=p50,
        latency_p99_ms=p99,
        figures_compared=result.compared,
        mismatches=result.mismatches,
        worker_peak_mb=peak,
    )
