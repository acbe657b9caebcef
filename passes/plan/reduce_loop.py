"""``reduce-loop``: each step of the loop over all trees has a partial sum of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr

from treec.errors import ScheduleError
from treec.passes.plan.rewrite import PlanPass, loop_named
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of
from treec.treeir.plan import REDUCTIONS, GpuTargetOp, KernelOp, LoopAxis, target_of


@dataclass(frozen=True)
class ReduceLoopPass(PlanPass):
    """Give each step of ``loop`` a partial sum, and add these up by ``how``: ``vector``, one after the other, or
    ``staged``, neighbours first, then pairs, and so on; either way the same column of several rows at once.

    Needs the loop that covers all trees, one over the trees of its step, and sums that may be reassociated. A step is of
    places of trees, whatever trees a call asks for, so that a row's sum depends on nothing but the model and the plan.
    """

    name = "reduce-loop"
    loop: str
    how: Literal["staged", "vector"] = "vector"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.how not in REDUCTIONS:
            raise ScheduleError(f"partial sums can't be added up {self.how}", fix=f"use how={' or how='.join(REDUCTIONS)}")
        if not forest_of(only_model(op)).sum.reassociate:
            raise ScheduleError(
                "partial sums of groups of trees change the order of additions", fix="allow that by `float reassociate`"
            )
        if isinstance(target_of(op), GpuTargetOp):
            raise ScheduleError("threads of a GPU keep no partial sums of groups of trees", fix="leave `reduce` out")
        for kernel in self.kernels(op):
            self._reduce(kernel)

    def _reduce(self, kernel: KernelOp) -> None:
        loop, nest = loop_named(kernel, self.loop), kernel.nest()
        outermost = next(other.label.data for other in nest if other.axis.data is LoopAxis.TREE)
        if loop.axis.data is not LoopAxis.TREE or loop.of is not None:
            raise ScheduleError(f"`{self.loop}` does not run over all trees", fix=f"name `{outermost}`")
        if not any(other.of is not None and other.of.data == self.loop for other in nest):
            raise ScheduleError(
                f"each step of `{self.loop}` is one tree, and groups of trees have partial sums",
                fix=f"split it before that, e.g. `split {self.loop} into=(group, {self.loop}) by=50`, and reduce `group`",
            )
        if loop.reduce is not None:
            raise ScheduleError(f"`{self.loop}` is reduced already", fix="keep one `reduce` line")
        loop.properties["reduce"] = StringAttr(self.how)
