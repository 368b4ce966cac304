"""The topics of ``schemas/topics.yaml`` on a cluster: made, shown, and (for tests) removed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.errors import NoError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

import schemas
from deploy.probe import answers

DECISIVE = ("cleanup.policy", "message.timestamp.type")
"""Settings whose change would alter the meaning of what is already in the log."""


DELETE_SECONDS = 20.0


class TopicMismatchError(RuntimeError):
    """A topic on the cluster is not what topics.yaml says. The message names every difference."""


class ClusterUnreachableError(RuntimeError):
    """No broker answered at the bootstrap address."""


def create(bootstrap: str, prefix: str = "") -> list[str]:
    """Afterwards every topic of topics.yaml exists under ``prefix`` + name, with a leader for each partition.

    Returns the names that were created, in the order of topics.yaml; a second call creates nothing. Replication is the
    cluster's default. Raises TopicMismatchError, before anything is created, when an existing topic has another number
    of partitions, cleanup policy or timestamp type; ClusterUnreachableError without a broker.
    """
    with _admin(bootstrap) as admin:
        existing = _partitions(admin, prefix)
        _refuse_mismatch(existing, _configs(admin, list(existing)), prefix)
        missing = [topic for topic in schemas.topics() if prefix + topic.name not in existing]
        if not missing:
            return []
        wanted = {
            prefix + topic.name: {"num_partitions": topic.partitions, "configs": topic.config} for topic in missing
        }
        answers = admin.create_topics(wanted, raise_errors=False)["topics"]
        created = []
        for answer in answers:
            outcome = for_code(answer["error_code"])
            if outcome is NoError:
                created.append(answer["name"])
            elif outcome is not TopicAlreadyExistsError:  # another process may create them at this moment
                raise outcome(f"topic {answer['name']}: {answer['error_message']}")
        admin.wait_for_topics(list(wanted))
        return created


def describe(bootstrap: str, prefix: str = "") -> list[dict[str, Any]]:
    """One dict per topic of topics.yaml, in its order.

    Keys: ``name`` (with prefix), ``id`` (UUID as text), ``partitions``, ``end_offsets`` (summed over the partitions),
    ``config`` (the settings topics.yaml names, as the cluster has them). A missing topic has id None and zeros.
    """
    with _admin(bootstrap) as admin:
        existing = _partitions(admin, prefix)
        configs = _configs(admin, list(existing))
        latest = {
            TopicPartition(name, n): OffsetSpec.LATEST
            for name, found in existing.items()
            for n in range(found["partitions"])
        }
        ends = admin.list_partition_offsets(latest) if latest else {}
    described = []
    for topic in schemas.topics():
        name = prefix + topic.name
        found = existing.get(name, {"id": None, "partitions": 0})
        end = sum(at.offset for partition, at in ends.items() if partition.topic == name)
        config = {key: configs[name][key] for key in topic.config} if name in existing else {}
        described.append({"name": name, **found, "end_offsets": end, "config": config})
    return described


def delete(bootstrap: str, prefix: str) -> list[str]:
    """Removes every topic whose name starts with ``prefix``, ours or not, and returns the names. For tests.

    Raises ValueError for an empty prefix: that would be every topic of the cluster.
    """
    if not prefix:
        raise ValueError("topics are only deleted under a prefix")
    with _admin(bootstrap) as admin:
        doomed = _under(admin, prefix)
        if not doomed:
            return []
        gone = {NoError, UnknownTopicOrPartitionError}  # the list may still name what was deleted a moment ago
        for answer in admin.delete_topics(doomed, raise_errors=False)["topics"]:
            outcome = for_code(answer["error_code"])
            if outcome not in gone:
                raise outcome(f"topic {answer['name']}: {answer['error_message']}")
        deadline = time.monotonic() + DELETE_SECONDS
        while _under(admin, prefix):
            if time.monotonic() > deadline:
                raise TimeoutError(f"topics under {prefix} are still there after {DELETE_SECONDS:.0f} s")
            time.sleep(0.02)
        return doomed


def _under(admin: KafkaAdminClient, prefix: str) -> list[str]:
    return sorted(name for name in admin.list_topics() if name.startswith(prefix))


@contextmanager
def _admin(bootstrap: str) -> Iterator[KafkaAdminClient]:
    if not answers(bootstrap):
        raise ClusterUnreachableError(
            f"no Kafka answers at {bootstrap}: start the local one with `single-window kafka start`, "
            "or set SINGLE_WINDOW_KAFKA to the one to use"
        )
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        yield admin
    finally:
        admin.close()


def _partitions(admin: KafkaAdminClient, prefix: str) -> dict[str, dict[str, Any]]:
    """Existing topics of ours: name -> id (text) and number of partitions."""
    ours = {prefix + topic.name for topic in schemas.topics()}
    return {
        topic["name"]: {"id": str(topic["topic_id"]), "partitions": len(topic["partitions"])}
        for topic in admin.describe_topics()
        if topic["name"] in ours
    }


def _configs(admin: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found = admin.describe_configs(resources, config_filter="all")["topic"]
    return {name: {key: setting["value"] for key, setting in settings.items()} for name, settings in found.items()}


def _refuse_mismatch(existing: dict[str, dict[str, Any]], configs: dict[str, dict[str, str]], prefix: str) -> None:
    faults = []
    for topic in schemas.topics():
        name = prefix + topic.name
        if name not in existing:
            continue
        if existing[name]["partitions"] != topic.partitions:
            faults.append(f"{name} has {existing[name]['partitions']} partitions, topics.yaml says {topic.partitions}")
        for key in DECISIVE:
            wanted = topic.config.get(key)
            if wanted is not None and configs[name][key] != wanted:
                faults.append(f"{name} has {key}={configs[name][key]}, topics.yaml says {wanted}")
    if faults:
        raise TopicMismatchError("; ".join(faults) + ": use another topic prefix, or delete them")
