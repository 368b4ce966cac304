"""A partition's counters on their way to the totals: absolute values, each under its own Kafka key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

import schemas
from processor.engine import partitioner
from processor.engine.counters import SEPARATOR, Counter
from processor.engine.decode import Columns
from processor.engine.model import Due, Message
from processor.engine.presence import Told
from processor.engine.several import slices

TOPIC = "counters.partials"


def name(generation: int, flow: str, partition: int, counter_key: str = "") -> bytes:
    """Kafka key of what a source partition says of a counter; without one, of its progress."""
    return SEPARATOR.join([str(generation), flow, str(partition), counter_key]).encode()


class Writer:
    """Writes the partials of one flow to ``count`` partitions of ``counters.partials``."""

    def __init__(self, flow: str, counters: Sequence[Counter], count: int) -> None:
        schema = schemas.latest("Partial")
        self.flow, self.count, self.header = flow, count, schema.header
        self.columns = Columns(schema.text)
        self.width = max(len(counter.measures) for counter in counters)

    def messages(self, due: Sequence[Due], told: Sequence[Told]) -> list[list[Message]]:
        """Of each source one partial per counter key, all stamped with its position.

        Every partition also gets the progress itself: a partial without a counter.
        """
        keys = [key for some in told for key in some.keys]
        routes = [route for some in told for route in some.routes]
        progress = len(due) * self.count
        names = [*keys, *[b""] * progress]
        of = np.concatenate([*(some.source for some in told), np.repeat(np.arange(len(due)), self.count)])
        where = np.concatenate([partitioner.partitions(routes, self.count), np.arange(progress) % self.count])
        amounts = np.concatenate([some.values for some in told])
        measures = [pl.Series(amounts.reshape(-1)).reshape((len(keys), self.width)).cast(pl.List(pl.Int64))]
        measures.append(pl.Series([[]] * progress, dtype=pl.List(pl.Int64)))
        stamps = pl.DataFrame(
            [(each.source.generation, each.source.partition, each.position, each.watermark) for each in due],
            {"generation": pl.Int32, "partition": pl.Int32, "position": pl.Int64, "watermark": pl.Int64},
            orient="row",
        )
        frame = pl.DataFrame(
            {
                "counter_key": pl.Series(names, dtype=pl.Binary).cast(pl.String),
                "measures": pl.concat(measures),
            }
        ).with_columns(*stamps[of], flow=pl.lit(self.flow))
        prefixes = [name(each.source.generation, self.flow, each.source.partition) for each in due]
        payloads = self.columns.write(frame)
        lane = of * self.count + where
        order = np.argsort(lane, kind="stable")  # of each source and partition, its progress comes last
        placed = order.tolist()
        under = [prefixes[source] + names[i] for source, i in zip(of[order].tolist(), placed, strict=True)]
        values = [self.header + payloads[i] for i in placed]
        messages: list[list[Message]] = [[] for _ in due]
        for place, lies in enumerate(slices(lane[order], progress)):
            messages[place // self.count].append(Message(TOPIC, place % self.count, under[lies], values[lies]))
        return messages
