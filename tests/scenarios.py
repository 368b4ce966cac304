"""Hand-worked scenarios: what happened, what must be answered, what must be counted. No figure here is computed.

Unless a timeline says otherwise its times are of Shanghai (UTC+8), and a record is appended one second after its
event time. The declaration is the builder's: CN import through office 4200 from KZ, one item of chapter 87 at
USD 1,000.00 (100000) and 500 kg (500000 g). Counters are (1 declaration, value, mass) and (items, value, mass).
"""

from typing import Any

from tests.events import Raw, Record, at, container, declaration, encode, item, number, raw, status
from tests.expectation import Scenario

N = number(1)
EXPORT = number(2, flow="EXPORT")
KOREAN = "04025-25-1234567"


def lodge(when: str, n: str = N, version: int = 1, **changes: Any) -> Record:
    return declaration(n, version, event_time=at(when), **changes)


def took(step: str, when: str, n: str = N, version: int = 1, **changes: Any) -> Record:
    return status(n, step, version, event_time=at(when), **changes)


def on(what: Record, appended: str | None = None) -> tuple[Record | Raw, int]:
    """An event and when it is appended: one second after its event time unless another moment is named."""
    return what, at(appended) if appended else what["event_time"] + 1000


MIDNIGHT_IN_SHANGHAI = Scenario(
    "a release just after midnight in Shanghai counts on the new day there, in the old month of UTC or not",
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
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage INSPECTED 4200 IMPORT CN = 1
        MONTH 2025-02-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage INSPECTED 4200 IMPORT CN = 1
        MINUTE 2025-02-28T23:59+08:00
            stage INSPECTED 4200 IMPORT CN = 1
        MINUTE 2025-03-01T00:00+08:00
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
        DAY 2025-03-01T00:00+08:00
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
        MONTH 2025-03-01T00:00+08:00
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
        YEAR 2025-01-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage INSPECTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage INSPECTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
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
            stage LODGED 040 IMPORT KR = 1
        MONTH 2025-06-01T00:00+09:00
            stage LODGED 040 IMPORT KR = 1
        DAY 2025-07-01T00:00+09:00
            stage ACCEPTED 040 IMPORT KR = 1
            stage RELEASED 040 IMPORT KR = 1
            partner KZ IMPORT KR USD = 1 100,000 500,000
            chapter 87 IMPORT KR USD = 1 100,000 500,000
        MONTH 2025-07-01T00:00+09:00
            stage ACCEPTED 040 IMPORT KR = 1
            stage RELEASED 040 IMPORT KR = 1
            partner KZ IMPORT KR USD = 1 100,000 500,000
            chapter 87 IMPORT KR USD = 1 100,000 500,000
        DAY 2025-07-01T00:00+08:00
        ALL_TIME
            stage LODGED 040 IMPORT KR = 1
            stage ACCEPTED 040 IMPORT KR = 1
            stage RELEASED 040 IMPORT KR = 1
            partner KZ IMPORT KR USD = 1 100,000 500,000
            chapter 87 IMPORT KR USD = 1 100,000 500,000
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
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 120,050 480,000
            chapter 87 IMPORT CN USD = 1 120,050 480,000
        MONTH 2025-12-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 120,050 480,000
            chapter 87 IMPORT CN USD = 1 120,050 480,000
        YEAR 2025-01-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 120,050 480,000
            chapter 87 IMPORT CN USD = 1 120,050 480,000
        YEAR 2026-01-01T00:00+08:00
            stage AMENDED 4200 IMPORT CN = 1
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            stage AMENDED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 120,050 480,000
            chapter 87 IMPORT CN USD = 1 120,050 480,000
    """,
)

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
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 0 0 0
            chapter 87 IMPORT CN USD = 0 0 0
        DAY 2025-03-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 0 0 0
            chapter 87 IMPORT CN USD = 0 0 0
        DAY 2025-03-02T00:00+08:00
            stage CANCELLED 4200 IMPORT CN = 1
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            stage CANCELLED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 0 0 0
            chapter 87 IMPORT CN USD = 0 0 0
    """,
)

CANCELLED_AFTER_THE_MINUTE_EXPIRED = Scenario(
    "a cancellation 48 hours after the release leaves its minute, which has expired, and corrects its day",
    #  1 Mar   09:00    10:00      11:00:30  | 3 Mar   11:00:00 (the minute 11:00 of 1 March + 48 h, to the millisecond)
    #          lodged   accepted   released  |         cancelled and appended
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
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
        MINUTE 2025-03-03T10:59+08:00
            stage CANCELLED 4200 IMPORT CN = 1
        DAY 2025-03-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 0 0 0
            chapter 87 IMPORT CN USD = 0 0 0
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            stage CANCELLED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 0 0 0
            chapter 87 IMPORT CN USD = 0 0 0
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
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
        DAY 2025-03-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
        DAY 2025-03-03T00:00+08:00
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
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
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
    """,
)

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
    counted="""
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
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
            stage LODGED 4200 IMPORT CN = 1
    """,
)

STATUS_BEFORE_ITS_DECLARATION = Scenario(
    "a status that comes before its declaration waits for it and is applied right after it, without another receipt",
    #  1 Mar    09:30 appended       09:31 appended    09:40
    #           accepted of 09:20:   lodged of 09:00   released
    #           parked               -> accepted too
    events=(
        on(took("ACCEPTED", "2025-03-01T09:20:00+08:00"), "2025-03-01T09:30:00+08:00"),
        on(lodge("2025-03-01T09:00:00+08:00"), "2025-03-01T09:31:00+08:00"),
        on(took("RELEASED", "2025-03-01T09:40:00+08:00")),
    ),
    said="""
        PARKED NONE
        ACCEPTED LODGED
        ACCEPTED RELEASED
    """,
    counted="""
        MINUTE 2025-03-01T09:20+08:00
            stage ACCEPTED 4200 IMPORT CN = 1
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
    """,
)

CLEARED_BEFORE_RELEASED = Scenario(
    "a clearance before the release is parked; the import counts from its release",
    #  1 Mar   09:00    10:00      12:00             | 2 Mar   08:00 appended
    #          lodged   accepted   cleared: parked   |         released of 1 Mar 11:00 -> cleared too
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(took("ACCEPTED", "2025-03-01T10:00:00+08:00")),
        on(took("CLEARED", "2025-03-01T12:00:00+08:00")),
        on(took("RELEASED", "2025-03-01T11:00:00+08:00"), "2025-03-02T08:00:00+08:00"),
        on(took("RELEASED", "2025-03-02T09:00:00+08:00", event_id="second release")),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        PARKED ACCEPTED
        ACCEPTED RELEASED
        REFUSED CLEARED E05/status! CORRECT_AND_RESEND
    """,
    counted="""
        MINUTE 2025-03-01T11:00+08:00
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
        MINUTE 2025-03-01T12:00+08:00
            stage CLEARED 4200 IMPORT CN = 1
        DAY 2025-03-02T00:00+08:00
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            stage CLEARED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 100,000 500,000
            chapter 87 IMPORT CN USD = 1 100,000 500,000
    """,
)

REJECTED_AMENDED_RELEASED = Scenario(
    "a rejected declaration comes back to life with its next version",
    #  1 Mar   09:00    10:00      11:00       12:00       13:00                 14:00      15:00
    #          lodged   rejected   accepted    version 2   rejected (version 1)  accepted   released
    #                              : refused   -> lodged   : refused             (v 2)      (v 2)
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(took("REJECTED", "2025-03-01T10:00:00+08:00")),
        on(took("ACCEPTED", "2025-03-01T11:00:00+08:00")),
        on(lodge("2025-03-01T12:00:00+08:00", version=2, items=[item(total=90_000)])),
        on(took("REJECTED", "2025-03-01T13:00:00+08:00", event_id="late rejection")),
        on(took("ACCEPTED", "2025-03-01T14:00:00+08:00", version=2)),
        on(took("RELEASED", "2025-03-01T15:00:00+08:00", version=2)),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED REJECTED
        REFUSED REJECTED E05/status! CORRECT_AND_RESEND
        ACCEPTED LODGED
        REFUSED LODGED E05/status! CORRECT_AND_RESEND
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
    """,
    counted="""
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage REJECTED 4200 IMPORT CN = 1
            stage AMENDED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 90,000 500,000
            chapter 87 IMPORT CN USD = 1 90,000 500,000
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
            stage LODGED 4200 EXPORT CN = 1
            stage ACCEPTED 4200 EXPORT CN = 1
            stage RELEASED 4200 EXPORT CN = 1
        MONTH 2025-04-01T00:00+08:00
            stage CLEARED 4200 EXPORT CN = 1
            partner KZ EXPORT CN USD = 1 100,000 500,000
            chapter 87 EXPORT CN USD = 1 100,000 500,000
        ALL_TIME
            stage LODGED 4200 EXPORT CN = 1
            stage ACCEPTED 4200 EXPORT CN = 1
            stage RELEASED 4200 EXPORT CN = 1
            stage CLEARED 4200 EXPORT CN = 1
            partner KZ EXPORT CN USD = 1 100,000 500,000
            chapter 87 EXPORT CN USD = 1 100,000 500,000
    """,
)

_KR = {"jurisdiction": "KR", "declaration_office": "040"}
AMENDED_IN_EVERY_DIMENSION = Scenario(
    "an amendment moves what was counted between dimensions, not in time; turned into an export, it counts at clearance",
    #  Seoul  1 Mar   09:00    10:00      11:00          | 2 Mar  09:00                | 3 Mar  09:00     10:00
    #                 lodged   accepted   released       |        version 2: UZ, EUR,  |        v 3: now  cleared
    #                                     KZ, USD, 87    |        chapter 84, 700.00   |        export    -> counts now
    #                                                    |        office 030           |
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
                partner_country="UZ",
                currency="EUR",
                items=[item(commodity_code="841810", total=70_000, net_mass=None)],
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
                partner_country="UZ",
                currency="EUR",
                items=[item(commodity_code="841810", total=70_000, net_mass=None)],
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
            stage RELEASED 040 IMPORT KR = 1
            partner KZ IMPORT KR USD = 0 0 0
            chapter 87 IMPORT KR USD = 0 0 0
            partner UZ IMPORT KR EUR = 0 0 0
            chapter 84 IMPORT KR EUR = 0 0 0
        DAY 2025-03-01T00:00+09:00
            stage LODGED 040 IMPORT KR = 1
            stage ACCEPTED 040 IMPORT KR = 1
            stage RELEASED 040 IMPORT KR = 1
            partner KZ IMPORT KR USD = 0 0 0
            chapter 87 IMPORT KR USD = 0 0 0
            partner UZ IMPORT KR EUR = 0 0 0
            chapter 84 IMPORT KR EUR = 0 0 0
        DAY 2025-03-02T00:00+09:00
            stage AMENDED 030 IMPORT KR = 1
        DAY 2025-03-03T00:00+09:00
            stage AMENDED 030 EXPORT KR = 1
            stage CLEARED 030 EXPORT KR = 1
            partner UZ EXPORT KR EUR = 1 70,000 0
            chapter 84 EXPORT KR EUR = 1 70,000 0
        ALL_TIME
            stage LODGED 040 IMPORT KR = 1
            stage ACCEPTED 040 IMPORT KR = 1
            stage RELEASED 040 IMPORT KR = 1
            stage AMENDED 030 IMPORT KR = 1
            stage AMENDED 030 EXPORT KR = 1
            stage CLEARED 030 EXPORT KR = 1
            partner KZ IMPORT KR USD = 0 0 0
            chapter 87 IMPORT KR USD = 0 0 0
            partner UZ IMPORT KR EUR = 0 0 0
            chapter 84 IMPORT KR EUR = 0 0 0
            partner UZ EXPORT KR EUR = 1 70,000 0
            chapter 84 EXPORT KR EUR = 1 70,000 0
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
            stage LODGED 040 EXPORT KR = 1
            stage ACCEPTED 040 EXPORT KR = 1
            stage RELEASED 040 EXPORT KR = 1
        DAY 2025-03-02T00:00+09:00
            stage AMENDED 040 IMPORT KR = 1
            partner KZ IMPORT KR USD = 1 100,000 500,000
            chapter 87 IMPORT KR USD = 1 100,000 500,000
        ALL_TIME
            stage LODGED 040 EXPORT KR = 1
            stage ACCEPTED 040 EXPORT KR = 1
            stage RELEASED 040 EXPORT KR = 1
            stage AMENDED 040 IMPORT KR = 1
            partner KZ IMPORT KR USD = 1 100,000 500,000
            chapter 87 IMPORT KR USD = 1 100,000 500,000
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
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 125,000 500,000
            chapter 87 IMPORT CN USD = 2 125,000 500,000
            chapter 27 IMPORT CN USD = 0 0 0
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            stage AMENDED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 125,000 500,000
            chapter 87 IMPORT CN USD = 2 125,000 500,000
            chapter 27 IMPORT CN USD = 0 0 0
    """,
)

VERSION_3_BEFORE_VERSION_2 = Scenario(
    "version 3 waits for version 2, and a status about version 3 waits for version 3",
    #  1 Mar   09:00     10:00                 10:30                   11:00
    #          lodged    version 3: parked     accepted (v 3): parked  version 2 -> version 3 -> accepted
    #          1,000.00  3,000.00                                      2,000.00        12:00  released
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(lodge("2025-03-01T10:00:00+08:00", version=3, items=[item(total=300_000)])),
        on(took("ACCEPTED", "2025-03-01T10:30:00+08:00", version=3)),
        on(lodge("2025-03-01T11:00:00+08:00", version=2, items=[item(total=200_000)])),
        on(lodge("2025-03-01T11:30:00+08:00", version=2, event_id="another version 2")),
        on(took("RELEASED", "2025-03-01T12:00:00+08:00", version=3)),
    ),
    said="""
        ACCEPTED LODGED
        PARKED LODGED
        PARKED LODGED
        ACCEPTED LODGED
        CONFLICT ACCEPTED E03/version! CORRECT_AND_RESEND
        ACCEPTED RELEASED
    """,
    counted="""
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage AMENDED 4200 IMPORT CN = 2
            stage ACCEPTED 4200 IMPORT CN = 1
            stage RELEASED 4200 IMPORT CN = 1
            partner KZ IMPORT CN USD = 1 300,000 500,000
            chapter 87 IMPORT CN USD = 1 300,000 500,000
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
        on(lodge("2025-03-01T09:00:00+08:00"), "2025-03-01T09:02:00+08:00"),
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
            stage LODGED 4200 IMPORT CN = 1
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
    """,
)

NINTH_PARKED = Scenario(
    "eight events wait for one declaration; the ninth is to be sent again later",
    #  1 Mar   09:01 ... 09:08              09:09                 09:10                     09:11
    #          versions 2 ... 9: parked     version 10: refused   version 1 -> 2 -> ... 9   version 10 again: accepted
    events=(
        *(on(lodge(f"2025-03-01T09:0{n - 1}:00+08:00", version=n)) for n in range(2, 10)),
        on(lodge("2025-03-01T09:09:00+08:00", version=10)),
        on(lodge("2025-03-01T09:10:00+08:00")),
        on(lodge("2025-03-01T09:09:00+08:00", version=10), "2025-03-01T09:11:00+08:00"),
    ),
    said="""
        PARKED NONE
        PARKED NONE
        PARKED NONE
        PARKED NONE
        PARKED NONE
        PARKED NONE
        PARKED NONE
        PARKED NONE
        REFUSED NONE E05/version! RESEND_LATER
        ACCEPTED LODGED
        ACCEPTED LODGED
    """,
    counted="""
        MINUTE 2025-03-01T09:09+08:00
            stage AMENDED 4200 IMPORT CN = 1
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage AMENDED 4200 IMPORT CN = 9
    """,
)

PARKED_LAPSES = Scenario(
    "what is parked lapses when the declaration is cancelled, and keeps its identity",
    #  1 Mar   09:00    10:00              11:00       12:00
    #          lodged   released: parked   cancelled   released again: duplicate; under another identity: refused;
    #                                                  version 2: refused; version 1: conflict
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(took("RELEASED", "2025-03-01T10:00:00+08:00")),
        on(took("CANCELLED", "2025-03-01T11:00:00+08:00")),
        on(took("RELEASED", "2025-03-01T10:00:00+08:00"), "2025-03-01T12:00:00+08:00"),
        on(took("RELEASED", "2025-03-01T12:00:00+08:00", revision=2)),
        on(lodge("2025-03-01T12:00:00+08:00", version=2)),
        on(lodge("2025-03-01T12:00:00+08:00", revision=2)),
    ),
    said="""
        ACCEPTED LODGED
        PARKED LODGED
        ACCEPTED CANCELLED
        DUPLICATE CANCELLED
        REFUSED CANCELLED E05/status! CORRECT_AND_RESEND
        REFUSED CANCELLED E05/version! CORRECT_AND_RESEND
        CONFLICT CANCELLED E03/version! CORRECT_AND_RESEND
    """,
    counted="""
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1
            stage CANCELLED 4200 IMPORT CN = 1
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
            stage LODGED 4200 IMPORT CN = 1
        YEAR 2025-01-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 2
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 2
    """,
)

WARNINGS = Scenario(
    "a warning does not refuse: a clock 15 minutes ahead is right, a millisecond more is remarked; so is a nameless train",
    #  appended   1 Mar 09:00              09:01                      09:30
    #  event      1 Mar 09:15:00.001       09:16 (just in time)       12:00: parked, with the same remark
    events=(
        on(lodge("2025-03-01T09:15:00.001+08:00", transport_mode="3"), "2025-03-01T09:00:00+08:00"),
        on(took("ACCEPTED", "2025-03-01T09:16:00+08:00"), "2025-03-01T09:01:00+08:00"),
        on(took("CLEARED", "2025-03-01T12:00:00+08:00"), "2025-03-01T09:30:00+08:00"),
        on(
            lodge("2025-03-01T09:40:00+08:00", version=2, transport_mode="3", conveyance="X8050", containerised=True)
            | {"containers": [container()]}
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
            stage LODGED 4200 IMPORT CN = 1
            stage ACCEPTED 4200 IMPORT CN = 1
            stage AMENDED 4200 IMPORT CN = 1
    """,
)

EVERYTHING_WRONG = Scenario(
    "a refusal names everything that is wrong, in the order of the rules and then of the items",
    #  1 Mar   09:00                                     09:01
    #          a declaration with every kind of error    a status with every kind of error
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
                currency="ZZZ",
                partner_country="kz",
                declaration_office="4200-",
                procedure="０１１０",  # noqa: RUF001 - full-width digits are the point
                transport_mode="",
                flow="IMPORT",
                gross_mass=999,
                containers=["CSQU3054384", "csqu3054383"],
                items=[
                    item(1, "8703809", origin_country="XX"),
                    item(3, "9999999999", total=100_002, unit_price=10_000_000),
                    item(2, "8703800000", total=100_001, unit_price=10_000_000, net_mass=-1, origin_country=""),
                ],
            )
        ),
        on(took("ACCEPTED", "1999-12-31T23:59:59.999+00:00", version=0, office="x"), "2025-03-01T09:01:00+08:00"),
    ),
    said="""
        REFUSED NONE D01/declaration_number! D02/declaration_number! D03/trader_id! D05/currency! D05/partner_country! \
            D05/items/1/origin_country! D05/items/3/origin_country! D05/declaration_office! D05/procedure! \
            D05/transport_mode! D06/net_mass! D16/items/1/commodity_code! D16/items/2/commodity_code! \
            D17/items/2/total! D18/items! C01/containers/1! C01/containers/2! C02/containers! S01/version! \
            S01/revision! S01/items/3/net_mass! S01/sender_id! S01/event_id! CORRECT_AND_RESEND
        REFUSED NONE S01/version! S01/event_time! S01/office! CORRECT_AND_RESEND
    """,
    counted="""
        ALL_TIME
    """,
)

_GOOD = lodge("2025-03-01T09:00:00+08:00")
_VALUE = encode(_GOOD)
_KEY = N.encode()
_OTHER_PARTITION = 7  # the key's own is 3
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
            Raw(_KEY, b"\x00\x00\x00\x00\x03" + _VALUE[10:]),
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
            stage LODGED 4200 IMPORT CN = 1
    """,
)

SCENARIOS = tuple(found for found in tuple(globals().values()) if isinstance(found, Scenario))
