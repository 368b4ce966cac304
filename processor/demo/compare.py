"""Hold what the platform shows against the ledger: counter topics, metrics, receipts and dead letters."""

from __future__ import annotations

import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import schemas
from connectors import subscribe
from connectors.simulator.ledger import Key, Ledger
from connectors.topic_io import TopicReader
from processor.engine.counters import Counter as CounterDeclaration
from processor.engine.decode import Columns

RECEIPTS = "customs.declarations.receipts"
DEAD_LETTERS = "customs.declarations.dead-letters"
SCALE = {"value": 100, "net_mass": 1000}
ZONES = {"CN": ZoneInfo("Asia/Shanghai"), "KR": ZoneInfo("Asia/Seoul")}
SHOWN = 20


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


def counter_topics(ledger: Mapping[Key, tuple[int, ...]], bootstrap: str, prefix: str, result: Comparison) -> None:
    """Every measure of every key of every counter topic, both ways: what is absent is zero."""
    found: dict[tuple[str, str, int | None, tuple[str, ...]], tuple[int, ...]] = {}
    for counter in subscribe.counters():
        for row in subscribe.snapshot(counter, bootstrap=bootstrap, prefix=prefix).values():
            key = (counter, row.window, row.window_start, tuple(row.dims.values()))
            found[key] = tuple(row.measures.values())
    expected = {(k[0], k[1], k[2], tuple(k[3])): v for k, v in ledger.items()}
    for key in expected.keys() | found.keys():
        width = len(expected.get(key) or found[key])
        for place, (e, f) in enumerate(zip(expected.get(key, (0,) * width), found.get(key, (0,) * width), strict=True)):
            result.hold(f"{'/'.join(map(str, key))}[{place}]", e, f)


def scrape(url: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """/metrics as (sample name, sorted labels) -> value."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 our own loopback address
        text = answer.read().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
    }


def metrics(
    ledger: Mapping[Key, tuple[int, ...]],
    counters: tuple[CounterDeclaration, ...],
    samples: Mapping[tuple[str, tuple[tuple[str, str], ...]], float],
    now: datetime,
    result: Comparison,
) -> None:
    """Every business figure of /metrics, both ways."""
    expected: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
    declared = {counter.name: counter for counter in counters}
    for key, measures in ledger.items():
        name, window, start, dims = key[0], key[1], key[2], tuple(key[3])
        counter = declared[name]
        labels = dict(zip(counter.dimensions, dims, strict=True))
        period = _period(window, start, ZONES[labels["jurisdiction"]], now)
        if period is None:
            continue
        for (measure, _), value in zip(counter.measures, measures, strict=True):
            unit = {"value": "_currency_units", "net_mass": "_kilograms"}.get(measure, "")
            sample = f"single_window_{name.replace('-', '_')}_{measure}{unit}" + (
                "_total" if counter.of == "stage" else ""
            )
            expected[sample, tuple(sorted({**labels, "period": period}.items()))] = value
    prefixes = tuple(f"single_window_{name.replace('-', '_')}_" for name in declared)
    found = {
        key: value for key, value in samples.items() if key[0].startswith(prefixes) and not key[0].endswith("_created")
    }
    for series in expected.keys() | found.keys():
        scale = next((s for measure, s in SCALE.items() if f"_{measure}_" in series[0]), 1)
        result.hold(f"/metrics {series}", expected.get(series, 0), round(found.get(series, 0.0) * scale))


def _period(window: str, start: int | None, zone: ZoneInfo, now: datetime) -> str | None:
    local = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if window == "ALL_TIME":
        return "all_time"
    if window == "YEAR" and start == int(local.replace(month=1, day=1).timestamp() * 1000):
        return "year"
    if window == "DAY" and start == int(local.timestamp() * 1000):
        return "today"
    return None


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
