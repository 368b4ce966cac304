"""The rivals and the worker on the same traffic, in turn; every answer and figure is held against the ledger."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import schemas
from connectors import subscribe
from connectors.simulator.ledger import Ledger
from connectors.topic_io import TopicReader, end_offsets
from processor.demo import compare
from tests.bench.rivals.run import Result
from tests.bench.stage import INPUT, RIVALS, Scene, Traffic, scene, traffic
from tests.crash.worker import Worker, wait_for

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 300.0
Tell = Callable[[str], None]


class Differs(Exception):
    """Someone answered or counted otherwise than the ledger: no rate is worth anything."""


@dataclass(frozen=True)
class Size:
    """`rivals`: events each rival gets; `worker`: events the worker gets; `rounds`, after one to warm up."""

    rivals: dict[str, int]
    worker: int
    rounds: int


@dataclass
class Figures:
    """Rates (events/s) by round; of the worker also to the moment all is counted, its CPU and its memory."""

    rates: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    counted: list[float] = field(default_factory=list)
    cpu: list[dict[str, float]] = field(default_factory=list)
    peak_mb: list[int] = field(default_factory=list)

    def rate(self, name: str) -> float:
        return median(self.rates[name])

    def ratios(self) -> dict[str, float]:
        """The worker's rate over each rival's, to the last receipt."""
        return {name: self.rate("worker") / self.rate(name) for name in RIVALS}

    def ratios_when_counted(self) -> dict[str, float]:
        """The same to the moment the worker's counters are published, too; a rival's are not published at all."""
        return {name: median(self.counted) / self.rate(name) for name in RIVALS}


def moments(worker: Worker) -> tuple[float, float]:
    """When the declarations flow fetched first and answered last: seconds since 1970; zeros before."""
    names = [f"single_window_{name}_timestamp_seconds" for name in ("first_fetch", "last_answer")]
    samples = worker.samples(*names)
    first, last = (samples.get((name, (("flow", "declarations"),)), 0.0) for name in names)
    return first, last


def answered(worker: Worker) -> int:
    """Records of declarations answered; cheap for the worker."""
    found = worker.samples("single_window_records_total").items()
    return int(sum(n for (_, labels), n in found if ("flow", "declarations") in labels))


def cpu_seconds(worker: Worker) -> float:
    """Processor seconds of the process so far."""
    fields = Path(f"/proc/{worker.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(worker: Worker, what: str = "VmHWM") -> int:
    """The most memory the process has held (VmHWM), or what it holds (VmRSS)."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text(encoding="ascii")
    return int(status.split(f"{what}:")[1].split()[0]) // 1024


def await_counted(scene: Scene, worker: Worker) -> float:
    """When (s since 1970) the totals were seen to include the whole input."""
    ends = end_offsets(scene.bootstrap, scene.prefix + INPUT)
    wait_for(
        "all to be counted",
        lambda: subscribe.all_counted(subscribe.progress(bootstrap=scene.bootstrap, prefix=scene.prefix), ends),
        tell=worker.tail,
        patience=PATIENCE,
    )
    return time.time()


def steps(worker: Worker, events: int) -> dict[str, float]:
    """Thread microseconds an event by flow and part of the step, and all that the process took."""
    samples = worker.samples("single_window_step_seconds_total")
    found = {
        f"{dict(labels)['flow']}.{dict(labels)['part']}": seconds / events * 1e6
        for (name, labels), seconds in samples.items()
        if name.endswith("_total")
    }
    return {**found, "process": cpu_seconds(worker) / events * 1e6}


def worker_round(bootstrap: str, size: Size, figures: Figures | None, *, check: bool) -> None:
    """The worker works off a log that is there when it starts."""
    log = traffic(size.worker)
    with scene(bootstrap) as stage:
        stage.send(log.messages)
        worker = stage.worker()
        worker.until("all to be answered", lambda: answered(worker) >= size.worker, PATIENCE)
        first, last = moments(worker)
        counted = await_counted(stage, worker)
        if figures is not None:
            figures.rates["worker"].append(size.worker / (last - first))
            figures.counted.append(size.worker / (counted - first))
            figures.cpu.append(steps(worker, size.worker))
            figures.peak_mb.append(memory_mb(worker))
        if check:
            result = compare.Comparison()
            compare.counter_topics(log.ledger.counters, log.ledger.unsure, bootstrap, stage.prefix, result)
            compare.answers(log.ledger, bootstrap, stage.prefix, result)
            if result.mismatches:
                raise Differs(f"worker: {result.mismatches} of {result.compared} figures: {result.examples}")


def rival_round(stage: Scene, name: str, log: Traffic, figures: Figures | None, *, check: bool) -> None:
    """A rival works off the log of a scene."""
    result, topic = stage.rival(name, len(log.messages))
    if figures is not None:
        figures.rates[name].append(result.rate)
    if check:
        wrong = differences(result, log.ledger) + unanswered(stage.bootstrap, topic, log.outcomes)
        if wrong:
            raise Differs(f"{name}: {len(wrong)} differences: {wrong[:5]}")


def differences(result: Result, ledger: Ledger) -> list[Any]:
    """Figures that are not the ledger's; what is absent is zero."""
    expected = ledger.counters
    found: list[Any] = [] if result.dead_letters == ledger.dead_letters else [dict(result.dead_letters)]
    for key in result.figures.keys() | expected.keys():
        theirs, ours = result.figures.get(key, ()), expected.get(key, ())
        if theirs != ours and (any(theirs) or any(ours)) and not ledger.unsure(key):
            found.append((key, theirs, ours))
    return found


def unanswered(bootstrap: str, topic: str, outcomes: dict[tuple[int, int], str]) -> list[Any]:
    """Events whose receipts in a topic are not exactly one of the outcome they must have."""
    left, wrong = dict(outcomes), []
    with TopicReader(bootstrap, topic) as reader:
        for batch in reader.to_end():
            for record in batch:
                assert record.value is not None
                receipt = schemas.decode(record.value)[1]
                _, partition, offset = receipt["receipt_id"].rsplit("-", 2)
                if left.pop((int(partition), int(offset)), None) != receipt["outcome"]:
                    wrong.append((partition, offset, receipt["outcome"]))
    return wrong + list(left.items())


def contest(bootstrap: str, size: Size, tell: Tell) -> Figures:
    """All in turn, once to warm up (and to be checked), then `rounds` times. Raises Differs."""
    figures = Figures()
    for turn in range(size.rounds + 1):
        into = figures if turn else None
        for name, events in size.rivals.items():
            log = traffic(events)
            with scene(bootstrap) as stage:
                stage.send(log.messages)
                rival_round(stage, name, log, into, check=not turn)
            tell(f"{name}: round {turn}" + (f", {figures.rates[name][-1]:,.0f} events/s" if turn else ", equal"))
        worker_round(bootstrap, size, into, check=not turn)
        tell(f"worker: round {turn}" + (f", {figures.rates['worker'][-1]:,.0f} events/s" if turn else ", equal"))
    return figures
