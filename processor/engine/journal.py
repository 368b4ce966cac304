"""The journal: what a batch adds to counters, kept as it happened until it is posted to them.

A batch writes its entries once; posting adds up the entries of many batches at a time. So the answer to an event does
not wait for counting, and counting costs the less an event the more come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cramjam
import numpy as np

from processor.engine.lifecycle import Ints


@dataclass(frozen=True)
class Journal:
    """Entries. ``stages``: (kind, document, at, appended) of each applied event; ``contributions``: (sign, document,
    at, appended) to what counts; both int64. ``document`` is an index into ``documents``, as the flow wrote them.
    """

    stages: Ints
    contributions: Ints
    documents: list[bytes]


def pack(stages: Ints, contributions: Ints, documents: Sequence[bytes]) -> bytes:
    """A batch's entries as bytes, with those ``documents`` they name; empty where there are none."""
    if not len(stages):
        return b""
    used, places = np.unique(np.concatenate([stages[:, 1], contributions[:, 1]]), return_inverse=True)
    own = [documents[i] for i in used.tolist()]
    stages, contributions = stages.copy(), contributions.copy()
    stages[:, 1], contributions[:, 1] = places[: len(stages)], places[len(stages) :]
    sizes = [len(document) for document in own]
    counts = np.array([len(stages), len(contributions), len(own)])
    numbers = np.concatenate([counts, stages.T.ravel(), contributions.T.ravel(), np.array(sizes)])
    packed = numbers.astype("<i8").tobytes() + b"".join(own)
    return bytes(cramjam.lz4.compress_block(packed))


def unpack(packed: Sequence[bytes]) -> Journal:
    """The entries of many batches, put together."""
    stages: list[Ints] = []
    contributions: list[Ints] = []
    documents: list[bytes] = []
    for each in packed:
        raw = bytes(cramjam.lz4.decompress_block(each))
        counts = np.frombuffer(raw, "<i8", 3)
        numbers = np.frombuffer(raw, "<i8", int(counts @ np.array([4, 4, 1])), 24)
        of_stages, of_contributions, sizes = np.split(numbers, np.cumsum(counts[:2] * 4))
        for entries, found in ((of_stages, stages), (of_contributions, contributions)):
            table = entries.reshape(4, -1).T.copy()
            table[:, 1] += len(documents)
            found.append(table)
        ends = np.cumsum(sizes) + 24 + 8 * len(numbers)
        documents += [raw[end - size : end] for end, size in zip(ends.tolist(), sizes.tolist(), strict=True)]
    nothing = [np.zeros((0, 4), np.int64)]
    return Journal(np.concatenate(nothing + stages), np.concatenate(nothing + contributions), documents)
