"""The declarations and the two kinds of events the scenarios are made of."""

from typing import Any

from tests.events import Raw, Record, at, declaration, number, status

N = number(1)
EXPORT = number(2, flow="EXPORT")
KOREAN = "04025-25-1234567"
OTHER, THIRD = number(3), number(4)


def lodge(when: str, n: str = N, version: int = 1, **changes: Any) -> Record:
    return declaration(n, version, event_time=at(when), **changes)


def took(step: str, when: str, n: str = N, version: int = 1, **changes: Any) -> Record:
    return status(n, step, version, event_time=at(when), **changes)


def on(what: Record, appended: str | None = None) -> tuple[Record | Raw, int]:
    """An event and when it is appended: one second after its event time unless another moment is named."""
    return what, at(appended) if appended else what["event_time"] + 1000


def course(n: str, *steps: tuple[str, str], **changes: Any) -> list[tuple[Record | Raw, int]]:
    """A declaration's version 1 through some steps, each (LODGED or a status, when)."""
    return [on(lodge(when, n, **changes) if step == "LODGED" else took(step, when, n)) for step, when in steps]


def released(n: str, day: str, *then: tuple[str, str], **changes: Any) -> list[tuple[Record | Raw, int]]:
    """Lodged at nine in the morning of a day in China, accepted at ten, released at eleven, and what comes then."""
    steps = zip(("LODGED", "ACCEPTED", "RELEASED"), ("09", "10", "11"), strict=True)
    return course(n, *((step, f"{day}T{hour}:00:00+08:00") for step, hour in steps), *then, **changes)
