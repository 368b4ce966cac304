"""How long customs takes, and in which lane."""

from tests.events import at
from tests.expectation import Scenario
from tests.scenarios.common import OTHER, THIRD, course, lodge, on, took

CLEARANCE_TIMES = Scenario(
    "the time to release runs from the lodging, whatever is amended between; goods not yet there count apart",
    #  1 Mar   09:00     10:00      11:00       12:00              13:00:07.5
    #          lodged    accepted   version 2   the goods arrive   released
    #          4 h 7 s = 14,407 s, under 14,848; 3 h 7 s = 10,807 s, under 11,264
    #          another: arrived the moment it was lodged; 10 s and 3 s
    #          a third: accepted, by another clock, after it was released; 60 s and 0 s
    events=(
        on(lodge("2025-03-01T09:00:00+08:00", arrival_time=at("2025-03-01T12:00:00+08:00"))),
        on(took("ACCEPTED", "2025-03-01T10:00:00+08:00")),
        on(lodge("2025-03-01T11:00:00+08:00", version=2, arrival_time=at("2025-03-01T12:00:00+08:00"))),
        on(took("RELEASED", "2025-03-01T13:00:07.500+08:00", version=2)),
        *course(
            OTHER,
            ("LODGED", "2025-03-01T09:00:00+08:00"),
            ("ACCEPTED", "2025-03-01T09:00:07+08:00"),
            ("RELEASED", "2025-03-01T09:00:10.999+08:00"),
            arrival_time=at("2025-03-01T09:00:00+08:00"),
        ),
        *course(
            THIRD,
            ("LODGED", "2025-03-01T09:00:00+08:00"),
            ("ACCEPTED", "2025-03-01T09:02:00+08:00"),
            ("RELEASED", "2025-03-01T09:01:00+08:00"),
        ),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
    """,
    of="time",
    counted="""
        DAY 2025-03-01T00:00+08:00
            time LODGED_TO_RELEASED PRE_ARRIVAL UNASSIGNED 14848 4200 IMPORT CN = 1 14,407
            time ACCEPTED_TO_RELEASED PRE_ARRIVAL UNASSIGNED 11264 4200 IMPORT CN = 1 10,807
            time LODGED_TO_RELEASED ARRIVED UNASSIGNED 11 4200 IMPORT CN = 1 10
            time ACCEPTED_TO_RELEASED ARRIVED UNASSIGNED 4 4200 IMPORT CN = 1 3
            time LODGED_TO_RELEASED ARRIVED UNASSIGNED 62 4200 IMPORT CN = 1 60
            time ACCEPTED_TO_RELEASED ARRIVED UNASSIGNED 1 4200 IMPORT CN = 1 0
    """,
)

ACCEPTED_AGAIN = Scenario(
    "after a rejection the clock of customs starts with the second acceptance, that of the trader goes on",
    #  1 Mar   09:00    09:30      10:00      11:00       12:00      12:30
    #          lodged   accepted   rejected   version 2   accepted   released
    #          3.5 h = 12,600 s, under 12,800; 0.5 h = 1,800 s, under 1,856
    events=(
        on(lodge("2025-03-01T09:00:00+08:00")),
        on(took("ACCEPTED", "2025-03-01T09:30:00+08:00")),
        on(took("REJECTED", "2025-03-01T10:00:00+08:00")),
        on(lodge("2025-03-01T11:00:00+08:00", version=2)),
        on(took("ACCEPTED", "2025-03-01T12:00:00+08:00", version=2)),
        on(took("RELEASED", "2025-03-01T12:30:00+08:00", version=2)),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED REJECTED
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
    """,
    of="lane time",
    counted="""
        DAY 2025-03-01T00:00+08:00
            lane UNASSIGNED 4200 IMPORT CN = 2
            time LODGED_TO_RELEASED ARRIVED UNASSIGNED 12800 4200 IMPORT CN = 1 12,600
            time ACCEPTED_TO_RELEASED ARRIVED UNASSIGNED 1856 4200 IMPORT CN = 1 1,800
    """,
)

LANES = Scenario(
    "the lane is the latest one named: that of a status goes over that of the declaration, silence changes nothing",
    #  1 Mar   09:00           10:00              10:30               11:00
    #          lodged: green   accepted: yellow   version 2: silent   released: silent -> yellow
    #          lodged: green   accepted: silent                       released: red    -> red
    #          2 h = 7,200 s, under 7,424; 1 h = 3,600 s, under 3,712
    events=(
        on(lodge("2025-03-01T09:00:00+08:00", risk_lane="GREEN")),
        on(took("ACCEPTED", "2025-03-01T10:00:00+08:00", lane="YELLOW")),
        on(lodge("2025-03-01T10:30:00+08:00", version=2)),
        on(took("RELEASED", "2025-03-01T11:00:00+08:00", version=2)),
        on(lodge("2025-03-01T09:00:00+08:00", OTHER, risk_lane="GREEN")),
        on(took("ACCEPTED", "2025-03-01T10:00:00+08:00", OTHER)),
        on(took("RELEASED", "2025-03-01T11:00:00+08:00", OTHER, lane="RED")),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
    """,
    of="lane time",
    counted="""
        ALL_TIME
            lane YELLOW 4200 IMPORT CN = 1
            lane GREEN 4200 IMPORT CN = 1
            time LODGED_TO_RELEASED ARRIVED YELLOW 7424 4200 IMPORT CN = 1 7,200
            time ACCEPTED_TO_RELEASED ARRIVED YELLOW 3712 4200 IMPORT CN = 1 3,600
            time LODGED_TO_RELEASED ARRIVED RED 7424 4200 IMPORT CN = 1 7,200
            time ACCEPTED_TO_RELEASED ARRIVED RED 3712 4200 IMPORT CN = 1 3,600
    """,
)
