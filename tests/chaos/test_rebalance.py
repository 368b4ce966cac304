"""Partitions change hands again and again: while they are restored, and when the holder of the totals dies."""

import signal
import time

import pytest

from tests.crash.scene import Scene, traffic
from tests.crash.test_stores import worked
from tests.crash.worker import PATIENCE, Worker

pytestmark = [pytest.mark.chaos, pytest.mark.kafka]

FEW = 1_500
SLOW = {"POLL_RECORDS": "50"}


def restoring(worker: Worker) -> bool:
    """Whether it folds silently what was answered before, and is not done."""
    return len(worker.told(state="restoring")) > len(worker.told(state="live")) and not worker.ready()


@pytest.mark.usefixtures("only_long")
def test_two_rebalances_while_partitions_are_restored_change_nothing(scene: Scene) -> None:
    # a: works, stops
    # b: without a store: restores -- gives some away ---- gives some away --- works on
    # c:                          joins: restores -------- gives some away --- works on
    # d:                                                  joins: restores ---- works on
    scene.play(traffic(FEW))
    worked(scene, 0.7)
    b = scene.worker("b", **SLOW)
    b.until("it restores", lambda: restoring(b))
    c = scene.worker("c", **SLOW)
    c.until("it restores", lambda: restoring(c))
    d = scene.worker("d", **SLOW)
    d.until("it restores or has it all", lambda: d.told(state="restoring") or d.told(state="live"))
    scene.publish()
    scene.check(b, c, d)
    assert b.told(state="closed"), "it gave partitions away"
    assert c.told(state="restoring"), "the next holder restored them, too"


def holder_of_totals(workers: list[Worker]) -> Worker:
    """Who holds most of them."""
    return max(workers, key=lambda worker: sum(flow == "totals" for flow, _ in worker.held()))


@pytest.mark.usefixtures("only_long")
def test_the_holder_of_the_totals_is_killed_under_load(scene: Scene) -> None:
    # a, b, c: work under load; twice, who holds most of the totals is killed, and the others take them over
    workers = [scene.worker(name) for name in "abc"]
    for worker in workers:
        worker.until("it is ready", worker.ready)
    with scene.feeding(0.3):
        for _ in range(2):
            victim = holder_of_totals(workers)
            assert any(flow == "totals" for flow, _ in victim.held())
            victim.until("it has added up", lambda victim=victim: victim.records("totals") > 0)
            victim.kill()
            assert victim.process.returncode == -signal.SIGKILL
            workers.remove(victim)
            deadline = time.monotonic() + PATIENCE
            while len(set().union(*(worker.held() for worker in workers))) < 12:
                assert time.monotonic() < deadline, scene.tails()
                time.sleep(0.3)
    scene.publish()
    scene.check(*workers)
