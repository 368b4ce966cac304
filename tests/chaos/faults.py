"""A broker, a disk and workers in memory: what survives a crash, and what does not. The folds are the real ones.

A worker's life and its order of doing things are those that ARCHITECTURE.md promises: transaction, then store.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import schemas
from processor.engine.model import Batch, Due, LogRecord, Message, Outcome, Source
from tests.engine import PARTITIONS, TOTALS, Memory, folds

Said = tuple[str, bytes | None, bytes | None, Any]
"""Topic, key, value and headers of a committed message."""


class Fenced(Exception):
    """A newer holder's producer has started."""


class Store(Memory):
    """A disk: a write is there as a whole, or not at all."""

    def write_posting(self, posting: Outcome) -> None:
        kept = [each for each in self.journal if each.position > posting.position]
        reached = self.position, self.watermark
        self.write(posting)
        (self.position, self.watermark), self.journal = reached, kept
        self.posted, self.posted_watermark = posting.position, posting.watermark

    def copy(self) -> Store:
        other = Store()
        other.__dict__ |= self.__dict__ | {"entries": dict(self.entries), "journal": list(self.journal)}
        return other


@dataclass
class Broker:
    """What is committed of one partition under a fold: what was said of it, in order, the group's position and how far
    counters are published. ``epoch``: of the producer that started last.
    """

    epoch: int = 0
    position: int = 0
    published: int = 0
    said: list[Said] = field(default_factory=list)

    def start(self) -> int:
        self.epoch += 1
        return self.epoch

    def commit(self, epoch: int, messages: Sequence[Message], position: int, published: int) -> list[tuple[int, Said]]:
        """All of a transaction, or Fenced; what was said, with the partition of each message."""
        if epoch != self.epoch:
            raise Fenced
        fresh = [
            (m.partition, (m.topic, key, value, m.headers[n] if m.headers else ()))
            for m in messages
            for n, (key, value) in enumerate(zip(m.keys, m.values, strict=True))
        ]
        self.said += [said for _, said in fresh]
        self.position, self.published = position, published
        return fresh


class Partials:
    """The topic between the folds. Stamps never go back within a key."""

    def __init__(self) -> None:
        self.logs: dict[int, list[LogRecord]] = {p: [] for p in range(TOTALS)}
        self.stamps: dict[tuple[int, bytes], int] = defaultdict(int)

    def append(self, fresh: Sequence[tuple[int, Said]], now: int) -> None:
        for partition, (topic, key, value, _) in fresh:
            if topic == "counters.partials":
                assert key is not None
                if value is not None:
                    stamp = schemas.decode(value)[1]["position"]
                    assert stamp >= self.stamps[partition, key], "a partial is older than its predecessor"
                    self.stamps[partition, key] = stamp
                log = self.logs[partition]
                log.append(LogRecord(len(log), now, key, value))


@dataclass
class Doing:
    """What a worker has computed and not yet written; ``silent``: it is not to be said, or has been."""

    outcome: Outcome
    silent: bool
    posting: bool
    published: int


class Worker:
    """One holder of a partition: what it knows it has read at its start, or done itself."""

    def __init__(self, fold: Any, source: Source, log: Sequence[LogRecord], broker: Broker, store: Store) -> None:
        self.fold, self.source, self.log, self.broker, self.store = fold, source, log, broker, store
        self.epoch = broker.start()
        self.committed = max(broker.position, store.position)
        self.published = max(broker.published, store.posted)
        self.doing: Doing | None = None

    @property
    def may_step(self) -> bool:
        return self.doing is None and self.store.position < len(self.log)

    @property
    def may_post(self) -> bool:
        """What was published before is posted again; anything else only when the past is folded."""
        before = bool(self.store.journal) and self.store.journal[0].position <= self.published
        caught_up = self.store.position >= (self.published if before else self.committed)
        return self.doing is None and bool(self.store.journal) and caught_up

    def step(self, size: int) -> None:
        """Fold the next records, of the past or of the present: never of both in one batch."""
        start = self.store.position
        ends = [end for end in (self.published, self.committed, len(self.log)) if end > start]
        end = min(start + size, *ends)
        outcome = self.fold.step(self.source, Batch(self.log[start:end], start, end), self.store)
        self.doing = Doing(outcome, start < self.committed, posting=False, published=self.published)

    def post(self, most: int) -> None:
        """Post the oldest of the journal: as said before, in silence, as far as that goes."""
        before = [each for each in self.store.journal if each.position <= self.published]
        chosen = (before or self.store.journal)[:most]
        last = chosen[-1]
        all_of_it = not before and len(chosen) == len(self.store.journal)
        position = self.store.position if all_of_it else last.position
        watermark = self.store.watermark if all_of_it else last.watermark
        journal = [each.entries for each in chosen]
        (outcome,) = self.fold.posts([Due(self.source, journal, position, watermark, self.store)])
        published = self.published if before else position
        self.doing = Doing(outcome, bool(before), posting=True, published=published)

    def commit(self) -> list[tuple[int, Said]]:
        doing = self.doing
        assert doing is not None
        position = self.store.position if doing.posting else doing.outcome.position
        fresh = self.broker.commit(self.epoch, doing.outcome.messages, position, doing.published)
        self.committed, self.published, doing.silent = position, doing.published, True
        return fresh

    def write(self) -> None:
        assert self.doing is not None
        write = self.store.write_posting if self.doing.posting else self.store.write
        write(self.doing.outcome)
        self.doing = None


def declarations(partition: int, log: Sequence[LogRecord], broker: Broker, store: Store) -> Worker:
    return Worker(folds()[0], Source("customs.declarations", partition, PARTITIONS), log, broker, store)


def totals(partition: int, log: Sequence[LogRecord], broker: Broker, store: Store) -> Worker:
    return Worker(folds()[1], Source("counters.partials", partition, TOTALS), log, broker, store)
