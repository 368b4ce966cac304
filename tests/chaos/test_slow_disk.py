"""A disk that takes two hundred kilobytes a second: the worker is slow, and right, also when it is killed meanwhile."""

import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.scene import Scene, traffic
from tests.crash.worker import Worker

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.usefixtures("only_long")]

GROUPS = Path("/sys/fs/cgroup/blkio")
BYTES_A_SECOND = 200_000
FEW = 1_200
SESSION = "20"
"""Seconds: while RocksDB writes, no other thread of the worker runs, and none says that it is alive."""


class Disk:
    """A file system in a file, that writes through to a device which a control group slows down for its processes."""

    def __init__(self, home: Path) -> None:
        self.image, self.path = home / "disk.img", home / "disk"
        self.group = GROUPS / f"slow-{uuid.uuid4().hex[:8]}"
        self.path.mkdir()
        done("truncate", "--size=512M", str(self.image))
        done("mkfs.ext4", "-q", str(self.image))
        done("mount", "-o", "loop,sync", str(self.image), str(self.path))
        device = done("losetup", "--list", "--noheadings", "--output=MAJ:MIN", "--associated", str(self.image)).strip()
        self.group.mkdir()
        (self.group / "blkio.throttle.write_bps_device").write_text(f"{device} {BYTES_A_SECOND}")

    def slow(self, worker: Worker) -> None:
        (self.group / "cgroup.procs").write_text(str(worker.process.pid))

    def written(self) -> int:
        """Bytes written by the slowed processes."""
        lines = (self.group / "blkio.throttle.io_service_bytes").read_text().splitlines()
        return sum(int(line.split()[-1]) for line in lines if " Write " in line)

    def dispose(self) -> None:
        subprocess.run(["umount", "-l", self.path], check=False)
        if self.group.exists():
            for process in (self.group / "cgroup.procs").read_text().split():  # it must be empty to go
                (GROUPS / "cgroup.procs").write_text(process)
            self.group.rmdir()


def done(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no slow disk to be had: {getattr(error, 'stderr', error)}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if not (GROUPS / "cgroup.procs").exists():
        pytest.skip("no slow disk to be had: no control groups for block devices (version 1)")
    made = Disk(tmp_path)
    try:
        yield made
    finally:
        made.dispose()


def test_on_a_slow_disk_a_worker_takes_its_time_and_counts_what_is_right(scene: Scene, disk: Disk) -> None:
    # works on a slow disk - killed between transaction and store - works on, slowly - as the ledger says
    scene.play(traffic(FEW))
    began = time.monotonic()
    scene.publish(0.5)
    slow = {"STATE_DIR": str(disk.path / "state"), "SESSION_SECONDS": SESSION}
    killed = scene.worker("a", **slow, CRASH_AT="before_store:declarations:5")
    disk.slow(killed)
    assert killed.ends() == -signal.SIGKILL, killed.tail()
    scene.publish()
    worker = scene.worker("b", **slow)
    disk.slow(worker)
    scene.check(worker)
    written, took = disk.written(), time.monotonic() - began
    assert written > 5 * BYTES_A_SECOND, "too little was written to be slow"
    assert took > written / BYTES_A_SECOND / 2, f"{written} bytes in {took:.0f} s: that was not slow"
    worker.kill()
