"""`python -m tests.bench`: measure everything, write `.local/bench/results.json`, end with a table."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import stage, targets
from tests.bench.contest import Size, contest
from tests.bench.growth import growth
from tests.bench.ours import life, table

BASELINE = Path(__file__).with_name("baseline.json")
RESULTS = stage.HOME / "results.json"
EVENTS = {"faust_tables": 5_000, "faust_dicts": 20_000, "quix_state": 20_000, "bare_loop": 40_000}
QUICK_EVENTS = {"faust_tables": 1_500, "faust_dicts": 8_000, "quix_state": 8_000, "bare_loop": 12_000}
REGISTERS = {False: (100_000, 5_000_000), True: (10_000, 100_000)}
WORKER, QUICK_WORKER = 250_000, 100_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument("--events", type=int, help="events for the worker; the rivals get their shares")
    parser.add_argument("--rounds", type=int, help="rounds that count, after one to warm up")
    parser.add_argument("--quick", action="store_true", help="fewer events, one round, a smaller register")
    parser.add_argument("--accept", action="store_true", help="make this run's ratios those to be held against")
    told = parser.parse_args()
    if told.accept and (told.quick or told.events):
        parser.error("only a whole run can be accepted")
    began = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {what}", flush=True)

    stage.begin()
    with stage.broker() as bootstrap:
        results = measured(bootstrap, told, tell)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    flat = flattened(results)
    if told.accept:
        BASELINE.write_text(json.dumps(results["ratios"], indent=2) + "\n", encoding="utf-8")
    accepted = flattened({"ratios": json.loads(BASELINE.read_text(encoding="utf-8"))}) if BASELINE.exists() else {}
    rows = targets.judged(flat, accepted, quick=told.quick)
    print(targets.table([*rows, *targets.reported(flat, rows)]))
    print(f"all figures: {RESULTS}")
    return targets.status(rows)


def measured(bootstrap: str, told: argparse.Namespace, tell: Any) -> dict[str, Any]:
    """All figures, as they go into the results."""
    whole = QUICK_WORKER if told.quick else WORKER
    events = told.events or whole
    rivals = QUICK_EVENTS if told.quick else EVENTS
    rounds = told.rounds or (1 if told.quick else 3)
    shares = {name: max(500, n * events // whole) for name, n in rivals.items()}
    found = contest(bootstrap, Size(shares, events, rounds), tell)
    alone = life(bootstrap, events, 10 if told.quick else 30, tell)
    sizes, names = (REGISTERS[told.quick], ("growth_100k_over_10k", "growth_5m_over_100k"))
    grown = growth(bootstrap, events, sizes, 1 if told.quick else 2, tell)
    alone[names[0] if told.quick else names[1]] = grown["growth"]
    alone["growth_memory"] = grown["growth_memory"]
    alone |= {} if told.quick else table(bootstrap, QUICK_WORKER, tell)
    return {
        "quick": told.quick,
        "ratios": found.ratios(),
        "ratios_when_counted": found.ratios_when_counted(),
        "events_per_second": {name: found.rate(name) for name in found.rates},
        "counted_events_per_second": median(found.counted),
        "cpu_us_per_event": {part: median(cpu[part] for cpu in found.cpu) for part in found.cpu[0]},
        "peak_mb": median(found.peak_mb),
        **alone,
    }


def flattened(results: dict[str, Any]) -> dict[str, float]:
    """Nested names with dots between."""
    flat: dict[str, float] = {}
    for name, value in results.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": figure for inner, figure in flattened(value).items()}
        elif isinstance(value, int | float) and not isinstance(value, bool):
            flat[name] = value
    return flat


if __name__ == "__main__":
    raise SystemExit(main())
