"""The demonstration that goes on: a live table of what the platform counts, until interrupted."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from connectors.simulator import traffic
from connectors.simulator.send import publish
from deploy import local_prometheus
from processor.demo.compare import Samples
from processor.demo.run import INPUT, Stage, Worker

STAGES = ("LODGED", "AMENDED", "ACCEPTED", "INSPECTED", "RELEASED", "CLEARED", "REJECTED", "CANCELLED")
REFRESH_SECONDS = 1.0
BY_PARTNER = ("breakdown", "PARTNER")


def show(events: int, seed: int, kafka: str | None, rate: float, console: Console) -> None:
    """Publish a backlog, start a worker, keep simulating at ``rate``, and show counters until Ctrl-C."""
    with ExitStack() as stack:
        console.print("starting Kafka ...")
        stage = Stage(stack, kafka)
        console.print(f"publishing {events:,} simulated events ...")
        publish(traffic.generate(traffic.Plan(events, seed)), stage.bootstrap, stage.prefix + INPUT)
        worker = stack.enter_context(stage.worker())
        console.print(
            f"\n  metrics    {worker.url}/metrics\n  readiness  {worker.url}/readyz\n"
            f"  prometheus {_watched(stack, stage, worker)}\n"
            f"  subscribe  SINGLE_WINDOW_KAFKA={stage.bootstrap} SINGLE_WINDOW_TOPIC_PREFIX={stage.prefix} "
            "single-window subscribe trade --follow\n",
            highlight=False,
            soft_wrap=True,
        )
        simulator = threading.Thread(target=_simulate, args=(stage, seed + 1, rate), daemon=True)
        simulator.start()
        try:
            _refresh(worker, console)
        except KeyboardInterrupt:
            console.print("stopping ...")


def _watched(stack: ExitStack, stage: Stage, worker: Worker) -> str:
    """Where a Prometheus shows figures over time, until the demonstration ends; or why there is none."""
    home = stage.home / "prometheus"
    stack.callback(local_prometheus.stop, home)
    try:
        return local_prometheus.start(home, [worker.url.removeprefix("http://")]).url
    except local_prometheus.LocalPrometheusError as error:
        return str(error)


def _simulate(stage: Stage, seed: int, rate: float) -> None:
    endless = traffic.live(traffic.Plan(0, seed), lambda: int(datetime.now(UTC).timestamp() * 1000))
    publish(endless, stage.bootstrap, stage.prefix + INPUT, rate=rate)


def _refresh(worker: Worker, console: Console) -> None:
    last, since = 0.0, time.monotonic()
    with Live(console=console, refresh_per_second=2) as live:
        while True:
            samples = worker.samples()
            records = _sum(samples, "single_window_records_total", flow="declarations")
            now = time.monotonic()
            pace = (records - last) / max(now - since, 0.001)
            last, since = records, now
            live.update(
                Group(Text(f"{records:,.0f} events counted, {pace:,.0f} a second"), _stages(samples), _trade(samples))
            )
            time.sleep(REFRESH_SECONDS)


def _stages(samples: Samples) -> Table:
    table = Table("today", *STAGES, title="Declarations by stage (simulated)", title_justify="left")
    for flow in ("IMPORT", "EXPORT"):
        counts = [
            _sum(
                samples,
                "single_window_declarations_by_stage_declarations_total",
                period="today",
                flow=flow,
                stage=stage,
            )
            for stage in STAGES
        ]
        table.add_row(flow.lower(), *(f"{count:,.0f}" for count in counts))
    return table


def _trade(samples: Samples) -> Table:
    name = "single_window_trade_value_yuan"
    table = Table("partner", "import", "export", title="Trade in yuan, all time (simulated)", title_justify="left")
    partners = {dict(those)["code"] for sample, those in samples if sample == name and BY_PARTNER in those}

    def value(partner: str, flow: str) -> float:
        return _sum(samples, name, period="all_time", breakdown="PARTNER", code=partner, flow=flow)

    rows = [(partner, value(partner, "IMPORT"), value(partner, "EXPORT")) for partner in partners]
    for partner, imports, exports in sorted(rows, key=lambda row: -row[1] - row[2])[:10]:
        table.add_row(partner, f"{imports:,.2f}", f"{exports:,.2f}")
    return table


def _sum(samples: Samples, name: str, **labels: str) -> float:
    wanted = set(labels.items())
    return sum(value for (sample, found), value in samples.items() if sample == name and wanted <= set(found))
