"""The worker by itself: latency at a steady rate, restart, folding again without a store, batch sizes, two workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import takewhile
from typing import Any

import schemas
from connectors.simulator.messages import Message
from connectors.simulator.traffic import Plan, generate
from processor.demo.run import Latency
from tests.bench.contest import PATIENCE, Tell, answered, await_counted, moments
from tests.bench.stage import PARTITIONS, Scene, scene, traffic
from tests.crash.worker import Worker, wait_for

PACE = 1_000.0
RESTART_PACE = 200.0
BATCHES = (100, 1_000, 4_000, 16_000, 32_000)
NAMED = {"INSTANCE": "bench"}
"""A name in the group: what is assigned to it waits for its return."""

AT_MOST_SECONDS = 12.0
"""How long small batches are given: the rate is that of what was answered by then."""


def paced(seed: int, events: int) -> Iterator[Message]:
    """Unique events, none of them in any other log of the bench."""
    return generate(Plan(events, seed=seed))


def latency(stage: Scene, worker: Worker, seconds: int) -> dict[str, float]:
    """Append to committed receipt at PACE events a second, after five seconds of it to warm up (ms)."""
    stage.send(paced(6, int(5 * PACE)), rate=PACE)
    watch = Latency(stage)  # type: ignore[arg-type]
    stage.send(paced(7, int(seconds * PACE)), rate=PACE)
    await_counted(stage, worker)
    p50, p99 = watch.quantiles()
    return {"latency_p50_ms": p50, "latency_p99_ms": p99}


@contextmanager
def trickle(stage: Scene, seed: int) -> Iterator[None]:
    """Events at RESTART_PACE until the block ends."""
    enough = threading.Event()
    messages = takewhile(lambda _: not enough.is_set(), paced(seed, 60_000))
    thread = threading.Thread(target=stage.send, args=(messages, RESTART_PACE))
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def restart(stage: Scene, worker: Worker, seed: int, *, kill: bool) -> tuple[Worker, float]:
    """The worker that took over its own state, and the seconds from the signal to the first receipt of an event that
    came after it.
    """
    with trickle(stage, seed):
        watch = Latency(stage)  # type: ignore[arg-type]
        wait_for("receipts before the restart", lambda: watch.arrived, tell=worker.tail, patience=PATIENCE)
        began = time.time()
        if kill:
            worker.kill()
        else:
            worker.stop()
        fresh = stage.worker(worker.name, **NAMED)

        def first() -> float | None:
            return next((now for now, value in list(watch.arrived) if appended_at(value) >= began * 1000), None)

        at = wait_for("a receipt after the restart", first, tell=fresh.tail, patience=PATIENCE)
        watch.stopped.set()
    return fresh, at / 1000 - began


def appended_at(receipt: bytes) -> float:
    """When the event of a receipt was appended (ms)."""
    moment: datetime = schemas.decode(receipt)[1]["appended_at"]
    return moment.timestamp() * 1000


def refold(stage: Scene, worker: Worker) -> float:
    """Events/s that a worker without a store folds again silently, from its first fetch to the last partition live."""
    worker.stop()
    fresh = stage.worker("without-a-store", **NAMED)
    fresh.until("all partitions to be live", lambda: len(live(fresh)) == PARTITIONS, PATIENCE)
    samples = fresh.samples("single_window_refolded_records_total").items()
    again = sum(n for (_, labels), n in samples if ("flow", "declarations") in labels)
    first, _ = moments(fresh)
    return again / (max(live(fresh).values()) - first)


def live(worker: Worker) -> dict[int, float]:
    """Since when (s since 1970) partitions of declarations are live, by number."""
    told = worker.told(event="partition", flow="declarations", state="live")
    return {line["partition"]: datetime.fromisoformat(line["timestamp"]).timestamp() for line in told}


def life(bootstrap: str, events: int, seconds: int, tell: Tell) -> dict[str, float]:
    """Latency, restarts and refolding of one worker, after it has worked off a log."""
    log = traffic(events)
    with scene(bootstrap) as stage:
        stage.send(log.messages)
        worker = stage.worker(**NAMED)
        worker.until("all to be answered", lambda: answered(worker) >= events, PATIENCE)
        await_counted(stage, worker)
        found = latency(stage, worker, seconds)
        tell(f"latency: p50 {found['latency_p50_ms']:.0f} ms, p99 {found['latency_p99_ms']:.0f} ms")
        worker, found["restart_after_term_seconds"] = restart(stage, worker, 8, kill=False)
        worker, found["restart_after_kill_seconds"] = restart(stage, worker, 9, kill=True)
        found["restart_seconds"] = max(found["restart_after_term_seconds"], found["restart_after_kill_seconds"])
        tell(f"restart: {found['restart_seconds']:.1f} s")
        await_counted(stage, worker)
        found["refold_events_per_second"] = refold(stage, worker)
        tell(f"refold: {found['refold_events_per_second']:,.0f} events/s")
    return found


def rate(bootstrap: str, events: int, workers: int = 1, *, full: bool = False, **settings: str) -> float:
    """Events/s of one or more workers, AT_MOST_SECONDS long. They have shared out the partitions among them when the
    log is sent to them, as fast as it goes: that takes of the machine what it takes.
    """
    log = traffic(events, full=full)
    with scene(bootstrap) as stage:
        started = [stage.worker(f"worker-{n}", **settings) for n in range(workers)]
        wait_for("all workers to hold partitions", lambda: shared(started), tell=started[0].tail, patience=PATIENCE)
        stage.send(log.messages)
        wait_for("first answers", lambda: all(moments(w)[1] for w in started), tell=started[0].tail, patience=PATIENCE)
        until = time.monotonic() + AT_MOST_SECONDS
        while time.monotonic() < until and sum(map(answered, started)) < events:
            time.sleep(0.2)
        done = sum(map(answered, started))
        at = [moments(worker) for worker in started]
        return done / (max(last for _, last in at) - min(first for first, _ in at if first))


def shared(workers: list[Worker]) -> bool:
    """Whether each holds some partitions of declarations, and all of them together every one once."""
    held = [{partition for flow, partition in worker.held() if flow == "declarations"} for worker in workers]
    return all(held) and sum(map(len, held)) == PARTITIONS == len(set().union(*held))


def table(bootstrap: str, events: int, tell: Tell) -> dict[str, Any]:
    """Rates by batch size, number of workers and length of declarations: reported, no targets. Partitions are eight:
    topics.yaml says so, and a worker refuses a topic that has another number.
    """
    found: dict[str, Any] = {"by_batch": {}, "by_workers": {}, "by_size": {}}
    for records in BATCHES:
        found["by_batch"][str(records)] = rate(bootstrap, events, POLL_RECORDS=str(records))
        tell(f"batches of {records:,}: {found['by_batch'][str(records)]:,.0f} events/s")
    for workers in (1, 2):
        found["by_workers"][str(workers)] = rate(bootstrap, events, workers)
        tell(f"workers, {workers}: {found['by_workers'][str(workers)]:,.0f} events/s")
    for name, full in (("short", False), ("full", True)):
        found["by_size"][name] = rate(bootstrap, events // 4, full=full)
        tell(f"{name} declarations: {found['by_size'][name]:,.0f} events/s")
    return found
