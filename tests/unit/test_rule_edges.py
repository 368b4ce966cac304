"""Every row of the rule table has an event that breaks it and nothing else, right up to its edge."""

from typing import Any

from stdnum.cn import uscc as standard

from tests.events import (
    Record,
    at,
    charge,
    container,
    control,
    count,
    declaration,
    duty,
    equipment,
    house,
    item,
    number,
    permit,
    rate,
    status,
    uscc,
)
from tests.judged import APPENDED, flow, found, told

CLOCK_SKEW = 15 * 60_000
AGENT_NOTHING = uscc()[:17] + ("0" if uscc()[17] != "0" else "1")


def export(**changes: Any) -> Record:
    return declaration(**{"number": number(flow="EXPORT"), **changes})


def korean(**changes: Any) -> Record:
    """A declaration in Korea, where few rules apply."""
    korea: Record = {"jurisdiction": "KR", "declaration_office": "030", "procedure": "11", "trader_id": "KP2ZVU3"}
    return declaration(**{"number": "KR97061800", "transport_mode": "10", **korea, **changes})


def boxes(*containers: Record) -> Record:
    return declaration(containerised=True, containers=list(containers))


FREIGHT, INSURANCE = charge("freight", "3", "500", "USD"), charge("insurance", "1", "0.3")
BOTH = FREIGHT | INSURANCE

VALID = (
    declaration(),
    export(),
    declaration(number(3, office="4258", year=2024), declaration_office="4258"),
    declaration(version=9999, revision=9999, sender_sequence=10**15),
    declaration(sender_id="x" * 64, event_id=" ~"),
    declaration(trader_id=None),
    declaration(declarant_id=uscc(2), owner_id="NO", trader_code="37029ZZ001"),
    declaration(functional_reference="I20250000036281475", manual="B" * 12, duty_regime=None),
    declaration(gross_mass=None, net_mass=1000),
    declaration(gross_mass=1000, net_mass=None),
    declaration(gross_mass=10**12, net_mass=10**12),
    declaration(packages=None, package_kind="00"),
    declaration(packages=1, package_kind="01"),
    declaration(packages=2, package_kind="22"),
    declaration(trade_terms="3", **BOTH),
    declaration(trade_terms="7", **BOTH),
    declaration(trade_terms="2", **INSURANCE),
    declaration(trade_terms="4", gross_mass=10**12, **charge("freight", "2", "999999", "CNY")),
    declaration(trade_terms=None),
    export(trade_terms="1", **BOTH),
    export(trade_terms="2", **FREIGHT),
    export(trade_terms="7", **charge("freight", "1", "99")),
    export(trade_terms="4", **INSURANCE),
    declaration(**charge("other_charges", "1", "0.0001")),
    declaration(**charge("other_charges", "1", "-99")),
    declaration(**charge("other_charges", "3", "-1000000000", "CNY")),
    declaration(owner_id="N2370281MF1234567" + standard.calc_check_digit("N2370281MF1234567")),
    declaration(**charge("other_charges", "3", "0", "KZT")),
    declaration(transport_mode="5", conveyance=None, voyage=None, transport_document=None),
    declaration(transport_mode="Z"),
    declaration(transport_mode="3", conveyance="X8051"),
    declaration(transport_mode="3", conveyance="X9999"),
    declaration(transport_document="x" * 32),
    declaration(procedure="3339"),
    declaration(procedure="1427", duty_regime="299"),
    declaration(procedure="9610", duty_regime=None),
    export(procedure="0654", trade_country="CN", items=[item(destination_country="CN"), item(2)]),
    export(procedure="0214", manual="B12345678901", remark="fee USD 300", duty_regime="502"),
    declaration(procedure="0615", manual="C12345678901"),
    declaration(procedure="0615", manual="E12345678901"),
    declaration(procedure="0214", manual="E12345678901"),
    declaration(procedure="5014", manual="H12345678901"),
    declaration(procedure="0214"),
    declaration(house_documents=[house(600_000), house(0)]),
    declaration(items=[item(n) for n in range(1, 1000)]),
    declaration(items=[item(total=100_001, unit_price=10_000_000), item(2, total=99_999, unit_price=10_000_000)]),
    declaration(items=[item(total=5, quantity=None), item(2, total=5, unit_price=None), item(3, net_mass=None)]),
    declaration(items=[item(total=10**13, unit_price=None, quantity=10**14, net_mass=10**12), item(2, total=0)]),
    declaration(items=[item(total=0, quantity=None, unit_price=10**14, quantity_1=10**14, quantity_2=0)]),
    declaration(items=[item(description="x" * 512, model="青" * 512, unit_1="003", unit_2="000", duty_mode="9")]),
    declaration(items=[item(duty_mode="8")]),
    declaration(contract="x" * 512, remark="x" * 512),
    declaration(items=[item(total=10**13, unit_price=None, currency="KRW")]),
    declaration(items=[item(total=10**10, unit_price=None, currency="USD")], exchange_rates=[rate("USD", "1000")]),
    declaration(exchange_rates=[rate("USD", "0.0000000001")] * 999),
    declaration(duties=[duty(), duty("OTHER", 10**13, None)], permits=[permit("~" * 32)] * 999),
    export(used_goods=True),
    declaration(items=[item(commodity_code="0203290090")], permits=[permit()]),
    export(items=[item(commodity_code="4402100000")]),
    boxes(*(equipment(container(n)) for n in range(999))),
    boxes(equipment(seal_count=2, seals=["1", "2"]), equipment(size_type=None, seals=["1"])),
    boxes(equipment(seal_count=99, seals=[str(n) for n in range(99)])),
    declaration(event_time=at("2000-01-01T00:00+00:00")),
    declaration(event_time=APPENDED + CLOCK_SKEW),
    korean(),
    korean(declaration_number="x" * 32, procedure="ABCDEFGH", trader_id="x" * 64),
    korean(items=[item(n, code) for n, code in enumerate(("870380", "8703800", "8703800000"), 1)]),
    korean(net_mass=10**12, gross_mass=0, packages=-1, conveyance=None, trade_terms="CIF"),
    korean(**charge("freight", "9", None, "none"), duty_regime="", manual="", used_goods=True),
    status(),
    status("x" * 32, "CANCELLED", version=9999, revision=9999, office="ABCDEFGH"),
    status(step="RELEASED", event_time=10**12, estimated_arrival=10**12 + 1),
    status(step="CLEARED", event_time=10**12, estimated_arrival=10**12),
    status(event_time=APPENDED + CLOCK_SKEW),
    control(),
    control(first_sequence=7, last_sequence=7),
    control(last_sequence=10**15, counts=[count("LODGED", 10**15), count("CANCELLED", 0, 10**15, 10**15)]),
    control("x" * 64, day="2000-01-01", event_id="x" * 64),
)

BROKEN: tuple[tuple[str, str, Record], ...] = (
    ("D01", "/declaration_number", declaration("42002025100000001")),
    ("D01", "/declaration_number", declaration("42002025100000000A", declaration_date=20_148)),
    ("D01", "/declaration_number", declaration(number(office="4240"))),
    ("D01", "/declaration_office", declaration(number(office="9999"), declaration_office="9999")),
    ("D01", "/declaration_number", declaration(number(year=2024), declaration_date=20_148)),
    ("D02", "/declaration_number", export(flow="IMPORT", trade_terms="1")),
    ("D02", "/declaration_number", declaration(flow="EXPORT")),
    ("D03", "/trader_id", declaration(trader_id="")),
    ("D03", "/trader_id", declaration(trader_id="NO")),
    ("D03", "/trader_id", declaration(trader_id=uscc().lower())),
    ("D03", "/declarant_id", declaration(declarant_id=AGENT_NOTHING)),
    ("D03", "/owner_id", declaration(owner_id="no")),
    ("D04", "/trader_code", declaration(trader_code="370291234")),
    ("D04", "/trader_code", declaration(trader_code="3702a91234")),
    ("D05", "/jurisdiction", declaration(jurisdiction="RU")),
    ("D05", "/functional_reference", declaration(functional_reference="I2025000003628147")),
    ("D05", "/declaration_office", korean(declaration_office="ABCDEFGHI")),
    ("D05", "/border_office", declaration(border_office="42A0")),
    ("D05", "/procedure", declaration(procedure="110")),
    ("D05", "/procedure", korean(procedure="")),
    ("D05", "/duty_regime", declaration(duty_regime="10", manual="B" * 12)),
    ("D05", "/manual", declaration(manual="B1234567890")),
    ("D05", "/trader_district", declaration(trader_district="3702811")),
    ("D05", "/trader_city", declaration(trader_city="37")),
    ("D05", "/trader_province", declaration(trader_province="3７")),  # noqa: RUF001
    ("D05", "/transport_mode", declaration(transport_mode="A")),
    ("D05", "/transport_mode", korean(transport_mode="")),
    ("D05", "/transport_document", declaration(transport_document="x" * 33)),
    ("D05", "/trade_terms", declaration(trade_terms="8")),
    ("D05", "/freight_mark", declaration(**charge("freight", "4", None))),
    ("D05", "/insurance_mark", declaration(**charge("insurance", "2", None))),
    ("D05", "/other_charges_mark", declaration(**charge("other_charges", "", None))),
    ("D05", "/freight_currency", declaration(**charge("freight", "1", "1", "DEM"))),
    ("D05", "/insurance_currency", declaration(**charge("insurance", None, None, "usd"))),
    ("D05", "/other_charges_currency", declaration(**charge("other_charges", "3", "1", ""))),
    ("D05", "/exchange_rates/2/currency", declaration(exchange_rates=[rate("USD", "7"), rate("XX", "7")])),
    ("D05", "/package_kind", declaration(package_kind="0")),
    ("D05", "/trade_country", declaration(trade_country="XX")),
    ("D05", "/items/1/currency", korean(items=[item(currency="DEM")])),
    ("D05", "/items/1/origin_country", declaration(items=[item(origin_country="")])),
    ("D05", "/items/1/destination_country", korean(items=[item(destination_country="KAZ")])),
    ("D05", "/items/1/unit", declaration(items=[item(unit="35")])),
    ("D05", "/items/1/unit_1", declaration(items=[item(unit_1="")])),
    ("D05", "/items/1/unit_2", declaration(items=[item(unit_2="0035")])),
    ("D05", "/items/1/duty_mode", declaration(items=[item(duty_mode="0")])),
    ("D05", "/containers/1/size_type", boxes(equipment(size_type="22G"))),
    ("D05", "/duties/2/kind", korean(duties=[duty(), duty("TAX")])),
    ("D06", "/net_mass", declaration(net_mass=600_001)),
    ("D06", "/net_mass", declaration(net_mass=999)),
    ("D06", "/net_mass", declaration(gross_mass=999, net_mass=None)),
    ("D07", "/packages", declaration(packages=0)),
    ("D07", "/packages", declaration(packages=2, package_kind="00")),
    ("D08", "/freight_mark", declaration(trade_terms="3", **INSURANCE)),
    ("D08", "/insurance_mark", declaration(trade_terms="7", **FREIGHT)),
    ("D08", "/freight_mark", declaration(trade_terms="4")),
    ("D08", "/insurance_mark", declaration(trade_terms="2")),
    ("D09", "/freight_mark", export(trade_terms="1", **INSURANCE)),
    ("D09", "/insurance_mark", export(trade_terms="1", **FREIGHT)),
    ("D09", "/freight_mark", export(trade_terms="7")),
    ("D09", "/insurance_mark", export(trade_terms="4")),
    ("D10", "/freight", declaration(**charge("freight", "2", None, "USD"))),
    ("D10", "/freight_currency", declaration(**charge("freight", "2", "1"))),
    ("D10", "/gross_mass", declaration(gross_mass=None, **charge("freight", "2", "1", "USD"))),
    ("D10", "/insurance", declaration(**charge("insurance", "1", None))),
    ("D10", "/insurance_currency", declaration(**charge("insurance", "3", "1"))),
    ("D10", "/other_charges", declaration(**charge("other_charges", "1", None))),
    ("D10", "/other_charges_currency", declaration(**charge("other_charges", "3", "1"))),
    ("D11", "/freight", declaration(**charge("freight", "1", "99.0001"))),
    ("D11", "/other_charges", declaration(**charge("other_charges", "1", "0"))),
    ("D11", "/other_charges", declaration(**charge("other_charges", "1", "-99.0001"))),
    ("D11", "/insurance", declaration(**charge("insurance", "1", "0.2999"))),
    ("D11", "/insurance", declaration(**charge("insurance", "1", "99.0001"))),
    ("D12", "/conveyance", declaration(conveyance=None)),
    ("D12", "/voyage", declaration(voyage="")),
    ("D12", "/transport_document", declaration(transport_document=None)),
    ("D13", "/duty_regime", declaration(duty_regime=None)),
    ("D13", "/duty_regime", declaration(procedure="4561", duty_regime="101")),
    ("D14", "/trade_country", export(procedure="0657", trade_country="KZ")),
    ("D14", "/trade_country", export(procedure="0654", trade_country="CN", items=[item(destination_country="KZ")])),
    ("D15", "/manual", declaration(procedure="0214", manual="C12345678901")),
    ("D15", "/manual", declaration(procedure="0615", manual="B12345678901")),
    ("D15", "/manual", declaration(procedure="5014", manual="E12345678901")),
    ("D16", "/items/1/commodity_code", declaration(items=[item(commodity_code="870380")])),
    ("D16", "/items/1/commodity_code", declaration(items=[item(commodity_code="7700000000")])),
    ("D16", "/items/1/commodity_code", korean(items=[item(commodity_code="87038")])),
    ("D16", "/items/1/commodity_code", korean(items=[item(commodity_code="87038000000")])),
    ("D17", "/items/1/total", declaration(items=[item(total=100_002, unit_price=10_000_000)])),
    ("D17", "/items/1/total", declaration(items=[item(total=99_998, unit_price=10_000_000)])),
    ("D18", "/items", declaration(items=[])),
    ("D18", "/items", declaration(items=[item(1), item(1)])),
    ("D18", "/items", declaration(items=[item(0)])),
    ("D19", "/gross_mass", declaration(house_documents=[house(600_000), house(1)])),
    ("D20", "/remark", export(procedure="0214", manual="B12345678901", remark="")),
    ("D21", "/items/1/commodity_code", declaration(items=[item(commodity_code="3915100000")])),
    ("D21", "/items/1/commodity_code", export(items=[item(commodity_code="4402900000")])),
    ("D21", "/items/1/commodity_code", declaration(used_goods=True)),
    ("D21", "/items/1/commodity_code", declaration(items=[item(commodity_code="0203290090")])),
    ("C01", "/containers/1/number", boxes(equipment("CSQU3054384"))),
    ("C01", "/containers/1/number", boxes(equipment("csqu3054383"))),
    ("C02", "/containers", declaration(containerised=True)),
    ("C02", "/containers", declaration(containers=[equipment()])),
    ("C03", "/containers/1/seals", boxes(equipment(seal_count=1))),
    ("C03", "/containers/1/seals", boxes(equipment(seals=["1", "2", "1"]))),
    ("C03", "/containers/1/seals", boxes(equipment(seals=[""]))),
    ("E01", "/estimated_arrival", status(step="RELEASED", event_time=10**12, estimated_arrival=10**12)),
    ("K01", "/control_number", control(control_number="AGENT-1/2025-03-02")),
    ("K01", "/last_sequence", control(first_sequence=3, last_sequence=2)),
    ("K01", "/counts/2/step", control(counts=[count("LODGED"), count("DRAFTED")])),
    ("K01", "/counts/3/step", control(counts=[count("LODGED"), count("AMENDED"), count("LODGED")])),
    *(
        (rule, pointer, {**valid, **changes})
        for valid in (declaration(), status(), control())
        for rule, pointer, changes in (
            ("S01", "/event_id", {"event_id": "青"}),
            ("S01", "/revision", {"revision": 10_000}),
            ("S01", "/sender_sequence", {"sender_sequence": -1}),
            ("S01", "/version", {"version": 0}),
            ("S01", "/event_time", {"event_time": at("2000-01-01T00:00+00:00") - 1}),
            ("S01", "/sent_at", {"sent_at": at("2000-01-01T00:00+00:00") - 1}),
            ("S01", "/sent_at", {"sent_at": at("2100-01-01T00:00+00:00") + 1}),
            ("W01", "/event_time", {"event_time": APPENDED + CLOCK_SKEW + 1}),
        )
    ),
    ("S01", "/sender_id", declaration(sender_id="")),
    ("S01", "/sender_id", status(sender_id="x" * 65)),
    ("S01", "/sender_id", control("青", event_id="a")),
    ("S01", "/declaration_number", korean(declaration_number="x" * 33)),
    ("S01", "/declaration_number", status("")),
    ("S01", "/office", status(office="qingdao")),
    ("S01", "/trader_id", korean(trader_id="x" * 65)),
    ("S01", "/contract", declaration(contract="x" * 513)),
    ("S01", "/remark", declaration(remark="x" * 513)),
    ("S01", "/gross_mass", declaration(gross_mass=10**12 + 1)),
    ("S01", "/net_mass", korean(net_mass=-1)),
    ("S01", "/freight", korean(**charge("freight", None, "1000000000.0001"))),
    ("S01", "/freight", declaration(trade_terms="4", gross_mass=10**12, **charge("freight", "2", "1000001", "CNY"))),
    ("S01", "/net_mass", declaration(items=[item(n, net_mass=10**12) for n in range(1, 12)])),
    ("S01", "/insurance", declaration(**charge("insurance", None, "-1"))),
    ("S01", "/other_charges", declaration(**charge("other_charges", None, "-1000000000.0001"))),
    ("S01", "/items", declaration(items=[item(n) for n in range(1, 1001)])),
    ("S01", "/containers", boxes(*[equipment()] * 1000)),
    ("S01", "/house_documents", declaration(house_documents=[house(0)] * 1000)),
    ("S01", "/exchange_rates", declaration(exchange_rates=[rate("USD", "7")] * 1000)),
    ("S01", "/duties", declaration(duties=[duty()] * 1000)),
    ("S01", "/permits", declaration(permits=[permit()] * 1000)),
    ("S01", "/items/1/quantity", declaration(items=[item(quantity=10**14 + 1, unit_price=None)])),
    ("S01", "/items/1/quantity_1", declaration(items=[item(quantity_1=-1)])),
    ("S01", "/items/1/quantity_2", declaration(items=[item(quantity_2=10**14 + 1)])),
    ("S01", "/items/1/unit_price", declaration(items=[item(unit_price=-1, quantity=None)])),
    ("S01", "/items/1/total", declaration(items=[item(total=10**13 + 1, quantity=None, unit_price=None)])),
    ("S01", "/items/1/total", declaration(items=[item(total=10**13, unit_price=None, currency="USD")])),
    ("S01", "/items/1/net_mass", declaration(items=[item(net_mass=10**12 + 1)])),
    ("S01", "/items/1/description", declaration(items=[item(description="x" * 513)])),
    ("S01", "/items/1/model", declaration(items=[item(model="x" * 513)])),
    ("S01", "/containers/1/seals", boxes(equipment(seals=[str(n) for n in range(100)]))),
    ("S01", "/house_documents/1/gross_mass", declaration(house_documents=[house(-1)])),
    ("S01", "/exchange_rates/1/rate", declaration(exchange_rates=[rate("USD", "0")])),
    ("S01", "/duties/1/base", declaration(duties=[{**duty(), "base": -1}])),
    ("S01", "/duties/1/amount", declaration(duties=[duty("VAT", 10**13 + 1)])),
    ("S01", "/permits/1/agency", declaration(permits=[permit("")])),
    ("S01", "/date", control("AGENT-1", day="1999-12-31", sent_at=10**12, event_time=10**12)),
    ("S01", "/last_sequence", control(last_sequence=10**15 + 1)),
    ("S01", "/counts/1/events", control(counts=[count("LODGED", -1)])),
    ("S01", "/counts/1/value", control(counts=[count("LODGED", 1, 10**15 + 1)])),
    ("S01", "/counts/1/net_mass", control(counts=[count("LODGED", 1, 0, -1)])),
    ("W02", "/conveyance", declaration(transport_mode="3", conveyance=None)),
    ("W02", "/conveyance", declaration(transport_mode="3", conveyance="X7051")),
)

MORE = (control(counts=[count("LODGED")] * 1000),)
"""Breaks more than one rule: so many steps there are not."""


def test_valid_events_break_no_rule() -> None:
    assert told(*VALID) == [[]] * len(VALID)


def test_each_of_these_breaks_just_its_rule() -> None:
    answers = told(*(record for *_, record in BROKEN))
    pointers = [{(rule, pointer) for rule, _, pointer in answer} for answer in answers]
    assert pointers == [{(rule, pointer)} for rule, pointer, _ in BROKEN]


def test_every_row_of_the_table_is_broken_by_one_of_them() -> None:
    broken = set(found(*(record for *_, record in BROKEN), *MORE)["order"])
    assert [(rule.id, rule.pointer) for order, rule in enumerate(flow()[0].rules) if order not in broken] == []


def test_parts_beyond_what_is_taken_are_not_told_of_one_by_one() -> None:
    """Else a mebibyte of two-byte parts gives a receipt that no topic takes."""
    (answer,) = told(declaration(exchange_rates=[rate("", "0")] * 50_000))
    pointers = [pointer for _, _, pointer in answer]
    assert pointers.count("/exchange_rates") == 1
    assert len(pointers) == 1 + 2 * 999
