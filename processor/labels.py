"""Which values may become labels of the business figures: closed sets, from the reference tables and the flow."""

from __future__ import annotations

from collections.abc import Iterable

from processor.business import Closed
from processor.engine.flow import Flow
from processor.engine.receipts import OUTCOMES, WITH_WARNINGS
from processor.engine.rules import ERROR, WARNING
from processor.flows.declarations.content import NEW_THREE
from processor.flows.declarations.lifecycle import LANES
from processor.reference import Reference

AGENCIES = ("GACC", "MOFCOM", "NMPA", "NFGA", "MIIT", "MOA")
"""Customs, commerce, medicines, forestry, industry, agriculture: who gives permits most."""


def closed(reference: Reference, flow: Flow) -> Closed:
    """Values by dimension, as ``business.Closed`` has them. The parts of a counter that depend on a breakdown are by
    breakdown.
    """
    jurisdictions = reference.jurisdictions["code"].to_list()
    areas = reference.areas["code"].to_list()
    procedures = reference.procedures["code"].to_list()
    sets: dict[str, Iterable[str]] = {
        "stage": flow.stages.values(),
        "office": reference.offices["code"],
        "flow": ("IMPORT", "EXPORT"),
        "jurisdiction": jurisdictions,
        "trade.breakdown": (
            *("TOTAL", "PARTNER", "CHAPTER", "SECTION", "HEADING", "NEW_THREE", "USED_CARS"),
            *("AREA", "CHANNEL", "PROCEDURE", "MODE", "E_COMMERCE"),
        ),
        "trade.code/TOTAL": ("ALL",),
        "trade.code/PARTNER": reference.countries,
        "trade.code/CHAPTER": reference.sections["chapter"],
        "trade.code/SECTION": reference.sections["section"],
        "trade.code/HEADING": reference.watched_headings["heading"],
        "trade.code/NEW_THREE": NEW_THREE.values(),
        "trade.code/USED_CARS": ("ALL",),
        "trade.code/AREA": areas,
        "trade.code/CHANNEL": ("PLATFORM", "OTHER"),
        "trade.code/PROCEDURE": procedures,
        "trade.code/MODE": reference.transport_modes["rec19"],
        "trade.code/E_COMMERCE": procedures,
        "group": reference.groups["group"],
        "membership": ("DATED", "CONSTANT"),
        "area": (*jurisdictions, *areas),
        "channel": ("ALL", "PLATFORM"),
        "kind": ("DUTY", "VAT", "CONSUMPTION_TAX", "ANTI_DUMPING", "OTHER"),
        "agency": AGENCIES,
        "state": ("PENDING", "GRANTED", "REFUSED"),
        "lane": LANES,
        "interval": ("LODGED_TO_RELEASED", "ACCEPTED_TO_RELEASED"),
        "arrival": ("PRE_ARRIVAL", "ARRIVED"),
        "record": flow.records,
        "outcome": (*OUTCOMES, WITH_WARNINGS),
        "rule": (*(rule.id for rule in flow.rules), "E03", "E05"),
        "severity": (ERROR, WARNING),
        "step": (*flow.stages.values(), "SEQUENCES"),
    }
    return {name: frozenset(values) for name, values in sets.items()}
