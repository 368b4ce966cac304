"""The worker's clock jumps, forward and back: figures come from the log's times, not from it."""

import time
from pathlib import Path

import pytest

from tests.crash.scene import Scene, traffic
from tests.crash.worker import Worker

pytestmark = [pytest.mark.chaos, pytest.mark.kafka]

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
DAYS = (3, -400, 5_000)
FEW = 1_200


@pytest.mark.usefixtures("only_long")
def test_the_clock_is_moved_while_a_worker_runs_and_no_figure_changes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    # true time: works - three days ahead: works - a year behind - thirteen years ahead - true again: works on
    if not LIBRARIES:
        pytest.skip("needs libfaketime: apt-get install faketime")
    scene.play(traffic(FEW))
    clock = scene.home / "clock"
    clock.write_text("+0\n")
    monkeypatch.setenv("LD_PRELOAD", str(LIBRARIES[0]))
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(clock))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("DONT_FAKE_MONOTONIC", "1")
    worker = scene.worker()
    monkeypatch.delenv("LD_PRELOAD")
    scene.publish(0.2)
    scene.counted(worker)
    for days in DAYS:
        clock.write_text(f"{days:+}d\n")
        scene.publish(0.2)
        scene.counted(worker)
        assert abs(believed(worker) - time.time() - days * 86_400) < 3_600, "it did not take the clock for right"
    clock.write_text("+0\n")
    scene.publish()
    scene.check(worker)


def believed(worker: Worker) -> float:
    """The time by the worker's clock when it answered last, s since 1970."""
    name = "single_window_last_answer_timestamp_seconds"
    return worker.samples(name)[name, (("flow", "declarations"),)]
