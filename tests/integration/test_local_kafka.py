"""The local broker: started, stopped, killed, refused."""

import asyncio
import json
import os
import signal
import socket
import stat
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy import jars, local_kafka, topics
from tests.conftest import LOCAL

TOPIC = "customs.declarations"


@pytest.fixture
def home(tmp_path: Path):
    """A home of the test's own, with the jars all homes of this repository share."""
    jars.ensure(LOCAL / "jars")
    (tmp_path / "jars").symlink_to(LOCAL / "jars")
    yield tmp_path / "kafka"
    local_kafka.stop(tmp_path / "kafka")


@pytest.fixture
def bin_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts programs (name -> shell script) on an otherwise empty PATH."""

    def put(**scripts: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for name, script in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(stat.S_IRWXU)
        monkeypatch.setenv("PATH", str(folder))

    return put


async def append(bootstrap: str, topic: str, value: bytes) -> None:
    """One record to partition 0, in a transaction."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"{topic}-0")
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(topic, value, partition=0, timestamp_ms=1)
    finally:
        await producer.stop()


async def read_as_group(bootstrap: str, topic: str, count: int):
    """The next committed records of a group with a short session (classic protocol); its position is committed."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=f"{topic}-readers",
        session_timeout_ms=6000,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        records = [await asyncio.wait_for(consumer.getone(), 20) for _ in range(count)]
        await consumer.commit({TopicPartition(topic, 0): records[-1].offset + 1})
    finally:
        await consumer.stop()
    return records


@pytest.mark.kafka
def test_data_groups_and_transactions_survive_a_stop_and_a_kill(home: Path) -> None:
    # start -> a -> stop -> start -> b -> kill -9 -> start -> c -> stop -> stop
    port = local_kafka.free_port()
    first = local_kafka.start(home, port)
    assert local_kafka.start(home, port) == first == local_kafka.status(home)
    assert os.getsid(first.pid) == first.pid != os.getsid(0)
    topics.create(first.bootstrap)
    asyncio.run(append(first.bootstrap, TOPIC, b"a"))
    assert local_kafka.stop(home)
    assert local_kafka.status(home) is None

    second = local_kafka.start(home, port)
    assert second.pid != first.pid
    asyncio.run(append(second.bootstrap, TOPIC, b"b"))
    read = asyncio.run(read_as_group(second.bootstrap, TOPIC, 2))
    assert [record.value for record in read] == [b"a", b"b"]
    assert all(record.timestamp > 1 and record.timestamp_type == 1 for record in read), "LogAppendTime"
    os.kill(second.pid, signal.SIGKILL)

    third = local_kafka.start(home, port)
    assert third.pid != second.pid
    asyncio.run(append(third.bootstrap, TOPIC, b"c"))
    assert [record.value for record in asyncio.run(read_as_group(third.bootstrap, TOPIC, 1))] == [b"c"]
    assert local_kafka.stop(home)
    assert not local_kafka.stop(home)


@pytest.mark.kafka
def test_it_listens_on_the_loopback_address_only(kafka: str) -> None:
    if "SINGLE_WINDOW_KAFKA" in os.environ:
        pytest.skip("another cluster is named")
    (home,) = LOCAL.glob(f"test-kafka-{os.getpid()}")
    listeners = next(
        line for line in (home / "server.properties").read_text().splitlines() if line[:10] == "listeners="
    )
    assert kafka.startswith("127.0.0.1:")
    assert [part.split("//")[1].split(":")[0] for part in listeners.split(",")] == ["127.0.0.1", "127.0.0.1"]


def test_a_taken_port_is_refused_with_what_to_do(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(local_kafka.LocalKafkaError, match=f"port {port} .* SINGLE_WINDOW_KAFKA=127.0.0.1:{port}"):
            local_kafka.start(home, port)
    assert local_kafka.status(home) is None


@pytest.mark.kafka
def test_a_port_that_another_takes_meanwhile_is_given_up_for_a_free_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free_port = local_kafka.free_port
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        told = [free_port(), other.getsockname()[1]]  # of the clients; of the controller, and not free any more
        monkeypatch.setattr(local_kafka, "free_port", lambda: told.pop(0) if told else free_port())
        started = local_kafka.start(home, port=0)
    assert local_kafka.answers(started.bootstrap)
    assert local_kafka.stop(home)


def test_without_java_one_line_says_what_to_install(home: Path, bin_only) -> None:
    bin_only()
    with pytest.raises(local_kafka.LocalKafkaError) as refused:
        local_kafka.start(home, local_kafka.free_port())
    message = str(refused.value)
    assert "\n" not in message
    assert "java is not installed" in message
    assert "apt-get install openjdk-17-jre-headless maven" in message
    assert "docker compose" in message


def test_without_maven_only_a_first_start_is_refused(tmp_path: Path, bin_only) -> None:
    bin_only()
    with pytest.raises(jars.LocalKafkaError, match="mvn is not installed: run `apt-get install"):
        jars.ensure(tmp_path / "jars")
    bin_only(mvn=":")
    jars.ensure(tmp_path / "jars")
    bin_only(mvn="exit 1")
    jars.ensure(tmp_path / "jars")


def test_a_fetch_that_broke_off_is_done_again(tmp_path: Path, bin_only) -> None:
    bin_only(mvn="echo no route to the repository; exit 1")
    for _ in range(2):
        with pytest.raises(jars.LocalKafkaError, match="no route to the repository"):
            jars.ensure(tmp_path / "jars")


def test_a_broker_that_dies_at_once_is_reported_with_its_last_words(home: Path, bin_only) -> None:
    bin_only(java='case "$*" in *StorageTool*) ;; *) echo not enough memory >&2; exit 1 ;; esac')
    with pytest.raises(local_kafka.LocalKafkaError, match="not enough memory"):
        local_kafka.start(home, local_kafka.free_port())
    assert local_kafka.status(home) is None


def test_a_recycled_process_id_is_not_taken_for_the_broker(home: Path) -> None:
    home.mkdir()
    (home / "broker.json").write_text(json.dumps({"pid": os.getpid(), "port": 9092}))
    assert local_kafka.status(home) is None
    assert not local_kafka.stop(home)
