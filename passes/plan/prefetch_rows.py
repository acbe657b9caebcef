"""``prefetch-rows``: rows of a later step are asked for before they are needed."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, i64

from treec.errors import ScheduleError
from treec.passes.plan.rewrite import PlanPass, loop_named
from treec.treeir.plan import GpuTargetOp, KernelOp, LoopAxis, target_of


@dataclass(frozen=True)
class PrefetchRowsPass(PlanPass):
    """In each step of the loop ``at``, ask memory for the rows of the step that is ``ahead`` steps further: the cache lines
    that the model's predicates read. No answer depends on it.

    Needs a row loop outside of all tree loops, and a CPU.
    """

    name = "prefetch-rows"
    at: str
    ahead: int = 1

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.ahead < 1:
            raise ScheduleError(f"rows can't be asked for {self.ahead} steps ahead", fix="write ahead=1 or more")
        if isinstance(target_of(op), GpuTargetOp):
            raise ScheduleError(
                "a GPU has other threads to run while one waits for memory", fix="leave `prefetch rows` out"
            )
        for kernel in self.kernels(op):
            self._prefetch(kernel)

    def _prefetch(self, kernel: KernelOp) -> None:
        loop, nest = loop_named(kernel, self.at), kernel.nest()
        over_trees = [o.label.data for o in nest[: nest.index(loop) + 1] if o.axis.data is LoopAxis.TREE]
        if over_trees:
            reason = "runs over trees" if loop.axis.data is LoopAxis.TREE else f"is inside of `{over_trees[0]}`"
            raise ScheduleError(
                f"`{self.at}` {reason}, and rows are asked for once, before they meet the first tree",
                fix="choose a row loop outside of all tree loops",
            )
        walk = kernel.innermost_walk()
        if walk.prefetch_at is not None:
            raise ScheduleError("rows are asked for already", fix="keep one `prefetch rows` line")
        walk.properties["prefetch_at"] = StringAttr(self.at)
        walk.properties["prefetch_ahead"] = IntegerAttr(self.ahead, i64)
