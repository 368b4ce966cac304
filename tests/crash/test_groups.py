"""Several workers: partitions change hands while batches run, and those who lost theirs are fenced."""

import signal

import pytest

from tests.crash.scene import Scene
from tests.crash.worker import Worker, wait_for

pytestmark = [pytest.mark.crash, pytest.mark.kafka]


def share(scene: Scene, a: Worker, b: Worker) -> None:
    """Wait until all 12 partitions are held, by both workers and none by two."""

    def shared() -> bool:
        assert a.process.poll() is b.process.poll() is None, f"a worker ended\n{scene.tails()}"
        first, second = a.held(), b.held()
        return bool(first and second) and not first & second and len(first | second) == 12 and a.ready() and b.ready()

    wait_for("both workers to share the partitions", shared, tell=scene.tails)


@pytest.mark.parametrize("point", ["before_transaction", "before_store"])
def test_a_zombie_is_fenced(scene: Scene, point: str) -> None:
    # a: works ---- SIGSTOP ............. SIGCONT: fenced -> takes its share again
    # b:                  takes over, works -------------------------------------
    scene.publish(0.4)
    a = scene.worker("a", CRASH_AT=f"{point}:declarations:5:stop")
    a.until("it stalls", a.stalled)
    b = scene.worker("b")
    scene.publish(0.4)
    scene.counted(b)
    a.send(signal.SIGCONT)
    gave_up = ["fenced"] if point == "before_transaction" else ["fenced", "closed"]
    a.until("it gives up", lambda: any(a.told(state=state) for state in gave_up))
    scene.publish()
    share(scene, a, b)
    scene.check(a, b)


def test_partitions_are_revoked_while_batches_run_and_one_of_two_workers_is_stopped_and_started(scene: Scene) -> None:
    # a: works ------------------------------------------------
    # b:       joins, takes half - stops         starts again -
    a = scene.worker("a")
    a.until("it is ready", a.ready)
    with scene.feeding():
        a.until("it works", a.records)
        b = scene.worker("b")
        share(scene, a, b)
        b.until("it works", b.records)
        b.stop()
    b = scene.worker("b")
    with scene.feeding(0.05):
        share(scene, a, b)
    scene.publish()
    scene.check(a, b)


def test_one_of_two_workers_is_killed_while_it_works(scene: Scene) -> None:
    a, b = scene.worker("a"), scene.worker("b", CRASH_AT="before_store:declarations:4")
    share(scene, a, b)
    scene.publish()
    assert b.ends() == -signal.SIGKILL, b.tail()
    scene.check(a)
