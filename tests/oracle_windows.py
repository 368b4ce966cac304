"""When the oracle counts: the windows around a moment, on the wall clock of a time zone."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

WINDOWS = ("MINUTE", "DAY", "MONTH", "YEAR", "ALL_TIME")
FIRST_MOMENT = 946_684_800_000
"""2000-01-01T00:00:00Z in ms."""

LAST_MOMENT = 4_102_444_800_000
"""2100-01-01T00:00:00Z in ms."""


def local(moment: int, zone: str) -> datetime:
    """A moment (ms) on the wall clock of a time zone, to the second."""
    return datetime.fromtimestamp(moment // 1000, UTC).astimezone(ZoneInfo(zone))


@lru_cache(maxsize=100_000)
def window_starts(moment: int, zone: str) -> dict[str, int | None]:
    """The first instant (ms) of each of the five windows around a moment (ms)."""
    minute = local(moment, zone).replace(second=0, microsecond=0)
    day = minute.replace(hour=0, minute=0)
    month = day.replace(day=1)
    starts = (minute, day, month, month.replace(month=1))
    return {**{w: int(s.timestamp()) * 1000 for w, s in zip(WINDOWS, starts, strict=False)}, "ALL_TIME": None}
