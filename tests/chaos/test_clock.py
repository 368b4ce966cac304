"""The worker's clock jumps, forward and back: figures come from the log's times, not from it."""

from pathlib import Path

import pytest

from tests.crash.scene import Scene

pytestmark = [pytest.mark.chaos, pytest.mark.kafka]

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
OFFSETS = ("+3d", "-400d", "+5000d")


@pytest.mark.usefixtures("only_long")
def test_the_clock_is_moved_while_a_worker_runs_and_no_figure_changes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    # true time: works - three days ahead: works - a year behind - thirteen years ahead - true again: works on
    if not LIBRARIES:
        pytest.skip("needs libfaketime: apt-get install faketime")
    clock = scene.home / "clock"
    clock.write_text("+0\n")
    monkeypatch.setenv("LD_PRELOAD", str(LIBRARIES[0]))
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(clock))
    monkeypatch.setenv("FAKETIME_CACHE_DURATION", "1")
    monkeypatch.setenv("DONT_FAKE_MONOTONIC", "1")
    worker = scene.worker()
    monkeypatch.delenv("LD_PRELOAD")
    scene.publish(0.2)
    scene.counted(worker)
    for offset in OFFSETS:
        clock.write_text(f"{offset}\n")
        scene.publish(0.2)
        scene.counted(worker)
    clock.write_text("+0\n")
    scene.publish()
    scene.check(worker)
    days = {line["timestamp"][:4] for line in worker.lines() if "timestamp" in line}
    print(f"the worker's log has lines of {sorted(days)}")
    answered = worker.samples("single_window_last_answer_timestamp_seconds")
    assert answered, worker.tail()
