"""The rate and the memory of a worker with a small register and with a large one.

A register is grown by copies: what a worker has folded from a log is taken, its rows are written many times more under
other numbers, and all of it into new stores, sorted, as old stores are. The copies lie between the originals, so the
rest of the log, which goes on with the originals, finds them spread over the whole register. Positions and marks stay:
to the worker it is its own state.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from heapq import merge
from itertools import islice
from pathlib import Path

from rocksdict import Rdict, SstFileWriter

from processor.engine.register import PREFIX
from processor.engine.store import Memory, Store
from tests.bench.contest import PATIENCE, Tell, answered, await_counted, memory_mb, moments
from tests.bench.stage import scene, traffic

FILE_ROWS = 100_000
SERIALS = 10**9
STRIDE = 7_000_003
"""From a number to its copy: no multiple of it comes near the span of the simulator's serials."""

Entry = tuple[bytes, bytes]


def copies(rows: list[Entry], wanted: int) -> Iterator[Entry]:
    """So many rows under numbers of their own, in key order: each original's 18 digits with another serial."""
    originals = [(key, row) for key, row in rows if key[1:].isdigit() and len(key) == 19]
    taken = {key for key, _ in rows}
    found: dict[bytes, int] = {}
    times = 0
    while len(found) < wanted:
        times += 1
        for place, (key, _) in enumerate(originals):
            serial = (int(key[10:]) + times * STRIDE) % SERIALS
            copy = key[:10] + b"%09d" % serial
            if copy not in taken:
                found[copy] = place
            if len(found) == wanted:
                break
    return ((copy, originals[found[copy]][1]) for copy in sorted(found))


def grow(path: Path, rows: int) -> int:
    """The store in `path` holds so many rows afterwards; returns how many it held."""
    memory = Memory()
    store = Store(path, memory)
    entries = list(store.scan(b""))
    store.close()
    before = [(key, row) for key, row in entries if key.startswith(PREFIX)]
    grown = path.with_name(path.name + ".grown")
    everything = merge(entries, copies(before, rows - len(before)))
    db = Rdict(str(grown), memory.options())
    for number, part in enumerate(iter(lambda: list(islice(everything, FILE_ROWS)), [])):
        file = grown.with_name(f"{grown.name}-{number}.sst")
        writer = SstFileWriter(options=memory.options())
        writer.open(str(file))
        for key, value in part:
            writer[key] = value
        writer.finish()
        db.ingest_external_file([str(file)])
        file.unlink(missing_ok=True)
    db.close()
    shutil.rmtree(path)
    grown.rename(path)
    return len(before)


def grown_rate(bootstrap: str, events: int, rows: int) -> tuple[float, int]:
    """(events/s, peak MB) of a worker that starts with so many rows; a fifth of a log is folded before that."""
    log = traffic(events)
    before = events // 5
    with scene(bootstrap) as stage:
        stage.send(log.messages[:before])
        worker = stage.worker()
        worker.until("the first part to be answered", lambda: answered(worker) >= before, PATIENCE)
        await_counted(stage, worker)
        worker.stop()
        stores = sorted((worker.state / "g1").glob("declarations-*"))
        for store in stores:
            grow(store, rows // len(stores))
        stage.send(log.messages[before:])
        fresh = stage.worker(worker.name)
        fresh.until("the rest to be answered", lambda: answered(fresh) >= events - before, PATIENCE)
        first, last = moments(fresh)
        await_counted(stage, fresh)
        return (events - before) / (last - first), memory_mb(fresh)


def growth(bootstrap: str, events: int, sizes: tuple[int, int], rounds: int, tell: Tell) -> dict[str, float]:
    """Both sizes in turn; of each its best rate, and the most memory of any round: `small`, `large`."""
    rates: dict[int, list[float]] = {size: [] for size in sizes}
    peaks: dict[int, list[int]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for rows in sizes:
            rate, peak = grown_rate(bootstrap, events, rows)
            rates[rows].append(rate)
            peaks[rows].append(peak)
            tell(f"register of {rows:,} rows: {rate:,.0f} events/s, {peak} MB")
    small, large = sizes
    return {
        "growth": max(rates[large]) / max(rates[small]),
        "growth_memory": max(peaks[large]) / max(peaks[small]),
    }
