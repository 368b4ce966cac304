"""Hold what the platform shows against the ledger: counter topics, metrics, receipts and dead letters."""

from __future__ import annotations

import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from operator import add
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import polars as pl
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import schemas
from connectors.client import Subscription
from connectors.counters import COUNTERS
from connectors.simulator.ledger import Key, Ledger
from connectors.topic_io import TopicReader
from connectors.totals import Total, fields
from processor.business import Closed
from processor.engine.decode import Columns

RECEIPTS = "customs.declarations.receipts"
DEAD_LETTERS = "customs.declarations.dead-letters"
PLATFORM_ZONE = ZoneInfo("Asia/Shanghai")
ZONES = {"CN": ZoneInfo("Asia/Shanghai"), "KR": ZoneInfo("Asia/Seoul")}
NEVER_TAKEN_BACK = ("declarations-by-stage", "lanes", "answers", "rule-hits")
CLEARANCE = "single_window_clearance_seconds"
UNITS = {
    "value": ("_yuan", 100),
    "net_mass": ("_kilograms", 1_000),
    "quantity": ("_units", 100_000),
    **dict.fromkeys(("amount", "received_value", "declared_value"), ("_currency_units", 100)),
    **dict.fromkeys(("received_net_mass", "declared_net_mass"), ("_kilograms", 1_000)),
}
"""Measure -> how the name of its sample goes on, and how many of what is counted make one of what is shown."""
SHOWN = 20

NO_DIMENSIONS = ("slice", "window", "window_start")
Place = tuple[str, int | None, tuple[str, ...]]
"""Within a counter: kind of window, its first instant in ms, dimensions."""
Series = tuple[str, tuple[tuple[str, str], ...]]
"""A sample's name and its sorted labels."""
Samples = Mapping[Series, float]
Unsure = Callable[[Key], bool]
"""Whether the ledger cannot know a figure: those are left out (``Ledger.unsure``)."""


@dataclass
class Comparison:
    """``compared`` figures, and the first few that differ: (where, expected, found)."""

    compared: int = 0
    mismatches: int = 0
    examples: list[tuple[str, int, int]] = field(default_factory=list)

    def hold(self, where: str, expected: int, found: int) -> None:
        self.compared += 1
        if expected != found:
            self.mismatches += 1
            if len(self.examples) < SHOWN:
                self.examples.append((where, expected, found))


def counter_topics(
    ledger: Mapping[Key, tuple[int, ...]], unsure: Unsure, bootstrap: str, prefix: str, result: Comparison
) -> None:
    """Every measure of every key of every counter topic, both ways: what is absent is zero."""
    expected: dict[str, dict[Place, tuple[int, ...]]] = {counter.name: {} for counter in COUNTERS}
    for (name, window, start, dimensions), measures in ledger.items():
        expected[name][window, start, tuple(dimensions)] = measures
    for counter in COUNTERS:
        with Subscription(counter, bootstrap, prefix) as subscription:
            found = measured(subscription.snapshot().rows)
        nothing = (0,) * len(fields(counter.measures))
        for place in expected[counter.name].keys() | found.keys():
            if unsure((counter.name, *place)):
                continue
            pairs = zip(expected[counter.name].get(place, nothing), found.get(place, nothing), strict=True)
            for measure, (e, f) in zip(fields(counter.measures), pairs, strict=True):
                result.hold(f"{counter.name} {place} {measure}", e, f)


def measured(rows: Mapping[Any, Total[Any, Any]]) -> dict[Place, tuple[int, ...]]:
    """The measures of a table, as a ledger has them: those of a key's slices added up."""
    found: dict[Place, tuple[int, ...]] = {}
    for key, row in rows.items():
        dimensions = tuple(value for name, value in key._asdict().items() if name not in NO_DIMENSIONS)
        start = key.window_start and int(key.window_start.timestamp() * 1000)
        place = (key.window, start, dimensions)
        found[place] = tuple(map(add, found[place], row.measures)) if place in found else tuple(row.measures)
    return found


def scrape(url: str, *names: str) -> Samples:
    """/metrics of a worker as (sample name, sorted labels) -> value; only those with these ``names``, if there are any:
    that is cheap for the worker.
    """
    query = urlencode([("name[]", name) for name in names])
    with urllib.request.urlopen(f"{url}/metrics?{query}", timeout=30) as answer:  # noqa: S310 our own loopback address
        text = answer.read().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
    }


def metrics(
    ledger: Mapping[Key, tuple[int, ...]],
    unsure: Unsure,
    closed: Closed,
    samples: Samples,
    now: datetime,
    result: Comparison,
) -> None:
    """Every business figure of /metrics, over all slices, both ways. ``closed``: values that are labels."""
    bounds = [dict(labels)["le"] for name, labels in samples if name == f"{CLEARANCE}_bucket"]
    expected: Counter[Series] = Counter()
    for (name, window, start, values), measures in ledger.items():
        dimensions = dict(zip(_DIMENSIONS[name], values, strict=True))
        zone = ZONES[dimensions["jurisdiction"]] if "jurisdiction" in dimensions else PLATFORM_ZONE
        period = _period(window, start, zone, now)
        if period is None:
            continue
        labels = {"period": period, **_labels(name, dimensions, closed)}
        if name == "clearance-times":
            expected.update(_times(labels, dimensions["bucket"], measures, set(bounds)))
            continue
        for sample, figure in zip(_SAMPLES[name], measures, strict=True):
            expected[_series(sample, labels)] += figure
    units = {sample: unit for of in _SAMPLES.values() for sample, unit in of.items()}
    units |= {f"{CLEARANCE}_{part}": 1 for part in ("bucket", "count", "sum")}
    found: Counter[Series] = Counter()
    for (sample, those), value in samples.items():
        if sample in units:
            found[_series(sample, {n: v for n, v in those if n != "slice"})] += round(value * units[sample])
    left_out = {
        (sample, period)
        for name, of in _SAMPLES.items()
        for window, period in _present(PLATFORM_ZONE, now).items()
        for sample in of
        if unsure((name, *window, ()))
    }
    for series in expected.keys() | found.keys():
        if (series[0], dict(series[1])["period"]) not in left_out:
            result.hold(f"/metrics {series}", expected[series], found[series])


def _labels(name: str, dimensions: Mapping[str, str], closed: Closed) -> dict[str, str]:
    """Of a key: without its sender; of clearance times, without office and bucket; the rest closed."""
    gone = {"sender"} if name != "clearance-times" else {"office", "bucket"}
    first, *_ = dimensions.values()
    found = {}
    for dimension, value in dimensions.items():
        sets = (f"{name}.{dimension}/{first}", f"{name}.{dimension}", dimension)
        known = next((closed[key] for key in sets if key in closed), frozenset[str]())
        if dimension not in gone:
            found[dimension] = value if value in known else "other"
    return found


def _times(labels: dict[str, str], bucket: str, measures: tuple[int, ...], bounds: set[str]) -> dict[Series, int]:
    """What the times of one bucket are in a histogram with these bounds."""
    declarations, seconds = measures
    whole = {_series(f"{CLEARANCE}_count", labels): declarations, _series(f"{CLEARANCE}_sum", labels): seconds}
    below = [bound for bound in bounds if int(bucket) <= float(bound)]
    return whole | {_series(f"{CLEARANCE}_bucket", {**labels, "le": bound}): declarations for bound in below}


def _series(sample: str, labels: Mapping[str, str]) -> Series:
    return sample, tuple(sorted(labels.items()))


def _samples(counter: Any) -> dict[str, int]:
    """The samples of a counter's measures, in their order, with the units of the ledger in one shown."""
    found = {}
    for measure in fields(counter.measures):
        unit, size = UNITS.get(measure, ("", 1))
        grows = counter.name in NEVER_TAKEN_BACK and measure != "value"
        name = f"single_window_{counter.name.replace('-', '_')}_{measure}{unit}"
        found[name + "_total" * grows] = size
    return found


_DIMENSIONS = {c.name: [name for name in fields(c.key) if name not in NO_DIMENSIONS] for c in COUNTERS}
_SAMPLES = {c.name: _samples(c) for c in COUNTERS if c.name != "clearance-times"}


def _period(window: str, start: int | None, zone: ZoneInfo, now: datetime) -> str | None:
    return _present(zone, now).get((window, start))


@lru_cache
def _present(zone: ZoneInfo, now: datetime) -> dict[tuple[str, int | None], str]:
    """The windows that have not ended: (kind, first instant in ms) -> period."""
    day = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        ("ALL_TIME", None): "all_time",
        ("YEAR", int(day.replace(month=1, day=1).timestamp() * 1000)): "year",
        ("DAY", int(day.timestamp() * 1000)): "today",
    }


def answers(ledger: Ledger, bootstrap: str, prefix: str, result: Comparison) -> Counter[str]:
    """Receipts by outcome and dead letters by reason against the ledger; each event answered exactly once.

    Returns receipts by outcome, with ``dead_letters`` beside them.
    """
    header, columns = schemas.latest("Receipt").header, Columns(schemas.latest("Receipt").text)
    cut = len(header)
    outcomes: Counter[str] = Counter()
    seen = []
    with TopicReader(bootstrap, prefix + RECEIPTS) as reader:
        for batch in reader.to_end():
            frame = columns.frame([record.value[cut:] for record in batch if record.value is not None])
            outcomes.update(dict(frame["outcome"].value_counts().iter_rows()))
            seen.append(frame["receipt_id"].hash())
    total = sum(outcomes.values())
    distinct = pl.concat(seen).n_unique() if seen else 0
    reasons: Counter[str] = Counter()
    with TopicReader(bootstrap, prefix + DEAD_LETTERS) as reader:
        for batch in reader.to_end():
            reasons.update(dict(record.headers)["single-window.reason"].decode() for record in batch)
    for outcome in outcomes.keys() | ledger.receipts.keys():
        result.hold(f"receipts {outcome}", ledger.receipts[outcome], outcomes[outcome])
    for reason in reasons.keys() | ledger.dead_letters.keys():
        result.hold(f"dead letters {reason}", ledger.dead_letters[reason], reasons[reason])
    result.hold("receipts, each once", total, distinct)
    outcomes["dead_letters"] = sum(reasons.values())
    return outcomes
