"""What counts as trade, and how amendments and cancellations correct it."""

from typing import Any

from tests.events import item, rate
from tests.expectation import Scenario
from tests.scenarios.common import EXPORT, KOREAN, lodge, on, took

CANCELLED_AFTER_RELEASE = Scenario(
    "a cancellation the next day takes the trade away where it was counted; the stages stay, the zeros stay",
    #  1 Mar   09:00    10:00      11:00     | 2 Mar   09:00
    #          lodged   accepted   released  |         cancelled
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(took("ACCEPTED", "2025-03-01T10:00:00+08:00")),
        on(took("RELEASED", "2025-03-01T11:00:00+08:00")),
        on(took("CANCELLED", "2025-03-02T09:00:00+08:00")),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED CANCELLED
    """,
    counted="""
        MINUTE 2025-03-01T11:00+08:00
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
        DAY 2025-03-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 0
            chapter 87 IMPORT CN = 0
        DAY 2025-03-02T00:00+08:00
            stage CANCELLED 4200 IMPORT CN = 1 100,000 500,000
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            stage CANCELLED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 0
            chapter 87 IMPORT CN = 0
    """,
)

EXPORT_COUNTS_AT_CLEARANCE = Scenario(
    "an export is trade from its clearance on, not from its release",
    #  31 Mar   09:00    10:00      11:00     | 1 Apr   08:00
    #           lodged   accepted   released  |         cleared
    events=(
        on(lodge("2025-03-31T09:00:00+08:00", EXPORT)),
        on(took("ACCEPTED", "2025-03-31T10:00:00+08:00", EXPORT)),
        on(took("RELEASED", "2025-03-31T11:00:00+08:00", EXPORT)),
        on(took("CLEARED", "2025-04-01T08:00:00+08:00", EXPORT)),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED CLEARED
    """,
    counted="""
        MONTH 2025-03-01T00:00+08:00
            stage LODGED 4200 EXPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 EXPORT CN = 1 100,000 500,000
            stage RELEASED 4200 EXPORT CN = 1 100,000 500,000
        MONTH 2025-04-01T00:00+08:00
            stage CLEARED 4200 EXPORT CN = 1 100,000 500,000
            partner KZ EXPORT CN = 1 1 100,000 500,000
            chapter 87 EXPORT CN = 1 1 100,000 500,000
        ALL_TIME
            stage LODGED 4200 EXPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 EXPORT CN = 1 100,000 500,000
            stage RELEASED 4200 EXPORT CN = 1 100,000 500,000
            stage CLEARED 4200 EXPORT CN = 1 100,000 500,000
            partner KZ EXPORT CN = 1 1 100,000 500,000
            chapter 87 EXPORT CN = 1 1 100,000 500,000
    """,
)

_KR: dict[str, Any] = {"jurisdiction": "KR", "declaration_office": "040"}
_FRIDGE = item(commodity_code="841810", total=70_000, currency="EUR", net_mass=None, origin_country="UZ")
AMENDED_IN_EVERY_DIMENSION = Scenario(
    "an amendment moves what was counted between dimensions, not in time; as an export it counts at clearance",
    #  Seoul  1 Mar   09:00    10:00      11:00         | 2 Mar  09:00                   | 3 Mar  09:00     10:00
    #                 lodged   accepted   released      |        version 2: of UZ,       |        v 3: now  cleared
    #                                     of KZ, 87,    |        chapter 84, EUR 700.00  |        export    -> counts
    #                                     1,000.00      |        at 8.0, office 030      |        to UZ        now
    events=(
        on(lodge("2025-03-01T09:00:00+09:00", KOREAN, **_KR)),
        on(took("ACCEPTED", "2025-03-01T10:00:00+09:00", KOREAN)),
        on(took("RELEASED", "2025-03-01T11:00:00+09:00", KOREAN)),
        on(
            lodge(
                "2025-03-02T09:00:00+09:00",
                KOREAN,
                version=2,
                jurisdiction="KR",
                declaration_office="030",
                items=[_FRIDGE],
                exchange_rates=[rate("EUR", "8")],
            )
        ),
        on(
            lodge(
                "2025-03-03T09:00:00+09:00",
                KOREAN,
                version=3,
                flow="EXPORT",
                jurisdiction="KR",
                declaration_office="030",
                trade_country="UZ",
                items=[_FRIDGE],
                exchange_rates=[rate("EUR", "8")],
            )
        ),
        on(took("CLEARED", "2025-03-03T10:00:00+09:00", KOREAN, version=3)),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED RELEASED
        ACCEPTED RELEASED
        ACCEPTED CLEARED
    """,
    counted="""
        MINUTE 2025-03-01T11:00+09:00
            stage RELEASED 040 IMPORT KR = 1 100,000 500,000
        DAY 2025-03-01T00:00+09:00
            stage LODGED 040 IMPORT KR = 1 100,000 500,000
            stage ACCEPTED 040 IMPORT KR = 1 100,000 500,000
            stage RELEASED 040 IMPORT KR = 1 100,000 500,000
            partner KZ IMPORT KR = 0
            chapter 87 IMPORT KR = 0
            partner UZ IMPORT KR = 0
            chapter 84 IMPORT KR = 0
        DAY 2025-03-02T00:00+09:00
            stage AMENDED 030 IMPORT KR = 1 560,000
        DAY 2025-03-03T00:00+09:00
            stage AMENDED 030 EXPORT KR = 1 560,000
            stage CLEARED 030 EXPORT KR = 1 560,000
            partner UZ EXPORT KR = 1 1 560,000
            chapter 84 EXPORT KR = 1 1 560,000
        ALL_TIME
            stage LODGED 040 IMPORT KR = 1 100,000 500,000
            stage ACCEPTED 040 IMPORT KR = 1 100,000 500,000
            stage RELEASED 040 IMPORT KR = 1 100,000 500,000
            stage AMENDED 030 IMPORT KR = 1 560,000
            stage AMENDED 030 EXPORT KR = 1 560,000
            stage CLEARED 030 EXPORT KR = 1 560,000
            partner KZ IMPORT KR = 0
            chapter 87 IMPORT KR = 0
            partner UZ IMPORT KR = 0
            chapter 84 IMPORT KR = 0
            partner UZ EXPORT KR = 1 1 560,000
            chapter 84 EXPORT KR = 1 1 560,000
    """,
)

AMENDED_INTO_TRADE = Scenario(
    "an amendment that turns a released export into an import counts from the amendment's own time",
    #  Seoul  1 Mar   09:00            10:00      11:00          | 2 Mar  09:00
    #                 lodged, export   accepted   released       |        version 2: import -> counts now
    events=(
        on(lodge("2025-03-01T09:00:00+09:00", KOREAN, flow="EXPORT", **_KR)),
        on(took("ACCEPTED", "2025-03-01T10:00:00+09:00", KOREAN)),
        on(took("RELEASED", "2025-03-01T11:00:00+09:00", KOREAN)),
        on(lodge("2025-03-02T09:00:00+09:00", KOREAN, version=2, **_KR)),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED RELEASED
    """,
    counted="""
        DAY 2025-03-01T00:00+09:00
            stage LODGED 040 EXPORT KR = 1 100,000 500,000
            stage ACCEPTED 040 EXPORT KR = 1 100,000 500,000
            stage RELEASED 040 EXPORT KR = 1 100,000 500,000
        DAY 2025-03-02T00:00+09:00
            stage AMENDED 040 IMPORT KR = 1 100,000 500,000
            partner KZ IMPORT KR = 1 1 100,000 500,000
            chapter 87 IMPORT KR = 1 1 100,000 500,000
        ALL_TIME
            stage LODGED 040 EXPORT KR = 1 100,000 500,000
            stage ACCEPTED 040 EXPORT KR = 1 100,000 500,000
            stage RELEASED 040 EXPORT KR = 1 100,000 500,000
            stage AMENDED 040 IMPORT KR = 1 100,000 500,000
            partner KZ IMPORT KR = 1 1 100,000 500,000
            chapter 87 IMPORT KR = 1 1 100,000 500,000
    """,
)

ITEM_AMENDED_AWAY = Scenario(
    "of three items in two chapters, the one amended away leaves its chapter at zero",
    #  1 Mar   09:00                        10:00      11:00      12:00
    #          lodged:                      accepted   released   version 2:
    #          87  1,000.00  500 kg                               87  1,000.00  500 kg
    #          87    250.00   unknown                             87    250.00   unknown
    #          27     40.00   25 kg
    events=(
        on(
            lodge(
                "2025-03-01T09:00:00+08:00",
                items=[
                    item(1),
                    item(2, "8703600000", 25_000, net_mass=None),
                    item(3, "2701120000", 4_000, net_mass=25_000),
                ],
            )
        ),
        on(took("ACCEPTED", "2025-03-01T10:00:00+08:00")),
        on(took("RELEASED", "2025-03-01T11:00:00+08:00")),
        on(
            lodge(
                "2025-03-01T12:00:00+08:00",
                version=2,
                items=[item(1), item(2, "8703600000", 25_000, net_mass=None)],
            )
        ),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED RELEASED
    """,
    counted="""
        MINUTE 2025-03-01T11:00+08:00
            stage RELEASED 4200 IMPORT CN = 1 129,000 525,000
        DAY 2025-03-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 129,000 525,000
            stage ACCEPTED 4200 IMPORT CN = 1 129,000 525,000
            stage RELEASED 4200 IMPORT CN = 1 129,000 525,000
            stage AMENDED 4200 IMPORT CN = 1 125,000 500,000
            partner KZ IMPORT CN = 1 2 125,000 500,000
            chapter 87 IMPORT CN = 1 2 125,000 500,000
            chapter 27 IMPORT CN = 0
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 129,000 525,000
            stage ACCEPTED 4200 IMPORT CN = 1 129,000 525,000
            stage RELEASED 4200 IMPORT CN = 1 129,000 525,000
            stage AMENDED 4200 IMPORT CN = 1 125,000 500,000
            partner KZ IMPORT CN = 1 2 125,000 500,000
            chapter 87 IMPORT CN = 1 2 125,000 500,000
            chapter 27 IMPORT CN = 0
    """,
)
