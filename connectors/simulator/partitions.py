"""Kafka's default partitioner: murmur2 of the key."""

from __future__ import annotations

from struct import unpack_from

MASK = 0xFFFFFFFF
MIX = 0x5BD1E995
SEED = 0x9747B28C


def murmur2(data: bytes) -> int:
    """Murmur2 of Kafka's clients, 32 bits, unsigned."""
    length = len(data)
    state = SEED ^ length
    words = length >> 2
    for word in unpack_from(f"<{words}I", data):
        mixed = word * MIX & MASK
        mixed = (mixed ^ mixed >> 24) * MIX & MASK
        state = state * MIX & MASK ^ mixed
    rest = data[words << 2 :]
    if rest:
        state = (state ^ int.from_bytes(rest, "little")) * MIX & MASK
    state = (state ^ state >> 13) * MIX & MASK
    return state ^ state >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
