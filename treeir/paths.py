"""``plan.path_matrix``: which conditions of packed trees lead to which leaf."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import FlatSymbolRefAttrConstr, SymbolNameConstraint
from xdsl.irdl import irdl_op_definition, prop_def, traits_def
from xdsl.traits import SymbolOpInterface, SymbolTable

from treec.treeir.blob import BlobAttr
from treec.treeir.forest_checks import expect, require
from treec.treeir.plan_trees import PackedTreesOp
from treec.treeir.printing import NamedTablesOp

_UNSIGNED = (np.uint8, np.uint16, np.uint32, np.uint64)


@irdl_op_definition
class PathMatrixOp(NamedTablesOp):
    """The path matrix of ``trees``: see `treec.passes.algo.path_matrix` for ``path`` and ``start``. ``leaf_id``: the
    library's number of each leaf."""

    name = "plan.path_matrix"
    sym_name = prop_def(SymbolNameConstraint())
    trees = prop_def(FlatSymbolRefAttrConstr)
    path = prop_def(BlobAttr)
    start = prop_def(BlobAttr)
    leaf_id = prop_def(BlobAttr)
    traits = traits_def(SymbolOpInterface())

    @property
    def n_words(self) -> int:
        """Words of each tree."""
        return self.start.array.shape[1]

    def verify_(self) -> None:
        expect("path", self.path, (np.uint32,), ndim=2)
        expect("start", self.start, (np.uint32,), ndim=2)
        expect("leaf_id", self.leaf_id, _UNSIGNED)
        require(self.path.array.shape[1] == self.n_words > 0, "nodes and trees have equally many words")
        module = self.parent_op()
        if module is None:
            return
        packed = SymbolTable.lookup_symbol(module, self.trees)
        require(isinstance(packed, PackedTreesOp), f"there are no packed trees {self.trees}")
        if isinstance(packed, PackedTreesOp):
            nodes, trees = len(packed.nodes.array), packed.n_trees
            require(len(self.path.array) == nodes, "every node has a line")
            require(len(self.start.array) == trees, "every tree has words to start from")
            require(len(self.leaf_id.array) == nodes + trees, "every leaf has a number of the library's")
