"""What was freed goes back to the system."""

import asyncio
import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from processor import heap

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="malloc_trim is glibc's")


def resident() -> int:
    """Bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) * 1024


def test_what_lies_free_between_what_is_used_goes_back() -> None:
    size, blocks = 60_000, 2_000
    used = [bytes([n % 256]) * size for n in range(blocks)]
    before = resident()
    del used[::2], used[::2]  # a quarter is left, and lies everywhere
    assert resident() > before - size * blocks // 4
    with suppress(TimeoutError):
        asyncio.run(asyncio.wait_for(heap.trimmed(), 3 * heap.TRIM_SECONDS))
    assert resident() < before - size * blocks // 2
