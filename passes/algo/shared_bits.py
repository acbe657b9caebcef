"""How a block of a GPU divides the memory its threads share among the bits of its rows. Pure arithmetic.

All of it is words of 32 bits, for each 32 rows of the block: the *slots*, one bit per predicate and row, which stay; and a
part that is used twice. First for ranks, a byte per row in planes of 8 words, and *marks*, the words that say which rows
are below, or are, each number of 4 bits of a rank. Then for the codes of the leaves of a group of trees, a byte per row, or
two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from treec.passes.algo.bitslice import Cost

COST = Cost(select=32.0, node=6.0, codes=0.0, bit=0.0, gather=0.0)
"""Instructions of a thread for 32 rows: a select with its loads of slots and bits, a node of a multiplexer. Codes are
transposed and looked up alike in all trees."""

WORD_ROWS = 32
"""Rows that a word has a bit for."""
PLANE = 8
"""Words that hold a byte for each of these rows."""
NIBBLE = 4
MARKS = 2 << NIBBLE
"""Words for each 4 bits of a view's ranks: rows below each number, and rows that are it."""
VIEWS_MOST = 8
"""Views whose marks are made together: more take memory, and have enough threads at work."""

ALIGN = 16
"""Words: memory of a block is given out in parts of so many."""
QUAD = 4
"""Numbers of 16 bits that one word of 64 holds: a load for four of them."""


def quads(numbers: NDArray[np.int64], offset: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Lists of ``numbers`` below 2**16, list ``i`` from ``offset[i]`` to ``offset[i + 1]``, four to a word, the first
    lowest; and where each list begins."""
    count = np.diff(offset)
    begin = np.concatenate([[0], np.cumsum(-(-count // QUAD))]).astype(np.int64)
    packed = np.zeros(QUAD * int(begin[-1]), "<u2")
    owner = np.repeat(np.arange(len(count)), count)
    packed[QUAD * begin[owner] + np.arange(len(owner)) - (np.cumsum(count) - count)[owner]] = numbers
    return packed.view("<u8"), begin


@dataclass(frozen=True)
class SharedBits:
    """``n_words``: of 32 rows, of a block. ``rank_bytes``: of a rank; ``nibbles``: 4 bits that ranks take; ``code_bytes``:
    of a code; ``group``: trees whose codes are there at once."""

    n_words: int
    n_predicates: int
    n_views: int
    rank_bytes: int
    nibbles: int
    code_bytes: int
    group: int

    @property
    def slots(self) -> int:
        """Words of the slots for 32 rows: of the predicates, of zeros, of ones."""
        return self.n_predicates + 2

    @property
    def ranks(self) -> int:
        return PLANE * self.rank_bytes * self.n_views

    @property
    def marks(self) -> int:
        """Of one view."""
        return MARKS * self.nibbles

    @property
    def codes(self) -> int:
        """Of one tree."""
        return PLANE * self.code_bytes

    def places(self, slot: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the words of slots begin; what a tree's selects made is behind all of them, the first one word further."""
        made = self.n_words * self.slots + 1 + slot - self.slots
        return np.where(slot < self.slots, self.n_words * slot, made)

    def least(self, group: int) -> int:
        """Bytes for 32 rows with groups of so many trees, and the marks of one view."""
        return 4 * (self.slots + max(self.ranks + self.marks, self.codes * group))

    def views_at_once(self, most: int) -> int:
        """Views whose marks are made together where a block has ``most`` bytes."""
        room = most // (4 * self.n_words) - self.slots - self.ranks
        return max(1, min(room // self.marks, VIEWS_MOST, self.n_views)) if self.marks else 1

    def words(self, most: int) -> int:
        """All words of a block, whole parts of `ALIGN` words."""
        twice = max(self.ranks + self.views_at_once(most) * self.marks, self.codes * self.group)
        return -(-self.n_words * (self.slots + twice) // ALIGN) * ALIGN

    def lack(self, most: int) -> str | None:
        """What to do about a block that has no more than ``most`` bytes; None if it has enough."""
        if self.n_words * self.least(self.group) <= most:
            return None
        for group, what in ((self.group, ""), (1, " and groups of fewer trees")):
            if (words := most // self.least(group)) > 0:
                return f"use blocks of at most {words * WORD_ROWS} rows{what}"
        return "use `walk with=scalar`: even 32 rows have more predicates than shared memory has room for"
