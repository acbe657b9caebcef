"""The upper levels of trees as trees of their own, whose leaves say where a walk through the lower levels starts. Pure
numpy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Trees
from treec.passes.algo.depths import node_depths
from treec.passes.algo.pairs import pair_positions

I64 = NDArray[np.int64]
MOST_LEVELS = 8
"""Of upper levels: codes of what they end in are bytes."""


@dataclass(frozen=True, eq=False)
class UpperLevels:
    """``trees``: the nodes of the upper levels; a leaf of these is a leaf of the model or the first node of a lower part.
    ``start`` i64[their leaves]: where that is in `treec.passes.algo.pairs`, counted from the tree's root."""

    trees: Trees
    start: I64


def upper_levels(trees: Trees, levels: int) -> UpperLevels:
    """The nodes of at most so many levels from each root down; leaves in the order of the nodes above them."""
    kept = np.flatnonzero(node_depths(trees) < levels)
    tree = np.repeat(np.arange(trees.n_trees), np.diff(trees.node_offset))
    node_offset = np.searchsorted(tree[kept], np.arange(trees.n_trees + 1))
    number = np.full(trees.n_nodes, -1, np.int64)
    number[kept] = np.arange(len(kept)) - node_offset[tree[kept]]

    child = np.stack([trees.left[kept], trees.right[kept]], axis=1).astype(np.int64)
    owner = np.repeat(tree[kept], 2).reshape(-1, 2)
    inner = child >= 0
    node = np.where(inner, child + trees.node_offset[owner], 0)
    leaf = np.where(inner, 0, ~child + trees.leaf_offset[owner])
    ends = ~inner | (number[node] < 0)
    at_node, at_leaf = pair_positions(trees)
    place = np.where(inner, at_node[node] if trees.n_nodes else 0, at_leaf[leaf])

    alone = np.flatnonzero(np.diff(trees.node_offset) == 0)  # trees of one leaf
    end_tree = np.concatenate([owner[ends], alone])
    order = np.argsort(end_tree, kind="stable")
    start = np.concatenate([place[ends], at_leaf[trees.leaf_offset[alone]]])[order]
    leaf_offset = np.searchsorted(end_tree[order], np.arange(trees.n_trees + 1))
    local = np.empty(child.shape, np.int64)
    local[ends] = np.arange(int(ends.sum())) - _first_end(owner[ends], trees.n_trees)
    sides = np.where(ends, ~local, number[node]).astype(np.int32)
    n_leaves = len(start)
    upper = replace(
        trees,
        node_offset=node_offset,
        leaf_offset=leaf_offset,
        predicate=trees.predicate[kept],
        left=np.ascontiguousarray(sides[:, 0]),
        right=np.ascontiguousarray(sides[:, 1]),
        leaf_row=np.arange(n_leaves, dtype=np.int32),
        leaf_id=np.arange(n_leaves, dtype=np.int32),
        node_count=None,
        leaf_count=None,
        inverted=None if trees.inverted is None else trees.inverted[kept],
        tile=None,
    )
    return UpperLevels(upper, start)


def _first_end(owner: I64, n_trees: int) -> I64:
    """For each end, the number of the first one of its tree."""
    return np.searchsorted(owner, np.arange(n_trees))[owner]
