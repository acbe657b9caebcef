"""The Forest: a trained ensemble as frozen numpy columns, free of any library's format.

Every frontend ends here and every later level starts here. Nothing in a Forest is code. All arrays are read-only;
``Forest.check`` proves the invariants once, so that no later stage has to.

Vocabulary: a *predicate* asks one question about one input; a *node* is an inner node and holds a predicate id; *leaves*
are apart. Trees are canonical: nodes of a tree in depth-first preorder, left before right, and leaves from left to right.
So an inner left child of node ``i`` is ``i + 1``, and a tree of ``n`` nodes has ``n + 1`` leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from treec.frontends.checks import check_inputs, check_leaves, check_oblivious, check_outputs, check_predicates, check_trees
from treec.frontends.columns import (
    F32,
    F64,
    Inputs,
    Leaves,
    LinearLeaves,
    ObliviousTrees,
    Outputs,
    Predicates,
    Source,
    SumRule,
    Trees,
)
from treec.frontends.kinds import CategoryCast, Final, LabelRule, Link, Missing, Predicted, Test

__all__ = [
    "F32",
    "F64",
    "CategoryCast",
    "Final",
    "Forest",
    "Inputs",
    "LabelRule",
    "Leaves",
    "LinearLeaves",
    "Link",
    "Missing",
    "ObliviousTrees",
    "Outputs",
    "Predicates",
    "Predicted",
    "Source",
    "SumRule",
    "Test",
    "Trees",
    "freeze",
]


@dataclass(frozen=True, eq=False)
class Forest:
    """A whole model. See the module's text and each part."""

    inputs: Inputs
    predicates: Predicates
    trees: Trees | ObliviousTrees
    leaves: Leaves
    sum: SumRule
    outputs: Outputs
    source: Source = field(default_factory=lambda: Source("none", "python"))

    @property
    def n_columns(self) -> int:
        """K, the number of raw output columns."""
        return len(self.sum.base)

    @property
    def leaf_width(self) -> int:
        """W, the number of output columns one leaf adds to."""
        return int(self.leaves.values.shape[1])

    def check(self) -> Forest:
        """Prove every invariant of the columns and freeze them; raises `ModelError` naming the column."""
        check_inputs(self.inputs)
        check_predicates(self.predicates, self.inputs)
        check_leaves(self.leaves, self.trees, self.sum, self.inputs.n_inputs)
        if isinstance(self.trees, Trees):
            check_trees(self.trees, len(self.predicates))
        else:
            check_oblivious(self.trees, len(self.predicates))
        check_outputs(self.outputs, self.n_columns)
        for part in (self.inputs, self.predicates, self.trees, self.leaves, self.leaves.linear, self.sum):
            if part is not None:
                freeze(part)
        return self


def freeze(part: object) -> None:
    """Make every array of a dataclass read-only."""
    for value in vars(part).values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
