"""Hot children to the left. Pure numpy, one step per level.

In preorder the left child is the next record: where the likelier child is on the left, a tree's hot path is contiguous.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Trees

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]


def colder_left(trees: Trees, node_count: NDArray[np.float64], leaf_count: NDArray[np.float64]) -> Bools:
    """Nodes whose right child is likelier than the left one, bool [N]; counts of nodes f64 [N] and of leaves f64 [L]."""
    sizes = np.diff(trees.node_offset)
    node_base, leaf_base = (np.repeat(offset[:-1], sizes) for offset in (trees.node_offset, trees.leaf_offset))
    left, right = np.zeros(trees.n_nodes), np.zeros(trees.n_nodes)
    for counts, child in ((left, trees.left), (right, trees.right)):
        inner = child >= 0
        counts[inner] = node_count[(node_base + child)[inner]]
        counts[~inner] = leaf_count[(leaf_base + ~child)[~inner]]
    return right > left


def leaf_ends(trees: Trees) -> tuple[I64, I64]:
    """The leaves below each node: the first and the end, local to its tree, i64 [N] each."""
    first, end = np.zeros(trees.n_nodes, np.int64), np.zeros(trees.n_nodes, np.int64)
    tree = np.flatnonzero(np.diff(trees.node_offset))
    node, begin, stop = trees.node_offset[tree], np.zeros(len(tree), np.int64), np.diff(trees.leaf_offset)[tree]
    node_stop = trees.node_offset[tree + 1]  # where the nodes of the subtree end
    while len(node):
        first[node], end[node] = begin, stop
        base = trees.node_offset[tree]
        left, right = trees.left[node].astype(np.int64), trees.right[node].astype(np.int64)
        middle = np.where(right >= 0, base + right, node_stop)
        leaf_middle = begin + middle - node  # one leaf more than nodes on the left
        to_left, to_right = left >= 0, right >= 0
        node, begin, stop, node_stop, tree = (
            np.concatenate(pair)
            for pair in (
                ((base + left)[to_left], (base + right)[to_right]),
                (begin[to_left], leaf_middle[to_right]),
                (leaf_middle[to_left], stop[to_right]),
                (middle[to_left], node_stop[to_right]),
                (tree[to_left], tree[to_right]),
            )
        )
    return first, end


def swap_children(trees: Trees, swap: Bools) -> Trees:
    """The same trees, in preorder, with the children of some nodes exchanged (``swap`` bool [N]) and those inverted."""
    first, end = leaf_ends(trees)
    leaves = end - first
    left, right = np.zeros(trees.n_nodes, np.int32), np.zeros(trees.n_nodes, np.int32)
    node_source, leaf_source = np.zeros(trees.n_nodes, np.int64), np.zeros(trees.n_leaves, np.int64)
    alone = np.diff(trees.node_offset) == 0
    leaf_source[trees.leaf_offset[:-1][alone]] = trees.leaf_offset[:-1][alone]
    tree = np.flatnonzero(~alone)
    node, place, leaf = trees.node_offset[tree], np.zeros(len(tree), np.int64), np.zeros(len(tree), np.int64)
    while len(node):
        base, leaf_base = trees.node_offset[tree], trees.leaf_offset[tree]
        node_source[base + place] = node
        one = np.where(swap[node], trees.right[node], trees.left[node]).astype(np.int64)
        other = np.where(swap[node], trees.left[node], trees.right[node]).astype(np.int64)
        below = np.where(one >= 0, leaves[np.where(one >= 0, base + one, 0)], 1)
        next_levels: list[tuple[I64, I64, I64, I64]] = []
        for column, child, at, first_leaf in ((left, one, place + 1, leaf), (right, other, place + below, leaf + below)):
            inner = child >= 0
            column[base + place] = np.where(inner, at, ~first_leaf)
            leaf_source[(leaf_base + first_leaf)[~inner]] = (leaf_base + ~child)[~inner]
            next_levels.append(((base + child)[inner], at[inner], first_leaf[inner], tree[inner]))
        node, place, leaf, tree = (np.concatenate(pair) for pair in zip(*next_levels, strict=True))
    return _gather(trees, left, right, node_source, leaf_source, swap)


def _gather(
    trees: Trees, left: NDArray[np.int32], right: NDArray[np.int32], node_source: I64, leaf_source: I64, swap: Bools
) -> Trees:
    was = np.zeros(trees.n_nodes, bool) if trees.inverted is None else trees.inverted
    inverted = (was ^ swap)[node_source]
    return replace(
        trees,
        predicate=trees.predicate[node_source],
        left=left,
        right=right,
        leaf_row=trees.leaf_row[leaf_source],
        leaf_id=trees.leaf_id[leaf_source],
        inverted=inverted if inverted.any() else None,
        tile=None if trees.tile is None else trees.tile[node_source],
        node_count=None if trees.node_count is None else trees.node_count[node_source],
        leaf_count=None if trees.leaf_count is None else trees.leaf_count[leaf_source],
    )
