"""What a row takes in a tree, roughly: so that calls know from how many rows on a second thread pays."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.traits import SymbolTable

from treec.frontends.base import Forest, Trees
from treec.passes.algo.depths import leaf_depths
from treec.treeir.plan import KernelOp, PredicateBitsOp, SlicedTreesOp

CYCLE = 400
"""Picoseconds."""
LEVEL = 3.5
"""Cycles of a step, with other walks beside it."""
PREDICATE, SELECT, NODE = 6.0, 3.0, 1.2
"""Cycles for 512 rows."""
VALUE, LEAF = 2.0, 0.4
"""Cycles to rank a value of a row, and to look a leaf's value up."""
BLOCK = 512


def row_cost(kernel: KernelOp, module: ModuleOp, forest: Forest) -> int:
    """Picoseconds of a row and tree on one core, at least 1."""
    walk = kernel.innermost_walk()
    trees = None if walk.trees is None else SymbolTable.lookup_symbol(module, walk.trees)
    cycles = _sliced(trees, module) if isinstance(trees, SlicedTreesOp) else _walked(forest)
    return max(1, round(CYCLE * cycles))


def _walked(forest: Forest) -> float:
    if not isinstance(forest.trees, Trees) or forest.trees.n_trees == 0:
        return LEVEL
    shallowest, deepest = leaf_depths(forest.trees)
    return LEVEL * max(1.0, float((shallowest + deepest).mean()) / 2)


def _sliced(trees: SlicedTreesOp, module: ModuleOp) -> float:
    bits = SymbolTable.lookup_symbol(module, trees.predicates)
    n_predicates, n_views = 0, 0
    if isinstance(bits, PredicateBitsOp) and bits.n_predicates:
        n_predicates, n_views = bits.n_predicates, len(np.unique(bits.view.array))
    n_nodes = 0 if trees.node is None else len(trees.node.array)
    block = PREDICATE * n_predicates + SELECT * (len(trees.select.array) // 3) + NODE * n_nodes
    return (block / BLOCK + VALUE * n_views) / max(1, trees.n_trees) + LEAF
