"""The business figures on /metrics: totals of the keys this worker owns, for all time, this year and today.

A label takes its values from a closed set: what senders make up shows as ``other``, and how much that is, too. Several
keys of a counter may show as one series, and lie in several totals partitions: so each series has its ``slice``, the
totals partition, and what two workers show of a figure is never taken for one and the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from operator import itemgetter
from zoneinfo import ZoneInfo

import numpy as np
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from processor.engine.counters import ALL_TIME, DAY, SEPARATOR, YEAR, Counter
from processor.engine.totals_rows import ROW, Counted

Closed = Mapping[str, frozenset[str]]
"""Values that may become labels: by ``dimension``; by ``counter.dimension``, where counters differ; and, where they
depend on the value of the counter's first dimension, by ``counter.dimension/value``. The longest that fits counts.
"""
Scan = Callable[[bytes], Iterable[tuple[bytes, bytes]]]
"""The entries of a totals partition's store whose keys start so."""

OTHER = "other"
SUMMED_AWAY = ("sender",)
"""Dimensions that are no labels: they have as many values as there are senders."""

PERIODS = {"all_time": ALL_TIME, "year": YEAR, "today": DAY}
WALL_CLOCKS = timedelta(hours=15)
"""More than any wall clock is off UTC."""

CLEARANCE = "clearance-times"
CLEARANCE_LABELS = ("interval", "arrival", "lane", "flow", "jurisdiction")
BOUNDS = (896, 3584, 7168, 14336, 28672, 57344, 86016, 172032, 425984, 851968)
"""Seconds: the bounds of the counter's own buckets that are nearest to 15 min, 1, 2, 4, 8, 16, 24, 48 h, 5 and 10 d."""
LE = (*(str(float(bound)) for bound in BOUNDS), "+Inf")

UNITS = {
    "value": ("_yuan", 100),
    "amount": ("_currency_units", 100),
    "received_value": ("_currency_units", 100),
    "declared_value": ("_currency_units", 100),
    "net_mass": ("_kilograms", 1_000),
    "received_net_mass": ("_kilograms", 1_000),
    "declared_net_mass": ("_kilograms", 1_000),
    "quantity": ("_units", 100_000),
}
"""Measure -> the end of its name, and how many of what is counted make one of what is shown."""

SIGNED = ("value",)
"""Measures that may go down by counting more: an export's charges may exceed its price."""

Labels = tuple[str, ...]
Figures = dict[Labels, list[int]]
"""Measures of a counter by label values: period, slice, and the counter's own."""


class Business(Collector):
    """Read from the stores at scrape. ``period`` is all_time, year or today; what can go down is a gauge.

    ``scans``: of each totals partition held. Raises ValueError for a dimension without a closed set.
    """

    def __init__(
        self,
        counted: Counted,
        closed: Closed,
        scans: Callable[[], Mapping[int, Scan]],
        now: Callable[[], float],
    ) -> None:
        self.shown = {counter.name: _Shown(counter, closed) for counter in counted.counters}
        self.entry, self.scans, self.now = counted.entry, scans, now

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        figures = self._figures()
        for name, shown in self.shown.items():
            yield from [_histogram(figures[name])] if name == CLEARANCE else _families(shown, figures[name])
        yield _others(self.shown, figures)

    def _figures(self) -> dict[str, Figures]:
        """All series, each added up from the keys that show as it, and these from their source partitions."""
        now, series, rows = self.now(), dict[tuple[str, Labels], int](), list[tuple[int, bytes]]()
        for partition, scan in self.scans().items():
            for period, (name, *dimensions), raw in _current(scan, now):
                labels = period, str(partition), *self.shown[name].values(dimensions)
                rows.append((series.setdefault((name, labels), len(series)), raw))
        rows.sort(key=itemgetter(0))
        entries = np.frombuffer(b"".join(raw for _, raw in rows), self.entry)
        counts = [len(raw) // self.entry.itemsize for _, raw in rows]
        places, starts = np.unique(np.repeat([place for place, _ in rows], counts), return_index=True)
        totals = np.zeros((len(series), *self.entry["measures"].shape), np.int64)
        totals[places.astype(np.int64)] = np.add.reduceat(entries["measures"], starts)
        found: dict[str, Figures] = {name: {} for name in self.shown}
        for (name, labels), measures in zip(series, totals.tolist(), strict=True):
            found[name][labels] = measures
        return found


class _Shown:
    """How a counter is shown: ``names`` of the dimensions that are labels, and their ``values`` for a key."""

    def __init__(self, counter: Counter, closed: Closed) -> None:
        self.counter = counter
        wanted = (*CLEARANCE_LABELS, "bucket") if counter.name == CLEARANCE else counter.dimensions
        self.names = tuple(name for name in wanted if name not in SUMMED_AWAY)
        self._labels = [(counter.dimensions.index(name), _label(counter, name, closed)) for name in self.names]

    def values(self, dimensions: list[str]) -> Labels:
        return tuple(label(dimensions[place], dimensions[0]) for place, label in self._labels)


def _label(counter: Counter, name: str, closed: Closed) -> Callable[[str, str], str]:
    """(value of a dimension, value of the counter's first one) -> the label's value."""
    if name == "bucket":
        return lambda value, _: LE[bisect_left(BOUNDS, int(value))]
    own = f"{counter.name}.{name}"
    some = {key.removeprefix(f"{own}/"): values for key, values in closed.items() if key.startswith(f"{own}/")}
    every = closed.get(own, closed.get(name))
    if every is None and not some:
        raise ValueError(f"no closed set of values for {name} of {counter.name}")
    rest = every or frozenset[str]()
    return lambda value, first: value if value in some.get(first, rest) else OTHER


def _current(scan: Scan, now: float) -> Iterator[tuple[str, list[str], bytes]]:
    """(period, counter and dimensions, value) of all totals whose window is the present one in their time zone."""
    utc = datetime.fromtimestamp(now, UTC)
    for period, kind in PERIODS.items():
        for number in {_number(period, utc + off) for off in (-WALL_CLOCKS, timedelta(), WALL_CLOCKS)}:
            for key, raw in scan(ROW + f"{kind}{SEPARATOR}{number}{SEPARATOR}".encode()):
                _, _, *named, zone = key.decode().split(SEPARATOR)
                if number == _present(period, zone, now):
                    yield period, named, raw


@lru_cache(64)
def _present(period: str, zone: str, now: float) -> int:
    return _number(period, datetime.fromtimestamp(now, ZoneInfo(zone)))


def _number(period: str, local: datetime) -> int:
    """Of the window a wall clock is in, as counter keys have it."""
    match period:
        case "today":
            return local.date().toordinal() - 719_163
        case "year":
            return local.year
    return 0


def _families(shown: _Shown, figures: Figures) -> Iterator[Metric]:
    counter = shown.counter
    for place, (measure, _) in enumerate(counter.measures):
        kind = GaugeMetricFamily if counter.reversible or measure in SIGNED else CounterMetricFamily
        unit, size = UNITS.get(measure, ("", 1))
        name = f"single_window_{counter.name.replace('-', '_')}_{measure}{unit}"
        family = kind(name, f"{counter.name}: {measure}", labels=["period", "slice", *shown.names])
        for labels, measures in figures.items():
            family.add_metric(labels, measures[place] / size)
        yield family


def _histogram(figures: Figures) -> Metric:
    """Clearance times, over all offices."""
    family = HistogramMetricFamily(
        "single_window_clearance_seconds",
        "Seconds from lodging or acceptance to release",
        labels=["period", "slice", *CLEARANCE_LABELS],
    )
    found: defaultdict[Labels, dict[str, list[int]]] = defaultdict(dict)
    for (*labels, bound), measures in figures.items():
        found[tuple(labels)][bound] = measures
    for those, buckets in found.items():
        counts = accumulate(buckets.get(bound, [0])[0] for bound in LE)
        seconds = sum(measures[1] for measures in buckets.values())
        family.add_metric(those, list(zip(LE, counts, strict=True)), seconds)
    return family


def _others(shown: Mapping[str, _Shown], figures: Mapping[str, Figures]) -> Metric:
    """How much of a counter shows as ``other``, by its first measure."""
    family = GaugeMetricFamily(
        "single_window_other_share",
        "Share of a counter that shows as other, 0 to 1, in all time, of the keys this worker owns",
        labels=["counter", "dimension"],
    )
    for name, how in shown.items():
        ever = [(labels[2:], measures[0]) for labels, measures in figures[name].items() if labels[0] == "all_time"]
        whole = sum(figure for _, figure in ever)
        for place, dimension in enumerate(how.names if whole else ()):
            share = sum(figure for labels, figure in ever if labels[place] == OTHER) / whole
            family.add_metric([name, dimension], share)
    return family
