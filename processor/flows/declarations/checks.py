"""Check digits of whole columns at once. Held to python-stdnum, value by value, by a property test
(which takes digits for an owner's letters; ISO 6346 does not).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

WRONG = 99
"""Stands for a character that may not occur."""

_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = np.array([3**place % 31 for place in range(17)])

_LETTERS = [value for value in range(10, 39) if value % 11]
_ISO_6346_WEIGHTS = np.array([2**place for place in range(10)])


def _alphabet(values: dict[str, int]) -> npt.NDArray[np.int64]:
    table = np.full(256, WRONG, np.int64)
    for character, value in values.items():
        table[ord(character)] = value
    return table


_USCC_VALUES = _alphabet({character: value for value, character in enumerate(_USCC)})
_DIGITS = _alphabet({str(digit): digit for digit in range(10)})
_LETTER_VALUES = _alphabet(dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _LETTERS, strict=False)))
_CATEGORIES = _alphabet({"U": _LETTERS[20], "J": _LETTERS[9], "Z": _LETTERS[25], "R": _LETTERS[17]})


def social_credit_codes(column: pl.Series) -> pl.Series:
    """Whether each value (String) is a unified social credit code in its compact form; null where the value is.

    18 characters: eight digits (registration office, kind, place), nine of the organisation, check (GB 32100-2015).
    """
    return _judge(column, 18, _is_social_credit_code)


def container_numbers(column: pl.Series) -> pl.Series:
    """Whether each value (String) is a container number of ISO 6346 in its compact form; null where the value is.

    11 characters: owner (3 letters), category (U, J, Z or R), serial (6 digits), check digit; remainder 10 counts as 0.
    """
    return _judge(column, 11, _is_container_number)


def _is_social_credit_code(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    values = _USCC_VALUES[rows]
    digits = (_DIGITS[rows[:, :8]] != WRONG).all(axis=1)
    check = -(values[:, :17] @ _USCC_WEIGHTS) % 31
    right: npt.NDArray[np.bool_] = (values != WRONG).all(axis=1) & digits & (check == values[:, 17])
    return right


def _is_container_number(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    owner, category, serial = _LETTER_VALUES[rows[:, :3]], _CATEGORIES[rows[:, 3:4]], _DIGITS[rows[:, 4:]]
    values = np.concatenate([owner, category, serial], axis=1)
    check = values[:, :10] @ _ISO_6346_WEIGHTS % 11 % 10
    right: npt.NDArray[np.bool_] = (values != WRONG).all(axis=1) & (check == values[:, 10])
    return right


def _judge(
    column: pl.Series, length: int, judge: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.bool_]]
) -> pl.Series:
    fits = (column.str.len_bytes() == length).fill_null(value=False).to_numpy()
    right = np.zeros(len(column), np.bool_)
    if fits.any():
        raw = b"".join(column.filter(pl.Series(fits)).cast(pl.Binary).to_list())
        right[fits] = judge(np.frombuffer(raw, np.uint8).reshape(-1, length))
    return pl.select(pl.when(column.is_not_null()).then(pl.Series(right))).to_series()
