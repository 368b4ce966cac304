"""Stores that are not what was written: each is told of and moved aside, none is read as if it were whole."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from processor.engine.model import Outcome
from processor.engine.store import Damaged, Mark, Memory, Store

BATCHES, ROWS = 20, 500
FLUSHED = 10
"""After so many batches RocksDB writes a file of rows; what follows is in its write-ahead log."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store as a killed worker leaves it: one file of rows, and a log."""
    written, left = tmp_path / "written", tmp_path / "left"
    store, rng = Store(written, Memory()), random.Random(7)
    store.adopt(Mark(cluster="c"))
    for batch in range(1, BATCHES + 1):
        rows = [(b"r%06d" % (row * BATCHES + batch), rng.randbytes(100)) for row in range(ROWS)]
        store.write(Outcome(batch, batch, puts=rows, entries=rng.randbytes(200)), None, "")
        if batch == FLUSHED:
            assert store.db is not None
            store.db.flush()
    shutil.copytree(written, left)
    store.close()
    return left


def one(path: Path, pattern: str) -> Path:
    (found,) = path.glob(pattern)
    return found


def cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    for place in range(len(raw) // 2, len(raw) // 2 + 64):
        raw[place] ^= 0xFF
    path.write_bytes(raw)


def everything(path: Path) -> int:
    """How many rows a store gives, read singly and scanned."""
    store = Store(path, Memory())
    try:
        assert store.position == len(store.journal)
        keys = [b"r%06d" % (row * BATCHES + batch) for batch in range(1, store.position + 1) for row in range(ROWS)]
        assert None not in store.read(keys), "rows are missing behind the position"
        assert sum(1 for _ in store.scan(b"r")) == len(keys)
        return len(keys)
    finally:
        store.close()


def test_a_store_that_was_not_closed_is_whole(path: Path) -> None:
    assert everything(path) == BATCHES * ROWS


def test_a_store_that_was_closed_is_whole(path: Path) -> None:
    Store(path, Memory()).close()
    assert everything(path) == BATCHES * ROWS


SPOILT: dict[str, Callable[[Path], None]] = {
    "bytes flipped in a file of rows": lambda path: flip(one(path, "*.sst")),
    "a file of rows cut short": lambda path: cut(one(path, "*.sst"), 0.9),
    "a file of rows gone": lambda path: one(path, "*.sst").unlink(),
    "the list of files empty": lambda path: cut(one(path, "MANIFEST-*"), 0),
    "the list of files cut short": lambda path: cut(one(path, "MANIFEST-*"), 0.6),
    "the list of files gone": lambda path: one(path, "MANIFEST-*").unlink(),
    "CURRENT empty": lambda path: cut(path / "CURRENT", 0),
    "CURRENT gone": lambda path: (path / "CURRENT").unlink(),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_damaged_store_says_so_is_moved_aside_and_begun_anew(path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(path)
    with pytest.raises(Damaged, match=r"moved aside as left\.broken-1"):
        everything(path)
    assert path.with_name("left.broken-1").is_dir()
    assert everything(path) == 0


def test_a_scan_that_meets_damage_does_not_end_as_if_that_were_all(path: Path) -> None:
    flip(one(path, "*.sst"))
    store = Store(path, Memory())
    with pytest.raises(Damaged):
        list(store.scan(b"r"))
    store.close()


def test_what_was_moved_aside_before_stays(path: Path) -> None:
    for turn in (1, 2):
        Store(path, Memory()).close()
        cut(path / "CURRENT", 0)
        with pytest.raises(Damaged, match=rf"left\.broken-{turn}"):
            Store(path, Memory())
    assert len(list(path.parent.glob("left.broken-*"))) == 2


def test_a_damaged_log_gives_an_earlier_state_that_is_whole(path: Path) -> None:
    flip(one(path, "*.log"))
    assert FLUSHED * ROWS <= everything(path) < BATCHES * ROWS


@pytest.mark.parametrize("share", [place / 12 for place in range(12)])
def test_of_a_write_that_was_cut_short_nothing_is_there(path: Path, share: float) -> None:
    cut(one(path, "*.log"), share + 0.01)
    assert FLUSHED + int(share * (BATCHES - FLUSHED)) <= everything(path) // ROWS < BATCHES


def test_a_store_whose_directory_is_held_by_another_is_no_damage(path: Path) -> None:
    store = Store(path, Memory())
    with pytest.raises(OSError, match=r"(?i)lock") as refused:
        Store(path, Memory())
    assert not isinstance(refused.value, Damaged)
    store.close()
    assert everything(path) == BATCHES * ROWS
