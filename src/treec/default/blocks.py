"""How many rows a block of walks has: an estimate in cycles of one core.

A tree's tables come to the core once for each block, so the cost of that is shared out to the block's rows. The rows of a
block are read again for every tree, so they have to stay in the second-level cache. A small forest stays there whole, and
blocks of some ten rows do; of a large one each tree comes from farther away, and in blocks that are too small that takes
longer than the walks.

The figures are measured, on an AVX-512 core with 1 MiB of second-level cache and trees of 255 to 2,600 leaves, and rough:
neighbouring sizes differ by a tenth.
"""

from __future__ import annotations

LEAST_ROWS, MOST_ROWS = 64, 2048
"""Larger blocks are some percent faster yet, but a call of a few thousand rows then has too few of them for all threads."""
STEP_PAIRS, STEP_PACKED = 2.5, 6.0
"""Cycles of a step of a walk, with others beside it."""
NEAR, FAR = 8.0, 40.0
"""Cycles to bring a line of 64 bytes from the second-level cache, and from behind it."""
SHARE = 0.1
"""What bringing a tree may take of the time of its walks."""


def block_rows(tree_bytes: float, n_trees: int, steps: float, step_cycles: float, row_bytes: int, l2_bytes: int) -> int:
    """The smallest power of two of rows that shares the cost of bringing a tree widely enough, within bounds.

    ``tree_bytes``: tables of one tree. ``steps``: of one walk. ``row_bytes``: what walks read of a row.
    """
    line = NEAR if tree_bytes * n_trees <= l2_bytes / 2 else FAR
    bring = line * tree_bytes / 64
    walk = step_cycles * max(1.0, steps)
    rows = LEAST_ROWS
    while rows < MOST_ROWS and bring / rows > SHARE * walk and 2 * rows * row_bytes <= l2_bytes / 2:
        rows *= 2
    return rows
