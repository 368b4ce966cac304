"""The real engine without a broker: partitions with stores in memory, and the totals over their partials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import schemas
from processor import reference
from processor.engine.flow import RegisterFold
from processor.engine.model import Batch, Due, LogRecord, Message, Outcome, Source, Work
from processor.engine.totals import TotalsFold
from processor.engine.totals_rows import Counted
from processor.flows import declarations

PARTITIONS = schemas.topic("customs.declarations").partitions
TOTALS = schemas.topic("counters.partials").partitions


class Memory:
    """A store in memory, written as `store.Store` writes: everything of an outcome at once."""

    def __init__(self) -> None:
        self.position = 0
        self.watermark = 0
        self.entries: dict[bytes, bytes] = {}
        self.posted, self.posted_watermark = 0, 0
        self.journal: list[Outcome] = []

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.entries.get(key) for key in keys]

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter([(k, self.entries[k]) for k in sorted(self.entries) if k.startswith(prefix)])

    def write(self, outcome: Outcome) -> None:
        self.entries.update(outcome.puts)
        for key in outcome.deletes:
            del self.entries[key]
        if outcome.expired:
            start, end = outcome.expired
            self.entries = {k: v for k, v in self.entries.items() if not start <= k < end}
        self.journal += [outcome] if outcome.entries else []
        self.position, self.watermark = outcome.position, outcome.watermark


@cache
def folds() -> tuple[RegisterFold, TotalsFold]:
    """The declarations flow and its totals: made once, they hold no state."""
    flow = declarations.flow(reference.load())
    versions = {name: schemas.versions(name) for name in schemas.names()}
    return RegisterFold(flow, versions, TOTALS), TotalsFold([Counted(flow.name, flow.counters, PARTITIONS)], 1)


@dataclass
class Engine:
    """Feed it logs by partition; then look at `answers` (by partition and offset) and `totals`."""

    stores: dict[int, Memory] = field(default_factory=dict)
    answers: dict[tuple[int, int], Any] = field(default_factory=dict)
    partials: dict[int, list[LogRecord]] = field(default_factory=lambda: {p: [] for p in range(TOTALS)})
    totals: dict[bytes, bytes | None] = field(default_factory=dict)
    totals_stores: dict[int, Memory] = field(default_factory=lambda: {p: Memory() for p in range(TOTALS)})
    published: dict[int, int] = field(default_factory=dict)

    def feed(self, partition: int, records: Sequence[LogRecord], *, silent: bool = False) -> None:
        """Fold one batch of a partition; `silent`: without speaking, as after a crash.

        A batch is cut where counters were published, as `Partition` does: they stand for what came before.
        """
        store = self.stores.setdefault(partition, Memory())
        cut = [record for record in records if record.offset < self.published.get(partition, 0)]
        if 0 < len(cut) < len(records):
            self.feed(partition, cut, silent=silent)
            records = records[len(cut) :]
        source = Source("customs.declarations", partition, PARTITIONS)
        batch = Batch(records, store.position, records[-1].offset + 1)
        outcome = folds()[0].step(source, batch, store, silent=silent)
        for message in outcome.messages:
            self._hear(partition, message)
        store.write(outcome)

    def publish(self, now: int) -> None:
        """Send every changed counter's partial, and let the totals flow add them up; of all partitions together."""
        before = {partition: self.published.get(partition, 0) for partition in self.stores}
        old = {p: [each for each in store.journal if each.position <= before[p]] for p, store in self.stores.items()}
        self._post(old, silent=True)
        for message in self._post({partition: store.journal for partition, store in self.stores.items()}):
            log = self.partials[message.partition]
            for key, value in zip(message.keys, message.values, strict=True):
                log.append(LogRecord(len(log), now, key, value))
        self.published |= {partition: max(before[partition], store.posted) for partition, store in self.stores.items()}
        work = []
        for partition, log in self.partials.items():
            store = self.totals_stores[partition]
            fresh = [record for record in log if record.offset >= store.position]
            if fresh:
                source = Source("counters.partials", partition, TOTALS)
                work.append(Work(source, Batch(fresh, store.position, len(log)), store))
        for each, outcome in zip(work, folds()[1].steps(work) if work else (), strict=True):
            for message in outcome.messages:
                if message.topic not in {"counters.partials", "counters.progress"}:
                    self.totals.update(zip(message.keys, message.values, strict=True))  # type: ignore[arg-type]
            self.totals_stores[each.source.partition].write(outcome)

    def _post(self, journals: Mapping[int, list[Outcome]], *, silent: bool = False) -> list[Message]:
        """Post the oldest of partitions' journals; what publishes it."""
        due = {}
        for partition, journal in journals.items():
            if journal:
                source, newest = Source("customs.declarations", partition, PARTITIONS), journal[-1]
                entries = [each.entries for each in journal]
                store = self.stores[partition]
                due[partition] = Due(source, entries, newest.position, newest.watermark, store, silent)
        messages = []
        postings = folds()[0].posts([*due.values()]) if due else []
        for (partition, each), posting in zip(due.items(), postings, strict=True):
            store = self.stores[partition]
            kept, reached = store.journal[len(journals[partition]) :], (store.position, store.watermark)
            store.write(posting)
            store.position, store.watermark = reached
            store.journal = kept
            store.posted, store.posted_watermark = each.position, each.watermark
            messages += posting.messages
        return messages

    def _hear(self, partition: int, message: Message) -> None:
        for place, value in enumerate(message.values):
            if message.topic.endswith("dead-letters"):
                headers = {name: told or b"" for name, told in message.headers[place]}
                offset = int(headers["__streams.errors.offset"])
                answer: Any = ("dead letter", headers["single-window.reason"].decode())
            else:
                assert value is not None
                receipt = schemas.decode(value)[1]
                offset = int(receipt["receipt_id"].rpartition("-")[2])
                found = [(f["rule"], f["severity"], f["pointer"]) for f in receipt["findings"]]
                answer = ("receipt", receipt["outcome"], receipt["state"], sorted(found), receipt["advice"])
            assert (partition, offset) not in self.answers, "answered twice"
            self.answers[partition, offset] = answer

    def counters(self) -> dict[tuple[str, str, int | None, tuple[str, ...]], tuple[int, ...]]:
        """The published totals as the oracle has them: (counter, window, start in ms, dimensions) -> measures.

        Totals that are published in slices are added up.
        """
        found: dict[tuple[str, str, int | None, tuple[str, ...]], tuple[int, ...]] = {}
        for raw_key, raw_value in self.totals.items():
            if raw_value is None:
                continue
            (_, key), (_, value) = schemas.decode(raw_key), schemas.decode(raw_value)
            start = key["window_start"]
            dims = tuple(v for k, v in key.items() if k not in {"counter", "slice", "window", "window_start"})
            known = {"window_end", "time_zone", "revision", "generation", "source_positions", "watermark"}
            measures = tuple(v for k, v in value.items() if k not in known | {"definition", "status"})
            whole = (key["counter"], key["window"], None if start is None else int(start.timestamp() * 1000), dims)
            before = found.get(whole, (0,) * len(measures))
            found[whole] = tuple(b + m for b, m in zip(before, measures, strict=True))
        return found
