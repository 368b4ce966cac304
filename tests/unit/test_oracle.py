import pytest

from tests.expectation import Scenario
from tests.oracle import Oracle
from tests.scenarios import SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_oracle_agrees_with_the_scenario_that(scenario: Scenario) -> None:
    oracle = Oracle()
    assert oracle.feed_all(scenario.records()) == scenario.answers()
    assert scenario.differences(oracle.counters) == []
