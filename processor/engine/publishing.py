"""Totals on their way to subscribers: one compacted topic per counter, typed keys and values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import polars as pl

import schemas
from processor.engine.counters import Counter, parsed
from processor.engine.decode import Columns
from processor.engine.model import Message, Outcome, Source
from processor.engine.progress import Progress
from processor.engine.several import Upon, slices
from processor.engine.totals_rows import Rows


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


class Publisher:
    """Writes the totals of ``counters``, each with the outcome of its ``source``: a place in what it is ``upon``."""

    def __init__(self, counters: Iterable[Counter], generation: int) -> None:
        self.generation = generation
        self.outputs = {counter.name: _Output(counter) for counter in counters}

    def publish(self, parts: pl.DataFrame, rows: Rows, progress: Progress, upon: Upon) -> None:
        """The totals in ``rows``, each to the topic of its counter. ``parts``: ``source``, and its key taken apart."""
        if all(outcome.silent for outcome in upon.outcomes):
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
        for output, some in self._by_counter(parts, upon):
            counter, own = output.counter, sums[some["place"].to_numpy()]
            frame = some.with_columns(
                definition=pl.lit(counter.definition, pl.Int32),
                **{measure: pl.Series(own[:, i]) for i, (measure, _) in enumerate(counter.measures)},
            )
            names = [output.key_header + key for key in output.keys.write(frame)]
            values = [output.value_header + value for value in output.values.write(frame)]
            for outcome, n in self._say(output, some, names, values, upon):
                outcome.tally["totals", counter.name] = outcome.tally.get(("totals", counter.name), 0) + n

    def withdraw(self, keys: pl.DataFrame, upon: Upon) -> None:
        """Tombstones for counter keys (``source``, ``counter_key``) that had their time."""
        for output, some in self._by_counter(keys.hstack(parsed(keys["counter_key"])), upon):
            tombs = [output.key_header + key for key in output.keys.write(some)]
            self._say(output, some, tombs, [None] * len(tombs), upon)

    def replace(self, source: Source, former: Former, outcome: Outcome) -> None:
        """Of what ``former`` shows and ``outcome`` does not: nought, and then gone."""
        for output in self.outputs.values():
            own = {key for message in outcome.messages if message.topic == output.topic for key in message.keys}
            rows_before = former.rows(output.topic).items()
            gone = {key: output.nought(value, self.generation) for key, value in rows_before if key not in own}
            outcome.messages.append(Message(output.topic, source.partition, list(gone), list(gone.values())))
            outcome.messages.append(Message(output.topic, source.partition, list(gone), [None] * len(gone)))

    @staticmethod
    def _say(
        output: _Output, some: pl.DataFrame, names: Sequence[bytes], values: Sequence[bytes | None], upon: Upon
    ) -> list[tuple[Outcome, int]]:
        """Messages for the rows of ``some``, with the outcome of each unless that is silent; how many each got."""
        said, lies = [], slices(some["source"].to_numpy(), len(upon.sources))
        for source, outcome, place in zip(upon.sources, upon.outcomes, lies, strict=True):
            if place.start < place.stop and not outcome.silent:
                outcome.messages.append(Message(output.topic, source.partition, names[place], values[place]))
                said.append((outcome, place.stop - place.start))
        return said

    def _by_counter(self, parts: pl.DataFrame, upon: Upon) -> Iterator[tuple[_Output, pl.DataFrame]]:
        """Parsed keys by counter, with the dimensions by name, and ``slice``: what their partition counts of them."""
        partitions = pl.Series([source.partition for source in upon.sources], dtype=pl.Int32)
        parts = parts.with_columns(slice=partitions.gather(parts["source"]))
        for (name,), some in parts.group_by("counter", maintain_order=True):
            output = self.outputs[str(name)]
            dimensions = pl.col("dimensions").list
            named = {dimension: dimensions.get(i) for i, dimension in enumerate(output.counter.dimensions)}
            yield output, some.with_columns(**named)
