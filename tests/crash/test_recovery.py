"""How a worker comes back: from a snapshot of its stores, and into its own place in the group."""

import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors.topic_io import TopicReader, end_offsets
from processor.demo import compare
from tests.crash.scene import Scene
from tests.crash.test_groups import share
from tests.crash.worker import Worker, wait_for

pytestmark = [pytest.mark.crash, pytest.mark.kafka]

PARTITIONS = 12
BOUND_SECONDS = 30.0
"""Of a restart, on a machine that is busy with other tests: five seconds are what it takes alone."""


Stores = dict[tuple[str, int], int]
"""Positions by flow and partition."""


def snapshots(scene: Scene) -> Stores:
    """Where the newest snapshots stand."""
    found: Stores = {}
    for manifest in (scene.home / "snapshots").glob("*/*/*/manifest.json"):
        flow, _, partition = manifest.parent.parent.name.rpartition("-")
        position = int(manifest.parent.name.split("-")[0])
        found[flow, int(partition)] = max(position, found.get((flow, int(partition)), 0))
    return found


def told(worker: Worker, what: str, **fields: Any) -> Stores:
    """Positions in its first such log line of each partition."""
    first: Stores = {}
    for line in worker.told(event=what, **fields):
        first.setdefault((line["flow"], line["partition"]), line["position"])
    return first


def spoil(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    file.write_bytes(raw)


def test_lost_stores_are_restored_from_snapshots_and_those_whose_snapshots_are_damaged_are_folded_anew(
    scene: Scene,
) -> None:
    # a: works, snapshots --- no more snapshots: works on --- killed; its disk is lost, some snapshots are damaged
    # b:                                                       restores, folds the rest in silence, works on
    kept = str(scene.home / "snapshots")
    scene.publish(0.4)
    first = scene.worker("a", SNAPSHOTS=kept, SNAPSHOT_SECONDS="1")
    scene.counted(first)
    first.until("a snapshot of every store", lambda: len(snapshots(scene)) == PARTITIONS)
    first.stop()
    taken = snapshots(scene)
    scene.publish(0.4)
    second = scene.worker("a")
    scene.counted(second)
    second.kill()
    shutil.rmtree(second.state)
    damaged = {("declarations", 0), ("totals", 1)}
    for flow, partition in damaged:
        for file in (scene.home / "snapshots").glob(f"*/{flow}-{partition}/*/*.sst"):
            spoil(file)
    scene.publish()
    b = scene.worker("b", SNAPSHOTS=kept)
    scene.check(b)

    whole = {where: position for where, position in taken.items() if where not in damaged}
    assert told(b, "snapshot restored") == whole, b.tail()
    assert set(told(b, "snapshot refused")) == damaged, b.tail()
    reasons = [line["reason"] for line in b.told(event="snapshot refused")]
    assert all("is damaged: its SHA-256" in reason for reason in reasons), reasons
    silent = told(b, "partition", state="restoring")
    assert silent.items() <= {**whole, **dict.fromkeys(damaged, 0)}.items(), "each folds on from what it has"
    assert silent.keys() >= damaged, b.tail()
    assert not any(b.samples("single_window_restoring_records").values())


@pytest.mark.usefixtures("only_long")
def test_a_worker_with_a_name_comes_back_to_its_partitions_and_nobody_else_notices(scene: Scene) -> None:
    # a: works ---------------------------------------------------------
    # b: works, SIGKILL    starts, works, SIGTERM    starts, works on --
    a, b = (scene.worker(name, INSTANCE=f"worker-{name}", SESSION_SECONDS="45") for name in "ab")
    share(scene, a, b)
    scene.publish(0.4)
    scene.counted(a, b)
    theirs, moved = b.held(), a.told(event="partition")
    own = {int(partition) for flow, partition in theirs if flow == "declarations"}
    for number in (signal.SIGKILL, signal.SIGTERM):
        b.send(number)
        b.ends()
        ends = end_offsets(scene.bootstrap, scene.prefix + compare.RECEIPTS)
        scene.publish(0.2)
        b = scene.worker("b", INSTANCE="worker-b", SESSION_SECONDS="45")
        wait_for(
            "its partitions to answer",
            lambda ends=ends: own <= answering(scene, ends),
            tell=scene.tails,
            patience=BOUND_SECONDS,
        )
    scene.publish()
    scene.check(a, b)
    assert b.held() == theirs, scene.tails()
    assert a.told(event="partition") == moved, "nothing happened to the partitions of a"


def answering(scene: Scene, since: Mapping[int, int]) -> set[int]:
    """Partitions with a committed receipt at these offsets of the receipts' topic or later."""
    with TopicReader(scene.bootstrap, scene.prefix + compare.RECEIPTS, start=since) as reader:
        return {record.partition for batch in reader.to_end() for record in batch}
