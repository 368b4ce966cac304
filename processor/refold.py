"""A log folded once more, in memory and in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from connectors.topic_io import TopicReader, end_offsets
from processor.engine.flow import RegisterFold
from processor.engine.model import Batch, Outcome, Record, Source


class Rows:
    """A partition's register in memory: a ``model.View``."""

    def __init__(self) -> None:
        self.position = self.watermark = self.posted_watermark = 0
        self.stored: dict[bytes, bytes] = {}

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.stored.get(key) for key in keys]

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter(sorted((key, value) for key, value in self.stored.items() if key.startswith(prefix)))

    def take(self, outcome: Outcome) -> None:
        self.stored.update(outcome.puts)
        for key in outcome.deletes:
            del self.stored[key]
        self.position, self.watermark = outcome.position, outcome.watermark


def outcomes(fold: RegisterFold, source: Source, fetched: Iterable[Sequence[Record]], end: int) -> Iterator[Outcome]:
    """What a fold makes of a partition's records, from the first one on, before position ``end``. Its rows are held in
    memory as long as this lasts.
    """
    rows = Rows()
    for records in fetched:
        yield from _folded(fold, source, Batch(records, rows.position, records[-1].offset + 1).upto(end), rows)


def _folded(fold: RegisterFold, source: Source, batch: Batch, rows: Rows) -> Iterator[Outcome]:
    """A record that breaks the step is left out, as a worker leaves it out."""
    if not batch.records:
        return
    try:
        outcome = fold.step(source, batch, rows)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 whatever the worker made a dead letter of
        if len(batch.records) > 1:
            for half in batch.halves():
                yield from _folded(fold, source, half, rows)
        return
    rows.take(outcome)
    yield outcome


def read(bootstrap: str, topic: str, partition: int, end: int | None = None) -> Iterator[Sequence[Any]]:
    """A partition's records from the first on, up to ``end`` (else to its end now) or a little beyond. Raises
    TopicError or KafkaError.
    """
    if end == 0:
        return
    others = end_offsets(bootstrap, topic)
    last = others.pop(partition)
    with TopicReader(bootstrap, topic, start=others) as reader:  # it reads all: the others from their ends on
        for records in reader.to_end({partition: last if end is None else end}):
            if records[0].partition == partition:
                yield records
