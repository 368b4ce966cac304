"""Hand-worked scenarios: what happened, what must be answered, what must be counted. No figure here is computed.

Unless a timeline says otherwise its times are of Shanghai (UTC+8), and a record is appended one second after its
event time. The declaration is the builder's: CN import through office 4200 from KZ, through the platform, CIF, one item
of chapter 87 at 1,000.00 yuan (100000) and 500 kg (500000 g). Measures are

    stage                    declarations, value, net mass, unconverted
    partner, chapter, ...    declarations, items, value, net mass, quantity, unconverted
    group                    declarations, items, value, net mass, unconverted
    duty                     declarations, amount
    permit                   permits
    enterprises              enterprises
    lane                     declarations
    time                     declarations, seconds
    answer                   events, of the first revision
    hit                      findings, events
    control                  received, declared, and the same of value and of net mass
"""

from tests.expectation import Scenario
from tests.scenarios import answers, clearance, order, partners, senders, statistics, trade, value, windows

SCENARIOS: tuple[Scenario, ...] = tuple(
    found
    for module in (windows, trade, order, answers, value, partners, statistics, clearance, senders)
    for found in vars(module).values()
    if isinstance(found, Scenario)
)
