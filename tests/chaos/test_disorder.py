"""Events that come late, from the future, in the wrong order, twice and three times: the ledger's figures, exactly."""

import random
import signal

import pytest

from connectors.simulator.messages import Message
from connectors.simulator.traffic import Plan, generate
from tests.crash.scene import Scene, told

pytestmark = [pytest.mark.chaos, pytest.mark.kafka]

EVENTS = 2_500
WITHIN = 60
REPEATED = 0.1


def disordered(messages: list[Message], rng: random.Random) -> list[Message]:
    """Shuffled within stretches of the log, and a share of it again, anywhere after."""
    mixed: list[Message] = []
    for start in range(0, len(messages), WITHIN):
        some = messages[start : start + WITHIN]
        mixed += rng.sample(some, len(some))
    for message in rng.sample(messages, round(REPEATED * len(messages))):
        mixed.insert(rng.randrange(mixed.index(message) + 1, len(mixed) + 1), message)
    return mixed


@pytest.mark.usefixtures("only_long")
def test_late_future_reordered_and_repeated_events_count_as_the_ledger_says(scene: Scene) -> None:
    # a third of the log is late, a third comes twice, all of it is shuffled; the worker is killed in the midst of it
    plan = Plan(EVENTS, seed=31, late=0.3, duplicates=0.3, amend=0.2, cancel=0.1, errors=0.2, bad=0.01, confluent=0.3)
    log = disordered(list(generate(plan)), random.Random(31))
    traffic = told(log)
    outcomes = traffic.ledger.receipts
    wanted = {"PARKED": 0.03, "DUPLICATE": 0.1, "CONFLICT": 0.01, "REFUSED": 0.05, "ACCEPTED_WITH_WARNINGS": 0.002}
    assert all(outcomes[outcome] > share * EVENTS for outcome, share in wanted.items()), outcomes
    scene.play(traffic)
    scene.publish(0.5)
    killed = scene.worker(CRASH_AT="before_store:declarations:9", POLL_RECORDS="100")
    assert killed.ends() == -signal.SIGKILL, killed.tail()
    scene.publish()
    scene.check(scene.worker())
