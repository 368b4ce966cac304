"""What the declarations flow counts, and the content a register row keeps for it: exactly what was counted."""

from processor.engine.counters import DOCUMENT, LINE, STAGE, Counter

COUNTERS = (
    Counter(
        "declarations-by-stage",
        of=STAGE,
        dimensions=("stage", "office", "flow", "jurisdiction"),
        measures=(("declarations", None),),
    ),
    Counter(
        "trade-by-partner",
        of=DOCUMENT,
        dimensions=("partner", "flow", "jurisdiction", "currency"),
        measures=(("declarations", None), ("value", "value"), ("net_mass", "net_mass")),
    ),
    Counter(
        "trade-by-chapter",
        of=LINE,
        dimensions=("chapter", "flow", "jurisdiction", "currency"),
        measures=(("items", None), ("value", "value"), ("net_mass", "net_mass")),
    ),
)

_LINE = {
    "type": "record",
    "name": "Line",
    "fields": [
        {"name": "chapter", "type": "string"},
        {"name": "value", "type": "long"},
        {"name": "net_mass", "type": "long"},
    ],
}

DOCUMENT_SCHEMA = {
    "type": "record",
    "name": "Document",
    "fields": [
        {"name": "office", "type": "string"},
        {"name": "flow", "type": "string"},
        {"name": "jurisdiction", "type": "string"},
        {"name": "time_zone", "type": "string"},
        {"name": "partner", "type": "string"},
        {"name": "currency", "type": "string"},
        {"name": "value", "type": "long"},
        {"name": "net_mass", "type": "long"},
        {"name": "lines", "type": {"type": "array", "items": _LINE}},
    ],
}
"""value: sum of item totals, scale 2; net_mass: sum of known item net masses, g; lines: one per goods item."""
