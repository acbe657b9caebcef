"""Whether batches of a model should be bitsliced, and from how many rows on: an estimate in cycles of one core.

A block costs nearly the same for every number of rows in it: all distinct predicates are answered and all selects made;
only leaf values are looked up for as many rows as there are. So few rows are cheaper to walk, each by itself
(`treec.default.small`). The figures are rough, from an AVX-512 core; only their ratios count, and they
decide between plans that differ by factors.

Trees of more than 256 leaves have some two selects a leaf, too many for the first caches, and the walks beside them are
those of large blocks: there the two are closer. Measured with half as many selects more, 200 trees of 500 leaves that
share 7,000 predicates took 0.54 of the walks' time, of 1000 leaves 0.9, and 100 trees of 1000 leaves with predicates of
their own 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from treec.default.bits import WORD, BlockShape, best_block
from treec.default.blocks import STEP_PAIRS
from treec.default.machine import Machine
from treec.default.small import SMALL_BLOCK, SmallCalls, small_calls
from treec.frontends.base import Forest, Test, Trees
from treec.passes.algo.bitslice import BYTE_BITS, MOST_BITS, Cost, SliceSizes, slice_sizes
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.lookups import cost_of
from treec.passes.algo.packed import narrow
from treec.passes.algo.predicate_bits import SET_BYTES, PredicateBits, predicate_bits
from treec.passes.algo.ranks import rank_tables
from treec.passes.loop.predicate_bits import MANY

RANK = {"gather": 5.0, "permute": 1.4, "bytes": 1.4}
"""Cycles to rank a value, by the way of looking up."""
PREDICATE, COMPARED, COMPARED_WIDE = 4.0, 17.0, 20.0
"""Cycles to answer a predicate for 512 rows: by the bits of ranks, where a view of u8 has many; by compares of vectors of
ranks, or sets in registers; by compares of ranks of u16. All by calls for no tree, of 14 models."""
SUM = 64.0
"""Cycles to add a tree's values to the sums of a block."""
STEP = 4.0
"""Cycles of a step of a walk, with others beside it."""
FEW_STEP, FEW_STEP_SETS = 3.0, 6.0
"""The same where walks of one row go down several trees: all as far as the deepest. The second: where some nodes ask for
sets of categories, which every step then has to tell apart."""
VIEW = 800.0
"""Cycles to rank a feature's column of a block and to spread the bits of the ranks."""
MOST_NODES, MOST_WIDE_NODES = 1 << 20, 1 << 18
"""Larger forests are walked: their tables of selects would not stay in any cache. The second: where trees are *wide*, of
more than 256 leaves."""
WIDE_SELECTS = 2.1
"""Selects a node of a wide tree."""
WIDE_FACTOR = 1.5
"""How much longer than by its selects a block of wide trees takes."""
LEAST_SPEEDUP, LEAST_WIDE_SPEEDUP = 2.0, 1.25
"""Of a full block: for less another plan is not worth its tables."""


@dataclass(frozen=True)
class Sliced:
    """A plan for batches. ``small``: what smaller calls do. ``block_rows``: of a block of bits. ``to``: type of the ranks.
    ``speedup``: of a full block, over walks, by the estimate."""

    small: SmallCalls
    block_rows: int
    to: str
    n_predicates: int
    selects: float
    speedup: float
    node_bytes: float
    """Of the tables, per inner node."""

    @property
    def rows(self) -> int:
        """Calls of at most so many are better walked."""
        return self.small.walked

    def plan(self) -> list[str]:
        """The kernels for calls that are not walked."""
        if not self.small.has_block:
            return [*self._blocks(self.block_rows), "parallel block"]
        small = [f"  {line}" for line in self._blocks(SMALL_BLOCK)]
        return [f"kernel when rows <= {SMALL_BLOCK} {{", *small, "}", *self._blocks(self.block_rows), "parallel block"]

    def _blocks(self, rows: int) -> list[str]:
        return [
            f"split row into=(block, row) by={rows}",
            f"rank features at=block to={self.to}",
            "predicates at=block",
            "order block, tree, row",
            "walk with=bitslice",
        ]

    def reasons(self) -> list[str]:
        from_rows = f"calls of more than {self.rows} rows" if self.rows else "all calls"
        return [
            f"{from_rows} are bitsliced: {self.n_predicates:,} distinct predicates and {self.selects:,.0f} selects a tree "
            f"for {self.block_rows} rows at once; some {self.speedup:.1f} times faster than walks, by estimate",
            f"tables of selects and leaf codes: {self.node_bytes:.1f} bytes per inner node",
            *self.small.reasons(),
        ]


def bitslice_pays(forest: Forest, machine: Machine) -> Sliced | None:
    """The plan, or None where walks are cheaper even for full blocks, or the model has no bitslice."""
    trees = forest.trees
    if not isinstance(trees, Trees) or forest.leaves.linear is not None or trees.n_nodes == 0:
        return None
    most_leaves = int(np.diff(trees.leaf_offset).max())
    wide = most_leaves > 1 << BYTE_BITS
    if most_leaves > 1 << MOST_BITS or trees.n_nodes > (MOST_WIDE_NODES if wide else MOST_NODES):
        return None
    tables = rank_tables(forest.predicates)
    highest = int(tables.highest().max(initial=0))
    to = next((name for name, bits in (("u8", 8), ("u16", 16)) if highest < 1 << bits), None)
    if to is None:
        return None
    bits = predicate_bits(tables)
    cost = cost_of(machine.lookup, forest.leaves.values.dtype.itemsize)
    shallowest, deepest = leaf_depths(trees)
    walk = (STEP_PAIRS if wide else STEP) * float((shallowest + deepest).sum()) / 2
    rank = RANK[machine.lookup] * len(tables.view_missing)
    answers = answer_cycles(bits, to)
    most = WORD / (LEAST_WIDE_SPEEDUP if wide else LEAST_SPEEDUP) * (walk - rank)
    if wide and answers + WIDE_FACTOR * WIDE_SELECTS * cost.select * trees.n_nodes > most:
        return None  # before selects are made: that takes seconds
    sizes = slice_sizes(trees, bits.slot, len(bits.test), cost)
    block = answers + (WIDE_FACTOR if wide else 1.0) * _tree_cycles(sizes, cost)
    if block > most:
        return None
    few_step = FEW_STEP_SETS if (forest.predicates.test == Test.IN_SET).any() else FEW_STEP
    few = _few_cycles(block, len(tables.view_missing), sizes, cost)
    block_rows = best_block(_shape(forest, bits, sizes, cost, (rank, answers)), machine)
    return Sliced(
        small=small_calls(few * min(1.0, block_rows / WORD), few_step * float(deepest.sum()), block_rows),
        block_rows=block_rows,
        to=to,
        n_predicates=len(bits.test),
        selects=float((sizes.selects + sizes.nodes).sum()) / trees.n_trees,
        speedup=walk / (rank + block / WORD),
        node_bytes=_table_bytes(forest, sizes) / trees.n_nodes,
    )


def answer_cycles(bits: PredicateBits, to: str) -> float:
    """What the answers to all predicates cost for 512 rows."""
    of_view = np.bincount(bits.view[bits.test == Test.LESS_EQUAL])
    by_bits = int(of_view[of_view >= MANY].sum()) if to == "u8" else 0
    wide = 0 if to == "u8" else int(of_view.sum())
    return PREDICATE * by_bits + COMPARED_WIDE * wide + COMPARED * (len(bits.test) - by_bits - wide)


def _shape(forest: Forest, bits: PredicateBits, sizes: SliceSizes, cost: Cost, cycles: tuple[float, float]) -> BlockShape:
    """``cycles``: to rank a row, and to answer all predicates for 512."""
    rank, answers = cycles
    code = float((cost.codes + cost.bit * sizes.bits).sum())
    n_selects, n_nodes, n_views = int(sizes.selects.sum()), int(sizes.nodes.sum()), int(bits.view.max(initial=0)) + 1
    n_sets = int((bits.test == Test.IN_SET).sum())
    return BlockShape(
        work=answers + cost.select * n_selects + cost.node * n_nodes + code,
        other=rank + float((cost.lookup(sizes.bits) + SUM).sum()) / WORD,
        trees=forest.trees.n_trees,
        slots=sizes.n_slots,
        reads=3 * n_selects + n_nodes,
        nodes=forest.trees.n_nodes if isinstance(forest.trees, Trees) else 0,
        predicates=len(bits.test),
        row_bytes=n_views * (1 + forest.inputs.dtype.itemsize) + forest.n_columns * forest.sum.dtype.itemsize,
        table_bytes=_table_bytes(forest, sizes) + SET_BYTES * n_sets,
    )


def _tree_cycles(sizes: SliceSizes, cost: Cost) -> float:
    """What all trees cost a block."""
    per_tree = cost.select * sizes.selects + cost.node * sizes.nodes
    return float((per_tree + cost.codes + cost.bit * sizes.bits + cost.lookup(sizes.bits) + SUM).sum())


def _few_cycles(block: float, n_views: int, sizes: SliceSizes, cost: Cost) -> float:
    """What a block of few rows costs: leaf values are looked up and added for 64 of them."""
    lookups = float((cost.lookup(sizes.bits) + SUM).sum())
    return block - lookups * (1 - 64 / WORD) + VIEW * n_views


def _table_bytes(forest: Forest, sizes: SliceSizes) -> int:
    slots = 2 * int((sizes.bits + 3 * sizes.selects + sizes.nodes).sum())
    values = forest.leaves.values
    of_code = narrow(forest.trees.leaf_id).itemsize + (values.itemsize if values.shape[1] == 1 else 4)
    return slots * (1 if sizes.n_slots <= 1 << 16 else 2) + int((1 << sizes.bits).sum()) * of_code
