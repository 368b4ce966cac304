"""Windows of time: minute, day, month, year and all time, cut in a time zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE_MS = 60_000
EPOCH = date(1970, 1, 1)


class Windows:
    """Cuts minutes and days, once per time zone and minute."""

    def __init__(self) -> None:
        self._cut: dict[tuple[str, int], tuple[int, int]] = {}

    def of(self, zone: str, at: int) -> tuple[int, int]:
        """(first instant of the minute, first instant of the day) of an instant, all in UTC ms.

        In zones whose offset is whole minutes a minute of UTC is a minute of the zone.
        """
        minute = at // MINUTE_MS
        found = self._cut.get((zone, minute))
        if found is None:
            local = datetime.fromtimestamp(minute * 60, ZoneInfo(zone))
            found = self._cut[zone, minute] = (minute * MINUTE_MS, _ms(local.replace(hour=0, minute=0)))
        return found


@lru_cache(maxsize=4096)
def months_and_longer(zone: str, day: int) -> tuple[tuple[str, int | None], ...]:
    """(kind, first instant in UTC ms, None for ALL_TIME) of the longer windows that a day lies in."""
    first = datetime.fromtimestamp(day / 1000, ZoneInfo(zone)).replace(day=1)
    return ("MONTH", _ms(first)), ("YEAR", _ms(first.replace(month=1))), ("ALL_TIME", None)


@lru_cache(maxsize=4096)
def date_of(zone: str, day: int) -> date:
    """The date of a day given by its first instant in UTC ms."""
    return datetime.fromtimestamp(day / 1000, ZoneInfo(zone)).date()


@lru_cache(maxsize=4096)
def day_of(zone: str, days: int) -> int:
    """First instant, in UTC ms, of a date given in days since 1970."""
    found = EPOCH + timedelta(days)
    return _ms(datetime(found.year, found.month, found.day, tzinfo=ZoneInfo(zone)))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
