"""What a rival is told, and what it leaves behind."""

from __future__ import annotations

import argparse
import gc
import pickle
import resource
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.plain.fold import Answer
from tests.bench.plain.state import Figures


@dataclass(frozen=True)
class Result:
    """Seconds since 1970 of the first record and of the last receipt's acknowledgement; processor seconds between
    them; the most memory (MB); every counter's figures; dead letters by reason.
    """

    events: int
    first: float
    last: float
    cpu: float
    peak_mb: int
    figures: Figures
    dead_letters: Counter[str]

    @property
    def rate(self) -> float:
        return self.events / (self.last - self.first)


@dataclass
class Run:
    """One run: `events` records of the topic `source`; receipts go to the topic `receipts`; `name` is unique."""

    bootstrap: str
    source: str
    receipts: str
    name: str
    home: Path
    events: int
    seen: int = 0
    first: float = 0.0
    cpu: float = 0.0
    dead_letters: Counter[str] = field(default_factory=Counter)

    @classmethod
    def told(cls) -> Run:
        """From the command line. Collections are made rare, as one does with many objects and no cycles."""
        parser = argparse.ArgumentParser()
        for name in ("bootstrap", "source", "receipts", "name"):
            parser.add_argument(f"--{name}", required=True)
        parser.add_argument("--home", type=Path, required=True)
        parser.add_argument("--events", type=int, required=True)
        gc.freeze()
        gc.set_threshold(200_000, 20, 100)
        return cls(**vars(parser.parse_args()))

    def begin(self) -> None:
        """The first record is here."""
        if not self.first:
            self.first, self.cpu = time.time(), time.process_time()

    def answered(self, answer: Answer) -> bytes | None:
        """The receipt to be written, if any; one more is done."""
        self.seen += 1
        if answer.receipt is None:
            self.dead_letters[answer.outcome] += 1
        return answer.receipt

    @property
    def done(self) -> bool:
        return self.seen >= self.events

    def end(self, figures: Any) -> None:
        """The last receipt is acknowledged now; `figures()` are counted up afterwards."""
        last, cpu = time.time(), time.process_time() - self.cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        result = Result(self.seen, self.first, last, cpu, peak, figures(), self.dead_letters)
        (self.home / "result").write_bytes(pickle.dumps(result))
