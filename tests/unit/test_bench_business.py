"""The plain business of the bench's rivals is held against the oracle where traffic does not go: at edges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

import schemas
from tests import events
from tests.bench.plain.fold import answer
from tests.bench.plain.state import Dicts
from tests.oracle import Oracle
from tests.oracle_decode import LogRecord
from tests.scenarios import SCENARIOS, Scenario
from tests.spoils import CONTROL_SPOILS, DECLARATION_SPOILS, STATUS_SPOILS
from tests.unit.test_engine import normal

APPENDED = 1_800_000_000_000


def differences(records: Iterable[LogRecord]) -> list[Any]:
    """What the plain business answers or counts otherwise than the oracle."""
    state, oracle, found = Dicts(), Oracle(), []
    for record in records:
        place = (record.partition, record.offset, record.timestamp_ms)
        given = answer(state, *place, record.key, record.value)
        told: tuple[Any, ...] = ("dead letter", given.outcome)
        if given.receipt is not None:
            receipt = schemas.decode(given.receipt)[1]
            findings = sorted((f["rule"], f["severity"], f["pointer"]) for f in receipt["findings"])
            told = ("receipt", receipt["outcome"], receipt["state"], findings, receipt["advice"])
        expected = normal(oracle.feed(record))
        found += [(told, expected)] if told != expected else []
    figures, counters = state.figures(), oracle.counters
    for key in figures.keys() | counters.keys():
        pair = figures.get(key, ()), counters.get(key, ())
        if pair[0] != pair[1] and any(map(any, pair)):
            found.append((key, pair))
    return found


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_plain_business_agrees_with_the_scenario_that(scenario: Scenario) -> None:
    assert differences(scenario.records()) == []


def test_the_plain_business_finds_in_every_rules_example_what_the_oracle_finds() -> None:
    for example in schemas.rule_examples():
        assert differences(events.log([(events.raw(example.fields), APPENDED)])) == [], example.rule


@pytest.mark.parametrize("flow", ["IMPORT", "EXPORT"])
@pytest.mark.parametrize("jurisdiction", ["CN", "KR"])
def test_the_plain_business_judges_at_the_edges_of_rules_as_the_oracle_does(flow: str, jurisdiction: str) -> None:
    for spoil in DECLARATION_SPOILS:
        spoiled = events.declaration(**{"flow": flow, "jurisdiction": jurisdiction, **spoil.changes})
        assert differences(events.log([(events.raw(spoiled), APPENDED)])) == [], spoil


def test_the_plain_business_judges_steps_and_control_records_as_the_oracle_does() -> None:
    for make, spoils in ((events.status, STATUS_SPOILS), (events.control, CONTROL_SPOILS)):
        for spoil in spoils:
            assert differences(events.log([(events.raw(make(**spoil.changes)), APPENDED)])) == [], spoil
