"""The log is cut short: records that were to be folded are gone. Nothing is counted past that, and it is said."""

import signal
import time

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from connectors.topic_io import end_offsets
from tests.crash.scene import INPUT, Scene, traffic
from tests.crash.test_stores import refused
from tests.crash.worker import wait_for

pytestmark = [pytest.mark.chaos, pytest.mark.kafka]

FEW = 1_200


def remove(scene: Scene) -> None:
    """Let the broker delete the input's records, but the last of each partition."""
    ends = end_offsets(scene.bootstrap, scene.prefix + INPUT)
    admin = KafkaAdminClient(bootstrap_servers=scene.bootstrap)
    try:
        admin.delete_records({TopicPartition(scene.prefix + INPUT, p): end - 1 for p, end in ends.items()})
    finally:
        admin.close()


def test_a_log_cut_beyond_the_position_stops_the_worker_with_the_reason(scene: Scene) -> None:
    # work -> stop -> more arrives -> the broker deletes it, with one record left in each partition -> start: refuses
    scene.play(traffic(FEW))
    scene.publish(0.4)
    first = scene.worker()
    scene.counted(first)
    first.stop()
    scene.publish()
    remove(scene)
    refused(scene.worker(), "records between are gone")


@pytest.mark.usefixtures("only_long")
def test_a_log_cut_before_the_position_changes_nothing_for_who_has_a_store_and_is_refused_without(scene: Scene) -> None:
    # work -> stop -> what was folded is deleted, but the last of each partition -> work on | start without a store
    scene.play(traffic(FEW))
    scene.publish(0.6)
    first = scene.worker()
    scene.counted(first)
    first.stop()
    remove(scene)
    scene.publish()
    second = scene.worker()
    scene.check(second)
    second.stop()
    refused(scene.worker("without"), "what came before is gone and cannot be counted")


@pytest.mark.usefixtures("only_long")
def test_a_log_cut_under_a_running_worker_stops_it(scene: Scene) -> None:
    # work -> stalls; more arrives and is deleted -> goes on: its next record is gone
    scene.play(traffic(FEW))
    scene.publish(0.4)
    worker = scene.worker(SESSION_SECONDS="60")
    scene.counted(worker)
    worker.send(signal.SIGSTOP)
    wait_for("it to stall", worker.stalled)
    time.sleep(2)  # a fetch that waits at the broker ends without records: it would bring what comes now
    scene.publish()
    remove(scene)
    worker.send(signal.SIGCONT)
    assert worker.ends() == 1, worker.tail()
    reasons = [line["reason"] for line in worker.told(event="stopping")]
    assert any("gone" in reason for reason in reasons), f"{reasons}\n{worker.tail()}"
