"""SIGTERM under load: what runs is finished, and the worker is gone within ten seconds."""

import time

import pytest

from tests.crash.scene import Scene

pytestmark = [pytest.mark.chaos, pytest.mark.kafka]

SECONDS = 10.0


@pytest.mark.usefixtures("only_long")
def test_a_worker_told_to_stop_under_load_drains_within_ten_seconds_and_ends_with_status_0(scene: Scene) -> None:
    # a: works under load - SIGTERM: drains, ends
    # b:                                     works on: nothing is twice, nothing is missing
    with scene.feeding(0.3):
        first = scene.worker("a")
        first.until("it works", lambda: first.records() > 200)
        began = time.monotonic()
        first.process.terminate()
        assert first.ends(4 * SECONDS) == 0, first.tail()
        took = time.monotonic() - began
    assert first.told(event="stopped"), first.tail()
    scene.publish()
    scene.check(scene.worker("b"))
    assert took <= SECONDS, f"it took {took:.1f} s\n{first.tail()}"
