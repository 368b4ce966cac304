"""Topics on a real cluster are those of topics.yaml, or nothing is touched."""

import asyncio
import uuid

import pytest
from kafka.admin import KafkaAdminClient

import schemas
from deploy import topics
from tests.integration.test_local_kafka import append

pytestmark = pytest.mark.kafka


@pytest.fixture
def empty(kafka: str):
    """A prefix without topics."""
    own = f"t{uuid.uuid4().hex[:8]}."
    yield own
    topics.delete(kafka, own)


def make(bootstrap: str, name: str, partitions: int, **config: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics({name: {"num_partitions": partitions, "configs": config}}, wait_for_metadata=True)
    finally:
        admin.close()


def test_create_makes_what_is_missing_and_nothing_twice(kafka: str, empty: str) -> None:
    names = [empty + topic.name for topic in schemas.topics()]
    make(kafka, names[1], 8, **schemas.topics()[1].config)
    assert topics.create(kafka, empty) == [name for name in names if name != names[1]]
    assert topics.create(kafka, empty) == []


def test_describe_shows_the_topics_as_the_cluster_has_them(kafka: str, prefix: str) -> None:
    asyncio.run(append(kafka, f"{prefix}customs.declarations", b"a"))
    shown = topics.describe(kafka, prefix)
    assert [topic["name"] for topic in shown] == [prefix + topic.name for topic in schemas.topics()]
    assert [topic["partitions"] for topic in shown] == [topic.partitions for topic in schemas.topics()]
    assert [topic["config"] for topic in shown] == [topic.config for topic in schemas.topics()]
    ends = [topic["end_offsets"] for topic in shown]
    assert ends == [2] + [0] * (len(shown) - 1), "the record and its commit marker"
    assert len({uuid.UUID(topic["id"]) for topic in shown}) == len(shown)


def test_describe_shows_a_missing_topic_as_empty(kafka: str, empty: str) -> None:
    first = topics.describe(kafka, empty)[0]
    assert first == {
        "name": f"{empty}customs.declarations",
        "id": None,
        "partitions": 0,
        "end_offsets": 0,
        "config": {},
    }


def test_a_topic_that_differs_is_refused_and_nothing_is_created(kafka: str, empty: str) -> None:
    make(kafka, f"{empty}counters.progress", 3, **{"cleanup.policy": "compact"})
    make(kafka, f"{empty}customs.declarations", 8, **{"cleanup.policy": "compact"})
    with pytest.raises(topics.TopicMismatchError) as refused:
        topics.create(kafka, empty)
    for fault in (
        "customs.declarations has cleanup.policy=compact, topics.yaml says delete",
        "customs.declarations has message.timestamp.type=CreateTime, topics.yaml says LogAppendTime",
        "counters.progress has 3 partitions, topics.yaml says 1",
    ):
        assert fault in str(refused.value)
    assert sum(topic["partitions"] > 0 for topic in topics.describe(kafka, empty)) == 2


def test_delete_takes_everything_under_a_prefix_and_never_everything(kafka: str, prefix: str) -> None:
    assert len(topics.delete(kafka, prefix)) == len(schemas.topics())
    assert topics.delete(kafka, prefix) == []
    with pytest.raises(ValueError, match="prefix"):
        topics.delete(kafka, "")


def test_an_unreachable_cluster_is_named_with_what_to_do() -> None:
    with pytest.raises(topics.ClusterUnreachableError, match=r"no Kafka answers at 127.0.0.1:1: .*SINGLE_WINDOW_KAFKA"):
        topics.create("127.0.0.1:1")
