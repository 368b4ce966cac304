"""A partition's counters on their way to the totals: absolute values, each under its own Kafka key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

import schemas
from processor.engine import partitioner
from processor.engine.counters import SEPARATOR, Counter
from processor.engine.decode import Columns
from processor.engine.model import Message, Source
from processor.engine.presence import Told

TOPIC = "counters.partials"


class Writer:
    """Writes the partials of one flow to ``count`` partitions of ``counters.partials``."""

    def __init__(self, flow: str, counters: Sequence[Counter], count: int) -> None:
        schema = schemas.latest("Partial")
        self.flow, self.count, self.header = flow, count, schema.header
        self.columns = Columns(schema.text)
        self.width = max(len(counter.measures) for counter in counters)

    def messages(self, source: Source, told: Sequence[Told], position: int, watermark: int) -> list[Message]:
        """One partial per counter key, all stamped with ``position``.

        Every partition also gets the progress itself: a partial without a counter.
        """
        keys = [key for some in told for key in some.keys]
        routes = [route for some in told for route in some.routes]
        names = [*keys, *[b""] * self.count]
        where = np.concatenate([partitioner.partitions(routes, self.count), np.arange(self.count)])
        amounts = np.concatenate([some.values for some in told])
        measures = [pl.Series(amounts.reshape(-1)).reshape((len(keys), self.width)).cast(pl.List(pl.Int64))]
        measures.append(pl.Series([[]] * self.count, dtype=pl.List(pl.Int64)))
        frame = pl.DataFrame(
            {
                "counter_key": pl.Series(names, dtype=pl.Binary).cast(pl.String),
                "measures": pl.concat(measures),
            }
        ).with_columns(
            generation=pl.lit(source.generation, pl.Int32),
            flow=pl.lit(self.flow),
            partition=pl.lit(source.partition, pl.Int32),
            position=pl.lit(position, pl.Int64),
            watermark=pl.lit(watermark, pl.Int64),
        )
        stamp = SEPARATOR.join([str(source.generation), self.flow, str(source.partition), ""]).encode()
        payloads = self.columns.write(frame)
        messages = []
        for partition in range(self.count):
            chosen = np.nonzero(where == partition)[0].tolist()  # its progress comes last
            own = [stamp + names[i] for i in chosen]
            messages.append(Message(TOPIC, partition, own, [self.header + payloads[i] for i in chosen]))
        return messages
