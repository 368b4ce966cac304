"""Reading counters: the table as it stands, its changes, and how far the totals have come.

Counter topics are compacted tables: the newest record of a key is its total, a tombstone says that it expired, an
absent key is zero. Read-committed throughout: an aborted transaction is never seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import schemas
from connectors.records import Record, decode
from connectors.topic_io import TopicReader, end_offsets

__all__ = ["ProgressKey", "Row", "all_counted", "counters", "end_offsets", "progress", "snapshot", "subscribe"]

INPUT = "customs.declarations"
_TOPIC = "counters."
_WINDOW = ("window", "window_start")
_ABOUT = (
    "window_end",
    "time_zone",
    "revision",
    "generation",
    "source_positions",
    "watermark",
    "definition",
    "status",
)
"""Fields of every total that are not measures."""


class Row(NamedTuple):
    """One total of a counter, or the tombstone of one.

    ``dims`` in the order of the key's schema; ``measures`` as in the value's schema, scaled (units in its docs).
    Windows in ms since 1970 UTC, None for ALL_TIME. A tombstone (``deleted``) has its key only: no measures, texts
    empty, numbers 0.
    """

    counter: str
    dims: dict[str, str]
    window: str
    window_start: int | None
    window_end: int | None
    time_zone: str
    measures: dict[str, int]
    revision: int
    generation: int
    status: str
    watermark: int
    deleted: bool
    partition: int
    offset: int

    @property
    def key(self) -> tuple[Any, ...]:
        """The dimensions' values in the key's order, then window and window start."""
        return (*self.dims.values(), self.window, self.window_start)


class ProgressKey(NamedTuple):
    """One totals partition's knowledge of one partition of the input."""

    flow: str
    generation: int
    totals_partition: int
    source_partition: int


def counters() -> tuple[str, ...]:
    """The names of the counters one can subscribe to."""
    return tuple(
        topic.name.removeprefix(_TOPIC)
        for topic in schemas.topics()
        if topic.name.startswith(_TOPIC) and topic.name not in ("counters.partials", "counters.progress")
    )


def subscribe(
    counter: str, *, bootstrap: str, prefix: str = "", snapshot: bool = False, follow: bool = False
) -> Iterator[Row]:
    """The rows of a counter.

    ``snapshot``: the table as it stands now, one row a key, without expired ones. ``follow``: changes from now on, for
    ever, tombstones included; with ``snapshot`` the table first, and no change between the two is missed. Neither:
    every change still in the log, up to now. Raises ValueError for an unknown counter, TopicError when its topic is
    not there. Close the iterator to disconnect. Not for use inside a running event loop.
    """
    with _reader(counter, bootstrap, prefix, at_end=follow and not snapshot) as reader:
        if snapshot:
            yield from _table(counter, reader)
        elif not follow:
            for batch in reader.to_end():
                yield from (_row(counter, r.key, r.value, r.partition, r.offset) for r in batch)
        if follow:
            for batch in reader.onward():
                yield from (_row(counter, r.key, r.value, r.partition, r.offset) for r in batch)


def snapshot(counter: str, *, bootstrap: str, prefix: str = "") -> dict[tuple[Any, ...], Row]:
    """The table of a counter as it stands now: ``Row.key`` -> row. Expired keys are absent."""
    with _reader(counter, bootstrap, prefix) as reader:
        return {row.key: row for row in _table(counter, reader)}


def progress(*, bootstrap: str, prefix: str = "") -> dict[ProgressKey, tuple[int, int]]:
    """How far the totals include each source partition: (position, the next offset; watermark, ms)."""
    with TopicReader(bootstrap, f"{prefix}counters.progress") as reader:
        newest = {r.key: r.value for batch in reader.to_end() for r in batch}
    found = {}
    for key, value in newest.items():
        if value is not None:
            known, reached = decode(key), decode(value)
            found[ProgressKey(**known)] = (reached["position"], reached["watermark"])
    return found


def all_counted(
    reached: Mapping[ProgressKey, tuple[int, int]],
    ends: Mapping[int, int],
    *,
    flow: str = "declarations",
    generation: int = 1,
    totals_partitions: int | None = None,
) -> bool:
    """True when every totals partition includes every source partition up to its end offset.

    ``ends``: end offsets of the input topic; a partition without records has nothing to wait for.
    """
    count = schemas.topic("counters.partials").partitions if totals_partitions is None else totals_partitions
    return all(
        reached.get(ProgressKey(flow, generation, total, source), (0, 0))[0] >= end
        for source, end in ends.items()
        for total in range(count)
    )


def _reader(counter: str, bootstrap: str, prefix: str, *, at_end: bool = False) -> TopicReader:
    if counter not in counters():
        raise ValueError(f"no counter {counter}; there are: {', '.join(counters())}")
    return TopicReader(bootstrap, f"{prefix}{_TOPIC}{counter}", at_end=at_end)


def _table(counter: str, reader: TopicReader) -> list[Row]:
    newest: dict[bytes, tuple[bytes | None, int, int]] = {}
    for batch in reader.to_end():
        newest.update({r.key: (r.value, r.partition, r.offset) for r in batch})
    return [
        _row(counter, key, value, partition, offset)
        for key, (value, partition, offset) in newest.items()
        if value is not None
    ]


def _row(counter: str, raw_key: bytes, raw_value: bytes | None, partition: int, offset: int) -> Row:
    key = decode(raw_key)
    dims = {name: value for name, value in key.items() if name != "counter" and name not in _WINDOW}
    total: Record = {} if raw_value is None else decode(raw_value)
    return Row(
        counter=counter,
        dims=dims,
        window=key["window"],
        window_start=key["window_start"],
        window_end=total.get("window_end"),
        time_zone=total.get("time_zone", ""),
        measures={name: value for name, value in total.items() if name not in _ABOUT},
        revision=total.get("revision", 0),
        generation=total.get("generation", 0),
        status=total.get("status", ""),
        watermark=total.get("watermark", 0),
        deleted=raw_value is None,
        partition=partition,
        offset=offset,
    )
