"""What is nobody's fault: no broker, no room on the disk. The worker waits, says so, and goes on."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import topics
from tests.crash.broker import Broker
from tests.crash.scene import Scene
from tests.crash.worker import PATIENCE

pytestmark = [pytest.mark.crash, pytest.mark.kafka]


def test_without_a_broker_a_worker_waits_and_then_goes_on(broker: Broker, tmp_path: Path) -> None:
    # publish -> kill the broker -> start a worker -> start the broker -> work -> kill it in the work -> start it
    prefix = f"t{uuid.uuid4().hex[:8]}."
    topics.create(broker.bootstrap, prefix)
    scene = Scene(broker.bootstrap, prefix, tmp_path)
    try:
        scene.publish(0.7)
        broker.kill()
        worker = scene.worker(POLL_RECORDS="300")
        worker.until("it says that it waits", lambda: worker.told(event="waiting for Kafka"))
        broker.start()
        worker.until("it works", lambda: worker.records() > 300)
        broker.kill()
        broker.start()
        scene.publish()
        scene.counted(worker, patience=2 * PATIENCE)  # a broker that was killed recovers every partition it has
        scene.check(worker)
    finally:
        scene.dispose()
        broker.start()
        topics.delete(broker.bootstrap, prefix)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own in memory, with 512 MB."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512m", "none", mounted], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"no file system of our own: {done.stderr.decode().strip()}")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "-l", mounted], check=True)


def resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)


def used(disk: Path) -> int:
    found = os.statvfs(disk)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def test_with_a_full_disk_a_worker_waits_and_then_goes_on(scene: Scene, disk: Path) -> None:
    # work -> no room is left -> it waits -> there is room again -> work on
    scene.publish(0.3)
    worker = scene.worker(STATE_DIR=str(disk))
    scene.counted(worker)
    resize(disk, used(disk) + 16_384)
    scene.publish(0.4)
    worker.until("it says that it waits", lambda: worker.told(state="waiting", error="StoreError"))
    resize(disk, 1 << 30)
    scene.publish()
    scene.check(worker)
