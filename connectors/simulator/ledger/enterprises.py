"""Enterprises active: distinct traders with a counted declaration, by area and channel; exact, and reversible."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.simulator.ledger.codes import ZONES
from connectors.simulator.ledger.sums import Key
from connectors.simulator.ledger.valuation import Document
from connectors.simulator.ledger.windows import months_and_longer

COUNTER = "enterprises"
PLATFORM = "PLATFORM"

Declared = tuple[int, str, str, str, tuple[str, ...], str]
"""(first instant of the day in ms, jurisdiction, flow, channel, areas, trader)."""


class Enterprises:
    """How many counted declarations each trader has a day; who has any is told apart when asked for."""

    def __init__(self) -> None:
        self._declarations: dict[Declared, int] = {}

    def count(self, document: Document, day: int, sign: int) -> None:
        """A declaration has come to count on a day, or (sign -1) no longer does."""
        if document.trader is not None:
            profile = document.profile
            of = day, profile.jurisdiction, profile.flow, profile.channel, profile.areas, document.trader
            self._declarations[of] = self._declarations.get(of, 0) + sign

    def figures(self) -> Iterator[tuple[Key, tuple[int, ...]]]:
        """``enterprises`` (area, channel, flow, jurisdiction) in months, years and all time."""
        traders: dict[Key, set[str]] = {}
        for (day, jurisdiction, flow, channel, areas, trader), declarations in self._declarations.items():
            if not declarations:
                continue
            for kind, start in months_and_longer(ZONES[jurisdiction], day):
                for area in (jurisdiction, *areas):
                    for through in ("ALL", PLATFORM) if channel == PLATFORM else ("ALL",):
                        key: Key = COUNTER, kind, start, (area, through, flow, jurisdiction)
                        traders.setdefault(key, set()).add(trader)
        for key, found in traders.items():
            yield key, (len(found),)
