"""Any library's node arrays → canonical trees. Vectorised over all nodes of all trees, one numpy step per level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from treec.errors import ModelError

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CanonicalOrder:
    """The shape columns of `treec.frontends.base.Trees`, and where each node and leaf came from.

    ``node_source`` i64[N], ``leaf_source`` i64[L]: index into the library's concatenated arrays, to gather
    thresholds, values, ids and counts with.
    """

    node_offset: I64
    leaf_offset: I64
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    node_source: I64
    leaf_source: I64


def canonical_order(
    offset: I64, left: NDArray[np.integer], right: NDArray[np.integer], *, place: str = "model"
) -> CanonicalOrder:
    """Bring nodes into depth-first preorder, leaves apart and from left to right; unreachable nodes are dropped.

    ``offset`` i64[T + 1]: tree ``t`` owns entries ``offset[t] : offset[t + 1]``, its root first; every tree has a root.
    ``left``, ``right`` [M]: the children, as positions inside the tree, or negative both for a leaf.
    Raises `ModelError` (with ``place``) for a child out of range, half a node, two parents or a cycle.
    """
    check = _Checker(offset, place)
    sizes = np.diff(offset)
    check.require(bool(np.all(sizes > 0)), np.flatnonzero(sizes <= 0), "has no nodes", by_tree=True)
    start = np.repeat(offset[:-1], sizes)
    limit = np.repeat(sizes, sizes)
    left64, right64 = left.astype(np.int64), right.astype(np.int64)
    half = (left64 < 0) != (right64 < 0)
    check.require(not half.any(), np.flatnonzero(half), "has one child")
    bad = (left64 >= limit) | (right64 >= limit)
    check.require(not bad.any(), np.flatnonzero(bad), "has a child that does not exist")
    is_leaf = left64 < 0
    to_left, to_right = left64 + start, right64 + start

    levels = _levels(offset[:-1], is_leaf, to_left, to_right, check)
    size = np.zeros(len(left), np.int64)  # inner nodes at and below an entry
    for nodes in reversed(levels):
        size[nodes] = 1 + size[to_left[nodes]] + size[to_right[nodes]]
    node_at, leaf_at = np.zeros(len(left), np.int64), np.zeros(len(left), np.int64)
    for nodes in levels:
        below, beside = to_left[nodes], to_right[nodes]
        node_at[below] = node_at[nodes] + 1
        leaf_at[below] = leaf_at[nodes]
        node_at[beside] = node_at[nodes] + 1 + size[below]
        leaf_at[beside] = leaf_at[nodes] + 1 + size[below]  # the left side has one leaf more than inner nodes
    return _gather(offset, levels, is_leaf, to_left, to_right, size, node_at, leaf_at)


@dataclass(frozen=True)
class _Checker:
    offset: I64
    place: str

    def require(self, condition: bool, bad: NDArray[np.integer], what: str, *, by_tree: bool = False) -> None:
        if condition:
            return
        first = int(bad[0])
        if by_tree:
            raise ModelError(f"tree {first} {what}", place=self.place)
        tree = int(np.searchsorted(self.offset, first, side="right")) - 1
        raise ModelError(f"tree {tree}: node {first - int(self.offset[tree])} {what}", place=self.place)


def _levels(roots: I64, is_leaf: NDArray[np.bool_], to_left: I64, to_right: I64, check: _Checker) -> list[I64]:
    """Inner nodes of each depth, over all trees; proves that every reached entry has one parent."""
    seen = np.zeros(len(is_leaf), bool)
    seen[roots] = True
    last = np.zeros(len(is_leaf), np.int64)
    levels: list[I64] = []
    nodes = roots[~is_leaf[roots]]
    while len(nodes):
        levels.append(nodes)
        children = np.concatenate([to_left[nodes], to_right[nodes]])
        number = np.arange(len(children))
        last[children] = number  # of several equal children, only the last finds itself again
        twice = children[seen[children] | (last[children] != number)]
        check.require(len(twice) == 0, twice, "has two parents")
        seen[children] = True
        nodes = children[~is_leaf[children]]
    return levels


def _gather(
    offset: I64,
    levels: list[I64],
    is_leaf: NDArray[np.bool_],
    to_left: I64,
    to_right: I64,
    size: I64,
    node_at: I64,
    leaf_at: I64,
) -> CanonicalOrder:
    n_trees = len(offset) - 1
    tree_nodes = size[offset[:-1]]
    node_offset = np.concatenate([[0], np.cumsum(tree_nodes)])
    leaf_offset = node_offset + np.arange(n_trees + 1)
    inner = np.concatenate(levels) if levels else np.zeros(0, np.int64)
    tree = np.searchsorted(offset, inner, side="right") - 1
    target = node_offset[tree] + node_at[inner]
    left, right = np.zeros(len(inner), np.int32), np.zeros(len(inner), np.int32)
    node_source = np.zeros(len(inner), np.int64)
    leaf_source = np.zeros(len(inner) + n_trees, np.int64)
    node_source[target] = inner
    for column, child in ((left, to_left[inner]), (right, to_right[inner])):
        outer = is_leaf[child]
        column[target] = np.where(outer, ~leaf_at[child], node_at[child])
        leaf_source[leaf_offset[tree[outer]] + leaf_at[child[outer]]] = child[outer]
    lone = np.flatnonzero(tree_nodes == 0)
    leaf_source[leaf_offset[lone]] = offset[lone]
    return CanonicalOrder(node_offset, leaf_offset, left, right, node_source, leaf_source)
