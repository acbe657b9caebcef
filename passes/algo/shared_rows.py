"""How a copy of rows lies in memory that threads share, and who copies what."""

from __future__ import annotations

SECTOR, WARP = 8, 32
"""Values of 4 bytes that memory is read in, and threads that read together."""


def shared_shape(block: int, n_features: int, by_column: bool) -> list[int]:
    """An odd number of values a row, so that a column of neighbouring rows is in different banks."""
    return [max(1, n_features), block] if by_column else [block, n_features | 1]


def copy_shape(n_inputs: int, n_threads: int, *, by_column: bool) -> tuple[int, int]:
    """How many threads have a row, each every so-many-th value of it, and how many rows are under way together.

    A power of two, as many as there are values, but at most a warp; where copies lie by column at most a sector, for the
    values of one row that a warp stores at once are all in one bank.
    """
    most = SECTOR if by_column else WARP
    lanes = 1
    while lanes < min(n_inputs, most) and 2 * lanes <= n_threads:
        lanes *= 2
    return lanes, n_threads // lanes
