"""The bench's plain business does what the engine does, and its verdicts are right."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

import schemas
from connectors.simulator.ledger import Ledger
from connectors.simulator.partitions import partition_of
from connectors.simulator.traffic import Plan, generate
from processor.engine.model import LogRecord
from tests.bench import contest, soak
from tests.bench.plain.fold import Answer, answer
from tests.bench.plain.state import Dicts
from tests.bench.rivals.run import Result
from tests.bench.targets import TARGETS, judged, reported, row, status, table
from tests.engine import PARTITIONS, Engine
from tests.unit.test_engine import lasting

EVENTS = 2_000


def nonzero(figures):
    return {key: measures for key, measures in figures.items() if any(measures)}


class Log:
    """Simulated traffic with many faults, at an append time; what the ledger says of each record."""

    def __init__(self, **shares: float):
        self.now = datetime.now(UTC)
        plan = Plan(EVENTS, seed=11, errors=0.12, bad=0.02, confluent=0.2, duplicates=0.05, amend=0.08, **shares)
        self.messages = list(generate(plan))
        self.ledger = Ledger()
        self.said = [self.ledger.observe(message, self.now) for message in self.messages]
        ends: Counter[int] = Counter()
        self.places = []
        for message in self.messages:
            hashed = message.partition is None
            partition = partition_of(message.key or b"", PARTITIONS) if hashed else message.partition
            self.places.append((partition, ends[partition]))
            ends[partition] += 1
        self.appended = int(self.now.timestamp() * 1000)
        self.plain = Dicts()
        self.answers = self.folded(self.plain)

    def folded(self, state: Dicts) -> list[Answer]:
        """All of it by the plain business."""
        return [
            answer(state, *place, self.appended, message.key, message.value)
            for place, message in zip(self.places, self.messages, strict=True)
        ]


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


def test_the_plain_business_answers_every_event_as_the_ledger_and_the_engine_do(log: Log) -> None:
    engine = Engine()
    for partition in range(PARTITIONS):
        records = [
            LogRecord(offset, log.appended, message.key, message.value)
            for (at, offset), message in zip(log.places, log.messages, strict=True)
            if at == partition
        ]
        engine.feed(partition, records)
    for place, said, ours in zip(log.places, log.said, log.answers, strict=True):
        if ours.receipt is None:
            assert ours.outcome == said.dead_letter
            assert engine.answers[place] == ("dead letter", ours.outcome)
            continue
        told = schemas.decode(ours.receipt)[1]
        found = [(f["rule"], f["severity"], f["pointer"]) for f in told["findings"]]
        receipt = ("receipt", told["outcome"], told["state"], sorted(found), told["advice"])
        assert engine.answers[place] == receipt
        assert (said.outcome, said.state) == receipt[1:3]
    engine.publish(log.appended)
    assert lasting(log.plain.figures(), log.appended) == lasting(engine.counters(), log.appended)


def test_the_plain_business_counts_what_the_ledger_counts(log: Log) -> None:
    sure = {key: measures for key, measures in nonzero(log.ledger.counters).items() if not log.ledger.unsure(key)}
    assert {k: v for k, v in nonzero(log.plain.figures()).items() if not log.ledger.unsure(k)} == sure
    assert len(sure) > EVENTS


def test_what_a_store_of_json_gives_back_is_folded_the_same(log: Log) -> None:
    class Stored(Dicts):
        def __init__(self) -> None:
            super().__init__()
            texts: dict[str, str] = {}
            self.row = lambda number: json.loads(texts.get(number, "null"))
            self.put_row = lambda number, row: texts.__setitem__(number, json.dumps(row))
            self.document = lambda number: json.loads(texts["d" + number])
            self.put_document = lambda number, kept: texts.__setitem__("d" + number, json.dumps(kept))

    stored = Stored()
    assert log.folded(stored) == log.answers
    assert stored.figures() == log.plain.figures()


def test_a_difference_in_a_figure_a_dead_letter_or_a_receipt_is_told(log: Log) -> None:
    right = Result(EVENTS, 0.0, 1.0, 1.0, 1, log.plain.figures(), log.ledger.dead_letters)
    assert contest.differences(right, log.ledger) == []
    key = next(k for k, v in right.figures.items() if k[0] == "trade" and any(v))
    off = {**right.figures, key: tuple(n + 1 for n in right.figures[key])}
    assert contest.differences(Result(EVENTS, 0.0, 1.0, 1.0, 1, off, right.dead_letters), log.ledger) == [
        (key, off[key], right.figures[key])
    ]
    lost = Result(EVENTS, 0.0, 1.0, 1.0, 1, right.figures, Counter())
    assert len(contest.differences(lost, log.ledger)) == 1


GOOD = {target.name: target.target for target in TARGETS}


def test_what_is_exactly_at_every_target_holds() -> None:
    rows = judged(GOOD, {}, quick=False)
    assert [each.held for each in rows] == [True] * len(TARGETS)
    assert status(rows) == 0


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_one_missed_target_fails_the_whole_and_is_shown_with_its_figure_and_a_reason(target) -> None:
    missed = target.target * (0.99 if target.least else 1.01)
    rows = judged({**GOOD, target.name: missed}, {}, quick=False)
    assert status(rows) == 1
    shown = next(line for line in table(rows).splitlines() if line.startswith(target.name))
    assert "MISSED" in shown
    assert target.why in shown
    assert target.why
    assert table(rows).count("MISSED") == 1


def test_a_target_that_was_not_measured_is_missed() -> None:
    rows = judged({name: figure for name, figure in GOOD.items() if name != "restart_seconds"}, {}, quick=False)
    assert status(rows) == 1
    assert "not measured" in table(rows)


def test_a_stretch_decides_nothing() -> None:
    target = TARGETS[0]
    assert target.stretch is not None
    assert row(target, {target.name: target.target}).held
    assert row(target, {target.name: target.stretch}).held


def test_a_ratio_below_seven_tenths_of_the_accepted_one_fails() -> None:
    accepted = {"ratios.bare_loop": 4.0}
    assert status(judged({**GOOD, "ratios.bare_loop": 2.8}, accepted, quick=False)) == 0
    rows = judged({**GOOD, "ratios.bare_loop": 2.79}, accepted, quick=False)
    assert status(rows) == 1
    assert "0.70 of the accepted 4" in table(rows)
    without = judged({k: v for k, v in GOOD.items() if k != "ratios.bare_loop"}, accepted, quick=False)
    assert [each.held for each in without].count(False) == 2


def test_the_quick_form_is_judged_by_its_smaller_register() -> None:
    smaller = {**GOOD, "growth_100k_over_10k": 0.6}
    assert status(judged(smaller, {}, quick=False)) == 0
    assert status(judged(smaller, {}, quick=True)) == 1


def test_figures_without_a_target_are_shown_and_decide_nothing() -> None:
    results = {**GOOD, "peak_mb": 700.0}
    rows = judged(results, {}, quick=False)
    more = reported(results, rows)
    assert [each.name for each in more] == ["peak_mb"]
    assert status([*rows, *more]) == 0
    assert "700" in table([*rows, *more])


#   MB  500 |   ........____  fills, then stays: flat        500 |     ....'```  goes on growing: not
#       400 |...                                              400 |....
#            1st  2nd  3rd  4th quarter
def test_memory_that_fills_and_stays_is_flat_and_memory_that_grows_is_not() -> None:
    fills = [(float(s), 300.0 + min(s, 100)) for s in range(400)]
    grows = [(float(s), 300.0 + 0.3 * s) for s in range(400)]
    assert soak.judged(fills) == soak.Verdict(400.0, 400.0, 0.0)
    assert soak.judged(fills).flat
    assert round(soak.judged(grows).slope_mb_per_hour) == 1080
    assert not soak.judged(grows).flat
    assert soak.Verdict(100.0, 105.0, 0.0).flat
    assert not soak.Verdict(100.0, 105.1, 0.0).flat
