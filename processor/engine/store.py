"""The state of one source partition: one RocksDB, written once per batch together with the position.

Keys: ``r`` + key: a register row; ``c`` + counter key: its values; ``t``, ``f``: totals (see ``totals``); ``d`` +
position: the counter keys a batch changed that have not been published yet; ``p``: position, watermark and marks.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rocksdict import BlockBasedOptions, Cache, DBRecoveryMode, Options, Rdict, WriteBatch, WriteBufferManager

from processor.engine.model import Outcome


class StoreError(OSError):
    """The disk's fault: full, gone or damaged. Never the data's."""


POSITION = b"p"
CHANGED = b"d"


@dataclass(frozen=True)
class Mark:
    """Where a store stands, and what it belongs to. ``position``: next offset to fold; ``watermark``: append time (ms)
    of the newest record folded; ``last``: (offset, append time, CRC-32 of key and value) of that record, or None;
    ``definition`` and ``tables``: digests of what the past was folded with.
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

    def dump(self) -> bytes:
        return json.dumps(self.__dict__).encode()

    @classmethod
    def load(cls, raw: bytes) -> Mark:
        fields = json.loads(raw)
        return cls(**{**fields, "last": tuple(fields["last"]) if fields["last"] else None})


class Memory:
    """One block cache and one write-buffer budget, shared by all stores of a worker."""

    def __init__(self, cache_mb: int = 64, buffers_mb: int = 96) -> None:
        self.cache = Cache(cache_mb << 20)
        self.buffers = WriteBufferManager(buffers_mb << 20, False)

    def options(self) -> Options:
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(16 << 20)
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
        with _disk():
            self.db = Rdict(str(path), memory.options())
        self.changed: dict[bytes, None] = {}
        self.markers: list[bytes] = []
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def _load(self) -> None:
        with _disk():
            raw = self.db.get(POSITION)
            self.mark = Mark.load(raw) if raw else Mark()
            for key, value in self.scan(CHANGED):
                self.markers.append(key)
                self.changed.update(dict.fromkeys(_unpack(value)))

    @property
    def position(self) -> int:
        return self.mark.position

    @property
    def watermark(self) -> int:
        return self.mark.watermark

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
        with _disk():
            self.db.put(POSITION, mark.dump())
        self.mark = mark

    def write(self, outcome: Outcome, last: tuple[int, int, int] | None, tables: str, published: bool) -> None:
        """One WriteBatch: everything ``outcome`` changes, and the position. ``published``: the counters changed
        before this batch went out with it. Afterwards the store in memory equals the store on disk.
        """
        batch = WriteBatch(raw_mode=True)
        put, delete = batch.put, batch.delete
        for key, value in outcome.puts:
            put(key, value)
        for key in outcome.deletes:
            delete(key)
        if outcome.expired:
            batch.delete_range(*outcome.expired)
        markers = [] if published else list(self.markers)
        if published:
            for key in self.markers:
                delete(key)
        if outcome.changed:
            key = CHANGED + outcome.position.to_bytes(8, "big")
            put(key, _pack(outcome.changed))
            markers.append(key)
        mark = replace(
            self.mark,
            position=outcome.position,
            watermark=outcome.watermark,
            last=last or self.mark.last,
            tables=tables,
        )
        put(POSITION, mark.dump())
        with _disk():
            self.db.write(batch)
        self.mark, self.markers = mark, markers
        if published:
            self.changed = {}
        self.changed.update(dict.fromkeys(outcome.changed))

    def close(self) -> None:
        """What cannot be flushed now, on a full disk, is in the write-ahead log: nothing is lost."""
        with contextlib.suppress(StoreError), _disk():
            self.db.close()


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """RocksDB raises plain Exceptions: name them."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 that is what RocksDB raises
        raise StoreError(str(error)) from None


def _pack(keys: Sequence[bytes]) -> bytes:
    return b"\n".join(keys)


def _unpack(packed: bytes) -> list[bytes]:
    return packed.split(b"\n")
