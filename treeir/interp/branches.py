"""Reference interpreter of a walk of branches: the model's own trees, node by node."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Forest, Trees
from treec.treeir.interp.landing import Landing
from treec.treeir.interp.predicates import goes_left


class BranchWalk:
    """Walks over the trees of the Forest, which have no tables."""

    def __init__(self, forest: Forest, trees: Trees) -> None:
        self.predicates = forest.predicates
        self.trees = trees
        inputs = forest.inputs
        self.read = inputs.column if inputs.table_offset is None else np.arange(inputs.n_inputs)

    def walk(self, row: NDArray[Any], tree: int) -> Landing:
        """From the root to a leaf."""
        trees = self.trees
        first = int(trees.node_offset[tree])
        at = 0 if first < trees.node_offset[tree + 1] else ~0
        while at >= 0:
            node = first + at
            asked = trees.predicate[node]
            value = row[int(self.read[self.predicates.input[asked]])]
            true = bool(goes_left(self.predicates, np.array([asked]), np.array([value]))[0])
            inverted = trees.inverted is not None and bool(trees.inverted[node])
            at = int(trees.left[node] if true != inverted else trees.right[node])
        leaf = int(trees.leaf_offset[tree]) + ~at
        return Landing(leaf, int(trees.leaf_id[leaf]))

    def leaf_row(self, leaf: int) -> int:
        return int(self.trees.leaf_row[leaf])

    def column(self, tree: int) -> int:
        return int(self.trees.column[tree])
