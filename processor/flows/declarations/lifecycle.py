"""The life of a declaration: what may follow what (rule E05: legal transitions, 放行 before 结关), and when it counts.

It counts as trade as China's statistics do: imports from release, exports from clearance. A sender's control record is
stated, and stated again when it was wrong; it counts from the first.
"""

from processor.engine.lifecycle import Lifecycle

KINDS = ("LODGE", "AMEND", "ACCEPT", "INSPECT", "RELEASE", "CLEAR", "REJECT", "CANCEL", "STATE", "RESTATE")

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

KIND_OF_STATUS = {STAGES[kind]: kind for kind in KINDS[2:8]}
"""DeclarationStatus.status -> kind of event."""

LANES = ("UNASSIGNED", "GREEN", "YELLOW", "RED", "BLUE")
"""Risk lanes by tag: the first is none."""

_TABLE = """
           LODGE     AMEND      ACCEPT    INSPECT    RELEASE   CLEAR    REJECT    CANCEL     STATE     RESTATE
NONE       LODGED    park       park      park       park      park     park      park       RECORDED  park
LODGED     conflict  LODGED     ACCEPTED  park       park      park     REJECTED  CANCELLED  conflict  refuse
ACCEPTED   conflict  ACCEPTED   refuse    INSPECTED  RELEASED  park     REJECTED  CANCELLED  conflict  refuse
INSPECTED  conflict  INSPECTED  refuse    refuse     RELEASED  park     REJECTED  CANCELLED  conflict  refuse
RELEASED   conflict  RELEASED   refuse    refuse     refuse    CLEARED  refuse    CANCELLED  conflict  refuse
CLEARED    conflict  CLEARED    refuse    refuse     refuse    refuse   refuse    CANCELLED  conflict  refuse
REJECTED   conflict  LODGED     refuse    refuse     refuse    refuse   refuse    refuse     conflict  refuse
CANCELLED  conflict  refuse     refuse    refuse     refuse    refuse   refuse    refuse     conflict  refuse
RECORDED   conflict  refuse     refuse    refuse     refuse    refuse   refuse    refuse     conflict  RECORDED
"""


def _read(table: str) -> dict[str, dict[str, str]]:
    head, *lines = [line.split() for line in table.strip().splitlines()]
    return {state: dict(zip(head, cells, strict=True)) for state, *cells in lines}


LIFECYCLE = Lifecycle(
    table=_read(_TABLE),
    documents=frozenset({"LODGE", "AMEND", "STATE", "RESTATE"}),
    exact=frozenset({"REJECT"}),
    counted={
        "IMPORT": frozenset({"RELEASED", "CLEARED"}),
        "EXPORT": frozenset({"CLEARED"}),
        "CONTROL": frozenset({"RECORDED"}),
    },
    marked=("LODGE", "ACCEPT"),
)
