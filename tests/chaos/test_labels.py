"""Senders who make up names: a hundred thousand of them are counted each, shown as ``other``, and fill no memory."""

import pytest

from connectors.client import Subscription
from connectors.counters import ANSWERS, PERMITS
from connectors.simulator.messages import Message
from connectors.topic_io import end_offsets
from tests import events
from tests.crash.scene import INPUT, Scene

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.timeout(1500)]

VALUES = 100_000
STEPS = ("LODGED", "ACCEPTED", "RELEASED")
MOST_SERIES = 3_000
MOST_MB = 1_200


def declared(serial: int) -> list[events.Record]:
    """A declaration with a permit of an agency of its own, accepted and released: each event of a sender of its own."""
    number, permit = events.number(serial), events.permit(f"AGENCY-{serial}")
    lodged = events.declaration(number, sender_id=f"SENDER-{serial}-LODGED", permits=[permit])
    steps = [events.status(number, step, sender_id=f"SENDER-{serial}-{step}") for step in STEPS[1:]]
    return [lodged, *steps]


@pytest.mark.usefixtures("only_long")
def test_a_hundred_thousand_values_are_each_counted_and_leave_metrics_and_memory_bounded(scene: Scene) -> None:
    serials = range(1, -(-VALUES // len(STEPS)) + 1)
    raws = (events.raw(record) for serial in serials for record in declared(serial))
    scene.send(Message(raw.key, raw.value, raw.partition, None) for raw in raws)
    senders = len(serials) * len(STEPS)
    assert sum(end_offsets(scene.bootstrap, scene.prefix + INPUT).values()) == senders >= VALUES

    worker = scene.worker(POLL_RECORDS="8000", PUBLISH_SECONDS="1")
    scene.counted(worker, patience=900)
    scene.answered_once()
    samples = worker.samples()
    business = [name for name, labels in samples if dict(labels).get("period")]
    assert 0 < len(business) < MOST_SERIES
    others = [labels for _, labels in samples if ("agency", "other") in labels]
    assert others, "agencies that nobody knows show as other"
    megabytes = samples["process_resident_memory_bytes", ()] / 1e6
    print(f"{senders} senders, {len(serials)} agencies: {len(business)} series, {megabytes:.0f} MB")
    assert megabytes < MOST_MB

    with Subscription(ANSWERS, scene.bootstrap, scene.prefix) as subscription:
        answers = subscription.snapshot().rows.values()
    counted = {row.key.sender: row.measures.events for row in answers if row.key.window == "ALL_TIME"}
    assert len(counted) == senders
    assert set(counted.values()) == {1}
    with Subscription(PERMITS, scene.bootstrap, scene.prefix) as subscription:
        permits = subscription.snapshot().rows.values()
    granted = [row.measures.permits for row in permits if row.key.window == "ALL_TIME"]
    assert granted == [1] * len(serials)
