"""The lifecycle's table is whole and means what the specification says; what is illegal changes nothing."""

import copy
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.engine import lifecycle
from processor.engine.lifecycle import (
    ACCEPTED,
    APPLY,
    CLASH,
    CONFLICT,
    CROWDED,
    ILLEGAL,
    NEVER,
    PARK,
    PARKED,
    REFUSE,
    WORDS,
    Events,
    Folded,
    Parked,
    Rows,
)
from processor.flows.declarations.lifecycle import KIND_OF_STATUS, KINDS, LIFECYCLE, STAGES

STATES = LIFECYCLE.states
AT = 1_000_000
APPENDED = 2_000_000


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


def row(state: str, version: int, parked: int = 0) -> Rows:
    """One key's row. Its content is document 0."""
    absent = state == STATES[0]
    counted = np.array([not absent and bool(LIFECYCLE.is_counted[0, STATES.index(state)])])
    touched = ints(int(NEVER) if absent else APPENDED - 1)
    document = ints(-1 if absent else 0)
    return Rows(ints(STATES.index(state)), ints(version), touched, document, counted, ints(AT), ints(0), ints(parked))


def offer(rows: Rows, kind: str, version: int, parked: Parked | None = None) -> Folded:
    """Fold one event with content of its own (document 1) into one row."""
    events = Events(
        key=ints(0),
        kind=ints(KINDS.index(kind)),
        version=ints(version),
        at=ints(AT + 1),
        appended=ints(APPENDED),
        ok=np.array([True]),
        group=ints(0),
        content=ints(7),
        known=ints(0),
        is_known=np.array([False]),
        document=ints(1 if kind in LIFECYCLE.documents else -1),
    )
    return lifecycle.fold(LIFECYCLE, events, rows, parked or Parked(), ints(0, 0))


def same(before: Rows, after: Rows) -> bool:
    return all(np.array_equal(getattr(before, name), getattr(after, name)) for name in before.__dataclass_fields__)


def test_the_table_defines_every_state_and_kind_and_leads_to_states_it_has() -> None:
    assert LIFECYCLE.kinds == KINDS
    assert STATES[0] == "NONE"
    for state, kind in product(STATES, KINDS):
        cell = LIFECYCLE.table[state][kind]
        assert cell in WORDS or cell in STATES[1:], (state, kind)
    assert set(STATES[1:]) == {c for cells in LIFECYCLE.table.values() for c in cells.values()} - set(WORDS)


def test_every_kind_has_a_stage_and_every_status_a_kind() -> None:
    assert set(STAGES) == set(KINDS)
    assert len(set(STAGES.values())) == len(KINDS)
    assert set(KIND_OF_STATUS.values()) == set(KINDS) - LIFECYCLE.documents


def test_only_lodging_begins_a_declaration_and_nothing_follows_a_cancellation() -> None:
    assert {kind for kind in KINDS if LIFECYCLE.table["NONE"][kind] in STATES} == {"LODGE"}
    assert set(LIFECYCLE.table["CANCELLED"].values()) == {"conflict", "refuse"}
    assert {LIFECYCLE.table[state]["LODGE"] for state in STATES[1:]} == {"conflict"}


def test_imports_count_from_release_and_exports_from_clearance() -> None:
    assert LIFECYCLE.counted == {"IMPORT": {"RELEASED", "CLEARED"}, "EXPORT": {"CLEARED"}}


def decided(state: str, current: int, kind: str, version: int) -> int:
    found = LIFECYCLE.decide(ints(STATES.index(state)), ints(current), ints(KINDS.index(kind)), ints(version))
    return int(found[0])


@pytest.mark.parametrize("state", STATES[1:])
def test_an_amendment_must_be_the_next_version(state: str) -> None:
    by_table = {"park": PARK, "refuse": REFUSE}.get(LIFECYCLE.table[state]["AMEND"], APPLY)
    assert decided(state, 3, "AMEND", 4) == by_table
    assert decided(state, 3, "AMEND", 3) == decided(state, 3, "AMEND", 2) == CONFLICT
    assert decided(state, 3, "AMEND", 5) == (REFUSE if state == "CANCELLED" else PARK)
    assert decided(state, 3, "LODGE", 1) == CONFLICT


@pytest.mark.parametrize(("state", "kind"), [*product(STATES[1:], KINDS[2:])])
def test_a_step_with_a_version_to_come_waits_unless_nothing_can_come(state: str, kind: str) -> None:
    now = decided(state, 3, kind, 3)
    assert decided(state, 3, kind, 4) == (REFUSE if state == "CANCELLED" else PARK)
    assert decided(state, 3, kind, 2) == (REFUSE if kind == "REJECT" else now)


def test_nothing_but_version_1_is_known_of_an_absent_declaration() -> None:
    assert decided("NONE", 0, "LODGE", 1) == APPLY
    for kind in KINDS[1:]:
        assert decided("NONE", 0, kind, 1 if kind != "AMEND" else 2) == PARK


VERDICTS = {APPLY: ACCEPTED, PARK: PARKED, REFUSE: ILLEGAL, CONFLICT: CLASH}


@given(st.sampled_from(STATES), st.sampled_from(KINDS), st.integers(1, 4), st.integers(0, 8))
def test_illegal_transitions_change_nothing(state: str, kind: str, version: int, parked: int) -> None:
    current = 0 if state == "NONE" else 2
    version = 1 if kind == "LODGE" else max(version, 2) if kind == "AMEND" else version
    rows = row(state, current, parked)
    before = copy.deepcopy(rows)
    waiting = Parked()
    for n in range(parked):
        waiting.add(0, KINDS.index("CLEAR"), 9 + n, AT, -1)
    action = decided(state, current, kind, version)
    folded = offer(rows, kind, version, waiting)
    verdict = int(folded.verdict[0])
    assert verdict == (CROWDED if action == PARK and parked == LIFECYCLE.park_limit else VERDICTS[action])
    if verdict == ACCEPTED:
        assert STATES[folded.state[0]] == LIFECYCLE.table[state][kind]
        assert len(folded.stages) == 1
        return
    assert STATES[folded.state[0]] == state
    assert len(folded.stages) == len(folded.contributions) == 0
    if verdict == PARKED:
        assert len(folded.parked.key) == parked + 1
        assert rows.parked[0] == parked + 1
        rows.parked[0], rows.touched[0] = before.parked[0], before.touched[0]
    else:
        assert not folded.written[0]
        assert len(folded.parked.key) == parked
    assert same(before, rows)


#   LODGE 1   ACCEPT   RELEASE   AMEND 2   CANCEL
#   counts at   -         R         R         -      : the moment of release, before and after the amendment
def test_an_amendment_moves_what_counts_within_the_same_moment_and_a_cancellation_takes_it_away() -> None:
    rows = row("ACCEPTED", 1)
    released = offer(rows, "RELEASE", 1)
    assert released.contributions.tolist() == [[1, 0, AT + 1, APPENDED]]
    amended = offer(rows, "AMEND", 2)
    assert amended.contributions.tolist() == [[-1, 0, AT + 1, APPENDED], [1, 1, AT + 1, APPENDED]]
    cancelled = offer(rows, "CANCEL", 2)
    assert cancelled.contributions.tolist() == [[-1, 1, AT + 1, APPENDED]]
    assert STATES[rows.state[0]] == "CANCELLED"
    assert not rows.counted[0]


def test_a_row_untouched_for_its_lifetime_counts_as_absent() -> None:
    rows = row("CLEARED", 1)
    rows.touched[0] = APPENDED - LIFECYCLE.lifetime_ms
    assert int(offer(rows, "LODGE", 1).verdict[0]) == CLASH
    rows.touched[0] = APPENDED - LIFECYCLE.lifetime_ms - 1
    folded = offer(rows, "LODGE", 1)
    assert int(folded.verdict[0]) == ACCEPTED
    assert len(folded.contributions) == 0, "what it had counted stays counted"
