"""The Korea import file through the whole path: what was answered and counted equals a recount of its rows."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import subscribe
from connectors.topic_io import TopicReader, end_offsets
from processor.demo.compare import RECEIPTS
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
POINTERS = {
    "Country of Departure": "/partner_country",
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


def totals(counter: str, bootstrap: str, prefix: str) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """All totals of a counter: (dimensions, window, window start) -> measures."""
    table = subscribe.snapshot(counter, bootstrap=bootstrap, prefix=prefix)
    return {key: tuple(row.measures.values()) for key, row in table.items()}


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

    assert totals("trade-by-partner", kafka, prefix) == {
        (partner, "IMPORT", "KR", "KRW", *window): tuple(total)
        for (partner, window), total in expected.partners.items()
    }
    assert totals("trade-by-chapter", kafka, prefix) == {
        (chapter, "IMPORT", "KR", "KRW", *window): tuple(total)
        for (chapter, window), total in expected.chapters.items()
    }
    assert totals("declarations-by-stage", kafka, prefix) == {
        (stage, office, "IMPORT", "KR", *window): (n,) for (stage, office, window), n in expected.stages.items()
    }
