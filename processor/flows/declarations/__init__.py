"""Customs declarations: lodged, amended, and the steps customs takes with them."""

from processor.engine.flow import Flow
from processor.flows.declarations.counters import COUNTERS, DOCUMENT_SCHEMA
from processor.flows.declarations.entries import answered, maker
from processor.flows.declarations.lifecycle import LIFECYCLE, STAGES
from processor.flows.declarations.prepare import preparer
from processor.flows.declarations.rules import rules
from processor.reference import Reference


def flow(reference: Reference) -> Flow:
    """The declarations flow under these reference tables."""
    return Flow(
        name="declarations",
        topic="customs.declarations",
        receipts="customs.declarations.receipts",
        dead_letters="customs.declarations.dead-letters",
        records={
            "CustomsDeclaration": "declaration_number",
            "DeclarationStatus": "declaration_number",
            "ControlRecord": "control_number",
        },
        document=DOCUMENT_SCHEMA,
        basis="flow",
        rules=rules(reference),
        lifecycle=LIFECYCLE,
        stages=STAGES,
        counters=COUNTERS,
        prepare=preparer(reference),
        entries=maker(reference),
        answered=answered,
    )
