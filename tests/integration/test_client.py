"""Subscribing on a real broker: a table, its changes, and what is promised of its positions."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from aiokafka import AIOKafkaProducer

from connectors.client import Subscription
from connectors.topic_io import TopicError
from connectors.totals import TRADE_BY_PARTNER, Change, PartnerKey, PartnerMeasures
from tests.crash.worker import wait_for
from tests.integration.command import single_window
from tests.integration.test_connectors import advance, total, transaction

pytestmark = pytest.mark.kafka

Partners = Subscription[PartnerKey, PartnerMeasures]


@pytest.fixture
def partners(kafka: str, prefix: str) -> Iterator[Partners]:
    with Subscription(TRADE_BY_PARTNER, kafka, prefix) as subscription:
        yield subscription


def told(changes: Any) -> list[tuple[str, int | None, int | None]]:
    """(partner, old revision, new one) of changes; no new one for a delete."""
    found: list[Change[PartnerKey, PartnerMeasures]] = list(changes)
    return [(c.key.partner, c.old_revision, None if c.row is None else c.row.revision) for c in found]


def everywhere(prefix: str, position: int) -> list[Any]:
    """Progress of all totals partitions on all source partitions."""
    return [advance(prefix, totals, source, position) for totals in range(4) for source in range(8)]


def test_a_snapshot_has_the_committed_rows_and_what_they_include(kafka: str, prefix: str, partners: Partners) -> None:
    transaction(kafka, total(prefix, "KZ", 1), total(prefix, "RU", 5, partition=1), *everywhere(prefix, 6))
    transaction(kafka, total(prefix, "KZ", 2, revision=8), total(prefix, "RU", None, partition=1))
    transaction(kafka, total(prefix, "KZ", 99), *everywhere(prefix, 99), abort=True)
    rows, as_of = partners.snapshot()
    assert {key.partner: row.measures.declarations for key, row in rows.items()} == {"KZ": 2}
    assert (as_of.generation, as_of.positions) == (1, (6,) * 8)


def test_following_from_the_start_tells_every_change(kafka: str, prefix: str, partners: Partners) -> None:
    transaction(kafka, total(prefix, "KZ", 1), total(prefix, "KZ", 2, revision=9), total(prefix, "KZ", None))
    assert told(islice(partners.follow(), 3)) == [("KZ", None, 7), ("KZ", 7, 9), ("KZ", 9, None)]


def test_following_a_snapshot_goes_on_where_it_ended(kafka: str, prefix: str, partners: Partners) -> None:
    transaction(kafka, total(prefix, "KZ", 1))
    assert len(partners.snapshot().rows) == 1
    transaction(kafka, total(prefix, "KZ", 2, revision=9), total(prefix, "RU", 2, partition=2))
    assert sorted(told(islice(partners.follow(), 2))) == [("KZ", 7, 9), ("RU", None, 7)]
    transaction(kafka, total(prefix, "KZ", None))
    assert [key.partner for key in partners.snapshot().rows] == ["RU"], "a snapshot goes on, too"


def test_a_follower_says_how_far_it_is_even_when_no_row_changes(kafka: str, prefix: str, partners: Partners) -> None:
    transaction(kafka, total(prefix, "KZ", 1), *everywhere(prefix, 6))
    updates = partners.updates()
    seen = [update for update in islice(updates, 2) if update.as_of.positions == (6,) * 8]
    assert seen
    transaction(kafka, *everywhere(prefix, 9))
    last = next(updates)
    assert (last.changes, last.as_of.positions) == ([], (9,) * 8)


def test_a_snapshot_waits_for_the_end_of_a_transaction_that_the_progress_may_include(
    kafka: str, prefix: str, partners: Partners
) -> None:
    # a transaction is open: put ........................... commit
    # snapshot:                   begins -> (waits) ...............-> has the row
    transaction(kafka, total(prefix, "KZ", 1), *everywhere(prefix, 6))
    written, commit = threading.Event(), threading.Event()

    async def slowly() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{prefix}slow")
        await producer.start()
        async with producer.transaction():
            topic, partition, key, value, _ = total(prefix, "RU", 5, partition=1)
            await producer.send_and_wait(topic, value, key, partition)
            written.set()
            await asyncio.to_thread(commit.wait, 30)
        await producer.stop()

    writing = threading.Thread(target=lambda: asyncio.run(slowly()), daemon=True)
    writing.start()
    assert written.wait(30)
    threading.Timer(2.0, commit.set).start()
    rows = partners.snapshot().rows
    waited = commit.is_set()
    writing.join(30)
    assert waited
    assert {key.partner for key in rows} == {"KZ", "RU"}


def test_a_counter_without_its_topic_says_so(kafka: str) -> None:
    with pytest.raises(TopicError, match=r"no topic nowhere\.counters\.trade-by-partner .*; create it"):
        Subscription(TRADE_BY_PARTNER, kafka, "nowhere.").__enter__()


def test_the_command_writes_each_format_and_says_as_of_what(kafka: str, prefix: str, tmp_path: Path) -> None:
    transaction(kafka, total(prefix, "KZ", 1, value=1_234), *everywhere(prefix, 6))
    command = ("subscribe", "trade-by-partner")
    lines = single_window(*command, kafka=kafka, prefix=prefix)
    row, last = (json.loads(line) for line in lines.stdout.splitlines())
    assert (row["partner"], row["value"], row["revision"]) == ("KZ", "12.34", 7)
    assert last["as_of"]["positions"] == [6] * 8
    assert lines.stderr.strip() == (
        "trade-by-partner as of positions 6 6 6 6 6 6 6 6, 2023-11-14 22:13:20 UTC, generation 1"
    )
    cells = single_window(*command, "--snapshot", "--format", "csv", kafka=kafka, prefix=prefix).stdout
    assert cells.splitlines()[1].startswith("KZ,IMPORT,CN,USD,ALL_TIME,,,Asia/Shanghai,1,12.34,1000,7,1,PROVISIONAL,")
    path = tmp_path / "a.parquet"
    single_window(*command, "--format", "parquet", "--output", str(path), kafka=kafka, prefix=prefix)
    assert str(pq.read_table(path).to_pylist()[0]["value"]) == "12.34"


def test_the_command_follows_into_a_file_until_it_is_interrupted(kafka: str, prefix: str, tmp_path: Path) -> None:
    transaction(kafka, total(prefix, "KZ", 1))
    path = tmp_path / "a.jsonl"
    command = [Path(sys.executable).with_name("single-window"), "subscribe", "trade-by-partner"]
    options = ["--snapshot", "--follow", "--output", str(path)]
    settings = {"SINGLE_WINDOW_KAFKA": kafka, "SINGLE_WINDOW_TOPIC_PREFIX": prefix}
    following = subprocess.Popen([*command, *options], env=os.environ | settings, stderr=subprocess.PIPE)

    def lines() -> list[Any]:
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    try:
        wait_for("the snapshot", lambda: any("as_of" in line for line in lines()))
        transaction(kafka, total(prefix, "KZ", 2, revision=9), total(prefix, "KZ", None))
        wait_for("the changes", lambda: any(line.get("change") == "delete" for line in lines()))
        following.send_signal(signal.SIGINT)
        assert following.wait(30) == 0
    finally:
        following.kill()
        _, told = following.communicate()
    assert b"Traceback" not in told
    changes = [(line["change"], line["old_revision"], line["revision"]) for line in lines() if "change" in line]
    assert changes == [("put", None, 7), ("put", 7, 9), ("delete", 9, None)]


def test_what_the_command_cannot_do_is_said_in_a_line(kafka: str, prefix: str, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere" / "a")
    for arguments, reason in (
        (("progress",), "no counter progress; there are: "),
        (("trade-by-partner", "--format", "parquet"), "it needs --output"),
        (("trade-by-partner", "--output", nowhere), f"cannot write {nowhere}: No such file or directory"),
    ):
        ended = single_window("subscribe", *arguments, kafka=kafka, prefix=prefix, status=1)
        assert reason in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
        assert ended.stdout == ""
    assert (
        single_window("subscribe", "trade-by-partner", status=1).stderr
        == "TopicError: no Kafka answers at 127.0.0.1:1\n"
    )
