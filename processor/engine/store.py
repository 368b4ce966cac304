"""The state of one source partition: one RocksDB, written once per batch together with the position.

Keys: ``r`` + key: a register row; ``c`` + counter key: its values; ``e``, ``v``: what counters of different values have
met (see ``presence``); ``j`` + position: the entries of the batch that ended there, until they are posted to counters;
``t``, ``u``, ``g``, ``f``, ``x``: totals (see ``totals``, ``totals_rows``, ``progress``); ``p``: position and marks.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import count
from pathlib import Path
from typing import NamedTuple

from rocksdict import (
    BlockBasedOptions,
    Cache,
    Checkpoint,
    DBRecoveryMode,
    Options,
    Rdict,
    WriteBatch,
    WriteBufferManager,
)

from processor.engine.model import Outcome


class StoreError(OSError):
    """The disk's fault: full, gone or damaged. Never the data's."""


class Damaged(StoreError):
    """The store is not what was written. It is moved aside when it is closed; the next opening begins anew."""


DAMAGE = ("Corruption", "No such file")
"""What RocksDB says of a store that is not what it wrote, or no longer there."""

POSITION = b"p"
JOURNAL = b"j"


@dataclass(frozen=True)
class Mark:
    """Where a store stands, and what it belongs to. ``position``: next offset to fold; ``watermark``: append time (ms)
    of the newest record folded; ``posted`` and ``posted_watermark``: the same of what was posted to counters; ``last``:
    (offset, append time, CRC-32 of key and value) of the newest record, or None; ``definition`` and ``tables``:
    digests of what the past was folded with; ``succeeded``: whether it has taken the place of an older generation
    here; ``manifest``: the name and size of RocksDB's list of files then.
    """

    cluster: str = ""
    topic: str = ""
    partitions: int = 0
    generation: int = 1
    definition: str = ""
    tables: str = ""
    position: int = 0
    watermark: int = 0
    last: tuple[int, int, int] | None = None
    posted: int = 0
    posted_watermark: int = 0
    succeeded: bool = False
    manifest: tuple[str, int] | None = None

    def dump(self) -> bytes:
        return json.dumps(self.__dict__).encode()

    @classmethod
    def load(cls, raw: bytes) -> Mark:
        told = json.loads(raw)
        known = {field.name: told[field.name] for field in fields(cls) if field.name in told}
        pairs = {name: tuple(known[name]) for name in ("last", "manifest") if known.get(name)}
        return cls(**{**known, **pairs})


class Journalled(NamedTuple):
    """A batch whose entries have yet to be posted: where it ended, the watermark then, and the entries' bytes."""

    position: int
    watermark: int
    size: int

    @property
    def key(self) -> bytes:
        return JOURNAL + self.position.to_bytes(8, "big")


class Memory:
    """One block cache and one write-buffer budget, shared by all stores of a worker."""

    def __init__(self, cache_mb: int = 48, buffers_mb: int = 48) -> None:
        self.cache = Cache(cache_mb << 20)
        self.buffers = WriteBufferManager(buffers_mb << 20, False)

    def options(self) -> Options:
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(16 << 20)
        options.set_arena_block_size(256 << 10)
        options.set_write_buffer_manager(self.buffers)
        options.set_max_background_jobs(2)
        options.set_keep_log_file_num(2)
        options.set_wal_recovery_mode(DBRecoveryMode.point_in_time())
        table = BlockBasedOptions()
        table.set_block_cache(self.cache)
        table.set_bloom_filter(10, False)
        table.set_cache_index_and_filter_blocks(True)
        options.set_block_based_table_factory(table)
        return options


class Store:
    """The store of one partition in ``path``. Reads may come from any thread; writes are one at a time.

    Raises StoreError, and Damaged for what cannot be read as it was written: then ``path`` is moved aside, to
    ``path.broken-N``, no later than when the store is closed.
    """

    def __init__(self, path: Path, memory: Memory) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.damaged = path, False
        self.writing = threading.Lock()
        self.db: Rdict | None = None
        self.journal: list[Journalled] = []
        found = _manifest(path)
        try:
            with self._disk():
                self.db = Rdict(str(path), memory.options())
            self._load(found)
        except BaseException:
            self.close()
            raise

    def _load(self, found: tuple[str, int] | None) -> None:
        """``found``: RocksDB's list of files as it was before opening, which writes a new one."""
        with self._disk():
            raw = self._open.get(POSITION)
        self.mark = Mark.load(raw) if raw else Mark()
        noted = self.mark.manifest
        if noted and found and noted[0] == found[0] and noted[1] > found[1]:
            # RocksDB takes a list cut short for an older one, and newer writes on top of it: rows would be missing
            self.damaged = True
            raise Damaged(self._said(f"{found[0]} has {found[1]} bytes, it had {noted[1]}"))
        for key, value in self.scan(JOURNAL):
            position, watermark = (int.from_bytes(raw, "big") for raw in (key[1:], value[:8]))
            self.journal.append(Journalled(position, watermark, len(value)))
        if raw:
            self.adopt(self.mark)

    @property
    def _open(self) -> Rdict:
        assert self.db is not None, "the store is closed"
        return self.db

    @property
    def position(self) -> int:
        return self.mark.position

    @property
    def watermark(self) -> int:
        return self.mark.watermark

    @property
    def posted_watermark(self) -> int:
        return self.mark.posted_watermark

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Stored values in the order of ``keys``."""
        if not keys:
            return []
        with self._disk():
            values: list[bytes | None] = self._open.get(list(keys))
        return values

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All entries whose key starts with ``prefix``, in key order."""
        with self._disk():
            entries = self._open.iter()
            entries.seek(prefix)
            while entries.valid() and entries.key().startswith(prefix):
                yield entries.key(), entries.value()
                entries.next()
            try:
                entries.status()  # what cannot be read ends it, too
            finally:
                del entries  # it would keep a damaged store open

    def adopt(self, mark: Mark) -> None:
        """Write where the store stands, and what it belongs to."""
        mark = self._noted(mark)
        with self.writing, self._disk():
            self._open.put(POSITION, mark.dump())
            self.mark = mark

    def _noted(self, mark: Mark) -> Mark:
        return replace(mark, manifest=_manifest(self.path))

    def entries(self, batches: Sequence[Journalled]) -> list[bytes]:
        """The journalled entries of ``batches``."""
        found = self.read([batch.key for batch in batches])
        return [raw[8:] for raw in found if raw is not None]

    def write(self, outcome: Outcome, last: tuple[int, int, int] | None, tables: str) -> None:
        """One WriteBatch: all that a step's ``outcome`` changes, and the position. Afterwards the store in memory
        equals the store on disk.
        """
        mark = replace(
            self._noted(self.mark),
            position=outcome.position,
            watermark=outcome.watermark,
            last=last or self.mark.last,
            tables=tables,
        )
        batch, journal = self._batch(outcome, mark), self.journal
        if outcome.entries:
            value = outcome.watermark.to_bytes(8, "big") + outcome.entries
            fresh = Journalled(outcome.position, outcome.watermark, len(value))
            batch.put(fresh.key, value)
            journal = [*journal, fresh]
        with self.writing, self._disk():
            self._open.write(batch)
            self.mark, self.journal = mark, journal

    def write_posting(self, posting: Outcome) -> None:
        """One WriteBatch: all that a posting changes; the entries it posted go."""
        mark = replace(self._noted(self.mark), posted=posting.position, posted_watermark=posting.watermark)
        batch = self._batch(posting, mark)
        done = [each for each in self.journal if each.position <= posting.position]
        for each in done:
            batch.delete(each.key)
        with self.writing, self._disk():
            self._open.write(batch)
            self.mark, self.journal = mark, self.journal[len(done) :]

    def checkpoint(self, path: Path) -> Mark:
        """Make a copy of the store in ``path``, which is not there yet, and say where it stands; its files are shared
        with the store's where the disk can. From any thread: writes wait for a moment.
        """
        with self.writing, self._disk():
            Checkpoint(self._open).create_checkpoint(str(path))
            return self.mark

    def write_succeeded(self) -> None:
        """Note that the place of an older generation was taken."""
        self.adopt(replace(self.mark, succeeded=True))

    @staticmethod
    def _batch(changes: Outcome, mark: Mark) -> WriteBatch:
        batch = WriteBatch(raw_mode=True)
        if changes.expired:
            batch.delete_range(*changes.expired)
        put, delete = batch.put, batch.delete
        for key, value in changes.puts:
            put(key, value)
        for key in changes.deletes:
            delete(key)
        put(POSITION, mark.dump())
        return batch

    def close(self) -> None:
        """What cannot be flushed now, on a full disk, is in the write-ahead log: nothing is lost."""
        with contextlib.suppress(StoreError), self.writing, self._disk():
            if self.db is not None:
                self.db.close()
        if self.damaged and self.path.exists():
            self.path.rename(_aside(self.path))
            self.damaged = False

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        """RocksDB raises plain Exceptions: name them."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 that is what RocksDB raises
            text = str(error)
            if not any(sign in text for sign in DAMAGE):
                raise StoreError(text) from None
            self.damaged = True
            raise Damaged(self._said(text)) from None

    def _said(self, text: str) -> str:
        return f"the store is damaged; moved aside as {_aside(self.path).name} and folded anew: {text}"


def _manifest(path: Path) -> tuple[str, int] | None:
    """RocksDB's list of files, its name and size: while a store is open, it only grows. None when there is none."""
    try:
        name = (path / "CURRENT").read_text(encoding="ascii").strip()
        return name, (path / name).stat().st_size
    except (OSError, ValueError):
        return None


def _aside(path: Path) -> Path:
    """Where a damaged store goes."""
    return next(each for n in count(1) if not (each := path.with_name(f"{path.name}.broken-{n}")).exists())
