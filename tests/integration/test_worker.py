"""One worker as an operator meets it: its doors, its end, its refusals, its log, and the commands around it."""

import http.client
import json
import re
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import schemas
from connectors import subscribe
from connectors.simulator.messages import Message
from connectors.simulator.send import publish
from connectors.topic_io import end_offsets
from deploy import topics
from processor.cli import app
from processor.demo import compare, run
from tests import events
from tests.crash.scene import answers
from tests.crash.worker import Worker, wait_for
from tests.integration.command import single_window
from tests.oracle_decode import partition_of

INPUT = "customs.declarations"
GOOD = events.number(1)
BAD = events.number(2)
TRADER = events.uscc(77)
kafka_needed = pytest.mark.kafka


@pytest.fixture(scope="module")
def prefix(kafka: str) -> Iterator[str]:
    """Topics of the module's own."""
    own = f"t{uuid.uuid4().hex[:8]}."
    topics.create(kafka, own)
    yield own
    topics.delete(kafka, own)


@pytest.fixture(scope="module")
def worker(kafka: str, prefix: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One worker that tells all it has to tell. Of its bootstrap servers the first one is not there."""
    made = Worker(tmp_path_factory.mktemp("worker"), "a", f"127.0.0.1:1,{kafka}", prefix, LOG_LEVEL="debug")
    try:
        made.until("the worker to be ready", made.ready)
        yield made
    finally:
        made.dispose()


def get(url: str, path: str) -> tuple[int, str, str]:
    """(status, content type, body)"""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type", ""), answer.read().decode()
    finally:
        connection.close()


def listening(pid: int) -> list[tuple[str, int]]:
    """(address, port) of every TCP socket the process listens on; addresses as the kernel writes them, in hex."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found = re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink()))
        except FileNotFoundError:
            continue
        if found:
            inodes.add(found[1])
    sockets = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            (
                _,
                local,
                _,
                state,
                *_,
            ) = fields = line.split()
            if state == "0A" and fields[9] in inodes:
                address, _, port = local.partition(":")
                sockets.append((address, int(port, 16)))
    return sockets


def send(kafka: str, prefix: str, *raws: events.Raw) -> None:
    """Append records to the input topic as they are."""
    publish((message(raw) for raw in raws), kafka, prefix + INPUT)


def message(raw: events.Raw) -> Message:
    """Without a partition of its own: the one of its key."""
    partition = partition_of(raw.key or b"") if raw.partition is None else raw.partition
    return Message(raw.key, raw.value, partition, fact=None)


def wait_until_counted(kafka: str, prefix: str, worker: Worker) -> None:
    ends = end_offsets(kafka, prefix + INPUT)
    worker.until(
        "everything to be counted",
        lambda: subscribe.all_counted(subscribe.progress(bootstrap=kafka, prefix=prefix), ends),
    )


@kafka_needed
def test_it_serves_health_readiness_and_metrics_on_the_loopback_address_and_listens_nowhere_else(
    worker: Worker,
) -> None:
    url = worker.url
    assert url is not None
    assert get(url, "/healthz")[::2] == (200, "ok\n")
    assert get(url, "/readyz")[0] == 200
    status, kind, body = get(url, "/metrics")
    assert status == 200
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")
    assert "single_window_partition_state" in body
    assert get(url, "/")[0] == 404
    loopback = f"{int.from_bytes(socket.inet_aton('127.0.0.1'), 'little'):08X}"
    assert listening(worker.process.pid) == [(loopback, int(url.rpartition(":")[2]))]


@kafka_needed
def test_its_log_holds_no_payload_identifier_or_number_and_sigterm_ends_it_within_ten_seconds(
    kafka: str, prefix: str, tmp_path: Path
) -> None:
    declaration = events.declaration(GOOD, trader_id=TRADER, conveyance="SECRET/1")
    refused = events.declaration(BAD, trader_id=TRADER, items=[events.item(commodity_code="9999999999")])
    value = events.encode(declaration)
    sent = [
        events.raw(declaration),
        events.raw(declaration),
        events.raw(events.status(GOOD)),
        events.raw(events.status(GOOD, "CLEARED", version=3)),
        events.raw(refused),
        events.Raw(GOOD.encode(), value[:-5]),
        events.Raw(GOOD.encode(), b'{"declaration_number": "' + GOOD.encode() + b'"}'),
        events.Raw(GOOD.encode(), schemas.SINGLE_OBJECT + bytes(8) + value[10:]),
        events.Raw(BAD.encode(), value),
        events.Raw(GOOD.encode(), value, partition=(partition_of(GOOD.encode()) + 1) % 8),
        events.Raw(GOOD.encode(), None),
        events.Raw(None, value),
    ]
    own = f"{prefix}log."
    topics.create(kafka, own)
    send(kafka, own, *sent)
    worker = Worker(tmp_path, "talkative", kafka, own, LOG_LEVEL="debug")
    try:
        wait_until_counted(kafka, own, worker)
        assert len(answers(kafka, own)) == len(sent)
        began = time.monotonic()
        worker.process.terminate()
        assert worker.ends() == 0, worker.tail()
        assert time.monotonic() - began < 10
    finally:
        worker.dispose()
    assert worker.lines()[-1]["event"] == "stopped"
    told = worker.log.read_text(encoding="utf-8")
    for secret in (GOOD, BAD, TRADER, "AGENT-1", "SECRET", "9999999999", "EVER GIVEN", value[10:40].hex()):
        assert secret not in told
    for line in worker.lines():
        assert line.keys() >= {"event", "level", "timestamp"}, line


def test_wrong_settings_are_told_all_at_once_and_nothing_starts(tmp_path: Path) -> None:
    state = tmp_path / "state"
    wrong = {"KAFKA": "nowhere", "STATE_DIR": str(state), "GENERATION": "0", "METRICS_PORT": "x", "LOG_LEVEL": "loud"}
    began = time.monotonic()
    told = single_window("worker", status=2, kafka=wrong.pop("KAFKA"), **wrong)
    assert time.monotonic() - began < 60
    lines = told.stderr.splitlines()
    assert lines[0] == "wrong settings:"
    assert [line.partition(":")[0] for line in lines[1:]] == [
        "SINGLE_WINDOW_KAFKA",
        "SINGLE_WINDOW_GENERATION",
        "SINGLE_WINDOW_METRICS_PORT",
        "SINGLE_WINDOW_LOG_LEVEL",
    ]
    assert not state.exists()
    assert told.stdout == ""


COMMANDS = (
    (),
    ("kafka",),
    ("kafka", "start"),
    ("kafka", "stop"),
    ("kafka", "status"),
    ("topics",),
    ("topics", "create"),
    ("topics", "describe"),
    ("worker",),
    ("publish",),
    ("subscribe",),
    ("reconcile",),
    ("explain",),
    ("differences",),
    ("dead-letters",),
    ("dead-letters", "list"),
    ("dead-letters", "replay"),
    ("simulate",),
    ("demo",),
)


def subcommands(told: str) -> set[str]:
    """The names under `Commands` in a help text."""
    _, _, listed = told.partition("Commands")
    return set(re.findall(r"^│ ([a-z][a-z-]*) ", listed, re.MULTILINE))


def test_every_command_says_what_it_does() -> None:
    for command in COMMANDS:
        ended = CliRunner().invoke(app, [*command, "--help"], prog_name="single-window", env={"COLUMNS": "200"})
        assert ended.exit_code == 0
        told = ended.stdout
        assert " ".join(["Usage: single-window", *command]) in told
        assert subcommands(told) == {c[len(command)] for c in COMMANDS if c and c[:-1] == command}


@kafka_needed
def test_topics_are_created_once_and_described(kafka: str, prefix: str) -> None:
    assert single_window("topics", "create", kafka=kafka, prefix=prefix).stdout.strip() == "nothing to create"
    told = single_window("topics", "describe", kafka=kafka, prefix=prefix).stdout
    for topic in schemas.topics():
        assert prefix + topic.name in told


def test_a_broker_that_is_not_there_is_said_in_a_line() -> None:
    told = single_window("topics", "create", status=1)
    assert "no Kafka answers at 127.0.0.1:1" in told.stderr
    assert "Traceback" not in told.stderr
    assert "Usage: single-window" in single_window("--help").stdout


@kafka_needed
def test_a_file_is_published_counted_and_subscribed_to(kafka: str, prefix: str, worker: Worker, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"record": events.name_of(record), **record}
        for record in (events.declaration(GOOD), events.status(GOOD), events.status(GOOD, "RELEASED"))
    ]
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"record": "Nothing"}]), encoding="utf-8")
    told = single_window("publish", str(path), kafka=kafka, prefix=prefix, status=1)
    assert told.stdout.strip() == "4 rows read, 3 events sent, 1 rows refused"
    assert told.stderr.strip().startswith("line 4: ")
    send(kafka, prefix, events.Raw(BAD.encode(), b"{}"))
    wait_until_counted(kafka, prefix, worker)

    command = ("subscribe", "trade", "--snapshot")
    *shown, last = [
        json.loads(line) for line in single_window(*command, kafka=kafka, prefix=prefix).stdout.splitlines()
    ]
    figures = ("code", "flow", "jurisdiction", "declarations", "value", "net_mass")
    partners = [row for row in shown if row["window"] == "ALL_TIME" and row["breakdown"] == "PARTNER"]
    assert [[row[name] for name in figures] for row in partners] == [["KZ", "IMPORT", "CN", 1, "1000.00", 500_000]]
    assert sum(last["as_of"]["positions"]) == 4
    listed = single_window("dead-letters", "list", kafka=kafka, prefix=prefix).stdout
    assert "unknown_framing" in listed
    assert BAD not in listed
    replayed = single_window("dead-letters", "replay", kafka=kafka, prefix=prefix).stdout
    assert replayed.strip() == "1 sent again"


@kafka_needed
def test_a_worker_without_its_topics_ends_and_says_which_is_missing(kafka: str, tmp_path: Path) -> None:
    worker = Worker(tmp_path, "lonely", kafka, "nothing-here.")
    try:
        wait_for("its end", lambda: worker.process.poll() is not None, tell=worker.tail)
        assert worker.process.returncode == 1
        assert "nothing-here.customs.declarations" in worker.told(event="stopping")[0]["reason"]
    finally:
        worker.dispose()


def test_a_demonstration_compares_every_figure_and_finds_them_equal(kafka: str) -> None:
    # settings of a worker that serves beside it play no part
    said = single_window(
        "demo", "--events", "1500", "--once", "--json", kafka=kafka, GENERATION="2", SNAPSHOTS="/nowhere"
    )
    report = json.loads(said.stdout)
    assert report["mismatches"] == 0
    assert report["figures_compared"] > report["events"]
    assert report["receipts"] + report["dead_letters"] == report["events"] == 1500
    parts = ("accepted", "refused", "duplicates", "parked", "conflicts")
    assert sum(report[part] for part in parts) == report["receipts"]
    assert min(report[part] for part in ("accepted", "refused", "events_per_second", "latency_p50_ms")) > 0


def test_a_demonstration_that_finds_a_difference_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    result = compare.Comparison()
    result.hold("trade", expected=1, found=2)
    report = run.Report(*[0] * 12, result.mismatches, 0)
    monkeypatch.setattr(run, "once", lambda *_: (report, result))
    ended = CliRunner().invoke(app, ["demo", "--once", "--json"])
    assert (ended.exit_code, json.loads(ended.stdout)["mismatches"]) == (1, 1), ended.output
