"""A flow over a register, made runnable: decode, judge, fold, count, answer. Reads like the way of the data."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

import schemas
from processor.engine import lifecycle, partials, presence, receipts, register, rules
from processor.engine.counters import PREFIX, Counter, count, expired_minutes, timed
from processor.engine.decode import Columns, Decoded, Decoder
from processor.engine.journal import Journal, pack, unpack
from processor.engine.judged import Judged, Prepared, whole
from processor.engine.lifecycle import CONTRIBUTION_COLUMNS, STAGE_COLUMNS, Events, Ints, Lifecycle
from processor.engine.model import Batch, Due, Message, Outcome, Source, View, Work, begun
from processor.engine.presence import Counts, Told
from processor.engine.receipts import Answers
from processor.engine.register import Loaded
from processor.engine.rules import Judge, Rule
from processor.engine.several import Several, Upon, read


@dataclass(frozen=True)
class Flow:
    """One event family. ``records``: the records it takes, and of each the field that is its key; ``prepare`` turns
    decoded frames (with ``row``, ``appended``) into Prepared; ``document`` is the Avro record a register row keeps;
    ``basis``: field of it that selects ``lifecycle.counted``. ``receipts`` and ``dead_letters``: topics.

    What counters count, by what it is of, with the columns ``counters.count`` asks for: ``entries`` makes it of the
    stages that were reached and the contributions that were made (lifecycle.STAGE_COLUMNS with ``stage`` instead of
    ``kind``, CONTRIBUTION_COLUMNS; both with the document's fields instead of ``document``, and ``counters.timed``);
    ``answered`` of the answers (the events with ``outcome``), the findings in them (``rules.COLUMNS``) and what was
    prepared ``beside``. All have ``source``, a small number that tells of which partition they are; so has each entry.
    """

    name: str
    topic: str
    receipts: str
    dead_letters: str
    records: Mapping[str, str]
    document: dict[str, Any]
    basis: str
    rules: tuple[Rule, ...]
    lifecycle: Lifecycle
    stages: Mapping[str, str]
    counters: tuple[Counter, ...]
    prepare: Callable[[Mapping[str, pl.DataFrame]], Prepared]
    entries: Callable[[pl.DataFrame, pl.DataFrame], Mapping[str, pl.DataFrame]]
    answered: Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame], Mapping[str, pl.DataFrame]]


class RegisterFold:
    """A Flow as a Fold (see ``model.Fold``)."""

    def __init__(self, flow: Flow, versions: Mapping[str, Sequence[schemas.Schema]], partials_count: int) -> None:
        self.flow = flow
        self.decoder = Decoder(flow.records, versions)
        self.documents = Columns(json.dumps(flow.document))
        self.rules = Judge(flow.rules)
        self.receipts = receipts.Writer()
        self.partials = partials.Writer(flow.name, flow.counters, partials_count)
        self.width = max(len(counter.measures) for counter in flow.counters)
        self.added = [counter for counter in flow.counters if counter.distinct is None]
        self.distinct = [counter for counter in flow.counters if counter.distinct is not None]
        self.kinds, self.bases = pl.Enum(flow.lifecycle.kinds), pl.Enum(flow.lifecycle.bases)

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
        facts = (
            register.HEAD.descr,
            register.WAITING.descr,
            life.marked,
            flow.document,
            sorted(life.documents),
            sorted(life.exact),
            life.park_limit,
            life.lifetime_ms,
        )
        counted = {basis: sorted(states) for basis, states in life.counted.items()}
        counters = [repr(counter) for counter in flow.counters]
        text = json.dumps([facts, life.table, counted, counters, dict(flow.stages)], default=list)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def step(self, source: Source, batch: Batch, view: View, *, silent: bool = False) -> Outcome:
        return self.steps([Work(source, batch, view, silent)])[0]

    def steps(self, work: Sequence[Work]) -> list[Outcome]:
        """Fold batches of different partitions (see ``model.Fold.step``), as one frame: that costs little more than
        one of them.
        """
        clock, several = _Clock(), Several(work)
        judged = self._judged(several, clock)
        outcomes = [begun(each) for each in work]
        if len(judged.events):
            self._fold(several, judged, outcomes, clock)
        of_dead = several.slices(several.of[judged.dead_rows])
        for each, outcome, place in zip(work, outcomes, of_dead, strict=True):
            dead = judged.dead[place]
            if dead and not each.silent:
                outcome.messages.append(receipts.dead_letters(self.flow.dead_letters, each.source, dead))
                for reason, n in Tally(letter.reason for letter in dead).items():
                    outcome.tally["dead_letters", reason] = n
            share = len(each.batch.records) / max(len(several.records), 1)
            outcome.seconds = {part: seconds * share for part, seconds in clock.seconds.items()}
        return outcomes

    def _judged(self, several: Several, clock: _Clock) -> Judged:
        partitions = several.work[0].source.partitions
        decoded, dead = self.decoder.together(several.records, several.partition, partitions)
        clock.lap("decode")
        prepared = self._prepare(several.appended, decoded)
        judged = whole(decoded, prepared, self.rules(prepared.frames), dead)
        clock.lap("rules")
        return judged

    def posts(self, due: Sequence[Due]) -> list[Outcome]:
        """As ``model.Fold.posts``: what is due of different partitions as one frame."""
        clock = _Clock()
        postings = [Outcome(each.position, each.watermark, silent=each.silent) for each in due]
        upon = Upon([each.source for each in due], [each.view for each in due], postings)
        counts = Counts(upon, self.width)
        entries = self.entries(unpack([each.journal for each in due]))
        clock.lap("entries")
        changes = count(self.added, entries, self.width)
        clock.lap("count")
        told = [Told(changes.keys, counts.add(PREFIX, changes)[1], changes.keys, changes.source)]
        told += [
            presence.told(counter, entries[counter.of], counts) for counter in self.distinct if counter.of in entries
        ]
        clock.lap("counters")
        if not all(each.silent for each in due):
            for posting, messages in zip(postings, self.partials.messages(due, told), strict=True):
                posting.messages += [] if posting.silent else messages
        clock.lap("partials")
        for posting, each in zip(postings, due, strict=True):
            posting.expired = expired_minutes(each.view.posted_watermark, each.watermark)
            posting.seconds = {part: seconds / len(due) for part, seconds in clock.seconds.items()}
        return postings

    def _prepare(self, appended: Ints, decoded: Mapping[str, Decoded]) -> Prepared:
        frames = {
            name: part.frame.hstack([pl.Series("appended", appended[part.frame["row"].to_numpy()])])
            for name, part in decoded.items()
        }
        return self.flow.prepare(frames)

    def _fold(self, several: Several, judged: Judged, outcomes: Sequence[Outcome], clock: _Clock) -> None:
        flow, frame = self.flow, judged.events
        row = frame["row"].to_numpy()
        of_event = several.of[row]
        names, loaded, events, of_key = self._load(several, judged, of_event)
        clock.lap("register read")
        folded = lifecycle.fold(flow.lifecycle, events, loaded.rows, loaded.parked, loaded.basis)
        clock.lap("fold")
        rows = register.rows(names, loaded, folded, events, judged.identity)
        clock.lap("register rows")
        answers = Answers(frame, of_event, several.offset[row], events.kind, judged.findings, folded, flow.lifecycle)
        findings = receipts.told(answers)
        answered = self.receipts.frame([each.source for each in several.work], answers, findings)
        silent = all(each.silent for each in several.work)
        keys, values = ([], []) if silent else self.receipts.written(answered)
        receipts.tally(answered, findings, several.of, outcomes)
        clock.lap("receipts")
        entries = _apart(several, flow.answered(answered, findings, judged.beside))
        stages, of_stages = several.sorted(of_key[folded.stage_keys])
        moved, of_moved = several.sorted(of_key[folded.contribution_keys])
        of_row, of_answer = several.slices(of_key[np.nonzero(folded.written)[0]]), several.slices(of_event)
        for i, (each, outcome) in enumerate(zip(several.work, outcomes, strict=True)):
            place = of_answer[i]
            if place.start == place.stop:
                continue
            outcome.puts += rows[of_row[i]]
            if not each.silent:
                outcome.messages.append(Message(flow.receipts, each.source.partition, keys[place], values[place]))
            reached, counted = folded.stages[stages[of_stages[i]]], folded.contributions[moved[of_moved[i]]]
            outcome.entries = pack(reached, counted, loaded.documents, entries[i])
        clock.lap("journal")

    def _load(self, several: Several, judged: Judged, of_event: Ints) -> tuple[list[bytes], Loaded, Events, Ints]:
        """The keys of the batches, what their registers and the batches bring to them, the events upon them, and of
        each key whose it is.
        """
        frame, identity, content = judged.events, judged.identity, judged.content
        keys = frame["key"].to_arrow().dictionary_encode()
        key = keys.indices.to_numpy().astype(np.int64)
        names = [name.encode() for name in keys.dictionary.to_pylist()]
        of_key = of_event[np.unique(key, return_index=True)[1]]  # keys are numbered as they come: so by batch, too
        refused = rules.refused(judged.findings)
        brought = judged.documents
        brought = brought.filter(~np.isin(brought["row"].to_numpy(), refused))
        basis = brought[self.flow.basis].cast(self.bases).to_physical().cast(pl.Int64).to_numpy()
        documents = register.Brought(self.documents.write(brought.drop("row")), basis)
        views = [each.view for each in several.work]
        loaded = register.load(names, documents, lambda keys: read(views, keys, of_key))
        is_known, known = loaded.known(key, identity)
        row = frame["row"].to_numpy()
        place = np.full(len(several.records), -1, np.int64)
        place[brought["row"].to_numpy()] = np.arange(len(brought)) + len(names)
        events = Events(
            key=key,
            kind=frame["kind"].cast(self.kinds).to_physical().cast(pl.Int64).to_numpy(),
            version=frame["version"].cast(pl.Int64).to_numpy(),
            at=frame["at"].to_numpy(),
            appended=frame["appended"].to_numpy(),
            ok=~np.isin(row, refused),
            group=_first(key, identity),
            content=content,
            known=known,
            is_known=is_known,
            document=place[row],
            tag=frame["tag"].cast(pl.Int64).to_numpy(),
        )
        return names, loaded, events, of_key

    def entries(self, journal: Journal) -> dict[str, pl.DataFrame]:
        """What counters count, by what it is of."""
        flow = self.flow
        documents = self.documents.frame(journal.documents)
        names = pl.Series([flow.stages.get(kind, "") for kind in flow.lifecycle.kinds], dtype=pl.String)
        stages = pl.DataFrame(journal.stages, schema=STAGE_COLUMNS)
        reached = stages.select_seq(names.gather(stages["kind"]).alias("stage"), pl.col(STAGE_COLUMNS[2:]))
        reached = reached.with_columns_seq(sign=pl.lit(1, pl.Int64), source=journal.stage_source)
        reached = reached.hstack(documents[journal.stages[:, 1]])
        moved = pl.DataFrame(journal.contributions, schema=CONTRIBUTION_COLUMNS).drop("document")
        moved = moved.with_columns_seq(source=journal.contribution_source)
        moved = moved.hstack(documents[journal.contributions[:, 1]])
        entries = dict(flow.entries(timed(reached), timed(moved)))
        for of, answered in journal.answered.items():
            entries[of] = pl.concat([entries[of], answered], how="diagonal") if of in entries else answered
        return entries


class _Clock:
    """Seconds spent per part of a step: for metrics only, the fold never sees it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.perf_counter()

    def lap(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self.last
        self.last = now


def _apart(several: Several, entries: Mapping[str, pl.DataFrame]) -> list[dict[str, pl.DataFrame]]:
    """Entries by their ``source``, a place in the work."""
    parts: list[dict[str, pl.DataFrame]] = [{} for _ in several.work]
    for name, frame in entries.items():
        order, places = several.sorted(frame["source"].to_numpy())
        ordered = frame.drop("source")[order]
        for part, place in zip(parts, places, strict=True):
            part[name] = ordered[place]
    return parts


def _first(key: Ints, identity: Ints) -> Ints:
    """For each event the first of the batch with its key and identity."""
    first = np.arange(len(key))
    _, place, counts = np.unique(identity, return_inverse=True, return_counts=True)
    met: dict[tuple[int, int], int] = {}
    for e in np.nonzero(counts[place] > 1)[0].tolist():
        first[e] = met.setdefault((int(key[e]), int(identity[e])), e)
    return first
