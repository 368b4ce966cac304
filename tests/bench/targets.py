"""The targets, what was found, and the verdict: a table in which nothing is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Results = Mapping[str, float]
REGRESSION = 0.7
"""A ratio below this share of the accepted one is a regression."""


class Target(NamedTuple):
    """`name`: of a figure in the results; held when it is at least (`least`) or at most `target`; `stretch` decides
    nothing. `why`: the reason to be given where it is missed.
    """

    name: str
    least: bool
    target: float
    stretch: float | None = None
    why: str = ""


class Row(NamedTuple):
    """A line of the table. `held`: None where the figure decides nothing."""

    name: str
    target: str
    stretch: str
    figure: str
    held: bool | None
    note: str = ""


_STEP = "a step costs some forty milliseconds whatever its size, and eight partitions take turns on two cores"
TARGETS = (
    Target("ratios.faust_tables", True, 50, 100, "see cpu_us_per_event: rules, enrichment and decoding"),
    Target("ratios.quix_state", True, 2, 3, "see cpu_us_per_event: rules, enrichment and decoding"),
    Target("ratios.bare_loop", True, 1.5, 2, "see cpu_us_per_event: rules, enrichment and decoding"),
    Target("latency_p50_ms", False, 50, 20, _STEP),
    Target("latency_p99_ms", False, 200, 100, _STEP),
    Target("growth_5m_over_100k", True, 0.7, None, "rows are read from disk where they were in memory"),
    Target("growth_memory", False, 1.1, None, "filters and indexes of the larger stores"),
    Target("refold_events_per_second", True, 100_000, None, "a silent fold decodes, judges and counts, too"),
    Target(
        "restart_seconds", False, 5, None, "imports, joining the group, fencing and opening stores, one after the other"
    ),
)
QUICK = {"growth_5m_over_100k": "growth_100k_over_10k"}
"""In the quick form these are measured smaller, under another name."""


def shown(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 1_000 else f"{figure:.3g}"


def row(target: Target, results: Results) -> Row:
    """The verdict on one target. A figure that is not there is missed."""
    sign = ">=" if target.least else "<="
    stretch = "" if target.stretch is None else f"{sign} {shown(target.stretch)}"
    figure = results.get(target.name)
    if figure is None:
        return Row(target.name, f"{sign} {shown(target.target)}", stretch, "-", False, "not measured")
    held = figure >= target.target if target.least else figure <= target.target
    return Row(target.name, f"{sign} {shown(target.target)}", stretch, shown(figure), held, "" if held else target.why)


def regressions(results: Results, accepted: Results) -> list[Row]:
    """Every ratio beside the one of the last accepted run. A ratio that is new has nothing to fall short of."""
    rows = []
    for name, before in accepted.items():
        now = results.get(name)
        if now is None:
            rows.append(Row(f"{name}, accepted", f">= {shown(REGRESSION * before)}", "", "-", False, "not measured"))
            continue
        held = now >= REGRESSION * before
        note = f"{now / before:.2f} of the accepted {shown(before)}"
        rows.append(Row(f"{name}, accepted", f">= {shown(REGRESSION * before)}", "", shown(now), held, note))
    return rows


def judged(results: Results, accepted: Results, *, quick: bool) -> list[Row]:
    """All rows that decide."""
    rows = [
        row(target._replace(name=QUICK.get(target.name, target.name) if quick else target.name), results)
        for target in TARGETS
    ]
    return rows + regressions(results, accepted)


def reported(results: Results, rows: Sequence[Row]) -> list[Row]:
    """All figures that decide nothing, as rows."""
    shown_already = {each.name for each in rows}
    return [Row(name, "", "", shown(figure), None) for name, figure in results.items() if name not in shown_already]


def table(rows: Sequence[Row]) -> str:
    """The rows as text, in columns."""
    heads = ("name", "target", "stretch", "figure", "", "")
    verdicts = {True: "held", False: "MISSED", None: ""}
    lines = [heads, *((r.name, r.target, r.stretch, r.figure, verdicts[r.held], r.note) for r in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(5)]
    return "\n".join("  ".join([*map(str.ljust, line, widths), line[5]]).rstrip() for line in lines)


def status(rows: Sequence[Row]) -> int:
    """Exit status: 0 only if no target is missed."""
    return int(any(each.held is False for each in rows))
