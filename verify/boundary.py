"""Boundary rows: for every node, rows that reach it and sit below, at and above its threshold.

A row with each feature on some threshold meets few nodes at their own threshold. So rows are made from paths: for each
node a row that satisfies the path to it, then copies in which the node's own input is just below, at and just above the
threshold, and missing; for a category set every code, an unknown one and invalid ones. For each leaf one row inside it.
They are to be run through their own tree alone, where a wrong answer at the node must end in another leaf.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import UnsupportedModelError
from treec.frontends.base import Forest, Missing, Test, Trees
from treec.treeir.interp.predicates import CODE_LIMIT, ZERO_BOUND
from treec.verify.fill import Filler, filler
from treec.verify.paths import Paths, paths_of
from treec.verify.rows import Domain, Pools, pools

I64 = NDArray[np.int64]

BLOCK_BYTES = 1 << 21
"""Size of the rows made together; the arrays they are made from are some five times that."""

COMPARE_VARIANTS = 4
SET_VARIANTS = 8
ZERO_VARIANTS = 4


@dataclass(frozen=True)
class Budget:
    """How much work verification may be, in units that take 1 ns or so, and the same on every machine.

    ``boundary`` bounds that with boundary rows: beyond it, a random sample of the nodes is tested. ``codes`` bounds the
    category codes tried over all nodes; beyond it, a sample per node. ``pairs``: (row, tree) pairs of random rows.
    """

    boundary: int = 6_000_000_000
    codes: int = 1 << 20
    pairs: int = 1 << 19


@dataclass(frozen=True, eq=False)
class Block:
    """Rows [n, n_features] as a user gives them, the tree of each (ascending), and the target of each: a position in the m
    targets of this block. Per target: ``target`` i64[m], its leaves ``first`` to ``end`` (local), and ``possible``: not
    proven to be out of reach."""

    rows: NDArray[Any]
    tree: I64
    position: I64
    target: I64
    first: I64
    end: I64
    possible: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BoundaryRows:
    """The plan for trees ``tree_begin`` to ``tree_end``: which targets, how many rows each. Iterate over `blocks`."""

    forest: Forest
    paths: Paths
    domain: Domain
    budget: Budget
    seed: int
    tree_begin: int
    tree_end: int

    @cached_property
    def near(self) -> Pools:
        return pools(self.domain, seed=self.seed)

    @property
    def n_nodes(self) -> int:
        offset = self.paths.trees.node_offset
        return int(offset[self.tree_end] - offset[self.tree_begin])

    @cached_property
    def codes_per_node(self) -> int:
        """How many category codes are tried at a node with a set."""
        widths = 32 * self._set_widths(self._all_nodes)
        if int(widths.sum()) <= self.budget.codes:
            return int(widths.max(initial=0))
        return max(32, self.budget.codes // int((widths > 0).sum()))

    @property
    def _all_nodes(self) -> I64:
        offset = self.paths.trees.node_offset
        return np.arange(offset[self.tree_begin], offset[self.tree_end], dtype=np.int64)

    def _set_widths(self, nodes: I64) -> I64:
        """Words of each node's category set; 0 for a compare."""
        p = self.forest.predicates
        ids = self.paths.trees.predicate[nodes]
        sets = p.category_set[ids]
        if p.n_sets == 0:
            return np.zeros(len(nodes), np.int64)
        return np.where(p.test[ids] == Test.IN_SET, np.diff(p.set_offset)[np.maximum(sets, 0)], 0)

    @cached_property
    def targets(self) -> I64:
        """The targets to test, nodes and leaves, by tree; a sample where there are too many for the budget."""
        trees, begin, end = self.paths.trees, self.tree_begin, self.tree_end
        leaves: I64 = self.paths.n_nodes + np.arange(trees.leaf_offset[begin], trees.leaf_offset[end], dtype=np.int64)
        every = np.concatenate([self._all_nodes, leaves])
        rng = np.random.default_rng(self.seed)
        cost = self._work(every, rng)
        if cost > self.budget.boundary:
            every = every[rng.random(len(every)) < self.budget.boundary / cost]
        return every[np.argsort(self.tree_of(every), kind="stable")]

    def _work(self, targets: I64, rng: np.random.Generator) -> float:
        """Estimated from the depth of some targets: steps of walks and climbs, and values of rows."""
        some = rng.choice(targets, min(len(targets), 2000)) if len(targets) else targets
        depth = self.paths.depths(some).mean() if len(some) else 0.0
        width = self.forest.inputs.n_inputs
        return float(
            self.row_counts(targets).sum() * (300 + 40 * depth + 12 * width) + len(targets) * (80 * depth + 30 * width)
        )

    def tree_of(self, targets: I64) -> I64:
        """The tree of each target."""
        trees, n_nodes = self.paths.trees, self.paths.n_nodes
        of_node = np.searchsorted(trees.node_offset, targets, side="right") - 1
        of_leaf = np.searchsorted(trees.leaf_offset, targets - n_nodes, side="right") - 1
        return np.where(targets < n_nodes, of_node, of_leaf)

    def row_counts(self, targets: I64) -> I64:
        """How many rows each target gets: an upper bound."""
        counts = np.ones(len(targets), np.int64)
        at = np.flatnonzero(targets < self.paths.n_nodes)
        p = self.forest.predicates
        ids = self.paths.trees.predicate[targets[at]]
        codes = np.minimum(32 * self._set_widths(targets[at]), self.codes_per_node)
        zero = ZERO_VARIANTS if self.zeros_matter else 0
        counts[at] = zero + np.where(p.test[ids] == Test.IN_SET, codes + SET_VARIANTS, COMPARE_VARIANTS)
        return counts

    @cached_property
    def zeros_matter(self) -> bool:
        """Somewhere zeros are missing; then every node must be asked about them."""
        return bool((self.forest.predicates.missing == Missing.ZERO_OR_NAN).any())

    def blocks(self, targets: I64 | None = None, *, attempt: int = 0) -> Iterator[Block]:
        """Rows for ``targets`` (default: all), in blocks of bounded size.

        Another ``attempt`` draws other values, and adds the row made for the path as it is: that alone reaches a node
        whose threshold the path to it leaves no room for.
        """
        targets = self.targets if targets is None else targets
        fill = filler(self.paths, self.domain, self.near, self.seed + attempt)
        width = max(1, self.forest.inputs.n_features, self.forest.inputs.n_inputs) * self.domain.row_dtype.itemsize
        width += 4 * self.paths.set_table.shape[1] * len(self.paths.set_inputs)
        ends = np.cumsum(self.row_counts(targets))
        begin = 0
        while begin < len(targets):
            used = ends[begin - 1] if begin else 0
            end = int(np.searchsorted(ends, used + max(1, BLOCK_BYTES // width), side="right"))
            end = max(end, begin + 1)
            yield self._block(targets[begin:end], fill, with_base=attempt > 0)
            begin = end

    def _block(self, targets: I64, fill: Filler, *, with_base: bool) -> Block:
        tree = self.tree_of(targets)
        demands = self.paths.demands(targets, tree)
        base, possible = fill.rows(targets, demands)
        position, index, value = self._variants(targets, base, fill.rng)
        encoded = base.take(position, axis=0)
        if encoded.shape[1]:
            encoded[np.arange(len(position)), index] = value
        if with_base:
            position, encoded = np.concatenate([position, np.arange(len(base))]), np.concatenate([encoded, base])
            order = np.argsort(position, kind="stable")
            position, encoded = position[order], encoded[order]
        return Block(
            rows=self.domain.decode(encoded, fill.rng),
            tree=tree[position],
            position=position,
            target=targets,
            first=demands.first,
            end=demands.end,
            possible=possible,
        )

    def _variants(self, targets: I64, base: NDArray[Any], rng: np.random.Generator) -> tuple[I64, I64, NDArray[Any]]:
        """Each row's target (ascending positions), the input it changes, and to which value."""
        p, n_nodes = self.forest.predicates, self.paths.n_nodes
        inner = np.flatnonzero(targets < n_nodes)
        outer = np.flatnonzero(targets >= n_nodes)
        ids = np.zeros(len(targets), np.int64)
        ids[inner] = self.paths.trees.predicate[targets[inner]]
        is_set = p.test[ids[inner]] == Test.IN_SET
        parts = [*self._compare_variants(inner[~is_set], ids), *self._set_variants(inner[is_set], ids, targets, base, rng)]
        if self.zeros_matter:
            bound = np.float32(ZERO_BOUND)
            beyond = np.nextafter(bound, np.float32(1))
            parts += [(inner, np.full(len(inner), value)) for value in (0.0, -bound, beyond, -beyond)]
        position = np.concatenate([outer, *(at for at, _ in parts)])
        index = np.concatenate([np.zeros(len(outer), np.int64), *(p.input[ids[at]] for at, _ in parts)])
        unchanged = base[outer, 0] if base.shape[1] else np.zeros(len(outer), base.dtype)
        value = np.concatenate([unchanged, *(values for _, values in parts)]).astype(base.dtype)
        order = np.argsort(position, kind="stable")
        return position[order], index[order].astype(np.int64), value[order]

    def _compare_variants(self, at: I64, ids: I64) -> list[tuple[I64, NDArray[Any]]]:
        p = self.forest.predicates
        threshold = p.threshold[ids[at]]
        found = [(at, values) for values in self.domain.neighbours(threshold, p.input[ids[at]])]
        return [*found, (at, np.full(len(at), np.nan))]

    def _set_variants(
        self, at: I64, ids: I64, targets: I64, base: NDArray[Any], rng: np.random.Generator
    ) -> list[tuple[I64, NDArray[Any]]]:
        if len(at) == 0:
            return []
        p, inputs = self.forest.predicates, self.forest.predicates.input[ids[at]]
        bits = 32 * self._set_widths(targets[at])
        count = np.minimum(bits, self.codes_per_node)
        repeated = np.repeat(at, count)
        code = np.arange(len(repeated)) - np.repeat(np.cumsum(count) - count, count)
        sampled = np.repeat(bits > count, count)
        code = np.where(sampled, (rng.random(len(code)) * np.repeat(bits, count)).astype(np.int64), code)
        unknown = 32.0 * (self.paths.set_table.shape[1] - 1)
        fixed = (unknown, -1.0, -0.5, CODE_LIMIT[p.category_cast], 1e10, np.nan)
        found = [(repeated, code), *((at, np.full(len(at), value)) for value in fixed)]
        own = base[at, inputs]
        return [*found, (at, np.abs(own) + 0.5), (at, own)]


def boundary_rows(
    forest: Forest,
    tree_begin: int = 0,
    tree_end: int | None = None,
    *,
    row_dtype: np.dtype[Any] | None = None,
    budget: Budget | None = None,
    seed: int = 0,
) -> BoundaryRows:
    """Boundary rows for some or all trees, of ``row_dtype`` (default: the compare dtype).

    Raises `UnsupportedModelError` for trees in levels form.
    """
    if not isinstance(forest.trees, Trees):
        raise UnsupportedModelError("boundary rows for trees in levels form", fix="expand them to plain trees first")
    domain = Domain(forest, row_dtype or forest.inputs.dtype)
    end = forest.trees.n_trees if tree_end is None else tree_end
    return BoundaryRows(forest, paths_of(forest, forest.trees), domain, budget or Budget(), seed, tree_begin, end)
