"""The state of one source partition: one RocksDB, written once per batch together with the position.

Keys: ``r`` + key: a register row; ``c`` + counter key: its values; ``t``, ``g``: totals (see ``totals``); ``j`` +
position: the entries of the batch that ended there, until they are posted to counters; ``p``: position and marks.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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


POSITION = b"p"
JOURNAL = b"j"


@dataclass(frozen=True)
class Mark:
    """Where a store stands, and what it belongs to. ``position``: next offset to fold; ``watermark``: append time (ms)
    of the newest record folded; ``posted`` and ``posted_watermark``: the same of what was posted to counters; ``last``:
    (offset, append time, CRC-32 of key and value) of the newest record, or None; ``definition`` and ``tables``:
    digests of what the past was folded with; ``restated``: whether all its figures were published in the place of an
    older generation's.
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
    restated: bool = False

    def dump(self) -> bytes:
        return json.dumps(self.__dict__).encode()

    @classmethod
    def load(cls, raw: bytes) -> Mark:
        fields = json.loads(raw)
        return cls(**{**fields, "last": tuple(fields["last"]) if fields["last"] else None})


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
    """The store of one partition in ``path``. Reads may come from any thread; writes are one at a time."""

    def __init__(self, path: Path, memory: Memory) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.writing = threading.Lock()
        with _disk():
            self.db = Rdict(str(path), memory.options())
        self.journal: list[Journalled] = []
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def _load(self) -> None:
        with _disk():
            raw = self.db.get(POSITION)
            self.mark = Mark.load(raw) if raw else Mark()
            for key, value in self.scan(JOURNAL):
                position, watermark = (int.from_bytes(raw, "big") for raw in (key[1:], value[:8]))
                self.journal.append(Journalled(position, watermark, len(value)))

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
        with _disk():
            values: list[bytes | None] = self.db.get(list(keys))
        return values

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All entries whose key starts with ``prefix``, in key order."""
        entries = self.db.iter()
        entries.seek(prefix)
        while entries.valid() and entries.key().startswith(prefix):
            yield entries.key(), entries.value()
            entries.next()

    def adopt(self, mark: Mark) -> None:
        """Write what the store belongs to: once, when it is new."""
        with self.writing, _disk():
            self.db.put(POSITION, mark.dump())
            self.mark = mark

    def entries(self, batches: Sequence[Journalled]) -> list[bytes]:
        """The journalled entries of ``batches``."""
        found = self.read([batch.key for batch in batches])
        return [raw[8:] for raw in found if raw is not None]

    def write(self, outcome: Outcome, last: tuple[int, int, int] | None, tables: str) -> None:
        """One WriteBatch: all that a step's ``outcome`` changes, and the position. Afterwards the store in memory
        equals the store on disk.
        """
        mark = replace(
            self.mark,
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
        with self.writing, _disk():
            self.db.write(batch)
            self.mark, self.journal = mark, journal

    def write_posting(self, posting: Outcome) -> None:
        """One WriteBatch: all that a posting changes; the entries it posted go."""
        mark = replace(self.mark, posted=posting.position, posted_watermark=posting.watermark)
        batch = self._batch(posting, mark)
        done = [each for each in self.journal if each.position <= posting.position]
        for each in done:
            batch.delete(each.key)
        with self.writing, _disk():
            self.db.write(batch)
            self.mark, self.journal = mark, self.journal[len(done) :]

    def checkpoint(self, path: Path) -> Mark:
        """Make a copy of the store in ``path``, which is not there yet, and say where it stands; its files are shared
        with the store's where the disk can. From any thread: writes wait for a moment.
        """
        with self.writing, _disk():
            Checkpoint(self.db).create_checkpoint(str(path))
            return self.mark

    @property
    def is_restated(self) -> bool:
        return self.mark.restated

    def write_restated(self) -> None:
        """Note that all figures were published in the place of an older generation's."""
        mark = replace(self.mark, restated=True)
        with _disk():
            self.db.put(POSITION, mark.dump())
        self.mark = mark

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
        with contextlib.suppress(StoreError), self.writing, _disk():
            self.db.close()


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """RocksDB raises plain Exceptions: name them."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 that is what RocksDB raises
        raise StoreError(str(error)) from None
