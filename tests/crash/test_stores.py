"""The store a worker finds: an old one, none, one to be made from a compacted topic, one of another log."""

import shutil
from pathlib import Path

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from connectors.topic_io import TopicReader
from deploy import topics
from tests.crash.broker import Broker
from tests.crash.scene import INPUT, Scene
from tests.crash.worker import Worker, wait_for

pytestmark = [pytest.mark.crash, pytest.mark.kafka]

PARTIALS = "counters.partials"


def worked(scene: Scene, share: float) -> Worker:
    """A worker that has counted a further share of the traffic, and was stopped."""
    scene.publish(share)
    worker = scene.worker()
    scene.counted(worker)
    worker.stop()
    return worker


def test_a_stale_store_catches_up_in_silence(scene: Scene) -> None:
    # work -> copy the store -> work on -> put the copy in its place -> work on
    first = worked(scene, 0.3)
    shutil.copytree(first.state, scene.home / "copy")
    worked(scene, 0.3)
    shutil.rmtree(first.state)
    (scene.home / "copy").rename(first.state)
    scene.publish()
    restored = scene.worker()
    scene.check(restored)
    assert {line["flow"] for line in restored.told(state="restoring")} == {"declarations", "totals"}, restored.tail()


def test_a_lost_store_is_folded_again_in_silence(scene: Scene) -> None:
    first = worked(scene, 0.7)
    shutil.rmtree(first.state)
    scene.publish()
    restored = scene.worker()
    scene.check(restored)
    assert len(restored.told(state="restoring", position=0)) == 12, restored.tail()


def test_totals_are_made_again_from_the_compacted_topic(scene: Scene) -> None:
    # many small segments -> work -> Kafka removes partials that were replaced -> totals' stores are lost -> work on
    admin = KafkaAdminClient(bootstrap_servers=scene.bootstrap)
    eager = {"segment.ms": "200", "min.cleanable.dirty.ratio": "0.001", "max.compaction.lag.ms": "200"}
    try:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, scene.prefix + PARTIALS, configs=eager)])
    finally:
        admin.close()
    first = scene.worker(POLL_RECORDS="200", PUBLISH_SECONDS="0.05", LAGGING_SECONDS="0.05")
    for _ in range(3):
        scene.publish(0.2)
        scene.counted(first)
    first.stop()
    wait_for("partials to be compacted away", lambda: removed(scene) > 1_000)
    stores = [*(first.state / "g1").glob("totals-*")]
    for store in stores:
        shutil.rmtree(store)
    scene.publish()
    restored = scene.worker()
    scene.check(restored)
    assert len(stores) == len(restored.told(state="restoring", flow="totals", position=0)) == 4, restored.tail()


def removed(scene: Scene) -> int:
    """How many records compaction has taken from the partials' topic: a gap of one offset is a transaction's end."""
    last, gone = dict.fromkeys(range(4), -1), 0
    with TopicReader(scene.bootstrap, scene.prefix + PARTIALS) as reader:
        for record in (record for batch in reader.to_end() for record in batch):
            gone += max(0, record.offset - last[record.partition] - 2)
            last[record.partition] = record.offset
    return gone


def refused(worker: Worker, why: str) -> None:
    """It ends with status 1, and its log says why."""
    assert worker.ends() == 1, worker.tail()
    reasons = [line["reason"] for line in worker.told(event="stopping")]
    assert [reason for reason in reasons if why in reason], worker.tail()


def again(scene: Scene) -> None:
    """Delete the input topic and create it anew."""
    admin = KafkaAdminClient(bootstrap_servers=scene.bootstrap)
    try:
        admin.delete_topics([scene.prefix + INPUT])
        wait_for("the topic to go", lambda: scene.prefix + INPUT not in admin.list_topics())
    finally:
        admin.close()
    topics.create(scene.bootstrap, scene.prefix)


def test_a_topic_created_again_stops_the_worker_and_is_refused_under_its_store(scene: Scene) -> None:
    scene.publish(0.1)
    worker = scene.worker()
    scene.counted(worker)
    again(scene)
    scene.publish(0.2)
    assert worker.ends() == 1, worker.tail()
    assert worker.told(event="stopping"), worker.tail()
    refused(scene.worker(), "was it deleted and created again?")


def test_another_cluster_under_the_store_is_refused(scene: Scene, broker: Broker, tmp_path: Path) -> None:
    worked(scene, 0.1)
    topics.create(broker.bootstrap, scene.prefix)
    elsewhere = Scene(broker.bootstrap, scene.prefix, tmp_path)
    try:
        refused(elsewhere.worker(), "the store belongs to cluster")
    finally:
        elsewhere.dispose()
