"""A real Prometheus on this machine: on the loopback address, in a process group of its own, with the rules of
``deploy/prometheus``.

Everything lies under ``home``: ``prometheus.yml`` (written at each start), ``data/`` (bounded), ``console.log`` and
``prometheus.json`` (process id and port).
"""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy import process
from deploy.local_kafka import LOOPBACK, free_port

RULES = Path(__file__).parent / "prometheus"
JOB = "single-window"
START_SECONDS = 60.0
STOP_SECONDS = 10.0
RETENTION = ("--storage.tsdb.retention.time=2d", "--storage.tsdb.retention.size=256MB")

MISSING = (
    "prometheus is not installed: run `apt-get install --no-install-recommends prometheus` to see figures over time"
)


class LocalPrometheusError(RuntimeError):
    """The local Prometheus cannot be had. The message says what was wrong and what to do."""


@dataclass(frozen=True)
class LocalPrometheus:
    """A running Prometheus: its process id, where it answers, and its directory."""

    pid: int
    url: str
    home: Path


def start(home: Path, targets: Sequence[str], every: str = "5s") -> LocalPrometheus:
    """A Prometheus that answers and scrapes ``targets`` (``host:port``) every ``every``, on a free port.

    One of this home that runs already is stopped: its targets may be gone. Data of the last time is kept. Raises
    LocalPrometheusError, in one line when it is not installed, else with its last words when it does not answer within
    60 s; one that was started in vain is stopped again.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise LocalPrometheusError(MISSING)
    home = home.resolve()
    stop(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / "prometheus.yml").write_text(yaml.safe_dump(config(targets, every)), encoding="utf-8")
    started = _spawn(program, home, free_port())
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.runs(started.pid, _arguments(home)):
        if _answers(started.url):
            return started
        time.sleep(process.POLL_SECONDS)
    stop(home)
    words = (home / "console.log").read_text(encoding="utf-8", errors="replace").splitlines()[-4:]
    raise LocalPrometheusError("\n".join([f"Prometheus did not come up; {home / 'console.log'} ends:", *words]))


def config(targets: Sequence[str], every: str) -> dict[str, Any]:
    """``deploy/prometheus/prometheus.yml`` for other targets, with its rule files by their full paths."""
    found: dict[str, Any] = yaml.safe_load((RULES / "prometheus.yml").read_text(encoding="utf-8"))
    found["global"] = {"scrape_interval": every, "evaluation_interval": every}
    found["rule_files"] = [str((RULES / name).resolve()) for name in found["rule_files"]]
    (job,) = found["scrape_configs"]
    job["static_configs"] = [{"targets": list(targets)}]
    return found


def stop(home: Path) -> bool:
    """Afterwards no Prometheus of ``home`` runs. True when one ran. SIGTERM first, SIGKILL after 10 s."""
    running = status(home)
    if running is None:
        return False
    if process.end(running.pid, _arguments(running.home), STOP_SECONDS):
        (running.home / "prometheus.json").unlink(missing_ok=True)
        return True
    raise LocalPrometheusError(f"the Prometheus of {home} (process {running.pid}) does not end, not even by SIGKILL")


def status(home: Path) -> LocalPrometheus | None:
    """The running Prometheus of ``home``, or None. A recycled process id, or the file of a killed one, is None."""
    home = home.resolve()
    try:
        noted = json.loads((home / "prometheus.json").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None
    if not process.runs(noted["pid"], _arguments(home)):
        return None
    return LocalPrometheus(noted["pid"], f"http://{LOOPBACK}:{noted['port']}", home)


def _arguments(home: Path) -> list[str]:
    """What tells this home's process from any other."""
    return [f"--config.file={home / 'prometheus.yml'}", f"--storage.tsdb.path={home / 'data'}"]


def _spawn(program: str, home: Path, port: int) -> LocalPrometheus:
    listen = f"--web.listen-address={LOOPBACK}:{port}"
    command = [program, *_arguments(home), listen, *RETENTION, "--log.level=warn"]
    pid = process.spawn(command, home / "console.log")
    (home / "prometheus.json").write_text(json.dumps({"pid": pid, "port": port}), encoding="ascii")
    return LocalPrometheus(pid, f"http://{LOOPBACK}:{port}", home)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:  # noqa: S310 our own loopback address
            return bool(answer.status == 200)
    except OSError:
        return False
