"""What the path to a node demands of a row.

A *target* is a node (``0 … N - 1``, counted over all trees) or a leaf (``N … N + L - 1``). For a batch of targets, all
paths are climbed together, one numpy step per level: each edge narrows an interval, a set of categories, or the ways in
which NaN, zero and invalid categories may pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Forest, Missing, Predicates, Test, Trees
from treec.treeir.interp.predicates import ZERO_BOUND, goes_left
from treec.verify.rows import Domain, set_widths

I64 = NDArray[np.int64]
Integers = NDArray[np.integer]
Floats = NDArray[Any]
Bools = NDArray[np.bool_]
ALL_BITS = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, eq=False)
class ZeroBand:
    """Where some predicates take |x| <= 1e-35 for missing, such x have rules of their own. Arrays [m, n_inputs].

    ``asked``: some predicate on the path does so; ``passes``: all of those let zeros through; ``lo``, ``hi``: what the
    other predicates of the path demand.
    """

    asked: Bools
    passes: Bools
    lo: Floats
    hi: Floats


@dataclass(frozen=True, eq=False)
class Demands:
    """What rows must have to reach each of m targets. ``lo``, ``hi`` [m, n_inputs], both included; ``nan`` [m, n_inputs]:
    NaN passes. ``codes`` u32[m, G, words]: category codes that pass, for each of the G inputs with category sets (the
    last word stands for codes no set has); ``invalid`` [m, G]: values that are no category pass.
    ``first``, ``end`` i64[m]: the leaves below the target, local."""

    lo: Floats
    hi: Floats
    nan: Bools
    band: ZeroBand | None
    codes: NDArray[np.uint32]
    invalid: Bools
    first: I64
    end: I64


@dataclass(frozen=True, eq=False)
class Paths:
    """Climbs paths of a Forest of `Trees`; all tables here are made once."""

    forest: Forest
    trees: Trees
    up: NDArray[np.int64]
    """[N + L]: twice the parent node, plus 1 for a right child; -1 for roots."""
    lo: Floats
    hi: Floats
    nan: Bools
    zero: Bools
    invalid: Bools
    """[2 P]: what an edge demands, at twice the predicate, plus 1 for its right side."""
    set_inputs: I64
    set_slot: I64
    set_table: NDArray[np.uint32]
    holes: bool = field(default=False)
    """Some predicate tests for equality, so that its right side is an interval with a hole."""

    @property
    def n_nodes(self) -> int:
        return self.trees.n_nodes

    def demands(self, targets: I64, tree: I64) -> Demands:
        """What reaching each target demands; ``tree`` is the tree of each."""
        m, n_inputs = len(targets), self.forest.inputs.n_inputs
        result = _no_demands(self, m, n_inputs)
        parents_right = np.full(m, -1, np.int64)  # the right child of the nearest ancestor with the target on its left
        lefts, at_left = np.zeros(m, np.int64), np.zeros(m, bool)
        for row, edge in self._climb(targets):
            node = edge >> 1
            went_left = (edge & 1) == 0
            answer = self._answer(edge)
            fresh = row[went_left & ~at_left[row]]
            parents_right[fresh] = self.trees.right[node[went_left & ~at_left[row]]]
            at_left[fresh] = True
            lefts[row] += went_left
            self._narrow(result, row, answer, self.trees.predicate.take(node), n_inputs)
        first, end = self._leaves_below(targets, tree, lefts, at_left, parents_right)
        result.first[:], result.end[:] = first, end
        return result

    def _answer(self, edge: I64) -> I64:
        """0 where an edge is taken on a true answer, 1 on a false one."""
        inverted = self.trees.inverted
        return edge & 1 if inverted is None else (edge & 1) ^ inverted.take(edge >> 1)

    def depths(self, targets: I64) -> I64:
        """How many nodes are above each target."""
        depth = np.zeros(len(targets), np.int64)
        for row, _ in self._climb(targets):
            depth[row] += 1
        return depth

    def inputs_above(self, target: int) -> Integers:
        """The inputs that the path to a target asks about."""
        nodes = [edge >> 1 for _, edge in self._climb(np.array([target]))]
        return np.unique(
            self.forest.predicates.input[self.trees.predicate[np.concatenate([*nodes, np.zeros(0, np.int64)])]]
        )

    def _climb(self, targets: I64) -> Iterator[tuple[I64, I64]]:
        row = np.arange(len(targets))
        edge = self.up.take(targets)
        while True:
            inner = edge >= 0
            if not inner.all():
                row, edge = row[inner], edge[inner]
            if len(row) == 0:
                return
            yield row, edge
            edge = self.up.take(edge >> 1)

    def _narrow(self, d: Demands, row: I64, side: I64, predicate: Integers, n_inputs: int) -> None:
        edge = 2 * predicate.astype(np.int64) + side
        at = row * n_inputs + self.forest.predicates.input.take(predicate)
        lo, hi, nan = d.lo.reshape(-1), d.hi.reshape(-1), d.nan.reshape(-1)
        lo[at] = np.maximum(lo.take(at), self.lo.take(edge))
        hi[at] = np.minimum(hi.take(at), self.hi.take(edge))
        nan[at] &= self.nan.take(edge)
        if d.band is not None:
            self._narrow_band(d.band, at, edge, predicate)
        if d.codes.shape[1]:
            self._narrow_codes(d, row, side, predicate, edge)

    def _narrow_band(self, band: ZeroBand, at: I64, edge: I64, predicate: Integers) -> None:
        skips = self.forest.predicates.missing.take(predicate) == Missing.ZERO_OR_NAN
        band.asked.reshape(-1)[at] |= skips
        band.passes.reshape(-1)[at] &= self.zero.take(edge) | ~skips
        at, edge = at[~skips], edge[~skips]
        lo, hi = band.lo.reshape(-1), band.hi.reshape(-1)
        lo[at] = np.maximum(lo.take(at), self.lo.take(edge))
        hi[at] = np.minimum(hi.take(at), self.hi.take(edge))

    def _narrow_codes(self, d: Demands, row: I64, side: I64, predicate: Integers, edge: I64) -> None:
        chosen = np.flatnonzero(self.forest.predicates.test.take(predicate) == Test.IN_SET)
        if len(chosen) == 0:
            return
        row, side, predicate, edge = row[chosen], side[chosen], predicate[chosen], edge[chosen]
        slot = self.set_slot[self.forest.predicates.input.take(predicate)]
        words = self.set_table[self.forest.predicates.category_set.take(predicate)]
        d.codes[row, slot] &= words ^ np.where(side == 1, ALL_BITS, np.uint32(0))[:, None]
        d.invalid[row, slot] &= self.invalid.take(edge)

    def _leaves_below(self, targets: I64, tree: I64, lefts: I64, at_left: Bools, right: I64) -> tuple[I64, I64]:
        """In preorder, a node has ``local - lefts`` leaves before it; its last leaf is just before those of ``right``."""
        t, is_leaf = self.trees, targets >= self.n_nodes
        leaf = targets - self.n_nodes - t.leaf_offset[tree]
        node_first = targets - t.node_offset[tree] - lefts
        after = np.where(right < 0, ~right, right - lefts + 1)
        node_end = np.where(at_left, after, np.diff(t.leaf_offset)[tree])
        return np.where(is_leaf, leaf, node_first), np.where(is_leaf, leaf + 1, node_end)

    def move_off_holes(self, values: Floats, targets: I64, d: Demands, domain: Domain) -> Bools:
        """Change ``values`` [m, n_inputs] that sit on the operand of an equality test whose right side they need; returns
        where they can't move."""
        p, n_inputs = self.forest.predicates, self.forest.inputs.n_inputs
        flat, lo, hi, stuck = values.reshape(-1), d.lo.reshape(-1), d.hi.reshape(-1), np.zeros(values.shape, bool)
        for row, edge in self._climb(targets):
            predicate = self.trees.predicate.take(edge >> 1)
            index, hole = p.input.take(predicate), p.threshold.take(predicate)
            at = row * n_inputs + index
            on = np.flatnonzero(
                (p.test.take(predicate) == Test.EQUAL) & (self._answer(edge) == 1) & (flat.take(at) == hole)
            )
            at = at[on]
            below, _, above = domain.neighbours(hole[on], index[on])
            rises, falls = above <= hi[at], below >= lo[at]
            flat[at] = np.where(rises, above, below)
            stuck.reshape(-1)[at] |= ~rises & ~falls
        return stuck


def paths_of(forest: Forest, trees: Trees) -> Paths:
    """Prepare to climb the paths of ``forest``, whose shape is ``trees``."""
    p = forest.predicates
    set_inputs, slot, table = _set_columns(forest)
    lo, hi = _intervals(p)
    zero = np.zeros(len(p), p.threshold.dtype)
    nan_left = goes_left(p, np.arange(len(p)), np.full(len(p), np.nan, p.threshold.dtype))
    zero_left = goes_left(p, np.arange(len(p)), zero)
    return Paths(
        forest=forest,
        trees=trees,
        up=_parents(trees),
        lo=lo,
        hi=hi,
        nan=_two_sides(nan_left),
        zero=_two_sides(zero_left),
        invalid=_two_sides(p.invalid_left),
        set_inputs=set_inputs,
        set_slot=slot,
        set_table=table,
        holes=bool((p.test == Test.EQUAL).any()),
    )


def _two_sides(left: Bools) -> Bools:
    return np.stack([left, ~left], axis=1).reshape(-1)


def _parents(trees: Trees) -> I64:
    n_nodes = trees.n_nodes
    up = np.full(n_nodes + trees.n_leaves, -1, np.int64)
    sizes = np.diff(trees.node_offset)
    node_start = np.repeat(trees.node_offset[:-1], sizes)
    leaf_start = np.repeat(trees.leaf_offset[:-1], sizes) + n_nodes
    for side, child in enumerate((trees.left, trees.right)):
        entry = np.where(child < 0, ~child + leaf_start, child + node_start)
        up[entry] = 2 * np.arange(n_nodes) + side
    return up


def _intervals(p: Predicates) -> tuple[Floats, Floats]:
    """[2 P] lowest and highest value that takes each side by the test alone; an empty side has lowest above highest."""
    t, dtype = p.threshold, p.threshold.dtype
    below, above = np.nextafter(t, dtype.type(-np.inf)), np.nextafter(t, dtype.type(np.inf))
    lo, hi = np.full((len(p), 2), -np.inf, dtype), np.full((len(p), 2), np.inf, dtype)
    less, less_equal, equal = (p.test == test for test in (Test.LESS, Test.LESS_EQUAL, Test.EQUAL))
    hi[:, 0] = np.where(less, below, np.where(less_equal | equal, t, np.inf))
    lo[:, 0] = np.where(equal, t, -np.inf)
    lo[:, 1] = np.where(less, t, np.where(less_equal, above, -np.inf))
    for empty, side in ((less & (t == -np.inf), 0), (less_equal & (t == np.inf), 1)):
        lo[empty, side], hi[empty, side] = np.inf, -np.inf
    return lo.reshape(-1), hi.reshape(-1)


def _set_columns(forest: Forest) -> tuple[I64, I64, NDArray[np.uint32]]:
    """Inputs with sets, each input's place among them, and all sets as rows of equal length."""
    p, widths = forest.predicates, set_widths(forest)
    set_inputs = np.flatnonzero(widths >= 0)
    slot = np.full(len(widths), -1, np.int64)
    slot[set_inputs] = np.arange(len(set_inputs))
    if len(set_inputs) == 0:
        return set_inputs, slot, np.zeros((0, 1), np.uint32)
    sizes = np.diff(p.set_offset)
    table = np.zeros((p.n_sets, int(sizes.max(initial=0)) + 1), np.uint32)
    row = np.repeat(np.arange(p.n_sets), sizes)
    table[row, np.arange(len(p.set_words)) - p.set_offset[row]] = p.set_words
    return set_inputs, slot, table


def _no_demands(paths: Paths, m: int, n_inputs: int) -> Demands:
    dtype, shape = paths.forest.inputs.dtype, (m, n_inputs)
    bound = dtype.type(ZERO_BOUND)
    band = None
    if (paths.forest.predicates.missing == Missing.ZERO_OR_NAN).any():
        band = ZeroBand(np.zeros(shape, bool), np.ones(shape, bool), np.full(shape, -bound), np.full(shape, bound))
    slots = len(paths.set_inputs)
    return Demands(
        lo=np.full(shape, -np.inf, dtype),
        hi=np.full(shape, np.inf, dtype),
        nan=np.ones(shape, bool),
        band=band,
        codes=np.full((m, slots, paths.set_table.shape[1]), ALL_BITS),
        invalid=np.ones((m, slots), bool),
        first=np.zeros(m, np.int64),
        end=np.zeros(m, np.int64),
    )


def confine(d: Demands, domain: Domain) -> None:
    """Round every interval inward, to values that rows can have."""
    if domain.narrow:
        d.lo[:], d.hi[:] = domain.up(d.lo), domain.down(d.hi)
    for index in domain.table_inputs:
        last = domain.table_sizes[index] - 1
        d.lo[:, index] = np.maximum(np.ceil(d.lo[:, index]), 0)
        d.hi[:, index] = np.minimum(np.floor(d.hi[:, index]), last)
