"""Events in an order other than the one they happened in: parked, applied, lapsed."""

from tests.events import item
from tests.expectation import Scenario
from tests.scenarios.common import lodge, on, took

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
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 1 1 100,000 500,000
            chapter 87 IMPORT CN = 1 1 100,000 500,000
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
        on(took("REJECTED", "2025-03-02T10:00:00+08:00")),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        PARKED ACCEPTED
        ACCEPTED RELEASED
        REFUSED CLEARED E05/status! CORRECT_AND_RESEND
        REFUSED CLEARED E05/status! CORRECT_AND_RESEND
    """,
    counted="""
        MINUTE 2025-03-01T11:00+08:00
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
        MINUTE 2025-03-01T12:00+08:00
            stage CLEARED 4200 IMPORT CN = 1 100,000 500,000
        DAY 2025-03-02T00:00+08:00
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            stage CLEARED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 1 1 100,000 500,000
            chapter 87 IMPORT CN = 1 1 100,000 500,000
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
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage REJECTED 4200 IMPORT CN = 1 100,000 500,000
            stage AMENDED 4200 IMPORT CN = 1 90,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 90,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 90,000 500,000
            partner KZ IMPORT CN = 1 1 90,000 500,000
            chapter 87 IMPORT CN = 1 1 90,000 500,000
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
        on(lodge("2025-03-01T11:45:00+08:00", version=3, event_id="another version 3")),
        on(took("RELEASED", "2025-03-01T12:00:00+08:00", version=3)),
    ),
    said="""
        ACCEPTED LODGED
        PARKED LODGED
        PARKED LODGED
        ACCEPTED LODGED
        CONFLICT ACCEPTED E03/version! CORRECT_AND_RESEND
        CONFLICT ACCEPTED E03/version! CORRECT_AND_RESEND
        ACCEPTED RELEASED
    """,
    counted="""
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage AMENDED 4200 IMPORT CN = 2 500,000 1,000,000
            stage ACCEPTED 4200 IMPORT CN = 1 300,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 300,000 500,000
            partner KZ IMPORT CN = 1 1 300,000 500,000
            chapter 87 IMPORT CN = 1 1 300,000 500,000
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
            stage AMENDED 4200 IMPORT CN = 1 100,000 500,000
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage AMENDED 4200 IMPORT CN = 9 900,000 4,500,000
    """,
)

PARKED_LAPSES = Scenario(
    "what is parked lapses when the declaration is cancelled, and keeps its identity",
    #  1 Mar   09:00    10:00              11:00       12:00
    #          lodged   released: parked   cancelled   released again: duplicate; under other identities: refused;
    #                                                  version 2: refused; version 1: conflict
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(took("RELEASED", "2025-03-01T10:00:00+08:00")),
        on(took("CANCELLED", "2025-03-01T11:00:00+08:00")),
        on(took("RELEASED", "2025-03-01T10:00:00+08:00"), "2025-03-01T12:00:00+08:00"),
        on(took("RELEASED", "2025-03-01T12:00:00+08:00", revision=2)),
        on(took("RELEASED", "2025-03-01T12:00:00+08:00", version=2)),
        on(lodge("2025-03-01T12:00:00+08:00", version=2)),
        on(lodge("2025-03-01T12:00:00+08:00", revision=2)),
    ),
    said="""
        ACCEPTED LODGED
        PARKED LODGED
        ACCEPTED CANCELLED
        DUPLICATE CANCELLED
        REFUSED CANCELLED E05/status! CORRECT_AND_RESEND
        REFUSED CANCELLED E05/status! CORRECT_AND_RESEND
        REFUSED CANCELLED E05/version! CORRECT_AND_RESEND
        CONFLICT CANCELLED E03/version! CORRECT_AND_RESEND
    """,
    counted="""
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage CANCELLED 4200 IMPORT CN = 1 100,000 500,000
    """,
)

LAPSED_STAYS_LAPSED = Scenario(
    "a release that lapsed at a rejection does not come back; what is released cannot be rejected",
    #  1 Mar   09:00    10:00              11:00      12:00                 13:00      14:00      15:00
    #          lodged   released: parked   rejected   version 2 -> lodged   accepted   released   rejected: refused
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(took("RELEASED", "2025-03-01T10:00:00+08:00")),
        on(took("REJECTED", "2025-03-01T11:00:00+08:00")),
        on(lodge("2025-03-01T12:00:00+08:00", version=2)),
        on(took("ACCEPTED", "2025-03-01T13:00:00+08:00", version=2)),
        on(took("RELEASED", "2025-03-01T14:00:00+08:00", version=2)),
        on(took("REJECTED", "2025-03-01T15:00:00+08:00", version=2)),
    ),
    said="""
        ACCEPTED LODGED
        PARKED LODGED
        ACCEPTED REJECTED
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        REFUSED RELEASED E05/status! CORRECT_AND_RESEND
    """,
    counted="""
        MINUTE 2025-03-01T10:00+08:00
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage REJECTED 4200 IMPORT CN = 1 100,000 500,000
            stage AMENDED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 1 1 100,000 500,000
            chapter 87 IMPORT CN = 1 1 100,000 500,000
    """,
)

PARKED_OLDEST_FIRST = Scenario(
    "after each parked event that is applied, the search for the next begins at the oldest again",
    #  1 Mar   09:00    10:00      11:00             12:00                   13:00                    14:00
    #          lodged   accepted   cleared: parked   released (v 2): parked  cancelled (v 2): parked  version 2
    #                                                                                                 -> released
    #                                                                                                 -> cleared
    #                                                                                                 -> cancelled
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(took("ACCEPTED", "2025-03-01T10:00:00+08:00")),
        on(took("CLEARED", "2025-03-01T11:00:00+08:00")),
        on(took("RELEASED", "2025-03-01T12:00:00+08:00", version=2)),
        on(took("CANCELLED", "2025-03-01T13:00:00+08:00", version=2)),
        on(lodge("2025-03-01T14:00:00+08:00", version=2)),
        on(took("CLEARED", "2025-03-01T15:00:00+08:00", version=2)),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        PARKED ACCEPTED
        PARKED ACCEPTED
        PARKED ACCEPTED
        ACCEPTED ACCEPTED
        REFUSED CANCELLED E05/status! CORRECT_AND_RESEND
    """,
    counted="""
        ALL_TIME
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage AMENDED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            stage CLEARED 4200 IMPORT CN = 1 100,000 500,000
            stage CANCELLED 4200 IMPORT CN = 1 100,000 500,000
            partner KZ IMPORT CN = 0
            chapter 87 IMPORT CN = 0
    """,
)
