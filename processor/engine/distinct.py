"""A check that needs Python, done once per distinct value."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

REMEMBERED = 200_000


class Distinct:
    """Evaluates ``check`` on a String column: Boolean, null where the value is null. Answers are remembered."""

    def __init__(self, check: Callable[[str], bool]) -> None:
        self.check = check
        self.known: dict[str, bool] = {}

    def __call__(self, column: pl.Series) -> pl.Series:
        known = self.known
        if len(known) > REMEMBERED:
            known = self.known = {}
        answers: list[bool | None] = []
        for value in column.to_list():
            if value is None:
                answers.append(None)
                continue
            answer = known.get(value)
            if answer is None:
                answer = known[value] = self.check(value)
            answers.append(answer)
        return pl.Series(answers, dtype=pl.Boolean)
