"""``plan-kernels``: a first plan for the model, one kernel ``row { tree { walk } }``."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from treec.errors import ScheduleError
from treec.treeir.forest import only_model
from treec.treeir.plan import ForOp, KernelOp, LoopAxis, WalkOp, kernels_of


@dataclass(frozen=True)
class PlanKernelsPass(ModulePass):
    """Add ``plan.kernel @main`` for the module's model: the root loops ``row`` and ``tree``, no decision yet."""

    name = "plan-kernels"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if kernels_of(op):
            raise ScheduleError("there is a plan already", fix="keep one `plan-kernels`")
        model = only_model(op)
        tree = ForOp("tree", LoopAxis.TREE, [WalkOp()])
        row = ForOp("row", LoopAxis.ROW, [tree])
        op.body.block.add_op(KernelOp("main", model.sym_name.data, [row]))
