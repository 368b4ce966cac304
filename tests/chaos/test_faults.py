"""Whatever is killed, lost or repeated, and when: every event is answered once, in order, and every figure is right."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from processor.engine.model import Message
from tests import strategies
from tests.chaos.faults import Broker, Fenced, Partials, Said, Store, Worker, declarations, totals
from tests.engine import TOTALS, Engine
from tests.oracle import Oracle
from tests.oracle_decode import LogRecord as OracleRecord
from tests.unit.test_engine import by_partition, lasting, normal

SHORT, LONG = 4, 1_000
STEPS = 20
happened: Counter[str] = Counter()

pytestmark = pytest.mark.chaos


class Faults(RuleBasedStateMachine):
    """One partition of declarations and the totals over it. Step, transaction and store write are states apart: rules
    between them kill the worker, make a zombie of it, or put an older store, or none, in the place of its own.
    """

    @initialize(records=strategies.logs(max_size=24).filter(lambda records: len(records) > 2))
    def begin(self, records: list[OracleRecord]) -> None:
        parts = by_partition(records)
        self.partition = max(parts, key=lambda p: len(parts[p]))
        self.log, self.oracle = parts[self.partition], Oracle()
        self.now = self.log[-1].timestamp
        expected = [self.oracle.feed(r) for r in records if r.partition == self.partition]
        self.expected = [normal(answer) for answer in expected]
        self.heard = 0
        self.broker, self.store, self.partials = Broker(), Store(), Partials()
        self.snapshots = [Store()]
        self.zombies: list[Worker] = []
        self.worker: Worker | None = None
        self.totals_brokers = [Broker() for _ in range(TOTALS)]
        self.totals_stores = [Store() for _ in range(TOTALS)]

    @precondition(lambda self: not self.worker)
    @rule()
    def a_worker_starts(self) -> None:
        self.worker = declarations(self.partition, self.log, self.broker, self.store)
        happened["starts"] += 1

    @precondition(lambda self: self.worker and self.worker.doing)
    @rule()
    def another_worker_takes_over(self) -> None:
        """With a copy of the store, while the one that was is still at work."""
        self.zombies.append(self.worker)
        self.store = self.store.copy()
        self.worker = declarations(self.partition, self.log, self.broker, self.store)
        happened["takeovers"] += 1

    @precondition(lambda self: self.worker and self.worker.may_step)
    @rule(size=st.sampled_from([1, 2, 3, 5, 100]))
    def it_folds_a_batch(self, size: int) -> None:
        self.worker.step(size)
        happened["silent batches" if self.worker.doing.silent else "batches"] += 1

    @precondition(lambda self: self.worker and self.worker.may_post)
    @rule(most=st.sampled_from([1, 2, 100]))
    def it_posts_of_its_journal(self, most: int) -> None:
        self.worker.post(most)
        happened["silent postings" if self.worker.doing.silent else "postings"] += 1

    @precondition(lambda self: self.worker and self.worker.doing and not self.worker.doing.silent)
    @rule()
    def its_transaction_commits(self) -> None:
        self.partials.append(self.worker.commit(), self.now)

    @precondition(lambda self: self.worker and self.worker.doing and self.worker.doing.silent)
    @rule()
    def it_writes_its_store(self) -> None:
        self.worker.write()

    @precondition(lambda self: not self.worker or not self.worker.doing)
    @rule(size=st.sampled_from([1, 2, 3, 5, 100]), post=st.booleans())
    def all_goes_well_for_a_while(self, size: int, *, post: bool) -> None:
        """A batch, or a posting, from its step to its write, by a worker that starts if there is none."""
        if not self.worker:
            self.a_worker_starts()
        if post and self.worker.may_post:
            self.it_posts_of_its_journal(size)
        elif self.worker.may_step:
            self.it_folds_a_batch(size)
        else:
            return
        if not self.worker.doing.silent:
            self.its_transaction_commits()
        self.it_writes_its_store()

    @precondition(lambda self: self.worker)
    @rule()
    def it_is_killed(self) -> None:
        doing = self.worker.doing
        at = "idle" if not doing else "before the store" if doing.silent else "before the transaction"
        happened[f"kills {at}"] += 1
        self.worker = None

    @precondition(lambda self: self.worker and self.worker.doing and not self.worker.doing.silent)
    @rule()
    def it_is_killed_between_transaction_and_store(self) -> None:
        self.its_transaction_commits()
        self.it_is_killed()

    @precondition(lambda self: self.store.position > 0)
    @rule()
    def the_store_is_copied(self) -> None:
        self.snapshots.append(self.store.copy())

    @precondition(lambda self: not self.worker and self.store.position > 0)
    @rule(which=st.integers(0, 9))
    def an_older_store_or_none_is_put_back(self, which: int) -> None:
        self.store = self.snapshots[which % len(self.snapshots)].copy()
        happened["stale stores" if self.store.position else "missing stores"] += 1

    @precondition(lambda self: any(zombie.doing and not zombie.doing.silent for zombie in self.zombies))
    @rule()
    def a_zombie_commits_and_is_refused(self) -> None:
        for zombie in self.zombies:
            if zombie.doing and not zombie.doing.silent:
                with pytest.raises(Fenced):
                    zombie.commit()
                happened["zombies"] += 1
        self.zombies.clear()

    @rule(partition=st.integers(0, TOTALS - 1), size=st.sampled_from([1, 7, 1000]), end=st.integers(0, 3))
    def the_totals_take_a_batch(self, partition: int, size: int, end: int) -> None:
        """And are killed before the transaction (0), before the store (1), with their store (2), or not."""
        worker = self._totals(partition)
        if worker.may_step:
            worker.step(size)
            happened[f"totals {end}"] += 1
            if end and not worker.doing.silent:
                worker.commit()
            if end > 1 and worker.doing.silent:
                worker.write()
            if end == 2:
                self.totals_stores[partition] = Store()

    @invariant()
    def every_event_up_to_the_position_is_answered_once_and_in_order(self) -> None:
        if hasattr(self, "broker") and self.heard != len(self.broker.said):
            self.heard = len(self.broker.said)
            answers = self._answers()
            assert list(answers) == [(self.partition, offset) for offset in range(self.broker.position)]
            assert [normal(answer) for answer in answers.values()] == self.expected[: self.broker.position]

    def teardown(self) -> None:
        if not hasattr(self, "broker"):
            return
        self._recover()
        self.heard = -1
        self.every_event_up_to_the_position_is_answered_once_and_in_order()
        assert self.broker.position == len(self.log)
        undisturbed = Broker()
        worker = declarations(self.partition, self.log, undisturbed, Store())
        worker.step(len(self.log))
        worker.commit()
        assert self._said("receipts") == [said for said in undisturbed.said if said[0].endswith("receipts")]
        assert self._said("dead-letters") == [said for said in undisturbed.said if said[0].endswith("dead-letters")]
        counted = Engine(totals=self._published())
        assert lasting(counted.counters(), self.now) == lasting(self.oracle.counters, self.now)
        happened["runs"] += 1

    def _recover(self) -> None:
        worker = declarations(self.partition, self.log, self.broker, self.store)
        while worker.may_step or worker.may_post:
            worker.post(100) if worker.may_post else worker.step(100)
            if not worker.doing.silent:
                self.partials.append(worker.commit(), self.now)
            worker.write()
        for partition in range(TOTALS):
            worker = self._totals(partition)
            while worker.may_step:
                worker.step(1000)
                if not worker.doing.silent:
                    worker.commit()
                worker.write()

    def _totals(self, partition: int) -> Worker:
        log = self.partials.logs[partition]
        return totals(partition, log, self.totals_brokers[partition], self.totals_stores[partition])

    def _said(self, topic: str) -> list[Said]:
        return [said for said in self.broker.said if said[0].endswith(topic)]

    def _answers(self) -> dict[tuple[int, int], Any]:
        """By partition and offset, in the order of offsets; the engine refuses a second answer to an event."""
        heard = Engine()
        for topic in ("receipts", "dead-letters"):
            told = self._said(topic)
            before = set(heard.answers)
            if told:
                _, keys, values, headers = zip(*told, strict=True)
                heard._hear(self.partition, Message(told[0][0], self.partition, keys, values, headers))
                fresh = [key for key in heard.answers if key not in before]
                assert fresh == sorted(fresh), "out of order"
        return dict(sorted(heard.answers.items()))

    def _published(self) -> dict[bytes, bytes | None]:
        newest: dict[bytes, bytes | None] = {}
        for broker in self.totals_brokers:
            newest |= {key: value for topic, key, value, _ in broker.said if topic != "counters.progress" and key}
        return newest


@pytest.mark.timeout(14_400)
def test_any_faults_leave_one_answer_to_every_event_and_the_figures_of_the_oracle(*, long: bool) -> None:
    happened.clear()
    profile = settings(
        max_examples=LONG if long else SHORT,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        print_blob=True,
    )
    run_state_machine_as_test(Faults, settings=profile)
    print(dict(sorted(happened.items())))
    assert happened["runs"] >= (LONG if long else SHORT)
    if long:
        kinds = ("takeovers", "silent batches", "silent postings", "stale stores", "missing stores", "zombies")
        assert all(happened[kind] for kind in kinds), happened
