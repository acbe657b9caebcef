"""A search among sorted numbers by compares of vectors. Pure numpy.

One value, 16 pivots at once, level by level.
On the last level stand the numbers themselves, 16 to a part; on each level above, the last number of every part of the
level below. The count of pivots that are not above a value is the part to look into; the parts' numbers, base 16, are the
rank.

Of many values, each in a lane, by halves: level k has 2**k pivots, a table to look up in registers; the answers on the way
down, as bits, are the rank. The first answer is kept as the lowest bit, so that none moves when the next comes: tables are
in that order, and the rank is what was found in reverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIVOTS = 16


def search_levels(n: int) -> int:
    """Levels that a search among ``n`` numbers takes."""
    levels = 0
    while n > 0 and PIVOTS**levels < n:
        levels += 1
    return max(levels, int(n > 0))


def search_tables(cuts: Sequence[NDArray[Any]], levels: int) -> list[NDArray[Any]]:
    """The pivots of each level, [sources, width], of sources whose ascending ``cuts`` take at most so many levels; NaN,
    which no value reaches, where there are no more."""
    longest = max((len(own) for own in cuts), default=0)
    tables: list[NDArray[Any]] = []
    for level in range(levels):
        step = PIVOTS ** (levels - 1 - level)
        width = PIVOTS * (-(-longest // (step * PIVOTS)) + 1)  # a part more: all pivots may be passed
        table = np.full((len(cuts), width), np.nan, cuts[0].dtype)
        for row, own in zip(table, cuts, strict=True):
            last = own[step - 1 :: step]
            row[: len(last)] = last
        tables.append(table)
    return tables


def halving_tables(cuts: Sequence[NDArray[Any]], levels: int, lanes: int) -> list[NDArray[Any]]:
    """The pivots of each level, [sources, at least ``lanes``], of sources with fewer than 2**levels ascending ``cuts``, by
    the answers before, the first in the lowest bit; NaN, which no value reaches, behind the last cut."""
    tables: list[NDArray[Any]] = []
    for level in range(levels):
        step, count = 1 << levels - level, 1 << level
        table = np.full((len(cuts), max(lanes, count)), np.nan, cuts[0].dtype)
        for row, own in zip(table, cuts, strict=True):
            pivots = own[step // 2 - 1 :: step]
            row[reversed_bits(np.arange(len(pivots)), level)] = pivots
        tables.append(table)
    return tables


def heap_tables(cuts: Sequence[NDArray[Any]], levels: int) -> NDArray[Any]:
    """The pivots of a search by halves of one value, [sources, 2**levels], of sources with fewer ascending ``cuts``: those
    below place ``n`` are at ``2n``, where it is above the value, and ``2n + 1``. Place 0 is not used; NaN, which no value
    reaches, stands behind the last cut."""
    heap = np.full((len(cuts), 1 << levels), np.nan, cuts[0].dtype if len(cuts) else np.float32)
    for level in range(levels):
        step, count = 1 << levels - level, 1 << level
        for row, own in zip(heap, cuts, strict=True):
            pivots = own[step // 2 - 1 :: step]
            row[count : count + len(pivots)] = pivots
    return heap


def reversed_bits(number: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """Numbers of so many bits with their bits in reverse."""
    reverse = np.zeros_like(number)
    for bit in range(bits):
        reverse |= (number >> bit & 1) << bits - 1 - bit
    return reverse


def windows(columns: NDArray[np.int64], n_columns: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ranges of ``width`` neighbours that ascending ``columns`` of so many lie in: the first column of each, i64[W], and
    where its share of ``columns`` begins, i64[W + 1]."""
    first: list[int] = []
    begin = [0]
    while begin[-1] < len(columns):
        at = max(0, min(int(columns[begin[-1]]), n_columns - width))
        first.append(at)
        begin.append(int(np.searchsorted(columns, at + width)))
    return np.array(first, np.int64), np.array(begin, np.int64)
