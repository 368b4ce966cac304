"""A broker of the bench's own, traffic, the rivals and our workers, and where each leaves what it did."""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path

from kafka.admin import KafkaAdminClient

import schemas
from connectors.simulator.ledger import Ledger
from connectors.simulator.messages import Message
from connectors.simulator.partitions import partition_of
from connectors.simulator.send import publish
from connectors.simulator.traffic import Plan, generate
from deploy import local_kafka, topics
from processor.settings import Settings
from tests.bench.rivals.run import Result
from tests.crash.worker import Worker

LOCAL = Path(".local")
HOME = LOCAL / "bench"
KAFKA = LOCAL / "bench-kafka"
INPUT = "customs.declarations"
PARTITIONS = schemas.topic(INPUT).partitions
RIVALS = {
    "faust_tables": ["tests.bench.rivals.faust_agent", "tables"],
    "faust_dicts": ["tests.bench.rivals.faust_agent", "dicts"],
    "quix_state": ["tests.bench.rivals.quix"],
    "bare_loop": ["tests.bench.rivals.bare"],
}
RIVAL_SECONDS = 180
_numbers = count()


@dataclass(frozen=True)
class Traffic:
    """Records without what the simulator knows of them (a quarter of the memory), and the ledger's figures.

    `outcomes`: by (partition, offset), the outcome of a receipt.
    """

    messages: tuple[Message, ...]
    ledger: Ledger
    outcomes: dict[tuple[int, int], str]


@cache
def traffic(events: int, seed: int = 5, *, full: bool = False) -> Traffic:
    """The same log for all who ask; unique events over a day, in the simulator's usual shares. `full`: see its plan."""
    ledger, now = Ledger(), datetime.now(UTC)
    ends: Counter[int] = Counter()
    messages, outcomes = [], {}
    for message in generate(Plan(events, seed=seed, full=full)):
        said = ledger.observe(message, now)
        partition = message.partition if message.partition is not None else partition_of(message.key or b"", PARTITIONS)
        if said.dead_letter is None:
            outcomes[partition, ends[partition]] = said.outcome
        ends[partition] += 1
        messages.append(Message(message.key, message.value, partition, None))
    return Traffic(tuple(messages), ledger, outcomes)


class Scene:
    """Topics under a prefix of their own, with `messages` in the input; `home`: states, logs and results."""

    def __init__(self, bootstrap: str, prefix: str, home: Path) -> None:
        self.bootstrap, self.prefix, self.home = bootstrap, prefix, home
        self.workers: list[Worker] = []

    def send(self, messages: Iterator[Message] | tuple[Message, ...], rate: float | None = None) -> None:
        publish(messages, self.bootstrap, self.prefix + INPUT, rate=rate)

    def worker(self, name: str = "worker", **settings: str) -> Worker:
        """A worker with the settings it has by default, but for `settings`. The same name takes its state up again."""
        usual = ("session_seconds", "poll_records", "publish_seconds", "lagging_seconds")
        defaults = {each.upper(): str(Settings.model_fields[each].default) for each in usual}
        worker = Worker(self.home, name, self.bootstrap, self.prefix, **{**defaults, **settings})
        self.workers.append(worker)
        return worker

    def rival(self, name: str, events: int) -> tuple[Result, str]:
        """Let a rival work off the input: its result, and the topic of its receipts. Fails with the end of its log."""
        called = f"{self.prefix}{name.replace('_', '-')}-{next(_numbers)}"
        home = (self.home / called).resolve()
        home.mkdir(parents=True)
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            made = [called]
            if name == "faust_tables":  # made by Faust, they may not be there in time
                made += [f"{called}-app-{table}-changelog" for table in ("rows", "documents", "counters")]
            admin.create_topics({each: {"num_partitions": PARTITIONS} for each in made})
            admin.wait_for_topics(made)
        told = {
            "bootstrap": self.bootstrap,
            "source": self.prefix + INPUT,
            "receipts": called,
            "name": f"{called}-app",
            "home": str(home),
            "events": str(events),
        }
        command = [sys.executable, "-W", "ignore", "-m", *RIVALS[name], *(f"--{key}={v}" for key, v in told.items())]
        log = home / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
            try:
                status: int | str = process.wait(RIVAL_SECONDS)
            except subprocess.TimeoutExpired:
                status = f"nothing within {RIVAL_SECONDS} s"
            finally:
                process.kill()
                process.wait()
        if status != 0:
            raise RuntimeError(f"{name} ended with {status}; {log} ends:\n{log.read_text(errors='replace')[-3000:]}")
        result: Result = pickle.loads((home / "result").read_bytes())
        shutil.rmtree(home)
        return result, called


@contextmanager
def broker() -> Iterator[str]:
    """A broker of our own, on a free port, without data of before; gone at the end."""
    local_kafka.stop(KAFKA)
    shutil.rmtree(KAFKA, ignore_errors=True)
    try:
        yield local_kafka.start(KAFKA, port=0, heap_mb=512).bootstrap
    finally:
        local_kafka.stop(KAFKA)
        shutil.rmtree(KAFKA, ignore_errors=True)


@contextmanager
def scene(bootstrap: str) -> Iterator[Scene]:
    """Fresh topics; workers, topics and states are gone afterwards, logs stay until the next run."""
    name = f"b{os.getpid()}-{next(_numbers)}"
    home = HOME / name
    home.mkdir(parents=True)
    topics.create(bootstrap, name + ".")
    made = Scene(bootstrap, name + ".", home)
    try:
        yield made
    finally:
        for worker in made.workers:
            worker.dispose()
        topics.delete(bootstrap, name + ".")
        for state in home.iterdir():
            if state.is_dir():
                shutil.rmtree(state)


def begin() -> None:
    """Nothing of an earlier run is left but its results, and what will be started ends with us."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics are new: leaders are found at the second try
    for left in HOME.glob("b*-*"):
        shutil.rmtree(left, ignore_errors=True)
    HOME.mkdir(parents=True, exist_ok=True)
