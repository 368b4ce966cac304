"""The lifecycle's table is whole and means what the specification says; what is illegal changes nothing."""

import copy
from itertools import product

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
    CONTRIBUTION_COLUMNS,
    CROWDED,
    ILLEGAL,
    MARKS,
    NEVER,
    PARK,
    PARKED,
    REFUSE,
    STAGE_COLUMNS,
    WORDS,
    Events,
    Folded,
    Ints,
    Parked,
    Rows,
)
from processor.flows.declarations.lifecycle import KIND_OF_STATUS, KINDS, LANES, LIFECYCLE, STAGES

STATES = LIFECYCLE.states
DOCUMENTS = ("LODGE", "AMEND", "STATE", "RESTATE")
STEPS = KINDS[2:8]
FIRST, NEXT = {"LODGE", "STATE"}, {"AMEND", "RESTATE"}
"""Documents of version 1, and those of any later one."""

AT = 1_000_000
APPENDED = 2_000_000
WHEN = 1_500_000
MARKED = (500_000, 600_000)


def ints(*values: int) -> Ints:
    return np.array(values, np.int64)


def row(state: str, version: int, parked: int = 0) -> Rows:
    """One key's row. Its content is document 0."""
    absent = state == STATES[0]
    return Rows(
        state=ints(STATES.index(state)),
        version=ints(version),
        touched=ints(int(NEVER) if absent else APPENDED - 1),
        document=ints(-1 if absent else 0),
        counted=np.array([not absent and bool(LIFECYCLE.is_counted[0, STATES.index(state)])]),
        counted_at=ints(AT),
        counted_when=ints(WHEN),
        born=ints(0),
        parked=ints(parked),
        tag=ints(0 if absent else 1),
        marks=np.zeros((1, MARKS), np.int64) if absent else np.array([MARKED], np.int64),
    )


def offer(
    rows: Rows,
    kind: str,
    version: int,
    parked: Parked | None = None,
    *,
    at: int = AT + 1,
    appended: int = APPENDED,
    tag: int = 0,
) -> Folded:
    """Fold one event with content of its own (document 1) into one row."""
    events = Events(
        key=ints(0),
        kind=ints(KINDS.index(kind)),
        version=ints(version),
        at=ints(at),
        appended=ints(appended),
        ok=np.array([True]),
        group=ints(0),
        content=ints(7),
        known=ints(0),
        is_known=np.array([False]),
        document=ints(1 if kind in LIFECYCLE.documents else -1),
        tag=ints(tag),
    )
    return lifecycle.fold(LIFECYCLE, events, rows, Parked() if parked is None else parked, ints(0, 0))


def waiting(*events: tuple[str, int, int, int]) -> Parked:
    """Parked events of one key: kind, version, time and tag of each; documents bring document 1."""
    parked = Parked()
    for kind, version, at, tag in events:
        parked.add((0, KINDS.index(kind), version, at, 1 if kind in LIFECYCLE.documents else -1, tag))
    return parked


def stages(folded: Folded) -> list[dict[str, int | str]]:
    """What was applied, by STAGE_COLUMNS, with the kind by name."""
    named = [dict(zip(STAGE_COLUMNS, entry, strict=True)) for entry in folded.stages.tolist()]
    return [{**entry, "kind": KINDS[entry["kind"]]} for entry in named]


def moved(folded: Folded) -> list[dict[str, int]]:
    """What came to count and what no longer does, by CONTRIBUTION_COLUMNS."""
    return [dict(zip(CONTRIBUTION_COLUMNS, entry, strict=True)) for entry in folded.contributions.tolist()]


def same(before: Rows, after: Rows) -> bool:
    return all(np.array_equal(getattr(before, name), getattr(after, name)) for name in before.__dataclass_fields__)


def test_the_table_defines_every_state_and_kind_and_leads_to_states_it_has() -> None:
    assert LIFECYCLE.kinds == KINDS
    assert STATES[0] == "NONE"
    for state, kind in product(STATES, KINDS):
        cell = LIFECYCLE.table[state][kind]
        assert cell in WORDS or cell in STATES[1:], (state, kind)
    assert set(STATES[1:]) == {c for cells in LIFECYCLE.table.values() for c in cells.values()} - set(WORDS)


def test_what_customs_or_a_declarant_does_is_a_stage_and_what_a_sender_counts_is_none() -> None:
    assert set(STAGES) == set(KINDS) - {"STATE", "RESTATE"}
    assert len(set(STAGES.values())) == len(STAGES)
    assert set(KIND_OF_STATUS.values()) == set(STEPS) == set(KINDS) - LIFECYCLE.documents


def test_only_a_first_document_begins_anything_and_nothing_follows_a_cancellation() -> None:
    assert set(DOCUMENTS) == LIFECYCLE.documents
    assert {kind for kind in KINDS if LIFECYCLE.table["NONE"][kind] in STATES} == {"LODGE", "STATE"}
    assert set(LIFECYCLE.table["CANCELLED"].values()) == {"conflict", "refuse"}
    for state, first in product(STATES[1:], FIRST):
        assert LIFECYCLE.table[state][first] == "conflict"


def test_a_control_record_is_stated_and_stated_again_and_mixes_with_no_declaration() -> None:
    recorded = LIFECYCLE.table["RECORDED"]
    assert {kind for kind in KINDS if recorded[kind] in STATES} == {"RESTATE"}
    assert recorded["RESTATE"] == LIFECYCLE.table["NONE"]["STATE"] == "RECORDED"
    assert {LIFECYCLE.table[state]["RESTATE"] for state in STATES[1:-1]} == {"refuse"}
    assert LIFECYCLE.table["NONE"]["RESTATE"] == "park"


def test_imports_count_from_release_exports_from_clearance_and_control_records_at_once() -> None:
    assert LIFECYCLE.counted == {
        "IMPORT": {"RELEASED", "CLEARED"},
        "EXPORT": {"CLEARED"},
        "CONTROL": {"RECORDED"},
    }


def decided(state: str, current: int, kind: str, version: int) -> int:
    found = LIFECYCLE.decide(ints(STATES.index(state)), ints(current), ints(KINDS.index(kind)), ints(version))
    return int(found[0])


@pytest.mark.parametrize(("state", "kind"), [*product(STATES[1:], sorted(NEXT))])
def test_a_document_must_be_the_next_version(state: str, kind: str) -> None:
    by_table = {"park": PARK, "refuse": REFUSE}.get(LIFECYCLE.table[state][kind], APPLY)
    assert decided(state, 3, kind, 4) == by_table
    assert decided(state, 3, kind, 3) == decided(state, 3, kind, 2) == CONFLICT
    assert decided(state, 3, kind, 5) == (REFUSE if state == "CANCELLED" else PARK)


@pytest.mark.parametrize(("state", "kind"), [*product(STATES[1:], sorted(FIRST))])
def test_a_first_document_of_what_there_is_already_is_a_conflict(state: str, kind: str) -> None:
    assert decided(state, 3, kind, 1) == decided(state, 1, kind, 1) == CONFLICT


@pytest.mark.parametrize(("state", "kind"), [*product(STATES[1:], STEPS)])
def test_a_step_with_a_version_to_come_waits_unless_nothing_can_come(state: str, kind: str) -> None:
    now = decided(state, 3, kind, 3)
    assert decided(state, 3, kind, 4) == (REFUSE if state == "CANCELLED" else PARK)
    assert decided(state, 3, kind, 2) == (REFUSE if kind == "REJECT" else now)


def test_nothing_but_version_1_is_known_of_what_is_absent() -> None:
    for kind in KINDS:
        if kind in FIRST:
            assert decided("NONE", 0, kind, 1) == APPLY
        else:
            assert decided("NONE", 0, kind, 2 if kind in NEXT else 1) == PARK


VERDICTS = {APPLY: ACCEPTED, PARK: PARKED, REFUSE: ILLEGAL, CONFLICT: CLASH}


@given(st.sampled_from(STATES), st.sampled_from(KINDS), st.integers(1, 4), st.integers(0, 8), st.integers(0, 4))
def test_illegal_transitions_change_nothing(state: str, kind: str, version: int, parked: int, tag: int) -> None:
    current = 0 if state == "NONE" else 2
    version = 1 if kind in FIRST else max(version, 2) if kind in NEXT else version
    rows = row(state, current, parked)
    before = copy.deepcopy(rows)
    action = decided(state, current, kind, version)
    folded = offer(rows, kind, version, waiting(*(("CLEAR", 9 + n, AT, 3) for n in range(parked))), tag=tag)
    verdict = int(folded.verdict[0])
    assert verdict == (CROWDED if action == PARK and parked == LIFECYCLE.park_limit else VERDICTS[action])
    if verdict == ACCEPTED:
        assert STATES[folded.state[0]] == LIFECYCLE.table[state][kind]
        assert len(folded.stages) == 1
        return
    assert STATES[folded.state[0]] == state
    assert len(folded.stages) == len(folded.contributions) == 0
    if verdict == PARKED:
        assert len(folded.parked) == parked + 1
        assert folded.parked.tag[-1] == tag
        assert rows.parked[0] == parked + 1
        rows.parked[0], rows.touched[0] = before.parked[0], before.touched[0]
    else:
        assert not folded.written[0]
        assert len(folded.parked) == parked
    assert same(before, rows)


#   LODGE 1   ACCEPT   RELEASE   AMEND 2   CANCEL
#   counts at   -         R         R         -      : the moment of release, before and after the amendment
def test_an_amendment_moves_what_counts_within_the_same_moment_and_a_cancellation_takes_it_away() -> None:
    rows = row("ACCEPTED", 1)
    released = offer(rows, "RELEASE", 1)
    first = {"sign": 1, "document": 0, "at": AT + 1, "appended": APPENDED, "counted_when": APPENDED}
    assert moved(released) == [first]
    amended = offer(rows, "AMEND", 2, at=AT + 2, appended=APPENDED + 10)
    second = {"sign": 1, "document": 1, "at": AT + 1, "appended": APPENDED + 10, "counted_when": APPENDED + 10}
    assert moved(amended) == [{**first, "sign": -1, "appended": APPENDED + 10}, second]
    cancelled = offer(rows, "CANCEL", 2, at=AT + 3, appended=APPENDED + 20)
    assert moved(cancelled) == [{**second, "sign": -1, "appended": APPENDED + 20}]
    assert STATES[rows.state[0]] == "CANCELLED"
    assert not rows.counted[0]


def test_what_is_taken_away_was_added_with_the_same_document_moment_and_append_time() -> None:
    rows = row("NONE", 0)
    away: list[tuple[int, ...]] = []
    added: list[tuple[int, ...]] = []
    course = [("LODGE", 1), ("ACCEPT", 1), ("RELEASE", 1), ("AMEND", 2), ("CLEAR", 2), ("AMEND", 3), ("CANCEL", 3)]
    for n, (kind, version) in enumerate(course):
        for entry in moved(offer(rows, kind, version, at=AT + n, appended=APPENDED + 10 * n)):
            known = tuple(entry[name] for name in ("document", "at", "counted_when"))
            (added if entry["sign"] == 1 else away).append(known)
    assert len(added) == len(away) == 3
    assert added == away


def test_a_control_record_counts_from_its_first_version_and_a_restatement_replaces_it() -> None:
    rows = row("NONE", 0)
    documents = ints(LIFECYCLE.bases.index("CONTROL"), LIFECYCLE.bases.index("CONTROL"))
    told = []
    for version, at in ((1, AT), (2, AT + 5)):
        events = Events(
            key=ints(0),
            kind=ints(KINDS.index("STATE" if version == 1 else "RESTATE")),
            version=ints(version),
            at=ints(at),
            appended=ints(APPENDED),
            ok=np.array([True]),
            group=ints(0),
            content=ints(version),
            known=ints(0),
            is_known=np.array([False]),
            document=ints(version - 1),
            tag=ints(0),
        )
        told += moved(lifecycle.fold(LIFECYCLE, events, rows, Parked(), documents))
    assert [(entry["sign"], entry["document"], entry["at"]) for entry in told] == [(1, 0, AT), (-1, 0, AT), (1, 1, AT)]
    assert (STATES[rows.state[0]], int(rows.version[0])) == ("RECORDED", 2)


#   event time        1          2         3          4          5
#   event           LODGE 1   ACCEPT   REJECT    AMEND 2    ACCEPT
#   marks             1,0       1,2      1,2       1,2        1,5    : latest LODGE, latest ACCEPT
def test_a_row_keeps_the_times_of_its_latest_lodgement_and_acceptance() -> None:
    rows, seen = row("NONE", 0), []
    for at, (kind, version) in enumerate(
        [("LODGE", 1), ("ACCEPT", 1), ("REJECT", 1), ("AMEND", 2), ("ACCEPT", 2)], start=1
    ):
        (entry,) = stages(offer(rows, kind, version, at=at))
        seen.append((entry["mark_0"], entry["mark_1"]))
        assert entry["at"] == at
    assert seen == [(1, 0), (1, 2), (1, 2), (1, 2), (1, 5)]
    assert rows.marks.tolist() == [[1, 5]]


#   lane of the event   GREEN   -       RED     -         refused BLUE
#   lane after it       GREEN   GREEN   RED     RED       RED
def test_a_row_keeps_the_tag_of_its_latest_applied_event_that_has_one() -> None:
    green, red, blue = (LANES.index(lane) for lane in ("GREEN", "RED", "BLUE"))
    rows, seen = row("NONE", 0), []
    for kind, tag in (("LODGE", green), ("ACCEPT", 0), ("INSPECT", red), ("RELEASE", 0)):
        (entry,) = stages(offer(rows, kind, 1, tag=tag))
        seen.append(entry["tag"])
    assert seen == [green, green, red, red]
    assert int(offer(rows, "RELEASE", 1, tag=blue).verdict[0]) == ILLEGAL
    assert int(offer(rows, "CLEAR", 5, tag=blue).verdict[0]) == PARKED
    assert rows.tag.tolist() == [red]


#   arrives    RELEASE (parked, RED, 3)   CLEAR (parked, 4)   LODGE 1 (GREEN, 1)   ACCEPT (2)
#   applied                                                   LODGE                ACCEPT, RELEASE, CLEAR
def test_parked_events_are_applied_with_their_own_time_and_tag_and_the_append_time_of_what_let_them_in() -> None:
    green, red = LANES.index("GREEN"), LANES.index("RED")
    rows, parked = row("NONE", 0), Parked()
    for kind, at, tag in (("RELEASE", 3, red), ("CLEAR", 4, 0)):
        assert int(offer(rows, kind, 1, parked, at=at, appended=APPENDED + at, tag=tag).verdict[0]) == PARKED
    (lodged,) = stages(offer(rows, "LODGE", 1, parked, at=1, appended=APPENDED + 10, tag=green))
    assert (lodged["kind"], lodged["tag"], rows.parked.tolist()) == ("LODGE", green, [2])
    last = offer(rows, "ACCEPT", 1, parked, at=2, appended=APPENDED + 20)
    assert stages(last) == [
        {"kind": kind, "document": 1, "at": at, "appended": APPENDED + 20, "tag": tag, "mark_0": 1, "mark_1": 2}
        for kind, at, tag in (("ACCEPT", 2, green), ("RELEASE", 3, red), ("CLEAR", 4, red))
    ]
    assert moved(last) == [
        {"sign": 1, "document": 1, "at": 3, "appended": APPENDED + 20, "counted_when": APPENDED + 20}
    ]
    assert (rows.parked.tolist(), rows.marks.tolist(), rows.tag.tolist()) == ([0], [[1, 2]], [red])


def test_a_row_untouched_for_its_lifetime_counts_as_absent() -> None:
    rows = row("CLEARED", 1)
    rows.touched[0] = APPENDED - LIFECYCLE.lifetime_ms
    assert int(offer(rows, "LODGE", 1).verdict[0]) == CLASH
    rows.touched[0] = APPENDED - LIFECYCLE.lifetime_ms - 1
    folded = offer(rows, "LODGE", 1)
    assert int(folded.verdict[0]) == ACCEPTED
    assert len(folded.contributions) == 0, "what it had counted stays counted"
    (entry,) = stages(folded)
    assert (entry["tag"], entry["mark_0"], entry["mark_1"]) == (0, AT + 1, 0), "and it has neither lane nor acceptance"
