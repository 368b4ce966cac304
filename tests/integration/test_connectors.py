"""Publishing, subscribing and replaying on a real broker."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

import schemas
from connectors import dead_letters, mapping, subscribe
from connectors.publish import publish
from connectors.records import decode
from connectors.topic_io import TopicError, TopicReader, end_offsets
from tests import counted, events
from tests.crash.scene import settled
from tests.crash.worker import wait_for
from tests.korea_recount import KOREA
from tests.oracle_decode import partition_of

pytestmark = pytest.mark.kafka
INPUT = "customs.declarations"

Send = tuple[str, int, bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
"""topic, partition, key, value, headers"""


async def _transaction(bootstrap: str, sends: Iterable[Send], *, abort: bool) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="test-connectors")
    await producer.start()
    try:
        await producer.begin_transaction()
        for topic, partition, key, value, headers in sends:
            await producer.send_and_wait(topic, value, key, partition, headers=list(headers))
        await (producer.abort_transaction() if abort else producer.commit_transaction())
    finally:
        await producer.stop()


def transaction(bootstrap: str, *sends: Send, abort: bool = False) -> None:
    """One transaction, as the processor writes them: its end marker is the last offset of each partition."""
    asyncio.run(_transaction(bootstrap, sends, abort=abort))
    topics = {topic for topic, *_ in sends}
    wait_for("the transaction's markers", lambda: settled(bootstrap, topics))


def total(prefix: str, partner: str, declarations: int | None, partition: int = 0, **changes: Any) -> Send:
    """A total of trade by partner for all time; None for its tombstone."""
    encoded = None if declarations is None else counted.value(declarations=declarations, **changes)
    return f"{prefix}counters.trade", partition, counted.key(partner), encoded, ()


def advance(prefix: str, totals: int, source: int, position: int) -> Send:
    key = {"flow": "declarations", "generation": 1, "totals_partition": totals, "source_partition": source}
    value = {"position": position, "watermark": 1_700_000_000_000}
    name = f"{prefix}counters.progress"
    return name, 0, schemas.encode("ProgressKey", key), schemas.encode("Progress", value), ()


def letter(
    prefix: str, reason: str, key: bytes | None, value: bytes | None, partition: int = 0, *, offset: int = 0
) -> Send:
    about = {"exception": f"single_window.{reason}", "message": "为什么", "topic": prefix + INPUT}
    about |= {"partition": str(partition), "offset": str(offset)}
    headers = [(f"__streams.errors.{name}", text.encode()) for name, text in about.items()]
    headers += [("single-window.reason", reason.encode()), ("trace", b"t1")]
    return f"{prefix}{INPUT}.dead-letters", partition, key, value, headers


def read(bootstrap: str, topic: str) -> list[Any]:
    """Every committed record of a topic."""
    with TopicReader(bootstrap, topic) as reader:
        return [record for batch in reader.to_end() for record in batch]


def test_published_events_are_in_the_partition_of_their_key_in_the_order_of_the_file(
    kafka: str, prefix: str, tmp_path: Path
) -> None:
    wanted = [r for n in range(300) for r in (events.declaration(events.number(n)), events.status(events.number(n)))]
    wanted += [events.control(f"AGENT-{n}") for n in range(20)]
    with (tmp_path / "a.jsonl").open("w") as out:
        out.writelines(json.dumps({"record": events.name_of(r), **r}) + "\n" for r in wanted)
        out.write("{}\n")
    told: list[tuple[int, int]] = []
    result = publish(
        tmp_path / "a.jsonl",
        bootstrap=kafka,
        topic=prefix + INPUT,
        on_progress=lambda rows, sent: told.append((rows, sent)),
    )
    assert (result.read, result.sent, result.refused) == (621, 620, 1)
    assert told == [(621, 620)]
    found = read(kafka, prefix + INPUT)
    assert all(record.partition == partition_of(record.key) for record in found)
    assert sum(end_offsets(kafka, prefix + INPUT).values()) == 620
    by_number: dict[str, list[Any]] = {}
    for record in found:
        by_number.setdefault(record.key.decode(), []).append(decode(record.value))
    names = {number: [events.name_of(record) for record in those] for number, those in by_number.items()}
    assert sorted(names.values()) == [["ControlRecord"]] * 20 + [["CustomsDeclaration", "DeclarationStatus"]] * 300
    assert sorted(map(str, wanted)) == sorted(str(r) for those in by_number.values() for r in those)


def test_publishing_to_a_topic_that_is_not_there_says_so_and_does_not_create_it(kafka: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("")
    for _ in range(2):
        with pytest.raises(TopicError, match=r"no topic nowhere .*; create it with"):
            publish(tmp_path / "a.jsonl", bootstrap=kafka, topic="nowhere")


@pytest.mark.skipif(not KOREA.exists(), reason=f"{KOREA} is not on this machine")
def test_the_korean_file_is_published_whole(kafka: str, prefix: str) -> None:
    result = publish(KOREA, bootstrap=kafka, topic=prefix + INPUT, mapping=mapping.find("korea-import"))
    assert (result.read, result.sent, result.refused) == (37_385, 112_155, 0)
    assert sum(end_offsets(kafka, prefix + INPUT).values()) == 112_155


def test_all_is_counted_when_every_totals_partition_has_passed_every_end(kafka: str, prefix: str) -> None:
    ends = {0: 3, 1: 0, 2: 5}
    transaction(kafka, *[advance(prefix, t, s, end) for t in range(4) for s, end in ends.items() if (t, s) != (3, 2)])
    transaction(kafka, advance(prefix, 3, 2, 4))
    assert not subscribe.all_counted(subscribe.progress(bootstrap=kafka, prefix=prefix), ends)
    transaction(kafka, advance(prefix, 3, 2, 5))
    reached = subscribe.progress(bootstrap=kafka, prefix=prefix)
    assert reached[subscribe.ProgressKey("declarations", 1, 3, 2)] == (5, 1_700_000_000_000)
    assert subscribe.all_counted(reached, ends)
    reached[subscribe.ProgressKey("declarations", 2, 3, 2)] = (4, 1_700_000_000_000)
    assert not subscribe.all_counted(reached, ends), "a newer generation serves there, and is not as far"


def test_dead_letters_are_listed_newest_last_with_their_reasons_and_without_payload(kafka: str, prefix: str) -> None:
    transaction(
        kafka,
        letter(prefix, "unknown_schema", b"n1", b"\xc3\x01 secret", offset=17),
        letter(prefix, "null_value", b"\xff", None, partition=3),
    )
    transaction(kafka, letter(prefix, "wrong_key", None, b"abc"))
    found = dead_letters.list_(kafka, prefix)
    assert [d.reason for d in found][-1] == "wrong_key"
    assert {d.reason: (d.partition, d.key, d.size) for d in found} == {
        "unknown_schema": (0, "n1", 9),
        "null_value": (3, "\\xff", 0),
        "wrong_key": (0, None, 3),
    }
    first = next(d for d in found if d.reason == "unknown_schema")
    assert (first.exception, first.message) == ("single_window.unknown_schema", "为什么")
    assert (first.topic, first.source_partition, first.source_offset) == (prefix + INPUT, 0, 17)
    assert "secret" not in repr(found)
    assert [d.reason for d in dead_letters.list_(kafka, prefix, limit=1)] == ["wrong_key"]


def test_a_dead_letter_is_sent_again_once_as_it_came(kafka: str, prefix: str) -> None:
    key = events.number(1).encode()
    transaction(kafka, letter(prefix, "unknown_schema", key, b"\x00bytes"), letter(prefix, "wrong_key", None, b"x", 5))
    assert dead_letters.replay(kafka, prefix) == 2
    found = {record.key: record for record in read(kafka, prefix + INPUT)}
    assert found[key].value == b"\x00bytes"
    assert found[key].partition == partition_of(key)
    assert found[key].headers == (("trace", b"t1"),)
    assert (found[None].value, found[None].partition) == (b"x", 5)
    assert dead_letters.replay(kafka, prefix) == 0
    assert dead_letters.replay(kafka, prefix, everything=True) == 2
    assert sum(end_offsets(kafka, prefix + INPUT).values()) == 4


def test_replaying_one_reason_leaves_the_others_for_later(kafka: str, prefix: str) -> None:
    reasons = ["unknown_schema", "undecodable", "unknown_schema", "oversized"]
    transaction(kafka, *[letter(prefix, r, b"%d" % n, r.encode(), n % 2) for n, r in enumerate(reasons)])
    assert dead_letters.replay(kafka, prefix, reason="unknown_schema", limit=1) == 1
    assert dead_letters.replay(kafka, prefix, reason="unknown_schema") == 1
    assert dead_letters.replay(kafka, prefix, reason="unknown_schema") == 0
    transaction(kafka, letter(prefix, "unknown_schema", b"9", b"new"))
    assert dead_letters.replay(kafka, prefix) == 3
    assert dead_letters.replay(kafka, prefix) == 0
    sent = [record.value for record in read(kafka, prefix + INPUT)]
    assert sorted(sent) == sorted([*(r.encode() for r in reasons), b"new"])


def test_replay_stops_at_the_limit_and_goes_on_from_there(kafka: str, prefix: str) -> None:
    transaction(kafka, *[letter(prefix, "undecodable", b"%d" % n, b"%d" % n, n % 3) for n in range(10)])
    assert [dead_letters.replay(kafka, prefix, limit=4) for _ in range(4)] == [4, 4, 2, 0]
    assert sorted(int(record.value) for record in read(kafka, prefix + INPUT)) == list(range(10))


def test_replay_without_dead_letters_sends_nothing_and_leaves_no_group(kafka: str, prefix: str) -> None:
    assert dead_letters.replay(kafka, prefix) == 0

    async def groups() -> list[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        try:
            return [name for name, *_ in await admin.list_consumer_groups()]
        finally:
            await admin.close()

    assert prefix + dead_letters.GROUP not in asyncio.run(groups())
