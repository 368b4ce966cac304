"""Whether a store belongs to a log: cluster, topic, number of partitions, and the very record it stopped at."""

from __future__ import annotations

import traceback
import zlib
from dataclasses import dataclass
from pathlib import Path

from processor.engine.model import Record
from processor.engine.store import Mark


class Foreign(Exception):
    """The store does not belong to this log, or not to this program: going on would give wrong figures."""


ANEW = 'To count this log from its beginning, see "Another log under the same name" in docs/runbook.md'


class Missing(Foreign):
    """There is no such log."""


@dataclass(frozen=True)
class Log:
    """What the broker says of one partition: cluster id, topic id, number of partitions, first and next offset."""

    cluster: str
    topic: str
    partitions: int
    start: int
    end: int


def fingerprint(record: Record) -> tuple[int, int, int]:
    """(offset, append time in ms, CRC-32 of key and value)."""
    return record.offset, record.timestamp, zlib.crc32(record.value or b"", zlib.crc32(record.key or b""))


def check(mark: Mark, log: Log, expected_partitions: int, compacted: bool, definition: str, tables: str) -> None:
    """Raise Foreign unless a store at ``mark`` may go on with ``log``. ``tables``: today's digest of the reference
    rows that were known at ``mark.watermark``. An empty mark fits every log.
    """
    if log.partitions != expected_partitions:
        raise Foreign(
            f"the topic has {log.partitions} partitions, this program was built for {expected_partitions}: "
            "keys would move between partitions. Create it with the number in schemas/topics.yaml"
        )
    if not mark.cluster:
        if log.start > 0 and not compacted:
            raise Foreign(f"the log starts at {log.start}: what came before is gone and cannot be counted")
        return
    for what, was, now in (("cluster", mark.cluster, log.cluster), ("topic", mark.topic, log.topic)):
        if was != now:
            raise Foreign(f"the store belongs to {what} {was}, this is {now}: was it deleted and created again? {ANEW}")
    if mark.definition != definition or mark.tables != tables:
        what = "the counters or the lifecycle" if mark.definition != definition else "reference rows known then"
        raise Foreign(
            f"{what} differ from what the past was folded with: raise SINGLE_WINDOW_GENERATION to fold it anew"
        )
    if mark.position > log.end:
        raise Foreign(f"the store stands at {mark.position}, the log ends at {log.end}: records were lost")
    if mark.position < log.start and not compacted:
        raise Foreign(f"the store stands at {mark.position}, the log starts at {log.start}: records between are gone")


def check_committed(committed: int, log: Log) -> None:
    """Raise Foreign if more was ``committed`` than there is: what comes at these offsets would never be answered."""
    if committed > log.end:
        raise Foreign(f"{committed} is committed, the log ends at {log.end}: records were lost. {ANEW}")


def where(error: BaseException) -> str:
    """Kind and place of an error, without its text: that may quote what was in a record."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def check_last(mark: Mark, found: Record | None, compacted: bool) -> None:
    """Raise Foreign unless the record at ``mark.last`` is still the one the store folded."""
    if mark.last is None:
        return
    if found is None or found.offset != mark.last[0]:
        if compacted:
            return  # a newer record of the same key took its place
        raise Foreign(f"the record at offset {mark.last[0]}, the last one folded, is gone")
    if fingerprint(found) != mark.last:
        raise Foreign(f"the record at offset {mark.last[0]} is not the one this store folded: another log under it")
