"""State in plain dicts, and the figures in it."""

from __future__ import annotations

from collections import defaultdict
from operator import add, neg
from typing import Any

from tests.bench.plain.counts import Dims, Entry, Fields, Windows

Key = tuple[str, str, int | None, Dims]
Figures = dict[Key, tuple[int, ...]]


class Dicts:
    """Rows, documents and counters of one process, and nothing of it lasts."""

    def __init__(self) -> None:
        self.rows: dict[str, Fields] = {}
        self.documents: dict[str, Fields] = {}
        self.counters: defaultdict[tuple[str, tuple[str, int | None]], dict[Dims, tuple[int, ...]]] = defaultdict(dict)
        self.row, self.put_row = self.rows.get, self.rows.__setitem__
        self.document, self.put_document = self.documents.__getitem__, self.documents.__setitem__

    def post(self, counter: str, into: Windows, entries: list[Entry], sign: int) -> None:
        if sign < 0:
            entries = [(dims, tuple(map(neg, measures))) for dims, measures in entries]
        for window in into:
            book = self.counters[counter, window]
            for dims, measures in entries:
                before = book.get(dims)
                book[dims] = measures if before is None else tuple(map(add, before, measures))

    def figures(self) -> Figures:
        """Every counter as a subscriber has it."""
        return distinct(
            {
                (counter, *window, dims): measures
                for (counter, window), book in self.counters.items()
                for dims, measures in book.items()
            }
        )


def distinct(posted: dict[Any, tuple[int, ...]]) -> Figures:
    """Of enterprises, how many have any declaration; all else as it was posted."""
    figures: Figures = {}
    for key, measures in posted.items():
        counter, window, start, dims = key
        if counter != "enterprises":
            figures[key] = measures
            continue
        whole = (counter, window, start, dims[:-1])
        figures[whole] = (figures.get(whole, (0,))[0] + (measures[0] > 0),)
    return figures
