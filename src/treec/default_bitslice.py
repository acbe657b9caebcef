"""Whether batches of a model should be bitsliced, and from how many rows on: an estimate in cycles of one core.

A block costs the same for every number of rows in it: all distinct predicates are answered and all selects made. So few
rows are cheaper to walk, each by itself. The figures are rough, from an AVX-512 core; only their ratios count, and they
decide between plans that differ by factors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from treec.frontends.base import Forest, Trees
from treec.passes.algo.bitslice import BYTE_BITS, SlicedTrees, slice_trees
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.lookups import cost_of
from treec.passes.algo.packed import narrow
from treec.passes.algo.predicate_bits import predicate_bits
from treec.passes.algo.ranks import rank_tables
from treec.passes.plan.walk import best_lookup

BLOCK_ROWS = 512
RANK = {"gather": 6.0, "permute": 3.5, "bytes": 3.5}
"""Cycles to rank a value, by the way of looking up."""
PREDICATE = 4.0
"""Cycles to answer a predicate for a block, by the bits of ranks of u8; ranks of u16 are compared, 64 rows at a time."""
COMPARED = 28.0
SUM = 64.0
"""Cycles to add a tree's values to the sums of a block."""
STEP = 4.0
"""Cycles of a step of a walk, with others beside it."""
MOST_NODES = 1 << 20
"""Larger forests are walked: their tables of selects would not stay in any cache."""


@dataclass(frozen=True)
class Sliced:
    """A plan for batches. ``rows``: calls of at most so many are better walked. ``to``: type of the ranks. ``speedup``: of
    a full block, over walks, by the estimate."""

    rows: int
    to: str
    n_predicates: int
    selects: float
    speedup: float
    node_bytes: float
    """Of the tables, per inner node."""

    def plan(self) -> list[str]:
        return [
            f"split row into=(block, row) by={BLOCK_ROWS}",
            f"rank features at=block to={self.to}",
            "predicates at=block",
            "order block, tree, row",
            "walk with=bitslice",
            "parallel block",
        ]

    def reasons(self) -> list[str]:
        from_rows = f"calls of more than {self.rows} rows" if self.rows else "all calls"
        return [
            f"{from_rows} are bitsliced: {self.n_predicates:,} distinct predicates and {self.selects:,.0f} selects a tree "
            f"for {BLOCK_ROWS} rows at once; some {self.speedup:.1f} times faster than walks, by estimate",
            f"tables of selects and leaf codes: {self.node_bytes:.1f} bytes per inner node",
        ]


def bitslice_pays(forest: Forest) -> Sliced | None:
    """The plan, or None where walks are cheaper even for full blocks, or the model has no bitslice."""
    trees = forest.trees
    if not isinstance(trees, Trees) or forest.leaves.linear is not None or not 0 < trees.n_nodes <= MOST_NODES:
        return None
    if int(np.diff(trees.leaf_offset).max()) > 1 << BYTE_BITS:
        return None
    tables = rank_tables(forest.predicates)
    highest = int(tables.highest().max(initial=0))
    to = next((name for name, bits in (("u8", 8), ("u16", 16)) if highest < 1 << bits), None)
    if to is None:
        return None
    bits = predicate_bits(tables)
    lookup = best_lookup("native")
    cost = cost_of(lookup, forest.leaves.values.dtype.itemsize)
    sliced = slice_trees(trees, bits.slot, len(bits.test), cost=cost)
    n_bits = np.diff(sliced.bit_offset)
    per_tree = cost.select * np.diff(sliced.select_offset) + cost.node * np.diff(sliced.node_offset)
    per_tree += cost.codes + cost.bit * n_bits + cost.lookup(n_bits) + SUM
    shallowest, deepest = leaf_depths(trees)
    rank = RANK[lookup] * len(tables.view_missing)
    block = (PREDICATE if to == "u8" else COMPARED) * len(bits.test) + float(per_tree.sum())
    walk = STEP * float((shallowest + deepest).sum()) / 2
    rows = block / max(1.0, walk - rank) if walk > rank else BLOCK_ROWS
    if rows > BLOCK_ROWS / 2:
        return None
    return Sliced(
        rows=int(rows),
        to=to,
        n_predicates=len(bits.test),
        selects=(len(sliced.select) + len(sliced.node)) / trees.n_trees,
        speedup=walk / (rank + block / BLOCK_ROWS),
        node_bytes=_table_bytes(forest, sliced) / trees.n_nodes,
    )


def _table_bytes(forest: Forest, sliced: SlicedTrees) -> int:
    slots = 2 * (len(sliced.bits) + sliced.select.size + len(sliced.node))
    values = forest.leaves.values
    of_code = narrow(forest.trees.leaf_id).itemsize + (values.itemsize if values.shape[1] == 1 else 4)
    return slots * (1 if sliced.n_slots <= 1 << 16 else 2) + len(sliced.leaf) * of_code
