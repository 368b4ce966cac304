"""What is answered: duplicates, conflicts, refusals, warnings, dead letters."""

from tests.events import Raw, at, charge, control, count, encode, equipment, house, item, raw
from tests.expectation import Scenario
from tests.scenarios.common import N, lodge, on, took

DUPLICATE = Scenario(
    "the same event sent again, later and in another framing, is a duplicate and counts once",
    #  1 Mar   09:00    09:05               09:10                     10:00
    #          lodged   again, new sent_at  again, Confluent framing  accepted, twice
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(
            lodge("2025-03-01T09:00:00+08:00", sent_at=at("2025-03-01T09:05:00+08:00")),
            "2025-03-01T09:05:01+08:00",
        ),
        (raw(lodge("2025-03-01T09:00:00+08:00"), confluent=True), at("2025-03-01T09:10:00+08:00")),
        on(took("ACCEPTED", "2025-03-01T10:00:00+08:00")),
        on(took("ACCEPTED", "2025-03-01T10:00:00+08:00")),
    ),
    said="""
        ACCEPTED LODGED
        DUPLICATE LODGED
        DUPLICATE LODGED
        ACCEPTED ACCEPTED
        DUPLICATE ACCEPTED
    """,
    of="stage answer",
    counted="""
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            answer AGENT-1 CustomsDeclaration ACCEPTED = 1 1
            answer AGENT-1 CustomsDeclaration DUPLICATE = 2 2
            answer CUSTOMS DeclarationStatus ACCEPTED = 1 1
            answer CUSTOMS DeclarationStatus DUPLICATE = 1 1
    """,
)

CONFLICT = Scenario(
    "another content under an identity that is taken is a conflict, and so is a version that is there already",
    #  1 Mar   09:00       09:05                    09:10                     09:15
    #          lodged,     same identity,           same identity,            another identity,
    #          1,000.00    2,000.00: conflict       a status: conflict        version 1: conflict
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(lodge("2025-03-01T09:05:00+08:00", items=[item(total=200_000)])),
        on(took("ACCEPTED", "2025-03-01T09:10:00+08:00", sender_id="AGENT-1", event_id=f"{N}/v1")),
        on(lodge("2025-03-01T09:15:00+08:00", revision=2, items=[item(total=200_000)])),
    ),
    said="""
        ACCEPTED LODGED
        CONFLICT LODGED E03/event_id! CORRECT_AND_RESEND
        CONFLICT LODGED E03/event_id! CORRECT_AND_RESEND
        CONFLICT LODGED E03/version! CORRECT_AND_RESEND
    """,
    counted="""
        MINUTE 2025-03-01T09:05+08:00
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
    """,
)

REFUSED_IS_JUDGED_ANEW = Scenario(
    "a refused event occupies nothing: sent again it is judged anew, corrected it is accepted under the same identity",
    #  1 Mar   09:00             09:01           09:02                09:03
    #          net > gross:      the same:       corrected, same      the first one again:
    #          refused           refused         identity: accepted   conflict
    events=(
        on(lodge("2025-03-01T09:00:00+08:00", net_mass=600_001)),
        on(lodge("2025-03-01T09:00:00+08:00", net_mass=600_001), "2025-03-01T09:01:00+08:00"),
        on(lodge("2025-03-01T09:00:00+08:00", net_mass=600_000), "2025-03-01T09:02:00+08:00"),
        on(lodge("2025-03-01T09:00:00+08:00", net_mass=600_001), "2025-03-01T09:03:00+08:00"),
    ),
    said="""
        REFUSED NONE D06/net_mass! CORRECT_AND_RESEND
        REFUSED NONE D06/net_mass! CORRECT_AND_RESEND
        ACCEPTED LODGED
        CONFLICT LODGED E03/event_id! CORRECT_AND_RESEND
    """,
    counted="""
        MINUTE 2025-03-01T09:00+08:00
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
    """,
)

WARNINGS = Scenario(
    "a warning does not refuse: a clock over 15 minutes ahead is remarked, and so is a nameless train",
    #  appended   1 Mar 09:00              09:01                      09:30
    #  event      1 Mar 09:15:00.001       09:16 (just in time)       12:00: parked, with the same remark
    events=(
        on(lodge("2025-03-01T09:15:00.001+08:00", transport_mode="3"), "2025-03-01T09:00:00+08:00"),
        on(took("ACCEPTED", "2025-03-01T09:16:00+08:00"), "2025-03-01T09:01:00+08:00"),
        on(took("CLEARED", "2025-03-01T12:00:00+08:00"), "2025-03-01T09:30:00+08:00"),
        on(
            lodge("2025-03-01T09:40:00+08:00", version=2, transport_mode="3", conveyance="X8050", containerised=True)
            | {"containers": [equipment()]}
        ),
    ),
    said="""
        ACCEPTED_WITH_WARNINGS LODGED W01/event_time? W02/conveyance?
        ACCEPTED ACCEPTED
        PARKED ACCEPTED W01/event_time?
        ACCEPTED ACCEPTED
    """,
    counted="""
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage AMENDED 4200 IMPORT CN = 1 100,000 500,000
    """,
)

EVERYTHING_WRONG = Scenario(
    "a refusal names everything that is wrong, in the order of the rules and then of the items",
    #  1 Mar   09:00                          09:01                             09:02    09:03
    #          a declaration with the errors  one with errors of what it says   a        a control
    #          of what it must say            of charges, papers, containers    status   record
    events=(
        on(
            lodge(
                "2025-03-01T09:00:00+08:00",
                f"9999{N[4:8]}0{N[9:]}",
                version=10_000,
                revision=0,
                event_id="",
                sender_id="x" * 65,
                trader_id="91370200ma0000001g",
                trader_code="37022A000",
                trade_country="kz",
                declaration_office="4200-",
                procedure="０１１０",  # noqa: RUF001 - full-width digits are the point
                flow="IMPORT",
                gross_mass=999,
                net_mass=999,
                items=[
                    item(1, "8703809", origin_country="XX", currency="ZZZ"),
                    item(3, "9999999999", total=100_002, unit_price=10_000_000),
                    item(2, "8703800000", total=100_001, unit_price=10_000_000, net_mass=-1, origin_country=""),
                ],
            )
        ),
        on(
            lodge(
                "2025-03-01T09:01:00+08:00",
                trade_terms="3",
                **charge("freight", "2", None),
                **charge("other_charges", "1", "100"),
                voyage=None,
                packages=2,
                package_kind="00",
                duty_regime=None,
                house_documents=[house(300_000), house(300_001, "HB-2")],
                containers=[
                    equipment("CSQU3054384"),
                    equipment("csqu3054383", seal_count=1),
                    equipment(seals=["1", "1"]),
                ],
            )
        ),
        on(
            took(
                "RELEASED",
                "1999-12-31T23:59:59.999+00:00",
                version=0,
                office="x",
                estimated_arrival=at("1999-12-31T23:59:59.999+00:00"),
            ),
            "2025-03-01T09:02:00+08:00",
        ),
        on(
            control(
                day="2025-02-28",
                control_number="AGENT-1/2025-02-27",
                first_sequence=2,
                last_sequence=1,
                counts=[count("LODGED"), count("PARKED"), count("LODGED")],
            ),
            "2025-03-01T09:03:00+08:00",
        ),
    ),
    said="""
        REFUSED NONE D01/declaration_number! D02/declaration_number! D03/trader_id! D04/trader_code! \
            D05/trade_country! D05/items/1/currency! D05/items/1/origin_country! D05/items/3/origin_country! \
            D05/declaration_office! D05/procedure! D06/net_mass! D16/items/1/commodity_code! \
            D16/items/2/commodity_code! D17/items/2/total! D18/items! S01/version! S01/revision! S01/sender_id! \
            S01/event_id! S01/items/3/net_mass! CORRECT_AND_RESEND
        REFUSED NONE D07/packages! D08/insurance_mark! D10/freight! D10/freight_currency! D11/other_charges! \
            D12/voyage! D13/duty_regime? D19/gross_mass! C01/containers/1/number! C01/containers/2/number! \
            C02/containers! C03/containers/2/seals! C03/containers/3/seals! CORRECT_AND_RESEND
        REFUSED NONE E01/estimated_arrival! S01/version! S01/event_time! S01/office! CORRECT_AND_RESEND
        REFUSED NONE K01/control_number! K01/last_sequence! K01/counts/2/step! K01/counts/3/step! CORRECT_AND_RESEND
    """,
    of="stage hit",
    counted="""
        ALL_TIME
            hit D01 ERROR CustomsDeclaration = 1 1
            hit D02 ERROR CustomsDeclaration = 1 1
            hit D03 ERROR CustomsDeclaration = 1 1
            hit D04 ERROR CustomsDeclaration = 1 1
            hit D05 ERROR CustomsDeclaration = 6 1
            hit D06 ERROR CustomsDeclaration = 1 1
            hit D07 ERROR CustomsDeclaration = 1 1
            hit D08 ERROR CustomsDeclaration = 1 1
            hit D10 ERROR CustomsDeclaration = 2 1
            hit D11 ERROR CustomsDeclaration = 1 1
            hit D12 ERROR CustomsDeclaration = 1 1
            hit D13 WARNING CustomsDeclaration = 1 1
            hit D16 ERROR CustomsDeclaration = 2 1
            hit D17 ERROR CustomsDeclaration = 1 1
            hit D18 ERROR CustomsDeclaration = 1 1
            hit D19 ERROR CustomsDeclaration = 1 1
            hit C01 ERROR CustomsDeclaration = 2 1
            hit C02 ERROR CustomsDeclaration = 1 1
            hit C03 ERROR CustomsDeclaration = 2 1
            hit S01 ERROR CustomsDeclaration = 5 1
            hit E01 ERROR DeclarationStatus = 1 1
            hit S01 ERROR DeclarationStatus = 3 1
            hit K01 ERROR ControlRecord = 4 1
    """,
)

_GOOD = lodge("2025-03-01T09:00:00+08:00")
_VALUE = encode(_GOOD)
_KEY = N.encode()
_OTHER_PARTITION = 7  # its key's own is 0
DEAD_LETTERS = Scenario(
    "what cannot be taken as an event is a dead letter with its reason, and the event after it counts",
    #  1 Mar 09:00   eighteen kinds of bytes, then the event itself
    events=tuple(
        (bare, at("2025-03-01T09:00:01+08:00"))
        for bare in (
            Raw(None, None),
            Raw(_KEY, None),
            Raw(_KEY, _VALUE + bytes(1_048_577 - len(_VALUE))),
            Raw(_KEY, _VALUE + bytes(1_048_576 - len(_VALUE))),
            Raw(_KEY, b""),
            Raw(_KEY, b"\xc3"),
            Raw(_KEY, b'{"declaration_number": "420020251000000001"}'),
            Raw(_KEY, _VALUE[:9]),
            Raw(_KEY, b"\x00\x00\x00\x01"),
            Raw(_KEY, b"\xc3\x01" + bytes(8) + _VALUE[10:]),
            Raw(_KEY, b"\x00\x00\x00\x00\x04" + _VALUE[10:]),
            Raw(_KEY, _VALUE[:-1]),
            Raw(_KEY, _VALUE + b"\x00"),
            Raw(b"another", _VALUE[:-1]),
            Raw(None, _VALUE),
            Raw(b"", _VALUE),
            Raw(b"another", _VALUE, _OTHER_PARTITION),
            Raw(_KEY, _VALUE, _OTHER_PARTITION),
            Raw(_KEY, _VALUE),
        )
    ),
    said="""
        dead letter null_value
        dead letter null_value
        dead letter oversized
        dead letter undecodable
        dead letter unknown_framing
        dead letter unknown_framing
        dead letter unknown_framing
        dead letter undecodable
        dead letter undecodable
        dead letter unknown_schema
        dead letter unknown_schema
        dead letter undecodable
        dead letter undecodable
        dead letter undecodable
        dead letter wrong_key
        dead letter wrong_key
        dead letter wrong_key
        dead letter wrong_partition
        ACCEPTED LODGED
    """,
    counted="""
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
    """,
)
