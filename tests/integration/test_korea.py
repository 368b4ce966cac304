"""The Korea import file through the whole path: what was answered and counted equals a recount of its rows."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import subscribe
from connectors.client import Subscription
from connectors.counters import COUNTERS
from connectors.topic_io import TopicReader, end_offsets
from processor.demo.compare import RECEIPTS, Place, measured
from schemas import decode
from tests.crash.worker import Worker, wait_for
from tests.integration.command import single_window
from tests.korea_recount import KOREA, Recount, recount

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(
        not KOREA.is_file(), reason=f"no {KOREA}: set SINGLE_WINDOW_SAMPLES to the directory of the sample data"
    ),
]

INPUT = "customs.declarations"
EVENTS_A_ROW = 3
FED = ("declarations-by-stage", "trade", "trade-with-groups", "enterprises", "lanes", "clearance-times")
TOLD = ("answers", "rule-hits", "sender-control")
"""Their windows are of the day of the test."""
STARVED = ("duties", "permits")
"""Of these the file has nothing."""
POINTERS = {
    "Country of Departure": "/trade_country",
    "Country of Origin": "/items/1/origin_country",
    "Office ID": "/declaration_office",
    "Mode of Transport": "/transport_mode",
    "HS6 Code": "/items/1/commodity_code",
}


@pytest.fixture
def worker(kafka: str, prefix: str, tmp_path: Path) -> Iterator[Worker]:
    made = Worker(tmp_path, "korea", kafka, prefix, POLL_RECORDS="8000")
    try:
        yield made
    finally:
        made.dispose()


@pytest.fixture(scope="module")
def expected() -> Recount:
    return recount()


def receipts(bootstrap: str, prefix: str) -> Iterator[dict[str, Any]]:
    with TopicReader(bootstrap, prefix + RECEIPTS) as reader:
        for batch in reader.to_end():
            yield from (decode(record.value)[1] for record in batch)


def wait_until_counted(bootstrap: str, prefix: str, worker: Worker) -> None:
    ends = end_offsets(bootstrap, prefix + INPUT)

    def counted() -> bool:
        assert worker.process.poll() is None, worker.tail()
        return subscribe.all_counted(subscribe.progress(bootstrap=bootstrap, prefix=prefix), ends)

    wait_for("the totals to include the whole file", counted, tell=worker.tail, patience=240)


def table(name: str, bootstrap: str, prefix: str) -> dict[Place, tuple[int, ...]]:
    """A counter as it stands: (window, its start, dimensions) -> measures, enterprises over all slices."""
    (counter,) = (known for known in COUNTERS if known.name == name)
    with Subscription(counter, bootstrap, prefix) as subscription:
        return measured(subscription.snapshot().rows)


def over_days(figures: dict[Place, tuple[int, ...]]) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Measures by dimensions, all days together."""
    found: dict[tuple[str, ...], tuple[int, ...]] = {}
    for (window, _, dimensions), measures in figures.items():
        if window == "DAY":
            found[dimensions] = tuple(map(sum, zip(found.get(dimensions, (0,) * len(measures)), measures, strict=True)))
    return found


def test_the_file_feeds_every_counter_it_can() -> None:
    assert {*FED, *TOLD, *STARVED} == {counter.name for counter in COUNTERS}


def test_the_korean_file_is_answered_and_counted_as_a_recount_of_its_rows_has_it(
    kafka: str, prefix: str, worker: Worker, expected: Recount
) -> None:
    told = single_window("publish", str(KOREA), "--mapping", "korea-import", kafka=kafka, prefix=prefix)
    rows = expected.rows
    assert told.stdout.strip() == f"{rows} rows read, {EVENTS_A_ROW * rows} events sent, 0 rows refused"
    wait_until_counted(kafka, prefix, worker)

    outcomes: Counter[str] = Counter()
    findings: Counter[tuple[str, str]] = Counter()
    for receipt in receipts(kafka, prefix):
        outcomes[receipt["outcome"]] += 1
        findings.update((found["rule"], found["pointer"]) for found in receipt["findings"])
    # a refused row's declaration is not in the register, so its acceptance and its release wait for it
    assert outcomes == {
        "ACCEPTED": EVENTS_A_ROW * expected.accepted,
        "REFUSED": expected.refused,
        "PARKED": (EVENTS_A_ROW - 1) * expected.refused,
    }
    assert findings == {(rule, POINTERS[column]): n for (rule, column), n in expected.broken.items()}

    for name in FED:
        figures = table(name, kafka, prefix)
        found = {(*dimensions, window, start): measures for (window, start, dimensions), measures in figures.items()}
        assert found == expected.of(name), name
    for name in TOLD:
        told_of = {key: tuple(measures) for (counter, key), measures in expected.told.items() if counter == name}
        assert over_days(table(name, kafka, prefix)) == told_of, name
    for name in STARVED:
        assert table(name, kafka, prefix) == {}, name
