"""A scenario: a log of simulated traffic, workers of its own, and every figure held against the ledger at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

from kafka import KafkaConsumer, TopicPartition

import schemas
from connectors import subscribe
from connectors.counters import COUNTERS
from connectors.simulator.ledger import Key, Ledger
from connectors.simulator.messages import Message
from connectors.simulator.send import publish
from connectors.simulator.traffic import Plan, generate
from connectors.topic_io import TopicReader, end_offsets
from processor.business import Closed
from processor.demo import compare
from processor.demo.run import labels
from tests.crash.worker import PATIENCE, Worker, wait_for
from tests.oracle_decode import partition_of

INPUT = "customs.declarations"
EVENTS = 4_000


@dataclass(frozen=True)
class Traffic:
    """A log, what it must be answered with, what every counter must show for it, and by which labels."""

    messages: tuple[Message, ...]
    ledger: Ledger
    figures: dict[Key, tuple[int, ...]]
    labels: Closed


@cache
def traffic(events: int = EVENTS) -> Traffic:
    """The same for every scenario of a session; with duplicates, late events, faults and undecodable bytes."""
    return told(generate(Plan(events, seed=7, bad=0.002)))


def told(messages: Iterable[Message]) -> Traffic:
    """These records as a log, with what the ledger says of it."""
    log, ledger, now = tuple(messages), Ledger(), datetime.now(UTC)
    for message in log:
        ledger.observe(message, now)
    return Traffic(log, ledger, ledger.counters, labels())


def placed(messages: Iterable[Message]) -> Iterator[tuple[int, int, Message]]:
    """Messages in the order they are sent, with the partition and the offset they come to lie at."""
    offsets = Counter[int]()
    for message in messages:
        partition = partition_of(message.key or b"") if message.partition is None else message.partition
        yield partition, offsets[partition], message
        offsets[partition] += 1


class Scene:
    """One scenario's topics, traffic and workers. ``home``: their states and logs."""

    def __init__(self, bootstrap: str, prefix: str, home: Path) -> None:
        self.bootstrap, self.prefix, self.home = bootstrap, prefix, home
        self.workers: list[Worker] = []
        self.play(traffic())

    def play(self, traffic: Traffic) -> None:
        """Take other traffic. Before anything was published."""
        self.traffic = traffic
        self.left = list(self.traffic.messages)

    def worker(self, name: str = "a", **settings: str) -> Worker:
        """Start a worker, with ``program`` another one. The same name takes the same state directory up again."""
        worker = Worker(self.home, name, self.bootstrap, self.prefix, **settings)
        self.workers.append(worker)
        return worker

    def publish(self, share: float = 1.0, rate: float | None = None) -> None:
        """Send a share of the traffic, in order; what is left goes with the next call."""
        count = min(len(self.left), round(share * len(self.traffic.messages)))
        now, self.left = self.left[:count], self.left[count:]
        publish(now, self.bootstrap, self.prefix + INPUT, rate=rate)

    @contextmanager
    def feeding(self, keep: float = 0.1) -> Iterator[None]:
        """Publish bit by bit, so that batches always run, until the block ends or only a share ``keep`` is left."""
        enough = Event()

        def feed() -> None:
            while not enough.wait(0.1) and len(self.left) > keep * len(self.traffic.messages):
                self.publish(0.01)

        with ThreadPoolExecutor(1) as pool:
            fed = pool.submit(feed)
            try:
                yield
            finally:
                enough.set()
            fed.result()

    def send(self, messages: Iterable[Message]) -> None:
        """Send records that are not of the traffic."""
        publish(messages, self.bootstrap, self.prefix + INPUT)

    def dispose(self) -> None:
        for worker in self.workers:
            worker.dispose()

    def tails(self) -> str:
        return "\n".join(worker.tail() for worker in self.workers)

    def counted(self, *live: Worker, patience: float = PATIENCE) -> None:
        """Wait until the totals include the whole input, by their published progress. ``live`` must live on."""
        ends = end_offsets(self.bootstrap, self.prefix + INPUT)
        deadline = time.monotonic() + patience
        while not subscribe.all_counted(self._progress(), ends):
            assert all(worker.process.poll() is None for worker in live), f"a worker ended\n{self.tails()}"
            if time.monotonic() > deadline:
                raise AssertionError(f"not all counted: ends {ends}, progress {self._progress()}\n{self.tails()}")
            time.sleep(0.3)
        names = [self.prefix + counter.topic for counter in COUNTERS]
        wait_for("transactions to end", lambda: settled(self.bootstrap, names), tell=self.tails)

    def _progress(self) -> Any:
        return subscribe.progress(bootstrap=self.bootstrap, prefix=self.prefix)

    def check(self, *live: Worker) -> None:
        """Everything was published and counted: hold all figures against the ledger, /metrics of ``live`` together."""
        assert not self.left, "the scenario forgot to publish the rest"
        self.counted(*live)
        result = compare.Comparison()
        figures, unsure = self.traffic.figures, self.traffic.ledger.unsure
        compare.counter_topics(figures, unsure, self.bootstrap, self.prefix, result)
        compare.answers(self.traffic.ledger, self.bootstrap, self.prefix, result)
        assert not result.mismatches, f"{result.mismatches} of {result.compared}: {result.examples}\n{self.tails()}"
        self.answered_once()
        if live:
            wait_for("/metrics to equal the ledger", lambda: not self._shown(live).mismatches, patience=20,
                     tell=lambda: f"{self._shown(live).examples}\n{self.tails()}")  # fmt: skip

    def answered_once(self) -> None:
        """Every record of the input has exactly one committed receipt or dead letter, and there are no others."""
        answered = Counter(answers(self.bootstrap, self.prefix))
        ends = end_offsets(self.bootstrap, self.prefix + INPUT)
        expected = {(partition, offset) for partition, end in ends.items() for offset in range(end)}
        twice = [place for place, times in answered.items() if times > 1]
        assert not twice, f"{len(twice)} answered more than once: {sorted(twice)[:5]}\n{self.tails()}"
        missing, strange = expected - answered.keys(), answered.keys() - expected
        assert not missing, f"{len(missing)} without an answer: {sorted(missing)[:5]}\n{self.tails()}"
        assert not strange, f"{len(strange)} answers to nothing: {sorted(strange)[:5]}\n{self.tails()}"

    def _shown(self, live: Sequence[Worker]) -> compare.Comparison:
        """/metrics of all workers together, as a recording rule takes them: the greatest of a figure."""
        together: dict[Any, float] = {}
        for worker in live:
            for sample, value in worker.samples().items():
                together[sample] = max(value, together.get(sample, value))
        result = compare.Comparison()
        traffic = self.traffic
        compare.metrics(traffic.figures, traffic.ledger.unsure, traffic.labels, together, datetime.now(UTC), result)
        return result


def settled(bootstrap: str, topics: Iterable[str]) -> bool:
    """Whether no topic has a transaction without its marker: markers are not written all at once."""
    with closing(KafkaConsumer(bootstrap_servers=bootstrap)) as consumer:
        for name in topics:
            partitions = [TopicPartition(name, p) for p in consumer.partitions_for_topic(name) or ()]
            ends = {tp.partition: end for tp, end in consumer.end_offsets(partitions).items()}
            if ends != end_offsets(bootstrap, name):
                return False
    return True


def receipts(bootstrap: str, prefix: str) -> list[dict[str, Any]]:
    """All committed receipts."""
    with TopicReader(bootstrap, prefix + compare.RECEIPTS) as reader:
        return [schemas.decode(record.value)[1] for batch in reader.to_end() for record in batch]


def dead_letters(bootstrap: str, prefix: str) -> list[tuple[int, int, str]]:
    """All committed dead letters: (partition, offset, reason) of what they are about."""
    with TopicReader(bootstrap, prefix + compare.DEAD_LETTERS) as reader:
        headers = [dict(record.headers) for batch in reader.to_end() for record in batch]
    partition, offset = "__streams.errors.partition", "__streams.errors.offset"
    return [(int(h[partition]), int(h[offset]), h["single-window.reason"].decode()) for h in headers]


def place(receipt_id: str) -> tuple[int, int]:
    """(partition, offset) of the event a receipt answers."""
    _, partition, offset = receipt_id.rsplit("-", 2)
    return int(partition), int(offset)


def answers(bootstrap: str, prefix: str) -> list[tuple[int, int]]:
    """(partition, offset) of every committed receipt and dead letter."""
    answered = [place(receipt["receipt_id"]) for receipt in receipts(bootstrap, prefix)]
    return answered + [(partition, offset) for partition, offset, _ in dead_letters(bootstrap, prefix)]
