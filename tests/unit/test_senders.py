"""Answers, the rules they name, and what came of each sender beside what it says it sent."""

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl
import pytest

from processor.engine import rules
from processor.engine.counters import SEPARATOR, count
from processor.flows.declarations.counters import COUNTERS
from processor.flows.declarations.entries import answered
from tests import events
from tests.entries import APPENDED, AT, Counted, enterprises, entries, prepared, totals
from tests.events import Record, at, control, declaration, item


def test_a_control_record_is_counted_on_the_day_it_is_about_whenever_it_comes() -> None:
    said = control(
        first_sequence=11, last_sequence=20, counts=[events.count("LODGED", 3, 500, 70), events.count("CLEARED", 2)]
    )
    found = entries([Counted(said, at=at("2025-03-09T10:00+08:00"))])
    assert totals("sender-control", found, "d") == {
        "20148 AGENT-1 LODGED": (0, 3, 0, 500, 0, 70),
        "20148 AGENT-1 CLEARED": (0, 2, 0, 0, 0, 0),
        "20148 AGENT-1 SEQUENCES": (0, 10, 0, 0, 0, 0),
    }
    assert [totals(name, found) for name in ("trade", "trade-with-groups", "duties", "permits")] == [{}] * 4
    assert enterprises(found) == {}


@pytest.mark.parametrize(("first", "last", "numbers"), [(0, 0, 0), (1, 1, 1), (1, 5, 5), (0, 5, 6), (7, 9, 3)])
def test_a_range_of_sequences_includes_both_ends(first: int, last: int, numbers: int) -> None:
    found = entries([Counted(control(first_sequence=first, last_sequence=last))])
    assert totals("sender-control", found, "d") == {"20148 AGENT-1 SEQUENCES": (0, numbers, 0, 0, 0, 0)}


def test_a_restatement_takes_the_place_of_what_was_stated() -> None:
    first = control(last_sequence=5, first_sequence=1, counts=[events.count("LODGED", 5), events.count("CLEARED", 1)])
    second = control(version=2, last_sequence=4, first_sequence=1, counts=[events.count("LODGED", 4)])
    found = entries([Counted(first), Counted(first, -1), Counted(second)])
    assert totals("sender-control", found, "d") == {
        "20148 AGENT-1 LODGED": (0, 4, 0, 0, 0, 0),
        "20148 AGENT-1 CLEARED": (0, 0, 0, 0, 0, 0),
        "20148 AGENT-1 SEQUENCES": (0, 4, 0, 0, 0, 0),
    }


KINDS = {"CustomsDeclaration": "LODGE", "ControlRecord": "STATE"}
FINDING = ("text", "文本", "expected")
SENT = {"revision": pl.Int32, "sent_at": pl.Int64, "sender_sequence": pl.Int64, "sender_id": pl.String}
ANSWERED = {
    "row": pl.UInt32,
    "source": pl.Int64,
    **dict.fromkeys(("record", "kind", "outcome"), pl.String),
    "appended": pl.Int64,
    **SENT,
}


class Answer(NamedTuple):
    """What became of a record: `findings` are pairs of rule and severity."""

    record: Record
    outcome: str = "ACCEPTED"
    findings: tuple[tuple[str, str], ...] = ()
    appended: int = APPENDED
    kind: str | None = None


def said(*answers: Answer) -> Mapping[str, pl.DataFrame]:
    """Entries of answers, as a batch of them gives."""
    batch = prepared([answer.record for answer in answers])
    names = [events.name_of(answer.record) for answer in answers]
    frame = pl.DataFrame(
        [
            (
                row,
                0,
                name,
                a.kind or KINDS.get(name, "ACCEPT"),
                a.outcome,
                a.appended,
                *(a.record[field] for field in SENT),
            )
            for row, (name, a) in enumerate(zip(names, answers, strict=True))
        ],
        schema=ANSWERED,
        orient="row",
    )
    found = [
        (row, 0, 0, rule, severity, "/", *FINDING)
        for row, answer in enumerate(answers)
        for rule, severity in answer.findings
    ]
    return answered(frame, rules.table(found), batch.beside)


def test_answers_are_counted_by_sender_record_and_outcome() -> None:
    found = said(
        Answer(declaration()),
        Answer(declaration(revision=2)),
        Answer(declaration(), "REFUSED"),
        Answer(events.status()),
        Answer(control(), "PARKED"),
    )
    assert totals("answers", found) == {
        "AGENT-1 CustomsDeclaration ACCEPTED": (2, 1),
        "AGENT-1 CustomsDeclaration REFUSED": (1, 1),
        "CUSTOMS DeclarationStatus ACCEPTED": (1, 1),
        "AGENT-1 ControlRecord PARKED": (1, 1),
    }


def test_rule_hits_tell_findings_from_events() -> None:
    found = said(
        Answer(declaration(), "REFUSED", (("D05", "ERROR"), ("D05", "ERROR"), ("D05", "WARNING"), ("E05", "ERROR"))),
        Answer(declaration(), "REFUSED", (("D05", "ERROR"),)),
        Answer(events.status(), "REFUSED", (("E05", "ERROR"),)),
        Answer(declaration()),
    )
    assert totals("rule-hits", found) == {
        "D05 ERROR CustomsDeclaration": (3, 2),
        "D05 WARNING CustomsDeclaration": (1, 1),
        "E05 ERROR CustomsDeclaration": (1, 1),
        "E05 ERROR DeclarationStatus": (1, 1),
    }
    assert totals("rule-hits", said(Answer(declaration()))) == {}


#   UTC        2025-02-28 15:59:59.999   16:00
#   Shanghai   2025-02-28 23:59:59.999   2025-03-01 00:00
@pytest.mark.parametrize(
    ("moment", "day"),
    [("2025-02-28T15:59:59.999Z", 20_147), ("2025-02-28T16:00Z", 20_148), ("2000-01-01T00:00Z", 10_957)],
)
def test_answers_are_of_the_platforms_day_and_what_was_received_of_the_day_it_was_sent(moment: str, day: int) -> None:
    late = said(Answer(declaration(), "REFUSED", (("D05", "ERROR"),), appended=at(moment)))
    assert list(totals("answers", late, "d")) == [f"{day} AGENT-1 CustomsDeclaration REFUSED"]
    assert list(totals("rule-hits", late, "d")) == [f"{day} D05 ERROR CustomsDeclaration"]
    sent = said(Answer(declaration(sent_at=at(moment))))
    assert list(totals("sender-control", sent, "d")) == [f"{day} AGENT-1 LODGED"]
    assert list(totals("answers", sent, "d")) == ["20148 AGENT-1 CustomsDeclaration ACCEPTED"]


def test_what_took_effect_or_waits_is_received_by_step_with_its_hash_totals() -> None:
    record = declaration(items=[item(total=5, currency="USD"), item(2, total=7)], net_mass=30)
    found = said(
        Answer(record),
        Answer(record, "ACCEPTED_WITH_WARNINGS"),
        Answer(declaration(net_mass=None), "PARKED"),
        *(Answer(record, outcome) for outcome in ("REFUSED", "CONFLICT", "DUPLICATE")),
        Answer(declaration(version=2), kind="AMEND"),
        Answer(events.status(sender_id="AGENT-1"), kind="RELEASE"),
        Answer(control()),
    )
    assert totals("sender-control", found, "d") == {
        "20148 AGENT-1 LODGED": (3, 0, 100_024, 0, 60, 0),
        "20148 AGENT-1 AMENDED": (1, 0, 100_000, 0, 500_000, 0),
        "20148 AGENT-1 RELEASED": (1, 0, 0, 0, 0, 0),
    }


def test_every_number_a_sender_gave_is_received_but_of_duplicates() -> None:
    numbered = [declaration(sender_sequence=1), events.status(sender_id="AGENT-1", sender_sequence=2)]
    outcomes = ("ACCEPTED", "REFUSED", "CONFLICT", "PARKED", "DUPLICATE", "DUPLICATE")
    found = said(
        *(Answer(record, outcome) for record in numbered for outcome in outcomes),
        Answer(control(sender_sequence=3, sent_at=AT)),
        Answer(declaration(), "REFUSED"),
    )
    assert totals("sender-control", found, "d")["20148 AGENT-1 SEQUENCES"] == (9, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("sender", ["", "x" * 65, "海关", "a\x1fb", "a\nb", "a\n"])
def test_a_sender_that_is_no_identifier_has_a_question_mark(sender: str) -> None:
    found = said(
        Answer(declaration(sender_id=sender, sender_sequence=5), "REFUSED"), Answer(declaration(sender_id="?"))
    )
    assert totals("answers", found) == {
        "? CustomsDeclaration REFUSED": (1, 1),
        "? CustomsDeclaration ACCEPTED": (1, 1),
    }
    assert {key: n[0] for key, n in totals("sender-control", found, "d").items()} == {
        "20148 ? SEQUENCES": 1,
        "20148 ? LODGED": 1,
    }


@pytest.mark.parametrize("sender", ["x" * 64, "a b", "~", " "])
def test_a_sender_that_is_one_keeps_its_name(sender: str) -> None:
    (key,) = count(
        [c for c in COUNTERS if c.name == "sender-control"], said(Answer(declaration(sender_id=sender))), 6
    ).keys
    assert key.decode().split(SEPARATOR)[3] == sender


@pytest.mark.parametrize("sent", [-(2**63), 2**63 - 1, at("2000-01-01T00:00Z") - 1, at("2100-01-01T00:00Z") + 1, 0])
def test_what_was_sent_on_no_day_there_is_adds_nothing_to_a_senders_days(sent: int) -> None:
    found = said(Answer(declaration(sent_at=sent, sender_sequence=5), "REFUSED"), Answer(events.status(sent_at=sent)))
    assert totals("sender-control", found, "d") == {}
    assert len(totals("answers", found)) == 2


def test_no_answers_count_as_nothing() -> None:
    found = said()
    assert set(found) == {"answer", "finding", "control"}
    assert [totals(name, found) for name in ("answers", "rule-hits", "sender-control")] == [{}] * 3
