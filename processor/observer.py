"""What partitions tell, for metrics and logs; and where tests have a worker die."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import structlog

from processor.engine.model import Batch, Outcome, Source
from processor.metrics import Metrics

log = structlog.get_logger()


class Observer:
    """Tells metrics and logs what partitions do; kills or stalls the process where a test asks for it."""

    def __init__(self, metrics: Metrics, flows: dict[str, str], crash_at: str) -> None:
        self.metrics, self.flows = metrics, flows
        point, flow, count, *how = [*crash_at.split(":"), "", ""][:4] if crash_at else ("", "", "")
        self.crash = (point, flow)
        self.passed, self.nth = 0, int(count or 1)
        self.signal = signal.SIGSTOP if "stop" in how else signal.SIGKILL
        self.started: set[str] = set()

    def state(self, source: Source, state: str, **facts: Any) -> None:
        flow = self.flows[source.topic]
        if state == "closed":
            self.metrics.gone(source, flow)
        else:
            self.metrics.moved(source, flow, state)
        tell = log.warning if state in ("waiting", "fenced", "broken", "gap") else log.info
        tell("partition", flow=flow, partition=source.partition, state=state, **facts)

    def folded(self, source: Source, outcome: Outcome, batch: Batch, silent: bool) -> None:
        flow, now = self.flows[source.topic], time.time()
        self.metrics.folded(source, flow, outcome, len(batch.records), silent, now)
        if not silent:
            self.metrics.waited(flow, batch.appended, now)

    def posted(self, source: Source, posting: Outcome) -> None:
        self.metrics.spent(self.flows[source.topic], posting)

    def snapshot(self, what: str, source: Source, **facts: Any) -> None:
        flow = self.flows[source.topic]
        self.metrics.snapshot(source, flow, what, time.time())
        tell = log.warning if what in ("refused", "failed") else log.info
        tell(f"snapshot {what}", flow=flow, partition=source.partition, **facts)

    def fetched(self, source: Source, behind: int) -> None:
        flow = self.flows[source.topic]
        self.metrics.lies_behind(source, flow, behind)
        if flow not in self.started:
            self.started.add(flow)
            self.metrics.fetched_first(flow, time.time())

    def point(self, name: str, source: Source) -> None:
        if (name, self.flows[source.topic]) != self.crash:
            return
        self.passed += 1
        if self.passed != self.nth:
            return
        if name == "in_store":  # while the write is under way, in another thread
            threading.Timer(0.0005, os.kill, (os.getpid(), self.signal)).start()
        else:
            os.kill(os.getpid(), self.signal)
