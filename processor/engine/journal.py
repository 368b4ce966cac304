"""The journal: what a batch adds to counters, kept as it happened until it is posted to them.

A batch writes its entries once; posting adds up the entries of many batches at a time. So the answer to an event does
not wait for counting, and counting costs the less an event the more come.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cramjam
import numpy as np
import polars as pl

from processor.engine.lifecycle import CONTRIBUTION_COLUMNS, STAGE_COLUMNS, Ints

COUNTS = 4
"""Numbers a block starts with: how many stages, contributions, documents and frames."""


@dataclass(frozen=True)
class Journal:
    """Entries of several partitions. ``stages`` and ``contributions``: lifecycle.STAGE_COLUMNS and
    CONTRIBUTION_COLUMNS, int64; their ``document`` is an index into ``documents``, as the flow wrote them.
    ``answered``: the flow's own entries of what was answered, by what they are of, with ``source``. ``stage_source``,
    ``contribution_source``: of which partition each is, as a place among them.
    """

    stages: Ints
    stage_source: Ints
    contributions: Ints
    contribution_source: Ints
    documents: list[bytes]
    answered: dict[str, pl.DataFrame]


def pack(stages: Ints, contributions: Ints, documents: Sequence[bytes], answered: Mapping[str, pl.DataFrame]) -> bytes:
    """A batch's entries as bytes, with those ``documents`` they name."""
    stages, contributions = stages.copy(), contributions.copy()
    used, places = np.unique(np.concatenate([stages[:, 1], contributions[:, 1]]), return_inverse=True)
    own = [documents[i] for i in used.tolist()]
    stages[:, 1], contributions[:, 1] = places[: len(stages)], places[len(stages) :]
    frames = ["\0".join(answered).encode(), *map(_dumped, answered.values())]
    counts = np.array([len(stages), len(contributions), len(own), len(frames)])
    sizes = np.array([*map(len, own), *map(len, frames)])
    numbers = np.concatenate([counts, stages.T.ravel(), contributions.T.ravel(), sizes])
    packed = numbers.astype("<i8").tobytes() + b"".join(own + frames)
    return bytes(cramjam.lz4.compress_block(packed))


def unpack(journals: Sequence[Sequence[bytes]]) -> Journal:
    """The entries of many batches of several partitions, put together."""
    stages: list[Ints] = [np.zeros((0, len(STAGE_COLUMNS)), np.int64)]
    contributions: list[Ints] = [np.zeros((0, len(CONTRIBUTION_COLUMNS)), np.int64)]
    sources = [-1]
    documents: list[bytes] = []
    answered: dict[str, list[pl.DataFrame]] = defaultdict(list)
    for source, packed in ((place, each) for place, journal in enumerate(journals) for each in journal):
        raw = bytes(cramjam.lz4.decompress_block(packed))
        counts = np.frombuffer(raw, "<i8", COUNTS)
        n = counts * np.array([len(STAGE_COLUMNS), len(CONTRIBUTION_COLUMNS), 1, 1])
        numbers = np.frombuffer(raw, "<i8", int(n.sum()), counts.nbytes)
        of_stages, of_contributions, sizes = np.split(numbers, np.cumsum(n[:2]))
        for entries, found in ((of_stages, stages), (of_contributions, contributions)):
            table = entries.reshape(found[0].shape[1], -1).T.copy()
            table[:, 1] += len(documents)
            found.append(table)
        sources.append(source)
        ends = np.cumsum(sizes) + counts.nbytes + numbers.nbytes
        parts = [raw[end - size : end] for end, size in zip(ends.tolist(), sizes.tolist(), strict=True)]
        documents += parts[: counts[2]]
        names, *frames = parts[counts[2] :]
        for name, frame in zip(names.decode().split("\0"), frames, strict=bool(frames)):
            answered[name].append(pl.read_ipc_stream(frame).with_columns(source=pl.lit(source, pl.Int64)))
    together = {of: pl.concat(frames) for of, frames in answered.items()}
    stage_source, contribution_source = (
        np.repeat(sources, [len(table) for table in tables]) for tables in (stages, contributions)
    )
    return Journal(
        np.concatenate(stages), stage_source, np.concatenate(contributions), contribution_source, documents, together
    )


def _dumped(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_ipc_stream(out)
    return out.getvalue()
