"""Whether walks of large batches start below the upper levels of trees, whose bits are found first: an estimate in cycles
of one core, for forests that are not bitsliced as a whole.

A level saves each row a step in every tree. It costs a block the answers to its predicates, and the selects or multiplexers
over them, which double with every level as long as trees are full and ask for predicates of their own. So there is a best
level, and calls of few rows are walked from the root.

Measured, one thread, 8,192 rows, time of walks in pairs over that with N levels sliced, and the estimate's:

| model | 4 | 5 | 6 | 7 | 8 |
|---|---|---|---|---|---|
| scikit-learn, 200 trees of 1,385 leaves, predicates of their own | 1.14, 1.12 | 1.3, 1.18 | 1.3, 1.23 | 1.1, 1.2 | |
| LightGBM, 100 trees of 1,000 leaves, 254 thresholds a feature | 1.3, 1.1 | | 1.4, 1.4 | | 2.0, 1.7 |
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from treec.default.bits import FAR, TREE, WORD
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
LEAST_GAIN = 1.1
"""Of full blocks: for less another plan is not worth its tables."""
LEAST_STEPS = 8.0
"""Of the mean walk: other trees have no lower levels to speak of."""


@dataclass(frozen=True)
class Slice:
    """``levels`` of trees are sliced in blocks of `WORD` rows, where calls have more than ``walked`` rows; ``below``: steps
    of the mean walk that are left. ``gain``: of a full block over walks alone, by the estimate."""

    levels: int
    below: float
    walked: int
    n_predicates: int
    gain: float

    def plan(self, to: str) -> list[str]:
        """For ranks of that type."""
        peel = max(1, min(MOST_PEEL, round(PEEL_SHARE * self.below)))
        return [
            f"split row into=(block, row) by={WORD}",
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


def slice_pays(forest: Forest, machine: Machine, to: str) -> Slice | None:
    """The levels that are best sliced, of a forest that is walked in pairs on ranks of type ``to``; None where walks alone
    are as fast."""
    trees = forest.trees
    if not isinstance(trees, Trees) or trees.n_nodes == 0:
        return None
    shallowest, deepest = leaf_depths(trees)
    steps = float((shallowest + deepest).mean()) / 2
    if steps < LEAST_STEPS:
        return None
    tables, best = rank_tables(forest.predicates), None
    for levels in range(2, MOST_LEVELS + 1):
        slice_ = _slice(forest, trees, tables, (levels, steps, to), machine)
        if best is not None and slice_.gain < best.gain:
            break  # more levels double what these cost
        best = slice_
    return best if best is not None and best.gain >= LEAST_GAIN else None


def _slice(forest: Forest, trees: Trees, tables: RankTables, how: tuple[int, float, str], machine: Machine) -> Slice:
    """``how``: levels, steps of the mean walk, type of ranks."""
    levels, steps, to = how
    upper = upper_levels(trees, levels).trees
    asked = np.zeros(len(forest.predicates.test), np.bool_)
    asked[upper.predicate] = True
    bits, cost = predicate_bits(tables, asked), cost_of(machine.lookup, 4)
    n_predicates, n_trees, n_views = len(bits.test), trees.n_trees, len(tables.view_missing)
    sizes = slice_sizes(upper, bits.slot, n_predicates, cost)
    of_trees = cost.select * sizes.selects + cost.node * sizes.nodes + cost.codes + cost.bit * sizes.bits + TREE
    beyond = max(0.0, 1.0 - machine.l2_bytes / 2 / max(1, n_predicates * WORD // 8))
    block = answer_cycles(bits, to) + float(of_trees.sum()) + FAR * beyond * (n_predicates + upper.n_nodes)
    saved = UPPER_STEP * n_trees * min(float(levels), steps) - START * n_trees - COPY * n_views
    walk = STEP * n_trees * steps
    gain = walk / max(1.0, walk - saved + block / WORD)
    return Slice(levels, max(0.0, steps - levels), int(block / saved) if saved > 0 else 0, n_predicates, gain)
