"""Codes of the leaves of trees that `treec.passes.algo.bitslice` turns into selects. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Trees
from treec.passes.algo.depths import node_depths
from treec.passes.algo.leaf_order import PERIOD, gray, true_first

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Shape:
    """Nodes with their sides: ``true``, ``false`` i64[N], a node among all if >= 0, else ``~leaf`` among all leaves."""

    tree: I64
    predicate: I64
    true: I64
    false: I64
    depth: I64
    leaf_tree: I64
    root: I64
    """i64[T]: of trees with nodes, -1 of others."""

    @property
    def n_trees(self) -> int:
        return len(self.root)

    @cached_property
    def levels(self) -> list[I64]:
        """Nodes by depth, the roots first."""
        order = np.argsort(self.depth, kind="stable")
        ends = np.cumsum(np.bincount(self.depth)) if len(order) else np.zeros(0, np.int64)
        return np.split(order, ends[:-1]) if len(ends) else []

    def levels_of(self, trees: NDArray[np.bool_]) -> list[I64]:
        """The levels with the nodes of some trees."""
        if trees.all():
            return self.levels
        wanted = trees[self.tree]
        return [level[wanted[level]] for level in self.levels]

    @cached_property
    def depths(self) -> I64:
        """The depth of each tree's deepest node, -1 without nodes."""
        deepest = np.full(self.n_trees, -1, np.int64)
        np.maximum.at(deepest, self.tree, self.depth)
        return deepest

    @cached_property
    def below(self) -> I64:
        """Leaves below each node."""
        count = np.zeros(len(self.tree), np.int64)
        for level in self.levels[::-1]:
            for side in (self.true[level], self.false[level]):
                count[level] += np.where(side >= 0, count[np.maximum(side, 0)], 1)
        return count

    @cached_property
    def true_first(self) -> NDArray[np.bool_]:
        return true_first(self.levels, self.true, self.false, self.below)

    def index_bits(self, cut: I64) -> I64:
        """The bits that number the leaves below the cut of each tree."""
        at_cut = np.flatnonzero(self.depth == cut[self.tree])
        bits = np.zeros(self.n_trees, np.int64)
        np.maximum.at(bits, self.tree[at_cut], width_of(self.below[at_cut]))
        return bits

    def code_bits(self, cut: I64) -> I64:
        """The bits of the codes of each tree."""
        return np.minimum(self.depths + 1, cut) + self.index_bits(cut)


def shape_of(trees: Trees, slot: I64) -> Shape:
    n_trees = trees.n_trees
    tree = np.repeat(np.arange(n_trees), np.diff(trees.node_offset))
    leaf_tree = np.repeat(np.arange(n_trees), np.diff(trees.leaf_offset))
    sides = [_global(child.astype(np.int64), tree, trees) for child in (trees.left, trees.right)]
    if trees.inverted is not None:
        sides = [np.where(trees.inverted, sides[1], sides[0]), np.where(trees.inverted, sides[0], sides[1])]
    root = np.where(np.diff(trees.node_offset) > 0, trees.node_offset[:-1], -1)
    return Shape(tree, slot[trees.predicate], sides[0], sides[1], node_depths(trees), leaf_tree, root)


def _global(child: I64, tree: I64, trees: Trees) -> I64:
    return np.where(child >= 0, child + trees.node_offset[tree], child - trees.leaf_offset[tree])


@dataclass(frozen=True, eq=False)
class Codes:
    """``code`` i64[L] of each leaf, and which of its bits matter: ``care`` i64[L]; ``bits`` i64[T]."""

    code: I64
    care: I64
    bits: I64


def width_of(n: I64) -> I64:
    """Bits that number ``n`` things."""
    return np.frexp(np.maximum(n - 1, 0).astype(np.float64))[1].astype(np.int64)


def codes_of(shape: Shape, cut: I64, trees: NDArray[np.bool_]) -> Codes:
    """Codes of the leaves of some trees, for the cut of each."""
    index_bits, bits = shape.index_bits(cut), shape.code_bits(cut)
    n_leaves = len(shape.leaf_tree)
    code, care = np.zeros(len(shape.tree), np.int64), np.zeros(len(shape.tree), np.int64)
    leaf_code, leaf_care = np.zeros(n_leaves, np.int64), np.zeros(n_leaves, np.int64)
    whole = (1 << index_bits) - 1
    for level in shape.levels_of(trees):
        tree = shape.tree[level]
        on_path = shape.depth[level] < cut[tree]
        bit = np.where(on_path, 1 << np.maximum(bits[tree] - 1 - shape.depth[level], 0), 0)
        sides = shape.true[level], shape.false[level]
        n_true, n_false = (np.where(side >= 0, shape.below[np.maximum(side, 0)], 1) for side in sides)
        first = shape.true_first[level, (code[level] & whole[tree]) % PERIOD]
        to_true = np.where(on_path, bit, np.where(first, 0, n_false))
        to_false = np.where(~on_path & first, n_true, 0)
        matters = care[level] | np.where(on_path, bit, whole[tree])
        for side, move in zip(sides, (to_true, to_false), strict=True):
            value = code[level] + move
            inner = side >= 0
            code[side[inner]], care[side[inner]] = value[inner], matters[inner]
            leaf_code[~side[~inner]], leaf_care[~side[~inner]] = value[~inner], matters[~inner]
    path = leaf_code & ~whole[shape.leaf_tree]
    return Codes(path | gray(leaf_code - path), leaf_care, bits)
