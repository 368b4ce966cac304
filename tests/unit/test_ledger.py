"""The ledger, against figures worked out by hand."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from connectors.simulator import Content, Fact, Ledger, Message, Plan, generate
from connectors.simulator.partitions import partition_of
from tests.oracle import Oracle
from tests.oracle_decode import LogRecord

NUMBER = "425820261000000001"
IMPORT = Content("CN", "IMPORT", "4258", "KZ", "CNY", (("27", 100_00, 5_000), ("27", 50_00, 1_000), ("52", 25_00, 0)))
EXPORT = Content("CN", "EXPORT", "4258", "UZ", "USD", (("87", 900_00, 1_800_000),))


def at(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


NOON = at("2026-03-10T04:00:30")
"""12:00:30 in Shanghai, 13:00:30 in Seoul."""


class Log:
    """Sends events of one declaration to a ledger; a new event id each unless told."""

    def __init__(self, number: str = NUMBER, ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger()
        self.number = number
        self.sent = 0

    def event(self, kind, time=NOON, *, version=1, content=None, identity=None, body=None, errors=(), warnings=()):
        self.sent += 1
        identity = ("agent", identity or f"E{self.sent}", 1)
        body = body or f"{kind}{version}{time}{content}".encode()
        fact = Fact(self.number, identity, body, kind, version, time, content, errors, warnings)
        return self.ledger.observe(Message(self.number.encode(), b"", None, fact), datetime(2026, 3, 11, tzinfo=UTC))

    def outcomes(self, *events):
        return [self.event(*event[:2], **(event[2] if len(event) > 2 else {})).outcome for event in events]

    def partner(self, window="ALL_TIME", start=None, dims=("KZ", "IMPORT", "CN", "CNY")):
        return self.ledger.counters.get(("trade-by-partner", window, start, dims), (0, 0, 0))

    def chapter(self, chapter, dims=("IMPORT", "CN", "CNY")):
        return self.ledger.counters.get(("trade-by-chapter", "ALL_TIME", None, (chapter, *dims)), (0, 0, 0))

    def stage(self, stage, window="ALL_TIME", start=None, dims=("4258", "IMPORT", "CN")):
        return self.ledger.counters.get(("declarations-by-stage", window, start, (stage, *dims)), (0,))[0]


def test_a_plain_import_counts_at_release():
    log = Log()
    log.event("LODGE", NOON, content=IMPORT)
    log.event("ACCEPT", NOON + 60_000)
    assert log.partner() == (0, 0, 0)
    answer = log.event("RELEASE", NOON + 120_000)
    assert answer == ("ACCEPTED", "RELEASED", (), None)
    assert log.partner() == (1, 175_00, 6_000)
    assert log.chapter("27") == (2, 150_00, 6_000)
    assert log.chapter("52") == (1, 25_00, 0)
    log.event("CLEAR", NOON + 180_000)
    assert log.partner() == (1, 175_00, 6_000)
    assert log.partner("MINUTE", at("2026-03-10T04:02:00")) == (1, 175_00, 6_000)
    assert log.partner("DAY", at("2026-03-09T16:00:00")) == (1, 175_00, 6_000)
    assert log.partner("MONTH", at("2026-02-28T16:00:00")) == (1, 175_00, 6_000)
    assert log.partner("YEAR", at("2025-12-31T16:00:00")) == (1, 175_00, 6_000)
    # 4 events in 5 windows each; 1 partner and 2 chapters in 5 windows each; day, month, year, all time are shared
    assert len(log.ledger.counters) == 4 * 5 + 3 * 5
    assert [log.stage(stage) for stage in ("LODGED", "ACCEPTED", "RELEASED", "CLEARED")] == [1, 1, 1, 1]


def test_an_export_counts_only_at_clearance():
    log = Log()
    log.event("LODGE", content=EXPORT)
    log.event("ACCEPT")
    log.event("RELEASE")
    dims = ("UZ", "EXPORT", "CN", "USD")
    assert log.partner(dims=dims) == (0, 0, 0)
    log.event("CLEAR", at("2026-03-10T20:00:00"))
    assert log.partner(dims=dims) == (1, 900_00, 1_800_000)
    assert log.partner("DAY", at("2026-03-10T16:00:00"), dims) == (1, 900_00, 1_800_000)


def test_an_amendment_after_release_moves_the_value_within_the_window_of_the_release():
    log = Log()
    for kind in ("LODGE", "ACCEPT", "RELEASE"):
        log.event(kind, NOON, content=IMPORT if kind == "LODGE" else None)
    dearer = IMPORT._replace(partner="RU", items=(("27", 300_00, 7_000),))
    log.event("AMEND", NOON + 86_400_000 // 2, version=2, content=dearer)
    minute = at("2026-03-10T04:00:00")
    assert log.partner("MINUTE", minute) == (0, 0, 0)
    assert log.partner("MINUTE", minute, ("RU", "IMPORT", "CN", "CNY")) == (1, 300_00, 7_000)
    assert log.chapter("27") == (1, 300_00, 7_000)
    assert log.chapter("52") == (0, 0, 0)
    assert log.stage("AMENDED") == 1
    assert ("trade-by-partner", "MINUTE", minute, ("KZ", "IMPORT", "CN", "CNY")) in log.ledger.counters


def test_a_cancellation_after_release_takes_the_trade_away_but_not_the_stages():
    log = Log()
    events = [("LODGE", NOON, {"content": IMPORT}), ("ACCEPT", NOON), ("RELEASE", NOON), ("CANCEL", NOON)]
    assert log.outcomes(*events) == ["ACCEPTED"] * 4
    assert log.partner() == (0, 0, 0)
    assert log.chapter("27") == (0, 0, 0)
    assert [log.stage(stage) for stage in ("LODGED", "ACCEPTED", "RELEASED", "CANCELLED")] == [1, 1, 1, 1]
    assert log.event("CLEAR") == ("REFUSED", "CANCELLED", ("E05",), None)


def test_a_duplicate_counts_once_and_other_content_is_a_conflict():
    log = Log()
    log.event("LODGE", content=IMPORT, identity="A", body=b"one")
    assert log.event("LODGE", content=IMPORT, identity="A", body=b"one") == ("DUPLICATE", "LODGED", (), None)
    assert log.event("LODGE", content=IMPORT, identity="A", body=b"two").outcome == "CONFLICT"
    assert log.event("LODGE", content=IMPORT, identity="B", body=b"one") == ("CONFLICT", "LODGED", ("E03",), None)
    assert log.stage("LODGED") == 1
    assert log.ledger.receipts == {"ACCEPTED": 1, "DUPLICATE": 1, "CONFLICT": 2}


def test_a_step_before_its_declaration_is_parked_and_then_applied_at_its_own_time():
    # log:        RELEASE  ACCEPT  LODGE
    # event time: 06:00    05:00   04:00:30
    log = Log()
    assert log.event("RELEASE", at("2026-03-10T06:00:00")).outcome == "PARKED"
    assert log.event("ACCEPT", at("2026-03-10T05:00:00")) == ("PARKED", "NONE", (), None)
    assert log.event("LODGE", content=IMPORT) == ("ACCEPTED", "LODGED", (), None)
    assert log.stage("ACCEPTED", "MINUTE", at("2026-03-10T05:00:00")) == 1
    assert log.partner("MINUTE", at("2026-03-10T06:00:00")) == (1, 175_00, 6_000)
    assert log.event("CLEAR").state == "CLEARED"


def test_version_three_waits_for_version_two():
    log = Log()
    two, three = (IMPORT._replace(items=(("27", total, 0),)) for total in (2_00, 3_00))
    events = [("LODGE", NOON, {"content": IMPORT}), ("ACCEPT", NOON), ("RELEASE", NOON)]
    log.outcomes(*events)
    assert log.event("AMEND", version=3, content=three).outcome == "PARKED"
    assert log.partner()[1] == 175_00
    assert log.event("AMEND", version=2, content=two).outcome == "ACCEPTED"
    assert log.partner() == (1, 3_00, 0)
    assert log.stage("AMENDED") == 2
    assert log.event("AMEND", version=2, content=two) == ("CONFLICT", "RELEASED", ("E03",), None)


def test_a_status_for_a_later_version_waits_for_the_amendment():
    log = Log()
    log.event("LODGE", content=IMPORT)
    assert log.event("ACCEPT", version=2).outcome == "PARKED"
    assert log.event("AMEND", version=2, content=IMPORT).state == "LODGED"
    assert log.stage("ACCEPTED") == 1


def test_a_parked_step_lapses_when_the_declaration_takes_another_course():
    log = Log()
    log.event("LODGE", content=IMPORT)
    assert log.event("RELEASE", identity="R").outcome == "PARKED"
    log.event("CANCEL")
    assert log.stage("RELEASED") == 0
    assert log.event("RELEASE", identity="R").outcome == "DUPLICATE"


def test_a_ninth_parked_event_is_refused():
    log = Log()
    assert [log.event("ACCEPT").outcome for _ in range(9)] == ["PARKED"] * 8 + ["REFUSED"]


def test_parked_events_are_tried_from_the_oldest_again_after_each_that_is_applied():
    log = Log()
    log.event("LODGE", content=EXPORT)
    for kind in ("CLEAR", "RELEASE", "INSPECT"):
        log.event(kind)
    log.event("ACCEPT")
    # RELEASE is the oldest that is legal; then CLEAR is; INSPECT lapses
    dims = ("4258", "EXPORT", "CN")
    assert [log.stage(s, dims=dims) for s in ("RELEASED", "CLEARED", "INSPECTED")] == [1, 1, 0]


def test_days_end_at_midnight_in_shanghai():
    before, after = Log(), Log("425820261000000002")
    after.ledger = before.ledger
    before.event("LODGE", at("2026-03-10T15:59:59"), content=IMPORT)
    after.event("LODGE", at("2026-03-10T16:00:00"), content=IMPORT)
    assert before.stage("LODGED", "DAY", at("2026-03-09T16:00:00")) == 1
    assert before.stage("LODGED", "DAY", at("2026-03-10T16:00:00")) == 1
    assert before.stage("LODGED", "MONTH", at("2026-02-28T16:00:00")) == 2


def test_korean_days_end_an_hour_earlier():
    log = Log("KR2600000000001")
    korean = IMPORT._replace(jurisdiction="KR", office="020", partner="CN")
    log.event("LODGE", at("2026-03-10T15:30:00"), content=korean)
    dims = ("020", "IMPORT", "KR")
    assert log.stage("LODGED", "DAY", at("2026-03-10T15:00:00"), dims) == 1
    assert log.stage("LODGED", "YEAR", at("2025-12-31T15:00:00"), dims) == 1


def test_a_refused_lodgement_occupies_nothing_and_is_corrected():
    log = Log()
    refused = log.event("LODGE", identity="A", body=b"wrong", errors=("D16", "D05"))
    assert refused == ("REFUSED", "NONE", ("D05", "D16"), None)
    assert log.event("LODGE", identity="A", body=b"right", content=IMPORT).outcome == "ACCEPTED"
    assert log.stage("LODGED") == 1


def test_a_rejected_declaration_comes_back_by_an_amendment():
    log = Log()
    events = [
        ("LODGE", NOON, {"content": IMPORT}),
        ("REJECT", NOON),
        ("ACCEPT", NOON),
        ("AMEND", NOON, {"version": 2, "content": IMPORT}),
        ("REJECT", NOON),
        ("ACCEPT", NOON, {"version": 2}),
    ]
    assert log.outcomes(*events) == ["ACCEPTED", "ACCEPTED", "REFUSED", "ACCEPTED", "REFUSED", "ACCEPTED"]


def test_an_amendment_that_turns_the_flow_takes_away_or_counts_from_its_own_time():
    log = Log("KR2600000000002")
    korean = IMPORT._replace(jurisdiction="KR", items=(("27", 1_00, 1),))
    for kind in ("LODGE", "ACCEPT", "RELEASE"):
        log.event(kind, content=korean if kind == "LODGE" else None)
    imports, exports = (("KZ", flow, "KR", "CNY") for flow in ("IMPORT", "EXPORT"))
    assert log.partner(dims=imports) == (1, 1_00, 1)
    log.event("AMEND", version=2, content=korean._replace(flow="EXPORT"))
    assert log.partner(dims=imports) == log.partner(dims=exports) == (0, 0, 0)
    log.event("AMEND", at("2026-03-10T08:00:00"), version=3, content=korean)
    assert log.partner("MINUTE", at("2026-03-10T08:00:00"), imports) == (1, 1_00, 1)


def test_a_minute_lives_for_two_days_and_what_depends_on_the_broker_is_refused():
    log = Log()
    log.event("LODGE", at("2026-03-09T01:30:00"), content=IMPORT)
    log.event("ACCEPT", at("2026-03-08T23:59:59"))
    assert log.stage("LODGED", "MINUTE", at("2026-03-09T01:30:00")) == 1
    assert log.stage("ACCEPTED", "MINUTE", at("2026-03-08T23:59:00")) == 0
    assert log.stage("ACCEPTED", "DAY", at("2026-03-08T16:00:00")) == 1
    with pytest.raises(ValueError, match="depends on when the broker appends"):
        log.event("RELEASE", at("2026-03-09T00:30:00"))


def test_a_warning_of_the_future_must_be_certain():
    log = Log()
    append = datetime(2026, 3, 11, tzinfo=UTC)
    future = int((append + timedelta(hours=3)).timestamp() * 1000)
    assert log.event("LODGE", future, content=IMPORT, warnings=("W01",)).outcome == "ACCEPTED_WITH_WARNINGS"
    with pytest.raises(ValueError, match="warned of"):
        log.event("ACCEPT", future)
    with pytest.raises(ValueError, match="warned of"):
        log.event("ACCEPT", NOON, warnings=("W01",))


def test_dead_letters_are_counted_by_reason_and_change_nothing():
    ledger = Ledger()
    answer = ledger.observe(Message(b"4258", None, None, None, "null_value"), datetime(2026, 3, 11, tzinfo=UTC))
    assert answer.dead_letter == "null_value"
    assert ledger.dead_letters == {"null_value": 1}
    assert not ledger.counters
    assert not ledger.receipts


@pytest.mark.parametrize("seed", [1, 2])
def test_the_ledger_agrees_with_the_oracle_which_reads_only_the_bytes(seed):
    shares = {"errors": 0.15, "late": 0.08, "duplicates": 0.05, "amend": 0.1, "cancel": 0.05, "bad": 0.02}
    plan = Plan(events=8_000, seed=seed, start=datetime(2026, 3, 1, 2, tzinfo=UTC), confluent=0.02, **shares)
    ledger, oracle, offsets = Ledger(), Oracle(), Counter()
    appended = int(plan.end.timestamp() * 1000)
    for message in generate(plan):
        partition = message.partition if message.partition is not None else partition_of(message.key, 8)
        record = LogRecord(partition, offsets[partition], appended, message.key, message.value)
        offsets[partition] += 1
        answer, said = ledger.observe(message, plan.end), oracle.feed(record)
        if said[0] == "receipt":
            assert answer == (said[1], said[2], tuple(sorted({finding[0] for finding in said[3]})), None)
        else:
            assert answer.dead_letter == said[1]
    assert ledger.counters == {key: tuple(total) for key, total in oracle.counters.items()}
