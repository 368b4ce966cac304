"""Quix Streams: rows and documents in its state, by declaration number, with changelog topics, as it comes.

Its state belongs to the key of a message, and counters to none: they would need a repartition topic and some fifty
messages an event. They are in dicts here and do not last, which favours it.
"""

from __future__ import annotations

from typing import Any

from quixstreams import Application, State, message_context

from tests.bench.plain.counts import Fields
from tests.bench.plain.fold import answer
from tests.bench.plain.state import Dicts
from tests.bench.rivals.run import Run


class Keyed(Dicts):
    """Rows and documents in the state of the message at hand."""

    def __init__(self) -> None:
        super().__init__()
        self.state: Any = None
        self.row, self.put_row = self._row, self._put_row  # type: ignore[assignment]
        self.document, self.put_document = self._document, self._put_document  # type: ignore[assignment]

    def _row(self, _: str) -> Fields | None:
        return self.state.get("row")

    def _put_row(self, _: str, row: Fields) -> None:
        self.state.set("row", row)

    def _document(self, _: str) -> Fields:
        return self.state.get("document")

    def _put_document(self, _: str, document: Fields) -> None:
        self.state.set("document", document)


def main(run: Run) -> None:
    kept = Keyed()

    def processed(*_: Any) -> None:
        if run.done:
            app.stop()

    app = Application(
        run.bootstrap,
        consumer_group=run.name,
        auto_offset_reset="earliest",
        state_dir=run.home / "state",
        loglevel="ERROR",
        on_message_processed=processed,
        producer_extra_config={"linger.ms": 50, "compression.type": "lz4"},
    )
    source = app.topic(run.source, key_deserializer="bytes", value_deserializer="bytes")
    receipts = app.topic(run.receipts, key_serializer="bytes", value_serializer="bytes")

    def fold(value: bytes | None, key: bytes, timestamp: int, _: Any, state: State | None = None) -> bytes | None:
        run.begin()
        kept.state = state
        at = message_context()
        return run.answered(answer(kept, at.partition, at.offset, timestamp, key, value))

    frame = app.dataframe(source)
    frame.filter(lambda _, key, *__: not key, metadata=True).apply(fold, metadata=True)  # no key, no state
    keyed = frame.filter(lambda _, key, *__: bool(key), metadata=True).apply(fold, stateful=True, metadata=True)
    keyed.filter(lambda receipt: receipt is not None).to_topic(receipts)
    app.run()
    run.end(kept.figures)


if __name__ == "__main__":
    main(Run.told())
