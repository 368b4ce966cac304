"""What waits to be sent, and what is on its way: events are numbered when sent, and may reach the log later."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from itertools import count

from connectors.simulator.controls import Senders
from connectors.simulator.drafts import Draft, Entry
from connectors.simulator.messages import Message

SOON = 3 * 3_600_000
"""Within this time after a day control records of it are sent, ms."""


class Outgoing:
    """Hands out events in the order they reach the log; lets ``senders`` number each at its ``sent_at``."""

    def __init__(self, senders: Senders) -> None:
        self.is_closed = False
        self._senders = senders
        self._order = count()
        self._waiting: list[tuple[int, int, int, Draft]] = []
        """(when it is sent or, if it was, reaches the log; order; when it reaches the log; draft)."""

    def add(self, entries: Iterable[Entry]) -> None:
        """Takes in what will be sent."""
        for at, draft in entries:
            sent_at = at if draft.errors else draft.record["sent_at"]
            heapq.heappush(self._waiting, (sent_at, next(self._order), at, draft))

    def next(self, now: int) -> Message | None:
        """The next event that has reached the log by ``now``; None when there is none."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            due, _, at, draft = heapq.heappop(waiting)
            if draft.message is None:
                if self.is_closed and not draft.errors:
                    draft.record.update(sent_at=now, event_time=now)
                self._senders.send(draft, due)
                if self._senders.told:
                    self.add(self._senders.told)
                    self._senders.told = []
            if at <= due:
                return draft.message
            heapq.heappush(waiting, (at, next(self._order), at, draft))
        return None

    def close(self, now: int) -> None:
        """Nothing more is sent but control records: those that wait, and those of the day that is not over."""
        self.is_closed = True
        left = [draft for _, _, _, draft in sorted(self._waiting, key=_order) if "control_number" in draft.record]
        for draft in left:
            if draft.message is None:
                soon = [name for name in ("sent_at", "event_time") if now < draft.record[name] < now + SOON]
                draft.record.update(dict.fromkeys(soon, now))
        self._waiting = [(now, next(self._order), now, draft) for draft in left]
        self.add(self._senders.close(now))


def _order(waiting: tuple[int, int, int, Draft]) -> tuple[int, int]:
    return waiting[:2]
