"""What the declarations flow counts, and the content a register row keeps for it: exactly what was counted."""

from processor.engine.counters import ALL_TIME, DAY, MINUTE, MONTH, YEAR, Counter
from processor.flows.declarations.areas import by_area_and_channel

_WORTH = (("value", "value"), ("net_mass", "net_mass"))
_UNCONVERTED = ("unconverted", "unconverted")
_WHERE = ("flow", "jurisdiction")

COUNTERS = (
    Counter(
        "declarations-by-stage",
        of="stage",
        dimensions=("stage", "office", *_WHERE),
        measures=(("declarations", "sign"), *_WORTH, _UNCONVERTED),
        windows=(MINUTE, DAY, MONTH, YEAR, ALL_TIME),
        reversible=False,
    ),
    Counter(
        "trade",
        of="trade",
        dimensions=("breakdown", "code", *_WHERE),
        measures=(
            ("declarations", "sign"),
            ("items", "items"),
            *_WORTH,
            ("quantity", "quantity"),
            _UNCONVERTED,
        ),
    ),
    Counter(
        "trade-with-groups",
        of="group",
        dimensions=("group", "membership", "area", *_WHERE),
        measures=(("declarations", "sign"), ("items", "items"), *_WORTH, _UNCONVERTED),
    ),
    Counter(
        "duties",
        of="duty",
        dimensions=("kind", *_WHERE),
        measures=(("declarations", "sign"), ("amount", "amount")),
    ),
    Counter(
        "permits",
        of="permit",
        dimensions=("agency", "state", *_WHERE),
        measures=(("permits", "permits"),),
    ),
    Counter(
        "enterprises",
        of="enterprise",
        dimensions=("area", "channel", *_WHERE),
        measures=(("enterprises", "sign"),),
        windows=(MONTH, YEAR, ALL_TIME),
        distinct="trader",
        kept=("areas", "channel", *_WHERE),
        spread=by_area_and_channel,
    ),
    Counter(
        "lanes",
        of="lane",
        dimensions=("lane", "office", *_WHERE),
        measures=(("declarations", "sign"),),
        reversible=False,
    ),
    Counter(
        "clearance-times",
        of="clearance",
        dimensions=("interval", "arrival", "lane", "bucket", "office", *_WHERE),
        measures=(("declarations", "sign"), ("seconds", "seconds")),
        windows=(DAY, ALL_TIME),
        reversible=False,
    ),
    Counter(
        "answers",
        of="answer",
        dimensions=("sender", "record", "outcome"),
        measures=(("events", "events"), ("first_revision", "first_revision")),
        reversible=False,
    ),
    Counter(
        "rule-hits",
        of="finding",
        dimensions=("rule", "severity", "record"),
        measures=(("findings", "findings"), ("events", "events")),
        reversible=False,
    ),
    Counter(
        "sender-control",
        of="control",
        dimensions=("sender", "step"),
        measures=tuple(
            (f"{side}{of}", f"{side}{of}") for of in ("", "_value", "_net_mass") for side in ("received", "declared")
        ),
        windows=(DAY,),
    ),
)


def _list(name: str, fields: dict[str, str]) -> dict[str, object]:
    record = {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields.items()]}
    return {"type": "array", "items": record}


_FIELDS: dict[str, object] = {
    "number": "string",
    "office": "string",
    "flow": "string",
    "jurisdiction": "string",
    "time_zone": "string",
    "trader": "string",
    "areas": "string",
    "channel": "string",
    "procedure": "string",
    "mode": "string",
    "statistical": "boolean",
    "e_commerce": "boolean",
    "arrival": "long",
    "day": "int",
    "items": "int",
    "value": "long",
    "net_mass": "long",
    "unconverted": "int",
    "parts": _list(
        "Part",
        {
            "breakdown": "string",
            "code": "string",
            "items": "int",
            "value": "long",
            "net_mass": "long",
            "quantity": "long",
            "unconverted": "int",
        },
    ),
    "duties": _list("Duty", {"kind": "string", "amount": "long"}),
    "permits": _list("Permit", {"agency": "string", "state": "string", "permits": "int"}),
    "controls": _list(
        "Control", {"sender": "string", "step": "string", "declared": "long", "value": "long", "net_mass": "long"}
    ),
}

DOCUMENT_SCHEMA = {
    "type": "record",
    "name": "Document",
    "fields": [{"name": name, "type": kind} for name, kind in _FIELDS.items()],
}
"""A declaration, or a sender's control record (``flow`` CONTROL: only ``number``, ``time_zone``, ``day`` and
``controls`` say something). value: yuan, scale 2, in statistical terms; net_mass: g; arrival: ms, 0 for unknown;
``areas``: codes, separated by blanks; ``parts``: what its items add up to by PARTNER, CHAPTER and other breakdowns, one
for each code.
"""
