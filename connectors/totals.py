"""Totals as typed values: a key, measures and what a total says of itself, read exactly from bytes.

Everything here is plain values: integers as they were counted, scaled where the schema says so (``Counter.scales``),
and moments as datetimes in UTC.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

import schemas
from connectors.records import decode

TOPIC = "counters."
_SCALE = re.compile(r"\bscale (\d+)\b")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

K = TypeVar("K", bound=tuple[Any, ...])
"""A NamedTuple: the dimensions, ``window`` and ``window_start``."""
M = TypeVar("M", bound=tuple[Any, ...])
"""A NamedTuple: the measures."""


class Total(NamedTuple, Generic[K, M]):
    """One row of a counter.

    ``window_end``: first instant after the window, None for ALL_TIME; windows are cut in ``time_zone`` (IANA).
    ``revision`` grows with every change of the figures, within a generation. ``source_positions``: per partition of the
    input, the next offset; every record before it is included. ``watermark``: append time up to which every partition
    is. ``status``: PROVISIONAL, FINAL or REVISED.
    """

    key: K
    measures: M
    window_end: datetime | None
    time_zone: str
    revision: int
    generation: int
    status: str
    source_positions: tuple[int, ...]
    watermark: datetime
    definition: int


class Change(NamedTuple, Generic[K, M]):
    """A row put in the place of its predecessor (``old_revision``, None where there was none), or taken away.

    ``row`` is None for a delete: its window has expired, or a newer generation does not have it. The revision may stay
    the same: a status changes without the figures.
    """

    key: K
    row: Total[K, M] | None
    old_revision: int | None

    @property
    def deleted(self) -> bool:
        return self.row is None


@dataclass(frozen=True)
class Counter(Generic[K, M]):
    """A counter one can subscribe to: its name and the types of its keys and measures."""

    name: str
    key: type[K]
    measures: type[M]

    @property
    def topic(self) -> str:
        """Without prefix."""
        return TOPIC + self.name

    @cached_property
    def docs(self) -> dict[str, str]:
        """What the schemas say of each field of the key and of the value."""
        described = schemas.topic(self.topic)
        texts = [schemas.latest(name).text for name in (described.key, *described.values)]
        return {field["name"]: field["doc"] for text in texts for field in json.loads(text)["fields"]}

    @cached_property
    def scales(self) -> dict[str, int]:
        """Measure -> decimals of its natural unit: 2 where the integer 1234 means 12.34, 0 where it means 1234."""
        found = {name: _SCALE.search(self.docs[name]) for name in fields(self.measures)}
        return {name: int(said[1]) if said else 0 for name, said in found.items()}

    def read_key(self, raw: bytes) -> K:
        """The key of a record of this counter. Raises ValueError for bytes that are none."""
        values = decode(raw)
        values["window_start"] = moment(values["window_start"])
        return self.key(*(values[name] for name in fields(self.key)))

    def read(self, key: K, raw: bytes) -> Total[K, M]:
        """The total under a key. Raises ValueError for bytes that are none."""
        values = decode(raw)
        watermark = moment(values["watermark"])
        assert watermark is not None
        return Total(
            key,
            self.measures(*(values[name] for name in fields(self.measures))),
            moment(values["window_end"]),
            values["time_zone"],
            values["revision"],
            values["generation"],
            values["status"],
            tuple(values["source_positions"]),
            watermark,
            values["definition"],
        )


def fields(of: Any) -> tuple[str, ...]:
    """The names of a NamedTuple's fields, or of a type of such."""
    names: tuple[str, ...] = of._fields
    return names


def moment(ms: int | None) -> datetime | None:
    """Milliseconds since 1970 as a moment in UTC, exactly."""
    return None if ms is None else _EPOCH + timedelta(milliseconds=ms)
