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
from processor.engine.lifecycle import Ints
from processor.engine.model import Batch, Due, Message, Outcome, Source, View, Work, begun
from processor.engine.several import Upon, slices
from processor.engine.totals_rows import ROW, Counted, Rows, places

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
        return self.steps([Work(source, batch, view, silent)])[0]

    def steps(self, work: Sequence[Work]) -> list[Outcome]:
        started = time.perf_counter()
        sources, outcomes = [each.source for each in work], [begun(each) for each in work]
        upon = Upon([each.view for each in work], outcomes)
        newest = self._newest(work)
        for counted in self.flows.values():
            partials = newest.filter(pl.col("flow") == counted.flow)
            if len(partials):
                progress = self._progress(sources, counted, partials, upon)
                partials = distinct.summed(counted, partials.filter(pl.col("counter_key") != ""), upon)
                self._add_up(sources, counted, partials, progress, upon)
        for outcome in outcomes:
            outcome.seconds["totals"] = (time.perf_counter() - started) / len(work)
        return outcomes

    def _newest(self, work: Sequence[Work]) -> pl.DataFrame:
        """The newest partials of this generation: of each batch (``source``, ascending) one per flow, source partition
        and counter key.
        """
        cut = len(self.header)
        own = f"{self.generation}{SEPARATOR}".encode()
        payloads = [
            [r.value[cut:] for r in each.batch.records if r.value is not None and (r.key or b"").startswith(own)]
            for each in work
        ]
        frame = self.columns.frame([payload for some in payloads for payload in some])
        frame = frame.with_columns(source=np.repeat(np.arange(len(work)), [*map(len, payloads)]))
        return frame.unique(["source", "flow", "partition", "counter_key"], keep="last", maintain_order=True)

    def _progress(self, sources: Sequence[Source], counted: Counted, newest: pl.DataFrame, upon: Upon) -> Progress:
        """Progress of every source partition of a flow; publishes those that moved."""
        # only a progress record says that all of a publication came before it: a batch may end within one
        reached = newest.filter(pl.col("counter_key") == "")
        moved = reached.group_by("source", "partition", maintain_order=True).agg(pl.col("position", "watermark").max())
        progress = Progress.none(len(sources))
        for place in newest["source"].unique().sort().to_list():
            outcome, known = upon.outcomes[place], self._known(counted, upon.views[place])
            progress.before[place] = min(watermark for _, watermark in known)
            told = []
            for _, partition, position, watermark in moved.filter(pl.col("source") == place).iter_rows():
                known[partition] = (max(position, known[partition][0]), max(watermark, known[partition][1]))
                told.append(partition)
            progress.watermark[place] = min(watermark for _, watermark in known)
            progress.positions[place] = [position for position, _ in known]
            outcome.puts.append((PROGRESS + counted.flow.encode(), json.dumps(known).encode()))
            if not outcome.silent:
                outcome.messages.append(self._told(sources[place], counted, known, told))
        return progress

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
            watermark = np.array([min(mark for _, mark in known)])
            progress = Progress([[position for position, _ in known]], watermark, watermark)
            keys = [key[len(ROW) :].decode() for key, _ in view.scan(ROW)]
            for start in range(0, len(keys), AT_ONCE):
                some = pl.DataFrame({"counter_key": keys[start : start + AT_ONCE]}, {"counter_key": pl.String})
                parts = self._standing(some.with_columns(source=pl.lit(0, pl.Int64)), progress)
                rows = Rows(view.read([ROW + key.encode() for key in parts["counter_key"].to_list()]), counted)
                self._publish([source], parts, rows.as_first(), progress, [outcome])
            outcome.messages.append(self._told(source, counted, known, range(counted.partitions)))
        for output in self.outputs.values():
            own = {key for message in outcome.messages if message.topic == output.topic for key in message.keys}
            rows_before = former.rows(output.topic).items()
            gone = {key: output.nought(value, self.generation) for key, value in rows_before if key not in own}
            outcome.messages.append(Message(output.topic, source.partition, list(gone), list(gone.values())))
            outcome.messages.append(Message(output.topic, source.partition, list(gone), [None] * len(gone)))
        return outcome

    def _standing(self, keys: pl.DataFrame, progress: Progress) -> pl.DataFrame:
        """``source`` and ``counter_key``, with the key taken apart (``counters.parsed``); without minutes that have had
        their time.
        """
        parts = keys.hstack(parsed(keys["counter_key"]))
        stands = (pl.col("window") != WINDOWS[MINUTE]) | (
            pl.col("window_end") + MINUTE_LIFETIME_MS > pl.Series(progress.watermark[keys["source"].to_numpy()])
        )
        return parts.filter(stands & pl.col("counter").is_in(list(self.outputs)))

    def _add_up(
        self, sources: Sequence[Source], counted: Counted, partials: pl.DataFrame, progress: Progress, upon: Upon
    ) -> None:
        late = self._due(CLOSING, counted, progress, upon)
        gone = self._due(EXPIRING, counted, progress, upon)
        keys = pl.concat([partials.select(late.columns), late]).unique(maintain_order=True)
        parts = self._standing(keys.sort("source", maintain_order=True), progress)
        if len(parts):
            source = parts["source"].to_numpy()
            stored = [ROW + name.encode() for name in parts["counter_key"].to_list()]
            rows = Rows(upon.read(stored, source), counted)
            rows.take(places(partials, parts), partials)
            upon.put(stored, rows.dump(), source)
            self._remember(counted, parts.filter(pl.Series(rows.first)), progress, upon)
            self._publish(sources, parts, rows, progress, upon.outcomes)
        if len(gone):
            for place, key in gone.iter_rows():
                upon.outcomes[place].deletes.append(ROW + key.encode())
            parts = gone.hstack(parsed(gone["counter_key"]))
            for output, some in self._by_counter(sources, parts):
                tombs = [output.key_header + key for key in output.keys.write(some)]
                self._say(output, sources, some, tombs, [None] * len(tombs), upon.outcomes)

    def _due(self, prefix: bytes, counted: Counted, progress: Progress, upon: Upon) -> pl.DataFrame:
        """Keys (``source``, ``counter_key``) of windows whose moment has come, by the slowest source partition; the
        windows' entries go.
        """
        start, due = prefix + counted.flow.encode() + b"\0", []
        own = {counter.name for counter in counted.counters}
        for place in progress.present:
            view = upon.views[place]
            for entry, _ in view.scan(start):
                moment, (window, zone) = (
                    int.from_bytes(entry[len(start) :][:8], "big"),
                    entry[len(start) + 8 :].split(b"\0"),
                )
                if moment > progress.watermark[place]:
                    break
                upon.outcomes[place].deletes.append(entry)
                keys = (row[len(ROW) :].decode() for row, _ in view.scan(ROW + window))
                due += [
                    (place, key)
                    for key in keys
                    if key.endswith(SEPARATOR + zone.decode()) and key.split(SEPARATOR)[2] in own
                ]
        return pl.DataFrame(due, {"source": pl.Int64, "counter_key": pl.String}, orient="row")

    def _publish(
        self,
        sources: Sequence[Source],
        parts: pl.DataFrame,
        rows: Rows,
        progress: Progress,
        outcomes: Sequence[Outcome],
    ) -> None:
        """The totals in ``rows``, each to the topic of its counter."""
        if all(outcome.silent for outcome in outcomes):
            return
        sums, source = rows.measures.sum(axis=1), parts["source"].to_numpy()
        parts = parts.with_columns(
            place=pl.int_range(pl.len()),
            revision=pl.Series(rows.positions.sum(axis=1)),
            generation=pl.lit(self.generation, pl.Int32),
            source_positions=pl.Series(progress.positions, dtype=pl.List(pl.Int64)).gather(source),
            watermark=progress.watermark[source],
            status=progress.status(source, pl.col("window_end"), pl.Series(rows.first)),
        )
        for output, some in self._by_counter(sources, parts):
            counter, own = output.counter, sums[some["place"].to_numpy()]
            frame = some.with_columns(
                definition=pl.lit(counter.definition, pl.Int32),
                **{measure: pl.Series(own[:, i]) for i, (measure, _) in enumerate(counter.measures)},
            )
            names = [output.key_header + key for key in output.keys.write(frame)]
            values = [output.value_header + value for value in output.values.write(frame)]
            for outcome, n in self._say(output, sources, some, names, values, outcomes):
                outcome.tally["totals", counter.name] = outcome.tally.get(("totals", counter.name), 0) + n

    @staticmethod
    def _say(
        output: _Output,
        sources: Sequence[Source],
        some: pl.DataFrame,
        names: Sequence[bytes],
        values: Sequence[bytes | None],
        outcomes: Sequence[Outcome],
    ) -> list[tuple[Outcome, int]]:
        """Messages for the rows of ``some``, with the outcome of each unless that is silent; how many each got."""
        said, lies = [], slices(some["source"].to_numpy(), len(sources))
        for source, outcome, place in zip(sources, outcomes, lies, strict=True):
            if place.start < place.stop and not outcome.silent:
                outcome.messages.append(Message(output.topic, source.partition, names[place], values[place]))
                said.append((outcome, place.stop - place.start))
        return said

    def _by_counter(self, sources: Sequence[Source], parts: pl.DataFrame) -> Iterator[tuple[_Output, pl.DataFrame]]:
        """Parsed keys by counter, with the dimensions by name, and ``slice``: what their partition counts of them."""
        partitions = pl.Series([source.partition for source in sources], dtype=pl.Int32)
        parts = parts.with_columns(slice=partitions.gather(parts["source"]))
        for (name,), some in parts.group_by("counter", maintain_order=True):
            output = self.outputs[str(name)]
            dimensions = pl.col("dimensions").list
            named = {dimension: dimensions.get(i) for i, dimension in enumerate(output.counter.dimensions)}
            yield output, some.with_columns(**named)

    def _remember(self, counted: Counted, new: pl.DataFrame, progress: Progress, upon: Upon) -> None:
        """Note when the windows of new keys become final, and when their minutes go."""
        flow = counted.flow.encode() + b"\0"
        windows = new.select("source", "prefix", "time_zone", "window", "window_end").unique(maintain_order=True)
        for place, prefix, zone, window, end in windows.drop_nulls().iter_rows():
            name, puts = f"{prefix}\0{zone}".encode(), upon.outcomes[place].puts
            if end + GRACE_MS > progress.watermark[place]:
                puts.append((CLOSING + flow + (end + GRACE_MS).to_bytes(8, "big") + name, b""))
            if window == WINDOWS[MINUTE]:
                puts.append((EXPIRING + flow + (end + MINUTE_LIFETIME_MS).to_bytes(8, "big") + name, b""))


@dataclass(frozen=True)
class Progress:
    """How far a flow's totals include its source partitions, of each totals partition, by place. ``positions``: next
    offset of each source partition, none where nothing has come; ``before`` and ``watermark``: append time (ms) of the
    slowest, before this batch and after it.
    """

    positions: list[list[int]]
    before: Ints
    watermark: Ints

    @classmethod
    def none(cls, count: int) -> Progress:
        return cls([[] for _ in range(count)], np.zeros(count, np.int64), np.zeros(count, np.int64))

    @property
    def present(self) -> list[int]:
        """Places where something has come."""
        return [place for place, positions in enumerate(self.positions) if positions]

    def status(self, source: Ints, end: pl.Expr, first: pl.Series) -> pl.Expr:
        """Of totals of ``source`` whose windows end at ``end``; ``first``: whether each is published for the first
        time.
        """
        final = end + GRACE_MS
        before, watermark = pl.Series(self.before[source]), pl.Series(self.watermark[source])
        return (
            pl.when(end.is_null() | (final > watermark))
            .then(pl.lit("PROVISIONAL"))
            .when((final <= before) & ~first)
            .then(pl.lit("REVISED"))
            .otherwise(pl.lit("FINAL"))
        )
