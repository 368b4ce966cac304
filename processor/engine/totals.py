"""The totals: one more flow on the same engine. Adds up what the source partitions have counted.

A row per counter key holds, for each source partition that has one, its newest partial: the position it is stamped
with and its measures. Partials are absolute and, thanks to fencing, stamped in append order: a newer one replaces its
predecessor, and a log compacted to the newest partials gives the same totals.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

import schemas
from processor.engine import distinct, partials
from processor.engine.counters import MINUTE, MINUTE_LIFETIME_MS, SEPARATOR, WINDOWS, parsed
from processor.engine.decode import Columns
from processor.engine.model import Batch, Due, Message, Outcome, Source, View, Work, begun
from processor.engine.progress import GRACE_MS, Progress, Teller, known
from processor.engine.publishing import Former, Publisher
from processor.engine.several import Upon, slices
from processor.engine.totals_rows import ROW, Counted, Rows, places

CLOSING, EXPIRING = b"f", b"x"
"""Prefixes in the store, by the moment they are due: windows that are to become final, and minutes that are to go."""

AT_ONCE = 20_000
"""Rows that are published anew in one go: it bounds what that takes of memory."""


class TotalsFold:
    """The Fold of ``counters.partials`` (see ``model.Fold``)."""

    name = "totals"
    topic = "counters.partials"

    def __init__(self, counted: Sequence[Counted], generation: int) -> None:
        self.generation = generation
        self.flows = {c.flow: c for c in counted}
        self.publisher = Publisher([counter for c in counted for counter in c.counters], generation)
        self.teller = Teller(generation)
        self.columns = Columns(schemas.latest("Partial").text)
        self.header = schemas.latest("Partial").header

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
        upon = Upon([each.source for each in work], [each.view for each in work], [begun(each) for each in work])
        newest = self._newest(work)
        for counted in self.flows.values():
            said = newest.filter(pl.col("flow") == counted.flow)
            if len(said):
                progress = self.teller.moved(counted, said, upon)
                said = distinct.summed(counted, said.filter(pl.col("counter_key") != ""), upon)
                self._add_up(counted, said, progress, upon)
        for outcome in upon.outcomes:
            outcome.seconds["totals"] = (time.perf_counter() - started) / len(work)
        return list(upon.outcomes)

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

    def restated(self, source: Source, view: View, former: Former) -> Outcome | None:
        """All totals as they stand, and how far they come: to be published in one transaction, in the place of what
        ``former`` shows. What is no more is nought, and then gone. None while ``former`` includes more than they do.
        """
        outcome = Outcome(view.position, view.watermark)
        upon = Upon([source], [view], [outcome])
        for counted in self.flows.values():
            stands = known(counted, view)
            if any(stands[partition][0] < position for partition, position in former.reached(counted.flow).items()):
                return None
            watermark = np.array([min(mark for _, mark in stands)])
            progress = Progress([[position for position, _ in stands]], watermark, watermark)
            keys = [key[len(ROW) :].decode() for key, _ in view.scan(ROW)]
            for start in range(0, len(keys), AT_ONCE):
                some = pl.DataFrame({"counter_key": keys[start : start + AT_ONCE]}, {"counter_key": pl.String})
                parts = self._standing(some.with_columns(source=pl.lit(0, pl.Int64)), progress)
                rows = Rows(view.read([ROW + key.encode() for key in parts["counter_key"].to_list()]), counted)
                self.publisher.publish(parts, rows.as_first(), progress, upon)
            outcome.messages.append(self.teller.told(source, counted, stands, range(counted.partitions)))
        self.publisher.replace(source, former, outcome)
        return outcome

    def _standing(self, keys: pl.DataFrame, progress: Progress) -> pl.DataFrame:
        """``source`` and ``counter_key``, with the key taken apart (``counters.parsed``); without minutes that have had
        their time.
        """
        parts = keys.hstack(parsed(keys["counter_key"]))
        stands = (pl.col("window") != WINDOWS[MINUTE]) | (
            pl.col("window_end") + MINUTE_LIFETIME_MS > pl.Series(progress.watermark[keys["source"].to_numpy()])
        )
        return parts.filter(stands & pl.col("counter").is_in(list(self.publisher.outputs)))

    def _add_up(self, counted: Counted, said: pl.DataFrame, progress: Progress, upon: Upon) -> None:
        late = self._due(CLOSING, counted, progress, upon)
        gone = self._due(EXPIRING, counted, progress, upon)
        keys = pl.concat([said.select(late.columns), late]).unique(maintain_order=True)
        parts = self._standing(keys.sort("source", maintain_order=True), progress)
        if len(parts):
            source = parts["source"].to_numpy()
            stored = [ROW + name.encode() for name in parts["counter_key"].to_list()]
            rows = Rows(upon.read(stored, source), counted)
            rows.take(places(said, parts), said)
            upon.put(stored, rows.dump(), source)
            self._remember(counted, parts.filter(pl.Series(rows.first)), progress, upon)
            self.publisher.publish(parts, rows, progress, upon)
        if len(gone):
            self._forget(counted, gone, upon)
            self.publisher.withdraw(gone, upon)

    def _forget(self, counted: Counted, gone: pl.DataFrame, upon: Upon) -> None:
        """Keys (``source``, ``counter_key``) that had their time go from the store, and what their source partitions
        said of them from the log.
        """
        source, keys = gone["source"].to_numpy(), gone["counter_key"].to_list()
        stored = [ROW + key.encode() for key in keys]
        held, partition = np.nonzero(Rows(upon.read(stored, source), counted).positions)
        said = [
            partials.name(self.generation, counted.flow, of, keys[place])
            for place, of in zip(held.tolist(), partition.tolist(), strict=True)
        ]
        of_key, of_said = (slices(of, len(upon.sources)) for of in (source, source[held]))
        for here, outcome, key, some in zip(upon.sources, upon.outcomes, of_key, of_said, strict=True):
            outcome.deletes += stored[key]
            if said[some] and not outcome.silent:
                outcome.messages.append(Message(partials.TOPIC, here.partition, said[some], [None] * len(said[some])))

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
