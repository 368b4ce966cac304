"""Where in time a step and a trade are counted."""

from tests.events import item
from tests.expectation import Scenario
from tests.scenarios.common import KOREAN, lodge, on, took

MIDNIGHT_IN_SHANGHAI = Scenario(
    "a release just after midnight in Shanghai counts on the new day and in the new month there",
    #  UTC       28 Feb 15:50      15:55      15:59:59.999 | 16:00
    #  Shanghai  28 Feb 23:50      23:55      23:59:59.999 | 1 Mar 00:00
    #            lodged            accepted   inspected    | released
    events=(
        on(lodge("2025-02-28T23:50:00+08:00")),
        on(took("ACCEPTED", "2025-02-28T23:55:00+08:00")),
        on(took("INSPECTED", "2025-02-28T23:59:59.999+08:00")),
        on(took("RELEASED", "2025-03-01T00:00:00+08:00"), "2025-03-01T00:00:02+08:00"),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED INSPECTED
        ACCEPTED RELEASED
    """,
    counted="""
        DAY 2025-02-28T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage INSPECTED 4200 IMPORT CN = 1 100,000 500,000
        MONTH 2025-02-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage INSPECTED 4200 IMPORT CN = 1 100,000 500,000
        MINUTE 2025-02-28T23:59+08:00
            stage INSPECTED 4200 IMPORT CN = 1 100,000 500,000
        MINUTE 2025-03-01T00:00+08:00
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
        DAY 2025-03-01T00:00+08:00
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 1 1 100,000 500,000
            chapter 87 IMPORT CN = 1 1 100,000 500,000
        MONTH 2025-03-01T00:00+08:00
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 1 1 100,000 500,000
            chapter 87 IMPORT CN = 1 1 100,000 500,000
        YEAR 2025-01-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage INSPECTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 1 1 100,000 500,000
            chapter 87 IMPORT CN = 1 1 100,000 500,000
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage INSPECTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 1 1 100,000 500,000
            chapter 87 IMPORT CN = 1 1 100,000 500,000
    """,
)

MIDNIGHT_IN_SEOUL = Scenario(
    "a Korean declaration is counted by the day of Seoul, an hour before that of Shanghai",
    #  UTC    30 Jun 14:59:59.999 | 15:00                 15:30
    #  Seoul  30 Jun 23:59:59.999 | 1 Jul 00:00           00:30
    #         lodged              | accepted              released
    events=(
        on(
            lodge(
                "2025-06-30T23:59:59.999+09:00",
                KOREAN,
                jurisdiction="KR",
                declaration_office="040",
                procedure="A",
                trader_id="1234567890",
                items=[item(commodity_code="870380")],
            )
        ),
        on(took("ACCEPTED", "2025-07-01T00:00:00+09:00", KOREAN, office="040"), "2025-07-01T00:00:02+09:00"),
        on(took("RELEASED", "2025-07-01T00:30:00+09:00", KOREAN, office="040")),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
    """,
    counted="""
        DAY 2025-06-30T00:00+09:00
            stage LODGED 040 IMPORT KR = 1 100,000 500,000
        MONTH 2025-06-01T00:00+09:00
            stage LODGED 040 IMPORT KR = 1 100,000 500,000
        DAY 2025-07-01T00:00+09:00
            stage ACCEPTED 040 IMPORT KR = 1 100,000 500,000
            stage RELEASED 040 IMPORT KR = 1 100,000 500,000
            partner KZ IMPORT KR = 1 1 100,000 500,000
            chapter 87 IMPORT KR = 1 1 100,000 500,000
        MONTH 2025-07-01T00:00+09:00
            stage ACCEPTED 040 IMPORT KR = 1 100,000 500,000
            stage RELEASED 040 IMPORT KR = 1 100,000 500,000
            partner KZ IMPORT KR = 1 1 100,000 500,000
            chapter 87 IMPORT KR = 1 1 100,000 500,000
        DAY 2025-07-01T00:00+08:00
        ALL_TIME
            stage LODGED 040 IMPORT KR = 1 100,000 500,000
            stage ACCEPTED 040 IMPORT KR = 1 100,000 500,000
            stage RELEASED 040 IMPORT KR = 1 100,000 500,000
            partner KZ IMPORT KR = 1 1 100,000 500,000
            chapter 87 IMPORT KR = 1 1 100,000 500,000
    """,
)

AMENDED_AFTER_THE_YEARS_END = Scenario(
    "an amendment in the new year corrects the old year, in which the goods were released",
    #  31 Dec 2025   22:00    22:30      23:30              | 2 Jan 2026   10:00
    #                lodged   accepted   released 1,000.00  |              amended to 1,200.50, 480 kg (34.5 h later)
    events=(
        on(lodge("2025-12-31T22:00:00+08:00")),
        on(took("ACCEPTED", "2025-12-31T22:30:00+08:00")),
        on(took("RELEASED", "2025-12-31T23:30:00+08:00")),
        on(lodge("2026-01-02T10:00:00+08:00", version=2, items=[item(total=120_050, net_mass=480_000)])),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED RELEASED
    """,
    counted="""
        MINUTE 2025-12-31T23:30+08:00
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
        MONTH 2025-12-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 1 1 120,050 480,000
            chapter 87 IMPORT CN = 1 1 120,050 480,000
        YEAR 2025-01-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 1 1 120,050 480,000
            chapter 87 IMPORT CN = 1 1 120,050 480,000
        YEAR 2026-01-01T00:00+08:00
            stage AMENDED 4200 IMPORT CN = 1 120,050 480,000
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            stage AMENDED 4200 IMPORT CN = 1 120,050 480,000
            partner KZ IMPORT CN = 1 1 120,050 480,000
            chapter 87 IMPORT CN = 1 1 120,050 480,000
    """,
)

CANCELLED_AFTER_THE_MINUTE_EXPIRED = Scenario(
    "a cancellation two days after the release corrects its day; what was released in its minute stays",
    #  1 Mar   09:00    10:00      11:00:30  | 3 Mar   10:59 (appended 11:00: the minute 11:00 of 1 March + 48 h)
    #          lodged   accepted   released  |         cancelled
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(took("ACCEPTED", "2025-03-01T10:00:00+08:00")),
        on(took("RELEASED", "2025-03-01T11:00:30+08:00")),
        on(took("CANCELLED", "2025-03-03T10:59:00+08:00"), "2025-03-03T11:00:00+08:00"),
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
        MINUTE 2025-03-03T10:59+08:00
            stage CANCELLED 4200 IMPORT CN = 1 100,000 500,000
        DAY 2025-03-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 0
            chapter 87 IMPORT CN = 0
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            stage CANCELLED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 0
            chapter 87 IMPORT CN = 0
    """,
)

LATE_STATUS = Scenario(
    "a status that comes 48 hours late counts in its day and not in its minute; a millisecond earlier, in both",
    #  event time   1 Mar 09:00   10:00:59        11:00:59
    #               lodged        accepted        released
    #  appended     1 Mar 09:00   3 Mar 10:00     3 Mar 10:59:59.999
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(took("ACCEPTED", "2025-03-01T10:00:59+08:00"), "2025-03-03T10:00:00+08:00"),
        on(took("RELEASED", "2025-03-01T11:00:59+08:00"), "2025-03-03T10:59:59.999+08:00"),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
    """,
    counted="""
        MINUTE 2025-03-01T10:00+08:00
        MINUTE 2025-03-01T11:00+08:00
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
        DAY 2025-03-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 1 1 100,000 500,000
            chapter 87 IMPORT CN = 1 1 100,000 500,000
        DAY 2025-03-03T00:00+08:00
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 1 1 100,000 500,000
            chapter 87 IMPORT CN = 1 1 100,000 500,000
    """,
)

PARKED_RELEASE_APPLIED_LATE = Scenario(
    "a parked release that is applied three days later counts in its own day and no longer in its minute",
    #  1 Mar   09:00    10:00     11:00              | 4 Mar   12:00
    #          lodged   (accepted is under way)      |         accepted (of 1 Mar 10:00) -> released as well
    #                             released: parked   |
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(took("RELEASED", "2025-03-01T11:00:00+08:00")),
        on(took("ACCEPTED", "2025-03-01T10:00:00+08:00"), "2025-03-04T12:00:00+08:00"),
    ),
    said="""
        ACCEPTED LODGED
        PARKED LODGED
        ACCEPTED ACCEPTED
    """,
    counted="""
        MINUTE 2025-03-01T10:00+08:00
        MINUTE 2025-03-01T11:00+08:00
        DAY 2025-03-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 1 1 100,000 500,000
            chapter 87 IMPORT CN = 1 1 100,000 500,000
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 1 1 100,000 500,000
            chapter 87 IMPORT CN = 1 1 100,000 500,000
    """,
)

ROW_EXPIRED = Scenario(
    "after 1,100 days of silence a number is new again, and what it had counted stays counted",
    #  1 Jan 2025 00:00            | 6 Jan 2028 00:00:00 (1,100 days)   00:00:00.001            00:01
    #  lodged                      | lodged again: duplicate            again: accepted         the same: duplicate
    events=(
        on(lodge("2025-01-01T00:00:00+08:00"), "2025-01-01T00:00:00+08:00"),
        on(lodge("2025-01-01T00:00:00+08:00"), "2028-01-06T00:00:00+08:00"),
        on(lodge("2025-01-01T00:00:00+08:00"), "2028-01-06T00:00:00.001+08:00"),
        on(lodge("2025-01-01T00:00:00+08:00"), "2028-01-06T00:01:00+08:00"),
    ),
    said="""
        ACCEPTED LODGED
        DUPLICATE LODGED
        ACCEPTED LODGED
        DUPLICATE LODGED
    """,
    counted="""
        MINUTE 2025-01-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
        YEAR 2025-01-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 2 200,000 1,000,000
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 2 200,000 1,000,000
    """,
)
