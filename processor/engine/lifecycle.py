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
MARKS = 2
"""Kinds of event whose latest time a row keeps, at most."""


@dataclass(frozen=True)
class Lifecycle:
    """What is legal. ``table[state][kind]`` is the new state, or ``park``, ``refuse`` or ``conflict``; the first state
    is "no such key". Kinds in ``documents`` bring content and a version: theirs must be the next. Kinds in ``exact``
    concern the present version only. ``counted[basis]`` are the states in which a document of that basis counts.
    A row keeps the time of the latest event of each kind in ``marked`` (MARKS of them at most). ``pointers``: where a
    finding about an illegal transition points, for other kinds and for documents.
    """

    table: Mapping[str, Mapping[str, str]]
    documents: frozenset[str]
    exact: frozenset[str]
    counted: Mapping[str, frozenset[str]]
    marked: tuple[str, ...] = ()
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
    def mark_of(self) -> Ints:
        """[kind] -> which of a row's marks it sets, -1 for none."""
        return np.array([self.marked.index(kind) if kind in self.marked else -1 for kind in self.kinds])

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
    index of the content it brings, -1 for none; ``tag``: a small number of the flow's own that the row is to keep, 0
    for none. Times in ms.
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
    tag: Ints


@dataclass
class Rows:
    """Register rows by key index, as loaded and then as folded. ``document``: index of the present content or -1;
    ``counted_at``: the moment it came to count, and ``counted_when``: the append time by which its present content
    did, valid where ``counted``; ``touched``: append time of the last event that took effect (NEVER where there is no
    row); ``born``: append time before which everything stored has expired; ``tag``: the latest of an applied event, 0
    for none; ``marks``: (rows, MARKS), the latest times of marked kinds, 0 for none.
    """

    state: Ints
    version: Ints
    touched: Ints
    document: Ints
    counted: Bools
    counted_at: Ints
    counted_when: Ints
    born: Ints
    parked: Ints
    tag: Ints
    marks: Ints


@dataclass(frozen=True)
class Applied:
    """Events of different keys as they are applied, in columns (see ``Events``). ``appended``: when what applies them
    was appended: the event itself, or, of a parked one, that which let it in.
    """

    key: Ints
    kind: Ints
    version: Ints
    at: Ints
    document: Ints
    tag: Ints
    appended: Ints


@dataclass
class Parked:
    """Parked events, oldest first per key; ``alive`` until applied, lapsed or expired."""

    key: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    version: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    document: list[int] = field(default_factory=list)
    tag: list[int] = field(default_factory=list)
    alive: list[bool] = field(default_factory=list)

    def add(self, event: tuple[int, int, int, int, int, int]) -> None:
        """One more: its key, kind, version, at, document and tag."""
        columns = (self.key, self.kind, self.version, self.at, self.document, self.tag)
        for column, value in zip(columns, event, strict=True):
            column.append(value)
        self.alive.append(True)

    def __len__(self) -> int:
        return len(self.alive)


@dataclass
class Folded:
    """What a fold gave. Per event: ``verdict`` and ``state`` after it. ``stages``: STAGE_COLUMNS of each applied event;
    ``contributions``: CONTRIBUTION_COLUMNS of what came to count and what no longer does; the key of each in
    ``stage_keys`` and ``contribution_keys``. ``written``: keys whose row changed; ``rows``, ``parked``: as folded.
    """

    verdict: Ints
    state: Ints
    stages: Ints
    stage_keys: Ints
    contributions: Ints
    contribution_keys: Ints
    written: Bools
    rows: Rows
    parked: Parked


STAGE_COLUMNS = ("kind", "document", "at", "appended", "tag", "mark_0", "mark_1")
"""Of an applied event: its kind, the content after it, its time, what appended it, and the row's tag and marks."""
CONTRIBUTION_COLUMNS = ("sign", "document", "at", "appended", "counted_when")
"""What content counts (1) or no longer (-1), the moment it counts at, and when it came to (``Rows``)."""


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
        self.stages: list[Ints] = [np.zeros((0, len(STAGE_COLUMNS)), np.int64)]
        self.contributions: list[Ints] = [np.zeros((0, len(CONTRIBUTION_COLUMNS)), np.int64)]
        self.stage_keys: list[Ints] = [np.zeros(0, np.int64)]
        self.contribution_keys: list[Ints] = [np.zeros(0, np.int64)]

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
        return Folded(
            self.verdict,
            self.after,
            np.concatenate(self.stages),
            np.concatenate(self.stage_keys),
            np.concatenate(self.contributions),
            np.concatenate(self.contribution_keys),
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
        columns = (ev.key, ev.kind, ev.version, ev.at, ev.document, ev.tag)
        for event in zip(*(column[park].tolist() for column in columns), strict=True):
            self.parked.add(event)
        rows.parked[ev.key[park]] += 1
        apply = e[verdict == ACCEPTED]
        taken = Applied(*(column[apply] for column in (*columns, ev.appended)))
        self.apply(taken)
        self.after[e] = rows.state[k]
        self.settle(dict(zip(taken.key.tolist(), taken.appended.tolist(), strict=True)))

    def expire(self, k: Ints, appended: Ints) -> None:
        """Rows untouched for longer than their lifetime count as absent; what they had counted stays counted."""
        rows = self.rows
        old = appended - rows.touched[k] > self.life.lifetime_ms
        if not old.any():
            return
        gone = k[old]
        rows.state[gone] = rows.version[gone] = rows.parked[gone] = rows.tag[gone] = 0
        rows.marks[gone] = 0
        rows.document[gone] = -1
        rows.counted[gone] = False
        rows.born[gone] = appended[old]
        rows.touched[gone] = NEVER
        dead = set(gone.tolist())
        self.parked.alive = [a and key not in dead for a, key in zip(self.parked.alive, self.parked.key, strict=True)]

    def apply(self, taken: Applied) -> None:
        """Take one legal event for each of different keys, and note what it adds and takes away."""
        if not len(taken.key):
            return
        rows, life, k, appended = self.rows, self.life, taken.key, taken.appended
        before, old, since, when = rows.counted[k], rows.document[k], rows.counted_at[k], rows.counted_when[k]
        rows.state[k] = life.next_state[rows.state[k], taken.kind]
        brings = life.is_document[taken.kind]
        rows.document[k[brings]] = taken.document[brings]
        rows.version[k[brings]] = taken.version[brings]
        rows.tag[k] = np.where(taken.tag, taken.tag, rows.tag[k])
        mark = life.mark_of[taken.kind]
        marked = mark >= 0
        rows.marks[k[marked], mark[marked]] = taken.at[marked]
        new = rows.document[k]
        now = life.is_counted[self.basis[new], rows.state[k]]
        moment = np.where(before, since, taken.at)
        away, added = before & (~now | brings), now & (~before | brings)
        rows.counted[k] = now
        rows.counted_at[k] = moment
        rows.counted_when[k[added]] = appended[added]
        self.contributions.append(_signed(-1, away, old, since, appended, when))
        self.contributions.append(_signed(1, added, new, moment, appended, appended))
        self.contribution_keys += k[away], k[added]
        self.stages.append(np.column_stack([taken.kind, new, taken.at, appended, rows.tag[k], rows.marks[k]]))
        self.stage_keys.append(k)
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
            at, document, tag = (
                np.array(column, np.int64)[waiting[chosen]] for column in (parked.at, parked.document, parked.tag)
            )
            appended = np.array([trigger[key] for key in k[chosen].tolist()], np.int64)
            self.apply(Applied(k[chosen], kind[chosen], version[chosen], at, document, tag, appended))


def _signed(sign: int, where: Bools, *columns: Ints) -> Ints:
    """CONTRIBUTION_COLUMNS of some."""
    return np.column_stack([np.full(int(where.sum()), sign), *(column[where] for column in columns)])


def fold(life: Lifecycle, events: Events, rows: Rows, parked: Parked, basis: Ints) -> Folded:
    """Apply ``events`` to ``rows``, in place. ``basis``: index into ``life.bases`` of every document."""
    return _Fold(life, events, rows, parked, basis).run()
