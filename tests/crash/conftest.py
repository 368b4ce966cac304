"""A scene for each scenario, on the session's broker; and a second broker for those that need one to break."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import LOCAL
from tests.crash.broker import Broker
from tests.crash.scene import Scene


@pytest.fixture
def scene(kafka: str, prefix: str, tmp_path: Path) -> Iterator[Scene]:
    """Topics, traffic and workers of the test's own; workers are gone when the topics go."""
    made = Scene(kafka, prefix, tmp_path)
    try:
        yield made
    finally:
        made.dispose()


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A broker that tests may kill; each leaves it running."""
    made = Broker(LOCAL / f"test-kafka-crash-{os.getpid()}")
    try:
        made.start()
        yield made
    finally:
        made.dispose()
