"""Logs as hypothesis draws them: a few declarations, every kind of event in any order, at the worst moments.

A log is built from a list of moves, each a plain value that can be dropped or made simpler without the others, so a
failing log shrinks to the few moves that matter.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.events import Raw, Record, at, declaration, item, log, number, raw, status
from tests.mangle import mangled
from tests.oracle_decode import LogRecord
from tests.spoils import DECLARATION_SPOILS, STATUS_SPOILS, Spoil

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
NUMBERS = (number(1), number(2, flow="EXPORT"), "04025-25-1234567", number(3, office="4240"))
COURSE = ("LODGE", "ACCEPTED", "INSPECTED", "RELEASED", "AMEND", "CLEARED", "AMEND", "CANCELLED")
STATUSES = ("ACCEPTED", "INSPECTED", "RELEASED", "CLEARED", "REJECTED", "CANCELLED")
EDGES = (
    at("2025-03-01T00:00+08:00"),
    at("2025-03-01T00:00+09:00"),
    at("2025-03-01T00:00+00:00"),
    at("2024-02-29T00:00+08:00"),
    at("2026-01-01T00:00+08:00"),
    at("2026-01-01T00:00+09:00"),
    at("2026-01-01T00:00+00:00"),
)
"""First instants of days, months and years in Shanghai, Seoul and UTC."""

VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"items": [item(total=90_000)]},
    {"partner_country": "UZ"},
    {"currency": "CNY"},
    {"items": [item(), item(2, "2701120000", 4_000, net_mass=None)]},
    {"items": [item(), item(2, "8703600000", 25_000, net_mass=25_000)]},
    {"items": [item(commodity_code="0101210000", total=0, net_mass=None)]},
    {"flow": "EXPORT"},
    {"flow": "IMPORT"},
    {"jurisdiction": "KR"},
    {"jurisdiction": "KR", "declaration_office": "030", "flow": "EXPORT"},
    {"transport_mode": "3"},
)
"""Contents of a declaration; all but the last without a remark, if number and jurisdiction allow them."""


@dataclass(frozen=True)
class When:
    """An event time: `offset` ms after its record is appended, or after an edge."""

    offset: int
    edge: int | None = None


@dataclass(frozen=True)
class Next:
    """The next event of the usual course of declaration `key`."""

    key: int
    variant: int = 0


@dataclass(frozen=True)
class Declare:
    """Any version of declaration `key`. Equal `salt` and version make an equal identity."""

    key: int
    version: int
    salt: int
    variant: int
    spoil: Spoil


@dataclass(frozen=True)
class Step:
    """Any status of declaration `key`."""

    key: int
    step: str
    version: int
    salt: int
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
    what: Next | Declare | Step | Again | Bytes
    when: When


def _any(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


_keys = st.integers(0, 2)
_versions = _any(1, 2, 2, 3, 3, 4, 5)
_salts = _any(0, 1, 2, 3, 4, 5, 6, 7)
_variants = st.integers(0, len(VARIANTS) - 1)
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
_again_changes = _any({}, {}, {"sent_at": 5}, {"synthetic": False}, {"revision": 2}, {"event_time": 1_740_000_000_000})
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
_whats = st.one_of(
    st.builds(Next, _keys),
    st.builds(Next, _keys, _variants),
    st.builds(Declare, _keys, _versions, _salts, _variants, _rarely),
    st.builds(Step, _keys, _any(*STATUSES), _any(1, 1, 1, 2, 2, 3), _salts, _rarely_status),
    st.builds(Again, st.integers(1, 8), _again_changes, st.booleans()),
    st.builds(Bytes, _keys, _manglings),
)
_orderly = st.one_of(st.builds(Next, _keys), st.builds(Next, _keys, _variants), _whats)
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
            entry: Record | Raw = mangled(_usual(keys[what.key % len(keys)], 0, 0, event_time), what.how)
        elif isinstance(what, Again):
            record = (said[-min(what.back, len(said))] if said else _usual(keys[0], 0, 0, event_time)) | what.changes
            entry = raw(record, confluent=what.confluent)
        else:
            entry = _event(what, keys[what.key % len(keys)], courses, event_time)
            said.append(entry)
        entries.append((entry, now))
    return log(entries)


def _later(now: int, gap: int | Expiry, said: list[Record]) -> int:
    if isinstance(gap, int):
        return now + gap
    told = said[-min(gap.back, len(said))]["event_time"] if said else now
    expiry = told // MINUTE * MINUTE + 2 * DAY + gap.offset
    return int(expiry) if now < expiry < now + 31 * DAY else now


def _event(what: Next | Declare | Step, key: str, courses: dict[str, int], event_time: int) -> Record:
    if isinstance(what, Next):
        courses[key] += 1
        return _usual(key, courses[key] - 1, what.variant, event_time)
    if isinstance(what, Declare):
        return _declaration(key, what.version, what.salt, what.variant, event_time) | what.spoil.changes
    made = status(key, what.step, what.version, event_time=event_time)
    return made | {"event_id": f"{made['event_id']}/{what.salt}"} | what.spoil.changes


def _usual(key: str, place: int, variant: int, event_time: int) -> Record:
    """The event at a place of the usual course; after its end, amendments without end."""
    step = COURSE[place] if place < len(COURSE) else "AMEND"
    version = 1 + sum(s == "AMEND" for s in COURSE[: place + 1]) + max(0, place + 1 - len(COURSE))
    if step in {"LODGE", "AMEND"}:
        return _declaration(key, version, 0, variant, event_time)
    return status(key, step, version, event_time=event_time)


def _declaration(key: str, version: int, salt: int, variant: int, event_time: int) -> Record:
    korean = {} if key.isdigit() else {"jurisdiction": "KR", "declaration_office": "040", "flow": "IMPORT"}
    office = {"declaration_office": key[:4]} if key.isdigit() else {}
    identity = {"event_id": f"{key}/v{version}" + (f"/{salt}" if salt else "")}
    return declaration(key, version, event_time=event_time, **office | korean | VARIANTS[variant] | identity)
