"""Kafka's default partitioner (murmur2 of the key), for a whole column of keys at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SEED = np.uint32(0x9747B28C)
M = np.uint32(0x5BD1E995)
POSITIVE = np.uint32(0x7FFFFFFF)


def murmur2(keys: Sequence[bytes]) -> npt.NDArray[np.uint32]:
    """Kafka's murmur2 hash of each key, as its Java client computes it."""
    lengths = np.fromiter(map(len, keys), np.int64, len(keys))
    hashes = np.zeros(len(keys), np.uint32)
    for length in np.unique(lengths).tolist():
        here = np.nonzero(lengths == length)[0]
        joined = b"".join([keys[i] for i in here.tolist()])
        hashes[here] = _hash(np.frombuffer(joined, np.uint8).reshape(len(here), length), length)
    return hashes


def partitions(keys: Sequence[bytes], count: int) -> npt.NDArray[np.int64]:
    """The partition Kafka's default partitioner gives each key among ``count``."""
    return (murmur2(keys) & POSITIVE).astype(np.int64) % count


def _hash(rows: npt.NDArray[np.uint8], length: int) -> npt.NDArray[np.uint32]:
    whole = length // 4 * 4
    words = np.ascontiguousarray(np.ascontiguousarray(rows[:, :whole]).view("<u4").T)
    with np.errstate(over="ignore"):
        h = np.full(len(rows), SEED ^ np.uint32(length), np.uint32)
        for column in range(whole // 4):
            k = words[column] * M
            k ^= k >> np.uint32(24)
            h = h * M ^ k * M
        rest = length - whole
        if rest:
            for place in reversed(range(rest)):
                h ^= rows[:, whole + place].astype(np.uint32) << np.uint32(8 * place)
            h *= M
        h ^= h >> np.uint32(13)
        h *= M
        h ^= h >> np.uint32(15)
    return h
