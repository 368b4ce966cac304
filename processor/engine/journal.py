"""The journal: what a batch adds to counters, kept as it happened until it is posted to them.

A batch writes its entries once, as columns; posting adds up the entries of many batches at a time. So the answer to an
event does not wait for counting, and counters cost the less an event the more come.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import polars as pl

Entries = Mapping[str, pl.DataFrame]
"""By what an entry is of (``counters.STAGE``, ``DOCUMENT``): ``sign`` (1, -1), ``at`` and ``appended`` (ms),
``time_zone`` and the columns the counters name.
"""

_LENGTH = 4


def pack(entries: Entries) -> bytes:
    """Entries as bytes: name, then an Arrow IPC file, each after its length; empty where there is none."""
    parts = []
    for name, frame in entries.items():
        if len(frame):
            file = io.BytesIO()
            frame.write_ipc(file, compression="lz4")
            parts += [name.encode(), file.getvalue()]
    return b"".join(len(part).to_bytes(_LENGTH, "big") + part for part in parts)


def unpack(journal: Sequence[bytes]) -> dict[str, pl.DataFrame]:
    """The entries of many batches, put together."""
    frames: dict[str, list[pl.DataFrame]] = {}
    for packed in journal:
        parts = list(_parts(packed))
        for name, file in zip(parts[::2], parts[1::2], strict=True):
            frames.setdefault(name.decode(), []).append(pl.read_ipc(io.BytesIO(file)))
    return {name: pl.concat(found) for name, found in frames.items()}


def _parts(packed: bytes) -> list[bytes]:
    parts, at = [], 0
    while at < len(packed):
        end = at + _LENGTH + int.from_bytes(packed[at : at + _LENGTH], "big")
        parts.append(packed[at + _LENGTH : end])
        at = end
    return parts
