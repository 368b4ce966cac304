"""A flow over a register, made runnable: decode, judge, fold, count, answer. Reads like the way of the data."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import xxhash

import schemas
from processor.engine import lifecycle, partials, receipts, register, rules
from processor.engine.counters import DOCUMENT, LINE, PREFIX, STAGE, Counter, count, expired_minutes
from processor.engine.decode import Decoded, Decoder
from processor.engine.journal import pack, unpack
from processor.engine.lifecycle import Events, Folded, Ints, Lifecycle
from processor.engine.model import Batch, Outcome, Source, View
from processor.engine.receipts import Answers
from processor.engine.register import Loaded, Register
from processor.engine.rules import Rule, judge

ENVELOPE = ("sender_id", "event_id", "revision", "sent_at")
"""The first four fields of every input record, in this order: who, which, which revision, and when it was sent."""


@dataclass(frozen=True)
class Prepared:
    """A batch as the flow sees it. ``events``: one row per event with ``row``, ``kind`` (text), ``version``, ``at``;
    ``frames``: what rules are evaluated on; ``documents``: ``row`` and the content's fields, for events that bring one.
    """

    events: pl.DataFrame
    frames: Mapping[str, pl.DataFrame]
    documents: pl.DataFrame


@dataclass(frozen=True)
class Flow:
    """One event family. ``prepare`` turns decoded frames (with ``row``, ``appended``) into Prepared; ``document`` is
    the Avro record a register row keeps; ``basis``: field of it that selects ``lifecycle.counted``; ``lines``: field
    with its list of lines, whose columns LINE counters use. ``topics``: where the flow's output goes.
    """

    name: str
    topic: str
    receipts: str
    dead_letters: str
    records: tuple[str, ...]
    key: str
    document: dict[str, Any]
    basis: str
    lines: str
    rules: tuple[Rule, ...]
    lifecycle: Lifecycle
    stages: Mapping[str, str]
    counters: tuple[Counter, ...]
    prepare: Callable[[Mapping[str, pl.DataFrame]], Prepared]


class RegisterFold:
    """A Flow as a Fold (see ``model.Fold``)."""

    def __init__(self, flow: Flow, versions: Mapping[str, Sequence[schemas.Schema]], partials_count: int) -> None:
        self.flow = flow
        self.decoder = Decoder(flow.records, flow.key, versions)
        self.register = Register(flow.document)
        self.receipts = receipts.Writer()
        self.partials = partials.Writer(flow.name, flow.counters, partials_count)
        self.width = max(len(counter.measures) for counter in flow.counters)

    @property
    def name(self) -> str:
        return self.flow.name

    @property
    def topic(self) -> str:
        return self.flow.topic

    @cached_property
    def definition(self) -> str:
        flow = self.flow
        life = flow.lifecycle
        facts = (flow.document, sorted(life.documents), sorted(life.exact), life.park_limit, life.lifetime_ms)
        counted = {basis: sorted(states) for basis, states in life.counted.items()}
        counters = [(c.name, c.of, c.dimensions, c.measures, c.definition) for c in flow.counters]
        text = json.dumps([facts, life.table, counted, counters, dict(flow.stages)], default=list)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def step(self, source: Source, batch: Batch, view: View) -> Outcome:
        clock = _Clock()
        watermark = max([view.watermark, *(record.timestamp for record in batch.records[-1:])])
        decoded, dead = self.decoder.decode(source, batch.records)
        clock.lap("decode")
        prepared = self._prepare(batch, decoded)
        findings = judge(self.flow.rules, prepared.frames)
        clock.lap("rules")
        offsets = pl.Series([record.offset for record in batch.records], dtype=pl.Int64)
        events, identity = self._events(prepared, decoded, findings, offsets)
        outcome = Outcome(batch.end, watermark)
        if len(prepared.events):
            self._fold(source, prepared, findings, events, identity, view, outcome, clock)
        if dead:
            outcome.messages.append(receipts.dead_letters(self.flow.dead_letters, source, dead))
            for letter in dead:
                outcome.tally["dead_letters", letter.reason] = outcome.tally.get(("dead_letters", letter.reason), 0) + 1
        outcome.seconds = clock.seconds
        return outcome

    def post(self, source: Source, journal: Sequence[bytes], position: int, watermark: int, view: View) -> Outcome:
        clock, posting = _Clock(), Outcome(position, watermark)
        entries = unpack(journal)
        if DOCUMENT in entries:
            entries |= self._with_lines(entries[DOCUMENT])
        changes = count(self.flow.counters, entries)
        clock.lap("count")
        stored = [PREFIX + key for key in changes.keys]
        zero = bytes(8 * self.width)
        old = np.frombuffer(b"".join([value or zero for value in view.read(stored)]), "<i8")
        values = old.reshape(len(stored), self.width) + changes.amounts
        raw, size = values.astype("<i8").tobytes(), len(zero)
        posting.puts += [(key, raw[i * size : (i + 1) * size]) for i, key in enumerate(stored)]
        clock.lap("counters read")
        posting.messages += self.partials.messages(source, changes.keys, values, position, watermark)
        clock.lap("partials")
        posting.expired = expired_minutes(view.posted_watermark, watermark)
        posting.seconds = clock.seconds
        return posting

    def _prepare(self, batch: Batch, decoded: Mapping[str, Decoded]) -> Prepared:
        records = batch.records
        frames = {}
        for name, part in decoded.items():
            appended = [records[row].timestamp for row in part.frame["row"].to_list()]
            frames[name] = part.frame.with_columns(pl.Series("appended", appended, dtype=pl.Int64))
        return self.flow.prepare(frames)

    def _events(
        self, prepared: Prepared, decoded: Mapping[str, Decoded], findings: pl.DataFrame, offsets: pl.Series
    ) -> tuple[pl.DataFrame, Ints]:
        """All events in log order, with ``identity`` and ``content`` hashes, ``key`` code ``k`` and ``ok``."""
        hashes = pl.concat([_hashes(part) for part in decoded.values()])
        refused = rules.refused(findings)
        kinds = pl.Enum(self.flow.lifecycle.kinds)
        events = (
            prepared.events.join(hashes, on="row", how="left")
            .sort("row")
            .with_columns(
                pl.col("kind").cast(kinds).to_physical().cast(pl.Int64),
                ok=~pl.col("row").is_in(refused.implode()),
                e=pl.int_range(pl.len(), dtype=pl.Int64),
            )
        )
        events = events.with_columns(offset=offsets.gather(events["row"]))
        keys = events.select(pl.col("key").unique(maintain_order=True)).with_row_index("k")
        events = events.join(keys, on="key", how="left", maintain_order="left").with_columns(
            group=pl.col("e").first().over("k", "identity")
        )
        return events, events["identity"].to_numpy()

    def _fold(
        self,
        source: Source,
        prepared: Prepared,
        findings: pl.DataFrame,
        frame: pl.DataFrame,
        identity: Ints,
        view: View,
        outcome: Outcome,
        clock: _Clock,
    ) -> None:
        flow = self.flow
        keys = frame.filter(pl.col("k").is_first_distinct())["key"]
        documents = prepared.documents.select("row", pl.struct(pl.exclude("row")).alias("document"))
        loaded = self.register.load(keys, documents["document"], view)
        clock.lap("register read")
        events = _arrays(frame, loaded, documents, len(keys))
        basis = loaded.documents.struct.field(flow.basis).cast(pl.Enum(flow.lifecycle.bases)).to_physical()
        basis_index = basis.fill_null(0).cast(pl.Int64).to_numpy()
        folded = lifecycle.fold(flow.lifecycle, events, loaded.rows, loaded.parked, basis_index)
        clock.lap("fold")
        k, rows = self.register.rows(loaded, folded, events, identity)
        names = keys.cast(pl.Binary).gather(k).to_list()
        outcome.puts += [(register.PREFIX + name, row) for name, row in zip(names, rows, strict=True)]
        clock.lap("register rows")
        outcome.entries = pack(self._entries(loaded, folded))
        clock.lap("journal")
        answers = Answers(frame, findings, folded, flow.lifecycle)
        outcome.messages.append(self.receipts.message(flow.receipts, source, answers, outcome))
        clock.lap("receipts")

    def _entries(self, loaded: Loaded, folded: Folded) -> dict[str, pl.DataFrame]:
        flow = self.flow
        stage_names = pl.Series([flow.stages[kind] for kind in flow.lifecycle.kinds])
        stages = pl.DataFrame(
            {
                "stage": stage_names.gather(folded.stages[:, 0]),
                "at": folded.stages[:, 2],
                "appended": folded.stages[:, 3],
            }
        )
        documents = loaded.documents.struct.unnest()
        moved = folded.contributions
        counted = pl.DataFrame({"sign": moved[:, 0], "at": moved[:, 2], "appended": moved[:, 3]})
        return {
            STAGE: stages.hstack(documents.drop(flow.lines)[folded.stages[:, 1]]).with_columns(sign=pl.lit(1)),
            DOCUMENT: counted.hstack(documents[moved[:, 1]]),
        }

    def _with_lines(self, counted: pl.DataFrame) -> dict[str, pl.DataFrame]:
        lines = self.flow.lines
        each = counted.filter(pl.col(lines).list.len() > 0).explode(lines)
        return {DOCUMENT: counted.drop(lines), LINE: each.drop(self._in_both).unnest(lines)}

    @cached_property
    def _in_both(self) -> list[str]:
        """Fields a line has as its document has: of a line, its own count."""
        types = {field["name"]: field["type"] for field in self.flow.document["fields"]}
        return [field["name"] for field in types[self.flow.lines]["items"]["fields"] if field["name"] in types]


class _Clock:
    """Seconds spent per part of a step: for metrics only, the fold never sees it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.perf_counter()

    def lap(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self.last
        self.last = now


def _hashes(part: Decoded) -> pl.DataFrame:
    """``identity``: of sender, event id and revision; ``content``: of all that follows ``sent_at``. XXH3, 64 bits."""
    frame, digest = part.frame, xxhash.xxh3_64_intdigest
    lengths = [frame[name].str.len_bytes().cast(pl.Int64).to_numpy() for name in ENVELOPE[:2]]
    revision, sent_at = (frame[name].cast(pl.Int64).to_numpy() for name in ENVELOPE[2:])
    head = sum(_varint(length) + length for length in lengths) + _varint(revision)
    ends = np.asarray(head).tolist()
    bodies = np.asarray(head + _varint(sent_at)).tolist()
    identity = [digest(payload[:end]) for payload, end in zip(part.payloads, ends, strict=True)]
    content = [digest(payload[at:]) for payload, at in zip(part.payloads, bodies, strict=True)]
    return pl.DataFrame(
        {
            "row": frame["row"],
            "identity": np.array(identity, np.uint64).view(np.int64),
            "content": np.array(content, np.uint64).view(np.int64),
        }
    )


def _varint(numbers: Ints) -> Ints:
    """Bytes of each number as an Avro long."""
    zigzag = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    size = np.ones(len(numbers), np.int64)
    for byte in range(1, 10):
        size += zigzag >= np.uint64(1) << np.uint64(7 * byte)
    return size


def _arrays(frame: pl.DataFrame, loaded: Loaded, documents: pl.DataFrame, keys: int) -> Events:
    seen = loaded.stored.select("k", "ids", "contents").filter(pl.col("ids").list.len() > 0)
    seen = seen.explode("ids", "contents").rename({"ids": "identity", "contents": "known"})
    place = documents.select("row", document=pl.int_range(pl.len(), dtype=pl.Int64) + keys)
    full = frame.join(seen, on=["k", "identity"], how="left", maintain_order="left").join(
        place, on="row", how="left", maintain_order="left"
    )
    ints = {
        name: full[name].cast(pl.Int64).to_numpy() for name in ("kind", "version", "at", "appended", "group", "content")
    }
    return Events(
        key=full["k"].cast(pl.Int64).to_numpy(),
        ok=full["ok"].to_numpy(),
        known=full["known"].fill_null(0).to_numpy(),
        is_known=full["known"].is_not_null().to_numpy(),
        document=full["document"].fill_null(-1).to_numpy(),
        **ints,
    )
