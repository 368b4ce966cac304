"""Subscribing on a real broker: a table, its changes, and what is promised of its positions."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from aiokafka import AIOKafkaProducer

import schemas
from connectors.client import Subscription
from connectors.counters import SENDER_CONTROL, TRADE, ControlMeasures, TradeKey, TradeMeasures
from connectors.topic_io import TopicError
from connectors.totals import Change, fields
from tests.crash.worker import wait_for
from tests.events import at
from tests.integration.command import single_window
from tests.integration.test_connectors import advance, total, transaction

pytestmark = pytest.mark.kafka

MIDNIGHT = at("2025-03-01T00:00+08:00")

Partners = Subscription[TradeKey, TradeMeasures]


@pytest.fixture
def partners(kafka: str, prefix: str) -> Iterator[Partners]:
    with Subscription(TRADE, kafka, prefix) as subscription:
        yield subscription


def told(changes: Any) -> list[tuple[str, int | None, int | None]]:
    """(partner, old revision, new one) of changes; no new one for a delete."""
    found: list[Change[TradeKey, TradeMeasures]] = list(changes)
    return [(c.key.code, c.old_revision, None if c.row is None else c.row.revision) for c in found]


def everywhere(prefix: str, position: int) -> list[Any]:
    """Progress of all totals partitions on all source partitions."""
    return [advance(prefix, totals, source, position) for totals in range(4) for source in range(8)]


def test_a_snapshot_has_the_committed_rows_and_what_they_include(kafka: str, prefix: str, partners: Partners) -> None:
    transaction(kafka, total(prefix, "KZ", 1), total(prefix, "RU", 5, partition=1), *everywhere(prefix, 6))
    transaction(kafka, total(prefix, "KZ", 2, revision=8), total(prefix, "RU", None, partition=1))
    transaction(kafka, total(prefix, "KZ", 99), *everywhere(prefix, 99), abort=True)
    rows, as_of = partners.snapshot()
    assert {key.code: row.measures.declarations for key, row in rows.items()} == {"KZ": 2}
    assert (as_of.generation, as_of.positions) == (1, (6,) * 8)


def test_what_was_only_ever_aborted_is_not_there(kafka: str, prefix: str, partners: Partners) -> None:
    assert partners.snapshot() == ({}, (0, (0,) * 8, datetime(1970, 1, 1, tzinfo=UTC)))
    transaction(kafka, total(prefix, "KZ", 1), abort=True)
    assert partners.snapshot().rows == {}


def test_following_from_the_start_tells_every_change(kafka: str, prefix: str, partners: Partners) -> None:
    transaction(kafka, total(prefix, "KZ", 1), total(prefix, "KZ", 2, revision=9), total(prefix, "KZ", None))
    assert told(islice(partners.follow(), 3)) == [("KZ", None, 7), ("KZ", 7, 9), ("KZ", 9, None)]


def test_following_a_snapshot_goes_on_where_it_ended(kafka: str, prefix: str, partners: Partners) -> None:
    transaction(kafka, total(prefix, "KZ", 1))
    assert len(partners.snapshot().rows) == 1
    transaction(kafka, total(prefix, "KZ", 2, revision=9), total(prefix, "RU", 2, partition=2))
    assert sorted(told(islice(partners.follow(), 2))) == [("KZ", 7, 9), ("RU", None, 7)]
    transaction(kafka, total(prefix, "KZ", None))
    assert [key.code for key in partners.snapshot().rows] == ["RU"], "a snapshot goes on, too"


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
    assert {key.code for key in rows} == {"KZ", "RU"}


def test_a_counter_without_its_topic_says_so(kafka: str) -> None:
    with pytest.raises(TopicError, match=r"no topic nowhere\.counters\.trade .*; create it"):
        Subscription(TRADE, kafka, "nowhere.").__enter__()


def test_the_command_writes_each_format_and_says_as_of_what(kafka: str, prefix: str, tmp_path: Path) -> None:
    transaction(kafka, total(prefix, "KZ", 1, value=1_234), *everywhere(prefix, 6))
    command = ("subscribe", "trade")
    lines = single_window(*command, kafka=kafka, prefix=prefix)
    row, last = (json.loads(line) for line in lines.stdout.splitlines())
    assert (row["code"], row["value"], row["revision"]) == ("KZ", "12.34", 7)
    assert last["as_of"]["positions"] == [6] * 8
    assert lines.stderr.strip() == "trade as of positions 6 6 6 6 6 6 6 6, 2023-11-14 22:13:20 UTC, generation 1"
    cells = single_window(*command, "--snapshot", "--format", "csv", kafka=kafka, prefix=prefix).stdout
    assert cells.splitlines()[1].startswith(
        "PARTNER,KZ,IMPORT,CN,ALL_TIME,,,Asia/Shanghai,1,4,12.34,5000,0.00000,0,7,1,PROVISIONAL,"
    )
    path = tmp_path / "a.parquet"
    single_window(*command, "--format", "parquet", "--output", str(path), kafka=kafka, prefix=prefix)
    assert str(pq.read_table(path).to_pylist()[0]["value"]) == "12.34"


def test_the_command_follows_into_a_file_until_it_is_interrupted(kafka: str, prefix: str, tmp_path: Path) -> None:
    transaction(kafka, total(prefix, "KZ", 1))
    path = tmp_path / "a.jsonl"
    command = [Path(sys.executable).with_name("single-window"), "subscribe", "trade"]
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
        (("trade", "--format", "parquet"), "it needs --output"),
        (("trade", "--output", nowhere), f"cannot write {nowhere}: No such file or directory"),
    ):
        ended = single_window("subscribe", *arguments, kafka=kafka, prefix=prefix, status=1)
        assert reason in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
        assert ended.stdout == ""
    assert single_window("subscribe", "trade", status=1).stderr == "TopicError: no Kafka answers at 127.0.0.1:1\n"


def of_control(prefix: str, step: str, *measures: int) -> Any:
    """A total of sender-control, of sea-1 on 2025-03-01 in Shanghai; measures as the counter has them."""
    key = {"counter": "sender-control", "sender": "sea-1", "step": step, "window": "DAY", "window_start": MIDNIGHT}
    figures = dict(zip(fields(ControlMeasures), (*measures, *[0] * 6), strict=False))
    about = {"window_end": MIDNIGHT + 86_400_000, "time_zone": "Asia/Shanghai", "revision": 7, "generation": 1}
    about |= {"source_positions": [7] * 8, "watermark": 1, "definition": 1, "status": "PROVISIONAL"}
    value = schemas.encode("SenderControl", {**figures, **about})
    return f"{prefix}{SENDER_CONTROL.topic}", 0, schemas.encode("SenderControlKey", key), value, ()


def test_a_sender_s_day_is_reconciled_by_the_command(kafka: str, prefix: str) -> None:
    lodged = of_control(prefix, "LODGED", 3, 3, 1_234, 1_234, 7_000, 7_000)
    transaction(kafka, lodged, of_control(prefix, "SEQUENCES", 4, 4), *everywhere(prefix, 6))
    command = ("reconcile", "sea-1", "--day", "2025-03-01")
    told = single_window(*command, kafka=kafka, prefix=prefix)
    assert told.stdout.strip().endswith("sea-1, 2025-03-01: as declared")
    assert "sender-control as of positions 6 6 6 6 6 6 6 6" in told.stderr
    transaction(kafka, of_control(prefix, "SEQUENCES", 3, 5))
    told = single_window(*command, kafka=kafka, prefix=prefix, status=1)
    assert told.stdout.strip().endswith("sea-1, 2025-03-01: not as declared; 2 sequence numbers missing")
    found = json.loads(single_window(*command, "--json", kafka=kafka, prefix=prefix, status=1).stdout)
    assert (found["agrees"], found["missing"], found["as_of"]["positions"]) == (False, 2, [6] * 8)
    assert found["steps"][0]["value"] == {"received": "12.34", "declared": "12.34", "difference": "0.00"}
    nobody = single_window("reconcile", "sea-2", "--day", "2025-03-01", kafka=kafka, prefix=prefix)
    assert nobody.stdout.strip() == "sea-2, 2025-03-01: nothing received, nothing declared"
