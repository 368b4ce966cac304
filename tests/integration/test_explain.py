"""Explaining totals that a real worker has published: what the command tells, and when it says that they differ."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import schemas
from connectors.simulator.messages import Message
from connectors.simulator.send import publish
from connectors.topic_io import TopicReader
from tests import events
from tests.crash.worker import Worker
from tests.integration.command import single_window
from tests.integration.test_worker import send, wait_until_counted

pytestmark = pytest.mark.kafka

AMENDED, CANCELLED, KEPT = events.number(1), events.number(2), events.number(3)
TOTAL = ("trade", "breakdown=TOTAL", "code=ALL", "flow=IMPORT", "jurisdiction=CN")
MARCH = ("--window", "MONTH", "--start", "2025-03-01")


@pytest.fixture
def worker(kafka: str, prefix: str, tmp_path: Path) -> Iterator[Worker]:
    made = Worker(tmp_path, "a", kafka, prefix)
    yield made
    made.dispose()


def falsify(kafka: str, prefix: str) -> None:
    """One declaration more in every total of trade."""
    with TopicReader(kafka, f"{prefix}counters.trade") as reader:
        newest = {record.key: record for batch in reader.to_end() for record in batch}
    wrong = []
    for key, record in newest.items():
        _, value = schemas.decode(record.value)
        changed = schemas.encode("Trade", value | {"declarations": value["declarations"] + 1})
        wrong.append(Message(key, changed, record.partition, fact=None))
    publish(wrong, kafka, f"{prefix}counters.trade")


def test_a_published_total_is_explained_and_a_false_one_is_found_out(kafka: str, prefix: str, worker: Worker) -> None:
    #  1 March  10:00 lodged  11:00 accepted, released; then one cancelled, one amended: both at the moment of release
    numbers = (AMENDED, CANCELLED, KEPT)
    course = [
        *(events.declaration(number) for number in numbers),
        *(events.status(number, step) for step in ("ACCEPTED", "RELEASED") for number in numbers),
        events.status(CANCELLED, "CANCELLED"),
        events.declaration(AMENDED, 2, items=[events.item(total=70_000)]),
    ]
    send(kafka, prefix, *map(events.raw, course))
    wait_until_counted(kafka, prefix, worker)

    told = single_window("explain", *TOTAL, *MARCH, "--json", kafka=kafka, prefix=prefix)
    found = json.loads(told.stdout)
    assert [(one["number"], one["sign"], one["minute"], one["value"]) for one in found["contributions"]] == [
        (AMENDED, 1, "2025-03-01T11:00", "1000.00"),
        (AMENDED, -1, "2025-03-01T11:00", "-1000.00"),
        (AMENDED, 1, "2025-03-01T11:00", "700.00"),
        (CANCELLED, 1, "2025-03-01T11:00", "1000.00"),
        (CANCELLED, -1, "2025-03-01T11:00", "-1000.00"),
        (KEPT, 1, "2025-03-01T11:00", "1000.00"),
    ]
    assert found["agrees"]
    assert found["sum"] == found["published"]
    assert (found["sum"]["declarations"], found["sum"]["value"]) == (2, "1700.00")
    assert sum(found["as_of"]["positions"]) == len(course)
    assert told.stderr.strip().startswith("trade as of positions ")

    falsify(kafka, prefix)
    told = single_window("explain", *TOTAL, *MARCH, kafka=kafka, prefix=prefix, status=1)
    assert told.stdout.splitlines()[-1] == "6 contributions: not as published"


def test_what_cannot_be_explained_is_said_in_a_line(kafka: str, prefix: str) -> None:
    for arguments, reason in (
        (
            ("rule-hits", "rule=D01", "severity=ERROR", "record=CustomsDeclaration", *MARCH),
            "its contributions are the receipts' findings",
        ),
        ((*TOTAL, "--window", "MONTH", "--start", "2025-03-02"), "no MONTH begins on 2025-03-02"),
    ):
        ended = single_window("explain", *arguments, kafka=kafka, prefix=prefix, status=1)
        assert reason in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
        assert ended.stdout == ""
