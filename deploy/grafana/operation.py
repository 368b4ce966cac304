"""What the dashboard shows of the work itself: answers, lag, the engine, the workers."""

from __future__ import annotations

from deploy.grafana.panel import BARS, BYTES, FIGURE, PER_SECOND, SECONDS, SHARE, STACKED, Panel, most, sorted_

TROUBLE = 'single_window_partition_states_entered_total{state=~"waiting|fenced|broken|gap"}'
EVERYWHERE = "Of all jurisdictions; days are those of Asia/Shanghai."


def _hit(title: str, severity: str, says: str) -> Panel:
    hits = f'key:single_window_rule_hits_events:sum{{period="$period", severity="{severity}"}}'
    return Panel(title, most(f"sum by (rule) ({hits})"), "{{rule}}", BARS, says=f"{says} {EVERYWHERE}")


NOW = (
    Panel("Workers", 'sum(up{job="single-window"})', shape=FIGURE, width=3),
    Panel("Live partitions", 'state:single_window_partitions:sum{state="live"}', "{{flow}}", FIGURE, width=4),
    Panel("Events a second", "flow:single_window_records:rate5m", "{{flow}}", FIGURE, PER_SECOND, width=4),
    Panel("Answers within 10 minutes", "flow:single_window_answers_in_time:ratio_rate5m", "", FIGURE, SHARE, width=3),
    Panel("Waiting", "sum by (flow) (partition:single_window_behind_records:max)", "{{flow}}", FIGURE, width=4),
    Panel("Counters behind answers", "single_window_totals_behind_seconds:max", "", FIGURE, SECONDS, width=3),
    Panel("Alerts", 'count(ALERTS{alertstate="firing"}) or vector(0)', shape=FIGURE, width=3),
)
ANSWERS = (
    Panel(
        "First-pass acceptance",
        'record:single_window_first_pass:ratio{period="$period"}',
        "{{record}}",
        BARS,
        SHARE,
        says=f"First revisions that need no second, of those that are no duplicates. {EVERYWHERE}",
    ),
    Panel(
        "Answers",
        sorted_('sum by (outcome, record) (key:single_window_answers_events:sum{period="$period"})'),
        "{{record}} {{outcome}}",
        BARS,
        says=EVERYWHERE,
    ),
    _hit("Refusals by rule", "ERROR", "Events that broke it, were not possible (E05) or came again otherwise (E03)."),
    Panel(
        "First-pass acceptance, within an hour",
        "record:single_window_first_pass:ratio_increase1h",
        "{{record}}",
        unit=SHARE,
    ),
    Panel(
        "Receipts by outcome",
        'outcome:single_window_receipts:rate5m{flow="declarations"}',
        "{{outcome}}",
        STACKED,
        PER_SECOND,
    ),
    _hit("Warnings by rule", "WARNING", "Events that were taken all the same."),
    Panel(
        "Shares refused and in conflict",
        "flow:single_window_refused:ratio_rate5m",
        "refused",
        unit=SHARE,
        more=(("flow:single_window_conflicts:ratio_rate5m", "in conflict"),),
    ),
    Panel("Findings by rule", "topk(10, rule:single_window_findings:rate5m)", "{{rule}}", unit=PER_SECOND),
    Panel(
        "Dead letters since the workers started",
        sorted_("sum by (reason) (single_window_dead_letters_total)"),
        "{{reason}}",
        BARS,
        says="What could not be read as an event: single-window dead-letters list.",
    ),
)
LAG = (
    Panel(
        "Records that wait",
        'partition:single_window_behind_records:max{flow="declarations"}',
        "{{partition}}",
        says="From the last fetch to the end of the log.",
    ),
    Panel(
        "Age of the newest event answered",
        'partition:single_window_watermark_age_seconds:min{flow="declarations"}',
        "{{partition}}",
        unit=SECONDS,
        says="Grows while nothing is sent, too. A partition that works on a backlog stays up here.",
    ),
    Panel(
        "Time to the answer",
        "flow:single_window_answer_seconds:p50_5m",
        "half of them within",
        unit=SECONDS,
        says="From an event's append to its committed answer, estimated from buckets.",
        more=(("flow:single_window_answer_seconds:p99_5m", "99 of 100 within"),),
    ),
    Panel(
        "Position by partition",
        'partition:single_window_position:max{flow="declarations"}',
        "{{partition}}",
        says="The next offset to fold. Compare with the end offsets: single-window topics describe.",
    ),
    Panel(
        "Within 10 minutes",
        "flow:single_window_answers_in_time:ratio_rate5m",
        "answers",
        unit=SHARE,
        says="What is promised: an answer within ten minutes.",
    ),
    Panel(
        "Codes that show as other",
        most("dimension:single_window_other_share:max"),
        "{{counter}}, {{dimension}}",
        BARS,
        SHARE,
        says="Share of a counter whose codes are in no reference table. The topics have them as declared.",
    ),
)
ENGINE = (
    Panel("Partitions by state", "state:single_window_partitions:sum > 0", "{{flow}} {{state}}", STACKED, width=6),
    Panel(
        "Records a batch",
        "flow:single_window_batch_records:mean5m",
        "{{flow}}, mean",
        width=6,
        more=(("flow:single_window_batch_records:p95_5m", "{{flow}}, 95 of 100"),),
    ),
    Panel(
        "Seconds a second, by part of the step",
        "part:single_window_step_seconds:rate5m",
        "{{flow}} {{part}}",
        STACKED,
        SECONDS,
        width=6,
    ),
    Panel(
        "Partitions in trouble",
        f"sum by (flow, state) (increase({TROUBLE}[15m]))",
        "{{flow}} {{state}}",
        width=6,
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
