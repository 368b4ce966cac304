"""kill -9 at the points where what is told, what is stored and what is added up are not the same."""

import signal

import pytest

from tests.crash.scene import Scene

pytestmark = [pytest.mark.crash, pytest.mark.kafka]

BATCHES = (
    "before_transaction:declarations:5",  # nothing has been said, nothing is stored
    "before_store:declarations:5",  # said, not stored: folded again in silence
    "in_store:declarations:5",  # while RocksDB writes
    "after_store:declarations:5",
)
COUNTERS = (
    "before_partials:declarations:2",  # stored, but the counters are not published
    "before_markers:declarations:2",  # partials published, but still marked as due: published again
    "before_transaction:totals:2",  # partials published, not added up
    "before_store:totals:2",  # totals published with their position, not stored
    "in_store:totals:2",
)


@pytest.mark.parametrize("points", [BATCHES, COUNTERS], ids=["batches", "counters"])
def test_a_worker_killed_at_each_point_in_turn_says_everything_once_and_counts_all(
    scene: Scene, points: tuple[str, ...]
) -> None:
    # publish a part -> work -> kill -9 at the next point, over and over -> publish the rest -> work on
    for point in points:
        scene.publish(0.8 / len(points))
        killed = scene.worker(CRASH_AT=point)
        assert killed.ends() == -signal.SIGKILL, f"{point}\n{killed.tail()}"
    scene.publish()
    scene.check(scene.worker())
