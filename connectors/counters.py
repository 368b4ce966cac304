"""The counters one can subscribe to, and of each the types of its keys and its measures.

A key has the counter's dimensions, then ``window``, one of MINUTE, DAY, MONTH, YEAR and ALL_TIME, and ``window_start``,
its first instant, None for ALL_TIME. Measures are integers as they were counted: ``Counter.scales`` says of each how
many of its digits are decimals, ``Counter.docs`` what it means, and both are read from the schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from connectors.totals import Counter, Total


class StageKey(NamedTuple):
    """By stage and office of declaration. The only counter with minutes."""

    stage: str
    office: str
    flow: str
    jurisdiction: str
    window: str
    window_start: datetime | None


class StageMeasures(NamedTuple):
    """Declarations that reached the stage; ``unconverted``: those whose value lacks what no rate was known for."""

    declarations: int
    value: int
    net_mass: int
    unconverted: int


class TradeKey(NamedTuple):
    """By ``code`` in one ``breakdown``: TOTAL, PARTNER, CHAPTER, SECTION, HEADING, NEW_THREE, USED_CARS, AREA, CHANNEL,
    PROCEDURE, MODE or E_COMMERCE. Breakdowns are never added to each other.
    """

    breakdown: str
    code: str
    flow: str
    jurisdiction: str
    window: str
    window_start: datetime | None


class TradeMeasures(NamedTuple):
    """Trade in statistical terms: imports at release, exports at clearance. ``quantity``: of used cars only."""

    declarations: int
    items: int
    value: int
    net_mass: int
    quantity: int
    unconverted: int


class GroupKey(NamedTuple):
    """By group of partner countries. Groups overlap and are never added to each other. ``membership``: DATED or
    CONSTANT; ``area``: of the trader, or the jurisdiction as a whole.
    """

    group: str
    membership: str
    area: str
    flow: str
    jurisdiction: str
    window: str
    window_start: datetime | None


class GroupMeasures(NamedTuple):
    """Trade with the group, in statistical terms."""

    declarations: int
    items: int
    value: int
    net_mass: int
    unconverted: int


class DutyKey(NamedTuple):
    """By kind of duty or tax."""

    kind: str
    flow: str
    jurisdiction: str
    window: str
    window_start: datetime | None


class DutyMeasures(NamedTuple):
    """``amount`` is in the jurisdiction's currency."""

    declarations: int
    amount: int


class PermitKey(NamedTuple):
    """By agency, and by where the permit stands."""

    agency: str
    state: str
    flow: str
    jurisdiction: str
    window: str
    window_start: datetime | None


class PermitMeasures(NamedTuple):
    """Permits of declarations that count."""

    permits: int


class EnterpriseKey(NamedTuple):
    """By area of the trader and channel. Published in slices: ``added_up`` makes them one, of slice None."""

    area: str
    channel: str
    flow: str
    jurisdiction: str
    slice: int | None
    window: str
    window_start: datetime | None


class EnterpriseMeasures(NamedTuple):
    """Different traders with a declaration that counts; each is in one slice only."""

    enterprises: int


class LaneKey(NamedTuple):
    """By lane of customs' risk assessment at acceptance."""

    lane: str
    office: str
    flow: str
    jurisdiction: str
    window: str
    window_start: datetime | None


class LaneMeasures(NamedTuple):
    """Declarations accepted."""

    declarations: int


class ClearanceKey(NamedTuple):
    """By ``bucket``: a time falls into the one with the least upper bound (in seconds, as text) that is greater."""

    interval: str
    arrival: str
    lane: str
    bucket: str
    office: str
    flow: str
    jurisdiction: str
    window: str
    window_start: datetime | None


class ClearanceMeasures(NamedTuple):
    """Declarations released, and the sum of their times."""

    declarations: int
    seconds: int


class AnswerKey(NamedTuple):
    """By sender, record and outcome of the receipt."""

    sender: str
    record: str
    outcome: str
    window: str
    window_start: datetime | None


class AnswerMeasures(NamedTuple):
    """``first_revision``: those that were right, or not, at the first attempt."""

    events: int
    first_revision: int


class RuleHitKey(NamedTuple):
    """By rule, its severity, and the record it was broken by."""

    rule: str
    severity: str
    record: str
    window: str
    window_start: datetime | None


class RuleHitMeasures(NamedTuple):
    """``events`` with such a finding, one or several."""

    findings: int
    events: int


class ControlKey(NamedTuple):
    """By ``step``: a stage, or SEQUENCES, which counts the numbers a sender gives its events. Days only."""

    sender: str
    step: str
    window: str
    window_start: datetime | None


class ControlMeasures(NamedTuple):
    """What was received, beside what the sender's control record declares."""

    received: int
    declared: int
    received_value: int
    declared_value: int
    received_net_mass: int
    declared_net_mass: int


DECLARATIONS_BY_STAGE = Counter("declarations-by-stage", StageKey, StageMeasures)
TRADE = Counter("trade", TradeKey, TradeMeasures)
TRADE_WITH_GROUPS = Counter("trade-with-groups", GroupKey, GroupMeasures)
DUTIES = Counter("duties", DutyKey, DutyMeasures)
PERMITS = Counter("permits", PermitKey, PermitMeasures)
ENTERPRISES = Counter("enterprises", EnterpriseKey, EnterpriseMeasures)
LANES = Counter("lanes", LaneKey, LaneMeasures)
CLEARANCE_TIMES = Counter("clearance-times", ClearanceKey, ClearanceMeasures)
ANSWERS = Counter("answers", AnswerKey, AnswerMeasures)
RULE_HITS = Counter("rule-hits", RuleHitKey, RuleHitMeasures)
SENDER_CONTROL = Counter("sender-control", ControlKey, ControlMeasures)
COUNTERS: tuple[Counter[Any, Any], ...] = (
    DECLARATIONS_BY_STAGE,
    TRADE,
    TRADE_WITH_GROUPS,
    DUTIES,
    PERMITS,
    ENTERPRISES,
    LANES,
    CLEARANCE_TIMES,
    ANSWERS,
    RULE_HITS,
    SENDER_CONTROL,
)


def counter(name: str) -> Counter[Any, Any]:
    """A counter by its name. Raises ValueError, with the names there are, for an unknown one."""
    for known in COUNTERS:
        if known.name == name:
            return known
    raise ValueError(f"no counter {name}; there are: {', '.join(c.name for c in COUNTERS)}")


def added_up(rows: Mapping[EnterpriseKey, Total[EnterpriseKey, EnterpriseMeasures]]) -> dict[EnterpriseKey, int]:
    """Enterprises over all slices, by key without its slice. A trader is in one of them, so none is counted twice."""
    found: dict[EnterpriseKey, int] = {}
    for key, row in rows.items():
        whole = key._replace(slice=None)
        found[whole] = found.get(whole, 0) + row.measures.enterprises
    return found
