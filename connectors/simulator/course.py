"""The course of one declaration: its events and what goes wrong with them, as records of the log with their times."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from connectors.simulator import world
from connectors.simulator.declarations import Writer
from connectors.simulator.drafts import Draft, Entry, foresee
from connectors.simulator.faults import breaks, warns
from connectors.simulator.layout import Record
from connectors.simulator.parts import pick

HOUR = 3_600_000
MINUTE = 60_000

EVENTS_PER_DECLARATION = 4.3
"""About how many records a declaration makes: turns a share of records into a chance per declaration."""

FAULTS_ON_CONTENT = 0.6
CONTENT_SHARE = 0.26
"""Of the records with errors, 60 % are declarations, which are about 26 % of all records."""

INSPECTED = {"RED": 1.0, "YELLOW": 0.25}
"""By lane; about 8 % of all."""

REJECTED = 0.015
CORRECTED = 0.5
IN_A_ROW = 0.3
LONGEST_GAP = 8 * HOUR
MEAN_GAP = 2 * HOUR

ILLEGAL = {
    "LODGE": (),
    "ACCEPT": ("ACCEPT",),
    "INSPECT": ("ACCEPT", "INSPECT"),
    "RELEASE": ("ACCEPT", "INSPECT", "RELEASE", "REJECT"),
    "CLEAR": ("ACCEPT", "RELEASE", "CLEAR", "REJECT"),
    "REJECT": ("ACCEPT", "RELEASE", "REJECT", "CANCEL"),
    "CANCEL": ("ACCEPT", "RELEASE", "CLEAR", "CANCEL"),
}
"""After a step: steps that customs cannot take any more."""

ORPHANS = 10
"""Steps for a declaration that nobody lodged: more than a register parks for one key."""


@dataclass(frozen=True)
class Chances:
    """How likely things are, each between 0 and 1.

    ``content`` and ``step``: an error in a declaration, in a step; ``amend`` and ``cancel``: per declaration;
    ``duplicate``, ``late`` and ``confluent``: per event.
    """

    content: float
    step: float
    duplicate: float
    late: float
    amend: float
    cancel: float
    confluent: float = 0.0


class Course:
    """Writes the course of one declaration; a new object for every declaration.

    ``scale``: 1.0 means hours between steps. ``ahead``: ms from now to an event time that is to be warned of (W01).
    ``until``: UTC ms after which nothing is wanted.
    """

    def __init__(self, writer: Writer, rng: Random, chances: Chances, *, scale: float, ahead: int, until: int) -> None:
        self._writer = writer
        self._rng = rng
        self._chances = chances
        self._scale = scale
        self._ahead = ahead
        self._until = until
        self._regular: list[Entry] = []
        self._extra: list[Entry] = []
        self._is_plain = True

    def write(self, at: int) -> list[Entry]:
        """All records of a declaration that is lodged at ``at``, in no order; perhaps some after ``until``."""
        draw = self._rng.random
        record, at = self._declare(self._writer.lodge(at), at)
        if record is None:
            return self._finish()
        amend_after = int(4 * draw()) if draw() < self._chances.amend else -1
        cancel_after = int(4 * draw()) if draw() < self._chances.cancel else -1
        lane = pick(world.LANES, draw())
        if draw() < REJECTED:
            steps: tuple[str, ...] = ("REJECT",)
            amend_after = 1 if draw() < 0.6 else -1
        elif draw() < INSPECTED.get(lane, 0):
            steps = ("ACCEPT", "INSPECT", "RELEASE", "CLEAR")
        else:
            steps = ("ACCEPT", "RELEASE", "CLEAR")
        for place in range(len(steps) + 1):
            if at > self._until:
                break
            if place:
                at = self._step(record, steps[place - 1], lane, at + self._gap(MEAN_GAP))
            if place == amend_after:
                record, at = self._amend(record, at)
                if steps[place - 1 : place] == ("REJECT",):
                    return self._once_more(record, lane, at)
            if place == cancel_after:
                self._step(record, "CANCEL", lane, at + self._gap(HOUR / 2))
                break
        return self._finish()

    def _once_more(self, record: Record, lane: str, at: int) -> list[Entry]:
        """After a rejection and its amendment."""
        for kind in ("ACCEPT", "RELEASE", "CLEAR"):
            at = self._step(record, kind, lane, at + self._gap(MEAN_GAP))
        return self._finish()

    def _gap(self, mean: float) -> int:
        """Milliseconds to the next event: exponential, at least 1 ms, at most eight hours (scaled)."""
        return 1 + int(min(self._rng.expovariate(1 / mean), LONGEST_GAP) * self._scale)

    def _draft(
        self,
        record: Record,
        errors: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (),
        again: Draft | None = None,
    ) -> Draft:
        confluent = self._chances.confluent > 0 and self._rng.random() < self._chances.confluent
        return Draft(record, errors, warnings, confluent=confluent, again=again)

    def _aside(self, at: int, draft: Draft) -> None:
        """Sends what is not part of a plain course, and takes no effect in one; it reaches the log at once."""
        draft.taken = False
        if not draft.errors:
            draft.record["sent_at"] = at
        self._extra.append((at, draft))

    def _declare(self, record: Record, at: int) -> tuple[Record | None, int]:
        """Sends a declaration or an amendment, perhaps wrong at first. (None, time) when it was never put right."""
        draw = self._rng.random
        if draw() < self._chances.content:
            what = draw()
            if what < 0.12 and record["jurisdiction"] == "CN":
                odd, warnings = warns(record, self._rng)
                return self._regularly(odd, at, warnings, record)
            if what < 0.17:
                return self._regularly(self._in_future(record, at), at, ("W01",), record)
            if what < 0.21 and record["version"] == 1:
                again = {**record, "event_id": self._writer.event_id()}
                self._aside(at + self._gap(HOUR), self._draft(again))
            else:
                broken, errors = breaks(record, self._rng)
                self._aside(at, self._draft(broken, errors))
                if draw() >= CORRECTED:
                    return None, at
                at += self._gap(HOUR / 2)
                new_id = self._writer.event_id() if draw() < 0.8 else record["event_id"]
                record = {**record, "event_id": new_id, "event_time": at, "sent_at": at}
        return self._regularly(record, at)

    def _in_future(self, record: Record, at: int) -> Record:
        return _retimed(record, at + self._ahead + int(self._rng.random() * HOUR))

    def _regularly(
        self,
        sent: Record,
        at: int,
        warnings: tuple[str, ...] = (),
        record: Record | None = None,
    ) -> tuple[Record, int]:
        draft = self._draft(sent, (), warnings)
        self._regular.append((at, draft))
        self._repeat(draft, at)
        return record or sent, at

    def _amend(self, record: Record, at: int) -> tuple[Record, int]:
        """One amendment, or some in a row; ends at the first one that is not put right."""
        more = 1.0
        while self._rng.random() < more:
            more = IN_A_ROW
            at += self._gap(HOUR / 2)
            amended, at = self._declare(self._writer.amend(record, at), at)
            if amended is None:
                break
            record = amended
        return record, at

    def _step(self, record: Record, kind: str, lane: str, at: int) -> int:
        """Sends a step, perhaps wrong at first, perhaps followed by one that customs cannot take any more."""
        step = self._writer.step(record, kind, lane, at)
        if self._rng.random() >= self._chances.step:
            return self._regularly(step, at)[1]
        what = self._rng.random()
        if what < 0.1:
            return self._regularly(self._in_future(step, at), at, ("W01",))[1]
        if what < 0.45 or not ILLEGAL[kind]:
            broken, errors = breaks(step, self._rng)
            self._aside(at, self._draft(broken, errors))
            at += self._gap(10 * MINUTE)
            step = {**_retimed(step, at), "event_id": self._writer.event_id(), "sent_at": at}
        elif what < 0.98:
            self._is_plain = False
            later = at + self._gap(HOUR)
            illegal = self._writer.step(record, self._rng.choice(ILLEGAL[kind]), lane, later)
            self._aside(later, self._draft(illegal))
        else:
            self._orphan(record, lane, at)
        return self._regularly(step, at)[1]

    def _orphan(self, record: Record, lane: str, at: int) -> None:
        self._is_plain = False
        number = record["declaration_number"]
        unknown = {**record, "declaration_number": number[:9] + "9" + number[10:]}
        for _ in range(ORPHANS):
            at += self._gap(MINUTE)
            self._aside(at, self._draft(self._writer.step(unknown, "ACCEPT", lane, at)))

    def _repeat(self, draft: Draft, at: int) -> None:
        """Sends an event again, perhaps: the same bytes, or sent later, or (a conflict) with other content."""
        if self._rng.random() >= self._chances.duplicate:
            return
        later = at + self._gap(MINUTE * 20)
        what = self._rng.random()
        if what < 0.6:
            self._extra.append((later, draft))
        elif what < 0.85:
            self._aside(later, self._draft({**draft.record}, (), draft.warnings, draft))
        else:
            other = "remark" if "items" in draft.record else "office"
            self._aside(later, self._draft({**draft.record, other: "4201"}, (), draft.warnings))

    def _finish(self) -> list[Entry]:
        """Delays the late ones past their successors; says which events take effect."""
        entries = self._regular
        for place in range(len(entries) - 1):
            if self._rng.random() < self._chances.late:
                late = entries[place][1]
                entries[place] = (entries[place + 1][0] + self._gap(20 * MINUTE), late)
                self._is_plain = False
        found = entries + self._extra
        if not self._is_plain:
            foresee(found)
        return found


def _retimed(record: Record, event_time: int) -> Record:
    """The same at another time. A step no longer says when the goods will arrive if they have arrived (rule E01)."""
    new = {**record, "event_time": event_time}
    if "status" in record and record["estimated_arrival"] is not None and record["estimated_arrival"] <= event_time:
        new["estimated_arrival"] = None
    return new
