"""Depths of trees. Pure numpy, one step per level."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Trees

I64 = NDArray[np.int64]


_KNOWN: WeakKeyDictionary[Trees, tuple[I64, I64]] = WeakKeyDictionary()
"""What `leaf_depths` found, as long as the trees are there: all stages of a kernel ask."""


def leaf_depths(trees: Trees) -> tuple[I64, I64]:
    """Depth of the shallowest and of the deepest leaf of each tree, i64 [T] each: how many nodes, or where trees have tiles
    how many tiles, a row meets on its way; a tree of one leaf has depth 0."""
    if (found := _KNOWN.get(trees)) is None:
        found = _KNOWN[trees] = _leaf_depths(trees)
    return found


def _leaf_depths(trees: Trees) -> tuple[I64, I64]:
    shallowest = np.full(trees.n_trees, np.iinfo(np.int64).max)
    deepest = np.zeros(trees.n_trees, np.int64)
    sizes = np.diff(trees.node_offset)
    shallowest[sizes == 0] = 0
    tree = np.flatnonzero(sizes)
    node, depth = trees.node_offset[tree], np.ones(len(tree), np.int64)
    while len(node):
        base = trees.node_offset[tree]
        below: list[tuple[I64, I64, I64]] = []
        for child in (trees.left[node], trees.right[node]):
            is_leaf = child < 0
            np.minimum.at(shallowest, tree[is_leaf], depth[is_leaf])
            np.maximum.at(deepest, tree[is_leaf], depth[is_leaf])
            at = (base + child)[~is_leaf]
            step = 1 if trees.tile is None else trees.tile[at] != trees.tile[node[~is_leaf]]
            below.append((at, tree[~is_leaf], depth[~is_leaf] + step))
        node, tree, depth = (np.concatenate(pair) for pair in zip(*below, strict=True))
    shallowest.flags.writeable = deepest.flags.writeable = False
    return shallowest, deepest


def node_depths(trees: Trees) -> I64:
    """Depth of every node, i64 [N]; roots have depth 0."""
    depths = np.zeros(trees.n_nodes, np.int64)
    sizes = np.diff(trees.node_offset)
    node, base = trees.node_offset[:-1][sizes > 0], trees.node_offset[:-1][sizes > 0]
    depth = 0
    while len(node):
        depths[node] = depth
        children = [(trees.left[node], base), (trees.right[node], base)]
        node, base = (
            np.concatenate(parts) for parts in zip(*((b[c >= 0] + c[c >= 0], b[c >= 0]) for c, b in children), strict=True)
        )
        depth += 1
    return depths
