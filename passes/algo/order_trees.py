"""Store trees in another order, so that neighbours are alike. Pure numpy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Predicates, Trees
from treec.passes.algo.depths import leaf_depths

I64 = NDArray[np.int64]

_BY_NODE = ("predicate", "left", "right", "node_count", "inverted", "tile")
_BY_LEAF = ("leaf_row", "leaf_id", "leaf_count")
_BY_TREE = ("column", "weight")
SIGNATURE_LEVELS = 3
"""Levels of a tree, from the root on, whose inputs are its signature."""


def order_by_depth(trees: Trees) -> I64:
    """The stored places [T] by the depth of the deepest leaf, the shallow first; equal ones stay in order."""
    _, deepest = leaf_depths(trees)
    return np.argsort(deepest, kind="stable")


def order_by_size(trees: Trees) -> I64:
    """The stored places [T] by the number of nodes, the small first; equal ones stay in order."""
    return np.argsort(np.diff(trees.node_offset), kind="stable")


def order_by_similarity(trees: Trees, predicates: Predicates) -> I64:
    """The stored places [T] by what the trees ask first: by the root's input, then the inputs of the level below from left
    to right, then those of the next; no node comes before every input; equal ones stay in order."""
    return np.lexsort(signatures(trees, predicates).T[::-1])


def signatures(trees: Trees, predicates: Predicates) -> NDArray[np.int32]:
    """i32 [T, 7]: the inputs of a tree's first three levels, level by level from left to right; -1 for no node."""
    found = np.full((trees.n_trees, (1 << SIGNATURE_LEVELS) - 1), -1, np.int32)
    base = trees.node_offset[:-1]
    at: dict[int, I64] = {0: np.where(np.diff(trees.node_offset) > 0, 0, -1)}
    for slot in range(found.shape[1]):
        local = at.pop(slot)
        tree = np.flatnonzero(local >= 0)
        node = base[tree] + local[tree]
        found[tree, slot] = predicates.input[trees.predicate[node]]
        for side, child in enumerate((trees.left, trees.right), 1):
            below = np.full(trees.n_trees, -1, np.int64)
            below[tree] = child[node]
            at[2 * slot + side] = below
    return found


def reorder_trees(trees: Trees, places: I64) -> Trees:
    """The same trees, tree ``places[i]`` stored as the i-th; ``order`` says which number each has. Trees that are in order
    again have none."""
    nodes, node_offset = _segments(trees.node_offset, places)
    leaves, leaf_offset = _segments(trees.leaf_offset, places)
    number = np.arange(trees.n_trees, dtype=np.int32) if trees.order is None else trees.order
    number = number[places]
    moved = ((_BY_NODE, nodes), (_BY_LEAF, leaves), (_BY_TREE, places))
    columns: dict[str, Any] = {name: _taken(getattr(trees, name), index) for names, index in moved for name in names}
    order = None if np.array_equal(number, np.arange(len(number))) else number
    return replace(trees, node_offset=node_offset, leaf_offset=leaf_offset, order=order, **columns)


def _taken(column: NDArray[Any] | None, index: I64) -> NDArray[Any] | None:
    return None if column is None else column[index]


def _segments(offset: I64, places: I64) -> tuple[I64, I64]:
    """Where the elements of the segments come from, segment after segment in the new order, and the new offsets."""
    sizes = np.diff(offset)[places]
    new = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    moved: I64 = np.repeat(offset[:-1][places] - new[:-1], sizes)
    return moved + np.arange(int(new[-1])), new
