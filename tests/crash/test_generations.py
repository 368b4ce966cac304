"""A corrected rule is applied to the past: a new generation beside the one that serves, then in its place."""

import json
import shutil
import signal
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime

import pytest
from kafka import KafkaAdminClient

from connectors.client import Subscription
from connectors.counters import COUNTERS, DECLARATIONS_BY_STAGE, RULE_HITS, TRADE
from connectors.simulator.ledger import Ledger
from connectors.topic_io import end_offsets
from processor.demo import compare
from tests.crash.scene import INPUT, Scene, place, placed, receipts
from tests.crash.test_subscribers import Follower, expected, figures
from tests.crash.worker import Worker
from tests.integration.command import single_window

pytestmark = [pytest.mark.crash, pytest.mark.kafka]

SECOND = {"GENERATION": "2"}
TAKES_OVER = {**SECOND, "TAKE_OVER": "true"}
PARTITIONS = 12


def in_state(worker: Worker, state: str) -> int:
    """How many partitions it says are in a state."""
    found = worker.samples("single_window_partition_state")
    return int(sum(on for (_, labels), on in found.items() if ("state", state) in labels))


def tables(scene: Scene) -> dict[str, object]:
    """Every counter as a subscriber has it who comes now."""
    found = {}
    for counter in COUNTERS:
        with Subscription(counter, scene.bootstrap, scene.prefix) as subscription:
            found[counter.name] = subscription.snapshot().rows
    return found


def compared(scene: Scene) -> compare.Comparison:
    """Every counter topic against the ledger, which knows the rules as they should be."""
    result = compare.Comparison()
    traffic = scene.traffic
    compare.counter_topics(traffic.figures, traffic.ledger.unsure, scene.bootstrap, scene.prefix, result)
    return result


def test_a_corrected_rule_is_applied_to_the_past_and_subscribers_see_one_table_become_the_other(scene: Scene) -> None:
    # 1, with mistaken rules: answers, counts -----------------------| replaced, and forgotten
    # 2, as it should be:            follows in silence - kill - kill - takes over, answers, counts - loses its state -
    # subscriber:                 follows -----------------------------------------------------------------------------
    scene.publish(0.5)
    first = scene.worker("first", program="tests.crash.mistaken")
    scene.counted(first)
    assert compared(scene).mismatches, "its rules are not those of the ledger"
    says_what_would_be_answered_otherwise(scene)
    trade, rule_hits = (Follower(scene, counter, snapshot=True) for counter in (TRADE, RULE_HITS))
    try:
        before = tables(scene)
        second = scene.worker("second", **SECOND)
        second.until(
            "it has come as far", lambda: in_state(second, "following") == PARTITIONS and caught_up(scene, second)
        )
        assert tables(scene) == before, "who follows says nothing"
        assert {receipt["generation"] for receipt in receipts(scene.bootstrap, scene.prefix)} == {1}
        second.stop()
        with scene.feeding():
            for killed_at in ("before_succession:totals:2", "after_succession:totals:2"):
                second = scene.worker("second", CRASH_AT=killed_at, **TAKES_OVER)
                assert second.ends() == -signal.SIGKILL, f"{killed_at}\n{second.tail()}"
            second = scene.worker("second", **TAKES_OVER)
            second.until("it has taken over", lambda: in_state(second, "live") == PARTITIONS)
            first.until("it is replaced", lambda: in_state(first, "replaced") == PARTITIONS)
        scene.publish(0.05)
        scene.counted(second)
        first.stop()
        second = needs_nothing_of_the_old_one(scene, second)
        scene.publish()
        scene.counted(second)
        result = compared(scene)
        assert not result.mismatches, f"{result.mismatches} of {result.compared}: {result.examples}\n{scene.tails()}"
        scene.answered_once()
        holds_the_ledgers_figures(scene, second)
        ends = end_offsets(scene.bootstrap, scene.prefix + INPUT)
        assert figures(trade.ended(ends)) == expected(scene.traffic.figures, TRADE.name)
        assert "D99" not in {key.rule for key in rule_hits.ended(ends)}
        assert rule_hits.seen["delete"], "what only the mistake brought is nought, and gone"
        answered_by_one_after_the_other(scene)
    finally:
        trade.dispose()
        rule_hits.dispose()


def needs_nothing_of_the_old_one(scene: Scene, second: Worker) -> Worker:
    """Without a state, and when the old group's positions are gone, it goes on from where it has come to; what it has
    published already is not published again.
    """
    second.stop()
    shutil.rmtree(second.state)
    with closing(KafkaAdminClient(bootstrap_servers=scene.bootstrap)) as admin:
        admin.delete_groups([f"{scene.prefix}single-window-g1"])
    topics = [scene.prefix + counter.topic for counter in COUNTERS]
    published = [end_offsets(scene.bootstrap, topic) for topic in topics]
    again = scene.worker("second", **SECOND)
    again.until("it is restored", lambda: in_state(again, "live") == PARTITIONS and again.ready())
    assert again.told(state="restoring", flow="totals", position=0), "it began with nothing"
    assert [end_offsets(scene.bootstrap, topic) for topic in topics] == published
    return again


def says_what_would_be_answered_otherwise(scene: Scene) -> None:
    """The command, against the ledger's answers to every event."""
    ledger, right = Ledger(), dict[tuple[int, int], tuple[str, list[str]]]()
    now = datetime.now(UTC)
    for partition, offset, message in placed(scene.traffic.messages[: len(scene.traffic.messages) - len(scene.left)]):
        answer = ledger.observe(message, now)
        right[partition, offset] = answer.outcome, list(answer.rules)
    expected = {}
    for receipt in receipts(scene.bootstrap, scene.prefix):
        told = receipt["outcome"], sorted(finding["rule"] for finding in receipt["findings"])
        if told != right[place(receipt["receipt_id"])]:
            expected[place(receipt["receipt_id"])] = told, right[place(receipt["receipt_id"])]
    said = json.loads(
        single_window(
            "differences", "--json", "--limit", "9999", kafka=scene.bootstrap, prefix=scene.prefix, status=1
        ).stdout
    )
    found = {
        (one["partition"], one["offset"]): (
            (one["was"], sorted(one["was_rules"].split())),
            (one["now"], sorted(one["now_rules"].split())),
        )
        for one in said["events"]
    }
    assert found == expected
    assert said["differ"] == len(expected) == sum(kind["events"] for kind in said["kinds"]) > 0


def caught_up(scene: Scene, worker: Worker) -> bool:
    """Whether it has folded the whole input."""
    found = worker.samples("single_window_position").items()
    position = sum(at for (_, labels), at in found if ("flow", "declarations") in labels)
    return position >= sum(end_offsets(scene.bootstrap, scene.prefix + INPUT).values())


def holds_the_ledgers_figures(scene: Scene, worker: Worker) -> None:
    """On /metrics."""
    result, traffic = compare.Comparison(), scene.traffic
    now = datetime.now(UTC)
    compare.metrics(traffic.figures, traffic.ledger.unsure, traffic.labels, worker.samples(), now, result)
    assert not result.mismatches, f"{result.mismatches} of {result.compared}: {result.examples}\n{scene.tails()}"


def answered_by_one_after_the_other(scene: Scene) -> None:
    """In each partition the first generation answered up to a position, the second one from there on."""
    by_generation: dict[int, dict[int, list[int]]] = {1: {}, 2: {}}
    for receipt in receipts(scene.bootstrap, scene.prefix):
        partition, offset = place(receipt["receipt_id"])
        by_generation[receipt["generation"]].setdefault(partition, []).append(offset)
    counts = Counter({generation: sum(map(len, found.values())) for generation, found in by_generation.items()})
    assert min(counts.values()) > 0, counts
    for partition, offsets in by_generation[2].items():
        assert min(offsets) > max(by_generation[1].get(partition, [-1]))


@pytest.mark.usefixtures("only_long")
def test_a_new_generation_that_follows_never_goes_ahead_and_takes_over_from_one_that_is_dead(scene: Scene) -> None:
    # 1: answers - kill -9
    # 2:    follows ---------- takes over, answers the rest
    scene.publish(0.3)
    first = scene.worker("first")
    scene.counted(first)
    first.kill()
    scene.publish()
    second = scene.worker("second", **SECOND)
    second.until("it has followed", lambda: in_state(second, "following") == PARTITIONS and second.ready())
    assert not caught_up(scene, second), "nobody has answered the rest"
    second.stop()
    second = scene.worker("second", **TAKES_OVER)
    scene.counted(second)
    result = compared(scene)
    assert not result.mismatches, f"{result.mismatches} of {result.compared}: {result.examples}\n{scene.tails()}"
    scene.answered_once()
    assert DECLARATIONS_BY_STAGE.name in tables(scene)
