"""Logs as hypothesis draws them: a few declarations, every kind of event in any order, at the worst moments.

A log is built from a list of moves, each a plain value that can be dropped or made simpler without the others, so a
failing log shrinks to the few moves that matter.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.contents import CONTROLS, EDGES, GOODS, HEADERS, LANES, PLAIN, Content
from tests.events import Raw, Record, control, declaration, log, number, raw, status
from tests.mangle import mangled
from tests.oracle_decode import LogRecord
from tests.spoils import CONTROL_SPOILS, DECLARATION_SPOILS, STATUS_SPOILS, Spoil

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
NUMBERS = (
    number(1),
    number(2, flow="EXPORT"),
    "04025-25-1234567",
    number(3, office="4240"),
    number(4, flow="EXPORT"),
    "AGENT-1/2025-03-01",
)
"""The last is also that of a control record."""

COURSE = ("LODGE", "ACCEPTED", "INSPECTED", "RELEASED", "AMEND", "CLEARED", "AMEND", "CANCELLED")
STATUSES = ("ACCEPTED", "INSPECTED", "RELEASED", "CLEARED", "REJECTED", "CANCELLED")


@dataclass(frozen=True)
class When:
    """An event time: `offset` ms after its record is appended, or after an edge."""

    offset: int
    edge: int | None = None


@dataclass(frozen=True)
class Next:
    """The next events of the usual course of declaration `key`, a second apart."""

    key: int
    content: Content = PLAIN
    steps: int = 1


@dataclass(frozen=True)
class Declare:
    """Any version of declaration `key`. Equal `salt` and version make an equal identity."""

    key: int
    version: int
    salt: int
    content: Content
    spoil: Spoil


@dataclass(frozen=True)
class Step:
    """Any status of declaration `key`."""

    key: int
    step: str
    version: int
    salt: int
    lane: str
    spoil: Spoil


@dataclass(frozen=True)
class State:
    """Any version of a sender's count of a day."""

    sender: str
    day: str
    version: int
    salt: int
    said: int
    spoil: Spoil


@dataclass(frozen=True)
class Again:
    """The event `back` events ago, with changes, perhaps in the other framing."""

    back: int
    changes: dict[str, Any]
    confluent: bool


@dataclass(frozen=True)
class Bytes:
    """The value of a valid event of declaration `key`, mangled; or bytes as drawn."""

    key: int
    how: tuple[Any, ...]


@dataclass(frozen=True)
class Expiry:
    """Until 48 hours after the minute of the event `back` events ago, and `offset` ms more, unless that is past."""

    back: int
    offset: int


@dataclass(frozen=True)
class Move:
    """`gap` ms pass on the broker's clock, then something is appended."""

    gap: int | Expiry
    what: Next | Declare | Step | State | Again | Bytes
    when: When


def _any(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


_keys = st.integers(0, 2)
_versions = _any(1, 2, 2, 3, 3, 4, 5)
_salts = _any(0, 1, 2, 3, 4, 5, 6, 7)
_headers = st.lists(st.integers(0, len(HEADERS) - 1), max_size=4).map(tuple)
_contents = st.builds(Content, st.integers(0, len(GOODS) - 1), _headers)
_gaps = st.one_of(
    _any(0, 0, SECOND, SECOND, MINUTE, HOUR),
    _any(0, 1, SECOND, MINUTE - 1, 6 * HOUR, DAY, 2 * DAY - MINUTE, 2 * DAY - 1, 2 * DAY, 2 * DAY + 1, 31 * DAY),
)
_expiries = st.builds(Expiry, st.integers(1, 4), _any(0, -1, 1))
_lifetimes = _any(1100 * DAY - 1, 1100 * DAY, 1100 * DAY + 1, 1101 * DAY)
_rare_gaps = st.one_of(*[_gaps] * 10, _expiries, _expiries, _lifetimes)
_ago = _any(0, -1, -SECOND, -MINUTE, -HOUR, -DAY, MINUTE - 2 * DAY, -2 * DAY, 1 - 2 * DAY, -2 * DAY - 1, -40 * DAY)
_ahead = _any(SECOND, 15 * MINUTE, 15 * MINUTE + 1, DAY)
_around = _any(0, -1, 1, -MINUTE, MINUTE - 1, MINUTE, HOUR, -HOUR)
_moments = st.one_of(
    st.builds(When, st.one_of(_any(0, -SECOND), _ago, _ahead)),
    st.builds(When, _around, st.integers(0, len(EDGES) - 1)),
)
_rarely = st.one_of(*[st.just(Spoil({}))] * 3, st.sampled_from(DECLARATION_SPOILS))
_rarely_status = st.one_of(*[st.just(Spoil({}))] * 3, st.sampled_from(STATUS_SPOILS))
_rarely_control = st.one_of(*[st.just(Spoil({}))] * 3, st.sampled_from(CONTROL_SPOILS))
_again_changes = _any(
    {},
    {},
    {"sent_at": 5, "sender_sequence": 99},
    {"synthetic": False},
    {"revision": 2},
    {"event_time": 1_740_000_000_000},
)
_manglings = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, 400)),
    st.tuples(st.just("append"), st.binary(min_size=1, max_size=12)),
    st.tuples(st.just("flip"), st.integers(0, 400), st.integers(1, 255)),
    st.tuples(st.just("insert"), st.integers(0, 400), st.binary(min_size=1, max_size=12)),
    st.tuples(st.just("blocks"), st.integers(1, 3)),
    st.tuples(st.just("long varint"), st.integers(1, 12)),
    st.tuples(st.just("header"), _any("confluent", "unknown fingerprint", "unknown id", "receipt", "json", "half")),
    st.tuples(st.just("key"), _any(None, b"", b"another", b"\xff")),
    st.tuples(st.just("partition"), st.integers(0, 7)),
    st.tuples(st.just("value"), st.one_of(st.none(), st.binary(max_size=64))),
    st.tuples(st.just("body"), st.binary(max_size=64)),
)
_nexts = st.builds(Next, _keys, _contents, _any(1, 1, 4, 6))
_declares = st.builds(Declare, _keys, _versions, _salts, _contents, _rarely)
_steps = st.builds(Step, _keys, _any(*STATUSES), _any(1, 1, 1, 2, 2, 3), _salts, _any(*LANES), _rarely_status)
_states = st.builds(
    State,
    _any("AGENT-1", "AGENT-1", "CUSTOMS"),
    _any("2025-03-01", "2025-03-01", "2026-01-01"),
    _any(1, 1, 2, 3, 4),
    _any(0, 0, 1),
    st.integers(0, len(CONTROLS) - 1),
    _rarely_control,
)
_whats = st.one_of(
    st.builds(Next, _keys),
    _nexts,
    _declares,
    _steps,
    _states,
    st.builds(Again, st.integers(1, 8), _again_changes, st.booleans()),
    st.builds(Bytes, _keys, _manglings),
)
_orderly = st.one_of(
    st.builds(Next, _keys), st.builds(Next, _keys, _contents), st.builds(Next, _keys, _contents), _whats
)
moves = st.builds(Move, _gaps, _whats, _moments)
_courses = st.builds(Move, _rare_gaps, _orderly, _moments)


def logs(max_size: int = 40) -> st.SearchStrategy[list[LogRecord]]:
    """Logs of one to three declarations: append times never go back, offsets are gapless in each partition."""
    parts = [st.lists(kind, max_size=max_size // 4) for kind in (_courses, _courses, moves, _courses)]
    drawn = st.tuples(*parts).map(lambda lists: [move for part in lists for move in part])
    keys = st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3, unique=True)
    starts = st.sampled_from(EDGES).flatmap(lambda edge: _around.map(lambda ms: edge + ms))
    return st.builds(build, keys, starts, drawn)


def payloads() -> st.SearchStrategy[LogRecord]:
    """One record of the log: valid, refused, mangled or random; for what looks at one record at a time."""
    return st.builds(lambda move: build([*NUMBERS[:3]], EDGES[0], [move])[0], moves)


def build(keys: list[str], start: int, drawn: list[Move]) -> list[LogRecord]:
    """The log that moves make of declarations `keys`, from `start` (ms) on the broker's clock."""
    now = start
    courses = dict.fromkeys(keys, 0)
    said: list[Record] = []
    entries: list[tuple[Record | Raw, int]] = []
    for move in drawn:
        now = _later(now, move.gap, said)
        event_time = (now if move.when.edge is None else EDGES[move.when.edge]) + move.when.offset
        what = move.what
        if isinstance(what, Bytes):
            entry: Record | Raw = mangled(_usual(keys[what.key % len(keys)], 0, PLAIN, event_time), what.how)
        elif isinstance(what, Again):
            record = said[-min(what.back, len(said))] if said else _usual(keys[0], 0, PLAIN, event_time)
            entry = raw(record | what.changes, confluent=what.confluent)
        else:
            steps = range(what.steps) if isinstance(what, Next) else range(1)
            made = [_event(what, keys, courses, event_time + step * SECOND, len(said) + step) for step in steps]
            said += made
            *first, entry = made
            entries += [(record, now) for record in first]
        entries.append((entry, now))
    return log(entries)


def _later(now: int, gap: int | Expiry, said: list[Record]) -> int:
    if isinstance(gap, int):
        return now + gap
    told = said[-min(gap.back, len(said))]["event_time"] if said else now
    expiry = told // MINUTE * MINUTE + 2 * DAY + gap.offset
    return int(expiry) if now < expiry < now + 31 * DAY else now


def _event(
    what: Next | Declare | Step | State, keys: list[str], courses: dict[str, int], event_time: int, place: int
) -> Record:
    """The event of a move, at its place in the log; a spoil may change anything of it."""
    envelope = {"sent_at": event_time, "sender_sequence": place % 5}
    if isinstance(what, State):
        made = control(what.sender, what.day, what.version, event_time=event_time, **CONTROLS[what.said])
        return made | {"event_id": f"{made['event_id']}/{what.salt}"} | envelope | what.spoil.changes
    key = keys[what.key % len(keys)]
    if isinstance(what, Next):
        courses[key] += 1
        return _usual(key, courses[key] - 1, what.content, event_time) | envelope
    if isinstance(what, Declare):
        return _declaration(key, what.version, what.salt, what.content, event_time) | envelope | what.spoil.changes
    made = status(key, what.step, what.version, event_time=event_time, lane=what.lane)
    return made | {"event_id": f"{made['event_id']}/{what.salt}"} | envelope | what.spoil.changes


def _usual(key: str, place: int, content: Content, event_time: int) -> Record:
    """The event at a place of the usual course; after its end, amendments without end."""
    step = COURSE[place] if place < len(COURSE) else "AMEND"
    version = 1 + sum(s == "AMEND" for s in COURSE[: place + 1]) + max(0, place + 1 - len(COURSE))
    if step in {"LODGE", "AMEND"}:
        return _declaration(key, version, 0, content, event_time)
    return status(key, step, version, event_time=event_time, lane=LANES[content.goods % len(LANES)])


def _declaration(key: str, version: int, salt: int, content: Content, event_time: int) -> Record:
    korean = {} if key.isdigit() else {"jurisdiction": "KR", "declaration_office": "040", "flow": "IMPORT"}
    office = {"declaration_office": key[:4]} if key.isdigit() else {}
    identity = {"event_id": f"{key}/v{version}" + (f"/{salt}" if salt else "")}
    return declaration(key, version, event_time=event_time, **office | korean | content.fields() | identity)
