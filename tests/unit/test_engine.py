"""The engine against hand-worked scenarios and, for any log, batching, order of speaking and restart, the oracle."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemas
from processor import reference
from processor.engine.counters import MINUTE_LIFETIME_MS
from processor.engine.flow import RegisterFold
from processor.engine.model import Batch, LogRecord, Source
from processor.flows import declarations
from tests import events, strategies
from tests.engine import PARTITIONS, TOTALS, Engine, Memory
from tests.oracle import Answer, CounterKey, Oracle
from tests.oracle_decode import LogRecord as OracleRecord
from tests.oracle_decode import partition_of
from tests.scenarios import SCENARIOS, Scenario
from tests.spoils import CONTROL_SPOILS, DECLARATION_SPOILS, STATUS_SPOILS

NEVER_STOPS = 2**31
Counters = dict[CounterKey, tuple[int, ...]]


def normal(answer: Answer) -> Answer:
    """An answer with its findings in one order: rules decide the order, the oracle another."""
    if answer[0] == "dead letter":
        return answer
    kind, outcome, state, findings, advice = answer
    return kind, outcome, state, sorted(findings), advice


def by_partition(records: list[OracleRecord]) -> dict[int, list[LogRecord]]:
    parts: dict[int, list[LogRecord]] = {p: [] for p in range(PARTITIONS)}
    for r in records:
        parts[r.partition].append(LogRecord(r.offset, r.timestamp_ms, r.key, r.value))
    return parts


def lasting(counters: Counters, until: int) -> Counters:
    """Counters without zeros, and without minutes that have outlived their 48 hours: these the engine drops, the
    oracle keeps.
    """
    return {
        key: measures
        for key, measures in counters.items()
        if any(measures) and (key[1] != "MINUTE" or (key[2] or 0) + MINUTE_LIFETIME_MS > until)
    }


@pytest.mark.parametrize("size", [NEVER_STOPS, 1], ids=["one batch", "singly"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_a_scenario_is_answered_and_counted_as_written(scenario: Scenario, size: int) -> None:
    engine, records = Engine(), scenario.records()
    for partition, log in by_partition(records).items():
        for at in range(0, len(log), size):
            engine.feed(partition, log[at : at + size])
    now = records[-1].timestamp_ms
    engine.publish(now)
    answers = [engine.answers[r.partition, r.offset] for r in records]
    assert answers == [normal(answer) for answer in scenario.answers()]
    oracle = Oracle()
    oracle.feed_all(records)
    expired = {key: v for key, v in oracle.counters.items() if key not in lasting(oracle.counters, now)}
    assert scenario.differences({**expired, **lasting(engine.counters(), now)}, absent_is_zero=True) == []


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.logs(max_size=36), st.data())
def test_the_engine_is_the_oracle_for_any_log_batching_and_restart(
    records: list[OracleRecord], data: st.DataObject
) -> None:
    oracle, engine, old = Oracle(), Engine(), dict[int, Memory]()
    expected = {(r.partition, r.offset): normal(oracle.feed(r)) for r in records}
    for partition, log in by_partition(records).items():
        position = spoken = 0
        while position < len(log):
            if position:
                # a worker without a store, or with an old one, folds again, silently, up to where it had spoken
                kept = [engine.stores[partition], engine.stores[partition], Memory(), old.get(partition, Memory())]
                store = engine.stores[partition] = copy.deepcopy(data.draw(st.sampled_from(kept), label="store"))
                position = store.position
                if data.draw(st.booleans(), label="a copy to come back to"):
                    old[partition] = copy.deepcopy(store)
            size = data.draw(st.sampled_from([1, 2, 5, len(log), len(log)]), label="batch")
            end = min(position + size, spoken if position < spoken else len(log))
            engine.feed(partition, log[position:end], silent=position < spoken)
            position, spoken = end, max(spoken, end)
        if data.draw(st.booleans(), label="publish"):
            engine.publish(log[-1].timestamp if log else 0)
    now = max((r.timestamp_ms for r in records), default=0)
    engine.publish(now)
    assert engine.answers == expected
    assert lasting(engine.counters(), now) == lasting(oracle.counters, now)


def test_every_edge_of_a_rule_is_judged_and_counted_alike() -> None:
    made: list[events.Record] = []
    for serial, spoil in enumerate(DECLARATION_SPOILS, 100):
        for n, korea in ((events.number(serial), {}), (f"KR-{serial}", {"jurisdiction": "KR", "procedure": "11"})):
            declared = events.declaration(n, **korea) | spoil.changes
            steps = [events.status(events.key_of(declared), step) for step in ("ACCEPTED", "RELEASED", "CLEARED")]
            made += [declared, *steps]
    made += [events.status(events.number(s)) | spoil.changes for s, spoil in enumerate(STATUS_SPOILS, 1000)]
    made += [events.control(f"S-{s}") | {"sender_id": f"S-{s}"} | x.changes for s, x in enumerate(CONTROL_SPOILS)]
    records = events.log([(event, events.at("2025-04-01T12:00+08:00")) for event in made])
    oracle, engine = Oracle(), Engine()
    expected = {(r.partition, r.offset): normal(oracle.feed(r)) for r in records}
    for partition, log in by_partition(records).items():
        engine.feed(partition, log)
    engine.publish(records[-1].timestamp_ms)
    assert engine.answers == expected
    assert lasting(engine.counters(), records[-1].timestamp_ms) == lasting(oracle.counters, records[-1].timestamp_ms)


def test_a_new_schema_version_leaves_a_duplicate_a_duplicate(tmp_path: Path) -> None:
    flow = declarations.flow(reference.load())
    old = {name: schemas.versions(name) for name in schemas.names()}
    described = json.loads(schemas.latest("CustomsDeclaration").text)
    described["fields"].append({"name": "note", "type": ["null", "string"], "default": None})
    path = tmp_path / "CustomsDeclaration.v9.avsc"
    path.write_text(json.dumps(described), encoding="utf-8")
    new = {**old, "CustomsDeclaration": (*old["CustomsDeclaration"], schemas._read(path))}
    lodged = events.raw(events.declaration())
    store, source = Memory(), Source("customs.declarations", partition_of(lodged.key or b""), PARTITIONS)
    told = []
    for offset, versions in enumerate((old, new)):
        record = LogRecord(offset, events.at("2025-03-01T12:00+08:00"), lodged.key, lodged.value)
        outcome = RegisterFold(flow, versions, TOTALS).step(source, Batch([record], offset, offset + 1), store)
        store.write(outcome)
        told += [schemas.decode(v)[1]["outcome"] for m in outcome.messages for v in m.values if v is not None]
    assert told == ["ACCEPTED", "DUPLICATE"]


def test_an_identity_taken_again_after_its_row_expired_in_the_same_batch_is_remembered_once() -> None:
    #   lodged ... 1,101 days ... lodged anew | the same once more, in another batch
    lodged = events.raw(events.declaration())
    moments = ("2025-03-01T12:00+08:00", "2028-03-06T12:00+08:00", "2028-03-06T12:01+08:00")
    records = events.log([(lodged, events.at(moment)) for moment in moments])
    log, oracle, engine = by_partition(records)[records[0].partition], Oracle(), Engine()
    expected = [normal(answer) for answer in map(oracle.feed, records)]
    assert [answer[1] for answer in expected] == ["ACCEPTED", "ACCEPTED", "DUPLICATE"]
    engine.feed(records[0].partition, log[:2])
    engine.feed(records[0].partition, log[2:])
    assert [engine.answers[r.partition, r.offset] for r in records] == expected
