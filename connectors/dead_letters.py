"""Dead letters: listing why bytes could not be taken as events, and sending them again once they can.

A dead letter is the original record with the reason in its headers, named as in KIP-1034, texts in UTF-8. Payloads are
never shown: they may hold anything.
"""

from __future__ import annotations

import asyncio
import heapq
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError
from aiokafka.structs import ConsumerRecord, TopicPartition

from connectors.topic_io import Sender, TopicReader, partition_of

INPUT = "customs.declarations"
TOPIC = f"{INPUT}.dead-letters"
GROUP = "single-window-dead-letters-replay"
"""The consumer group (after the topic prefix) whose committed positions say what has been sent again."""

OURS = "single-window."
REASON = f"{OURS}reason"
ERRORS = "__streams.errors."
COORDINATOR_TRIES = 100
COORDINATOR_WAIT_S = 0.2
SHOWN = 200
"""Longest key shown, in characters."""


@dataclass(frozen=True)
class DeadLetter:
    """What is known of one dead letter, without its payload.

    Partition and offset are its own, source_* those of the original record (-1 when the header is missing or no
    number). ``size`` is the payload's, bytes; ``appended_at`` the dead letter's timestamp, ms since 1970 UTC.
    """

    partition: int
    offset: int
    reason: str
    exception: str
    message: str
    topic: str
    source_partition: int
    source_offset: int
    key: str | None
    size: int
    appended_at: int


@dataclass(frozen=True)
class _Replayed:
    """How far one partition was sent again: ``base`` for every reason, ``ahead`` for those further on."""

    base: int = 0
    ahead: Mapping[str, int] | None = None

    def position(self, reason: str) -> int:
        return max(self.base, (self.ahead or {}).get(reason, 0))

    def advanced(self, reason: str | None, position: int) -> _Replayed:
        if reason is not None:
            return _Replayed(self.base, {**(self.ahead or {}), reason: max(position, self.position(reason))})
        base = max(self.base, position)
        return _Replayed(base, {r: p for r, p in (self.ahead or {}).items() if p > base})

    def metadata(self) -> str:
        return json.dumps(self.ahead or {}, sort_keys=True, separators=(",", ":"))

    @classmethod
    def parse(cls, base: int, metadata: str) -> _Replayed:
        return cls(max(base, 0), {str(r): int(p) for r, p in json.loads(metadata or "{}").items()})


def list_(bootstrap: str, prefix: str = "", limit: int = 100) -> list[DeadLetter]:
    """The newest dead letters, at most ``limit``, oldest first. Raises TopicError when the topic is not there."""
    with TopicReader(bootstrap, prefix + TOPIC) as reader:
        letters = (_letter(record) for batch in reader.to_end() for record in batch)
        newest = heapq.nlargest(limit, letters, key=lambda d: (d.appended_at, d.partition, d.offset))
    return newest[::-1]


def replay(
    bootstrap: str, prefix: str = "", *, reason: str | None = None, limit: int | None = None, everything: bool = False
) -> int:
    """Sends dead letters again, original key and bytes, to the input topic; returns how many.

    Only those of ``reason`` if one is given, at most ``limit``, only those not yet sent again unless ``everything``.
    They go to the partition of their key, as any producer with Kafka's default partitioner would send them; a letter
    without a key goes to the partition it came from. Letters that fail again are new letters, which the next call takes
    up. What was sent is remembered once it is acknowledged, for as long as the broker keeps the offsets of a group
    (offsets.retention.minutes, 7 days unless set): whatever is sent twice is a duplicate or a dead letter again. Not
    for use inside a running event loop.
    """
    group = prefix + GROUP
    known = asyncio.run(_replayed(bootstrap, group))
    start = {} if everything else {p: done.position(reason) if reason else done.base for p, done in known.items()}
    with TopicReader(bootstrap, prefix + TOPIC, start=start) as reader:
        sender = reader.run(Sender.connect(bootstrap, prefix + INPUT))
        moved: dict[int, _Replayed] = {}
        try:
            for read in reader.to_end():
                partition, left = read[0].partition, None if limit is None else limit - sender.sent
                if left == 0:
                    break
                batch = [letter for letter in read if letter.offset < reader.ends[partition]]
                if not batch:
                    continue
                done = moved.get(partition, known.get(partition, _Replayed()))
                chosen, position = _choose(batch, None if everything else done, reason, left)
                reader.run(_send(sender, chosen))
                moved[partition] = done.advanced(reason, position)
        finally:
            reader.run(sender.close())
            reader.run(_remember(bootstrap, group, prefix + TOPIC, moved))
    return sender.sent


def _choose(
    batch: Iterable[ConsumerRecord], done: _Replayed | None, reason: str | None, left: int | None
) -> tuple[list[ConsumerRecord], int]:
    """The records of one partition's batch that are to be sent, and the position after those looked at."""
    chosen: list[ConsumerRecord] = []
    position = 0
    for record in batch:
        found = _headers(record).get(REASON, "")
        if (reason is None or found == reason) and (done is None or record.offset >= done.position(found)):
            if left is not None and len(chosen) >= left:
                break
            chosen.append(record)
        position = record.offset + 1
    return chosen, position


async def _send(sender: Sender, letters: list[ConsumerRecord]) -> None:
    for letter in letters:
        came_from = max(_number(_headers(letter).get(f"{ERRORS}partition", "")), 0)
        partition = came_from if letter.key is None else partition_of(letter.key, sender.partitions)
        original = [(name, value) for name, value in letter.headers if not _ours(name)]
        await sender.send(letter.key, letter.value, partition % sender.partitions, original)
    await sender.flush()


async def _replayed(bootstrap: str, group: str) -> dict[int, _Replayed]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        offsets = await _patiently(lambda: admin.list_consumer_group_offsets(group))
    finally:
        await admin.close()
    return {tp.partition: _Replayed.parse(known.offset, known.metadata) for tp, known in offsets.items()}


async def _patiently(ask: Callable[[], Awaitable[Any]]) -> Any:
    """The answer of a group's coordinator. A new cluster makes one at the first question, and says "not yet"."""
    for _ in range(COORDINATOR_TRIES):
        try:
            return await ask()
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError):
            await asyncio.sleep(COORDINATOR_WAIT_S)
    return await ask()


async def _remember(bootstrap: str, group: str, topic: str, moved: Mapping[int, _Replayed]) -> None:
    if not moved:
        return
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, p) for p in moved])
        await consumer.commit({TopicPartition(topic, p): (done.base, done.metadata()) for p, done in moved.items()})
    finally:
        await consumer.stop()


def _letter(record: ConsumerRecord) -> DeadLetter:
    headers = _headers(record)
    key = None if record.key is None else record.key.decode("utf-8", "backslashreplace")[:SHOWN]
    return DeadLetter(
        partition=record.partition,
        offset=record.offset,
        reason=headers.get(REASON, ""),
        exception=headers.get(f"{ERRORS}exception", ""),
        message=headers.get(f"{ERRORS}message", ""),
        topic=headers.get(f"{ERRORS}topic", ""),
        source_partition=_number(headers.get(f"{ERRORS}partition", "")),
        source_offset=_number(headers.get(f"{ERRORS}offset", "")),
        key=key,
        size=0 if record.value is None else len(record.value),
        appended_at=record.timestamp,
    )


def _headers(record: Any) -> dict[str, str]:
    return {name: (value or b"").decode("utf-8", "backslashreplace") for name, value in record.headers if _ours(name)}


def _ours(name: str) -> bool:
    return name.startswith((OURS, ERRORS))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else -1
