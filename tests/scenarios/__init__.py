"""Hand-worked scenarios: what happened, what must be answered, what must be counted. No figure here is computed.

Unless a timeline says otherwise its times are of Shanghai (UTC+8), and a record is appended one second after its
event time. The declaration is the builder's: CN import through office 4200 from KZ, one item of chapter 87 at
USD 1,000.00 (100000) and 500 kg (500000 g). Counters are (1 declaration, value, mass) and (items, value, mass).
"""

from tests.expectation import Scenario
from tests.scenarios import answers, order, trade, windows

SCENARIOS: tuple[Scenario, ...] = tuple(
    found
    for module in (windows, trade, order, answers)
    for found in vars(module).values()
    if isinstance(found, Scenario)
)
