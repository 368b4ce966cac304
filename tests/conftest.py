"""What tests share: a real Kafka for the session, and topics of its own for each test."""

import os
import shutil
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

with warnings.catch_warnings():  # kafka-python reads its protocol files by a deprecated call, on import
    warnings.simplefilter("ignore", DeprecationWarning)
    from deploy import local_kafka, topics

LOCAL = Path(__file__).parents[1] / ".local"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the whole of the chaos suite, not its short form")


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the whole of a scenario is wanted, not its short form."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def only_long(long: bool) -> None:
    """For what takes longer than CI may wait."""
    if not long:
        pytest.skip("only with --long, as `make chaos` has it")


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The bootstrap address of a Kafka: SINGLE_WINDOW_KAFKA, else a new broker that ends with the session.

    Every session has a broker of its own, so several may run at once; what killed sessions left is cleared away.
    """
    named = os.environ.get("SINGLE_WINDOW_KAFKA")
    if named:
        yield named
        return
    for left in LOCAL.glob("test-kafka-*"):
        if not Path(f"/proc/{left.name.rpartition('-')[2]}").exists():
            local_kafka.stop(left)
            shutil.rmtree(left, ignore_errors=True)  # another session may be at it, too
    home = LOCAL / f"test-kafka-{os.getpid()}"
    try:
        yield local_kafka.start(home, port=0, heap_mb=512).bootstrap
    finally:
        local_kafka.stop(home)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def prefix(kafka: str) -> Iterator[str]:
    """A topic prefix of the test's own; all topics of topics.yaml exist under it while the test runs."""
    own = f"t{uuid.uuid4().hex[:8]}."
    topics.create(kafka, own)
    yield own
    topics.delete(kafka, own)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs Kafka waits several times, with the patience of ``crash.worker`` each: it has longer than others."""
    for item in items:
        if item.get_closest_marker("kafka") is not None and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600))
