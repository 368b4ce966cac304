"""What Prometheus and Grafana read: rules that promtool accepts and proves, and names that exist."""

import re
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

import schemas
from deploy import local_prometheus
from deploy.grafana import dashboard
from processor.business import Business
from processor.demo import live
from processor.demo.run import labels
from processor.engine.counters import SEPARATOR
from processor.engine.model import Outcome, Source
from processor.engine.totals_rows import Counted
from processor.flows.declarations.counters import COUNTERS
from processor.metrics import Metrics

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus"
GROUPS = [
    group
    for name in ("recording.yml", "alerts.yml")
    for group in yaml.safe_load((RULES / name).read_text(encoding="utf-8"))["groups"]
]
RECORDED = {rule["record"]: rule["expr"] for group in GROUPS for rule in group["rules"] if "record" in rule}
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}
CASES = sorted((Path(__file__).parent / "promtool").iterdir())
KNOWN_COMPLAINT = r"single_window_\w+_kilograms(_total)? use base unit \"grams\""
"""The SI base unit of mass is the kilogram."""

SOURCE = Source("customs.declarations", 3, 8)


@pytest.fixture
def promtool():
    """Runs promtool: (arguments, input) -> what it says. Fails unless it ends with the status."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed: apt-get install --no-install-recommends prometheus")

    def run(*arguments: object, told: str = "", status: int = 0) -> str:
        command = [program, *map(str, arguments)]
        ended = subprocess.run(command, input=told, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == status, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    return run


def exposed() -> CollectorRegistry:
    """A worker's registry, with a sample of each metric."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    metrics = Metrics(registry)
    tally = {("receipts", "REFUSED"): 1, ("findings", "D01"): 1, ("dead_letters", "wrong_key"): 1, ("totals", "x"): 1}
    for silent in (False, True):
        metrics.folded(SOURCE, "declarations", Outcome(4, 1, tally=tally, seconds={"fold": 1.0}), 1, silent, 1.0)
    metrics.moved(SOURCE, "declarations", "live")
    metrics.lies_behind(SOURCE, "declarations", 0)
    metrics.waited("declarations", np.zeros(1, np.int64), 1.0)
    metrics.expect({"GREEN": 0.8})
    metrics.fetched_first("declarations", 1.0)
    metrics.snapshot(SOURCE, "declarations", "taken", 1.0)
    counted = Counted("declarations", COUNTERS, 8)
    number = {"bucket": "16"}
    rows = [
        b"t" + SEPARATOR.join(["a", "0", each.name, *(number.get(d, "x") for d in each.dimensions), "UTC"]).encode()
        for each in COUNTERS
    ]
    entry = np.ones(1, counted.entry).tobytes()
    registry.register(
        Business(
            counted,
            labels(),
            lambda: {0: lambda prefix: [(key, entry) for key in rows if key.startswith(prefix)]},
            lambda: 0.0,
        )
    )
    return registry


def test_prometheus_accepts_its_configuration_and_the_demonstration_s(promtool: Any, tmp_path: Path) -> None:
    promtool("check", "config", RULES / "prometheus.yml")
    own = tmp_path / "prometheus.yml"
    own.write_text(yaml.safe_dump(local_prometheus.config(["127.0.0.1:9464"], "1s")), encoding="utf-8")
    assert "2 rule files found" in promtool("check", "config", own)


def test_prometheus_accepts_the_rules(promtool: Any) -> None:
    told = promtool("check", "rules", RULES / "recording.yml", RULES / "alerts.yml")
    assert f"{len(RECORDED)} rules found" in told
    assert f"{len(ALERTS)} rules found" in told


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_the_rules_say_what_their_cases_say(promtool: Any, cases: Path) -> None:
    promtool("test", "rules", cases)


def test_the_metrics_are_named_as_prometheus_wants_them(promtool: Any) -> None:
    told = promtool("check", "metrics", told=generate_latest(exposed()).decode(), status=3)
    assert all(re.match(KNOWN_COMPLAINT, line) for line in told.splitlines()), told


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    cases = [case for path in CASES for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]]
    fires, quiet = set(), set()
    for case in cases:
        for check in case.get("promql_expr_test", ()):
            wanted = "".join(re.findall(r'alertname=~?"([^"]+)"', check["expr"]))
            named = {alert for alert in ALERTS if re.fullmatch(wanted, alert)}
            (fires if check["exp_samples"] else quiet).update(named)
        for check in case.get("alert_rule_test", ()):
            (fires if check["exp_alerts"] else quiet).add(check["alertname"])
    assert fires == quiet == ALERTS.keys()


def test_every_alert_says_how_grave_it_is_and_what_to_do_and_the_runbook_says_more() -> None:
    runbook = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (\w+)$", runbook, re.MULTILINE)
    assert set(re.findall(r"\]\(#(\w+)\)", runbook)) <= {heading.lower() for heading in headings}
    assert headings == list(ALERTS), "in the same order"
    for name, alert in ALERTS.items():
        assert alert["labels"]["severity"] in ("critical", "warning")
        notes = alert["annotations"]
        assert notes.keys() == {"summary", "description", "runbook"}
        assert notes["runbook"] == f"docs/runbook.md#{name.lower()}"
        assert notes["summary"].endswith(".")
        assert notes["description"].endswith(".")


def names(query: str) -> set[str]:
    """The metrics a query reads."""
    bare = re.sub(r'"[^"]*"', "", query)
    return set(re.findall(r"\b(?:[a-z]+:)?(?:single_window|process)_\w+(?::\w+)?", bare))


def test_rules_and_dashboard_read_metrics_that_exist() -> None:
    samples = {sample.name for family in exposed().collect() for sample in family.samples}
    read = {name: names(query) for name, query in RECORDED.items()}
    read |= {name: names(alert["expr"]) for name, alert in ALERTS.items() if name != "SingleWindowWorkerDown"}
    read |= {
        title: names(query) for title, query in dashboard.queries() if "up{" not in query and "ALERTS" not in query
    }
    for what, needs in read.items():
        assert needs, what
        assert needs <= samples | RECORDED.keys(), what


def test_every_measure_of_every_counter_is_recorded_by_the_same_pattern() -> None:
    shown = {sample.name for family in exposed().collect() for sample in family.samples if "slice" in sample.labels}
    for sample in shown:
        measure = sample.removesuffix("_total")
        greatest = f"max without (instance) ({sample})"
        if f"slice:{measure}:max" in RECORDED:
            assert RECORDED[f"slice:{measure}:max"] == greatest
            greatest = f"slice:{measure}:max"
        assert RECORDED[f"key:{measure}:sum"] == f"sum without (slice) ({greatest})"
    keys = {name for name in RECORDED if name.startswith(("key:", "slice:"))}
    assert {name.split(":")[1] for name in keys} == {sample.removesuffix("_total") for sample in shown}


def test_no_rate_is_taken_of_a_sum_that_lacks_a_slice_while_it_moves() -> None:
    for record, query in RECORDED.items():
        assert not re.search(r"(rate|increase)\(key:", query), record


def test_the_names_a_query_reads_are_found() -> None:
    query = 'sum by (a) (key:single_window_x:max{b="single_window_no"}) / rate(process_cpu_seconds_total[5m])'
    assert names(query) == {"key:single_window_x:max", "process_cpu_seconds_total"}


def test_the_partitions_that_must_be_held_are_those_of_the_topics() -> None:
    expression = ALERTS["SingleWindowPartitionUnheld"]["expr"]
    wanted = dict(re.findall(r'flow="(\w+)"}\)\) < (\d+)', expression))
    assert wanted == {
        "declarations": str(schemas.topic("customs.declarations").partitions),
        "totals": str(schemas.topic("counters.partials").partitions),
    }


def test_the_panels_that_alerts_name_are_there() -> None:
    titles = {title for title, _ in dashboard.queries()}
    told = [notes["description"] for notes in (alert["annotations"] for alert in ALERTS.values())]
    named = {name for text in told for name in re.findall(r'"([A-Z][^"]+)"', text)}
    assert named
    assert named <= titles


def test_the_dashboard_is_the_one_its_code_makes() -> None:
    written = dashboard.WRITTEN.read_text(encoding="utf-8")
    assert written == dashboard.text(), "run: python -m deploy.grafana.dashboard"


def test_without_prometheus_the_demonstration_goes_on_and_says_in_a_line_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Somewhere:
        home, url = tmp_path, "http://127.0.0.1:1"

    monkeypatch.setenv("PATH", str(tmp_path))
    with ExitStack() as stack:
        said = live._watched(stack, Somewhere(), Somewhere())
    assert "\n" not in said
    assert said.startswith("prometheus is not installed: run `apt-get install")
