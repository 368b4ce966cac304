"""What a partition is given: clients, threads, paces, and whom it tells."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from processor.engine.model import Batch, Due, Outcome, Source, Work
from processor.engine.snapshots import Snapshots
from processor.engine.store import Memory, Store
from processor.engine.succession import Committed, Predecessor


class Observer(Protocol):
    """What a partition tells: for metrics and logs, and points at which tests may kill the process."""

    def state(self, source: Source, state: str, **facts: Any) -> None: ...
    def fetched(self, source: Source, behind: int) -> None: ...
    def folded(self, source: Source, outcome: Outcome, batch: Batch, silent: bool) -> None: ...
    def posted(self, source: Source, posting: Outcome) -> None: ...
    def point(self, name: str, source: Source) -> None: ...


@dataclass(frozen=True)
class Surroundings:
    """What partitions share. ``executor``: threads for what is short. ``step`` and ``post``: the fold's, off the
    event loop. ``publish_seconds``: how often counters are published; ``lagging_seconds``: the same while ``lagging``:
    answers come first. ``linger_seconds``: rest between batches, unless more is left than ``fetch_records``, the most a
    fetch hands over.
    ``predecessor``: the generation before, if any, to be taken over from when it is wanted (``take_over``); then
    ``restate``, for a fold that says figures, gives all of them anew, or None while it has not come as far.
    """

    bootstrap: str
    group: str
    prefix: str
    state: Path
    memory: Memory
    executor: Executor
    observer: Observer
    seek: Callable[[Source, int], Awaitable[int]]
    committed: Callable[[Source], Awaitable[Committed]]
    lagging: Callable[[], bool]
    step: Callable[[Work], Awaitable[Outcome]]
    post: Callable[[Due], Awaitable[Outcome]]
    publish_seconds: float = 0.25
    lagging_seconds: float = 30.0
    linger_seconds: float = 0.0
    fetch_records: int = 1 << 20
    step_records: int = 1 << 20
    tables: Callable[[int], str] = lambda _: ""
    compacted: bool = False
    dead_letters: str = ""
    predecessor: Predecessor | None = None
    take_over: bool = False
    restate: Callable[[Source, Store], Awaitable[Outcome | None]] | None = None
    snapshots: Snapshots | None = None
