"""Distinct rows of integers. Pure numpy, without a sort of whole rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]


def distinct_rows(rows: NDArray[Any]) -> tuple[I64, I64]:
    """Of unsigned integers [n, W]: the first of each group of equal rows, in their order, and the group of every row."""
    _, first, group = np.unique(row_hashes(rows), return_index=True, return_inverse=True)
    if not np.array_equal(rows[first][group], rows):  # a clash of hashes
        _, first, group = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return in_order(first, group.reshape(-1))


def in_order(first: I64, group: I64) -> tuple[I64, I64]:
    """Groups renumbered in the order of their ``first`` members."""
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[group]


def distinct_sets(offset: I64, words: NDArray[np.uint32]) -> tuple[I64, I64]:
    """As `distinct_rows`, of sets: set ``i`` is ``words[offset[i] : offset[i + 1]]``. One step per length of a set."""
    lengths = np.diff(offset)
    number = np.zeros(len(lengths), np.int64)
    chosen = [np.zeros(0, np.int64)]
    for length in sorted(set(lengths.tolist())):
        members = np.flatnonzero(lengths == length)
        first, group = distinct_rows(words[offset[members][:, np.newaxis] + np.arange(length)])
        number[members] = sum(map(len, chosen)) + group
        chosen.append(members[first])
    return in_order(np.concatenate(chosen), number)


def ranges(begin: I64, length: I64) -> I64:
    """``begin[0]``, ``begin[0] + 1``, … , ``length[0]`` of them, then those from ``begin[1]`` on, and so on."""
    return np.arange(int(length.sum())) + np.repeat(begin - (np.cumsum(length) - length), length)


def row_hashes(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """A number for each row of unsigned integers [n, W]; distinct rows have distinct numbers if W is 1, and most likely so
    if not."""
    hashes = np.zeros(len(rows), np.uint64)
    for column in range(rows.shape[1]):
        hashes = (hashes ^ (hashes >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15) + rows[:, column]
    return hashes
