"""What a sender says it has sent, held against what came."""

from tests.events import at, control, count, number
from tests.expectation import Scenario
from tests.scenarios.common import OTHER, THIRD, N, lodge, on, took

_SENT = at("2025-03-01T23:59:59+08:00")
CONTROL_RECORDS = Scenario(
    "a control record stands beside what came of its day, right or wrong; its next version replaces it",
    #  1 Mar   sent 23:59:59                 | 2 Mar   00:30                             01:00
    #          AGENT-1: a declaration        |         says so                           again: duplicate
    #          AGENT-2: one, and a version   |         says two, and 1,500.00            again, version 1: conflict
    #                   that is parked       |
    #          AGENT-3: one                  |         version 2 before version 1:
    #                                        |         parked; version 1 says nothing; then version 2 says so
    events=(
        on(lodge("2025-03-01T23:59:00+08:00", N, sent_at=_SENT)),
        on(lodge("2025-03-01T23:59:00+08:00", OTHER, sender_id="AGENT-2", sent_at=_SENT)),
        on(lodge("2025-03-01T23:59:00+08:00", OTHER, version=3, sender_id="AGENT-2", sent_at=_SENT)),
        on(lodge("2025-03-01T23:59:00+08:00", THIRD, sender_id="AGENT-3", sent_at=_SENT, net_mass=None)),
        on(control("AGENT-1", counts=[count("LODGED", 1, 100_000, 500_000)])),
        on(control("AGENT-2", counts=[count("LODGED", 2, 150_000, 1_000_000)])),
        on(control("AGENT-3", version=2, counts=[count("LODGED", 1, 100_000, 0)])),
        on(control("AGENT-3", counts=[count("REJECTED")])),
        on(control("AGENT-1", counts=[count("LODGED", 1, 100_000, 500_000)]), "2025-03-02T01:00:00+08:00"),
        on(control("AGENT-2", event_id="once more"), "2025-03-02T01:00:00+08:00"),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED LODGED
        PARKED LODGED
        ACCEPTED LODGED
        ACCEPTED RECORDED
        ACCEPTED RECORDED
        PARKED NONE
        ACCEPTED RECORDED
        DUPLICATE RECORDED
        CONFLICT RECORDED E03/version! CORRECT_AND_RESEND
    """,
    of="control",
    counted="""
        DAY 2025-03-01T00:00+08:00
            control AGENT-1 LODGED = 1 1 100,000 100,000 500,000 500,000
            control AGENT-1 SEQUENCES = 0
            control AGENT-2 LODGED = 1 2 100,000 150,000 500,000 1,000,000
            control AGENT-2 AMENDED = 1 0 100,000 0 500,000 0
            control AGENT-2 SEQUENCES = 0
            control AGENT-3 LODGED = 1 1 100,000 100,000
            control AGENT-3 REJECTED = 0
            control AGENT-3 SEQUENCES = 0
        DAY 2025-03-02T00:00+08:00
        MONTH 2025-03-01T00:00+08:00
    """,
)

SEQUENCE_GAP = Scenario(
    "a number that is missing shows; one that was refused is not missing, and one that comes twice counts once",
    #  1 Mar   sent   1          2           3           4          2            5          | 2 Mar   6 (sent 00:30)
    #                 lodged     accepted    is lost     refused    duplicate    lodged     |         says 1 to 5
    events=(
        on(lodge("2025-03-01T09:00:00+08:00", sender_sequence=1)),
        on(took("ACCEPTED", "2025-03-01T10:00:00+08:00", sender_id="AGENT-1", sender_sequence=2)),
        on(lodge("2025-03-01T11:00:00+08:00", OTHER, sender_sequence=4, net_mass=600_001)),
        on(took("ACCEPTED", "2025-03-01T10:00:00+08:00", sender_id="AGENT-1", sender_sequence=2)),
        on(lodge("2025-03-01T12:00:00+08:00", number(5), sender_sequence=5)),
        on(
            control(
                first_sequence=1,
                last_sequence=5,
                counts=[count("LODGED", 3, 300_000, 1_600_001), count("ACCEPTED", 1)],
                sender_sequence=6,
            )
        ),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        REFUSED NONE D06/net_mass! CORRECT_AND_RESEND
        DUPLICATE ACCEPTED
        ACCEPTED LODGED
        ACCEPTED RECORDED
    """,
    of="control",
    counted="""
        DAY 2025-03-01T00:00+08:00
            control AGENT-1 LODGED = 2 3 200,000 300,000 1,000,000 1,600,001
            control AGENT-1 ACCEPTED = 1 1
            control AGENT-1 SEQUENCES = 4 5
        DAY 2025-03-02T00:00+08:00
            control AGENT-1 SEQUENCES = 1 0
    """,
)
