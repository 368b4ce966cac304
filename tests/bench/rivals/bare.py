"""A loop of confluent-kafka: a thousand records at a time, dicts, nothing that lasts, no positions committed."""

from __future__ import annotations

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, Producer

from tests.bench.plain.fold import answer
from tests.bench.plain.state import Dicts
from tests.bench.rivals.run import Run

BATCH = 1_000
PRODUCER = {"linger.ms": 50, "compression.type": "lz4", "queue.buffering.max.messages": 1_000_000}


def main(run: Run) -> None:
    state = Dicts()
    consumer = Consumer(
        {
            "bootstrap.servers": run.bootstrap,
            "group.id": run.name,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    producer = Producer({"bootstrap.servers": run.bootstrap, **PRODUCER})
    consumer.subscribe([run.source])
    while not run.done:
        records = consumer.consume(BATCH, 0.05)
        if records:
            run.begin()
        for record in records:
            assert record.error() is None, record.error()
            kind, appended_at = record.timestamp()
            assert kind != TIMESTAMP_NOT_AVAILABLE
            key, partition = record.key(), record.partition()
            receipt = run.answered(answer(state, partition, record.offset(), appended_at, key, record.value()))
            if receipt is not None:
                producer.produce(run.receipts, receipt, key, partition)
        producer.poll(0)
    assert producer.flush(60) == 0
    run.end(state.figures)
    consumer.close()


if __name__ == "__main__":
    main(Run.told())
