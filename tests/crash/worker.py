"""A real worker process: started with settings of its own, killed, stopped, stalled, and asked how it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from processor.demo.compare import scrape

PATIENCE = 200.0
"""Seconds a condition may take before a test fails: a machine that others use, too, may do a tenth of its work."""

SETTINGS = {"SESSION_SECONDS": "3", "POLL_RECORDS": "2000", "PUBLISH_SECONDS": "0.1", "LAGGING_SECONDS": "0.3"}
"""Small batches, short sessions: many moments at which something can go wrong."""


def wait_for(
    what: str, condition: Callable[[], Any], *, tell: Callable[[], str] = str, patience: float = PATIENCE
) -> Any:
    """The first true value of ``condition``; fails after ``patience`` seconds with ``what`` and ``tell()``."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {patience:.0f} s for: {what}\n{tell()}")


class Worker:
    """One worker process. ``name`` is that of its state directory and its log; ``home`` is where both lie; ``program``
    the module that is run.
    """

    def __init__(
        self, home: Path, name: str, bootstrap: str, prefix: str, program: str = "processor", **settings: str
    ) -> None:
        self.name, self.state = name, home / name
        self.log = home / f"{name}-{len(list(home.glob(f'{name}-*.log')))}.log"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SINGLE_WINDOW_")}
        wanted = {
            **SETTINGS,
            "KAFKA": bootstrap,
            "TOPIC_PREFIX": prefix,
            "METRICS_PORT": "0",
            "STATE_DIR": str(self.state),
        }
        environment |= {f"SINGLE_WINDOW_{key}": value for key, value in {**wanted, **settings}.items()}
        command = [sys.executable, "-m", program, "worker"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged; lines that are no JSON as ``{"event": line}``."""
        told = []
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                told.append(json.loads(line))
            except ValueError:
                told.append({"event": line})
        return told

    def told(self, **fields: Any) -> list[dict[str, Any]]:
        """The log lines that carry all these fields."""
        return [line for line in self.lines() if fields.items() <= line.items()]

    def tail(self) -> str:
        """How it is, and the end of its log."""
        status = self.process.poll()
        state = "running" if status is None else f"ended with {status}"
        end = self.log.read_text(encoding="utf-8", errors="replace")[-6_000:]
        return f"--- worker {self.name}, {state}; {self.log.name} ends:\n{end}"

    def until(self, what: str, condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Wait for a condition while it lives. Fails when it ends before."""

        def alive() -> Any:
            assert self.process.poll() is None, f"the worker ended before: {what}\n{self.tail()}"
            return condition()

        return wait_for(what, alive, tell=self.tail, patience=patience)

    def ends(self, patience: float = PATIENCE) -> int:
        """Its exit status, negative for a signal. Fails when it goes on."""
        wait_for("the end of the worker", lambda: self.process.poll() is not None, tell=self.tail, patience=patience)
        assert self.process.returncode is not None
        return self.process.returncode

    @property
    def url(self) -> str | None:
        """Where it serves metrics, once it does."""
        serving = self.told(event="serving")
        return f"http://127.0.0.1:{serving[0]['port']}" if serving else None

    def samples(self, *names: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """/metrics, or those of these names; empty until it answers."""
        try:
            return scrape(self.url, *names) if self.url else {}
        except OSError:
            return {}

    def ready(self) -> bool:
        """/readyz: partitions assigned and restored."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as answer:
                return bool(answer.status == 200)
        except (OSError, ValueError):
            return False

    def held(self) -> set[tuple[str, str]]:
        """(flow, partition) it shows a state of."""
        rows = [dict(labels) for (_, labels), on in self.samples("single_window_partition_state").items() if on]
        return {(row["flow"], row["partition"]) for row in rows}

    def records(self, flow: str = "declarations") -> int:
        """Records it has folded and answered."""
        found = self.samples("single_window_records_total").items()
        return int(sum(n for (_, labels), n in found if ("flow", flow) in labels))

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def stalled(self) -> bool:
        """Whether SIGSTOP holds it."""
        return Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, as an operator would. Fails unless it ends with status 0."""
        self.process.terminate()
        assert self.ends(40) == 0, self.tail()

    def dispose(self) -> None:
        """Whatever became of it, it is gone afterwards."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()
