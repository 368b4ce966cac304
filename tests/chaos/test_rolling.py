"""Three workers, one after the other killed at random and at every named point, over and over, while others watch."""

import random
import signal
import time
from collections.abc import Iterable

import pytest

import schemas
from connectors.counters import DECLARATIONS_BY_STAGE, TRADE
from connectors.topic_io import TopicReader, end_offsets
from connectors.totals import Change
from tests.chaos.prefixes import Prefixes
from tests.crash.scene import INPUT, Scene, traffic
from tests.crash.test_kills import BATCHES, COUNTERS
from tests.crash.test_subscribers import Follower, expected, figures, holds_what_it_says
from tests.crash.worker import Worker, wait_for

pytestmark = [pytest.mark.chaos, pytest.mark.kafka]

EVENTS = 6_000
AT_FIRST, MEANWHILE, BIT_BY_BIT, BITS = 0.05, 0.03, 0.06, 20
"""Shares of the log that come before the first kill, while a worker is killed, and until it kills itself."""

SEED = 5
SEPARATOR = "\x1f"


class Witness(Follower):
    """A follower that keeps every all-time figure it was ever shown."""

    def __init__(self, scene: Scene) -> None:
        self.shown: set[tuple[tuple[str, ...], tuple[int, ...]]] = set()
        super().__init__(scene, DECLARATIONS_BY_STAGE, snapshot=False)

    def _take(self, changes: Iterable[Change]) -> None:
        changes = list(changes)
        super()._take(changes)
        rows = {change.key: change.row for change in changes if change.row is not None}
        self.shown |= {(place[2], measures) for place, measures in figures(rows, "ALL_TIME").items()}


def dies(scene: Scene, worker: Worker, share: float) -> None:
    """Let a share of the records come bit by bit; the worker kills itself meanwhile."""
    wait_for("it to be ready", lambda: worker.ready() or worker.process.poll() is not None, tell=worker.tail)
    for _ in range(BITS):
        scene.publish(share / BITS)
        time.sleep(0.3)
        if worker.process.poll() is not None:
            break
    assert worker.ends() == -signal.SIGKILL, worker.tail()


@pytest.mark.usefixtures("only_long")
def test_three_workers_killed_in_turn_at_random_and_at_each_point_show_nothing_that_was_not_so(scene: Scene) -> None:
    # a: works  kill -9 . start - point 1 kills it . start --------------------------------------- works on
    # b: works ------------------------------------- kill -9 . start - point 2 kills it . start -- works on
    # c: works ------------------------------------------------------------------------- kill -9 . and so on
    # subscriber: reads committed totals throughout, and keeps all it is shown
    rng = random.Random(SEED)
    scene.play(traffic(EVENTS))
    scene.publish(AT_FIRST)
    witness, trade = Witness(scene), Follower(scene, TRADE, snapshot=False)
    try:
        workers = {name: scene.worker(name) for name in "abc"}
        points = (*BATCHES, *COUNTERS)
        for turn, (point, flow, _) in enumerate(point.split(":") for point in points):
            name = "abc"[turn % 3]
            scene.publish(MEANWHILE)
            time.sleep(rng.uniform(0.0, 4.0))
            workers[name].kill()
            victim = scene.worker(name, CRASH_AT=f"{point}:{flow}:2")
            dies(scene, victim, BIT_BY_BIT)
            workers[name] = scene.worker(name)
        scene.publish()
        scene.check(*workers.values())
        ends = end_offsets(scene.bootstrap, scene.prefix + INPUT)
        for follower in (witness, trade):
            name = follower.counter.name
            assert figures(follower.ended(ends)) == expected(scene.traffic.figures, name)
        holds_what_it_says(scene, witness)
        held_against_every_prefix(scene, witness)
    finally:
        witness.dispose()
        trade.dispose()


def held_against_every_prefix(scene: Scene, witness: Witness) -> None:
    """Every partial ever committed is exactly what its source partition gave up to its stamp; every total ever shown
    is a sum of such.
    """
    prefixes = Prefixes(scene.traffic.messages)
    with TopicReader(scene.bootstrap, scene.prefix + "counters.partials") as reader:
        partials = [schemas.decode(record.value)[1] for batch in reader.to_end() for record in batch if record.value]
    held = 0
    for partial in partials:
        kind, _, *named = partial["counter_key"].split(SEPARATOR) if partial["counter_key"] else ("", "")
        if kind == "a" and named[0] == DECLARATIONS_BY_STAGE.name:
            place, found = tuple(named[1:-1]), tuple(partial["measures"])
            assert found[:4] == prefixes.at(place, partial["partition"], partial["position"]), partial
            held += 1
    assert held > 100
    verdicts = {shown: prefixes.may_be(*shown) for shown in witness.shown}
    wrong = [shown for shown, verdict in verdicts.items() if verdict is False]
    assert not wrong, f"{len(wrong)} figures of no prefix: {wrong[:3]}"
    tried = sum(verdict is not None for verdict in verdicts.values())
    assert tried > len(verdicts) / 2, f"only {tried} of {len(verdicts)} could be tried"
    print(
        f"{held} partials are exact; {tried} totals of {len(verdicts)} are sums of prefixes, the others too many to try"
    )
