"""``parallel-loop``: the loop whose steps threads share."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from treec.errors import ScheduleError
from treec.passes.plan.rewrite import PlanPass, loop_named
from treec.treeir.loop_types import LoopKind, LoopKindAttr
from treec.treeir.plan import LoopAxis


@dataclass(frozen=True)
class ParallelLoopPass(PlanPass):
    """Let the runtime share the steps of ``loop`` among threads.

    Needs the outermost loop, over rows or over groups of trees with partial sums: neither depend on one another, so results
    do not depend on the threads.
    """

    name = "parallel-loop"
    loop: str

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in self.kernels(op):
            loop = loop_named(kernel, self.loop)
            if loop.axis.data is not LoopAxis.ROW and loop.reduce is None:
                raise ScheduleError(
                    f"`{self.loop}` runs over trees; adding up trees in parallel would reorder sums",
                    fix="make a row loop parallel, or give the steps of the loop over all trees partial sums by `reduce`",
                )
            if kernel.nest()[0] is not loop:
                raise ScheduleError(f"`{self.loop}` is not the outermost loop", fix=f"put `{self.loop}` first in `order`")
            loop.properties["kind"] = LoopKindAttr(LoopKind.PARALLEL)
