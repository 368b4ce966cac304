"""What would be answered otherwise: only of what was answered, and whose answer is still there."""

from collections.abc import Iterator, Sequence

import pytest

from connectors.simulator.traffic import Plan, generate
from processor import reference
from processor.differences import Answers, Differences
from processor.engine.model import Batch, LogRecord, Record, Source
from tests.engine import PARTITIONS, Memory, folds
from tests.oracle_decode import partition_of

NOW = 1_795_316_000_000


def differences(events: int, kept: slice) -> Differences:
    """Of a log and its own answers, of which only some are ``kept``."""
    log: list[LogRecord] = []
    for message in generate(Plan(events, seed=5)):
        if partition_of(message.key or b"") == 0:
            log.append(LogRecord(len(log), NOW, message.key, message.value))
    source = Source("customs.declarations", 0, PARTITIONS)
    outcome = folds()[0].step(source, Batch(log, 0, len(log)), Memory())
    (told,) = [message for message in outcome.messages if message.topic.endswith("receipts")]
    receipts = [LogRecord(n, NOW, key, value) for n, (key, value) in enumerate(zip(told.keys, told.values))][kept]  # noqa: B905

    def read(topic: str, _: int, end: int) -> Iterator[Sequence[Record]]:
        found: Sequence[Record] = receipts if topic.endswith("receipts") else log[:end]
        if found:
            yield found

    return Answers(reference.load()).differences([len(receipts)], read)


@pytest.mark.parametrize("kept", [slice(None), slice(40, None), slice(0, 1), slice(0, 0)])
def test_the_same_program_answers_the_same_whatever_answers_are_left(kept: slice) -> None:
    found = differences(1_000, kept)
    assert found.found.rows() == []
    assert found.events == kept.stop if kept.stop is not None else found.events > 40
