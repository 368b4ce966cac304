"""The log is JSON lines of allowed fields only, whoever writes them."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from processor import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    names = [
        name for name in logging.root.manager.loggerDict if name.startswith(("faust", "aiokafka", "kafka", "mode"))
    ]
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in logging.root.manager.loggerDict:
        if name.startswith(("faust", "aiokafka", "kafka", "mode")):
            logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
    structlog.reset_defaults()


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines on stderr; nothing may go to stdout."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_fields_that_are_not_allowed_never_appear(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    structlog.get_logger().info(
        "partition",
        flow="declarations",
        partition=3,
        state="live",
        payload=b"\xc3\x01",
        declaration_number="4200",
        key="k",
    )
    (line,) = told(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "partition", "level": "info", "flow": "declarations", "partition": 3, "state": "live"}


def test_what_is_below_the_level_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    structlog.get_logger().info("too little")
    structlog.get_logger().warning("enough")
    assert [line["event"] for line in told(capsys)] == ["enough"]


def test_an_exception_is_one_line_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    try:
        int("said")
    except ValueError:
        structlog.get_logger().exception("it broke", reason="a test")
    (line,) = told(capsys)
    assert (line["event"], line["level"], line["reason"]) == ("it broke", "error", "a test")
    assert "ValueError: invalid literal" in line["exception"]


def test_a_library_says_who_it_is_and_has_no_other_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug")
    logging.getLogger("some.library").warning("%d of %s", 3, "four", extra={"payload": "secret"})
    (line,) = told(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "3 of four", "level": "warning", "logger": "some.library"}


def test_a_library_with_an_exception_tells_it(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    try:
        int("said")
    except ValueError:
        logging.getLogger("some.library").exception("it broke")
    (line,) = told(capsys)
    assert (line["event"], line["level"]) == ("it broke", "error")
    assert "ValueError: invalid literal" in line["exception"]


@pytest.mark.parametrize(
    "library", ["faust", "aiokafka", "kafka", "mode", "faust.transport", "aiokafka.consumer.fetcher"]
)
def test_no_level_of_ours_lets_libraries_log_payloads(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug")
    logging.getLogger(library).debug("a payload")
    logging.getLogger(library).info("a payload")
    assert told(capsys) == []


def test_an_unknown_level_is_an_error() -> None:
    with pytest.raises(KeyError):
        logs.configure("loud")
