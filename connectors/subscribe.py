"""How far the totals have come: by totals partition, up to where each partition of the input is included.

Read-committed: an aborted transaction is never seen. The counters themselves are read by ``client``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import schemas
from connectors.records import decode
from connectors.topic_io import TopicReader

INPUT = "customs.declarations"
FLOW = "declarations"
PROGRESS = "counters.progress"


class ProgressKey(NamedTuple):
    """One totals partition's knowledge of one partition of the input."""

    flow: str
    generation: int
    totals_partition: int
    source_partition: int


def progress(*, bootstrap: str, prefix: str = "") -> dict[ProgressKey, tuple[int, int]]:
    """How far the totals include each source partition: (position, the next offset; watermark, ms)."""
    with TopicReader(bootstrap, prefix + PROGRESS) as reader:
        return progress_of({r.key: r.value for batch in reader.to_end() for r in batch})


def progress_of(newest: Mapping[bytes, bytes | None]) -> dict[ProgressKey, tuple[int, int]]:
    """The same from the newest record of each key."""
    found = {}
    for key, value in newest.items():
        if value is not None:
            known, reached = decode(key), decode(value)
            found[ProgressKey(**known)] = (reached["position"], reached["watermark"])
    return found


def serving(reached: Iterable[ProgressKey]) -> dict[tuple[str, int], int]:
    """The generation that serves a flow in a totals partition: the newest that has said how far it comes there."""
    found: dict[tuple[str, int], int] = {}
    for key in reached:
        place = key.flow, key.totals_partition
        found[place] = max(key.generation, found.get(place, 0))
    return found


def all_counted(
    reached: Mapping[ProgressKey, tuple[int, int]],
    ends: Mapping[int, int],
    *,
    flow: str = FLOW,
    totals_partitions: int | None = None,
) -> bool:
    """True when every totals partition includes every source partition up to its end offset, by what serves there.

    ``ends``: end offsets of the input topic; a partition without records has nothing to wait for.
    """
    count = schemas.topic("counters.partials").partitions if totals_partitions is None else totals_partitions
    serves = serving(reached)
    return all(
        reached.get(ProgressKey(flow, serves.get((flow, total), 0), total, source), (0, 0))[0] >= end
        for source, end in ends.items()
        for total in range(count)
    )
