"""The dashboard, as code: ``python -m deploy.grafana.dashboard`` writes ``dashboards/single-window.json``.

``ROWS`` is what is shown, in order. Queries read recorded series (``deploy/prometheus/recording.yml``) where there are
some; a test runs each against a real worker and holds the business figures to the ledger. Needs the packages of the
``dev`` group.
"""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import StackingMode, VizOrientation
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableOption, VariableRefresh

from deploy.grafana import figures, operation
from deploy.grafana.panel import BARS, FIGURE, STACKED, Panel

WRITTEN = Path(__file__).parent / "dashboards" / "single-window.json"
PERIODS = {"all time": "all_time", "this year": "year", "today": "today"}
MEMBERSHIPS = {"members at the time": "DATED", "constant members": "CONSTANT"}
SOURCE = DataSourceRef("prometheus", "${datasource}")
WITH_AREAS = "key:single_window_trade_with_groups_declarations:sum"

ROWS: dict[str, tuple[Panel, ...]] = {
    "Now": operation.NOW,
    "Declarations, $jurisdiction, $period": figures.DECLARATIONS,
    "Trade, $jurisdiction, $period": figures.TRADE,
    "Trade with groups, $area, $membership, $period": figures.GROUPS,
    "New three, used cars, e-commerce, $jurisdiction, $period": figures.GOODS,
    "Clearance and lanes, $jurisdiction, $period": figures.CLEARANCE,
    "Answers, $period": operation.ANSWERS,
    "Enterprises, duties, permits, $jurisdiction, $period": figures.OTHERS,
    "Sender control, today": figures.CONTROL,
    "Lag and latency": operation.LAG,
    "Engine": operation.ENGINE,
    "Workers": operation.WORKERS,
}


def queries() -> list[tuple[str, str]]:
    """(title of the panel, PromQL) of every query, in order; with $period, $jurisdiction, $membership and $area."""
    return [(panel.title, query) for panels in ROWS.values() for panel in panels for query, _ in panel.queries]


def text() -> str:
    """The dashboard as Grafana reads it; the same for the same code."""
    board = (
        dashboard.Dashboard("Single window")
        .uid("single-window")
        .tags(["single-window"])
        .time("now-1h", "now")
        .refresh("10s")
        .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
        .with_variable(_chosen("period", PERIODS))
        .with_variable(_found("jurisdiction", f"label_values({WITH_AREAS}, jurisdiction)"))
        .with_variable(_found("area", f'label_values({WITH_AREAS}{{jurisdiction="$jurisdiction"}}, area)'))
        .with_variable(_chosen("membership", MEMBERSHIPS))
    )
    number = 0
    for title, panels in ROWS.items():
        number += 1
        board = board.with_row(dashboard.Row(title).id(number))
        for panel in panels:
            number += 1
            board = board.with_panel(_drawn(panel).id(number))
    return json.dumps(board.build(), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


def _chosen(name: str, values: dict[str, str]) -> dashboard.CustomVariable:
    text, value = next(iter(values.items()))
    listed = ", ".join(f"{label} : {value}" for label, value in values.items())
    return dashboard.CustomVariable(name).values(listed).current(VariableOption(text=text, value=value))


def _found(name: str, query: str) -> dashboard.QueryVariable:
    """China at first."""
    variable = dashboard.QueryVariable(name).datasource(SOURCE).query(query)
    return variable.refresh(VariableRefresh.ON_DASHBOARD_LOAD).current(VariableOption(text="CN", value="CN"))


def _drawn(panel: Panel) -> bargauge.Panel | stat.Panel | timeseries.Panel:
    drawn: bargauge.Panel | stat.Panel | timeseries.Panel
    if panel.shape == BARS:
        drawn = bargauge.Panel().orientation(VizOrientation.HORIZONTAL)
    elif panel.shape == FIGURE:
        drawn = stat.Panel()
    else:
        drawn = timeseries.Panel().min(0)
        if panel.shape == STACKED:
            drawn = drawn.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(30)
    drawn = drawn.title(panel.title).description(panel.says).unit(panel.unit).datasource(SOURCE)
    drawn = drawn.span(panel.width).height(4 if panel.shape == FIGURE else 9)
    for number, (query, legend) in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query).legend_format(legend).ref_id("ABC"[number]).datasource(SOURCE)
        drawn = drawn.with_target(target.instant() if panel.shape in (BARS, FIGURE) else target.range())
    return drawn


if __name__ == "__main__":
    WRITTEN.write_text(text(), encoding="utf-8")
