"""What a worker frees goes back to the system soon: three allocators, with a heap a thread, would each keep a peak.

To be imported before numpy, polars and pyarrow are.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from typing import Any

ENVIRONMENT = {
    "POLARS_MAX_THREADS": "1",  # partitions are the parallelism
    "_RJEM_MALLOC_CONF": "narenas:2,dirty_decay_ms:200,muzzy_decay_ms:0",  # of polars
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # malloc, which is trimmed
}
for name, value in ENVIRONMENT.items():
    os.environ.setdefault(name, value)

ARENAS = 2
"""Heaps of malloc: one for every thread would keep what each freed."""

TRIM_SECONDS = 0.5
M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def few() -> None:
    """As few heaps as threads that fold at a time. Before threads start."""
    if sys.platform == "linux":
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)


async def trimmed() -> None:
    """Give back what malloc keeps free, over and over; where there is no such call, nothing."""
    trim: Any = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    while trim is not None:
        await asyncio.sleep(TRIM_SECONDS)
        await asyncio.to_thread(trim, 0)
