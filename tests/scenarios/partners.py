"""Who trades: partners, the groups they are in, and the enterprises on this side."""

from tests.events import item, number, uscc
from tests.expectation import Scenario
from tests.scenarios.common import OTHER, THIRD, N, course, lodge, on, released, took

MIXED_ORIGINS = Scenario(
    "items of two origins count under each, and every breakdown adds up to the same total",
    #  1 Mar   09:00                                10:00      11:00
    #          lodged:                              accepted   released
    #          of KZ  8703  1,000.00 yuan  500 kg
    #          of UZ  5201    300.00       200 kg
    #          of UZ  8703    200.00       100 kg
    events=(
        *released(
            N,
            "2025-03-01",
            items=[
                item(1),
                item(2, "5201000000", 30_000, net_mass=200_000, origin_country="UZ"),
                item(3, "8703230000", 20_000, net_mass=100_000, origin_country="UZ"),
            ],
        ),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
    """,
    of="total partner chapter section heading new-three",
    counted="""
        YEAR 2025-01-01T00:00+08:00
            total ALL IMPORT CN = 1 3 150,000 800,000
            partner KZ IMPORT CN = 1 1 100,000 500,000
            partner UZ IMPORT CN = 1 2 50,000 300,000
            chapter 87 IMPORT CN = 1 2 120,000 600,000
            chapter 52 IMPORT CN = 1 1 30,000 200,000
            section XVII IMPORT CN = 1 2 120,000 600,000
            section XI IMPORT CN = 1 1 30,000 200,000
            heading 8703 IMPORT CN = 1 2 120,000 600,000
            heading 5201 IMPORT CN = 1 1 30,000 200,000
            new-three ELECTRIC_VEHICLES IMPORT CN = 1 1 100,000 500,000
    """,
)

_2023, _ALSO_2023 = number(1, year=2023), number(3, year=2023)
_IRANIAN = {"items": [item(origin_country="IR"), item(2, total=5_000, origin_country="CN")]}
IRAN_ACCEDES = Scenario(
    "goods of Iran released on 4 July 2023 count with the SCO's members of that day, those of the day before do not",
    #  3 July   09:00    10:00      23:59:59.999 | 4 July   00:00
    #           lodged   accepted   released     |
    #           another, of the same:            |          released
    #           of IR  1,000.00 yuan; of CN, which is in no group, 50.00
    events=(
        *course(
            _2023,
            ("LODGED", "2023-07-03T09:00:00+08:00"),
            ("ACCEPTED", "2023-07-03T10:00:00+08:00"),
            ("RELEASED", "2023-07-03T23:59:59.999+08:00"),
            **_IRANIAN,
        ),
        *course(
            _ALSO_2023,
            ("LODGED", "2023-07-03T09:00:00+08:00"),
            ("ACCEPTED", "2023-07-03T10:00:00+08:00"),
            ("RELEASED", "2023-07-04T00:00:00+08:00"),
            **_IRANIAN,
        ),
        on(lodge("2023-07-05T09:00:00+08:00", _2023, version=2, **_IRANIAN)),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED RELEASED
    """,
    of="group",
    counted="""
        DAY 2023-07-03T00:00+08:00
            group SCO CONSTANT CN IMPORT CN = 1 1 100,000 500,000
            group BELT_AND_ROAD DATED CN IMPORT CN = 1 1 100,000 500,000
            group BELT_AND_ROAD CONSTANT CN IMPORT CN = 1 1 100,000 500,000
        DAY 2023-07-04T00:00+08:00
            group SCO DATED CN IMPORT CN = 1 1 100,000 500,000
            group SCO CONSTANT CN IMPORT CN = 1 1 100,000 500,000
            group BELT_AND_ROAD DATED CN IMPORT CN = 1 1 100,000 500,000
            group BELT_AND_ROAD CONSTANT CN IMPORT CN = 1 1 100,000 500,000
        DAY 2023-07-05T00:00+08:00
        ALL_TIME
            group SCO DATED CN IMPORT CN = 1 1 100,000 500,000
            group SCO CONSTANT CN IMPORT CN = 2 2 200,000 1,000,000
            group BELT_AND_ROAD DATED CN IMPORT CN = 2 2 200,000 1,000,000
            group BELT_AND_ROAD CONSTANT CN IMPORT CN = 2 2 200,000 1,000,000
    """,
)

_JIAOZHOU = {"trader_district": "370281", "trader_city": "3799"}
ENTERPRISE_LEAVES = Scenario(
    "an enterprise is counted once where it trades, and no longer when its only declaration is cancelled",
    #  31 Mar   09:00 lodged, 10:00 accepted, 11:00 released  | 1 Apr   09:00 - 11:00      | 2 Apr   09:00
    #           trader 1: Jiaozhou, zone, through platform    |                            |         cancelled
    #           trader 2: Jiaozhou, twice, through platform   |                            |
    #           (its city is not watched)                     |         trader 2: another, |
    #                                                         |         no area, not       |
    #                                                         |         through platform   |
    events=(
        *released(
            N,
            "2025-03-31",
            **_JIAOZHOU,
            trader_zone="SCODA",
        ),
        *released(
            OTHER,
            "2025-03-31",
            **_JIAOZHOU,
            trader_zone="370281",
            trader_id=uscc(2),
        ),
        *released(
            THIRD,
            "2025-04-01",
            channel="OTHER",
            trader_id=uscc(2),
        ),
        on(took("CANCELLED", "2025-04-02T09:00:00+08:00", N)),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED CANCELLED
    """,
    of="enterprises area",
    counted="""
        MONTH 2025-03-01T00:00+08:00
            enterprises CN ALL IMPORT CN = 1
            enterprises CN PLATFORM IMPORT CN = 1
            enterprises 370281 ALL IMPORT CN = 1
            enterprises 370281 PLATFORM IMPORT CN = 1
            enterprises SCODA ALL IMPORT CN = 0
            enterprises SCODA PLATFORM IMPORT CN = 0
            area 370281 IMPORT CN = 1 1 100,000 500,000
            area SCODA IMPORT CN = 0
        MONTH 2025-04-01T00:00+08:00
            enterprises CN ALL IMPORT CN = 1
        YEAR 2025-01-01T00:00+08:00
            enterprises CN ALL IMPORT CN = 1
            enterprises CN PLATFORM IMPORT CN = 1
            enterprises 370281 ALL IMPORT CN = 1
            enterprises 370281 PLATFORM IMPORT CN = 1
            enterprises SCODA ALL IMPORT CN = 0
            enterprises SCODA PLATFORM IMPORT CN = 0
            area 370281 IMPORT CN = 1 1 100,000 500,000
            area SCODA IMPORT CN = 0
    """,
)
