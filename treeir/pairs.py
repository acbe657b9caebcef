"""``plan.paired_trees`` and ``plan.value_pairs``: trees whose leaves point at themselves, in the plan dialect."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import DictionaryAttr, FlatSymbolRefAttrConstr, SymbolNameConstraint
from xdsl.irdl import irdl_op_definition, opt_prop_def, prop_def, traits_def
from xdsl.traits import SymbolOpInterface, SymbolTable

from treec.treeir.blob import BlobAttr
from treec.treeir.forest_checks import expect, expect_cover, require
from treec.treeir.plan_trees import TreesOp, verify_records
from treec.treeir.ranks import RanksOp

_UNSIGNED = (np.uint8, np.uint16, np.uint32, np.uint64)


@irdl_op_definition
class PairedTreesOp(TreesOp):
    """Trees as records, one per node and leaf, siblings side by side: see `treec.passes.algo.pairs` for each table. The
    predicates are asked about ``ranks``."""

    name = "plan.paired_trees"
    sym_name = prop_def(SymbolNameConstraint())
    nodes = prop_def(BlobAttr)
    fields = prop_def(DictionaryAttr)
    base = prop_def(BlobAttr)
    tests = prop_def(BlobAttr)
    leaf_row = opt_prop_def(BlobAttr)
    leaf_id = prop_def(BlobAttr)
    column = opt_prop_def(BlobAttr)
    set_offset = prop_def(BlobAttr)
    set_words = prop_def(BlobAttr)
    ranks = prop_def(FlatSymbolRefAttrConstr)
    traits = traits_def(SymbolOpInterface())

    @property
    def n_trees(self) -> int:
        return len(self.base.array) - 1

    def verify_(self) -> None:
        n = len(self.nodes.array)
        expect_cover("base", self.base, n)
        verify_records("nodes", self.nodes, self.fields, {"threshold", "feature", "kind", "delta"}, threshold=False)
        expect("tests", self.tests, (np.int64,))
        trees = self.n_trees
        require((n - trees) % 2 == 0, "a tree has one leaf more than nodes")
        expect("leaf_row", self.leaf_row, _UNSIGNED, (n + trees) // 2)
        expect("leaf_id", self.leaf_id, _UNSIGNED, (n + trees) // 2)
        expect("column", self.column, _UNSIGNED, trees)
        expect_cover("set_offset", self.set_offset, len(self.set_words.array))
        module = self.parent_op()
        if module is not None:
            found = isinstance(SymbolTable.lookup_symbol(module, self.ranks), RanksOp)
            require(found, f"there are no ranks {self.ranks}")


@irdl_op_definition
class ValuePairsOp(TreesOp):
    """The same with predicates about values: see `treec.passes.algo.pairs` for each table."""

    name = "plan.value_pairs"
    sym_name = prop_def(SymbolNameConstraint())
    nodes = prop_def(BlobAttr)
    fields = prop_def(DictionaryAttr)
    base = prop_def(BlobAttr)
    kinds = prop_def(BlobAttr)
    depth = prop_def(BlobAttr)
    leaf_row = prop_def(BlobAttr)
    leaf_id = prop_def(BlobAttr)
    column = opt_prop_def(BlobAttr)
    set_offset = prop_def(BlobAttr)
    set_words = prop_def(BlobAttr)
    traits = traits_def(SymbolOpInterface())

    @property
    def n_trees(self) -> int:
        return len(self.base.array) - 1

    @property
    def threshold_dtype(self) -> np.dtype[Any] | None:
        return self.nodes.array.dtype["threshold"]

    def verify_(self) -> None:
        n = len(self.nodes.array)
        expect_cover("base", self.base, n)
        verify_records("nodes", self.nodes, self.fields, {"right", "feature", "kind", "missing_left"}, threshold=True)
        expect("kinds", self.kinds, (np.int64,), ndim=2)
        expect("depth", self.depth, _UNSIGNED, self.n_trees)
        expect("leaf_row", self.leaf_row, _UNSIGNED, n)
        expect("leaf_id", self.leaf_id, _UNSIGNED, n)
        expect("column", self.column, _UNSIGNED, self.n_trees)
        expect_cover("set_offset", self.set_offset, len(self.set_words.array))
