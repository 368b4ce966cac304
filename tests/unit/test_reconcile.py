"""A sender's day: received against declared, step by step, and what is missing of its numbers."""

import json
from datetime import UTC, date, datetime

import pytest

from connectors.counters import SENDER_CONTROL, ControlKey, ControlMeasures
from connectors.export import text
from connectors.reconcile import Figure, Reconciliation, reconcile
from connectors.table import AsOf, Snapshot
from connectors.totals import Total

AS_OF = AsOf(1, (4, 0, 3, 0, 0, 0, 0, 0), datetime(2025, 3, 2, tzinfo=UTC))
DAY = date(2025, 3, 1)
MIDNIGHT = datetime(2025, 2, 28, 16, tzinfo=UTC)
"""Of the day in Shanghai."""


def day(sender: str = "sea-1", start: datetime = MIDNIGHT, **steps: tuple[int, ...]) -> Reconciliation:
    """``steps``: step -> the measures of the counter, in its order; those left out are 0."""
    rows = {}
    for step, measures in steps.items():
        key = ControlKey(sender, step, "DAY", start)
        counted = ControlMeasures(*(*measures, *[0] * 6)[:6])
        rows[key] = Total(key, counted, None, "Asia/Shanghai", 7, 1, "PROVISIONAL", AS_OF.positions, AS_OF.watermark, 1)
    return reconcile(Snapshot(rows, AS_OF), "sea-1", DAY)


def test_a_day_that_came_as_declared_agrees() -> None:
    found = day(SEQUENCES=(5, 5), LODGED=(3, 3, 1_234, 1_234, 7_000, 7_000), ACCEPTED=(2, 2))
    assert (found.agrees, found.missing, found.surplus) == (True, 0, 0)
    assert [step.step for step in found.steps] == ["LODGED", "ACCEPTED", "SEQUENCES"], "in the order of the lifecycle"
    assert found.as_of == AS_OF


@pytest.mark.parametrize(
    ("measures", "events", "value", "net_mass"),
    [
        ((2, 3), Figure(2, 3), Figure(0, 0), Figure(0, 0)),
        ((3, 3, 1_234, 1_233), Figure(3, 3), Figure(1_234, 1_233), Figure(0, 0)),
        ((3, 3, 0, 0, 7_000, 7_001), Figure(3, 3), Figure(0, 0), Figure(7_000, 7_001)),
    ],
)
def test_a_difference_in_any_figure_is_one(
    measures: tuple[int, ...], events: Figure, value: Figure, net_mass: Figure
) -> None:
    found = day(LODGED=measures, ACCEPTED=(2, 2))
    assert not found.agrees
    assert [(step.step, step.agrees) for step in found.steps] == [("LODGED", False), ("ACCEPTED", True)]
    assert found.steps[0][1:] == (events, value, net_mass)


def test_numbers_that_have_not_come_are_missing_and_those_too_many_surplus() -> None:
    assert (day(SEQUENCES=(3, 5)).missing, day(SEQUENCES=(3, 5)).surplus) == (2, 0)
    assert (day(SEQUENCES=(6, 5)).missing, day(SEQUENCES=(6, 5)).surplus) == (0, 1)
    assert not day(SEQUENCES=(6, 5)).agrees


def test_a_sender_that_declared_nothing_differs_by_all_that_came() -> None:
    found = day(LODGED=(3, 0, 1_234, 0))
    assert not found.agrees
    assert found.steps[0].events.difference == 3


def test_other_senders_and_days_and_noughts_play_no_part() -> None:
    assert day("sea-2", LODGED=(3, 0)).steps == ()
    assert day(start=datetime(2025, 3, 1, tzinfo=UTC), LODGED=(3, 0)).steps == ()
    assert day(LODGED=(0, 0)).steps == ()
    assert day().agrees


def test_a_reconciliation_is_told_in_json_with_decimals() -> None:
    found = json.loads(json.dumps(day(LODGED=(3, 4, 1_234, 123_400), SEQUENCES=(3, 4)).as_dict(), default=text))
    assert (found["sender"], found["day"], found["agrees"], found["missing"]) == ("sea-1", "2025-03-01", False, 1)
    assert found["steps"][0] == {
        "step": "LODGED",
        "events": {"received": 3, "declared": 4, "difference": -1},
        "value": {"received": "12.34", "declared": "1234.00", "difference": "-1221.66"},
        "net_mass": {"received": 0, "declared": 0, "difference": 0},
    }
    assert found["as_of"]["positions"] == list(AS_OF.positions)
    assert SENDER_CONTROL.scales["received_value"] == SENDER_CONTROL.scales["declared_value"] == 2
