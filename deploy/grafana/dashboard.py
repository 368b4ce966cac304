"""The dashboard, as code: ``python -m deploy.grafana.dashboard`` writes ``dashboards/single-window.json``.

``ROWS`` is what is shown, in order. Queries read recorded series (``deploy/prometheus/recording.yml``) where there are
some; a test runs each against a real worker and holds the business figures to the ledger. Needs the packages of the
``dev`` group.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import StackingMode, VizOrientation
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableOption, VariableRefresh

WRITTEN = Path(__file__).parent / "dashboards" / "single-window.json"
PERIODS = {"all time": "all_time", "this year": "year", "today": "today"}
SOURCE = DataSourceRef("prometheus", "${datasource}")

BARS, LINES, STACKED, FIGURE = "bars", "lines", "stacked", "figure"
COUNT, PER_SECOND, GRAMS, SHARE, SECONDS, BYTES = "locale", "cps", "massg", "percentunit", "s", "bytes"
"""Grafana's names."""


@dataclass(frozen=True)
class Panel:
    """``query``: PromQL, named by ``legend``; ``more`` of them, likewise. Bars and figures show them as they stand,
    lines over time. ``width``: of 24.
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


def _most(recorded: str) -> str:
    return f"topk(20, {recorded})"


STAGES = 'stage:single_window_declarations:sum{period="$period"}'
LODGED = 'sum by (jurisdiction, office) (office:single_window_declarations:sum{period="$period", stage="LODGED"})'
PARTNER_VALUE = 'partner:single_window_trade_value_currency_units:sum{period="$period", currency="$currency"}'
CHAPTER_VALUE = 'chapter:single_window_trade_value_currency_units:sum{period="$period", currency="$currency"}'
PARTNER_MASS = '1000 * partner:single_window_trade_net_mass_kilograms:sum{period="$period"}'
CHAPTER_MASS = '1000 * chapter:single_window_trade_net_mass_kilograms:sum{period="$period"}'
TROUBLE = 'single_window_partition_states_entered_total{state=~"waiting|fenced|broken|gap"}'

NOW = (
    Panel("Workers", 'sum(up{job="single-window"})', shape=FIGURE, width=4),
    Panel("Live partitions", 'state:single_window_partitions:sum{state="live"}', "{{flow}}", FIGURE, width=5),
    Panel("Events a second", "flow:single_window_records:rate5m", "{{flow}}", FIGURE, PER_SECOND, width=5),
    Panel("Counters behind answers", "single_window_totals_behind_seconds:max", "", FIGURE, SECONDS, width=5),
    Panel("Alerts", 'count(ALERTS{alertstate="firing"}) or vector(0)', shape=FIGURE, width=5),
)
TRADE = (
    Panel("Declarations by stage", f"sort_desc({STAGES})", "{{flow}} {{stage}}", BARS),
    Panel("Lodged by office", _most(LODGED), "{{jurisdiction}} {{office}}", BARS),
    Panel(
        "Declarations a second by stage",
        "stage:single_window_declarations:rate5m",
        "{{flow}} {{stage}}",
        STACKED,
        PER_SECOND,
        says="Five minutes' mean. A worker that adds up its counters anew shows as a peak.",
    ),
    Panel(
        "Trade value by partner, $currency",
        _most(PARTNER_VALUE),
        "{{partner}} {{flow}}",
        BARS,
        width=6,
        says="Imports from release, exports from clearance.",
    ),
    Panel("Net mass by partner", _most(PARTNER_MASS), "{{partner}} {{flow}}", BARS, GRAMS, width=6),
    Panel("Trade value by chapter, $currency", _most(CHAPTER_VALUE), "{{chapter}} {{flow}}", BARS, width=6),
    Panel("Net mass by chapter", _most(CHAPTER_MASS), "{{chapter}} {{flow}}", BARS, GRAMS, width=6),
)
ANSWERS = (
    Panel(
        "Receipts by outcome",
        'outcome:single_window_receipts:rate5m{flow="declarations"}',
        "{{outcome}}",
        STACKED,
        PER_SECOND,
    ),
    Panel(
        "Errors by rule",
        'topk(10, rule:single_window_findings:rate5m{rule!~"W.*"})',
        "{{rule}}",
        unit=PER_SECOND,
        says="Findings that refuse an event. The rules stand in processor/flows/declarations/rules.py.",
    ),
    Panel(
        "Shares refused and in conflict",
        "flow:single_window_refused:ratio_rate5m",
        "refused",
        unit=SHARE,
        more=(("flow:single_window_conflicts:ratio_rate5m", "in conflict"),),
    ),
    Panel(
        "Receipts since the workers started",
        "sort_desc(sum by (outcome) (single_window_receipts_total))",
        "{{outcome}}",
        BARS,
    ),
    Panel(
        "Findings since the workers started",
        _most("sum by (rule) (single_window_findings_total)"),
        "{{rule}}",
        BARS,
    ),
    Panel(
        "Dead letters since the workers started",
        "sort_desc(sum by (reason) (single_window_dead_letters_total))",
        "{{reason}}",
        BARS,
    ),
)
ENGINE = (
    Panel(
        "Age of the newest event answered",
        'partition:single_window_watermark_age_seconds:min{flow="declarations"}',
        "{{partition}}",
        unit=SECONDS,
        says="Grows while nothing is sent, too. A partition that works on a backlog stays up here.",
    ),
    Panel(
        "Position by partition",
        'partition:single_window_position:max{flow="declarations"}',
        "{{partition}}",
        says="The next offset to fold. Compare with the end offsets: single-window topics describe.",
    ),
    Panel("Partitions by state", "state:single_window_partitions:sum > 0", "{{flow}} {{state}}", STACKED),
    Panel(
        "Records a batch",
        "flow:single_window_batch_records:mean5m",
        "{{flow}}, mean",
        more=(("flow:single_window_batch_records:p95_5m", "{{flow}}, 95 of 100"),),
    ),
    Panel(
        "Seconds a second, by part of the step",
        "part:single_window_step_seconds:rate5m",
        "{{flow}} {{part}}",
        STACKED,
        SECONDS,
    ),
    Panel(
        "Partitions in trouble",
        f"sum by (flow, state) (increase({TROUBLE}[15m]))",
        "{{flow}} {{state}}",
        says="How often partitions entered one of these states within 15 minutes.",
    ),
)
WORKERS = (
    Panel("Memory", 'process_resident_memory_bytes{job="single-window"}', "{{instance}}", unit=BYTES, width=12),
    Panel(
        "CPU",
        'rate(process_cpu_seconds_total{job="single-window"}[5m])',
        "{{instance}}",
        unit=SECONDS,
        width=12,
        says="Seconds a second: 1 is one core.",
    ),
)
ROWS: dict[str, tuple[Panel, ...]] = {
    "Now": NOW,
    "Declarations and trade, $period": TRADE,
    "Answers": ANSWERS,
    "Engine": ENGINE,
    "Workers": WORKERS,
}


def queries() -> list[tuple[str, str]]:
    """(title of the panel, PromQL) of every query, in order; with ``$period`` and ``$currency`` in them."""
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
        .with_variable(
            dashboard.CustomVariable("period")
            .values(", ".join(f"{label} : {value}" for label, value in PERIODS.items()))
            .current(VariableOption(text="all time", value="all_time"))
        )
        .with_variable(
            dashboard.QueryVariable("currency")
            .datasource(SOURCE)
            .query("label_values(partner:single_window_trade_value_currency_units:sum, currency)")
            .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
            .current(VariableOption(text="CNY", value="CNY"))
        )
    )
    number = 0
    for title, panels in ROWS.items():
        number += 1
        board = board.with_row(dashboard.Row(title).id(number))
        for panel in panels:
            number += 1
            board = board.with_panel(_drawn(panel).id(number))
    return json.dumps(board.build(), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


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
