"""A panel of the dashboard, and the queries business figures are read with."""

from __future__ import annotations

from dataclasses import dataclass

BARS, LINES, STACKED, FIGURE = "bars", "lines", "stacked", "figure"
COUNT, PER_SECOND, KILOGRAMS, YUAN, SHARE, SECONDS, BYTES = (
    *("locale", "cps", "masskg", "currency:¥"),
    *("percentunit", "s", "bytes"),
)
"""Grafana's names of units."""

HERE = 'period="$period", jurisdiction="$jurisdiction"'
MOST = 20
"""Bars of a panel that shows the greatest."""


@dataclass(frozen=True)
class Panel:
    """``query``: PromQL, named by ``legend``; ``more`` of them, likewise. Bars and figures show them as they stand,
    lines over time. ``width``: of 24. ``says``: what it is about, where the title does not say it all.
    """

    title: str
    query: str
    legend: str = ""
    shape: str = LINES
    unit: str = COUNT
    width: int = 8
    says: str = ""
    more: tuple[tuple[str, str], ...] = ()

    @property
    def queries(self) -> tuple[tuple[str, str], ...]:
        return ((self.query, self.legend), *self.more)


def counted(measure: str, by: str, **only: str) -> str:
    """A measure of a counter in the chosen period and jurisdiction, added up by labels, for values of others."""
    where = ", ".join([HERE, *(f'{label}="{value}"' for label, value in only.items())])
    return f"sum by ({by}) (key:single_window_{measure}:sum{{{where}}})"


def most(query: str) -> str:
    return f"topk({MOST}, {query})"


def sorted_(query: str) -> str:
    return f"sort_desc({query})"
