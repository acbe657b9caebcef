"""``add-kernel``: a second plan, for small calls."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.passes import ModulePass

from treec.errors import ScheduleError
from treec.passes.plan.rewrite import planned_kernels


@dataclass(frozen=True)
class AddKernelPass(ModulePass):
    """Add ``plan.kernel @rows_N`` for calls of at most ``rows`` rows: what ``@main`` is so far, to be planned further with
    the option ``kernel`` of the passes over plans.

    Kernels are offered to a call in their order, so that of most rows comes last, before ``@main``.
    """

    name = "add-kernel"
    rows: int

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        *others, main = planned_kernels(op, self.name)
        if not 1 <= self.rows < main.rows_max.value.data:
            raise ScheduleError(f"a kernel can't be for up to {self.rows} rows", fix="use rows=1 or more")
        largest = max((kernel.rows_max.value.data for kernel in others), default=0)
        if self.rows <= largest:
            raise ScheduleError(
                f"a call of {self.rows} rows is already served by the kernel for up to {largest}",
                fix="add kernels in the order of their rows, the smallest first",
            )
        kernel = main.clone()
        kernel.properties["sym_name"] = StringAttr(f"rows_{self.rows}")
        kernel.properties["rows_max"] = IntegerAttr(self.rows, i64)
        op.body.block.insert_op_before(kernel, main)
