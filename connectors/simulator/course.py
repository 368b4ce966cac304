"""The course of one declaration: its events and what goes wrong with them, as records of the log with their times."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from connectors.simulator.declarations import Writer
from connectors.simulator.faults import breaks
from connectors.simulator.messages import Message, Record, message

HOUR = 3_600_000
MINUTE = 60_000

EVENTS_PER_DECLARATION = 4.3
"""About how many records a declaration makes: turns a share of records into a chance per declaration."""

FAULTS_ON_CONTENT = 0.6
CONTENT_SHARE = 0.26
"""Of the records with errors, 60 % are declarations, which are about 26 % of all records."""

INSPECTED = 0.08
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


Entry = tuple[int, Message]
"""(when the record reaches the log, UTC ms; the record)."""


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

    def write(self, at: int) -> list[Entry]:
        """All records of a declaration that is lodged at ``at``, in no order; perhaps some after ``until``."""
        draw = self._rng.random
        record, at = self._declare(self._writer.lodge(at), at)
        if record is None:
            return self._extra
        amend_after = int(4 * draw()) if draw() < self._chances.amend else -1
        cancel_after = int(4 * draw()) if draw() < self._chances.cancel else -1
        if draw() < REJECTED:
            steps: tuple[str, ...] = ("REJECT",)
            amend_after = 1 if draw() < 0.6 else -1
        else:
            steps = ("ACCEPT", "INSPECT", "RELEASE", "CLEAR") if draw() < INSPECTED else ("ACCEPT", "RELEASE", "CLEAR")
        for place in range(len(steps) + 1):
            if at > self._until:
                break
            if place:
                at = self._step(record, steps[place - 1], at + self._gap(MEAN_GAP))
            if place == amend_after:
                record, at = self._amend(record, at)
                if steps[place - 1 : place] == ("REJECT",):
                    return self._once_more(record, at)
            if place == cancel_after:
                self._step(record, "CANCEL", at + self._gap(HOUR / 2))
                break
        return self._finish()

    def _once_more(self, record: Record, at: int) -> list[Entry]:
        """After a rejection and its amendment."""
        for kind in ("ACCEPT", "RELEASE", "CLEAR"):
            at = self._step(record, kind, at + self._gap(MEAN_GAP))
        return self._finish()

    def _gap(self, mean: float) -> int:
        """Milliseconds to the next event: exponential, at least 1 ms, at most eight hours (scaled)."""
        return 1 + int(min(self._rng.expovariate(1 / mean), LONGEST_GAP) * self._scale)

    def _message(self, record: Record, errors: tuple[str, ...] = (), warnings: tuple[str, ...] = ()) -> Message:
        confluent = self._chances.confluent > 0 and self._rng.random() < self._chances.confluent
        return message(record, errors, warnings, confluent=confluent)

    def _declare(self, record: Record, at: int) -> tuple[Record | None, int]:
        """Sends a declaration or an amendment, perhaps wrong at first. (None, time) when it was never put right."""
        draw = self._rng.random
        warnings: tuple[str, ...] = ()
        if draw() < self._chances.content:
            what = draw()
            if what < 0.07 and record["jurisdiction"] == "CN":
                train = self._rng.choice(("X7001", "T109", "X81234", "x8001", "X8\uff11\uff12\uff13"))
                return self._regularly({**record, "transport_mode": "3", "conveyance": train}, at, ("W02",), record)
            if what < 0.12:
                return self._regularly(self._in_future(record, at), at, ("W01",), record)
            if what < 0.16 and record["version"] == 1:
                again = {**record, "event_id": self._writer.event_id(), "sent_at": at}
                self._extra.append((at + self._gap(HOUR), self._message(again)))
            else:
                broken, errors = breaks(record, self._rng)
                if broken["event_time"] != record["event_time"]:
                    warnings = self._warnings(broken["event_time"], at)
                self._extra.append((at, self._message(broken, errors, warnings)))
                if draw() >= CORRECTED:
                    return None, at
                at += self._gap(HOUR / 2)
                new_id = self._writer.event_id() if draw() < 0.8 else record["event_id"]
                record = {**record, "event_id": new_id, "event_time": at, "sent_at": at}
        return self._regularly(record, at)

    def _warnings(self, event_time: int, at: int) -> tuple[str, ...]:
        return ("W01",) if event_time > at + self._ahead else ()

    def _in_future(self, record: Record, at: int) -> Record:
        return {**record, "event_time": at + self._ahead + int(self._rng.random() * HOUR)}

    def _regularly(
        self,
        sent: Record,
        at: int,
        warnings: tuple[str, ...] = (),
        record: Record | None = None,
    ) -> tuple[Record, int]:
        self._regular.append((at, self._message(sent, (), warnings)))
        self._repeat(sent, at, warnings)
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

    def _step(self, record: Record, kind: str, at: int) -> int:
        """Sends a step, perhaps wrong at first, perhaps followed by one that customs cannot take any more."""
        step = self._writer.step(record, kind, at)
        if self._rng.random() >= self._chances.step:
            return self._regularly(step, at)[1]
        what = self._rng.random()
        if what < 0.1:
            return self._regularly(self._in_future(step, at), at, ("W01",))[1]
        if what < 0.45 or not ILLEGAL[kind]:
            broken, errors = breaks(step, self._rng)
            self._extra.append((at, self._message(broken, errors)))
            at += self._gap(10 * MINUTE)
            step = {**step, "event_id": self._writer.event_id(), "event_time": at, "sent_at": at}
        elif what < 0.98:
            later = at + self._gap(HOUR)
            illegal = self._writer.step(record, self._rng.choice(ILLEGAL[kind]), later)
            self._extra.append((later, self._message(illegal)))
        else:
            self._orphan(record, at)
        return self._regularly(step, at)[1]

    def _orphan(self, record: Record, at: int) -> None:
        number = record["declaration_number"]
        unknown = {**record, "declaration_number": number[:9] + "9" + number[10:]}
        for _ in range(ORPHANS):
            at += self._gap(MINUTE)
            self._extra.append((at, self._message(self._writer.step(unknown, "ACCEPT", at))))

    def _repeat(self, record: Record, at: int, warnings: tuple[str, ...]) -> None:
        """Sends an event again, perhaps: the same bytes, or sent later, or (a conflict) with other content."""
        if self._rng.random() >= self._chances.duplicate:
            return
        again = at + self._gap(MINUTE * 20)
        what = self._rng.random()
        if what < 0.6:
            self._extra.append((again, self._regular[-1][1]))
            return
        other = {**record, "sent_at": again}
        if what >= 0.85:
            if "status" in record:
                other["office"] = "4201"
            else:
                other["packages"] += 1
        self._extra.append((again, self._message(other, (), warnings)))

    def _finish(self) -> list[Entry]:
        """Delays the late ones past their successors."""
        entries = self._regular
        for place in range(len(entries) - 1):
            if self._rng.random() < self._chances.late:
                late = entries[place][1]
                entries[place] = (entries[place + 1][0] + self._gap(20 * MINUTE), late)
        return entries + self._extra
