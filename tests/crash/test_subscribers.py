"""Subscribers of one counter see one table, whenever they came and whatever was killed meanwhile."""

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import pytest

from connectors.client import Subscription
from connectors.counters import DECLARATIONS_BY_STAGE, ENTERPRISES, TRADE
from connectors.simulator.ledger import Key, Ledger
from connectors.table import AsOf
from connectors.topic_io import TopicReader, end_offsets
from connectors.totals import Change, Total
from connectors.totals import Counter as Declared
from processor.demo import compare
from tests.crash.scene import INPUT, Scene, placed
from tests.crash.worker import Worker

pytestmark = [pytest.mark.crash, pytest.mark.kafka]

POINTS = (
    "before_partials:declarations:2",  # answered and stored, counters not published
    "before_transaction:totals:2",  # partials published, not added up
    "before_store:totals:2",  # totals published, not stored
    "in_store:totals:2",
)
KEPT = (0.35, 0.2, 0.1)
"""Shares of the traffic that are left at least when a worker is killed in a transaction."""

FOLLOWED: tuple[Declared[Any, Any], ...] = (DECLARATIONS_BY_STAGE, TRADE, ENTERPRISES)
"""Counters that only grow, that go down, too, and that come in slices."""

CHECKED = 12
"""So many of the moments a follower told of are held against the ledger."""

Rows = dict[Any, Total[Any, Any]]


class Follower(threading.Thread):
    """A table kept by nothing but the changes it is told of, from the start or after a snapshot.

    ``found``: rows of the snapshot. ``moments``: how far it said it was, each with the all-time figures it had then.
    """

    def __init__(self, scene: Scene, counter: Declared[Any, Any], *, snapshot: bool) -> None:
        super().__init__(daemon=True)
        self.scene, self.counter, self.from_snapshot = scene, counter, snapshot
        self.rows: Rows = {}
        self.found = 0
        self.moments: list[tuple[AsOf, dict[compare.Place, tuple[int, ...]]]] = []
        self.seen: Counter[str] = Counter()
        self.begun, self.over = threading.Event(), threading.Event()
        self.goal: tuple[int, ...] | None = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            with Subscription(self.counter, self.scene.bootstrap, self.scene.prefix) as subscription:
                if self.from_snapshot:
                    self.rows, as_of = subscription.snapshot()
                    self.found = len(self.rows)
                    self._note(as_of)
                self.begun.set()
                for update in subscription.updates(self._arrived):
                    self._take(update.changes)
                    self._note(update.as_of)
        except BaseException as error:  # noqa: BLE001 told by ``ended``
            self.error = error
            self.begun.set()

    def ended(self, goal: Mapping[int, int]) -> Rows:
        """Its table when it includes the input up to ``goal``."""
        self.goal = tuple(end for _, end in sorted(goal.items()))
        self.join(120)
        assert self.error is None, repr(self.error)
        assert not self.is_alive(), f"{self.counter.name}: wanted {self.goal}, is at {self.moments[-1:]}"
        return self.rows

    def dispose(self) -> None:
        self.over.set()
        self.join(30)

    def _arrived(self) -> bool:
        reached = self.moments[-1][0].positions if self.moments else ()
        return self.over.is_set() or (self.goal is not None and reached == self.goal)

    def _take(self, changes: Iterable[Change[Any, Any]]) -> None:
        for change in changes:
            before = self.rows.get(change.key)
            assert (before and before.revision) == change.old_revision, f"a change was missed: {change}"
            if change.row is None:
                del self.rows[change.key]
                self.seen["delete"] += 1
            else:
                assert before is None or revision(change.row) >= revision(before), f"a revision went back: {change}"
                self.rows[change.key] = change.row
                self.seen["put"] += 1

    def _note(self, as_of: AsOf) -> None:
        if not self.moments or self.moments[-1][0] != as_of:
            self.moments.append((as_of, figures(self.rows, "ALL_TIME")))


def revision(row: Total[Any, Any]) -> tuple[int, int]:
    return row.generation, row.revision


def figures(rows: Rows, *windows: str) -> dict[compare.Place, tuple[int, ...]]:
    """Measures by (window, start in ms, dimensions), of these windows or all; without zeros."""
    return {
        place: measures
        for place, measures in compare.measured(rows).items()
        if (not windows or place[0] in windows) and any(measures)
    }


def expected(ledger: Mapping[Key, tuple[int, ...]], counter: str) -> dict[compare.Place, tuple[int, ...]]:
    """The same from the ledger."""
    return {
        (window, start, tuple(dimensions)): tuple(measures)
        for (name, window, start, dimensions), measures in ledger.items()
        if name == counter and any(measures)
    }


def ledger_up_to(scene: Scene, positions: tuple[int, ...]) -> Ledger:
    """The ledger of the input's records before these positions."""
    ledger = Ledger()
    now = scene.traffic.ledger._appended_at
    assert now is not None
    for partition, offset, message in placed(scene.traffic.messages):
        if offset < positions[partition]:
            ledger.observe(message, now)
    return ledger


def killed_over_and_over(scene: Scene, meanwhile: Callable[[Worker], None]) -> int:
    """Publish and kill -9: at points that matter, then while a transaction on a counter's topic is open. How often.

    ``meanwhile`` comes when four have been killed, and before each of the others.
    """
    for point in POINTS:
        scene.publish(0.1)
        worker = scene.worker(CRASH_AT=point)
        assert worker.ends() == -signal.SIGKILL, f"{point}\n{worker.tail()}"
    with TopicReader(scene.bootstrap, scene.prefix + DECLARATIONS_BY_STAGE.topic) as reader:
        for kept in KEPT:
            worker = scene.worker()
            worker.until("it is ready", worker.ready)
            meanwhile(worker)
            with scene.feeding(kept):
                worker.until("an open transaction", lambda: any(open_in(reader) for _ in range(50)))
                worker.kill()
            assert worker.process.returncode == -signal.SIGKILL
    return len(scene.workers)


def published(worker: Worker) -> set[str]:
    """Counters it has published totals of."""
    found = worker.samples("single_window_totals_published_total")
    return {value for (_, labels), times in found.items() for _, value in labels if times}


def open_in(reader: TopicReader) -> bool:
    """Whether a transaction is open."""
    return reader.committed() != reader.written()


def test_subscribers_from_the_start_amid_kills_and_late_end_with_equal_tables_which_are_the_ledgers(
    scene: Scene,
) -> None:
    # workers:    kill kill kill kill   kill   kill   kill  works on
    # from start: follows -----------------------------------------|
    # amid:                          snapshot, follows ------------|
    # late:                                                        | snapshot
    followers: dict[str, list[Follower]] = {"start": [], "amid": []}

    def subscribe(when: str) -> None:
        followers[when] = [Follower(scene, counter, snapshot=when == "amid") for counter in FOLLOWED]

    def subscribe_amid(worker: Worker) -> None:
        if not followers["amid"]:
            worker.until("it has totals to be followed", lambda: {each.name for each in FOLLOWED} <= published(worker))
            subscribe("amid")

    try:
        subscribe("start")
        assert all(follower.begun.wait(60) for follower in followers["start"])
        assert killed_over_and_over(scene, subscribe_amid) == 7
        scene.publish()
        scene.check(scene.worker())
        ends = end_offsets(scene.bootstrap, scene.prefix + INPUT)
        for start, amid in zip(followers["start"], followers["amid"], strict=True):
            first, second = start.ended(ends), amid.ended(ends)
            with Subscription(start.counter, scene.bootstrap, scene.prefix) as subscription:
                late, as_of = subscription.snapshot()
            assert as_of.positions == tuple(end for _, end in sorted(ends.items()))
            assert first == second == late
            assert figures(late) == expected(scene.traffic.figures, start.counter.name)
            assert start.seen["put"] > len(late), "it saw totals grow"
            assert 0 < amid.found <= len(late), "its snapshot was of a table on its way"
        holds_what_it_says(scene, followers["start"][0])
        holds_what_it_says(scene, followers["amid"][0])
    finally:
        for follower in followers["start"] + followers["amid"]:
            with suppress(RuntimeError):
                follower.dispose()


def holds_what_it_says(scene: Scene, follower: Follower) -> None:
    """Whenever it said as of which positions its table is, it had counted all declarations before them, and no others.

    By stage, where figures only grow: at least those of the log up to there, at most those of all of it.
    """
    assert follower.counter is DECLARATIONS_BY_STAGE
    moments = follower.moments[:: max(1, len(follower.moments) // CHECKED)]
    most = expected(scene.traffic.figures, follower.counter.name)
    for as_of, shown in moments:
        least = expected(ledger_up_to(scene, as_of.positions).counters, follower.counter.name)
        least = {key: counted for key, counted in least.items() if key[0] == "ALL_TIME"}
        short = {key: (counted, shown.get(key)) for key, counted in least.items() if shown.get(key, (0,)) < counted}
        assert not short, f"{as_of}: {len(short)} below the ledger: {list(short.items())[:3]}"
        assert all(counted <= most[key] for key, counted in shown.items())
