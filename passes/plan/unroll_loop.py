"""``unroll-loop``: several iterations as straight code."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64

from treec.errors import ScheduleError
from treec.passes.plan.rewrite import PlanPass, loop_named
from treec.treeir.plan import ForOp, KernelOp

LARGEST = 256
"""How often the code of one walk may be emitted in a kernel."""


@dataclass(frozen=True)
class UnrollLoopPass(PlanPass):
    """Emit the body of ``loop`` ``by`` times, and a loop over the iterations that are left. ``full``: as many times as it
    has iterations in one step of the loop that it divides.

    Needs, for ``full``, a loop that divides another one: only its trip count is known.
    """

    name = "unroll-loop"
    loop: str
    by: int | str

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in self.kernels(op):
            loop = loop_named(kernel, self.loop)
            if loop.unroll is not None:
                raise ScheduleError(f"`{self.loop}` is already unrolled", fix="keep one `unroll` line per loop")
            strategy = kernel.innermost_walk().strategy
            if strategy is not None and strategy.data == "branch":
                raise ScheduleError("a walk of branches would be there several times", fix="leave `unroll` out")
            loop.properties["unroll"] = IntegerAttr(self._count(kernel, loop), i64)
            if kernel.innermost_walk().word is not None and loop is kernel.nest()[-1]:
                raise ScheduleError(f"the rows of `{self.loop}` are bits of words in a bitslice walk", fix="leave it out")
            walk = kernel.innermost_walk().interleave
            times = prod(other.unroll.value.data for other in kernel.nest() if other.unroll is not None)
            times *= 1 if walk is None else walk.value.data
            if times > LARGEST:
                raise ScheduleError(f"the code of a walk would be there {times} times", fix=f"{LARGEST} times is the most")

    def _count(self, kernel: KernelOp, loop: ForOp) -> int:
        if isinstance(self.by, int) and self.by >= 1:
            return self.by
        if self.by != "full":
            raise ScheduleError(f"a loop can't be unrolled by {self.by}", fix="write a number from 1 on, or full")
        if loop.of is None:
            raise ScheduleError(
                f"`{self.loop}` runs over as many {loop.axis.data.value}s as a call has",
                fix="split it and unroll the inner loop, or write by=N",
            )
        return -(-loop_named(kernel, loop.of.data).step.value.data // loop.step.value.data)
