"""The life of a declaration: what may follow what (rule E05: legal transitions, 放行 before 结关), and when it counts.

It counts as trade as China's statistics do: imports from release, exports from clearance.
"""

from processor.engine.lifecycle import Lifecycle

KINDS = ("LODGE", "AMEND", "ACCEPT", "INSPECT", "RELEASE", "CLEAR", "REJECT", "CANCEL")

STAGES = {
    "LODGE": "LODGED",
    "AMEND": "AMENDED",
    "ACCEPT": "ACCEPTED",
    "INSPECT": "INSPECTED",
    "RELEASE": "RELEASED",
    "CLEAR": "CLEARED",
    "REJECT": "REJECTED",
    "CANCEL": "CANCELLED",
}
"""The stage an applied event counts under."""

KIND_OF_STATUS = {STAGES[kind]: kind for kind in KINDS[2:]}
"""DeclarationStatus.status -> kind of event."""

_TABLE = """
            LODGE     AMEND      ACCEPT    INSPECT    RELEASE   CLEAR    REJECT    CANCEL
NONE        LODGED    park       park      park       park      park     park      park
LODGED      conflict  LODGED     ACCEPTED  park       park      park     REJECTED  CANCELLED
ACCEPTED    conflict  ACCEPTED   refuse    INSPECTED  RELEASED  park     REJECTED  CANCELLED
INSPECTED   conflict  INSPECTED  refuse    refuse     RELEASED  park     REJECTED  CANCELLED
RELEASED    conflict  RELEASED   refuse    refuse     refuse    CLEARED  refuse    CANCELLED
CLEARED     conflict  CLEARED    refuse    refuse     refuse    refuse   refuse    CANCELLED
REJECTED    conflict  LODGED     refuse    refuse     refuse    refuse   refuse    refuse
CANCELLED   conflict  refuse     refuse    refuse     refuse    refuse   refuse    refuse
"""


def _read(table: str) -> dict[str, dict[str, str]]:
    head, *lines = [line.split() for line in table.strip().splitlines()]
    return {state: dict(zip(head, cells, strict=True)) for state, *cells in lines}


LIFECYCLE = Lifecycle(
    table=_read(_TABLE),
    documents=frozenset({"LODGE", "AMEND"}),
    exact=frozenset({"REJECT"}),
    counted={"IMPORT": frozenset({"RELEASED", "CLEARED"}), "EXPORT": frozenset({"CLEARED"})},
)
