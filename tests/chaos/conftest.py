"""The scene of the crash tests, what runs only with ``--long``, and the table of scenarios at the end."""

from pathlib import Path

import pytest

from tests.crash.conftest import broker, scene

__all__ = ["broker", "scene"]

SCENARIOS = ("tests/crash/", "tests/chaos/")
VERDICTS = {"passed": "holds", "failed": "FAILS", "error": "FAILS", "skipped": "skipped"}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Of `make chaos`: each scenario with its seconds and whether it holds."""
    if not config.getoption("--long"):
        return
    rows: dict[str, tuple[float, str]] = {}
    for outcome, verdict in VERDICTS.items():
        for report in terminalreporter.stats.get(outcome, []):
            if report.nodeid.startswith(SCENARIOS):
                seconds, found = rows.get(report.nodeid, (0.0, verdict))
                rows[report.nodeid] = seconds + report.duration, min(found, verdict)
    terminalreporter.section("scenarios")
    for node, (seconds, verdict) in sorted(rows.items()):
        file, _, name = node.partition("::")
        terminalreporter.line(
            f"{verdict:8}{seconds:7.1f} s  {Path(file).stem.removeprefix('test_')}: {_sentence(name)}"
        )
    failed = sum(verdict == "FAILS" for _, verdict in rows.values())
    terminalreporter.line(f"{len(rows)} scenarios, {failed} of them failed")


def _sentence(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")
