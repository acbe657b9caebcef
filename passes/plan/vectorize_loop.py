"""``vectorize-loop``: the loop whose steps are lanes of vectors."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64

from treec.errors import ScheduleError
from treec.passes.plan.rewrite import PlanPass, loop_named
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of
from treec.treeir.loop_types import LoopKind, LoopKindAttr
from treec.treeir.plan import LoopAxis
from treec.treeir.plan_loops import LANES

VECTOR_BYTES = 64


@dataclass(frozen=True)
class VectorizeLoopPass(PlanPass):
    """Let ``by`` neighbouring steps of ``loop`` be the lanes of a vector (0: as many as 512 bits have of the thresholds'
    dtype); steps that fill no vector stay single.

    Needs the innermost loop, over rows, and no walk yet: ``walk{strategy=lanes}`` goes into it, and no other.
    """

    name = "vectorize-loop"
    loop: str
    by: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        lanes = self.by or VECTOR_BYTES // forest_of(only_model(op)).inputs.dtype.itemsize
        if lanes not in LANES:
            raise ScheduleError(f"a vector can't have {lanes} lanes", fix=f"use one of {', '.join(map(str, LANES))}")
        for kernel in self.kernels(op):
            loop = loop_named(kernel, self.loop)
            if loop.axis.data is not LoopAxis.ROW:
                raise ScheduleError(
                    f"lanes are neighbouring rows, and `{self.loop}` runs over trees", fix="order a loop over rows last"
                )
            if kernel.nest()[-1] is not loop:
                raise ScheduleError(f"`{self.loop}` is not the innermost loop", fix=f"put `{self.loop}` last in `order`")
            if loop.kind.data is not LoopKind.SERIAL:
                raise ScheduleError(f"`{self.loop}` is already {loop.kind.data.value}", fix="keep one of the two")
            if kernel.innermost_walk().strategy is not None:
                raise ScheduleError("the kernel already has a walk", fix="put `vectorize` before `walk`")
            loop.properties["kind"] = LoopKindAttr(LoopKind.VECTOR)
            loop.properties["lanes"] = IntegerAttr(lanes, i64)
