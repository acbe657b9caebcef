"""Padding: all leaves of a tree at one depth. Pure numpy, one step per level.

A leaf that is not deep enough becomes a complete subtree that has that leaf everywhere. Its nodes repeat the question of
the node above: a row that came that way answers it alike, so it keeps to one side, and its counts are known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Trees

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Growth:
    """How much padding multiplies the leaves of a tree."""

    tree: int
    factor: float


def worst_growth(trees: Trees, depth: I64) -> Growth | None:
    """The tree that padding to ``depth`` i64 [T] grows most, None without trees."""
    if trees.n_trees == 0:
        return None
    factor = np.exp2(depth.astype(np.float64)) / np.diff(trees.leaf_offset)
    tree = int(factor.argmax())
    return Growth(tree, float(factor[tree]))


@dataclass(frozen=True, eq=False)
class _Level:
    """Places of padded trees at one depth: where they are, and what stands there. Numbers of places are of all trees."""

    tree: I64
    depth: int
    node: I64
    leaf: I64
    """The place's own number, and that of the first leaf below it."""
    source: I64
    """The node that stands there, or whose question is repeated; -1 where there is none."""
    ended: I64
    """The leaf that stands there, -1 for an inner node."""
    side: NDArray[np.int8]
    """The way from the node above: 0 left, 1 right."""
    reached: NDArray[np.bool_]
    """Whether rows can get there."""


@dataclass(frozen=True, eq=False)
class _Padded:
    """Columns of the padded trees, filled level by level."""

    offset: I64
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    node_source: I64
    leaf_source: I64
    node_leaf: I64
    """The leaf that a padding node stands for, -1 for a node of the tree."""
    leaf_reached: NDArray[np.bool_]


def pad_trees(trees: Trees, depth: I64) -> Trees:
    """The same trees with every leaf of tree ``t`` at ``depth[t]`` (i64 [T], at least the tree's own depth).

    Padding nodes of a tree without nodes ask predicate 0; there must be one.
    """
    height = depth.astype(np.int64)
    offset = np.concatenate([[0], np.cumsum((np.int64(1) << height) - 1)]).astype(np.int64)
    n, n_trees = int(offset[-1]), trees.n_trees
    child = (np.zeros(n, np.int32), np.zeros(n, np.int32))
    padded = _Padded(
        offset,
        *child,
        node_source=np.zeros(n, np.int64),
        leaf_source=np.zeros(n + n_trees, np.int64),
        node_leaf=np.full(n, -1, np.int64),
        leaf_reached=np.ones(n + n_trees, bool),
    )
    level: _Level | None = _roots(trees, padded)
    while level is not None:
        level = _descend(trees, height, padded, level)
    return _gather(trees, padded)


def _roots(trees: Trees, padded: _Padded) -> _Level:
    tree = np.arange(trees.n_trees)
    inner = np.diff(trees.node_offset) > 0
    return _Level(
        tree,
        0,
        node=padded.offset[:-1],
        leaf=padded.offset[:-1] + tree,
        source=np.where(inner, trees.node_offset[:-1], -1),
        ended=np.where(inner, -1, trees.leaf_offset[:-1]),
        side=np.zeros(len(tree), np.int8),
        reached=np.ones(len(tree), bool),
    )


def _descend(trees: Trees, height: I64, padded: _Padded, at: _Level) -> _Level | None:
    """Place the nodes of a level, and its leaves where it is the last of their tree; the level below, if there is one."""
    last = height[at.tree] == at.depth
    padded.leaf_source[at.leaf[last]] = at.ended[last]
    padded.leaf_reached[at.leaf[last]] = at.reached[last]
    if last.all():
        return None
    at = _choose(at, ~last)
    below = np.int64(1) << (height[at.tree] - at.depth - 1)  # leaves of a child
    padded.node_source[at.node] = at.source
    padded.node_leaf[at.node] = at.ended
    local, leaf = at.node - padded.offset[at.tree], at.leaf - padded.offset[at.tree] - at.tree
    padded.left[at.node] = np.where(below > 1, local + 1, ~leaf)
    padded.right[at.node] = np.where(below > 1, local + below, ~(leaf + below))
    sides = [_child(trees, at, below, side) for side in (0, 1)]
    return _join(*sides)


def _child(trees: Trees, at: _Level, below: I64, side: int) -> _Level:
    """What stands on one side: a child, or, below a leaf, that leaf again; rows get there on the side they came from."""
    inner = at.ended < 0
    node = np.where(inner, at.source, 0)
    column = trees.left if side == 0 else trees.right
    to = column[node] if trees.n_nodes else np.full(len(node), -1, np.int32)
    goes_on = inner & (to >= 0)
    return _Level(
        at.tree,
        at.depth + 1,
        node=at.node + (below if side else 1),
        leaf=at.leaf + (below if side else 0),
        source=np.where(goes_on, trees.node_offset[at.tree] + to, at.source),
        ended=np.where(inner, np.where(goes_on, -1, trees.leaf_offset[at.tree] + ~to), at.ended),
        side=np.where(inner, np.int8(side), at.side).astype(np.int8),
        reached=at.reached & (inner | (at.side == side)),
    )


def _choose(at: _Level, which: NDArray[np.bool_]) -> _Level:
    return _Level(
        at.tree[which],
        at.depth,
        at.node[which],
        at.leaf[which],
        at.source[which],
        at.ended[which],
        at.side[which],
        at.reached[which],
    )


def _join(one: _Level, other: _Level) -> _Level:
    return _Level(
        np.concatenate([one.tree, other.tree]),
        one.depth,
        np.concatenate([one.node, other.node]),
        np.concatenate([one.leaf, other.leaf]),
        np.concatenate([one.source, other.source]),
        np.concatenate([one.ended, other.ended]),
        np.concatenate([one.side, other.side]),
        np.concatenate([one.reached, other.reached]),
    )


def _gather(trees: Trees, p: _Padded) -> Trees:
    asked = np.maximum(p.node_source, 0)
    node_count, leaf_count = trees.node_count, trees.leaf_count
    if node_count is not None and leaf_count is not None:
        old = node_count[asked] if trees.n_nodes else np.zeros(len(asked))
        node_count = np.where(p.node_leaf < 0, old, leaf_count[p.node_leaf])
    else:
        node_count = None
    inverted = trees.inverted
    return replace(
        trees,
        node_offset=p.offset,
        leaf_offset=p.offset + np.arange(len(p.offset)),
        predicate=trees.predicate[asked] if trees.n_nodes else np.zeros(len(asked), np.int32),
        left=p.left,
        right=p.right,
        leaf_row=trees.leaf_row[p.leaf_source],
        leaf_id=trees.leaf_id[p.leaf_source],
        node_count=node_count,
        inverted=None if inverted is None else inverted[asked],
        leaf_count=None if leaf_count is None else np.where(p.leaf_reached, leaf_count[p.leaf_source], 0.0),
    )
