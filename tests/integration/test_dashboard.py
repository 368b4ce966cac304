"""A real Prometheus beside a real worker: every query of the dashboard and every recording rule answers, and business
figures are the ledger's.
"""

import json
import math
import re
import shutil
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.topic_io import end_offsets
from deploy import local_prometheus, topics
from deploy.grafana import dashboard
from processor.demo import compare
from processor.flows.declarations.counters import COUNTERS
from tests.crash.scene import INPUT, Scene, receipts
from tests.crash.worker import wait_for

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(
        shutil.which("prometheus") is None,
        reason="prometheus is not installed: apt-get install --no-install-recommends prometheus",
    ),
]
RECORDED = [
    rule["record"]
    for group in yaml.safe_load((local_prometheus.RULES / "recording.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
SHOWN = 20
"""Bars of a panel that shows the greatest."""

BUSINESS = {
    "Declarations by stage": ("declarations-by-stage", 0, 1, ("flow", "stage"), {}),
    "Lodged by office": ("declarations-by-stage", 0, 1, ("jurisdiction", "office"), {"stage": "LODGED"}),
    "Trade value by partner, $currency": ("trade-by-partner", 1, 100, ("flow", "partner"), {"currency": "$currency"}),
    "Net mass by partner": ("trade-by-partner", 2, 1, ("flow", "partner"), {}),
    "Trade value by chapter, $currency": ("trade-by-chapter", 1, 100, ("chapter", "flow"), {"currency": "$currency"}),
    "Net mass by chapter": ("trade-by-chapter", 2, 1, ("chapter", "flow"), {}),
}
"""Panel: its counter, measure, units of the ledger in one shown, dimensions it is by, and those it is for."""

EVERY = "3s"
"""Between scrapes, and what one may take: on a busy machine some fail, so tests wait for the next."""

Vector = dict[tuple[tuple[str, str], ...], float]


class Watched:
    """Traffic of the ledger, a worker that has counted it all, and a Prometheus that has seen it work."""

    def __init__(self, scene: Scene, url: str) -> None:
        self.scene, self.url = scene, url

    def query(self, query: str) -> Vector:
        """The instant vector of a query: sorted labels without the name -> value."""
        found = self._get("query", query=query)
        assert found["resultType"] == "vector", query
        return {
            tuple(sorted((k, v) for k, v in row["metric"].items() if k != "__name__")): float(row["value"][1])
            for row in found["result"]
        }

    def until(self, query: str, condition: Callable[[Vector], Any] = bool) -> None:
        """Wait until what a query finds fulfils the condition; at least, that it finds something."""
        wait_for(query, lambda: condition(self.query(query)), tell=lambda: f"found {self.query(query)}")

    def rules(self) -> list[dict[str, Any]]:
        """All rules, with their health."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def _get(self, path: str, **asked: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(asked)}", timeout=30) as answer:
            return json.load(answer)["data"]

    def figures(self, counter: str, measure: int, period: str, by: tuple[str, ...], only: dict[str, str]) -> Vector:
        """What the ledger says, added up ``by`` dimensions; without noughts."""
        dimensions = next(each.dimensions for each in COUNTERS if each.name == counter)
        now, total = datetime.now(UTC), Counter()
        for (name, window, start, values), measures in self.scene.traffic.figures.items():
            labels = dict(zip(dimensions, values, strict=False))
            if name != counter or compare._period(window, start, compare.ZONES[labels["jurisdiction"]], now) != period:
                continue
            if only.items() <= labels.items():
                total[tuple((dimension, labels[dimension]) for dimension in by)] += measures[measure]
        return {labels: figure for labels, figure in total.items() if figure}


@pytest.fixture(scope="module")
def watched(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Half of the traffic is counted before Prometheus looks, half while it does: rates have something to show."""
    prefix, home = f"t{uuid.uuid4().hex[:8]}.", tmp_path_factory.mktemp("dashboard")
    topics.create(kafka, prefix)
    scene = Scene(kafka, prefix, home)
    try:
        worker = scene.worker()
        scene.publish(0.5)
        scene.counted(worker)
        assert worker.url is not None
        started = local_prometheus.start(home / "prometheus", [worker.url.removeprefix("http://")], every=EVERY)
        made = Watched(scene, started.url)
        name = "single_window_records_total"
        made.until(f"count_over_time({name}[1m]) > 1")
        scene.publish()
        scene.check(worker)
        made.until(f'sum({name}{{flow="declarations"}}) == {len(scene.traffic.messages)}')
        yield made
    finally:
        local_prometheus.stop(home / "prometheus")
        scene.dispose()
        topics.delete(kafka, prefix)


def recorded(watched: Watched) -> compare.Comparison:
    """Every recorded key of every counter against the ledger, both ways."""
    samples = {}
    for record in RECORDED:
        if record.startswith("key:"):
            name = record.removeprefix("key:").removesuffix(":max")
            name += "_total" if name.startswith("single_window_declarations_by_stage") else ""
            for labels, value in watched.query(record).items():
                samples[name, tuple((k, v) for k, v in labels if k != "job")] = value
    result = compare.Comparison()
    compare.metrics(watched.scene.traffic.figures, COUNTERS, samples, datetime.now(UTC), result)
    return result


def test_every_recorded_key_is_the_ledger_s(watched: Watched) -> None:
    wait_for("no mismatch", lambda: not recorded(watched).mismatches, tell=lambda: str(recorded(watched).examples))
    assert recorded(watched).compared > 1_000


def test_every_rule_is_evaluated_and_every_recording_rule_answers(watched: Watched) -> None:
    wait_for(
        "all rules", lambda: all(rule["health"] == "ok" for rule in watched.rules()), tell=lambda: str(watched.rules())
    )
    for record in RECORDED:
        watched.until(record, lambda found: found and not any(map(math.isnan, found.values())))


@pytest.mark.parametrize("query", [query for _, query in dashboard.queries()])
def test_every_query_of_the_dashboard_answers(watched: Watched, query: str) -> None:
    watched.until(filled(query, "all_time"))


@pytest.mark.parametrize("period", dashboard.PERIODS.values())
@pytest.mark.parametrize("title", BUSINESS)
def test_business_panels_show_the_ledger_s_figures(watched: Watched, title: str, period: str) -> None:
    ((query,),) = [[query] for panel, query in dashboard.queries() if panel == title]
    counter, measure, scale, by, only = BUSINESS[title]
    only = {key: filled(value, period) for key, value in only.items()}

    def wanted() -> Vector:  # at each look: a day may end
        return watched.figures(counter, measure, period, by, only)

    def same() -> bool:
        expected = wanted()
        greatest = sorted(expected.values(), reverse=True)[: SHOWN if query.startswith("topk") else None]
        found = {labels: round(value * scale) for labels, value in shown(watched, query, period).items()}
        figures = sorted((figure for figure in found.values() if figure), reverse=True)
        return figures == greatest and all(figure == expected.get(labels, 0) for labels, figure in found.items())

    assert wanted() or period == "today", "the ledger has something to show, but for the first minutes of a day"
    wait_for(title, same, tell=lambda: f"{wanted()}\n{shown(watched, query, period)}")


def shown(watched: Watched, query: str, period: str) -> Vector:
    """What a panel shows, without the period."""
    found = watched.query(filled(query, period)).items()
    return {tuple(pair for pair in labels if pair[0] not in ("period", "currency")): value for labels, value in found}


def filled(text: str, period: str) -> str:
    """With the dashboard's variables."""
    return text.replace("$period", period).replace("$currency", "CNY")


def test_answers_since_the_start_are_the_ledger_s_and_the_receipts(watched: Watched) -> None:
    ledger, scene = watched.scene.traffic.ledger, watched.scene
    said = receipts(scene.bootstrap, scene.prefix)
    findings = Counter(finding["rule"] for receipt in said for finding in receipt["findings"])
    wanted = {"Receipts": ledger.receipts, "Dead letters": ledger.dead_letters, "Findings": findings}
    for what, figures in wanted.items():
        query = dict(dashboard.queries())[f"{what} since the workers started"]
        greatest = dict(figures.most_common(SHOWN))
        watched.until(query, lambda found, is_=greatest: {label: n for ((_, label),), n in found.items() if n} == is_)


def test_positions_are_the_ends_of_the_log(watched: Watched) -> None:
    ends = end_offsets(watched.scene.bootstrap, watched.scene.prefix + INPUT)
    watched.until(
        dict(dashboard.queries())["Position by partition"],
        lambda found: {int(dict(labels)["partition"]): position for labels, position in found.items()} == ends,
    )


def test_no_critical_alert_fires_or_waits_to_beside_a_worker_that_is_well(watched: Watched) -> None:
    watched.until('ALERTS{severity="critical"}', lambda found: not found)


def test_prometheus_listens_on_the_loopback_address_only_and_ends_when_stopped(tmp_path: Path) -> None:
    started = local_prometheus.start(tmp_path, ["127.0.0.1:1"])
    try:
        again = local_prometheus.start(tmp_path, ["127.0.0.1:2"])
        assert again.pid != started.pid
        assert local_prometheus.status(tmp_path) == again
        assert not Path(f"/proc/{started.pid}").exists()
        arguments = Path(f"/proc/{again.pid}/cmdline").read_text(encoding="utf-8").split("\0")
        listen = [argument for argument in arguments if "listen-address" in argument]
        assert listen == [f"--web.listen-address={again.url.removeprefix('http://')}"]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", again.url)
    finally:
        assert local_prometheus.stop(tmp_path)
    assert local_prometheus.status(tmp_path) is None
    assert not local_prometheus.stop(tmp_path)
