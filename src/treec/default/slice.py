"""Whether walks of large batches start below the upper levels of trees, whose bits are found first: an estimate in cycles
of one core, for forests that are not bitsliced as a whole.

A level saves each row a step in every tree. It costs a block the answers to its predicates, and the selects or multiplexers
over them, which double with every level as long as trees are full and ask for predicates of their own. So there is a best
level, and calls of few rows are walked from the root. Blocks are those of walks, since every tree comes to the core once
for each: blocks of 512 rows were up to a tenth faster on a quiet machine, and up to 1.6 times as slow beside other work.

Measured on 200 trees of 1,385 leaves with predicates of their own, one thread, blocks of 2,048 rows, time of walks in pairs
over that with N levels sliced, and the estimate's: 3 levels 1.14 and 1.06, 4 levels 1.16 and 1.12, 5 levels 1.19 and 1.18.
6 levels, whose answers take 2.9 MB, are no faster than none. Other forests: 1.11 (2,227 leaves), 1.10 (12,632 leaves), 1.08
(1,000 leaves).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from treec.default.bits import TREE, WORD
from treec.default.bitslice import answer_cycles
from treec.default.machine import Machine
from treec.frontends.base import Forest, Trees
from treec.passes.algo.bitslice import slice_sizes
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.lookups import cost_of
from treec.passes.algo.predicate_bits import predicate_bits
from treec.passes.algo.ranks import RankTables, rank_tables
from treec.passes.algo.upper_levels import MOST_LEVELS, upper_levels

STEP, UPPER_STEP = 3.0, 2.4
"""Cycles of a step, on the whole and at the upper levels, whose nodes stay in the first caches."""
START = 4.0
"""Cycles to find where a walk starts."""
COPY = 1.5
"""Cycles to copy a rank from its column to its row."""
TOGETHER = 10
"""Walks that go down together."""
PEEL_SHARE, MOST_PEEL = 1.5, 12
"""Straight steps, of the mean walk below: of walks together some are longer."""
MOST_OF_CACHE = 1.5
"""Second caches that the answers of a block may take: beyond, more levels cost more than they save."""
LEAST_GAIN = 1.1
"""Of full blocks: for less another plan is not worth its tables."""
LEAST_STEPS = 8.0
"""Of the mean walk: other trees have no lower levels to speak of."""


@dataclass(frozen=True)
class Slice:
    """``levels`` of trees are sliced in blocks of ``rows``, where calls have more than ``walked`` rows; ``below``: steps
    of the mean walk that are left. ``gain``: of a full block over walks alone, by the estimate."""

    levels: int
    rows: int
    below: float
    walked: int
    n_predicates: int
    gain: float

    @property
    def bytes(self) -> int:
        """Of the answers for a block."""
        return self.n_predicates * self.rows // 8

    def plan(self, to: str) -> list[str]:
        """For ranks of that type."""
        peel = max(1, min(MOST_PEEL, round(PEEL_SHARE * self.below)))
        return [
            f"split row into=(block, row) by={self.rows}",
            f"rank features at=block to={to}",
            "predicates at=block",
            "layout pairs",
            "order block, tree, row",
            f"walk with=bitslice slice={self.levels} interleave=row:{TOGETHER} peel={peel}",
            "parallel block",
        ]

    def reason(self) -> str:
        return (
            f"calls of more than {self.walked} rows: bits of the first {self.levels} levels, of {self.n_predicates:,} "
            f"predicates, say where walks start; some {self.gain:.1f} times faster than walks alone, by estimate"
        )


def slice_pays(forest: Forest, machine: Machine, to: str, rows: int) -> Slice | None:
    """The levels that are best sliced, of a forest that is walked in pairs on ranks of type ``to``, in blocks of ``rows``;
    None where walks alone are as fast."""
    trees = forest.trees
    if not isinstance(trees, Trees) or trees.n_nodes == 0:
        return None
    shallowest, deepest = leaf_depths(trees)
    steps = float((shallowest + deepest).mean()) / 2
    if steps < LEAST_STEPS:
        return None
    tables, best, rows = rank_tables(forest.predicates), None, max(WORD, rows)
    for levels in range(2, MOST_LEVELS + 1):
        slice_ = _slice(forest, trees, tables, (levels, steps, to), rows, machine)
        if slice_.bytes > MOST_OF_CACHE * machine.l2_bytes or (best is not None and slice_.gain < best.gain):
            break  # more levels double what these cost
        best = slice_
    return best if best is not None and best.gain >= LEAST_GAIN else None


def _slice(
    forest: Forest, trees: Trees, tables: RankTables, how: tuple[int, float, str], rows: int, machine: Machine
) -> Slice:
    """``how``: levels, steps of the mean walk, type of ranks."""
    levels, steps, to = how
    upper = upper_levels(trees, levels).trees
    asked = np.zeros(len(forest.predicates.test), np.bool_)
    asked[upper.predicate] = True
    bits, cost = predicate_bits(tables, asked), cost_of(machine.lookup, 4)
    n_predicates, n_trees, n_views = len(bits.test), trees.n_trees, len(tables.view_missing)
    sizes = slice_sizes(upper, bits.slot, n_predicates, cost)
    of_trees = cost.select * sizes.selects + cost.node * sizes.nodes + cost.codes + cost.bit * sizes.bits + TREE
    block = answer_cycles(bits, to) + float(of_trees.sum())
    saved = UPPER_STEP * n_trees * min(float(levels), steps) - START * n_trees - COPY * n_views
    walk = STEP * n_trees * steps
    gain = walk / max(1.0, walk - saved + block / WORD)
    return Slice(levels, rows, max(0.0, steps - levels), int(block / saved) if saved > 0 else 0, n_predicates, gain)
