"""What calls of some rows do where batches are bitsliced: walks, a small block of bits, or the plan of batches.

A walk costs the same for each row, a block of bits nearly the same for any number of rows, a block of half the rows some
two thirds. So up to some rows calls are walked, each row down several trees at once, because a step waits for the one
before it; then come calls of one small block, then whole blocks. Measured with AVX-512, µs a call of 16 and of 256 rows:

| model | walks | 256 rows | 512 rows |
|---|---|---|---|
| airline (100 trees of 255 leaves) | 11, 301 | 12, 17 | 16, 24 |
| higgs (100 trees of 252 leaves) | 13, 341 | 20, 27 | 27, 41 |
| year (100 trees of 163 leaves, 90 features) | 12, 328 | 31, 55 | 63, 86 |
| covtype_like (700 trees of 22 leaves) | 83, 3300 | 27, 43 | 37, 59 |
| LightGBM, 500 trees of 31 leaves | 78, 3800 | 50, 70 | 88, 109 |

Blocks of 128 rows take a call of 16 rows from 0.75 to 0.9 of the time of 256, blocks of 64 no less than 128.
"""

from __future__ import annotations

from dataclasses import dataclass

SMALL_BLOCK = 256
SMALL_SHARE = 0.7
"""Of the cost of a block of 512 rows that a small one takes."""
LEAST_ROWS_OF_BLOCK = 0.75
"""A small block has its kernel if walks are slower from this part of it on: a kernel is a second of compiling."""


@dataclass(frozen=True)
class SmallCalls:
    """``walked``: calls of at most so many rows are walked. ``has_block``: those up to `SMALL_BLOCK` have a block of their
    own."""

    walked: int
    has_block: bool

    def reasons(self) -> list[str]:
        if not self.has_block:
            return []
        return [f"calls of up to {SMALL_BLOCK} rows are one block of so many, some {SMALL_SHARE:.0%} of a large one's time"]


def small_calls(block: float, walk: float, block_rows: int) -> SmallCalls:
    """``block``: cycles of a block of ``block_rows`` of which few are used; ``walk``: of a row through all trees."""
    large = int(block / max(1.0, walk))
    small = int(block * SMALL_SHARE / max(1.0, walk))
    if block_rows > SMALL_BLOCK and small < LEAST_ROWS_OF_BLOCK * SMALL_BLOCK:
        return SmallCalls(small, True)
    return SmallCalls(large, False)
