"""What a figure may be while a log is folded: a sum of what each source partition gives for some prefix of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import reduce
from math import prod
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.simulator.ledger import Ledger
from connectors.simulator.ledger.lifecycle import STAGE_OF
from connectors.simulator.messages import Message
from tests.crash.scene import placed

Dimensions = tuple[str, ...]
Figure = tuple[int, ...]

Hashes = npt.NDArray[np.uint64]

MOST_SUMS = 1_000_000
"""Keys with more combinations in half of the partitions are not looked at."""

PARTITIONS = 8
MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)


class _Stages(Ledger):
    """The ledger, which also says what each record adds to declarations-by-stage."""

    def __init__(self) -> None:
        super().__init__()
        self.added: list[tuple[Dimensions, Figure]] = []

    def _staged(self, row: Any, fact: Any, now: Any) -> None:
        super()._staged(row, fact, now)
        dimensions = (STAGE_OF[fact.kind], now.office, now.profile.flow, now.profile.jurisdiction)
        self.added.append((dimensions, (1, now.value, now.net_mass, now.unconverted)))


class Prefixes:
    """Of declarations-by-stage, all time: the figure of every key after every prefix of every source partition."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self.grown: dict[Dimensions, list[list[tuple[int, Figure]]]] = {}
        self.halves: dict[Dimensions, tuple[Hashes, ...] | None] = {}
        ledgers = [_Stages() for _ in range(PARTITIONS)]
        now = datetime.now(UTC)
        for partition, offset, message in placed(messages):
            ledger = ledgers[partition]
            ledger.observe(message, now)
            for dimensions, measures in ledger.added:
                of_all = self.grown.setdefault(dimensions, [[(0, (0, 0, 0, 0))] for _ in range(PARTITIONS)])
                before = of_all[partition][-1][1]
                of_all[partition].append((offset + 1, tuple(map(add, before, measures))))
            ledger.added.clear()

    def at(self, dimensions: Dimensions, partition: int, position: int) -> Figure:
        """The figure of one source partition's records before ``position``."""
        grown = self.grown.get(dimensions)
        if grown is None:
            return (0, 0, 0, 0)
        return next(figure for from_, figure in reversed(grown[partition]) if from_ <= position)

    def may_be(self, dimensions: Dimensions, figure: Figure) -> bool | None:
        """Whether some prefix of each source partition give this figure together; None: too many to try."""
        if dimensions not in self.halves:
            parts = [hashed([figure for _, figure in grown]) for grown in self.grown.get(dimensions, [])]
            halves = parts[: PARTITIONS // 2], parts[PARTITIONS // 2 :]
            few = all(prod(map(len, half)) <= MOST_SUMS for half in halves)
            self.halves[dimensions] = tuple(map(sums, halves)) if few and parts else None
        found = self.halves[dimensions]
        return None if found is None else bool(np.isin(hashed([figure]) - found[0], found[1]).any())


def hashed(figures: Sequence[Figure]) -> Hashes:
    """A number for each figure, so that sums of figures have the sums of their numbers, modulo 2**64."""
    return np.unique((np.array(figures, np.int64).view(np.uint64) * MULTIPLIERS).sum(axis=1, dtype=np.uint64))


def sums(parts: Sequence[Hashes]) -> Hashes:
    """All sums of one of each part."""
    return reduce(lambda one, other: np.unique(np.add.outer(one, other)), parts)
