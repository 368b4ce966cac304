"""Snapshots of a real store, on a directory and on an object store: what is whole and belongs here is taken up, all
else is refused with its reason, and the store goes on as it was.
"""

import asyncio
import hashlib
import json
import re
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from processor.engine import identity
from processor.engine.identity import Log
from processor.engine.model import Outcome, Source
from processor.engine.shelf import Bucket, Directory, ShelfError, shelf
from processor.engine.snapshots import Snapshots
from processor.engine.store import Mark, Memory, Store

SOURCE, FLOW = Source("declarations", 3, 8), "flow"
LOG = Log("cluster", "topic-id", 8, 0, 10_000)
MEMORY = Memory(8, 8)


class Kept:
    """A shelf in ``root``, a store in ``home``, and all that was told."""

    def __init__(self, home: Path, kind: str) -> None:
        self.home, self.root = home, home / "shelf"
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.root.mkdir()
        where = str(self.root) if kind == "directory" else f"file://{self.root}"
        self.executor = ThreadPoolExecutor(1)
        self.snapshots = Snapshots(shelf(where), "group", self.executor, self.tell)

    def tell(self, what: str, _: Source, **facts: Any) -> None:
        self.told.append((what, facts))

    def store(self, name: str = "own", *, cluster: str = "cluster") -> Store:
        """A store of this log, new or as it was left."""
        store = Store(self.home / name, MEMORY)
        if not store.mark.cluster:
            store.adopt(Mark(cluster, "topic-id", 8, 1, "definition", ""))
        return store

    def take(self, *positions: int, cluster: str = "cluster", name: str = "own") -> None:
        """A store that went through these positions, with a snapshot at each."""
        store = self.store(name, cluster=cluster)
        for position in positions:
            fold(store, position)
            self.snapshots.take(SOURCE, FLOW, store)
        store.close()

    def newest(self, store: Store, log: Log = LOG) -> Store:
        async def judge(mark: Mark) -> None:
            identity.check(mark, log, 8, False, "definition", "")

        return asyncio.run(self.snapshots.newest(SOURCE, FLOW, store, MEMORY, judge))

    def folders(self) -> list[Path]:
        """Those on the shelf, in the order of their positions."""
        return sorted({file.parent for file in (self.root / "group" / "flow-3").rglob("*") if file.is_file()})

    def positions(self) -> list[int]:
        return [int(folder.name.split("-")[0]) for folder in self.folders()]


def fold(store: Store, position: int) -> None:
    """Rows up to ``position``, and entries yet to be posted."""
    outcome = Outcome(position, position * 10)
    outcome.puts = [(b"r%08d" % offset, b"row %d" % offset) for offset in range(store.position, position)]
    outcome.entries = b"entries"
    store.write(outcome, (position - 1, position * 10, 7), "")


def rows(store: Store) -> list[bytes]:
    return [value for _, value in store.scan(b"r")]


@pytest.fixture(params=["directory", "object store"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    made = Kept(tmp_path, request.param)
    yield made
    made.executor.shutdown()


def test_a_lost_store_is_its_newest_snapshot(kept: Kept) -> None:
    # fold to 100, snapshot -> fold to 200, snapshot -> fold to 300 -> the disk is lost
    kept.take(100, 200)
    store = kept.store()
    fold(store, 300)
    store.close()
    shutil.rmtree(kept.home / "own")
    restored = kept.newest(Store(kept.home / "own", MEMORY))
    assert replace(restored.mark, manifest=None) == Mark(
        "cluster", "topic-id", 8, 1, "definition", "", 200, 2_000, (199, 2_000, 7)
    )
    assert rows(restored) == [b"row %d" % offset for offset in range(200)]
    assert [batch.position for batch in restored.journal] == [100, 200]
    fold(restored, 300)  # it goes on as any store
    restored.close()
    again = kept.store()
    assert len(rows(again)) == again.position == 300
    again.close()
    assert kept.told == [("restored", {"position": 200})]
    assert {path.name for path in kept.home.iterdir()} == {"own", "shelf"}, "nothing is left beside the store"


def test_the_own_store_stays_when_it_is_newer_or_the_same(kept: Kept) -> None:
    kept.take(100, 200)
    for position in (200, 300):
        store = kept.store()
        fold(store, position)
        assert kept.newest(store) is store
        store.close()
    assert kept.told == []


def test_an_old_own_store_gives_way(kept: Kept) -> None:
    kept.take(300)
    store = kept.store("stale")
    fold(store, 50)
    restored = kept.newest(store)
    assert (restored.path.name, restored.position, len(rows(restored))) == ("stale", 300, 300)
    restored.close()


def test_only_the_newest_two_are_kept(kept: Kept) -> None:
    kept.take(100, 200, 300, 400)
    assert kept.positions() == [300, 400]


def test_a_late_snapshot_of_a_fenced_worker_does_not_take_the_place_of_a_newer_one(kept: Kept) -> None:
    kept.take(400, 500, name="successor")
    kept.take(100, name="fenced")
    assert kept.positions() == [400, 500]
    restored = kept.newest(Store(kept.home / "new", MEMORY))
    assert restored.position == 500
    restored.close()


def test_snapshots_of_another_log_are_not_removed(kept: Kept) -> None:
    kept.take(1_000, 2_000, cluster="other", name="other")
    kept.take(100, 200, 300)
    assert kept.positions() == [200, 300, 1_000, 2_000]


def data(folder: Path) -> Path:
    """The file of a snapshot with the rows."""
    return max(folder.glob("*.sst"), key=lambda path: path.stat().st_size)


def flip(folder: Path) -> None:
    file = data(folder)
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)


def shorten(folder: Path) -> None:
    file = data(folder)
    file.write_bytes(file.read_bytes()[:-1])


def forge(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "manifest.json"
        fields = json.loads(file.read_text())
        file.write_text(json.dumps({**fields, **changes, "mark": {**fields["mark"], **changes.get("mark", {})}}))

    return change


def swap(folder: Path) -> None:
    """Bytes no store can be opened from, with a manifest that says they are right."""
    file = folder / "CURRENT"
    file.write_bytes(b"MANIFEST-999999\n")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["CURRENT"] = [file.stat().st_size, digest]
    (folder / "manifest.json").write_text(json.dumps(manifest))


SPOILT = [
    (swap, "it does not open: "),
    (flip, r"\.sst is damaged: its SHA-256"),
    (shorten, r"\.sst has \d+ bytes, its manifest says"),
    (lambda folder: data(folder).unlink(), r"\.sst is missing"),
    (lambda folder: (folder / "CURRENT").unlink(), "CURRENT is missing"),
    (lambda folder: (folder / "manifest.json").write_text('{"flow": '), "its manifest cannot be read"),
    (lambda folder: (folder / "manifest.json").write_text("[]"), "its manifest cannot be read"),
    (lambda folder: (folder / "manifest.json").write_bytes(b"\xff\0"), "its manifest cannot be read"),
    (forge(files={}), "it does not open|does not stand where its manifest says"),
    (forge(files={"../../own/CURRENT": [1, ""]}), "names a file outside of it"),
    (forge(partition=4), "it is of flow-4, generation 1"),
    (forge(flow="totals"), "it is of totals-3, generation 1"),
    (forge(generation=2), "it is of flow-3, generation 2"),
    (forge(mark={"position": 201}), "its manifest says position 201"),
    (forge(mark={"cluster": "old"}), "the store belongs to cluster old"),
    (forge(mark={"topic": "old"}), "the store belongs to topic old"),
    (forge(mark={"definition": "old"}), "the counters or the lifecycle differ"),
    (forge(mark={"tables": "old"}), "reference rows known then differ"),
    (forge(mark={"watermark": 1}), "does not stand where its manifest says"),
]


@pytest.mark.parametrize(("spoil", "why"), SPOILT)
def test_a_spoilt_or_foreign_snapshot_is_refused_and_the_one_before_it_is_taken(
    tmp_path: Path, spoil: Callable[[Path], None], why: str
) -> None:
    kept = Kept(tmp_path, "directory")
    kept.take(100, 200)
    spoil(kept.folders()[1])
    restored = kept.newest(Store(kept.home / "new", MEMORY))
    (refused, facts), (taken, _) = kept.told
    assert (refused, taken, facts["position"], restored.position) == ("refused", "restored", 200, 100)
    assert re.search(why, facts["reason"]), facts
    assert rows(restored) == [b"row %d" % offset for offset in range(100)]
    restored.close()
    assert {path.name for path in kept.home.iterdir()} == {"own", "new", "shelf"}, "nothing is left beside the stores"


def test_when_all_are_refused_the_own_store_goes_on_untouched(kept: Kept) -> None:
    kept.take(100, 200)
    for folder in kept.folders():
        flip(folder)
    store = kept.store("stale")
    fold(store, 50)
    assert kept.newest(store) is store
    assert [what for what, _ in kept.told] == ["refused", "refused"]
    fold(store, 60)
    assert len(rows(store)) == store.position == 60
    store.close()
    assert {path.name for path in kept.home.iterdir()} == {"own", "shelf", "stale"}


def test_one_beyond_the_end_of_the_log_is_refused(kept: Kept) -> None:
    kept.take(200)
    store = kept.store("new")
    assert kept.newest(store, Log("cluster", "topic-id", 8, 0, 199)) is store
    assert "the log ends at 199: records were lost" in kept.told[0][1]["reason"]
    store.close()


def test_what_has_no_manifest_is_no_snapshot_and_goes_after_a_day(kept: Kept) -> None:
    kept.take(100, 200)
    newest = kept.folders()[1]
    (newest / "manifest.json").unlink()
    old = newest.with_name(f"{150:020d}-{int(time.time()) - 90_000}-0123abcd")
    shutil.copytree(newest, old)
    store = kept.newest(Store(kept.home / "new", MEMORY))
    assert (store.position, kept.told) == (100, [("restored", {"position": 100})])
    store.close()
    kept.take(300)
    assert kept.positions() == [100, 200, 300], "somebody may still be writing what was begun today"


class Away:
    """A shelf that cannot be reached, or is full."""

    def _fails(self, *_: Any) -> Any:
        raise ShelfError("no space left on device")

    names = put = get = remove = _fails


def test_a_shelf_that_is_away_stops_nobody_and_is_tried_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path, "directory")
    store = kept.store()
    fold(store, 100)
    whole, kept.snapshots.shelf = kept.snapshots.shelf, Away()
    assert kept.newest(store) is store

    async def keep() -> None:
        told = asyncio.Event()
        kept.snapshots.tell = lambda what, source, **facts: (kept.tell(what, source, **facts), told.set())

        async def until(what: str) -> None:
            while kept.told[-1][0] != what:
                told.clear()
                await told.wait()

        kept.told.append(("", {}))
        task = asyncio.create_task(kept.snapshots.keep(lambda: [(SOURCE, FLOW, store)], 0.01))
        await until("failed")
        kept.snapshots.shelf = whole
        await until("taken")
        await asyncio.sleep(0.1)
        task.cancel()

    asyncio.run(keep())
    assert kept.told[0] == ("failed", {"reason": "no space left on device"})
    assert kept.told[2] == ("failed", {"reason": "ShelfError: no space left on device"})
    assert [what for what, _ in kept.told].count("taken") == 1, "the same position is not taken twice"
    assert kept.positions() == [100]
    store.close()
    kept.executor.shutdown()


def test_a_snapshot_taken_while_the_store_is_written_stands_where_its_manifest_says(tmp_path: Path) -> None:
    kept = Kept(tmp_path, "directory")
    store, done = kept.store(), threading.Event()

    def write() -> None:
        while not done.is_set():
            fold(store, store.position + 20)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        for _ in range(5):
            kept.snapshots.take(SOURCE, FLOW, store)
        done.set()
        writing.result()
    store.close()
    restored = kept.newest(Store(kept.home / "new", MEMORY), Log("cluster", "topic-id", 8, 0, 1 << 40))
    assert kept.told == [("restored", {"position": restored.position})]
    assert len(rows(restored)) == restored.position == kept.positions()[-1] > 0
    restored.close()
    kept.executor.shutdown()


def test_a_store_that_was_closed_meanwhile_is_told_as_an_error_of_the_disk(tmp_path: Path) -> None:
    kept = Kept(tmp_path, "directory")
    store = kept.store()
    store.close()
    with pytest.raises(OSError, match="closed"):
        kept.snapshots.take(SOURCE, FLOW, store)


def test_a_place_is_a_directory_unless_it_is_a_url(tmp_path: Path) -> None:
    assert isinstance(shelf(str(tmp_path)), Directory)
    assert isinstance(shelf("memory:///"), Bucket)
    assert isinstance(shelf("s3://bucket/path"), Bucket)
    with pytest.raises(ValueError, match="bogus://bucket: "):
        shelf("bogus://bucket")
