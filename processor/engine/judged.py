"""Records before their registers have their say: decoded, prepared, judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import xxhash

from processor.engine.decode import Decoded
from processor.engine.lifecycle import Ints
from processor.engine.model import DeadLetter

ENVELOPE = ("sender_id", "event_id", "revision", "sent_at", "sender_sequence")
"""The first fields of every input record, in this order: who, which, which revision; when it was sent, and its number
among all that was sent. The first three identify it; none of them is part of its content.
"""


@dataclass(frozen=True)
class Prepared:
    """A batch as the flow sees it. ``events``: one row per event, in any order, with ``row``, ``record``, ``key``,
    ``kind`` (text), ``version``, ``at``, ``appended``, ``tag`` and the ENVELOPE's fields; ``frames``: what rules are
    evaluated on; ``documents``: ``row`` and the content's fields, for events that bring one; ``beside``: ``row`` and
    what else the flow wants to know of an event when it is answered.
    """

    events: pl.DataFrame
    frames: Mapping[str, pl.DataFrame]
    documents: pl.DataFrame
    beside: pl.DataFrame


@dataclass(frozen=True)
class Judged:
    """``events`` in log order, with the hash of each one's ``identity`` and of its ``content``; ``documents`` and
    ``beside`` as in Prepared; ``findings`` (rules.COLUMNS); ``dead`` letters in log order. ``row`` is a record's place
    among all that were judged.
    """

    events: pl.DataFrame
    identity: Ints
    content: Ints
    documents: pl.DataFrame
    beside: pl.DataFrame
    findings: pl.DataFrame
    dead_rows: Ints
    dead: Sequence[DeadLetter]


def whole(
    decoded: Mapping[str, Decoded], prepared: Prepared, findings: pl.DataFrame, dead: Sequence[tuple[int, DeadLetter]]
) -> Judged:
    """All that was decoded, prepared and judged together."""
    hashes = [_hashes(part) for part in decoded.values()]
    rows = np.concatenate([part.frame["row"].to_numpy() for part in decoded.values()])
    order = np.argsort(rows)
    identity, content = (np.concatenate(some)[order] for some in zip(*hashes, strict=True))
    events = prepared.events[np.argsort(prepared.events["row"].to_numpy())]
    dead_rows = np.array([row for row, _ in dead], np.int64)
    letters = [letter for _, letter in dead]
    return Judged(events, identity, content, prepared.documents, prepared.beside, findings, dead_rows, letters)


def _hashes(part: Decoded) -> tuple[Ints, Ints]:
    """Of each event: sender, event id and revision; and all that follows the envelope. XXH3, 64 bits."""
    frame, digest = part.frame, xxhash.xxh3_64_intdigest
    lengths = [frame[name].str.len_bytes().cast(pl.Int64).to_numpy() for name in ENVELOPE[:2]]
    revision, sent_at, sequence = (frame[name].cast(pl.Int64).to_numpy() for name in ENVELOPE[2:])
    head = sum(_varint(length) + length for length in lengths) + _varint(revision)
    ends = np.asarray(head).tolist()
    bodies = np.asarray(head + _varint(sent_at) + _varint(sequence)).tolist()
    identity = [digest(payload[:end]) for payload, end in zip(part.payloads, ends, strict=True)]
    content = [digest(payload[at:]) for payload, at in zip(part.payloads, bodies, strict=True)]
    return np.array(identity, np.uint64).view(np.int64), np.array(content, np.uint64).view(np.int64)


def _varint(numbers: Ints) -> Ints:
    """Bytes of each number as an Avro long."""
    zigzag = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    size = np.ones(len(numbers), np.int64)
    for byte in range(1, 10):
        size += zigzag >= np.uint64(1) << np.uint64(7 * byte)
    return size
