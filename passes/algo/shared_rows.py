"""How a copy of rows lies in memory that threads share."""

from __future__ import annotations


def shared_shape(block: int, n_features: int, by_column: bool) -> list[int]:
    """An odd number of values a row, so that a column of neighbouring rows is in different banks."""
    return [max(1, n_features), block] if by_column else [block, n_features | 1]
