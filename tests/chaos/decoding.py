"""A process that decodes mutated messages and may die of it: ``python -m tests.chaos.decoding SEED COUNT PLACE``.

Every message goes through both paths of the decoder singly, whole through the decoder, and beside good neighbours in a
batch, as a worker would meet it; the oracle's reader is the third judge. The file PLACE always names the call at work;
one that takes more than a second of processor time kills the process. At its end it prints figures as JSON.
"""

import contextlib
import faulthandler
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from processor.engine.decode import MAX_BYTES, Decoded, Decoder, _fast, _slow, _Taken
from processor.engine.model import DeadLetter, LogRecord, Source
from processor.engine.transport import FETCH_BYTES
from tests import oracle_decode
from tests.chaos.mutations import NAMES, Made, densest, good, mutated, versions
from tests.mangle import write

CALL_SECONDS = 1.0
STUCK_SECONDS = 300
BATCH, GOOD = 64, 100
"""Mutated messages in a batch; good ones that are put beside them."""
FETCHED = FETCH_BYTES // MAX_BYTES
ALONE = Source("customs.declarations", 0, 1)
"""The only partition: whatever the key, it is the right one."""
KEYS = {name: "control_number" if name == "ControlRecord" else "declaration_number" for name in NAMES}
Judged = tuple[str, Any]
"""("dead letter", reason) or (record name, fields)."""


class Watch:
    """Times calls, and notes in a file which one runs. ``slowest``: seconds of processor time, and what took them."""

    def __init__(self, place: Path) -> None:
        self.place = place.open("wb", buffering=0)
        self.slowest = (0.0, "")
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        faulthandler.register(signal.SIGPROF, chain=True)

    @contextlib.contextmanager
    def call(self, what: str, messages: int = 1) -> Iterator[None]:
        self.place.seek(0)
        self.place.truncate()
        self.place.write(what.encode())
        signal.setitimer(signal.ITIMER_PROF, CALL_SECONDS * messages)
        began = time.process_time()
        yield
        self.slowest = max(self.slowest, ((time.process_time() - began) / messages, what))
        signal.setitimer(signal.ITIMER_PROF, 0)


class Reader:
    """A decoder, and what the oracle says of the same bytes. ``newly``: whether it knows the unreleased versions."""

    def __init__(self, *, newly: bool) -> None:
        self.newly = newly
        self.known = versions() if newly else {name: found[:-1] for name, found in versions().items()}
        self.decoder = Decoder(KEYS, self.known)
        self.unreleased = {found[-1].header: found[-1] for found in versions().values()}

    def oracle(self, made: Made) -> Judged:
        key, value = made.raw.key, made.raw.value
        schema = self.unreleased.get((value or b"")[:10])
        try:
            if schema is None or not self.newly or len(value or b"") > oracle_decode.MAX_VALUE_BYTES:
                partition = 0 if key is None else oracle_decode.partition_of(key)
                event = oracle_decode.decode(oracle_decode.LogRecord(partition, 0, 0, key, value))
                return event.name, event.fields | ({"newly": None} if self.newly else {})
            fields, _ = oracle_decode.read_body(schema.parsed, (value or b"")[10:])
        except oracle_decode.DeadLetterError as dead:
            return "dead letter", str(dead)
        except oracle_decode.MalformedError:
            return "dead letter", "undecodable"
        if key != fields[KEYS[schema.name]].encode():
            return "dead letter", "wrong_key"
        return schema.name, fields

    def canonical(self, made: Made, fields: Any) -> bytes:
        """The bytes of an event under the version it was written in, as an independent writer makes them."""
        value = made.raw.value or b""
        headers = self.decoder.headers
        return write((headers.get(value[:10]) or headers[value[:5]]).parsed, fields)

    def decode(self, some: Sequence[Made]) -> dict[int, tuple[Judged, bytes]]:
        """By place in the batch: what became of each message, and the payload it is known by."""
        records = [LogRecord(n, 0, made.raw.key, made.raw.value) for n, made in enumerate(some)]
        return told(*self.decoder.decode(ALONE, records))

    def paths(self, made: Made) -> tuple[bool, Judged | None]:
        """Whether the fast path alone takes a message, and what the slow path alone makes of it.

        Raises AssertionError unless the fast path takes exactly what the slow one takes and writes as it came, with
        the same columns.
        """
        dead: list[tuple[int, str, str]] = []
        framed = self.decoder._framed([LogRecord(0, 0, made.raw.key, made.raw.value)], dead)
        if not framed:
            return False, None
        ((schema_id, rows, payloads),) = framed
        name = schema_id.split(".")[0]
        columns, newest = self.decoder.columns[schema_id], self.decoder.newest[name]
        fast, slow = _Taken(newest), _Taken(newest)
        _fast(columns, rows, payloads, fast)
        _slow(columns, self.decoder.strict[schema_id], rows, payloads, slow, dead)
        assert bool(fast.payloads) == (slow.payloads == payloads), "one path takes it alone"
        if not slow.payloads:
            return False, None
        if fast.payloads:
            assert fast.frames[0].equals(slow.frames[0]), "the paths give other columns"
            assert fast.payloads == slow.payloads
        return bool(fast.payloads), (name, _fields(slow.frames[0])[0])


def told(decoded: dict[str, Decoded], dead: list[DeadLetter]) -> dict[int, tuple[Judged, bytes]]:
    found: dict[int, tuple[Judged, bytes]] = {
        letter.record.offset: (("dead letter", letter.reason), b"") for letter in dead
    }
    for name, part in decoded.items():
        rows = part.frame["row"].to_list()
        for row, fields, payload in zip(rows, _fields(part.frame), part.payloads, strict=True):
            assert row not in found, "twice"
            found[row] = ((name, fields), payload)
    return found


def _fields(frame: pl.DataFrame) -> list[dict[str, Any]]:
    rows = frame.rows(named=True)
    for row in rows:
        del row["row"]
    return rows


def judge(reader: Reader, made: Made, watch: Watch, what: str, tally: Counter[str]) -> tuple[Judged, bytes]:
    """What must become of a message anywhere: all judges agree on it."""
    expected = reader.oracle(made)
    with watch.call(f"{what} by both paths"):
        fast, slow = reader.paths(made)
    with watch.call(f"{what} alone"):
        alone = reader.decode([made])
    judged, payload = alone[0]
    assert list(alone) == [0]
    assert judged == expected, f"{judged} by the decoder, {expected} by the oracle"
    if judged[0] == "dead letter":
        assert slow is None or judged[1] == "wrong_key"
        tally[judged[1]] += 1
        return judged, payload
    assert slow == expected
    tally["fast" if fast else "slow"] += 1
    assert payload == reader.canonical(made, judged[1]), "not the canonical bytes"
    if made.record is not None:
        assert made.raw.value is not None
        assert made.raw.value.endswith(payload)
        assert made.record.items() <= judged[1].items(), "not the fields that were sent"
    return judged, payload


def resident_peak() -> float:
    """Peak of resident memory, MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def dense(decoder: Decoder, watch: Watch) -> None:
    """The densest messages there can be, alone and as many as a fetch brings; a second for each."""
    for made, known in densest():
        for messages in (1, FETCHED):
            records = [LogRecord(n, 0, made.raw.key, made.raw.value) for n in range(messages)]
            with watch.call(f"{messages} of {made.how}", messages):
                decoded, dead = decoder.decode(ALONE, records)
            assert [payload for part in decoded.values() for payload in part.payloads] == [known] * messages * bool(
                known
            )
            assert [letter.reason for letter in dead] == ["undecodable"] * messages * (known is None)


def run(seed: int, count: int, place: Path) -> dict[str, Any]:
    watch, readers = Watch(place), [Reader(newly=False), Reader(newly=True)]
    tallies = [Counter[str]() for _ in readers]
    neighbours: list[list[tuple[Made, Any]]] = [[], []]
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    before = resident_peak()
    for which, reader in enumerate(readers):
        makes = [good(seed, n, newly=reader.newly) for n in range(GOOD)]
        judged = [judge(reader, made, watch, f"good {n}", Counter()) for n, made in enumerate(makes)]
        neighbours[which] = list(zip(makes, judged, strict=True))
    for reader in readers:
        dense(reader.decoder, watch)
    for batch, start in enumerate(range(0, count, BATCH)):
        faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True)
        rng, which = Random(f"{seed}/batch/{start}"), batch % len(readers)
        reader, some = readers[which], []
        for n in range(start, min(start + BATCH, count)):
            made = mutated(seed, n, newly=reader.newly)
            some.append((made, judge(reader, made, watch, f"mutated {n}", tallies[which])))
        some += rng.choices(neighbours[which], k=rng.choice((1, BATCH, 4 * BATCH)))
        rng.shuffle(some)
        with watch.call(f"batch at {start}"):
            together = reader.decode([made for made, _ in some])
        assert len(together) == len(some)
        for at, (made, judged) in enumerate(some):
            assert together[at] == judged, f"{made.how} at {start} is other among its neighbours"
    return {
        "messages": count,
        "released": dict(tallies[0]),
        "unreleased": dict(tallies[1]),
        "slowest_seconds": round(watch.slowest[0], 3),
        "slowest": watch.slowest[1],
        "grown_mb": round(resident_peak() - before),
    }


def main() -> None:
    seed, count, place = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    print(json.dumps(run(seed, count, place)))


if __name__ == "__main__":
    main()
