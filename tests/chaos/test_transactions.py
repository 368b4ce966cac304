"""A worker stalls in an open transaction for longer than the broker waits: the broker aborts it, nothing is twice."""

import signal
import time

import pytest

from connectors.topic_io import TopicReader
from processor.demo.compare import RECEIPTS
from processor.engine.outbox import TRANSACTION_MS
from tests.crash.scene import Scene, traffic
from tests.crash.test_subscribers import open_in
from tests.crash.worker import Worker, wait_for

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.timeout(600)]

FEW = 1_200


@pytest.mark.usefixtures("only_long")
def test_a_transaction_that_times_out_on_the_broker_is_folded_again_and_said_once(scene: Scene) -> None:
    # works - SIGSTOP in a transaction ... the broker aborts it ... SIGCONT: it is told - opened anew - works on
    scene.play(traffic(FEW))
    worker = scene.worker(SESSION_SECONDS="300")
    worker.until("it is ready", worker.ready)
    with TopicReader(scene.bootstrap, scene.prefix + RECEIPTS) as reader:
        stalled_within(scene, worker, reader)
        began = time.monotonic()
        wait_for("the broker to abort", lambda: not open_in(reader), patience=3 * TRANSACTION_MS / 1000)
        took = time.monotonic() - began
    worker.send(signal.SIGCONT)
    assert took > TRANSACTION_MS / 2000, f"aborted after {took:.0f} s: that was no time-out"
    worker.until("it is told", lambda: worker.told(state="fenced") or worker.told(state="waiting"))
    scene.publish()
    scene.check(worker)


def stalled_within(scene: Scene, worker: Worker, reader: TopicReader) -> None:
    """Publish bit by bit, and stop the worker while a transaction on receipts is open."""
    while len(scene.left) > 0.1 * len(scene.traffic.messages):
        scene.publish(0.01)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if open_in(reader):
                worker.send(signal.SIGSTOP)
                wait_for("it to stall", worker.stalled)
                time.sleep(0.5)  # what it had sent arrives
                if open_in(reader):
                    return
                worker.send(signal.SIGCONT)
    raise AssertionError(f"never stalled within a transaction\n{worker.tail()}")
