"""Breaks records on purpose, in every way of breaking a rule, under the ids the processor must report.

The ledger believes these ids, so each fault breaks the rules it names, once for each time it names them, and no other.
"""

from __future__ import annotations

from random import Random

from connectors.simulator import spoils
from connectors.simulator.layout import Record
from connectors.simulator.spoils import Spoil

Fault = tuple[str, Spoil]
"""(ids of the findings, blank-separated; what breaks the record)."""

NUMBERED: tuple[Fault, ...] = (
    ("S01", spoils.put_one_of("event_id", "", "E" * 65, "\uff25123")),
    ("S01", spoils.put_one_of("revision", 0, -1, 10_000)),
    ("S01", spoils.put_one_of("version", 0, 10_000)),
    ("S01", spoils.put_one_of("event_time", spoils.YEAR_1999_MS)),
    ("S01", spoils.put_one_of("sent_at", spoils.YEAR_1999_MS, -1, spoils.YEAR_2101_MS)),
    ("S01", spoils.put_one_of("sender_sequence", -1, 10**15 + 1)),
)
STRANGERS = ("", "x" * 65, "agent\u00e9")
ENVELOPE: tuple[Fault, ...] = (*NUMBERED, ("S01", spoils.nobody(*STRANGERS)))

ANYWHERE: tuple[Fault, ...] = (
    ("D05", spoils.put_one_of("jurisdiction", "US")),
    ("D05", spoils.put_one_of("trade_country", "UK", "CHN", "ru")),
    ("D05", spoils.in_item(origin_country="XX")),
    ("D05", spoils.in_item(currency="RMB")),
    ("D05", spoils.in_item(currency="")),
    ("D05", spoils.put_one_of("transport_mode", "", "RAIL", "\uff13")),
    ("D16", spoils.code("8703", "999999", "870380001\uff10", "9999990000", "87O3800010", "87038000100")),
    ("D17", spoils.in_item(quantity=300_000, unit_price=123_400, total=3_704)),
    ("D17", spoils.in_item(quantity=300_000, unit_price=123_400, total=3_700)),
    ("D18", spoils.gap),
    ("C01", spoils.box(number=("COSU1234561", "cosu1234560", "C_QU3054383", "COSU123456", ""))),
    ("C02", spoils.no_box),
    ("C03", spoils.box(seal_count=(2, 0), seals=(("S1",),))),
    ("C03", spoils.box(seals=(("S1", "S1"), ("",)))),
    *ENVELOPE,
    ("S01", spoils.in_item(quantity=None, total=10**13 + 1, currency="XAF")),
    ("S01", spoils.in_item(unit_price=None, total=-1)),
    ("S01", spoils.in_item(net_mass=-1)),
    ("S01", spoils.in_item(net_mass=10**12 + 1)),
    ("S01", spoils.in_item(quantity_1=-1, unit_1="035")),
    ("S01", spoils.in_item(model="m" * 513)),
    ("S01", spoils.put_one_of("remark", "r" * 513)),
    ("S01", spoils.put(exchange_rates=[{"currency": "GBP", "rate": 0}])),
    ("S01", spoils.put(house_documents=[{"number": "H1", "gross_mass": -1}])),
    ("S01", spoils.put(duties=[{"kind": "DUTY", "item": None, "base": 0, "amount": -1}])),
    ("S01", spoils.put(permits=[{"agency": "", "number": "P1", "state": "GRANTED"}])),
    ("S01", spoils.charge("other_charges", "3", -(10**13) - 1, "USD")),
    (
        "S01",
        spoils.all_of(
            spoils.in_item(quantity=None, total=2 * 10**12, currency="GBP"),
            spoils.put(exchange_rates=[{"currency": "GBP", "rate": 90_000_000_000}]),
        ),
    ),
)
CHINESE: tuple[Fault, ...] = (
    ("D01", spoils.number(lambda n: n[:-1])),
    ("D01", spoils.number(lambda n: n[:-1] + "A")),
    ("D01", spoils.other_office),
    ("D01", spoils.last_year),
    ("D01 S01", spoils.number(lambda n: n + "0" * 15)),
    ("D01 D05", spoils.put_one_of("declaration_office", "42-8", "", "qd")),
    ("D02", spoils.number(lambda n: n[:8] + ("0" if n[8] == "1" else "1") + n[9:])),
    ("D02", spoils.number(lambda n: n[:8] + "7" + n[9:])),
    ("D03", spoils.credit_code(spoils.other_check)),
    ("D03", spoils.credit_code(str.lower)),
    ("D03", spoils.credit_code(lambda code: code[:17])),
    ("D03", spoils.credit_code(lambda code: "I" + code[1:])),
    ("D04", spoils.put_one_of("trader_code", "370296001", "37029600011", "3702-60001", "qd02960001", "")),
    ("D05", spoils.put_one_of("procedure", "110", "011O", "\uff10110")),
    ("D05", spoils.put_one_of("border_office", "42-8", "")),
    ("D05", spoils.short_manual),
    ("D05", spoils.put_one_of("trader_district", "37028", "3702811")),
    ("D05", spoils.put_one_of("trader_city", "37O2", "")),
    ("D05", spoils.put_one_of("trader_province", "3", "370")),
    ("D05", spoils.put_one_of("transport_document", "B" * 33)),
    ("D05", spoils.put_one_of("trade_terms", "8", "CIF", "")),
    ("D05", spoils.charge("freight", "4", 3_000)),
    ("D05", spoils.charge("insurance", "9", 3_000)),
    ("D05", spoils.charge("freight", "3", 3_000, "RMB")),
    ("D05", spoils.put(exchange_rates=[{"currency": "RMB", "rate": 10**10}])),
    ("D05", spoils.put_one_of("package_kind", "0", "carton")),
    ("D05", spoils.box(size_type=("22g1", "20"))),
    ("D05", spoils.in_item(unit="KGM")),
    ("D05", spoils.in_item(unit_1="35")),
    ("D05", spoils.in_item(destination_country="XX")),
    ("D05", spoils.in_item(duty_mode="X")),
    ("D05", spoils.put(duties=[{"kind": "TARIFF", "item": None, "base": 0, "amount": 0}])),
    ("D06", spoils.too_heavy),
    ("D07", spoils.put(packages=0, package_kind="22")),
    ("D07", spoils.put(packages=2, package_kind="00")),
    ("D07", spoils.put(packages=400, package_kind="01")),
    ("D10", spoils.charge("freight", "3", None, "USD")),
    ("D10", spoils.all_of(spoils.weighed, spoils.charge("freight", "2", 3_000))),
    ("D10", spoils.all_of(spoils.put(gross_mass=None), spoils.charge("freight", "2", 3_000, "USD"))),
    ("D10", spoils.charge("insurance", "3", 3_000)),
    ("D10", spoils.charge("other_charges", "1")),
    ("D11", spoils.charge("freight", "1", 0)),
    ("D11", spoils.charge("freight", "1", 990_001)),
    ("D11", spoils.charge("other_charges", "1", 990_001)),
    ("D11", spoils.charge("other_charges", "1", -990_001)),
    ("D12", spoils.by_sea("conveyance")),
    ("D12", spoils.by_sea("voyage")),
    ("D12", spoils.by_sea("transport_document")),
    ("D19", spoils.heavy_houses),
)
IMPORTED: tuple[Fault, ...] = (
    ("D08", spoils.terms("2", "insurance")),
    ("D08", spoils.terms("3", "freight", "insurance")),
    ("D08", spoils.terms("4", "freight")),
    ("D08", spoils.terms("7", "insurance", "freight")),
)
EXPORTED: tuple[Fault, ...] = (
    ("D09", spoils.terms("1", "insurance", "freight")),
    ("D09", spoils.terms("2", "freight")),
    ("D09", spoils.terms("4", "insurance")),
    ("D09", spoils.terms("7", "freight")),
    ("D14", spoils.put(procedure="0657")),
    ("D14", spoils.put(procedure="1427", duty_regime="299")),
    ("D20", spoils.put(procedure="0214", manual="B42580000001", remark=None)),
)
RARE: tuple[Fault, ...] = (
    ("S01", spoils.crowd),
    ("S01", spoils.box(seals=(tuple(f"S{n}" for n in range(100)),))),
)
"""Large records: a few are enough."""

STEPS: tuple[Fault, ...] = (*ENVELOPE, ("S01", spoils.put_one_of("office", "42-8", "", "QD4258000")))
RELEASES: tuple[Fault, ...] = (("E01", spoils.in_the_past),)
CONTROLS: tuple[Fault, ...] = (
    *NUMBERED,
    ("K01 S01", spoils.nobody(*STRANGERS)),
    ("K01", spoils.earlier),
    ("K01 S01", spoils.put(date=-1)),
    ("K01", spoils.backwards),
    ("K01", spoils.counts_of("SHIPPED")),
    ("K01", spoils.counts_of("ACCEPTED", "ACCEPTED")),
)
WARNINGS: tuple[Fault, ...] = (
    (
        "W02",
        spoils.all_of(
            spoils.put(transport_mode="3"),
            spoils.put_one_of("conveyance", "X7001", "T109", "X81234", "x8001", "X8\uff11\uff12"),
        ),
    ),
    ("D11", spoils.charge("insurance", "1", 2_500)),
    ("D13", spoils.put(procedure="0110", manual=None, duty_regime="299")),
    ("D13", spoils.put(procedure="4561", manual=None, duty_regime="101")),
    ("D15", spoils.put(procedure="0615", manual="B42580000001")),
)
WARNED_OF: dict[str, tuple[Fault, ...]] = {
    "IMPORT": (*WARNINGS, ("D21", spoils.code("3915100000", "2620110000", "8549110000"))),
    "EXPORT": (*WARNINGS, ("D21", spoils.code("4402900000"))),
}
"""What is only warned of, in Chinese declarations."""


def _by_rule(faults: tuple[Fault, ...]) -> dict[str, tuple[Fault, ...]]:
    rules = sorted({fault[0].split()[0] for fault in faults})
    return {rule: tuple(fault for fault in faults if fault[0].split()[0] == rule) for rule in rules}


DECLARATIONS = {
    ("CN", "IMPORT"): _by_rule(ANYWHERE + CHINESE + IMPORTED),
    ("CN", "EXPORT"): _by_rule(ANYWHERE + CHINESE + EXPORTED),
    ("KR", "IMPORT"): _by_rule(ANYWHERE),
    ("KR", "EXPORT"): _by_rule(ANYWHERE),
}


def breaks(record: Record, rng: Random) -> tuple[Record, tuple[str, ...]]:
    """(a copy of the record that breaks a rule drawn at random, the ids of the errors to be found in it)."""
    if "status" in record:
        faults = RELEASES if record["status"] == "RELEASED" and rng.random() < 0.3 else STEPS
    elif "control_number" in record:
        faults = CONTROLS
    else:
        rules = DECLARATIONS[record["jurisdiction"], record["flow"]]
        faults = RARE if rng.random() < 0.005 else rules[rng.choice(tuple(rules))]
    return _spoilt(record, faults, rng)


def warns(record: Record, rng: Random) -> tuple[Record, tuple[str, ...]]:
    """(a copy of a Chinese declaration that gives rise to a warning, the ids of the warnings)."""
    return _spoilt(record, WARNED_OF[record["flow"]], rng)


def _spoilt(record: Record, faults: tuple[Fault, ...], rng: Random) -> tuple[Record, tuple[str, ...]]:
    ids, spoil = rng.choice(faults)
    broken = dict(record)
    spoil(broken, rng)
    return broken, tuple(ids.split())
