"""The demonstration, whole: what it counts is the ledger's, and it says so when it is not."""

import json

import pytest
from typer.testing import CliRunner

from processor.cli import app
from processor.demo import compare
from tests.integration.command import single_window

pytestmark = pytest.mark.kafka
EVENTS = 1_500


def test_a_demonstration_compares_every_figure_and_finds_them_equal(kafka: str) -> None:
    # settings of a worker that serves beside it play no part
    said = single_window(
        "demo", "--events", str(EVENTS), "--once", "--json", kafka=kafka, GENERATION="2", SNAPSHOTS="/nowhere"
    )
    report = json.loads(said.stdout)
    assert report["mismatches"] == 0
    assert report["figures_compared"] > EVENTS
    assert report["receipts"] + report["dead_letters"] == report["events"] == EVENTS
    parts = ("accepted", "refused", "duplicates", "parked", "conflicts")
    assert sum(report[part] for part in parts) == report["receipts"]
    assert min(report[part] for part in ("accepted", "refused", "events_per_second", "latency_p50_ms")) > 0


def test_a_demonstration_whose_figures_are_not_the_ledger_s_fails(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = compare.scrape

    def one_more(url: str, *names: str) -> compare.Samples:
        found = dict(shown(url, *names))
        for series in found:
            if series[0] == "single_window_trade_value_yuan":
                found[series] += 0.01
                break
        return found

    monkeypatch.setenv("SINGLE_WINDOW_KAFKA", kafka)
    monkeypatch.setattr(compare, "scrape", one_more)
    ended = CliRunner().invoke(app, ["demo", "--events", "300", "--once", "--json"])
    assert ended.exit_code == 1, ended.output
    assert json.loads(ended.stdout.splitlines()[-1])["mismatches"] == 1
