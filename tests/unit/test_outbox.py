"""The outbox of a partition, and what it makes of a cluster that is there but has no broker to offer."""

import asyncio

import pytest
from aiokafka import AIOKafkaClient
from aiokafka.errors import KafkaError

from connectors import topic_io
from processor.engine.outbox import Outbox


def test_a_cluster_without_a_ready_broker_is_an_error_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async def open_one() -> None:
        outbox = Outbox("127.0.0.1:9", "declarations-0", "group", "")

        async def start() -> None:
            # what aiokafka does when the brokers of a cluster are all fenced for the moment
            raise AssertionError("Did we not perform bootstrap?")

        monkeypatch.setattr(outbox.producer, "start", start)
        async with outbox:
            pytest.fail("it started")

    with pytest.raises(KafkaError, match="bootstrap"):
        asyncio.run(open_one())


def test_a_reader_waits_for_a_cluster_that_names_no_broker_and_then_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def bootstrap(_: AIOKafkaClient) -> None: ...

    async def fetch_all_metadata(_: AIOKafkaClient) -> None:
        asked.append(1)
        raise KafkaError("Unable to get cluster metadata over all known brokers")

    asked: list[int] = []
    monkeypatch.setattr(AIOKafkaClient, "bootstrap", bootstrap)
    monkeypatch.setattr(AIOKafkaClient, "fetch_all_metadata", fetch_all_metadata)
    monkeypatch.setattr(topic_io, "STALLED_S", 0.3)
    monkeypatch.setattr(topic_io, "POLL_MS", 100)
    with pytest.raises(topic_io.TopicError, match="no broker that is ready"):
        asyncio.run(topic_io.partitions_of("127.0.0.1:9", "topic"))
    assert len(asked) > 2
