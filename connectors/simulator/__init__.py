"""Simulated customs traffic with realistic shares, and the ledger that says what every counter must show for it.

``generate`` makes the log of a plan, ``Ledger`` folds it in plain Python, ``publish`` sends it. The ledger shares no
code with the processor. Every record made here says ``synthetic = true``: no figure of it is a real one.
"""

from connectors.simulator.ledger import Answer, Ledger
from connectors.simulator.messages import Content, Fact, Message
from connectors.simulator.send import publish
from connectors.simulator.traffic import Plan, generate, live

__all__ = ["Answer", "Content", "Fact", "Ledger", "Message", "Plan", "generate", "live", "publish"]
