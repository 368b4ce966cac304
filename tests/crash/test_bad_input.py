"""Bytes and values nobody should send, on the real broker: each has its answer, and its neighbours count."""

from collections import Counter

import pytest

from connectors.client import Subscription
from connectors.counters import DECLARATIONS_BY_STAGE
from connectors.simulator.messages import Message
from connectors.simulator.partitions import partition_of
from tests import events
from tests.crash.scene import Scene, dead_letters, place, receipts

pytestmark = [pytest.mark.crash, pytest.mark.kafka]

PARTITIONS = 8
MOST = 2**63 - 1
GOOD = events.raw(events.declaration(events.number(1)))
KEY, VALUE = GOOD.key, GOOD.value
OTHER = (partition_of(KEY, PARTITIONS) + 1) % PARTITIONS

BYTES = [
    ("null_value", events.Raw(KEY, None)),
    ("oversized", events.Raw(KEY, VALUE + bytes(1 << 20))),
    ("unknown_framing", events.Raw(KEY, b'{"declaration_number": "1"}')),
    ("unknown_framing", events.Raw(KEY, b"")),
    ("unknown_schema", events.Raw(KEY, VALUE[:2] + b"\0" * 8 + VALUE[10:])),
    ("unknown_schema", events.Raw(KEY, b"\0\0\0\xff\xff" + VALUE[10:])),
    ("undecodable", events.Raw(KEY, VALUE[:60])),
    ("undecodable", events.Raw(KEY, VALUE[:10] + b"\xff" * 40)),
    ("undecodable", events.Raw(KEY, VALUE + b"\0")),
    ("undecodable", events.Raw(KEY, VALUE.replace(b"AGENT-1", b"AGENT\xff1"))),
    ("wrong_partition", events.Raw(KEY, VALUE, OTHER)),
    ("wrong_key", events.Raw(None, VALUE, 0)),
    ("wrong_key", events.Raw(b"4200", VALUE)),
]
VALUES = [
    ("D16", {"items": [events.item(commodity_code="８７０３８０００００")]}),  # noqa: RUF001 full-width digits
    ("D05", {"procedure": "０１１０"}),  # noqa: RUF001
    ("D01", {"declaration_date": 2**31 - 1}),
    ("D01", {"declaration_date": -(2**31)}),
    ("S01", {"event_time": MOST}),
    ("S01", {"event_time": -MOST}),
    ("S01", {"revision": 2**31 - 1}),
    ("S01", {"version": 10_000}),
    ("S01", {"gross_mass": MOST}),
    ("S01", {"items": [events.item(quantity=None, unit_price=None, total=MOST)]}),
    ("S01", {"items": [events.item(net_mass=-MOST)]}),
    ("S01", {"items": [events.item(quantity=MOST, unit_price=MOST)]}),
    ("S01", {"event_id": "\0"}),
]


def test_bytes_and_values_nobody_should_send_are_answered_and_their_neighbours_count(scene: Scene) -> None:
    sent: list[tuple[str, events.Raw]] = []
    for serial, (answer, spoilt) in enumerate([*BYTES, *VALUES], start=100):
        raw = (
            spoilt
            if isinstance(spoilt, events.Raw)
            else events.raw(events.declaration(events.number(serial), **spoilt))
        )
        sent += [(answer, raw), ("ACCEPTED", events.raw(events.declaration(events.number(1_000 + serial))))]
    scene.send(Message(raw.key, raw.value, raw.partition, None) for _, raw in sent)
    worker = scene.worker(POLL_RECORDS="8000")
    scene.counted(worker)
    scene.answered_once()

    expected, ends = {}, Counter[int]()
    for answer, raw in sent:
        partition = partition_of(raw.key or b"", PARTITIONS) if raw.partition is None else raw.partition
        expected[partition, ends[partition]] = answer
        ends[partition] += 1
    found = {(partition, offset): {reason} for partition, offset, reason in dead_letters(scene.bootstrap, scene.prefix)}
    for receipt in receipts(scene.bootstrap, scene.prefix):
        rules = {finding["rule"] for finding in receipt["findings"]}
        found[place(receipt["receipt_id"])] = rules if receipt["outcome"] == "REFUSED" else {receipt["outcome"]}
    wrong = {where: (answer, found[where]) for where, answer in expected.items() if answer not in found[where]}
    assert not wrong, f"place: (expected, found) {wrong}\n{worker.tail()}"

    with Subscription(DECLARATIONS_BY_STAGE, scene.bootstrap, scene.prefix) as subscription:
        rows = subscription.snapshot().rows.values()
    lodged = [row.measures.declarations for row in rows if row.key.window == "ALL_TIME"]
    assert lodged == [len(BYTES) + len(VALUES)], "only the neighbours are counted"
