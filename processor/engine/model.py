"""The words of the engine as plain values: what goes into a step and what comes out of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Payload = bytes
"""Bytes of one Kafka key or value."""


Header = tuple[str, bytes | None]
"""Name and value of one Kafka header."""


class Record(Protocol):
    """One record of the log as the engine reads it (as aiokafka's parser makes it, or LogRecord in tests)."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[Header]: ...


class LogRecord(NamedTuple):
    """A record without a broker: offset, append time in ms, key, value and headers."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


@dataclass(frozen=True)
class Source:
    """The log a batch comes from."""

    topic: str
    partition: int
    partitions: int
    generation: int = 1


@dataclass(frozen=True)
class Batch:
    """Records of one partition between two positions: ``start`` <= offset < ``end``.

    ``end`` may lie beyond the last record: transaction markers and compaction leave gaps.
    """

    records: Sequence[Record]
    start: int
    end: int

    @cached_property
    def appended(self) -> npt.NDArray[np.int64]:
        """Append time of each record, ms."""
        return np.array([record.timestamp for record in self.records], np.int64)

    def upto(self, position: int) -> Batch:
        """The part before ``position``."""
        return Batch([r for r in self.records if r.offset < position], self.start, min(self.end, position))

    def since(self, position: int) -> Batch:
        """The part from ``position`` on."""
        if position <= self.start:
            return self
        return Batch([r for r in self.records if r.offset >= position], max(self.start, position), self.end)

    def first(self, most: int) -> Batch:
        """The part with the first ``most`` records."""
        return self if len(self.records) <= most else self.upto(self.records[most].offset)

    def halves(self) -> tuple[Batch, Batch]:
        """Two non-empty parts of a batch of two records or more."""
        cut = self.records[len(self.records) // 2].offset
        return self.upto(cut), self.since(cut)


class DeadLetter(NamedTuple):
    """A record that could not be taken as an event. ``reason`` comes from ``decode.REASONS``."""

    record: Record
    reason: str
    message: str


class Message(NamedTuple):
    """Messages for one partition of one topic, in order. ``headers`` is empty or one list per message."""

    topic: str
    partition: int
    keys: Sequence[Payload | None]
    values: Sequence[Payload | None]
    headers: Sequence[list[Header]] = ()


@dataclass
class Outcome:
    """What one step, or one posting, would change: nothing has changed yet.

    ``messages`` go into the Kafka transaction; ``puts``, ``deletes`` and ``expired`` (a range of keys to delete: from,
    to) into the store's one WriteBatch, with ``entries``, what has yet to be posted to counters (``journal.pack``).
    ``position`` and ``watermark``: up to where was folded or, of a posting, posted. ``tally`` counts for metrics:
    (metric, label) -> n; ``seconds`` says where the time went. ``silent``: what was said before is not written again,
    so there are no messages.
    """

    position: int
    watermark: int
    messages: list[Message] = field(default_factory=list)
    puts: list[tuple[bytes, bytes]] = field(default_factory=list)
    deletes: list[bytes] = field(default_factory=list)
    expired: tuple[bytes, bytes] | None = None
    entries: bytes = b""
    tally: dict[tuple[str, str], int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    silent: bool = False


class View(Protocol):
    """What a step may read of a partition's state."""

    @property
    def position(self) -> int: ...
    @property
    def watermark(self) -> int: ...
    @property
    def posted_watermark(self) -> int: ...

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Stored values in the order of ``keys``; None where there is none."""
        ...

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All entries whose key starts with ``prefix``, in key order."""
        ...


class Work(NamedTuple):
    """A batch of one partition, to be folded upon the state in ``view``; in silence or not. ``is_urgent``: much is left
    behind it, so it waits for nobody.
    """

    source: Source
    batch: Batch
    view: View
    silent: bool = False
    is_urgent: bool = False


def begun(work: Work) -> Outcome:
    """An outcome in which nothing has happened yet."""
    newest = [record.timestamp for record in work.batch.records[-1:]]
    return Outcome(work.batch.end, max([work.view.watermark, *newest]), silent=work.silent)


class Due(NamedTuple):
    """What a partition has yet to post to its counters: its ``journal``, all there is up to ``position``, upon the
    counters in ``view``; in silence or not.
    """

    source: Source
    journal: Sequence[bytes]
    position: int
    watermark: int
    view: View
    silent: bool = False
    is_urgent: bool = False


class Fold(Protocol):
    """A flow made runnable: a pure function from a batch and the state to an outcome."""

    @property
    def name(self) -> str: ...
    @property
    def topic(self) -> str: ...
    @property
    def definition(self) -> str:
        """Digest of what the past was folded with: counters, lifecycle, register layout."""
        ...

    def steps(self, work: Sequence[Work]) -> list[Outcome]:
        """Fold batches of different partitions, as one frame: that costs little more than one of them. Changes nothing;
        raises only when a record breaks the fold itself. Silent ones are without messages; all else is the same.
        """
        ...

    def posts(self, due: Sequence[Due]) -> list[Outcome]:
        """What is due, of different partitions, posted to the counters: their new values, and unless silent the
        messages that publish them.
        """
        ...
