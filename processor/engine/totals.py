"""The totals: one more flow on the same engine. Adds up what the source partitions have counted.

A row per counter key holds, for each source partition, its newest partial: the position it is stamped with and its
measures. Partials are absolute and, thanks to fencing, stamped in append order: a newer one replaces its
predecessor, and a log compacted to the newest partials gives the same totals.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

import schemas
from processor.engine.counters import MINUTE, MINUTE_LIFETIME_MS, SEPARATOR, WINDOWS, Counter, parsed
from processor.engine.decode import Columns
from processor.engine.model import Batch, Message, Outcome, Source, View

ROW, PROGRESS, CLOSING, EXPIRING = b"t", b"g", b"f", b"x"
"""Prefixes in the store: totals; progress per flow; and by the moment they are due, keys that are to become final, and
minutes that are to go."""

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

    def post(self, source: Source, journal: Sequence[bytes], position: int, watermark: int, view: View) -> Outcome:
        """Nothing: totals are published with the batch that changed them."""
        del source, journal, view
        return Outcome(position, watermark)

    def step(self, source: Source, batch: Batch, view: View) -> Outcome:
        started = time.perf_counter()
        watermark = max([view.watermark, *(record.timestamp for record in batch.records[-1:])])
        outcome = Outcome(batch.end, watermark)
        newest = self._newest(batch)
        for counted in self.flows.values():
            partials = newest.filter(pl.col("flow") == counted.flow)
            if len(partials):
                progress = self._progress(source, counted, partials, view, outcome)
                self._add_up(source, counted, partials.filter(pl.col("counter_key") != ""), progress, view, outcome)
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
        self, source: Source, counted: Counted, newest: pl.DataFrame, view: View, outcome: Outcome
    ) -> Progress:
        """Progress of every source partition of a flow; publishes those that moved."""
        key = PROGRESS + counted.flow.encode()
        raw = view.read([key])[0]
        known: list[tuple[int, int]] = [(p, w) for p, w in json.loads(raw)] if raw else [(0, 0)] * counted.partitions
        before = min(watermark for _, watermark in known)
        # only a progress record says that all of a publication came before it: a batch may end within one
        reached = newest.filter(pl.col("counter_key") == "")
        moved = reached.group_by("partition", maintain_order=True).agg(pl.col("position", "watermark").max())
        names, values = [], []
        for partition, position, watermark in moved.iter_rows():
            known[partition] = (max(position, known[partition][0]), max(watermark, known[partition][1]))
            at = {"totals_partition": source.partition, "source_partition": partition}
            names.append(schemas.encode("ProgressKey", {"flow": counted.flow, "generation": self.generation, **at}))
            values.append(
                schemas.encode("Progress", dict(zip(("position", "watermark"), known[partition], strict=True)))
            )
        outcome.puts.append((key, json.dumps(known).encode()))
        outcome.messages.append(Message(PROGRESS_TOPIC, 0, names, values))
        return Progress([p for p, _ in known], before, min(watermark for _, watermark in known))

    def _add_up(
        self,
        source: Source,
        counted: Counted,
        partials: pl.DataFrame,
        progress: Progress,
        view: View,
        outcome: Outcome,
    ) -> None:
        closing = self._due(CLOSING, counted, progress, view, outcome)
        expiring = set(self._due(EXPIRING, counted, progress, view, outcome))
        counter = pl.col("counter_key").str.split(SEPARATOR).list.get(2, null_on_oob=True)
        partials = partials.with_columns(counter.alias("counter")).filter(~pl.col("counter_key").is_in(list(expiring)))
        for name, (_, output) in self.outputs.items():
            group = partials.filter(pl.col("counter") == name)
            late = [key for key in closing if key.split(SEPARATOR)[2] == name]
            keys = list(dict.fromkeys([*group["counter_key"].to_list(), *late]))
            touched = [ROW + key.encode() for key in keys]
            rows = _Rows(view.read(touched), counted.partitions, len(output.counter.measures))
            index = {key: place for place, key in enumerate(keys)}
            rows.take(np.array([index[key] for key in group["counter_key"].to_list()], np.int64), group)
            outcome.puts += list(zip(touched, rows.dump(), strict=True))
            gone = [key for key in expiring if key.split(SEPARATOR)[2] == name]
            outcome.deletes += [ROW + key.encode() for key in gone]
            if keys:
                self._publish(source, counted, output, keys, rows, progress, outcome)
            if gone:
                tombs = [output.key_header + key for key in output.keys.write(parsed(gone, output.counter.dimensions))]
                outcome.messages.append(Message(output.topic, source.partition, tombs, [None] * len(tombs)))

    def _due(self, prefix: bytes, counted: Counted, progress: Progress, view: View, outcome: Outcome) -> list[str]:
        """Keys whose moment has come, by the slowest source partition; their entries go."""
        start, due = prefix + counted.flow.encode() + b"\0", []
        for entry, _ in view.scan(start):
            moment, key = int.from_bytes(entry[len(start) : len(start) + 8], "big"), entry[len(start) + 8 :]
            if moment > progress.watermark:
                break
            due.append(key.decode())
            outcome.deletes.append(entry)
        return due

    def _publish(
        self,
        source: Source,
        counted: Counted,
        output: _Output,
        keys: list[str],
        rows: _Rows,
        progress: Progress,
        outcome: Outcome,
    ) -> None:
        counter = output.counter
        parts = parsed(keys, counter.dimensions)
        ends = parts["window_end"].to_list()
        self._remember(counted, keys, parts["window"].to_list(), ends, rows.first, progress, outcome)
        sums = rows.measures.sum(axis=1)
        frame = parts.with_columns(
            **{measure: pl.Series(sums[:, i]) for i, (measure, _) in enumerate(counter.measures)},
            revision=pl.Series(rows.positions.sum(axis=1)),
            generation=pl.lit(self.generation, pl.Int32),
            source_positions=pl.lit(progress.positions, pl.List(pl.Int64)),
            watermark=pl.lit(progress.watermark, pl.Int64),
            definition=pl.lit(counter.definition, pl.Int32),
            status=pl.Series([progress.status(end, first) for end, first in zip(ends, rows.first, strict=True)]),
        )
        names = [output.key_header + key for key in output.keys.write(frame)]
        values = [output.value_header + value for value in output.values.write(frame)]
        outcome.messages.append(Message(output.topic, source.partition, names, values))
        outcome.tally["totals", counter.name] = outcome.tally.get(("totals", counter.name), 0) + len(keys)

    def _remember(
        self,
        counted: Counted,
        keys: list[str],
        windows: list[str],
        ends: list[int | None],
        first: list[bool],
        progress: Progress,
        outcome: Outcome,
    ) -> None:
        """Note when new keys become final, and when their minutes go."""
        flow = counted.flow.encode() + b"\0"
        for key, window, end, new in zip(keys, windows, ends, first, strict=True):
            if not new or end is None:
                continue
            if end + GRACE_MS > progress.watermark:
                outcome.puts.append((CLOSING + flow + (end + GRACE_MS).to_bytes(8, "big") + key.encode(), b""))
            if window == WINDOWS[MINUTE]:
                outcome.puts.append(
                    (EXPIRING + flow + (end + MINUTE_LIFETIME_MS).to_bytes(8, "big") + key.encode(), b"")
                )


@dataclass(frozen=True)
class Progress:
    """How far a flow's totals include its source partitions. ``positions``: next offset of each; ``before`` and
    ``watermark``: append time (ms) of the slowest, before this batch and after it.
    """

    positions: list[int]
    before: int
    watermark: int

    def status(self, end: int | None, first: bool) -> str:
        """Of a total whose window ends at ``end``; ``first``: it is published for the first time."""
        if end is None or end + GRACE_MS > self.watermark:
            return "PROVISIONAL"
        return "REVISED" if end + GRACE_MS <= self.before and not first else "FINAL"


class _Rows:
    """Totals rows as arrays. ``positions``: (rows, source partitions), 0 where none has come; ``measures``: (rows,
    source partitions, measures); ``first``: whether a row is new.
    """

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
        if not len(where):
            return
        partition = partials["partition"].to_numpy()
        position = partials["position"].to_numpy()
        newer = position >= self.positions[where, partition]
        width = partials["measures"].list.len()[0]
        amounts = partials["measures"].explode().to_numpy().reshape(-1, width)[:, : self.measures.shape[2]]
        at, of = where[newer], partition[newer]
        self.positions[at, of] = position[newer]
        self.measures[at, of] = amounts[newer]
        partitions = self.positions.shape[1]
        self.flat[:, partitions:] = self.measures.reshape(len(self.flat), -1)

    def dump(self) -> list[bytes]:
        raw, size = self.flat.astype("<i8").tobytes(), self.flat.shape[1] * 8
        return [raw[i * size : (i + 1) * size] for i in range(len(self.flat))]
