"""A search among sorted numbers by compares of vectors. Pure numpy.

One value, 16 pivots at once, level by level.
On the last level stand the numbers themselves, 16 to a part; on each level above, the last number of every part of the
level below. The count of pivots that are not above a value is the part to look into; the parts' numbers, base 16, are the
rank.

Of many values, each in a lane, by halves: level k has 2**k pivots, a table to look up in registers; the answers on the way
down, as bits, are the rank.
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
    """The pivots of each level, [sources, at least ``lanes``], of sources with fewer than 2**levels ascending ``cuts``;
    NaN, which no value reaches, behind the last cut."""
    tables: list[NDArray[Any]] = []
    for level in range(levels):
        step = 1 << levels - level
        table = np.full((len(cuts), max(lanes, 1 << level)), np.nan, cuts[0].dtype)
        for row, own in zip(table, cuts, strict=True):
            pivots = own[step // 2 - 1 :: step]
            row[: len(pivots)] = pivots
        tables.append(table)
    return tables
