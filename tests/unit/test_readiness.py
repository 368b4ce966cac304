"""A worker is ready when all it holds is restored, and says how far it is until then."""

from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest

from processor.engine.assigned import readiness
from processor.metrics import Restoring


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ([], "no partitions assigned"),
        ([None, None], "0 of 2 partitions ready"),
        ([0, None], "1 of 2 partitions ready"),
        (
            [0, 1_234_000, None, 567],
            "1 of 4 partitions ready; restoring: 2 of 4 partitions, 1,234,567 records left",
        ),
    ],
)
def test_what_is_not_restored_is_told_with_what_is_left_of_it(left: Sequence[int | None], told: str) -> None:
    assert readiness(left) == (False, told)


def test_a_worker_is_ready_when_nothing_is_left() -> None:
    assert readiness([0, 0]) == (True, "2 of 2 partitions ready")


def test_what_is_left_is_read_when_it_is_asked_for_and_goes_with_its_partition() -> None:
    left, registry = {("declarations", 3): 10, ("totals", 0): 0}, CollectorRegistry()
    registry.register(Restoring(lambda: left))
    name = "single_window_restoring_records"
    declarations = {"flow": "declarations", "partition": "3"}
    assert registry.get_sample_value(name, declarations) == 10
    left["declarations", 3] = 4
    assert registry.get_sample_value(name, declarations) == 4
    del left["declarations", 3]
    assert registry.get_sample_value(name, declarations) is None
    assert b'flow="totals"' in generate_latest(registry)
