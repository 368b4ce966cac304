"""Sums by counter, day and dimensions, minutes beside them; longer windows are added up from days when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import add, neg, sub

from connectors.simulator.ledger.codes import SHANGHAI, ZONES
from connectors.simulator.ledger.windows import months_and_longer

Dimensions = tuple[str, ...]
Key = tuple[str, str, int | None, Dimensions]
"""(counter, window kind, first instant in UTC ms or None for ALL_TIME, dimensions in the order of the Key schema)."""

Entry = tuple[Dimensions, tuple[int, ...]]
Table = dict[Dimensions, tuple[int, ...]]
"""Dimensions -> measures."""

DAYS_ONLY = frozenset({"sender-control"})
NO_MONTHS = frozenset({"clearance-times"})
"""Counters with days and all time, and nothing between."""
IN_SHANGHAI = frozenset({"answers", "rule-hits", "sender-control"})
"""Counters whose windows are not those of a jurisdiction, their last dimension."""


def zone_of(counter: str, dimensions: Dimensions) -> str:
    """IANA name of the time zone a figure's windows are cut in."""
    return SHANGHAI if counter in IN_SHANGHAI else ZONES[dimensions[-1]]


class Sums:
    """Measures of counters by day; what was added to a minute is not in its day. Both are first instants, ms."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, int], Table] = {}
        self._minutes: dict[tuple[str, int, int], Table] = {}

    def add(self, counter: str, day: int, entries: Iterable[Entry]) -> None:
        """Adds entries to a day."""
        table = self._days.get((counter, day))
        if table is None:
            table = self._days[counter, day] = {}
        _add(table, entries)

    def take(self, counter: str, day: int, entries: Iterable[Entry]) -> None:
        """Takes entries away from a day."""
        table = self._days.setdefault((counter, day), {})
        for dimensions, measures in entries:
            total = table.get(dimensions)
            table[dimensions] = tuple(map(neg, measures) if total is None else map(sub, total, measures))

    def add_to_minute(self, counter: str, day: int, minute: int, entries: Iterable[Entry]) -> None:
        """Adds entries to a minute of a day."""
        table = self._minutes.get((counter, day, minute))
        if table is None:
            table = self._minutes[counter, day, minute] = {}
        _add(table, entries)

    def add_all(self, other: Sums) -> None:
        """Adds all that another holds; its minutes become part of their days."""
        for (counter, day), table in other._days.items():
            self.add(counter, day, table.items())
        for (counter, day, _), table in other._minutes.items():
            self.add(counter, day, table.items())

    def minutes(self) -> Iterator[tuple[Key, tuple[int, ...]]]:
        """Every figure of every minute."""
        for (counter, _, minute), table in self._minutes.items():
            for dimensions, measures in table.items():
                yield (counter, "MINUTE", minute, dimensions), measures

    def days_and_longer(self) -> Iterator[tuple[Key, tuple[int, ...]]]:
        """Every figure of every day, and of the longer windows that their counters have."""
        longer: dict[tuple[str, str, int | None], Table] = {}
        for (counter, day), table in self._days.items():
            for dimensions, measures in table.items():
                yield (counter, "DAY", day, dimensions), measures
                if counter not in DAYS_ONLY:
                    for kind, start in months_and_longer(zone_of(counter, dimensions), day):
                        if kind != "ALL_TIME" and counter in NO_MONTHS:
                            continue
                        _add(longer.setdefault((counter, kind, start), {}), ((dimensions, measures),))
        for window, table in longer.items():
            for dimensions, measures in table.items():
                yield (*window, dimensions), measures


def _add(table: Table, entries: Iterable[Entry]) -> None:
    for dimensions, measures in entries:
        total = table.get(dimensions)
        table[dimensions] = measures if total is None else tuple(map(add, total, measures))
