"""Reading counters without knowing which: the table as it stands, and how far the totals have come.

Counter topics are compacted tables: the newest record of a key is its total, a tombstone says that it expired, an
absent key is zero. Read-committed throughout: an aborted transaction is never seen. Typed rows, and changes as they
come, are in ``client``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import schemas
from connectors.records import decode
from connectors.topic_io import TopicReader, end_offsets

__all__ = ["ProgressKey", "Row", "all_counted", "counters", "end_offsets", "progress", "progress_of", "snapshot"]

INPUT = "customs.declarations"
FLOW = "declarations"
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
    """One total of a counter.

    ``dims`` in the order of the key's schema; ``measures`` as in the value's schema, scaled (units in its docs).
    Windows in ms since 1970 UTC, None for ALL_TIME.
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


def snapshot(counter: str, *, bootstrap: str, prefix: str = "") -> dict[tuple[Any, ...], Row]:
    """The table of a counter as it stands now: ``Row.key`` -> row. Expired keys are absent.

    Raises ValueError for an unknown counter, TopicError when its topic is not there.
    """
    if counter not in counters():
        raise ValueError(f"no counter {counter}; there are: {', '.join(counters())}")
    newest: dict[bytes, tuple[bytes | None, int, int]] = {}
    with TopicReader(bootstrap, f"{prefix}{_TOPIC}{counter}") as reader:
        for batch in reader.to_end():
            newest.update({r.key: (r.value, r.partition, r.offset) for r in batch})
    rows = (
        _row(counter, key, value, partition, offset)
        for key, (value, partition, offset) in newest.items()
        if value is not None
    )
    return {row.key: row for row in rows}


def progress(*, bootstrap: str, prefix: str = "") -> dict[ProgressKey, tuple[int, int]]:
    """How far the totals include each source partition: (position, the next offset; watermark, ms)."""
    with TopicReader(bootstrap, f"{prefix}counters.progress") as reader:
        return progress_of({r.key: r.value for batch in reader.to_end() for r in batch})


def progress_of(newest: Mapping[bytes, bytes | None]) -> dict[ProgressKey, tuple[int, int]]:
    """The same from the newest record of each key."""
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
    flow: str = FLOW,
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


def _row(counter: str, raw_key: bytes, raw_value: bytes, partition: int, offset: int) -> Row:
    key, total = decode(raw_key), decode(raw_value)
    return Row(
        counter=counter,
        dims={name: value for name, value in key.items() if name != "counter" and name not in _WINDOW},
        window=key["window"],
        window_start=key["window_start"],
        window_end=total["window_end"],
        time_zone=total["time_zone"],
        measures={name: value for name, value in total.items() if name not in _ABOUT},
        revision=total["revision"],
        generation=total["generation"],
        status=total["status"],
        watermark=total["watermark"],
        partition=partition,
        offset=offset,
    )
