"""A new generation's totals in the place of the old one's: all of them, at once, when they include as much."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import schemas
from processor.engine.model import Batch, Outcome
from processor.engine.totals import TotalsFold
from processor.engine.totals_rows import Counted
from processor.flows.declarations.counters import COUNTERS
from tests.unit.test_totals import BEGIN, DAY, EVER, HERE, HOUR, MIDNIGHT, MINUTE, MONTH, SOURCES, Totals

SECOND = TotalsFold([Counted("declarations", COUNTERS, SOURCES)], 2)
BY_STAGE = "counters.declarations-by-stage"


@dataclass(frozen=True)
class Before:
    """What generation 1 has published: where it is, and its rows."""

    positions: Mapping[int, int]
    topics: Mapping[str, Mapping[bytes, bytes | None]] = field(default_factory=dict)

    def reached(self, flow: str) -> Mapping[int, int]:
        return self.positions if flow == "declarations" else {}

    def rows(self, topic: str) -> Mapping[bytes, bytes]:
        return {key: value for key, value in self.topics.get(topic, {}).items() if value is not None}


def second(totals: Totals) -> Totals:
    """The same log, as generation 2 folds it, in silence."""
    other = Totals(log=totals.log)
    other.store.write(SECOND.step(HERE, Batch(totals.log, 0, len(totals.log)), other.store))
    return other


def told(outcome: Outcome | None) -> list[tuple[str, Any]]:
    """(window, declarations) of what is published of the counter, in order; None for a tombstone."""
    assert outcome is not None
    found = []
    for message in outcome.messages:
        if message.topic == BY_STAGE:
            for key, value in zip(message.keys, message.values, strict=True):
                assert key is not None
                read = None if value is None else schemas.decode(value)[1]
                found.append((schemas.decode(key)[1]["window"], read and (read["declarations"], read["generation"])))
    return found


def test_all_totals_are_published_anew_and_what_is_no_more_is_nought_and_goes() -> None:
    # generation 1: day 3, month 3    generation 2: day 2, all time 2; nothing in the month
    totals = Totals()
    totals.say(0, {DAY: [3], MONTH: [3]})
    totals.say(1)
    totals.fold()
    totals.say(0, {DAY: [2], EVER: [2]}, generation=2, position=10)
    totals.say(1, generation=2, position=10)
    outcome = SECOND.restated(HERE, second(totals).store, Before({0: 10, 1: 10}, totals.topics))
    rows = told(outcome)
    assert sorted(rows[:2]) == [("ALL_TIME", (2, 2)), ("DAY", (2, 2))]
    assert rows[2:] == [("MONTH", (0, 2)), ("MONTH", None)]
    assert outcome is not None
    progress = [message for message in outcome.messages if message.topic == "counters.progress"]
    reached = [schemas.decode(value)[1]["position"] for message in progress for value in message.values if value]
    assert reached == [10, 10]


def test_nothing_is_published_before_every_source_partition_has_come_as_far() -> None:
    totals = Totals()
    totals.say(0, {DAY: [2]}, generation=2, position=10)
    totals.say(1, {DAY: [2]}, generation=2, position=9)
    store = second(totals).store
    assert SECOND.restated(HERE, store, Before({0: 10, 1: 10})) is None
    assert told(SECOND.restated(HERE, store, Before({0: 10, 1: 9}))) == [("DAY", (4, 2))]


def test_minutes_that_have_had_their_time_are_not_published_anew() -> None:
    totals = Totals()
    totals.say(0, {MINUTE: [1], DAY: [1]}, BEGIN, generation=2, position=10)
    totals.say(1, None, BEGIN, generation=2, position=10)
    totals.say(0, None, MIDNIGHT + 72 * HOUR, generation=2, position=20)
    totals.say(1, None, MIDNIGHT + 72 * HOUR, generation=2, position=20)
    assert told(SECOND.restated(HERE, second(totals).store, Before({}))) == [("DAY", (1, 2))]
