"""Check digits of whole columns at once. Held to python-stdnum, value by value, by a property test.

It takes digits for an owner's letters, which ISO 6346 does not; and no letters for the office and kind of a
registration, as rural collectives have, which GB 32100 does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

Values = npt.NDArray[np.uint8]
"""A row for each code, a column for each of its characters: what the character counts."""

WRONG = 99
"""Stands for a character that may not occur."""

_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (n for n in range(10, 39) if n % 11), strict=True))


def _table(values: dict[str, int]) -> bytes:
    """For ``bytes.translate``."""
    return bytes(values.get(chr(byte), WRONG) for byte in range(256))


_DIGITS = {str(digit): digit for digit in range(10)}
_USCC_VALUES = _table({character: value for value, character in enumerate(_USCC)})
_USCC_MOST = np.array([30] * 2 + [9] * 6 + [30] * 10, np.uint8)
_USCC_WEIGHTS = np.array([*(3**place % 31 for place in range(17)), 1], np.float32)
_ISO_6346_VALUES = _table(_DIGITS | _LETTERS)
_ISO_6346_LEAST = np.array([10] * 4 + [0] * 7, np.uint8)
_ISO_6346_MOST = np.array([38] * 4 + [9] * 7, np.uint8)
_ISO_6346_WEIGHTS = np.array([2**place for place in range(10)], np.float32)
_IS_CATEGORY = np.isin(np.arange(256), [_LETTERS[letter] for letter in "UJZR"])


def social_credit_codes(column: pl.Series) -> pl.Series:
    """Whether each value (String) is a unified social credit code in its compact form; null where the value is.

    18 characters: registration office, kind, place (six digits), nine of the organisation, check (GB 32100-2015).
    """
    return _judge(column, 18, _USCC_VALUES, _is_social_credit_code)


def container_numbers(column: pl.Series) -> pl.Series:
    """Whether each value (String) is a container number of ISO 6346 in its compact form; null where the value is.

    11 characters: owner (3 letters), category (U, J, Z or R), serial (6 digits), check digit; remainder 10 counts as 0.
    """
    return _judge(column, 11, _ISO_6346_VALUES, _is_container_number)


def _is_social_credit_code(values: Values) -> npt.NDArray[np.bool_]:
    rest = (values @ _USCC_WEIGHTS).astype(np.int32) % 31
    right: npt.NDArray[np.bool_] = (values <= _USCC_MOST).all(axis=1) & (rest == 0)
    return right


def _is_container_number(values: Values) -> npt.NDArray[np.bool_]:
    check = (values[:, :10] @ _ISO_6346_WEIGHTS).astype(np.int32) % 11 % 10
    fits = ((values >= _ISO_6346_LEAST) & (values <= _ISO_6346_MOST)).all(axis=1) & _IS_CATEGORY[values[:, 3]]
    right: npt.NDArray[np.bool_] = fits & (check == values[:, 10])
    return right


def _judge(column: pl.Series, length: int, table: bytes, judge: Callable[[Values], npt.NDArray[np.bool_]]) -> pl.Series:
    """All sums stay below 2^24: float32 holds them exactly, and multiplies them fast."""
    text = column.to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, characters = text.buffers()
    starts = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
    fits = np.diff(starts) == length
    right = np.zeros(len(column), np.bool_)
    if fits.any():
        values = np.frombuffer(memoryview(characters).tobytes().translate(table), np.uint8)
        right[fits] = judge(values[starts[:-1][fits, None] + np.arange(length)])
    judged = pl.Series(right)
    return judged.set(column.is_null(), None) if column.null_count() else judged
