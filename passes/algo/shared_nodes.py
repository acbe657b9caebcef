"""How a copy of packed nodes lies in memory that threads share: each field of a record by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def shared_node_bytes(nodes: NDArray[Any], n_nodes: int | None = None) -> int:
    """Bytes of a copy of so many records (all), and of the one more that walks may look at; gaps between fields are not
    copied."""
    fields = nodes.dtype.fields or {}
    return ((len(nodes) if n_nodes is None else n_nodes) + 1) * sum(kind.itemsize for kind, *_ in fields.values())


def part_nodes(node_base: NDArray[Any], bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Nodes of each part of the trees, i64 [parts]; ``bounds`` i64 [parts + 1]: the first tree of each, and their number;
    ``node_base`` [T + 1]: the first node of each tree, and their number."""
    return np.diff(node_base.astype(np.int64)[bounds])


def largest_step(node_base: NDArray[Any], most: int, below: int) -> int:
    """The most trees, fewer than ``below``, such that no part of so many neighbours has more than ``most`` nodes; 0 where a
    single tree has more."""
    n_trees = len(node_base) - 1
    for step in range(min(below - 1, n_trees), 0, -1):
        bounds = np.append(np.arange(0, n_trees, step), n_trees)
        if part_nodes(node_base, bounds).max(initial=0) <= most:
            return step
    return 0
