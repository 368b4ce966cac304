"""The lifecycle of one key, as a table, and the fold of many keys at once.

The events of a key are applied in log order: round n takes the n-th event of every key that has one, and each round is
a handful of array operations. Between rounds, parked events whose time has come are applied, oldest first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

APPLY, PARK, REFUSE, CONFLICT = range(4)
WORDS = {"park": PARK, "refuse": REFUSE, "conflict": CONFLICT}

ACCEPTED, PARKED, ILLEGAL, CLASH, DUPLICATE, REUSED, BROKEN, CROWDED = range(8)
"""What became of an event: applied; parked; refused by the table; its version is held already; seen before; its
identity was used with other content; refused by a rule; refused because too much is parked."""

NEVER = np.int64(2**62)


@dataclass(frozen=True)
class Lifecycle:
    """What is legal. ``table[state][kind]`` is the new state, or ``park``, ``refuse`` or ``conflict``; the first state
    is "no such key". Kinds in ``documents`` bring content and a version: theirs must be the next. Kinds in ``exact``
    concern the present version only. ``counted[basis]`` are the states in which a document of that basis counts.
    ``pointers``: where a finding about an illegal transition points, for other kinds and for documents.
    """

    table: Mapping[str, Mapping[str, str]]
    documents: frozenset[str]
    exact: frozenset[str]
    counted: Mapping[str, frozenset[str]]
    pointers: tuple[str, str] = ("/status", "/version")
    park_limit: int = 8
    lifetime_ms: int = 1100 * 86_400_000

    @cached_property
    def states(self) -> tuple[str, ...]:
        return tuple(self.table)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        return tuple(next(iter(self.table.values())))

    @cached_property
    def bases(self) -> tuple[str, ...]:
        return tuple(self.counted)

    @cached_property
    def action(self) -> Ints:
        """[state, kind] -> APPLY, PARK, REFUSE or CONFLICT."""
        return np.array([[WORDS.get(self.table[s][k], APPLY) for k in self.kinds] for s in self.states])

    @cached_property
    def next_state(self) -> Ints:
        """[state, kind] -> index of the new state (0 where there is none)."""
        place = {state: index for index, state in enumerate(self.states)}
        return np.array([[place.get(self.table[s][k], 0) for k in self.kinds] for s in self.states])

    @cached_property
    def is_final(self) -> Bools:
        """[state] -> whether nothing can follow."""
        final: Bools = ~(self.action == APPLY).any(axis=1)
        return final

    @cached_property
    def is_counted(self) -> Bools:
        """[basis, state] -> whether a document counts."""
        return np.array([[s in self.counted[b] for s in self.states] for b in self.bases])

    @cached_property
    def is_document(self) -> Bools:
        return np.array([kind in self.documents for kind in self.kinds])

    @cached_property
    def is_exact(self) -> Bools:
        return np.array([kind in self.exact for kind in self.kinds])

    def decide(self, state: Ints, current: Ints, kind: Ints, version: Ints) -> Ints:
        """The action for events of ``kind`` and ``version`` on keys in ``state`` at version ``current``."""
        action = self.action[state, kind].copy()
        document = self.is_document[kind]
        ahead = np.where(document, version > current + 1, version > current)
        action[document & (version <= current)] = CONFLICT
        action[ahead & ~self.is_final[state]] = PARK
        action[self.is_exact[kind] & (version < current)] = REFUSE
        return action


@dataclass
class Events:
    """Events in log order. ``key``: dense index of the key; ``group``: index of the first event of the batch with the
    same key and identity; ``known``: content hash stored for that identity, valid where ``is_known``; ``document``:
    index of the content it brings, -1 for none. Times in ms.
    """

    key: Ints
    kind: Ints
    version: Ints
    at: Ints
    appended: Ints
    ok: Bools
    group: Ints
    content: Ints
    known: Ints
    is_known: Bools
    document: Ints


@dataclass
class Rows:
    """Register rows by key index, as loaded and then as folded. ``document``: index of the present content or -1;
    ``counted_at``: the moment it came to count, valid where ``counted``; ``touched``: append time of the last event
    that took effect (NEVER where there is no row); ``born``: append time before which everything stored has expired.
    """

    state: Ints
    version: Ints
    touched: Ints
    document: Ints
    counted: Bools
    counted_at: Ints
    born: Ints
    parked: Ints


@dataclass
class Parked:
    """Parked events, oldest first per key; ``alive`` until applied, lapsed or expired."""

    key: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    version: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    document: list[int] = field(default_factory=list)
    alive: list[bool] = field(default_factory=list)

    def add(self, key: int, kind: int, version: int, at: int, document: int) -> None:
        for column, value in zip(
            (self.key, self.kind, self.version, self.at, self.document), (key, kind, version, at, document), strict=True
        ):
            column.append(value)
        self.alive.append(True)


@dataclass
class Folded:
    """What a fold gave. Per event: ``verdict`` and ``state`` after it. ``stages``: (kind, document, at, appended) of
    each applied event; ``contributions``: (sign, document, at, appended) to what counts. ``written``: keys whose row
    changed. ``rows`` and ``parked`` are as folded.
    """

    verdict: Ints
    state: Ints
    stages: Ints
    contributions: Ints
    written: Bools
    rows: Rows
    parked: Parked


class _Fold:
    def __init__(self, life: Lifecycle, events: Events, rows: Rows, parked: Parked, basis: Ints) -> None:
        self.life, self.events, self.rows, self.parked, self.basis = life, events, rows, parked, basis
        n = len(events.key)
        self.verdict = np.zeros(n, np.int64)
        self.after = np.zeros(n, np.int64)
        self.occupied_at = np.full(n, -1, np.int64)
        self.occupied_by = np.zeros(n, np.int64)
        self.written = np.zeros(len(rows.state), np.bool_)
        self.retry = np.zeros(len(rows.state), np.bool_)
        self.stages: list[Ints] = []
        self.contributions: list[Ints] = []

    def run(self) -> Folded:
        key = self.events.key
        order = np.argsort(key, kind="stable")
        counts = np.bincount(key, minlength=len(self.rows.state))
        first = np.cumsum(counts) - counts
        active = np.nonzero(counts)[0]
        taken = 0
        while len(active):
            self.round(order[first[active] + taken])
            taken += 1
            active = active[counts[active] > taken]
        nothing = np.zeros((0, 4), np.int64)
        return Folded(
            self.verdict,
            self.after,
            np.concatenate(self.stages) if self.stages else nothing,
            np.concatenate(self.contributions) if self.contributions else nothing,
            self.written,
            self.rows,
            self.parked,
        )

    def round(self, e: Ints) -> None:
        """One event each of different keys."""
        ev, rows = self.events, self.rows
        k, appended = ev.key[e], ev.appended[e]
        self.expire(k, appended)
        group = ev.group[e]
        here = self.occupied_at[group] >= rows.born[k]
        stored = ev.is_known[e] & (rows.born[k] == 0)
        seen = here | stored
        same = np.where(here, self.occupied_by[group], ev.known[e]) == ev.content[e]
        action = self.life.decide(rows.state[k], rows.version[k], ev.kind[e], ev.version[e])
        crowded = (action == PARK) & (rows.parked[k] >= self.life.park_limit)
        verdict = np.select(
            [seen & same, seen, ~ev.ok[e], crowded],
            [DUPLICATE, REUSED, BROKEN, CROWDED],
            np.array([0, 1, 2, 3])[action],
        )
        self.verdict[e] = verdict
        keep = (verdict == ACCEPTED) | (verdict == PARKED)
        self.occupied_at[group[keep]] = appended[keep]
        self.occupied_by[group[keep]] = ev.content[e[keep]]
        rows.touched[k[keep]] = appended[keep]
        self.written[k[keep]] = True
        park = e[verdict == PARKED]
        for i in park.tolist():
            self.parked.add(ev.key[i], ev.kind[i], ev.version[i], ev.at[i], ev.document[i])
        rows.parked[ev.key[park]] += 1
        apply = e[verdict == ACCEPTED]
        self.apply(
            ev.key[apply], ev.kind[apply], ev.version[apply], ev.at[apply], ev.document[apply], ev.appended[apply]
        )
        self.after[e] = rows.state[k]
        self.settle(dict(zip(ev.key[apply].tolist(), ev.appended[apply].tolist(), strict=True)))

    def expire(self, k: Ints, appended: Ints) -> None:
        """Rows untouched for longer than their lifetime count as absent; what they had counted stays counted."""
        rows = self.rows
        old = appended - rows.touched[k] > self.life.lifetime_ms
        if not old.any():
            return
        gone = k[old]
        rows.state[gone] = rows.version[gone] = rows.parked[gone] = 0
        rows.document[gone] = -1
        rows.counted[gone] = False
        rows.born[gone] = appended[old]
        rows.touched[gone] = NEVER
        dead = set(gone.tolist())
        self.parked.alive = [a and key not in dead for a, key in zip(self.parked.alive, self.parked.key, strict=True)]

    def apply(self, k: Ints, kind: Ints, version: Ints, at: Ints, document: Ints, appended: Ints) -> None:
        """Take one legal event for each of the different keys ``k``, and note what it adds and takes away."""
        if not len(k):
            return
        rows, life = self.rows, self.life
        before, old, since = rows.counted[k], rows.document[k], rows.counted_at[k]
        rows.state[k] = life.next_state[rows.state[k], kind]
        brings = life.is_document[kind]
        rows.document[k[brings]] = document[brings]
        rows.version[k[brings]] = version[brings]
        new = rows.document[k]
        now = life.is_counted[self.basis[new], rows.state[k]]
        moment = np.where(before, since, at)
        rows.counted[k] = now
        rows.counted_at[k] = moment
        away, added = before & (~now | brings), now & (~before | brings)
        self.contributions.append(_entries(np.int64(-1), old, since, appended, away))
        self.contributions.append(_entries(np.int64(1), new, moment, appended, added))
        self.stages.append(np.stack([kind, new, at, appended], 1))
        self.retry[k] = rows.parked[k] > 0
        self.written[k] = True

    def settle(self, trigger: Mapping[int, int]) -> None:
        """Apply parked events that have become legal, oldest first; those met before it that no longer can be lapse."""
        while self.retry.any():
            parked, rows = self.parked, self.rows
            waiting = np.array([i for i, k in enumerate(parked.key) if parked.alive[i] and self.retry[k]], np.int64)
            k = np.array(parked.key, np.int64)[waiting]
            kind = np.array(parked.kind, np.int64)[waiting]
            version = np.array(parked.version, np.int64)[waiting]
            action = self.life.decide(rows.state[k], rows.version[k], kind, version)
            legal = np.nonzero(action == APPLY)[0]
            _, oldest = np.unique(k[legal], return_index=True)
            chosen = legal[oldest]
            until = np.full(len(rows.state), len(k))
            until[k[chosen]] = chosen
            lapsed = ((action == REFUSE) | (action == CONFLICT)) & (np.arange(len(k)) < until[k])
            leaving = np.concatenate([np.nonzero(lapsed)[0], chosen])
            for i in waiting[leaving].tolist():
                parked.alive[i] = False
            np.subtract.at(rows.parked, k[leaving], 1)
            self.retry[:] = False
            at = np.array(parked.at, np.int64)[waiting[chosen]]
            document = np.array(parked.document, np.int64)[waiting[chosen]]
            appended = np.array([trigger[key] for key in k[chosen].tolist()], np.int64)
            self.apply(k[chosen], kind[chosen], version[chosen], at, document, appended)


def _entries(sign: np.int64, document: Ints, at: Ints, appended: Ints, where: Bools) -> Ints:
    n = int(where.sum())
    return np.stack([np.full(n, sign), document[where], at[where], appended[where]], 1)


def fold(life: Lifecycle, events: Events, rows: Rows, parked: Parked, basis: Ints) -> Folded:
    """Apply ``events`` to ``rows``, in place. ``basis``: index into ``life.bases`` of every document."""
    return _Fold(life, events, rows, parked, basis).run()
