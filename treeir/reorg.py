"""``plan.reorg_trees``: complete trees stored together, position by position, in the plan dialect."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import (
    DictionaryAttr,
    FlatSymbolRefAttrConstr,
    IntegerAttr,
    SymbolNameConstraint,
)
from xdsl.irdl import irdl_op_definition, opt_prop_def, prop_def, traits_def
from xdsl.traits import SymbolOpInterface, SymbolTable

from treec.treeir.blob import BlobAttr
from treec.treeir.forest_checks import FLOATS, expect, expect_cover, require
from treec.treeir.plan_trees import TreesOp, verify_records
from treec.treeir.ranks import RanksOp

_UNSIGNED = (np.uint8, np.uint16, np.uint32, np.uint64)


@irdl_op_definition
class ReorgTreesOp(TreesOp):
    """Complete trees of one ``depth``, element ``position * n_trees + tree``: see `treec.passes.algo.reorg` for each table.
    With ``ranks``, a field ``threshold`` of ``asked`` is the operand of a predicate on ranks, and kinds differ in their
    test only."""

    name = "plan.reorg_trees"
    sym_name = prop_def(SymbolNameConstraint())
    depth = prop_def(IntegerAttr)
    threshold = opt_prop_def(BlobAttr)
    asked = prop_def(BlobAttr)
    fields = prop_def(DictionaryAttr)
    kinds = prop_def(BlobAttr)
    leaf_row = prop_def(BlobAttr)
    leaf_id = prop_def(BlobAttr)
    set_offset = prop_def(BlobAttr)
    set_words = prop_def(BlobAttr)
    column = opt_prop_def(BlobAttr)
    ranks = opt_prop_def(FlatSymbolRefAttrConstr)
    traits = traits_def(SymbolOpInterface())

    @property
    def n_trees(self) -> int:
        return len(self.leaf_row.array) >> self.depth.value.data

    @property
    def threshold_dtype(self) -> np.dtype[Any] | None:
        return None if self.threshold is None else self.threshold.array.dtype

    def verify_(self) -> None:
        depth, trees = self.depth.value.data, self.n_trees
        require(0 <= depth < 32, "complete trees have less than 32 levels")
        n = trees * ((1 << depth) - 1)
        expect("leaf_row", self.leaf_row, _UNSIGNED, trees << depth)
        expect("leaf_id", self.leaf_id, _UNSIGNED, trees << depth)
        require(len(self.asked.array) == n, f"{trees} complete trees of depth {depth} have {n} nodes")
        fields = {"feature", "kind", "threshold" if self.ranks is not None else "missing_left"}
        verify_records("asked", self.asked, self.fields, fields, threshold=False)
        require((self.threshold is None) == (self.ranks is not None), "thresholds have a table unless they are ranks")
        expect("threshold", self.threshold, FLOATS, n)
        expect("kinds", self.kinds, [np.int64], ndim=2)
        require(self.kinds.array.shape[1] == 3, "kinds has three columns")
        expect("column", self.column, _UNSIGNED, trees)
        expect_cover("set_offset", self.set_offset, len(self.set_words.array))
        self._verify_ranks()

    def _verify_ranks(self) -> None:
        module = self.parent_op()
        if self.ranks is None or module is None:
            return
        require(isinstance(SymbolTable.lookup_symbol(module, self.ranks), RanksOp), f"there are no ranks {self.ranks}")
        require(not self.kinds.array[:, 1:].any(), "predicates on ranks know nothing of missing or invalid values")
