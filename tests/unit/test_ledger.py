"""The ledger, against figures worked out by hand."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from connectors.simulator import Content, Fact, Ledger, Message, Plan, generate
from connectors.simulator.ledger import month_rate
from connectors.simulator.ledger.book import bucket
from connectors.simulator.ledger.rates import month_of, third_wednesday
from connectors.simulator.ledger.valuation import half_even
from connectors.simulator.messages import Charge, Count, Item
from connectors.simulator.partitions import partition_of
from tests.oracle import Oracle
from tests.oracle_decode import LogRecord

NUMBER = "425820261000000001"
TEN_MARCH = (date(2026, 3, 10) - date(1970, 1, 1)).days
DAY, MONTH, YEAR = (
    int(datetime.fromisoformat(text + "T00:00+08:00").timestamp() * 1000)
    for text in ("2026-03-10", "2026-03-01", "2026-01-01")
)
TOLD = datetime(2026, 3, 11, tzinfo=UTC)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


NOON = at("2026-03-10T04:00:30")
"""12:00:30 in Shanghai, 13:00:30 in Seoul."""


def item(code="2709000000", total=100_00, mass=5_000, *, origin="KZ", destination=None, currency="CNY", **more):
    return Item(code, total, currency, origin, destination, mass, more.get("quantity"), more.get("unit"))


def declared(*items, **fields):
    """An import in yuan, under CIF, by a trader of Jiaozhou; not through the platform."""
    usual = Content(
        jurisdiction="CN",
        flow="IMPORT",
        channel="OTHER",
        office="4258",
        date=TEN_MARCH,
        procedure="0110",
        mode="3",
        trade_country="KZ",
        trader="T1",
        province="37",
        city="3702",
        district="370281",
        zone=None,
        arrival=None,
        terms="1",
        gross_mass=10_000_000,
        net_mass=9_000,
        used=False,
        freight=Charge(),
        insurance=Charge(),
        rates=(),
        items=items,
        duties=(),
        permits=(),
    )
    return usual._replace(**fields)


IMPORT = declared(item(), item(total=50_00, mass=1_000), item("5201000010", 25_00, None))
EXPORT = declared(item("8703800010", 900_00, 1_800_000, origin="CN"), flow="EXPORT", trade_country="UZ", terms="3")


class Log:
    """Sends events of one number to a ledger; a new event id each unless told."""

    def __init__(self, number: str = NUMBER, ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger()
        self.number = number
        self.sent = 0

    def event(self, kind, time=NOON, *, version=1, content=None, identity=None, body=None, **more):
        self.sent += 1
        record = "ControlRecord" if isinstance(content, Count) else "CustomsDeclaration" if content else ""
        fact = Fact(
            record=record or "DeclarationStatus",
            number=self.number,
            identity=(more.pop("sender", "agent"), identity or f"E{self.sent}", more.pop("revision", 1)),
            body=body or f"{kind}{version}{time}{content}".encode(),
            kind=kind,
            version=version,
            event_time=time,
            sent_at=more.pop("sent_at", time),
            sequence=more.pop("sequence", 0),
            content=content,
            **more,
        )
        return self.ledger.observe(Message(self.number.encode(), b"", None, fact), TOLD)

    def course(self, content, *kinds, time=NOON):
        """The content lodged, and these steps after it, all at once."""
        for kind in ("LODGE", *kinds):
            self.event(kind, time, content=content if kind == "LODGE" else None)
        return self

    def outcomes(self, *events):
        return [self.event(*event[:2], **(event[2] if len(event) > 2 else {})).outcome for event in events]

    def figure(self, counter, *dims, window="ALL_TIME", start=None):
        return self.ledger.counters.get((counter, window, start, dims))

    def trade(self, breakdown, code, flow="IMPORT", jurisdiction="CN", window="ALL_TIME", start=None):
        found = self.figure("trade", breakdown, code, flow, jurisdiction, window=window, start=start)
        return found or (0, 0, 0, 0, 0, 0)

    def stage(self, stage, *place, window="ALL_TIME", start=None):
        place = place or ("4258", "IMPORT", "CN")
        found = self.figure("declarations-by-stage", stage, *place, window=window, start=start)
        return found[0] if found else 0


def answered(answer):
    return answer.outcome, answer.state, answer.rules


# Trade: when it counts, and where


def test_a_plain_import_counts_at_release():
    log = Log()
    log.event("LODGE", NOON, content=IMPORT)
    log.event("ACCEPT", NOON + 60_000)
    assert log.trade("PARTNER", "KZ") == (0, 0, 0, 0, 0, 0)
    answer = log.event("RELEASE", NOON + 120_000)
    assert answered(answer) == ("ACCEPTED", "RELEASED", ())
    log.event("CLEAR", NOON + 180_000)
    whole, oil = (1, 3, 175_00, 6_000, 0, 0), (1, 2, 150_00, 6_000, 0, 0)
    expected = {
        ("TOTAL", "ALL"): whole,
        ("PARTNER", "KZ"): whole,
        ("CHAPTER", "27"): oil,
        ("CHAPTER", "52"): (1, 1, 25_00, 0, 0, 0),
        ("SECTION", "V"): oil,
        ("SECTION", "XI"): (1, 1, 25_00, 0, 0, 0),
        ("HEADING", "2709"): oil,
        ("HEADING", "5201"): (1, 1, 25_00, 0, 0, 0),
        ("AREA", "37"): whole,
        ("AREA", "3702"): whole,
        ("AREA", "370281"): whole,
        ("CHANNEL", "OTHER"): whole,
        ("PROCEDURE", "0110"): whole,
        ("MODE", "2"): whole,
    }
    windows = (("DAY", DAY), ("MONTH", MONTH), ("YEAR", YEAR), ("ALL_TIME", None))
    found = {key: v for key, v in log.ledger.counters.items() if key[0] == "trade"}
    assert found == {
        ("trade", *window, (*code, "IMPORT", "CN")): v for code, v in expected.items() for window in windows
    }


def test_an_export_counts_only_at_clearance_and_by_its_destination():
    log = Log().course(EXPORT, "ACCEPT", "RELEASE")
    assert log.trade("PARTNER", "UZ", "EXPORT") == (0, 0, 0, 0, 0, 0)
    log.event("CLEAR", at("2026-03-10T20:00:00"))
    assert log.trade("PARTNER", "UZ", "EXPORT") == (1, 1, 900_00, 1_800_000, 0, 0)
    assert log.trade("NEW_THREE", "ELECTRIC_VEHICLES", "EXPORT") == (1, 1, 900_00, 1_800_000, 0, 0)
    next_day = DAY + 86_400_000
    assert log.trade("TOTAL", "ALL", "EXPORT", window="DAY", start=next_day) == (1, 1, 900_00, 1_800_000, 0, 0)


def test_items_of_several_partners_count_with_each_and_once_in_the_total():
    mixed = declared(item(), item(total=30_00, origin="RU"), item("2711110000", 20_00, 7, origin="RU"))
    log = Log().course(mixed, "ACCEPT", "RELEASE")
    assert log.trade("PARTNER", "KZ") == (1, 1, 100_00, 5_000, 0, 0)
    assert log.trade("PARTNER", "RU") == (1, 2, 50_00, 5_007, 0, 0)
    assert log.trade("TOTAL", "ALL") == (1, 3, 150_00, 10_007, 0, 0)
    group = ("SCO", "DATED", "CN", "IMPORT", "CN")
    assert log.figure("trade-with-groups", *group) == (1, 3, 150_00, 10_007, 0)
    central = ("CENTRAL_ASIA", "CONSTANT", "3702", "IMPORT", "CN")
    assert log.figure("trade-with-groups", *central) == (1, 1, 100_00, 5_000, 0)


def test_a_destination_of_an_item_goes_before_the_country_of_trade():
    export = declared(item(destination="MN"), item(), flow="EXPORT", trade_country="RU", terms="3")
    log = Log().course(export, "ACCEPT", "RELEASE", "CLEAR")
    assert log.trade("PARTNER", "MN", "EXPORT")[:3] == (1, 1, 100_00)
    assert log.trade("PARTNER", "RU", "EXPORT")[:3] == (1, 1, 100_00)


def test_returned_goods_are_no_trade_but_their_duties_are_due():
    log = Log().course(declared(item(), procedure="4561", duties=(("VAT", 13_00),)), "ACCEPT", "RELEASE")
    assert not [key for key in log.ledger.counters if key[0] in {"trade", "trade-with-groups"}]
    assert log.figure("duties", "VAT", "IMPORT", "CN") == (1, 13_00)
    assert log.stage("RELEASED") == 1


def test_used_cars_count_by_units_and_e_commerce_by_its_procedure():
    cars = (item("8703236101", quantity=300_000, unit="003"), item("8703236101", quantity=500_000, unit="035"))
    log = Log().course(declared(*cars, item(quantity=900_000, unit="003"), used=True), "ACCEPT", "RELEASE")
    assert log.trade("USED_CARS", "ALL") == (1, 2, 200_00, 10_000, 300_000, 0)
    assert log.trade("HEADING", "8703") == (1, 2, 200_00, 10_000, 0, 0)
    new = Log().course(declared(cars[0], procedure="1210"), "ACCEPT", "RELEASE")
    assert new.trade("USED_CARS", "ALL")[0] == 0
    assert new.trade("E_COMMERCE", "1210")[0] == 1


def test_an_amendment_after_release_moves_the_value_within_the_window_of_the_release():
    log = Log().course(IMPORT, "ACCEPT", "RELEASE")
    dearer = declared(item(total=300_00, mass=7_000, origin="RU"))
    log.event("AMEND", NOON + 86_400_000 // 2, version=2, content=dearer)
    assert log.trade("PARTNER", "KZ", window="DAY", start=DAY) == (0, 0, 0, 0, 0, 0)
    assert log.trade("PARTNER", "RU", window="DAY", start=DAY) == (1, 1, 300_00, 7_000, 0, 0)
    assert log.trade("CHAPTER", "52") == (0, 0, 0, 0, 0, 0)
    assert log.stage("AMENDED", window="DAY", start=DAY + 86_400_000) == 1
    assert ("trade", "DAY", DAY, ("PARTNER", "KZ", "IMPORT", "CN")) in log.ledger.counters


def test_a_cancellation_after_release_takes_the_trade_away_but_not_the_stages():
    log = Log().course(IMPORT, "ACCEPT", "RELEASE", "CANCEL")
    assert {v for k, v in log.ledger.counters.items() if k[0] == "trade"} == {(0, 0, 0, 0, 0, 0)}
    assert {v for k, v in log.ledger.counters.items() if k[0] == "trade-with-groups"} == {(0, 0, 0, 0, 0)}
    assert [log.stage(stage) for stage in ("LODGED", "ACCEPTED", "RELEASED", "CANCELLED")] == [1, 1, 1, 1]
    assert answered(log.event("CLEAR")) == ("REFUSED", "CANCELLED", ("E05",))


@pytest.mark.parametrize(("time", "groups"), [("2023-07-03T15:59:59", 0), ("2023-07-03T16:00:00", 1)])
def test_iran_is_a_member_by_date_from_its_accession_in_shanghai_and_constantly_before(time, groups):
    ledger = Ledger()
    log = Log(ledger=ledger).course(declared(item(origin="IR")), "ACCEPT", "RELEASE", time=at(time))
    dated, constant = (("SCO", kind, "370281", "IMPORT", "CN") for kind in ("DATED", "CONSTANT"))
    assert (log.figure("trade-with-groups", *dated) or (0,))[0] == groups
    assert log.figure("trade-with-groups", *constant) == (1, 1, 100_00, 5_000, 0)


def test_china_is_in_no_group():
    korean = declared(item(origin="CN"), jurisdiction="KR", office="020", mode="10", procedure="11")
    log = Log().course(korean, "ACCEPT", "RELEASE")
    assert not [key for key in log.ledger.counters if key[0] == "trade-with-groups"]
    assert log.trade("MODE", "1", jurisdiction="KR")[0] == 1


# Values


def test_an_import_under_fob_is_valued_with_freight_and_insurance():
    # goods 100 + 50 dollars at 7.1 = 1,065 yuan; freight 5 % = 53.25; insurance 0.3 % of 1,118.25 = 3.35475, so 3.35
    # 56.60 in proportion: floor(56.60 x 710 / 1065) = 37.73, the rest is 18.87
    fob = declared(
        item(currency="USD"),
        item("5201000010", 50_00, currency="USD"),
        terms="3",
        freight=Charge("1", 50_000),
        insurance=Charge("1", 3_000),
        rates=(("USD", 71_000_000_000), ("USD", 1)),
    )
    log = Log().course(fob, "ACCEPT", "RELEASE")
    assert log.trade("CHAPTER", "27")[2] == 747_73
    assert log.trade("CHAPTER", "52")[2] == 373_87
    assert log.figure("declarations-by-stage", "RELEASED", "4258", "IMPORT", "CN") == (1, 1121_60, 10_000, 0)


def test_an_export_under_cif_is_valued_without_them_and_the_parts_add_up():
    # freight 7 euros a tonne of 10 tonnes at 7.7 = 539 yuan; insurance 1 yuan; 540 off 1,000
    cif = declared(
        item(total=333_33),
        item("5201000010", 333_33),
        item("8703800010", 333_34),
        flow="EXPORT",
        terms="1",
        freight=Charge("2", 70_000, "EUR"),
        insurance=Charge("3", 10_000, "CNY"),
        rates=(("EUR", 77_000_000_000),),
    )
    log = Log().course(cif, "ACCEPT", "RELEASE", "CLEAR")
    # floor(-540 x .33333) = -180.00 (-179.9982 down), floor(-540 x .66666) = -360.00 (-359.9964 down)
    assert [log.trade("CHAPTER", chapter, "EXPORT")[2] for chapter in ("27", "52", "87")] == [153_33, 153_33, 153_34]
    assert log.trade("TOTAL", "ALL", "EXPORT")[2] == 460_00


def test_charges_of_worthless_goods_go_to_the_first_item():
    free = declared(item(total=0), item("5201000010", 0), terms="4", freight=Charge("3", 120_000, "CNY"))
    log = Log().course(free, "ACCEPT", "RELEASE")
    assert log.trade("CHAPTER", "27")[2] == 12_00
    assert log.trade("CHAPTER", "52")[2] == 0


def test_what_has_no_rate_is_worth_nothing_and_is_told():
    rates = {("USD", month_of(TEN_MARCH)): 70_000_000_000}
    log = Log(ledger=Ledger(rates=lambda currency, month: rates.get((currency, month))))
    log.course(declared(item(currency="KZT"), item("5201000010", currency="USD")), "ACCEPT", "RELEASE")
    assert log.trade("CHAPTER", "27") == (1, 1, 0, 5_000, 0, 1)
    assert log.trade("CHAPTER", "52") == (1, 1, 700_00, 5_000, 0, 0)
    assert log.trade("TOTAL", "ALL") == (1, 2, 700_00, 10_000, 0, 1)
    assert log.figure("trade-with-groups", "SCO", "DATED", "CN", "IMPORT", "CN") == (1, 2, 700_00, 10_000, 1)
    assert log.figure("declarations-by-stage", "LODGED", "4258", "IMPORT", "CN") == (1, 700_00, 10_000, 1)


@pytest.mark.parametrize(("terms", "unconverted"), [("3", 1), ("4", 1), ("2", 0), ("1", 0)])
def test_a_charge_without_a_rate_matters_only_under_terms_that_use_it(terms, unconverted):
    content = declared(item(), terms=terms, freight=Charge("3", 10_000, "KZT"), insurance=Charge("1", 10_000))
    log = Log(ledger=Ledger(rates=lambda _currency, _month: None)).course(content, "ACCEPT", "RELEASE")
    assert log.trade("CHAPTER", "27")[5] == log.trade("AREA", "37")[5] == unconverted


def test_halves_go_to_the_even_neighbour():
    assert [half_even(n, 10) for n in (4, 5, 6, 15, 25, 26, -5, -15)] == [0, 0, 1, 2, 2, 3, 0, -2]


def test_rates_are_of_the_third_wednesday_of_the_month_before():
    september = 12 * 2024 + 8
    assert third_wednesday(september - 1) == date(2024, 8, 21)
    # for one euro the bank quoted 7.9306 yuan and 1.1116 dollars that day; 7.2101 and 85.3679 roubles on 16 Feb 2022
    assert month_rate("EUR", september) == 79_306_000_000
    assert month_rate("USD", september) == 71_344_008_636
    assert month_rate("RUB", 12 * 2022 + 2) == 844_591_468
    assert month_rate("RUB", september) == 800_000_000
    assert month_rate("KZT", month_of(TEN_MARCH)) == 137_000_000
    assert [month_rate(currency, 12 * 2031) for currency in ("USD", "EUR", "RUB", "KZT")] == [None] * 4
    assert month_rate("XAF", september) is None


# Duties, permits, enterprises


def test_duties_count_once_a_kind_and_permits_each():
    content = declared(
        item(),
        duties=(("VAT", 13_00), ("DUTY", 5_00), ("VAT", 1_00)),
        permits=(("GACC", "GRANTED"), ("GACC", "GRANTED"), ("NMPA", "PENDING")),
    )
    log = Log().course(content, "ACCEPT", "RELEASE")
    assert log.figure("duties", "VAT", "IMPORT", "CN") == (1, 14_00)
    assert log.figure("duties", "DUTY", "IMPORT", "CN", window="DAY", start=DAY) == (1, 5_00)
    assert log.figure("permits", "GACC", "GRANTED", "IMPORT", "CN") == (2,)
    log.event("CANCEL")
    assert log.figure("duties", "VAT", "IMPORT", "CN") == (0, 0)
    assert log.figure("permits", "GACC", "GRANTED", "IMPORT", "CN") == (0,)


def test_enterprises_are_counted_once_and_go_with_their_last_declaration():
    one = Log().course(IMPORT._replace(channel="PLATFORM", zone="SCODA"), "ACCEPT", "RELEASE")
    two, three, four = (Log(f"{NUMBER[:-1]}{n}", one.ledger) for n in (2, 3, 4))
    two.course(IMPORT, "ACCEPT", "RELEASE")
    three.course(IMPORT._replace(trader="T2", district="370102"), "ACCEPT", "RELEASE")
    four.course(IMPORT._replace(trader=None), "ACCEPT", "RELEASE")

    def enterprises(area, channel="ALL", window="YEAR", start=YEAR):
        found = one.figure("enterprises", area, channel, "IMPORT", "CN", window=window, start=start)
        return found[0] if found else 0

    assert [enterprises(area) for area in ("CN", "37", "370281", "SCODA", "370102")] == [2, 2, 1, 1, 0]
    assert [enterprises(area, "PLATFORM") for area in ("CN", "SCODA")] == [1, 1]
    assert not [key for key in one.ledger.counters if key[0] == "enterprises" and key[1] in {"DAY", "MINUTE"}]
    two.event("CANCEL")
    assert enterprises("370281") == 1
    one.event("CANCEL")
    assert [enterprises(area, window="ALL_TIME", start=None) for area in ("CN", "370281", "SCODA")] == [1, 0, 0]


def test_partners_chapters_and_sections_each_add_up_to_the_total():
    plan = Plan(events=6_000, seed=4, start=datetime(2026, 3, 1, 2, tzinfo=UTC), amend=0.1, cancel=0.05, errors=0.1)
    ledger = Ledger()
    for message in generate(plan):
        ledger.observe(message, plan.end)
    sums: dict[str, Counter[tuple[object, ...]]] = {}
    figures = [(key[1:], measures) for key, measures in ledger.counters.items() if key[0] == "trade"]
    for (window, start, dims), (_, items, value, mass, *_) in figures:
        place = (window, start, *dims[2:])
        sums.setdefault(dims[0], Counter()).update({(*place, 0): items, (*place, 1): value, (*place, 2): mass})
    assert sums["TOTAL"].total() > 0
    assert sums["PARTNER"] == sums["CHAPTER"] == sums["SECTION"] == sums["TOTAL"]


# Lanes and times


def test_lanes_are_those_of_acceptance_and_the_last_one_told():
    log = Log().course(IMPORT)
    log.event("ACCEPT", lane="YELLOW")
    log.event("INSPECT", lane="RED")
    log.event("RELEASE", NOON + 100_000)
    assert log.figure("lanes", "YELLOW", "4258", "IMPORT", "CN") == (1,)
    assert log.figure("lanes", "RED", "4258", "IMPORT", "CN") is None
    # 100 s: bit length 7, so buckets of 4 s
    key = ("LODGED_TO_RELEASED", "ARRIVED", "RED", "104", "4258", "IMPORT", "CN")
    assert log.figure("clearance-times", *key) == (1, 100)


def test_clearance_times_run_from_lodging_and_acceptance_and_an_amendment_restarts_neither():
    early = declared(item(), arrival=NOON + 1)
    log = Log()
    log.event("LODGE", NOON, content=early, lane="GREEN")
    log.event("ACCEPT", NOON + 7_000)
    log.event("AMEND", NOON + 9_000, version=2, content=early)
    log.event("RELEASE", NOON + 17_999)
    place = ("GREEN", "4258", "IMPORT", "CN")
    found = {k[3]: v for k, v in log.ledger.counters.items() if k[0] == "clearance-times" and k[1] == "ALL_TIME"}
    assert found == {
        ("LODGED_TO_RELEASED", "PRE_ARRIVAL", place[0], "18", *place[1:]): (1, 17),
        ("ACCEPTED_TO_RELEASED", "PRE_ARRIVAL", place[0], "11", *place[1:]): (1, 10),
    }


def test_buckets_are_sixteen_to_a_doubling_and_hold_what_is_below_their_bound():
    assert [bucket(s) for s in (0, 15, 16, 31, 32, 33, 34, 63, 64, 3600)] == [
        *("1", "16", "17", "32", "34", "34", "36", "64", "68", "3712"),
    ]


# Answers, findings, senders


def test_answers_count_at_append_time_with_first_revisions():
    log = Log()
    log.event("LODGE", content=IMPORT, identity="A", body=b"one")
    log.event("LODGE", content=IMPORT, identity="A", body=b"one")
    log.event("AMEND", version=2, content=IMPORT, revision=2)
    log.event("ACCEPT", sender="\u00e9")
    day = int(datetime.fromisoformat("2026-03-11T00:00+08:00").timestamp() * 1000)
    found = {k[3]: v for k, v in log.ledger.counters.items() if k[0] == "answers" and k[1:3] == ("DAY", day)}
    assert found == {
        ("agent", "CustomsDeclaration", "ACCEPTED"): (2, 1),
        ("agent", "CustomsDeclaration", "DUPLICATE"): (1, 1),
        ("?", "DeclarationStatus", "ACCEPTED"): (1, 1),
    }


def test_rule_hits_count_findings_and_events_by_severity():
    log = Log()
    log.event("LODGE", content=None, errors=("D05", "D05", "D16"), warnings=("D11",))
    log.event("LODGE", content=IMPORT, warnings=("D11",))
    log.event("LODGE", content=IMPORT)
    log.event("RELEASE", version=9, warnings=())
    log.event("CANCEL")
    log.event("CANCEL")
    found = {k[3]: v for k, v in log.ledger.counters.items() if k[0] == "rule-hits" and k[1] == "ALL_TIME"}
    declaration = "CustomsDeclaration"
    assert found == {
        ("D05", "ERROR", "DeclarationStatus"): (2, 1),
        ("D16", "ERROR", "DeclarationStatus"): (1, 1),
        ("D11", "WARNING", "DeclarationStatus"): (1, 1),
        ("D11", "WARNING", declaration): (1, 1),
        ("E03", "ERROR", declaration): (1, 1),
        ("E05", "ERROR", "DeclarationStatus"): (1, 1),
    }


def test_near_midnight_in_shanghai_the_day_of_an_answer_is_not_sure_and_all_time_is():
    ledger = Ledger()
    assert not ledger.unsure(("answers", "DAY", DAY, ()))
    message = Message(b"4258", None, None, None, "null_value")
    ledger.observe(message, datetime.fromisoformat("2026-03-10T22:59:00+08:00"))
    assert not ledger.unsure(("answers", "DAY", DAY, ()))
    ledger.observe(message, datetime.fromisoformat("2026-03-10T23:30:00+08:00"))
    for counter in ("answers", "rule-hits"):
        assert [ledger.unsure((counter, "DAY", DAY + n * 86_400_000, ())) for n in (-1, 0, 1, 2)] == [0, 1, 1, 0]
        assert not ledger.unsure((counter, "MONTH", MONTH, ()))
        assert not ledger.unsure((counter, "ALL_TIME", None, ()))
    assert not ledger.unsure(("sender-control", "DAY", DAY, ()))
    ledger.observe(message, datetime.fromisoformat("2026-12-31T23:30:00+08:00"))
    assert ledger.unsure(("answers", "YEAR", YEAR, ()))


def test_what_came_of_a_sender_is_held_against_what_it_says():
    ledger = Ledger()
    log, control = Log(ledger=ledger), Log("agent/2026-03-10", ledger)
    log.event("LODGE", content=IMPORT, identity="A", sequence=7)
    log.event("LODGE", content=IMPORT, identity="A", sequence=7, body=f"LODGE1{NOON}{IMPORT}".encode())
    log.event("LODGE", errors=("D16",), sequence=8)
    log.event("CLEAR", sequence=10)
    log.event("ACCEPT", at("2026-03-10T16:00:00"), sequence=11)
    said = Count(TEN_MARCH, 7, 11, (("LODGED", 1, 175_00, 9_000), ("CLEARED", 2, 0, 0)))
    control.event("STATE", content=said, sequence=12, sent_at=at("2026-03-10T16:30:00"))

    def figures(day=DAY):
        return {k[3][1]: v for k, v in ledger.counters.items() if k[:3] == ("sender-control", "DAY", day) and any(v)}

    assert figures() == {
        "LODGED": (1, 1, 175_00, 175_00, 9_000, 9_000),
        "CLEARED": (1, 2, 0, 0, 0, 0),
        "SEQUENCES": (3, 5, 0, 0, 0, 0),
    }
    assert figures(DAY + 86_400_000) == {"ACCEPTED": (1, 0, 0, 0, 0, 0), "SEQUENCES": (2, 0, 0, 0, 0, 0)}
    assert {k[1] for k in ledger.counters if k[0] == "sender-control"} == {"DAY"}
    right = said._replace(last=10, steps=(("LODGED", 1, 175_00, 9_000), ("CLEARED", 1, 0, 0)))
    assert answered(control.event("RESTATE", version=2, content=right)) == ("ACCEPTED", "RECORDED", ())
    assert figures()["CLEARED"] == (1, 1, 0, 0, 0, 0)
    assert figures()["SEQUENCES"] == (3, 4, 0, 0, 0, 0)


def test_a_sender_that_numbers_nothing_has_no_sequences():
    control = Log("agent/2026-03-10")
    control.event("STATE", content=Count(TEN_MARCH, 0, 0, ()))
    assert control.figure("sender-control", "agent", "SEQUENCES", window="DAY", start=DAY) == (0, 0, 0, 0, 0, 0)


# The lifecycle


def test_a_correction_of_a_control_record_waits_for_it():
    control = Log("agent/2026-03-10")
    one, two = (Count(TEN_MARCH, 1, last, ()) for last in (5, 6))
    assert answered(control.event("RESTATE", version=2, content=two)) == ("PARKED", "NONE", ())
    assert answered(control.event("STATE", content=one)) == ("ACCEPTED", "RECORDED", ())
    assert control.figure("sender-control", "agent", "SEQUENCES", window="DAY", start=DAY)[1] == 6
    assert answered(control.event("STATE", content=one)) == ("CONFLICT", "RECORDED", ("E03",))
    assert control.event("RESTATE", version=4, content=two).outcome == "PARKED"


def test_a_duplicate_counts_once_and_other_content_is_a_conflict():
    log = Log()
    log.event("LODGE", content=IMPORT, identity="A", body=b"one")
    assert answered(log.event("LODGE", content=IMPORT, identity="A", body=b"one")) == ("DUPLICATE", "LODGED", ())
    assert log.event("LODGE", content=IMPORT, identity="A", body=b"two").outcome == "CONFLICT"
    assert answered(log.event("LODGE", content=IMPORT, identity="B", body=b"one")) == ("CONFLICT", "LODGED", ("E03",))
    assert log.stage("LODGED") == 1
    assert log.ledger.receipts == {"ACCEPTED": 1, "DUPLICATE": 1, "CONFLICT": 2}


def test_a_step_before_its_declaration_is_parked_and_then_applied_at_its_own_time():
    # log:        RELEASE  ACCEPT  LODGE
    # event time: 06:00    05:00   04:00:30
    log = Log()
    assert log.event("RELEASE", at("2026-03-10T06:00:00")).outcome == "PARKED"
    assert answered(log.event("ACCEPT", at("2026-03-10T05:00:00"))) == ("PARKED", "NONE", ())
    assert answered(log.event("LODGE", content=IMPORT)) == ("ACCEPTED", "LODGED", ())
    assert log.stage("ACCEPTED", window="MINUTE", start=at("2026-03-10T05:00:00")) == 1
    assert log.trade("PARTNER", "KZ", window="DAY", start=DAY)[0] == 1
    assert log.event("CLEAR").state == "CLEARED"


def test_version_three_waits_for_version_two():
    log = Log().course(IMPORT, "ACCEPT", "RELEASE")
    two, three = (declared(item(total=total, mass=None)) for total in (2_00, 3_00))
    assert log.event("AMEND", version=3, content=three).outcome == "PARKED"
    assert log.trade("TOTAL", "ALL")[2] == 175_00
    assert log.event("AMEND", version=2, content=two).outcome == "ACCEPTED"
    assert log.trade("TOTAL", "ALL") == (1, 1, 3_00, 0, 0, 0)
    assert log.stage("AMENDED") == 2
    assert answered(log.event("AMEND", version=2, content=two)) == ("CONFLICT", "RELEASED", ("E03",))


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
    place = ("4258", "EXPORT", "CN")
    assert [log.stage(s, *place) for s in ("RELEASED", "CLEARED", "INSPECTED")] == [1, 1, 0]


def test_days_end_at_midnight_in_shanghai():
    before, after = Log(), Log("425820261000000002")
    after.ledger = before.ledger
    before.event("LODGE", at("2026-03-10T15:59:59"), content=IMPORT)
    after.event("LODGE", at("2026-03-10T16:00:00"), content=IMPORT)
    assert before.stage("LODGED", window="DAY", start=DAY) == 1
    assert before.stage("LODGED", window="DAY", start=at("2026-03-10T16:00:00")) == 1
    assert before.stage("LODGED", window="MONTH", start=MONTH) == 2


def test_korean_days_end_an_hour_earlier():
    log = Log("KR2600000000001")
    korean = IMPORT._replace(jurisdiction="KR", office="020")
    log.event("LODGE", at("2026-03-10T15:30:00"), content=korean)
    place = ("020", "IMPORT", "KR")
    assert log.stage("LODGED", *place, window="DAY", start=at("2026-03-10T15:00:00")) == 1
    assert log.stage("LODGED", *place, window="YEAR", start=at("2025-12-31T15:00:00")) == 1


def test_a_refused_lodgement_occupies_nothing_and_is_corrected():
    log = Log()
    refused = log.event("LODGE", identity="A", body=b"wrong", errors=("D16", "D05"))
    assert answered(refused) == ("REFUSED", "NONE", ("D05", "D16"))
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
    korean = declared(item(total=1_00, mass=1), jurisdiction="KR")
    log = Log("KR2600000000002").course(korean, "ACCEPT", "RELEASE")

    def trade(flow):
        return log.trade("TOTAL", "ALL", flow, "KR")[:3]

    assert trade("IMPORT") == (1, 1, 1_00)
    log.event("AMEND", version=2, content=korean._replace(flow="EXPORT"))
    assert trade("IMPORT") == trade("EXPORT") == (0, 0, 0)
    log.event("AMEND", at("2026-03-10T18:00:00"), version=3, content=korean)
    next_day = at("2026-03-10T15:00:00")
    assert log.trade("TOTAL", "ALL", jurisdiction="KR", window="DAY", start=next_day)[:3] == (1, 1, 1_00)


def test_a_minute_lives_for_two_days_and_what_depends_on_the_broker_is_refused():
    log = Log()
    log.event("LODGE", at("2026-03-09T01:30:00"), content=IMPORT)
    log.event("ACCEPT", at("2026-03-08T23:59:59"))
    assert log.stage("LODGED", window="MINUTE", start=at("2026-03-09T01:30:00")) == 1
    assert log.stage("ACCEPTED", window="MINUTE", start=at("2026-03-08T23:59:00")) == 0
    assert log.stage("ACCEPTED", window="DAY", start=at("2026-03-08T16:00:00")) == 1
    with pytest.raises(ValueError, match="depends on when the broker appends"):
        log.event("RELEASE", at("2026-03-09T00:30:00"))


def test_a_warning_of_the_future_must_be_certain():
    log = Log()
    future = int((TOLD + timedelta(hours=3)).timestamp() * 1000)
    assert log.event("LODGE", future, content=IMPORT, warnings=("W01",)).outcome == "ACCEPTED_WITH_WARNINGS"
    with pytest.raises(ValueError, match="warned of"):
        log.event("ACCEPT", future)
    with pytest.raises(ValueError, match="warned of"):
        log.event("ACCEPT", NOON, warnings=("W01",))


def test_dead_letters_are_counted_by_reason_and_change_nothing():
    ledger = Ledger()
    answer = ledger.observe(Message(b"4258", None, None, None, "null_value"), TOLD)
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
            told = [*((rule, "ERROR") for rule in answer.errors), *((rule, "WARNING") for rule in answer.warnings)]
            assert (answer.outcome, answer.state) == said[1:3]
            assert sorted(told) == sorted(finding[:2] for finding in said[3])
        else:
            assert answer.dead_letter == said[1]
    found, expected = ledger.counters, oracle.counters
    for key in found.keys() | expected.keys():
        assert any(found.get(key, ())) == any(expected.get(key, ())), key
        assert key not in found or key not in expected or found[key] == tuple(expected[key]), key
