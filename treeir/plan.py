"""The plan dialect: how a forest is computed. One kernel is a nest of loops over rows and trees around a walk.

A ``plan.for`` covers the range of its ``of`` loop (or the whole axis) in steps; the loop inside it that names it covers one
such step. Nothing here has a trip count: every range may be of any length, remainders included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from xdsl.dialects.builtin import (
    FlatSymbolRefAttrConstr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    SymbolNameConstraint,
    SymbolRefAttr,
    i64,
)
from xdsl.ir import Block, Dialect, Operation, Region
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    prop_def,
    region_def,
    traits_def,
)
from xdsl.traits import NoTerminator, SymbolOpInterface, SymbolTable
from xdsl.utils.exceptions import VerifyException

from treec.treeir.forest import ModelOp
from treec.treeir.forest_checks import expect_cover, require
from treec.treeir.pairs import PairedTreesOp, ValuePairsOp
from treec.treeir.paths import PathMatrixOp
from treec.treeir.plan_loops import REDUCTIONS, THREAD_REDUCTIONS, ForOp
from treec.treeir.plan_nests import (
    node_loops,
    verify_bound,
    verify_known_trees,
    verify_nest,
    verify_row_block,
    verify_sliced_nest,
    verify_vectors,
)
from treec.treeir.plan_targets import GpuTargetOp, TargetOp, compares_f64, only_f32_rows, target_of
from treec.treeir.plan_trees import BitFieldAttr, PackedTreesOp, TreesOp
from treec.treeir.plan_walk import STRATEGIES, LoopAxis, LoopAxisAttr, WalkOp
from treec.treeir.ranks import RanksOp
from treec.treeir.reorg import ReorgTreesOp
from treec.treeir.slices import PredicateBitsOp, SlicedTreesOp
from treec.treeir.tiles import TiledTreesOp

__all__ = [
    "REDUCTIONS",
    "STRATEGIES",
    "THREAD_REDUCTIONS",
    "BitFieldAttr",
    "ForOp",
    "GpuTargetOp",
    "KernelOp",
    "LoopAxis",
    "LoopAxisAttr",
    "PackedTreesOp",
    "PairedTreesOp",
    "PathMatrixOp",
    "Plan",
    "PredicateBitsOp",
    "RanksOp",
    "ReorgTreesOp",
    "SlicedTreesOp",
    "TargetOp",
    "TiledTreesOp",
    "TreesOp",
    "ValuePairsOp",
    "WalkOp",
    "compares_f64",
    "kernels_of",
    "only_f32_rows",
    "target_of",
]


@irdl_op_definition
class KernelOp(IRDLOperation):
    """A plan of the model; of a module's kernels a call gets the first whose ``rows_max`` is not below its rows. The plan
    itself is right for any number of rows."""

    name = "plan.kernel"
    sym_name = prop_def(SymbolNameConstraint())
    model = prop_def(FlatSymbolRefAttrConstr)
    rows_max = prop_def(IntegerAttr.constr(i64))
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), NoTerminator())
    assembly_format = "$sym_name `of` $model `rows` $rows_max $body attr-dict"

    def __init__(self, name: str, model: str, body: Sequence[Operation], rows_max: int = (1 << 63) - 1) -> None:
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "model": SymbolRefAttr(model),
                "rows_max": IntegerAttr(rows_max, i64),
            },
            regions=[Region(Block(body))],
        )

    def reduced_loop(self) -> ForOp | None:
        """The loop over all trees, if its steps have partial sums; or the one over trees that threads share."""
        return next((loop for loop in self.nest() if loop.reduce is not None), None)

    def nest(self) -> list[ForOp]:
        """The loops, outermost first."""
        return list(_nest(self.body.block))

    def innermost_walk(self) -> WalkOp:
        """The walk inside all loops."""
        loops = self.nest()
        block = loops[-1].body.block if loops else self.body.block
        op = block.first_op
        if not isinstance(op, WalkOp):
            raise VerifyException("a kernel has a walk inside its loops")
        return op

    def _trees(self) -> TreesOp | None:
        """What the walk goes through, once it is laid out."""
        module, trees = self.parent_op(), self.innermost_walk().trees
        found = None if module is None or trees is None else SymbolTable.lookup_symbol(module, trees)
        return found if isinstance(found, TreesOp) else None

    def verify_(self) -> None:
        if len(list(self.body.block.ops)) != 1:
            raise VerifyException("a kernel holds one nest")
        if self.rows_max.value.data < 1:
            raise VerifyException("a kernel serves calls of at least one row")
        trees = self.innermost_walk().trees
        verify_nest(self.nest())
        verify_bound(self.nest(), self.innermost_walk())
        rows_at = self.innermost_walk().rows_at
        if rows_at is not None:
            verify_row_block(self.nest(), rows_at.data, "copied")
        nodes_at = self.innermost_walk().nodes_at
        if nodes_at is not None and nodes_at not in [loop.label for loop in node_loops(self.nest())]:
            raise VerifyException(
                f"nodes are copied at {nodes_at.data!r}, neither the only loop that blocks share nor one over trees"
            )
        prefetch_at = self.innermost_walk().prefetch_at
        if prefetch_at is not None:
            verify_row_block(self.nest(), prefetch_at.data, "prefetched")
        verify_vectors(self.nest(), self.innermost_walk())
        strategy = self.innermost_walk().strategy
        if strategy is not None and strategy.data == "branch":
            verify_known_trees(self.nest())
        if self.innermost_walk().word is not None:
            verify_sliced_nest(self.nest(), self.innermost_walk())
        laid_out = self._trees()
        for loop in self.nest():
            if loop.parts is not None and laid_out is not None:
                expect_cover("parts", loop.parts, laid_out.n_trees)
        module = self.parent_op()
        if module is None:
            return
        model = SymbolTable.lookup_symbol(module, self.model)
        if not isinstance(model, ModelOp):
            raise VerifyException(f"there is no model {self.model}")
        if laid_out is not None and laid_out.threshold_dtype == np.float32 and compares_f64(model):
            require(
                isinstance(module, ModuleOp) and only_f32_rows(module),
                "thresholds in f32 of a model of f64 are for f32 rows",
            )
        if trees is not None and not isinstance(SymbolTable.lookup_symbol(module, trees), TreesOp):
            raise VerifyException(f"there are no trees {trees}")


def _nest(block: Block) -> Iterator[ForOp]:
    op = block.first_op
    while isinstance(op, ForOp):
        yield op
        op = op.body.block.first_op


def kernels_of(module: ModuleOp) -> list[KernelOp]:
    return [op for op in module.ops if isinstance(op, KernelOp)]


Plan = Dialect(
    "plan",
    [
        ForOp,
        GpuTargetOp,
        KernelOp,
        PackedTreesOp,
        PairedTreesOp,
        PathMatrixOp,
        PredicateBitsOp,
        RanksOp,
        ReorgTreesOp,
        SlicedTreesOp,
        TargetOp,
        TiledTreesOp,
        ValuePairsOp,
        WalkOp,
    ],
    [BitFieldAttr, LoopAxisAttr],
)
