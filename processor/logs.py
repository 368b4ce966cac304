"""Logs: JSON lines on stderr, from an allow-list of fields. Never payloads, never identifiers of people or goods."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    (
        *("event", "level", "timestamp", "logger", "exception", "error", "reason"),
        *("flow", "partition", "state", "position", "expected", "got", "records"),
        *("bootstrap", "host", "port", "generation"),
    )
)
"""Fields that may be logged: none can hold a payload or an identifier."""


def configure(level: str) -> None:
    """Set up structlog, and route the standard library's loggers of Faust and aiokafka through it."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.processors.format_exc_info,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _only_allowed,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(sort_keys=False)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    foreign: list[Any] = [_foreign, *shared]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=foreign,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("faust", "aiokafka", "kafka", "mode"):  # their debug level logs payloads
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in (
        "aiokafka.consumer.group_coordinator",
        "aiokafka.conn",
        "aiokafka.cluster",
        "aiokafka.producer.sender",
        "kafka.net",
    ):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # rebalances and reconnects are told by the engine


def _foreign(logger: Any, name: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A library's line: its logger's name and its text."""
    del logger, name
    record = entry.get("_record")
    if record is not None:
        entry["logger"] = record.name
    return entry


def _only_allowed(logger: Any, name: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    del logger, name
    return {key: value for key, value in entry.items() if key in ALLOWED or key.startswith("_")}
