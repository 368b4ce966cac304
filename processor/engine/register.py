"""Register rows between the store (packed bytes, one value per key) and the arrays of the fold.

A row: HEAD; what was seen, a pair (identity, content) for every event that took effect; the document, the content that
counts or would count, as the flow wrote it; parked events, each WAITING and the document it brings. Little-endian.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from processor.engine.lifecycle import ACCEPTED, MARKS, NEVER, PARKED, Bools, Events, Folded, Ints, Parked, Rows

PREFIX = b"r"
NOTHING = -1
"""Instead of a document's size: there is none."""

HEAD = np.dtype(
    [
        ("touched", "<i8"),
        ("counted_at", "<i8"),
        ("counted_when", "<i8"),
        ("marks", "<i8", (MARKS,)),
        ("state", "<i4"),
        ("version", "<i4"),
        ("counted", "<i4"),
        ("basis", "<i4"),
        ("seen", "<i4"),
        ("document", "<i4"),
        ("parked", "<i4"),
        ("tag", "<i4"),
    ]
)
"""``seen`` and ``parked``: how many; ``document``: its size, or NOTHING; the others as in ``lifecycle.Rows``."""

WAITING = np.dtype(
    [("at", "<i8"), ("kind", "<i4"), ("version", "<i4"), ("basis", "<i4"), ("document", "<i4"), ("tag", "<i4")]
)
PAIR = 16

Heads = npt.NDArray[Any]


def _absent() -> bytes:
    head = np.zeros(1, HEAD)
    head["document"] = NOTHING
    head["touched"] = NEVER
    return head.tobytes()


ABSENT = _absent()


@dataclass(frozen=True)
class Brought:
    """Documents, with the basis of each: index into ``lifecycle.Lifecycle.bases``."""

    documents: list[bytes]
    basis: Ints


@dataclass(frozen=True)
class Loaded:
    """The register before a batch: ``raw`` rows by key index. ``documents`` and their ``basis``: every content that can
    play a part: stored ones (by key index), the batch's, parked ones, in this order.
    """

    raw: list[bytes]
    heads: Heads
    rows: Rows
    parked: Parked
    documents: list[bytes]
    basis: Ints

    def known(self, key: Ints, identity: Ints) -> tuple[Bools, Ints]:
        """Whether each (key index, identity) was seen before, and with which content."""
        seen = self.heads["seen"]
        start = HEAD.itemsize
        packed = b"".join([raw[start : start + PAIR * n] for raw, n in zip(self.raw, seen.tolist(), strict=True)])
        pairs = np.frombuffer(packed, "<i8").reshape(-1, 2)
        is_known, content = np.zeros(len(key), np.bool_), np.zeros(len(key), np.int64)
        candidates = np.nonzero(np.isin(identity, pairs[:, 0]))[0]
        if len(candidates):
            met = np.isin(pairs[:, 0], identity[candidates])
            owners = np.repeat(np.arange(len(seen)), seen)[met]
            found = {(k, i): c for k, (i, c) in zip(owners.tolist(), pairs[met].tolist(), strict=True)}
            for e in candidates.tolist():
                known = found.get((int(key[e]), int(identity[e])))
                if known is not None:
                    is_known[e], content[e] = True, known
        return is_known, content


def load(keys: Sequence[bytes], brought: Brought, read: Callable[[list[bytes]], Sequence[bytes | None]]) -> Loaded:
    """Rows of ``keys`` (distinct); ``read`` gives what is stored under each."""
    raw = [value or ABSENT for value in read([PREFIX + key for key in keys])]
    size, n = HEAD.itemsize, len(keys)
    heads = np.frombuffer(b"".join([value[:size] for value in raw]), HEAD)
    begins = heads["seen"] * PAIR + size
    ends = begins + np.maximum(heads["document"], 0)
    stored = [value[begin:end] for value, begin, end in zip(raw, begins.tolist(), ends.tolist(), strict=True)]
    documents = stored + brought.documents
    basis = [heads["basis"].astype(np.int64), brought.basis]
    parked = Parked()
    for k in np.nonzero(heads["parked"])[0].tolist():
        at = int(ends[k])
        for _ in range(int(heads["parked"][k])):
            waiting = np.frombuffer(raw[k], WAITING, 1, at)[0]
            at += WAITING.itemsize
            place = NOTHING
            if waiting["document"] != NOTHING:
                place = len(documents)
                documents.append(raw[k][at : at + int(waiting["document"])])
                basis.append(np.array([waiting["basis"]], np.int64))
                at += int(waiting["document"])
            kind, version, moment, tag = (int(waiting[name]) for name in ("kind", "version", "at", "tag"))
            parked.add((k, kind, version, moment, place, tag))
    rows = Rows(
        state=heads["state"].astype(np.int64),
        version=heads["version"].astype(np.int64),
        touched=heads["touched"].astype(np.int64),
        document=np.where(heads["document"] == NOTHING, NOTHING, np.arange(n)),
        counted=heads["counted"].astype(np.bool_),
        counted_at=heads["counted_at"].astype(np.int64),
        counted_when=heads["counted_when"].astype(np.int64),
        born=np.zeros(n, np.int64),
        parked=heads["parked"].astype(np.int64),
        tag=heads["tag"].astype(np.int64),
        marks=heads["marks"].astype(np.int64),
    )
    return Loaded(raw, heads, rows, parked, documents, np.concatenate(basis))


def rows(
    keys: Sequence[bytes], loaded: Loaded, folded: Folded, events: Events, identity: Ints
) -> list[tuple[bytes, bytes]]:
    """The changed rows as they are put into the store. ``identity``: identity hash of each event."""
    k = np.nonzero(folded.written)[0]
    after, documents = folded.rows, loaded.documents
    # what took effect, unless the row expired after it within this very batch
    fresh = np.isin(folded.verdict, (ACCEPTED, PARKED)) & (events.appended >= after.born[events.key])
    new = np.nonzero(fresh)[0]
    new = new[np.argsort(events.key[new], kind="stable")]
    pairs = np.stack([identity[new], events.content[new]], 1).astype("<i8").tobytes()
    added = np.bincount(events.key[new], minlength=len(keys))
    ends = np.cumsum(added) * PAIR
    begins = ends - added * PAIR
    kept = np.where(after.born[k] > 0, 0, loaded.heads["seen"][k])
    waiting = _waiting(loaded, folded)
    place = after.document[k]
    heads = np.zeros(len(k), HEAD)
    for name in ("touched", "counted_at", "counted_when", "marks", "state", "version", "counted", "parked", "tag"):
        heads[name] = getattr(after, name)[k]
    heads["basis"] = np.where(place == NOTHING, 0, loaded.basis[place])
    heads["seen"] = kept + added[k]
    heads["document"] = [NOTHING if p == NOTHING else len(documents[p]) for p in place.tolist()]
    packed, size, chosen = heads.tobytes(), HEAD.itemsize, k.tolist()
    parts = (
        [packed[at : at + size] for at in range(0, len(packed), size)],
        [loaded.raw[key][size:end] for key, end in zip(chosen, (kept * PAIR + size).tolist(), strict=True)],
        [pairs[begin:end] for begin, end in zip(begins[k].tolist(), ends[k].tolist(), strict=True)],
        [b"" if p == NOTHING else documents[p] for p in place.tolist()],
        [waiting.get(key, b"") for key in chosen] if waiting else [b""] * len(chosen),
    )
    return list(zip([PREFIX + keys[key] for key in chosen], map(b"".join, zip(*parts, strict=True)), strict=True))


def _waiting(loaded: Loaded, folded: Folded) -> dict[int, bytes]:
    """Parked events by key index, packed."""
    packed: dict[int, bytes] = {}
    parked = folded.parked
    for i in [i for i, alive in enumerate(parked.alive) if alive]:
        place, head = parked.document[i], np.zeros(1, WAITING)
        document = b"" if place == NOTHING else loaded.documents[place]
        head["at"], head["kind"] = parked.at[i], parked.kind[i]
        head["version"], head["tag"] = parked.version[i], parked.tag[i]
        head["basis"] = 0 if place == NOTHING else loaded.basis[place]
        head["document"] = NOTHING if place == NOTHING else len(document)
        packed[parked.key[i]] = packed.get(parked.key[i], b"") + head.tobytes() + document
    return packed
