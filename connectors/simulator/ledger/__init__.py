"""What every counter must show: the log folded event by event, in plain Python, from the facts of the simulator.

The judge of the processor: it shares no code with it and imitates none. It knows which rules an event breaks because
the simulator broke them; the lifecycle, duplicates, parking, values and counting it works out by itself, one event at
a time.
"""

from connectors.simulator.ledger.book import Ledger
from connectors.simulator.ledger.lifecycle import Answer
from connectors.simulator.ledger.rates import month_rate
from connectors.simulator.ledger.sums import Key

__all__ = ["Answer", "Key", "Ledger", "month_rate"]
