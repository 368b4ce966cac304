"""The totals: one more flow on the same engine. Adds up what the source partitions have counted.

A row per counter key holds, for each source partition, its newest partial: the position it is stamped with and its
measures. Partials are absolute and, thanks to fencing, stamped in append order: a newer one replaces its
predecessor, and a log compacted to the newest partials gives the same totals.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

import schemas
from processor.engine import receipts
from processor.engine.counters import ALL_TIME, MINUTE, MINUTE_LIFETIME_MS, SEPARATOR, WINDOWS, Counter, bounds
from processor.engine.decode import Columns
from processor.engine.model import Batch, DeadLetter, Message, Outcome, Source, View

ROW, PROGRESS, CLOSING = b"t", b"g", b"f"
PROGRESS_TOPIC = "counters.progress"
GRACE_MS = 3_600_000
"""A window is final an hour after its end, by the slowest source partition's append time."""


@dataclass(frozen=True)
class Counted:
    """A flow whose partials are added up: its counters and the partitions of its input topic."""

    flow: str
    counters: tuple[Counter, ...]
    partitions: int


class _Output:
    """Writes the totals of one counter to its topic."""

    def __init__(self, counter: Counter) -> None:
        record = "".join(word.capitalize() for word in counter.name.split("-"))
        key, value = schemas.latest(record + "Key"), schemas.latest(record)
        self.counter, self.topic = counter, f"counters.{counter.name}"
        self.key_header, self.value_header = key.header, value.header
        self.keys, self.values = Columns(key.text), Columns(value.text)


class TotalsFold:
    """The Fold of ``counters.partials`` (see ``model.Fold``)."""

    name = "totals"
    topic = "counters.partials"

    def __init__(self, counted: Sequence[Counted], generation: int) -> None:
        self.generation = generation
        self.flows = {c.flow: c for c in counted}
        self.outputs = {counter.name: (c, _Output(counter)) for c in counted for counter in c.counters}
        self.columns = Columns(schemas.latest("Partial").text)
        self.header = schemas.latest("Partial").header
        self.progress_key, self.progress_value = schemas.latest("ProgressKey"), schemas.latest("Progress")

    @property
    def definition(self) -> str:
        facts: list[Any] = [
            (c.flow, c.partitions, [(k.name, k.dimensions, k.measures, k.definition) for k in c.counters])
            for c in self.flows.values()
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    def due(self, source: Source, changed: Sequence[bytes], view: View) -> list[Message]:
        """Nothing: totals are published with the batch that changed them."""
        del source, changed, view
        return []

    def step(self, source: Source, batch: Batch, view: View) -> Outcome:
        started = time.perf_counter()
        watermark = max([view.watermark, *(record.timestamp for record in batch.records[-1:])])
        outcome = Outcome(batch.end, watermark)
        newest = self._newest(batch)
        if len(newest):
            progress = self._progress(source, newest, view, outcome)
            self._add_up(source, newest.filter(pl.col("counter_key") != ""), progress, view, outcome)
        outcome.seconds["totals"] = time.perf_counter() - started
        return outcome

    def _newest(self, batch: Batch) -> pl.DataFrame:
        """The newest partial of this generation per flow, source partition and counter key."""
        cut = len(self.header)
        own = f"{self.generation}{SEPARATOR}".encode()
        payloads = [r.value[cut:] for r in batch.records if r.value is not None and (r.key or b"").startswith(own)]
        frame = self.columns.frame(payloads)
        return frame.unique(["flow", "partition", "counter_key"], keep="last", maintain_order=True)

    def _progress(
        self, source: Source, newest: pl.DataFrame, view: View, outcome: Outcome
    ) -> Mapping[str, list[tuple[int, int]]]:
        """(position, watermark) of every source partition by flow; publishes those that moved."""
        keys = {flow: PROGRESS + flow.encode() for flow in self.flows}
        stored = dict(zip(keys, view.read(list(keys.values())), strict=True))
        known = {
            flow: [tuple(p) for p in json.loads(raw)] if raw else [(0, 0)] * self.flows[flow].partitions
            for flow, raw in stored.items()
        }
        moved = newest.group_by("flow", "partition", maintain_order=True).agg(
            pl.col("position").max(), pl.col("watermark").max()
        )
        names, values = [], []
        for flow, partition, position, watermark in moved.iter_rows():
            known[flow][partition] = (max(position, known[flow][partition][0]), max(watermark, known[flow][partition][1]))
            names.append(_record("ProgressKey", flow=flow, generation=self.generation,
                                 totals_partition=source.partition, source_partition=partition))  # fmt: skip
            position, watermark = known[flow][partition]
            values.append(_record("Progress", position=position, watermark=watermark))
        outcome.puts += [(keys[flow], json.dumps(p).encode()) for flow, p in known.items()]
        outcome.messages.append(Message(PROGRESS_TOPIC, 0, names, values))
        return known

    def _add_up(
        self,
        source: Source,
        partials: pl.DataFrame,
        progress: Mapping[str, list[tuple[int, int]]],
        view: View,
        outcome: Outcome,
    ) -> None:
        parts = partials["counter_key"].str.split_exact(SEPARATOR, 2).struct
        partials = partials.with_columns(parts.field("field_2").alias("counter"))
        for (name,), group in partials.group_by("counter", maintain_order=True):
            counted, output = self.outputs[str(name)]
            keys = group["counter_key"].unique(maintain_order=True)
            touched = [ROW + key for key in keys.cast(pl.Binary).to_list()]
            rows = _Rows(view.read(touched), counted.partitions, len(output.counter.measures))
            index = dict(zip(keys.to_list(), range(len(keys)), strict=True))
            where = np.array([index[key] for key in group["counter_key"].to_list()])
            rows.take(where, group)
            outcome.puts += list(zip(touched, rows.dump(), strict=True))
            self._publish(source, output, keys.to_list(), rows, progress[counted.flow], outcome)

    def _publish(
        self,
        source: Source,
        output: _Output,
        keys: list[str],
        rows: _Rows,
        progress: list[tuple[int, int]],
        outcome: Outcome,
    ) -> None:
        counter = output.counter
        parts = [key.split(SEPARATOR) for key in keys]
        limits = [bounds(p[0], int(p[1]), p[-1]) for p in parts]
        watermark = min(mark for _, mark in progress)
        status = [_status(end, watermark, first) for (_, end), first in zip(limits, rows.first, strict=True)]
        key_frame = pl.DataFrame(
            {
                "counter": [counter.name] * len(keys),
                **{d: [p[3 + i] for p in parts] for i, d in enumerate(counter.dimensions)},
                "window": [WINDOWS[p[0]] for p in parts],
                "window_start": pl.Series([start for start, _ in limits], dtype=pl.Int64),
            }
        )
        sums = rows.measures.sum(axis=1)
        value_frame = pl.DataFrame(
            {
                "window_end": pl.Series([end for _, end in limits], dtype=pl.Int64),
                "time_zone": [p[-1] for p in parts],
                **{measure: sums[:, i] for i, (measure, _) in enumerate(counter.measures)},
                "revision": rows.positions.sum(axis=1),
                "status": status,
            }
        ).with_columns(
            generation=pl.lit(self.generation, pl.Int32),
            source_positions=pl.lit([position for position, _ in progress], pl.List(pl.Int64)),
            watermark=pl.lit(watermark, pl.Int64),
            definition=pl.lit(counter.definition, pl.Int32),
        )
        names = [output.key_header + key for key in output.keys.write(key_frame)]
        values = [output.value_header + value for value in output.values.write(value_frame)]
        outcome.messages.append(Message(output.topic, source.partition, names, values))
        outcome.tally["totals", counter.name] = outcome.tally.get(("totals", counter.name), 0) + len(keys)


class _Rows:
    """Totals rows as arrays. ``positions``: (rows, source partitions), 0 where none has come; ``measures``: (rows,
    source partitions, measures); ``first``: whether a row is new."""

    def __init__(self, stored: Sequence[bytes | None], partitions: int, measures: int) -> None:
        width = partitions * (1 + measures)
        zero = bytes(8 * width)
        flat = np.frombuffer(b"".join([raw or zero for raw in stored]), "<i8").reshape(len(stored), width).copy()
        self.flat = flat
        self.positions = flat[:, :partitions]
        self.measures = flat[:, partitions:].reshape(len(stored), partitions, measures)
        self.first = [raw is None for raw in stored]

    def take(self, where: np.ndarray[Any, np.dtype[np.int64]], partials: pl.DataFrame) -> None:
        """Let newer partials take the place of older ones. ``where``: row of each partial."""
        partition = partials["partition"].to_numpy()
        position = partials["position"].to_numpy()
        newer = position >= self.positions[where, partition]
        amounts = np.array(partials["measures"].to_list(), np.int64)[:, : self.measures.shape[2]]
        at, of = where[newer], partition[newer]
        self.positions[at, of] = position[newer]
        self.measures[at, of] = amounts[newer]
        partitions = self.positions.shape[1]
        self.flat[:, partitions:] = self.measures.reshape(len(self.flat), -1)

    def dump(self) -> list[bytes]:
        raw, size = self.flat.astype("<i8").tobytes(), self.flat.shape[1] * 8
        return [raw[i * size : (i + 1) * size] for i in range(len(self.flat))]


def _status(end: int | None, watermark: int, first: bool) -> str:
    if end is None or end + GRACE_MS > watermark:
        return "PROVISIONAL"
    return "FINAL" if first else "REVISED"


def _record(name: str, **fields: Any) -> bytes:
    return schemas.encode(name, fields)
