"""An ordinary Faust agent, an event at a time: with tables (in memory, with changelog topics), or with plain dicts.

Tables are kept by partition, so counters have the source partition in their key, to be added up when they are read:
what one partition's changelog restores must not overwrite another's.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

os.environ.setdefault("FAUST_LOOP", "uvloop")
import faust

from tests.bench.plain.counts import Entry, Fields, Windows
from tests.bench.plain.fold import answer
from tests.bench.plain.state import Dicts, Figures, distinct
from tests.bench.rivals.run import Run


class Tables:
    """Rows, documents and counters in Faust tables; every change is a record of a changelog."""

    def __init__(self, app: faust.App) -> None:
        self.rows = app.Table("rows", partitions=8)
        self.documents = app.Table("documents", partitions=8)
        self.counters = app.Table("counters", partitions=8)
        self.partition = 0

    def row(self, number: str) -> Fields | None:
        return self.rows.get(number)

    def put_row(self, number: str, row: Fields) -> None:
        self.rows[number] = row

    def document(self, number: str) -> Fields:
        return self.documents[number]

    def put_document(self, number: str, document: Fields) -> None:
        self.documents[number] = document

    def post(self, counter: str, into: Windows, entries: list[Entry], sign: int) -> None:
        table = self.counters
        for window, start in into:
            of = f"{self.partition}|{counter}|{window}|{'' if start is None else start}|"
            for dims, measures in entries:
                key = of + "|".join(dims)
                before = table.get(key)
                if before is None:
                    table[key] = [sign * measure for measure in measures]
                else:
                    table[key] = [b + sign * m for b, m in zip(before, measures, strict=True)]

    def figures(self) -> Figures:
        whole: dict[Any, tuple[int, ...]] = {}
        for key, measures in self.counters.items():
            _, counter, window, start, *dims = key.split("|")
            of = (counter, window, int(start) if start else None, tuple(dims))
            before = whole.get(of, (0,) * len(measures))
            whole[of] = tuple(b + m for b, m in zip(before, measures, strict=True))
        return distinct(whole)


def main(run: Run, tables: bool) -> None:
    app = faust.App(
        run.name,
        broker=f"kafka://{run.bootstrap}",
        store="memory://",
        datadir=str(run.home / "faust"),
        topic_disable_leader=True,
        web_enabled=False,
        producer_compression_type="lz4",
        producer_linger=0.05,
    )
    source = app.topic(run.source, key_serializer="raw", value_serializer="raw", partitions=8)
    receipts = app.topic(run.receipts, key_serializer="raw", value_serializer="raw", partitions=8)
    state: Any = Tables(app) if tables else Dicts()

    async def events(stream: Any) -> None:
        async for event in stream.events():
            run.begin()
            record = event.message
            partition, appended_at = record.partition, round(record.timestamp * 1000)
            state.partition = partition
            receipt = run.answered(answer(state, partition, record.offset, appended_at, record.key, record.value))
            if receipt is not None:
                await receipts.send(key=record.key, value=receipt, partition=partition)
            if run.done:
                await app.producer.flush()
                run.end(state.figures)
                os._exit(0)

    @app.agent(source)
    async def fold(stream: Any) -> None:
        try:
            await events(stream)
        except Exception:  # noqa: BLE001 Faust would start the agent again, without end
            traceback.print_exc()
            os._exit(1)

    worker = faust.Worker(app, loglevel="WARN", redirect_stdouts=False)
    worker.execute_from_commandline()


if __name__ == "__main__":
    kind = sys.argv.pop(1)
    main(Run.told(), kind == "tables")
