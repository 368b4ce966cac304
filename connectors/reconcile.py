"""A sender's day reconciled: what was received of it, held against what the sender's own control record declares.

Both are in the counter sender-control, by step. Events belong to the day of their ``sent_at`` in Asia/Shanghai. A
sender that has declared nothing has declared noughts.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from connectors.counters import SENDER_CONTROL, ControlKey, ControlMeasures
from connectors.export import decimal
from connectors.table import AsOf, Snapshot

ZONE = ZoneInfo("Asia/Shanghai")
SEQUENCES = "SEQUENCES"
STEPS = ("LODGED", "AMENDED", "ACCEPTED", "INSPECTED", "RELEASED", "CLEARED", "REJECTED", "CANCELLED", SEQUENCES)
"""All steps, in the order they are shown."""


class Figure(NamedTuple):
    """One figure as it was received and as it was declared."""

    received: int
    declared: int

    @property
    def difference(self) -> int:
        """How much more was received than declared."""
        return self.received - self.declared


class Step(NamedTuple):
    """A step of the day: events, their hash total (``value``, scale 2, whatever the currencies) and net mass (g)."""

    step: str
    events: Figure
    value: Figure
    net_mass: Figure

    @property
    def agrees(self) -> bool:
        return not any(figure.difference for figure in (self.events, self.value, self.net_mass))


class Reconciliation(NamedTuple):
    """What a sender's day comes to, as of positions of the input. ``steps``: those with any figure, in order."""

    sender: str
    day: date
    steps: tuple[Step, ...]
    as_of: AsOf

    @property
    def agrees(self) -> bool:
        return all(step.agrees for step in self.steps)

    @property
    def missing(self) -> int:
        """Sequence numbers declared that have not come, at least: a number that comes twice hides another."""
        return max(0, -self._numbers())

    @property
    def surplus(self) -> int:
        """Numbered events beyond those declared, at least."""
        return max(0, self._numbers())

    def _numbers(self) -> int:
        return sum(step.events.difference for step in self.steps if step.step == SEQUENCES)

    def as_dict(self) -> dict[str, Any]:
        """As names and plain values, hash totals as decimals and masses in grams."""
        value = SENDER_CONTROL.scales["received_value"]
        return {
            "sender": self.sender,
            "day": self.day.isoformat(),
            "agrees": self.agrees,
            "missing": self.missing,
            "surplus": self.surplus,
            "steps": [
                {
                    "step": step.step,
                    "events": _named(step.events, 0),
                    "value": _named(step.value, value),
                    "net_mass": _named(step.net_mass, 0),
                }
                for step in self.steps
            ],
            "as_of": self.as_of._asdict(),
        }


def reconcile(taken: Snapshot[ControlKey, ControlMeasures], sender: str, day: date) -> Reconciliation:
    """One sender's day, from the table of sender-control. No steps where nothing was received and nothing declared."""
    midnight = datetime.combine(day, time(), ZONE)
    counted = {
        key.step: row.measures
        for key, row in taken.rows.items()
        if (key.sender, key.window, key.window_start) == (sender, "DAY", midnight) and any(row.measures)
    }
    found = (_step(step, counted[step]) for step in STEPS if step in counted)
    return Reconciliation(sender, day, tuple(found), taken.as_of)


def _step(step: str, of: ControlMeasures) -> Step:
    return Step(
        step,
        Figure(of.received, of.declared),
        Figure(of.received_value, of.declared_value),
        Figure(of.received_net_mass, of.declared_net_mass),
    )


def _named(figure: Figure, scale: int) -> dict[str, Any]:
    named = {**figure._asdict(), "difference": figure.difference}
    return {name: decimal(number, scale) if scale else number for name, number in named.items()}
