"""``split-loop``: one loop becomes two, blocks and what is inside a block."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr

from treec.errors import ScheduleError
from treec.passes.plan.rewrite import PlanPass, loop_named, rebuild_nest
from treec.treeir.loop_types import LoopKind
from treec.treeir.plan import ForOp, KernelOp


@dataclass(frozen=True)
class SplitLoopPass(PlanPass):
    """Divide ``loop`` into an outer loop over blocks of ``by`` of its steps and an inner loop over one block.

    Any trip count: the last block is shorter. The inner loop takes the place right inside the outer one.
    """

    name = "split-loop"
    loop: str
    into: tuple[str, ...]
    by: int

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if len(self.into) != 2:
            raise ScheduleError("a loop is split into two", fix="write into=(outer, inner)")
        if self.by < 1:
            raise ScheduleError(f"a block of {self.by} steps makes no sense", fix="use by=1 or more")
        for kernel in self.kernels(op):
            self._split(kernel)

    def _split(self, kernel: KernelOp) -> None:
        old = loop_named(kernel, self.loop)
        loops = kernel.nest()
        outer_label, inner_label = self.into
        taken = {loop.label.data for loop in loops if loop is not old}
        for label in self.into:
            if label in taken or outer_label == inner_label:
                raise ScheduleError(f"there would be two loops `{label}`", fix="choose other names for the new loops")
        if old.kind.data is not LoopKind.SERIAL:
            raise ScheduleError(f"`{self.loop}` is already {old.kind.data.value}", fix="split it before that")
        if old.reduce is not None:
            raise ScheduleError(f"`{self.loop}` is already reduced", fix="split it before that")
        if old.unroll is not None:
            raise ScheduleError(f"`{self.loop}` is already unrolled", fix="split it before that")
        step = old.step.value.data
        of = None if old.of is None else old.of.data
        outer = ForOp(outer_label, old.axis.data, (), step=step * self.by, of=of)
        inner = ForOp(inner_label, old.axis.data, (), step=step, of=outer_label)
        if old.parts is not None:
            outer.properties["parts"] = old.parts
        for loop in loops:  # a loop that divided the old one now divides the inner one
            if loop.of is not None and loop.of.data == self.loop:
                loop.properties["of"] = StringAttr(inner_label)
        at = loops.index(old)
        rebuild_nest(kernel, [*loops[:at], outer, inner, *loops[at + 1 :]])
