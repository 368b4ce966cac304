"""Traffic of many declarations: their events interleaved in the order of time, at a constant rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

import schemas
from connectors.simulator.controls import Senders
from connectors.simulator.course import (
    CONTENT_SHARE,
    EVENTS_PER_DECLARATION,
    FAULTS_ON_CONTENT,
    HOUR,
    Chances,
    Course,
)
from connectors.simulator.declarations import Writer
from connectors.simulator.garbage import undecodable
from connectors.simulator.messages import Message
from connectors.simulator.outgoing import Outgoing

UNSET = datetime(1, 1, 1, tzinfo=UTC)
TOPIC = "customs.declarations"

FUTURE = 3 * HOUR
"""How far an event time lies ahead that is to be warned of (rule W01)."""

NEVER = 1 << 62
LIVE_SCALE = 1 / 360
"""Live traffic is compressed: 20 seconds on average between the steps of a declaration, instead of two hours."""


@dataclass(frozen=True)
class Plan:
    """What traffic to make. The same plan always gives the same bytes.

    ``events``: records in total, of all kinds (live: 0 is endless). ``errors``, ``duplicates``, ``late``, ``amend``,
    ``cancel``, ``bad`` (undecodable) and ``confluent`` (Confluent framing instead of single-object) are about their
    shares of all records, each 0 to 0.3. ``start``: event time of the first event, timezone-aware; default: so that
    the last is about now. ``span_hours``: from the first to the last. ``full``: declarations of five items and one to
    three kB. Plans whose seeds are equal modulo 1,000 use the same declaration numbers and senders. Raises ValueError
    for values out of range.
    """

    events: int
    seed: int
    errors: float = 0.02
    duplicates: float = 0.01
    late: float = 0.01
    amend: float = 0.03
    cancel: float = 0.02
    bad: float = 0.0005
    start: datetime = UNSET
    span_hours: float = 24.0
    confluent: float = 0.0
    full: bool = False

    def __post_init__(self) -> None:
        if self.events < 0 or self.seed < 0 or self.span_hours <= 0:
            raise ValueError("events and seed must not be negative, and span_hours must be positive")
        for name in ("errors", "duplicates", "late", "amend", "cancel", "bad", "confluent"):
            if not 0 <= getattr(self, name) <= 0.3:
                raise ValueError(f"{name} is a share of all records, between 0 and 0.3, not {getattr(self, name)}")
        if self.start is UNSET:
            object.__setattr__(self, "start", datetime.now(UTC) - timedelta(hours=self.span_hours))
        elif self.start.tzinfo is None:
            raise ValueError("start needs a time zone")

    @property
    def end(self) -> datetime:
        """Event time of the last event, about."""
        return self.start + timedelta(hours=self.span_hours)

    def chances(self) -> Chances:
        """The shares of all records, turned into chances per declaration and per event."""
        return Chances(
            content=min(1.0, self.errors * FAULTS_ON_CONTENT / CONTENT_SHARE),
            step=min(1.0, self.errors * (1 - FAULTS_ON_CONTENT) / (1 - CONTENT_SHARE)),
            duplicate=self.duplicates,
            late=self.late,
            amend=min(1.0, self.amend * EVENTS_PER_DECLARATION),
            cancel=min(1.0, self.cancel * EVENTS_PER_DECLARATION),
            confluent=self.confluent,
        )


def generate(plan: Plan) -> Iterator[Message]:
    """Exactly ``plan.events`` records in the order of the log, their times spread evenly over the span.

    The events of a declaration are hours apart; event time is nearly the order of the log, and never after the end
    of the span, except for events that are to be warned of (W01), at least three hours after it. The last records are
    the senders' control records of the day that is not over.
    """
    first = int(plan.start.timestamp() * 1000)
    span = int(plan.span_hours * HOUR)
    last = max(1, plan.events - 1)
    ticks = (first + span * tick // last for tick in range(plan.events))
    return _traffic(plan, ticks, scale=1.0, end=first + span)


def live(plan: Plan, clock: Callable[[], int]) -> Iterator[Message]:
    """Records whose event time is now, ``plan.events`` of them or, for 0, without end.

    ``clock`` gives UTC ms and is asked whenever a record is taken: whoever takes them sets the rate. The steps of a
    declaration are compressed to seconds and minutes (20 s on average); start and span of the plan do not matter.
    """
    ticks = (clock() for _ in (range(plan.events) if plan.events else count()))
    return _traffic(plan, ticks, scale=LIVE_SCALE, end=None)


def _traffic(plan: Plan, ticks: Iterator[int], scale: float, end: int | None) -> Iterator[Message]:
    """One record a tick: the one that waits longest, if one is due, else a new declaration's first.

    So the rate is the ticks', and the number of new declarations settles where it balances the steps of the old ones.
    """
    rng = Random(plan.seed)  # noqa: S311  reproducible traffic, no secrets
    chances = plan.chances()
    writer = Writer(rng, plan.seed, full=plan.full)
    senders = Senders(rng, chances.content)
    outgoing = Outgoing(senders)
    partitions = schemas.topic(TOPIC).partitions
    until = NEVER if end is None else end
    good: Message | None = None
    for tick, now in enumerate(ticks):
        if not outgoing.is_closed:
            if plan.events and plan.events - tick <= senders.due:
                outgoing.close(now)
            elif plan.bad and good is not None and rng.random() < plan.bad:
                yield undecodable(good, rng, partitions)
                continue
        message = outgoing.next(now)
        while message is None:
            ahead = FUTURE + (0 if end is None else end - now)
            course = Course(writer, rng, chances, scale=scale, ahead=ahead, until=until)
            outgoing.add([entry for entry in course.write(now) if entry[0] <= until])
            message = outgoing.next(now)
        if message.fact is not None and not message.fact.errors:
            good = message
        yield message
