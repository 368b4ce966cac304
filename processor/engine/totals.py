"""The totals: one more flow on the same engine. Adds up what the source partitions have counted.

A row per counter key holds, for each source partition that has one, its newest partial: the position it is stamped
with and its measures. Partials are absolute and, thanks to fencing, stamped in append order: a newer one replaces its
predecessor, and a log compacted to the newest partials gives the same totals.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl

import schemas
from processor.engine import distinct
from processor.engine.counters import MINUTE, MINUTE_LIFETIME_MS, SEPARATOR, WINDOWS, Counter, parsed
from processor.engine.decode import Columns
from processor.engine.model import Batch, Due, Message, Outcome, Source, View
from processor.engine.totals_rows import ROW, Counted, Rows

PROGRESS, CLOSING, EXPIRING = b"g", b"f", b"x"
"""Prefixes in the store: progress per flow; and by the moment they are due, windows that are to become final, and
minutes that are to go."""

AT_ONCE = 20_000
"""Rows that are published anew in one go: it bounds what that takes of memory."""

PROGRESS_TOPIC = "counters.progress"
GRACE_MS = 3_600_000
"""A window is final an hour after its end, by the slowest source partition's append time."""


class _Output:
    """Writes the totals of one counter to its topic."""

    def __init__(self, counter: Counter) -> None:
        record = "".join(word.capitalize() for word in counter.name.split("-"))
        key, value = schemas.latest(record + "Key"), schemas.latest(record)
        self.counter, self.topic = counter, f"counters.{counter.name}"
        self.key_header, self.value_header = key.header, value.header
        self.keys, self.values = Columns(key.text), Columns(value.text)

    def nought(self, value: bytes, generation: int) -> bytes:
        """A row of another generation as one of this, that has nothing left to count."""
        record, was = schemas.decode(value)
        nothing = {measure: 0 for measure, _ in self.counter.measures}
        return schemas.encode(record, {**was, **nothing, "generation": generation})


class Former(Protocol):
    """What the generation before has published in one partition of the totals."""

    def reached(self, flow: str) -> Mapping[int, int]:
        """Position it includes of each source partition."""
        ...

    def rows(self, topic: str) -> Mapping[bytes, bytes]:
        """Rows of one counter as subscribers have them now, by key."""
        ...


class TotalsFold:
    """The Fold of ``counters.partials`` (see ``model.Fold``)."""

    name = "totals"
    topic = "counters.partials"

    def __init__(self, counted: Sequence[Counted], generation: int) -> None:
        self.generation = generation
        self.flows = {c.flow: c for c in counted}
        self.outputs = {counter.name: _Output(counter) for c in counted for counter in c.counters}
        self.columns = Columns(schemas.latest("Partial").text)
        self.header = schemas.latest("Partial").header
        self.progress_key, self.progress_value = schemas.latest("ProgressKey"), schemas.latest("Progress")

    @property
    def definition(self) -> str:
        facts: list[Any] = [
            (c.flow, c.partitions, [repr(counter) for counter in c.counters]) for c in self.flows.values()
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    def posts(self, due: Sequence[Due]) -> list[Outcome]:
        """Nothing: totals are published with the batch that changed them."""
        return [Outcome(each.position, each.watermark, silent=each.silent) for each in due]

    def step(self, source: Source, batch: Batch, view: View, *, silent: bool = False) -> Outcome:
        started = time.perf_counter()
        watermark = max([view.watermark, *(record.timestamp for record in batch.records[-1:])])
        outcome = Outcome(batch.end, watermark, silent=silent)
        newest = self._newest(batch)
        for counted in self.flows.values():
            partials = newest.filter(pl.col("flow") == counted.flow)
            if len(partials):
                progress = self._progress(source, counted, partials, view, outcome)
                partials = distinct.summed(counted, partials.filter(pl.col("counter_key") != ""), view, outcome)
                self._add_up(source, counted, partials, progress, view, outcome)
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
        known = self._known(counted, view)
        before = min(watermark for _, watermark in known)
        # only a progress record says that all of a publication came before it: a batch may end within one
        reached = newest.filter(pl.col("counter_key") == "")
        moved = reached.group_by("partition", maintain_order=True).agg(pl.col("position", "watermark").max())
        for partition, position, watermark in moved.iter_rows():
            known[partition] = (max(position, known[partition][0]), max(watermark, known[partition][1]))
        outcome.puts.append((PROGRESS + counted.flow.encode(), json.dumps(known).encode()))
        if not outcome.silent:
            outcome.messages.append(self._told(source, counted, known, moved["partition"].to_list()))
        return Progress([p for p, _ in known], before, min(watermark for _, watermark in known))

    def _known(self, counted: Counted, view: View) -> list[tuple[int, int]]:
        """Position and watermark (ms) of every source partition, as they stand."""
        raw = view.read([PROGRESS + counted.flow.encode()])[0]
        return [(p, w) for p, w in json.loads(raw)] if raw else [(0, 0)] * counted.partitions

    def _told(
        self, source: Source, counted: Counted, known: Sequence[tuple[int, int]], partitions: Iterable[int]
    ) -> Message:
        """The progress of these source partitions."""
        names, values = [], []
        for partition in partitions:
            at = {"totals_partition": source.partition, "source_partition": partition}
            names.append(schemas.encode("ProgressKey", {"flow": counted.flow, "generation": self.generation, **at}))
            reached = dict(zip(("position", "watermark"), known[partition], strict=True))
            values.append(schemas.encode("Progress", reached))
        return Message(PROGRESS_TOPIC, 0, names, values)

    def restated(self, source: Source, view: View, former: Former) -> Outcome | None:
        """All totals as they stand, and how far they come: to be published in one transaction, in the place of what
        ``former`` shows. What is no more is nought, and then gone. None while ``former`` includes more than they do.
        """
        outcome = Outcome(view.position, view.watermark)
        for counted in self.flows.values():
            known = self._known(counted, view)
            if any(known[partition][0] < position for partition, position in former.reached(counted.flow).items()):
                return None
            watermark = min(mark for _, mark in known)
            progress = Progress([position for position, _ in known], watermark, watermark)
            keys = [key[len(ROW) :].decode() for key, _ in view.scan(ROW)]
            for start in range(0, len(keys), AT_ONCE):
                parts = self._standing(pl.Series(keys[start : start + AT_ONCE], dtype=pl.String), progress)
                rows = Rows(view.read([ROW + key.encode() for key in parts["key"].to_list()]), counted)
                self._publish(source, parts, rows.as_first(), progress, outcome)
            outcome.messages.append(self._told(source, counted, known, range(counted.partitions)))
        for output in self.outputs.values():
            own = {key for message in outcome.messages if message.topic == output.topic for key in message.keys}
            rows_before = former.rows(output.topic).items()
            gone = {key: output.nought(value, self.generation) for key, value in rows_before if key not in own}
            outcome.messages.append(Message(output.topic, source.partition, list(gone), list(gone.values())))
            outcome.messages.append(Message(output.topic, source.partition, list(gone), [None] * len(gone)))
        return outcome

    def _standing(self, keys: pl.Series, progress: Progress) -> pl.DataFrame:
        """Counter keys taken apart (``counters.parsed``), with ``key``, without minutes that have had their time."""
        parts = parsed(keys).with_columns(key=keys)
        stands = (pl.col("window") != WINDOWS[MINUTE]) | (
            pl.col("window_end") + MINUTE_LIFETIME_MS > progress.watermark
        )
        return parts.filter(stands & pl.col("counter").is_in(list(self.outputs)))

    def _add_up(
        self,
        source: Source,
        counted: Counted,
        partials: pl.DataFrame,
        progress: Progress,
        view: View,
        outcome: Outcome,
    ) -> None:
        late = self._due(CLOSING, counted, progress, view, outcome)
        gone = self._due(EXPIRING, counted, progress, view, outcome)
        keys = pl.concat([partials["counter_key"], pl.Series(late, dtype=pl.String)]).unique(maintain_order=True)
        parts = self._standing(keys, progress)
        if len(parts):
            names = parts["key"].to_list()
            stored = [ROW + name.encode() for name in names]
            rows = Rows(view.read(stored), counted)
            place = {name: i for i, name in enumerate(names)}
            where = np.array([place.get(key, -1) for key in partials["counter_key"].to_list()], np.int64)
            rows.take(where, partials)
            outcome.puts += list(zip(stored, rows.dump(), strict=True))
            self._remember(counted, parts.filter(pl.Series(rows.first)), progress, outcome)
            if not outcome.silent:
                self._publish(source, parts, rows, progress, outcome)
        if gone:
            outcome.deletes += [ROW + key.encode() for key in gone]
        if gone and not outcome.silent:
            for output, some in self._by_counter(source, parsed(pl.Series(gone))):
                tombs = [output.key_header + key for key in output.keys.write(some)]
                outcome.messages.append(Message(output.topic, source.partition, tombs, [None] * len(tombs)))

    def _due(self, prefix: bytes, counted: Counted, progress: Progress, view: View, outcome: Outcome) -> list[str]:
        """Keys of windows whose moment has come, by the slowest source partition; the windows' entries go."""
        start, due = prefix + counted.flow.encode() + b"\0", []
        own = {counter.name for counter in counted.counters}
        for entry, _ in view.scan(start):
            moment, (window, zone) = (
                int.from_bytes(entry[len(start) :][:8], "big"),
                entry[len(start) + 8 :].split(b"\0"),
            )
            if moment > progress.watermark:
                break
            outcome.deletes.append(entry)
            keys = (row[len(ROW) :].decode() for row, _ in view.scan(ROW + window))
            due += [key for key in keys if key.endswith(SEPARATOR + zone.decode()) and key.split(SEPARATOR)[2] in own]
        return due

    def _publish(self, source: Source, parts: pl.DataFrame, rows: Rows, progress: Progress, outcome: Outcome) -> None:
        """The totals in ``rows``, each to the topic of its counter."""
        sums, first = rows.measures.sum(axis=1), pl.Series(rows.first)
        parts = parts.with_columns(
            place=pl.int_range(pl.len()),
            revision=pl.Series(rows.positions.sum(axis=1)),
            generation=pl.lit(self.generation, pl.Int32),
            source_positions=pl.lit(progress.positions, pl.List(pl.Int64)),
            watermark=pl.lit(progress.watermark, pl.Int64),
            status=progress.status(pl.col("window_end"), first),
        )
        for output, some in self._by_counter(source, parts):
            counter, own = output.counter, sums[some["place"].to_numpy()]
            frame = some.with_columns(
                definition=pl.lit(counter.definition, pl.Int32),
                **{measure: pl.Series(own[:, i]) for i, (measure, _) in enumerate(counter.measures)},
            )
            names = [output.key_header + key for key in output.keys.write(frame)]
            values = [output.value_header + value for value in output.values.write(frame)]
            outcome.messages.append(Message(output.topic, source.partition, names, values))
            outcome.tally["totals", counter.name] = outcome.tally.get(("totals", counter.name), 0) + len(names)

    def _by_counter(self, source: Source, parts: pl.DataFrame) -> Iterator[tuple[_Output, pl.DataFrame]]:
        """Parsed keys by counter, with the dimensions by name, and ``slice``: what this partition counts of them."""
        for (name,), some in parts.group_by("counter", maintain_order=True):
            output = self.outputs[str(name)]
            dimensions = pl.col("dimensions").list
            named = {dimension: dimensions.get(i) for i, dimension in enumerate(output.counter.dimensions)}
            yield output, some.with_columns(**named, slice=pl.lit(source.partition, pl.Int32))

    def _remember(self, counted: Counted, new: pl.DataFrame, progress: Progress, outcome: Outcome) -> None:
        """Note when the windows of new keys become final, and when their minutes go."""
        flow = counted.flow.encode() + b"\0"
        windows = new.select("prefix", "time_zone", "window", "window_end").unique(maintain_order=True).drop_nulls()
        for prefix, zone, window, end in windows.iter_rows():
            name = f"{prefix}\0{zone}".encode()
            if end + GRACE_MS > progress.watermark:
                outcome.puts.append((CLOSING + flow + (end + GRACE_MS).to_bytes(8, "big") + name, b""))
            if window == WINDOWS[MINUTE]:
                outcome.puts.append((EXPIRING + flow + (end + MINUTE_LIFETIME_MS).to_bytes(8, "big") + name, b""))


@dataclass(frozen=True)
class Progress:
    """How far a flow's totals include its source partitions. ``positions``: next offset of each; ``before`` and
    ``watermark``: append time (ms) of the slowest, before this batch and after it.
    """

    positions: list[int]
    before: int
    watermark: int

    def status(self, end: pl.Expr, first: pl.Series) -> pl.Expr:
        """Of totals whose windows end at ``end``; ``first``: whether each is published for the first time."""
        final = end + GRACE_MS
        return (
            pl.when(end.is_null() | (final > self.watermark))
            .then(pl.lit("PROVISIONAL"))
            .when((final <= self.before) & ~first)
            .then(pl.lit("REVISED"))
            .otherwise(pl.lit("FINAL"))
        )
