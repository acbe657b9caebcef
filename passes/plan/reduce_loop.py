"""``reduce-loop``: each step of the loop over all trees has a partial sum of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr

from treec.errors import ScheduleError
from treec.passes.plan.bind_loop import extent_of
from treec.passes.plan.rewrite import PlanPass, loop_named
from treec.schedule.directives.reduce import NO_ORDER
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of
from treec.treeir.loop_lanes import LANES_MOST
from treec.treeir.loop_types import LoopKind
from treec.treeir.plan import REDUCTIONS, THREAD_REDUCTIONS, ForOp, GpuTargetOp, KernelOp, LoopAxis, target_of

_WRONG_MACHINE = {
    True: ("a CPU has no memory that the threads of a block share", "write in=staged or in=vector"),
    False: (
        "only blocks of a GPU have groups of trees, and add them up in stages",
        "bind a loop over groups of trees to the grid, and write in=staged; or single trees to threads, and in=shared",
    ),
}


@dataclass(frozen=True)
class ReduceLoopPass(PlanPass):
    """Give each step of ``loop`` a partial sum, and add these up by ``how``: ``vector``, one after the other, or
    ``staged``, neighbours first, then pairs, and so on; either way the same column of several rows at once. ``shared``:
    the threads of a GPU's block share the loop, and their sums, or leaf values where sums are exact, meet in shared memory;
    ``shuffle``: in registers of a warp; ``atomic``: each adds its partial sums to those of all threads, in any order.

    Needs the loop that covers all trees, one over the trees of its step, and sums that may be reassociated. A step is of
    places of trees, whatever trees a call asks for, so that a row's sum depends on nothing but the model and the plan.
    On a GPU ``staged`` needs the loop bound to the grid, and adds leaf values in tree order where sums are exact.
    Those of threads need a loop over single trees that is bound to threads, ``shuffle`` to ``block.x``, as many as a power
    of two up to 32; and only ``atomic`` needs sums that may be reassociated.
    """

    name = "reduce-loop"
    loop: str
    how: Literal["staged", "vector", "shared", "shuffle", "atomic"] = "vector"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        of_threads = self.how in THREAD_REDUCTIONS
        if self.how == "staged" and isinstance(target_of(op), GpuTargetOp):
            for kernel in self.kernels(op):
                self._stage(kernel)
            return
        if of_threads != isinstance(target_of(op), GpuTargetOp):
            reason, fix = _WRONG_MACHINE[of_threads]
            raise ScheduleError(reason, fix=fix)
        if self.how == "atomic" and not forest_of(only_model(op)).sum.reassociate:
            raise ScheduleError(
                f"{NO_ORDER}, and sums are exact", fix="allow it by `float reassociate`, or write in=shared"
            )
        if of_threads:
            for kernel in self.kernels(op):
                self._share(kernel)
            return
        if self.how not in REDUCTIONS:
            raise ScheduleError(f"partial sums can't be added up {self.how}", fix=f"use how={' or how='.join(REDUCTIONS)}")
        if not forest_of(only_model(op)).sum.reassociate:
            raise ScheduleError(
                "partial sums of groups of trees change the order of additions", fix="allow that by `float reassociate`"
            )
        for kernel in self.kernels(op):
            self._reduce(kernel)

    def _stage(self, kernel: KernelOp) -> None:
        """Blocks have the groups: what they leave is in scratch, partial sums, or leaf values where sums are exact."""
        loop = loop_named(kernel, self.loop)
        if loop.kind.data is not LoopKind.GRID or loop.axis.data is not LoopAxis.TREE:
            raise ScheduleError(
                f"no blocks share the groups of trees of `{self.loop}`",
                fix="bind a loop over groups of trees first, e.g. `split tree into=(part, tree) by=50`, `bind part grid.y`",
            )
        if loop.reduce is not None:
            raise ScheduleError(f"`{self.loop}` is reduced already", fix="keep one `reduce` line")
        loop.properties["reduce"] = StringAttr(self.how)

    def _share(self, kernel: KernelOp) -> None:
        loop = loop_named(kernel, self.loop)
        if loop.axis.data is not LoopAxis.TREE or loop.kind.data is not LoopKind.BLOCK:
            raise ScheduleError(
                f"threads do not share the trees of `{self.loop}`",
                fix="bind a loop over single trees first, e.g. `split tree into=(round, lane) by=32`, `bind lane block.x`",
            )
        if loop.reduce is not None:
            raise ScheduleError(f"`{self.loop}` is reduced already", fix="keep one `reduce` line")
        if self.how == "shuffle":
            _require_warp(loop, kernel)
        loop.properties["reduce"] = StringAttr(self.how)

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


def _require_warp(loop: ForOp, kernel: KernelOp) -> None:
    """The threads of a row are neighbours, and in one warp."""
    name, threads = loop.label.data, extent_of(kernel.nest(), loop) or 0
    if loop.dimension is None or loop.dimension.data != "x":
        raise ScheduleError(
            f"the threads of `{name}` read one another's registers, and are no neighbours of a warp",
            fix=f"bind `{name}` to block.x, and the rows of a block to block.y",
        )
    if threads > LANES_MOST or threads.bit_count() != 1:
        raise ScheduleError(
            f"{threads} threads share the trees of a row; a warp has {LANES_MOST}, and rows have parts of it",
            fix=f"split the trees by a power of two up to {LANES_MOST}, or write in=shared",
        )
