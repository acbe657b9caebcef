"""``plan.predicate_bits`` and ``plan.sliced_trees``: predicates as bits, trees as selects between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import FlatSymbolRefAttrConstr, IntegerAttr, SymbolNameConstraint
from xdsl.irdl import irdl_op_definition, opt_prop_def, prop_def, traits_def
from xdsl.traits import SymbolOpInterface, SymbolTable
from xdsl.utils.exceptions import VerifyException

from treec.frontends.base import Test
from treec.treeir.blob import BlobAttr
from treec.treeir.forest_checks import expect, expect_cover, require
from treec.treeir.loop_shuffle import MOST_LEVELS
from treec.treeir.plan_trees import TreesOp
from treec.treeir.printing import NamedTablesOp
from treec.treeir.ranks import RanksOp

_UNSIGNED = (np.uint8, np.uint16, np.uint32, np.uint64)


@irdl_op_definition
class PredicateBitsOp(NamedTablesOp):
    """The distinct predicates on views of ``ranks``, in the order of their slots: see `treec.passes.algo.predicate_bits`
    for each table. A slot is -1 where nobody asks."""

    name = "plan.predicate_bits"
    sym_name = prop_def(SymbolNameConstraint())
    test = prop_def(BlobAttr)
    view = prop_def(BlobAttr)
    operand = prop_def(BlobAttr)
    slot = prop_def(BlobAttr)
    set_words = prop_def(BlobAttr)
    ranks = prop_def(FlatSymbolRefAttrConstr)
    traits = traits_def(SymbolOpInterface())

    @property
    def n_predicates(self) -> int:
        return len(self.test.array)

    def verify_(self) -> None:
        n, test = self.n_predicates, self.test.array
        for name, column in (("view", self.view), ("operand", self.operand)):
            require(len(column.array) == n, f"every predicate has a {name}")
        require(bool(np.isin(test, (Test.LESS_EQUAL, Test.EQUAL, Test.IN_SET)).all()), "ranks are not asked such a test")
        require(bool(np.all(np.diff(test.astype(np.int64)) >= 0)), "predicates of one test stand together")
        slot = self.slot.array
        require(len(slot) == 0 or (slot.min() >= -1 and slot.max() < n), "a predicate has no slot")
        module = self.parent_op()
        if module is None:
            return
        ranks = SymbolTable.lookup_symbol(module, self.ranks)
        require(isinstance(ranks, RanksOp), f"there are no ranks {self.ranks}")
        if isinstance(ranks, RanksOp) and n:
            require(int(self.view.array.max()) < ranks.n_views, "a predicate reads a view that is not there")


@irdl_op_definition
class SlicedTreesOp(TreesOp):
    """Trees as selects between slots, or as multiplexers: see `treec.passes.algo.bitslice` for each table. The first slots
    are the bits of ``predicates``. ``select`` is flat, three slots each. Where only the upper levels are sliced, ``start``
    is in place of ``leaf_id``: where a walk goes on from each of their leaves (`treec.passes.algo.upper_levels`), below so
    many ``levels``."""

    name = "plan.sliced_trees"
    sym_name = prop_def(SymbolNameConstraint())
    predicates = prop_def(FlatSymbolRefAttrConstr)
    select = prop_def(BlobAttr)
    select_offset = prop_def(BlobAttr)
    bits = prop_def(BlobAttr)
    bit_offset = prop_def(BlobAttr)
    node = opt_prop_def(BlobAttr)
    node_offset = opt_prop_def(BlobAttr)
    leaf = prop_def(BlobAttr)
    code_offset = prop_def(BlobAttr)
    leaf_row = opt_prop_def(BlobAttr)
    leaf_id = opt_prop_def(BlobAttr)
    start = opt_prop_def(BlobAttr)
    levels = opt_prop_def(IntegerAttr)
    column = opt_prop_def(BlobAttr)
    traits = traits_def(SymbolOpInterface())

    @property
    def n_trees(self) -> int:
        return len(self.select_offset.array) - 1

    @property
    def n_selects(self) -> int:
        """Of the tree that has most."""
        return int(np.diff(self.select_offset.array).max(initial=0))

    def verify_(self) -> None:
        trees = self.n_trees
        require(len(self.select.array) % 3 == 0, "a select has three slots")
        expect_cover("select_offset", self.select_offset, len(self.select.array) // 3)
        expect_cover("bit_offset", self.bit_offset, len(self.bits.array))
        expect_cover("code_offset", self.code_offset, len(self.leaf.array))
        require(len(self.bit_offset.array) == len(self.code_offset.array) == trees + 1, "every tree has bits and codes")
        bits = np.diff(self.bit_offset.array.astype(np.int64))
        codes = np.diff(self.code_offset.array.astype(np.int64))
        require(bool(np.all(codes == 1 << bits)), "n bits have 2**n codes")
        self._verify_nodes(bits)
        landings = self.leaf_id if self.start is None else self.start
        if landings is None or (self.leaf_id is not None and self.start is not None):
            raise VerifyException("leaves have numbers, or a walk starts at them")
        require((self.start is None) == (self.levels is None), "levels end where walks start")
        n_leaves = len(landings.array)
        leaf = self.leaf.array
        require(len(leaf) == 0 or int(leaf.max()) < n_leaves, "a code has no leaf")
        expect("leaf_row", self.leaf_row, _UNSIGNED, n_leaves)
        expect("leaf_id", self.leaf_id, _UNSIGNED, n_leaves)
        expect("start", self.start, _UNSIGNED, n_leaves)
        expect("column", self.column, _UNSIGNED, trees)
        self._verify_slots()

    @property
    def is_full(self) -> NDArray[np.bool_]:
        """Of each tree: is it a multiplexer?"""
        if self.node_offset is None:
            return np.zeros(len(self.bit_offset.array) - 1, bool)
        return np.diff(self.node_offset.array.astype(np.int64)) > 0

    def _verify_nodes(self, bits: NDArray[np.int64]) -> None:
        require((self.node is None) == (self.node_offset is None), "nodes have offsets")
        if self.node is None or self.node_offset is None:
            return
        expect_cover("node_offset", self.node_offset, len(self.node.array))
        require(len(self.node_offset.array) == len(bits) + 1, "every tree has a number of nodes")
        nodes, full = np.diff(self.node_offset.array.astype(np.int64)), self.is_full
        require(bool(np.all(nodes[full] == (1 << bits[full]) - 1)), "a multiplexer of n bits has 2**n - 1 nodes")
        require(int(bits[full].max(initial=0)) <= MOST_LEVELS, f"a multiplexer has at most {MOST_LEVELS} levels")

    def _verify_slots(self) -> None:
        module = self.parent_op()
        if module is None:
            return
        predicates = SymbolTable.lookup_symbol(module, self.predicates)
        require(isinstance(predicates, PredicateBitsOp), f"there are no predicate bits {self.predicates}")
        if not isinstance(predicates, PredicateBitsOp):
            return
        first = predicates.n_predicates + 2
        offset = self.select_offset.array.astype(np.int64)
        count = np.diff(offset)
        made = first + np.arange(len(self.select.array) // 3) - np.repeat(offset[:-1], count)
        slots = self.select.array.reshape(-1, 3).astype(np.int64)
        require(bool(np.all(slots.max(axis=1, initial=0) < made)), "a select needs a slot that is made after it")
        if self.node is not None and len(self.node.array):
            require(int(self.node.array.max()) < first, "a node asks a predicate that is not there")
        bits = np.repeat(first + count, np.diff(self.bit_offset.array.astype(np.int64)))
        require(bool(np.all(self.bits.array < bits)), "a bit of a code is in no slot of its tree")
