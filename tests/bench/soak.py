"""`python -m tests.bench.soak`: a steady rate for twenty minutes; memory must not grow.

Ends with 0 only if the worker's resident memory in the last quarter is, by its median, at most 1.05 times that of the
second quarter: by then caches are full and stores compact. The slope from the second quarter on is reported.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from statistics import linear_regression, median

from connectors.simulator.traffic import Plan, live
from tests.bench import stage
from tests.bench.contest import answered, memory_mb
from tests.crash.worker import Worker

MOST = 1.05
RESULTS = stage.HOME / "soak.json"


@dataclass(frozen=True)
class Verdict:
    """Medians in MB, slope in MB an hour."""

    second_quarter_mb: float
    last_quarter_mb: float
    slope_mb_per_hour: float

    @property
    def flat(self) -> bool:
        return self.last_quarter_mb <= MOST * self.second_quarter_mb


def judged(samples: Sequence[tuple[float, float]]) -> Verdict:
    """Of (seconds, MB), evenly spread; at least eight."""
    quarter = len(samples) // 4
    held = [mb for _, mb in samples]
    settled = samples[quarter:]
    slope = linear_regression([at for at, _ in settled], [mb for _, mb in settled]).slope
    return Verdict(median(held[quarter : 2 * quarter]), median(held[-quarter:]), slope * 3600)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=2_000.0)
    told = parser.parse_args()
    stage.begin()
    with stage.broker() as bootstrap, stage.scene(bootstrap) as scene:
        samples, behind = soaked(scene, told.minutes * 60, told.rate)
    verdict = judged(samples)
    found = {**asdict(verdict), "behind": behind, "samples": samples}
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"second quarter {verdict.second_quarter_mb:.0f} MB, last quarter {verdict.last_quarter_mb:.0f} MB")
    print(f"slope {verdict.slope_mb_per_hour:+.1f} MB an hour; {behind} events unanswered at the end; {RESULTS}")
    print("memory is flat" if verdict.flat else f"MISSED: the last quarter is above {MOST} of the second")
    return int(not verdict.flat)


def soaked(scene: stage.Scene, seconds: float, rate: float) -> tuple[list[tuple[float, float]], int]:
    """Resident memory (seconds, MB) every second under live traffic, from the first answer on; and how many events were
    unanswered at the end.
    """
    over = threading.Event()
    sent = count()
    messages = live(Plan(0, seed=10), lambda: int(datetime.now(UTC).timestamp() * 1000))

    def flowing() -> stage.Iterator[stage.Message]:
        for message in messages:
            if over.is_set():
                return
            next(sent)
            yield message

    worker = scene.worker()
    thread = threading.Thread(target=scene.send, args=(flowing(), rate))
    thread.start()
    try:
        worker.until("first answers", lambda: answered(worker))
        samples = sampled(worker, time.monotonic() + seconds)
        done = answered(worker)
    finally:
        over.set()
        thread.join()
    return samples, max(0, next(sent) - done)


def sampled(worker: Worker, until: float) -> list[tuple[float, float]]:
    """Of a worker that must live on. Fails with the end of its log when it does not."""
    began, samples = time.monotonic(), []
    while time.monotonic() < until:
        assert worker.process.poll() is None, worker.tail()
        samples.append((round(time.monotonic() - began, 1), float(memory_mb(worker, "VmRSS"))))
        time.sleep(1)
    return samples


if __name__ == "__main__":
    raise SystemExit(main())
