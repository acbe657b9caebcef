"""``set-gpu-target``: the architecture of a GPU and the dtypes of rows."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from treec.errors import ScheduleError
from treec.schedule.gpus import GPUS
from treec.treeir.plan import GpuTargetOp, target_of


@dataclass(frozen=True)
class SetGpuTargetPass(ModulePass):
    """Put a ``plan.gpu_target`` into the module: kernels are made for rows of ``input`` (f32, f64 or any) on a GPU.
    ``also``: other architectures that get machine code."""

    name = "set-gpu-target"
    arch: str = "sm_90"
    input: str = "any"
    also: tuple[str, ...] = ()

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if target_of(op) is not None:
            raise ScheduleError("there is a target already", fix="keep one `target` line")
        for arch in (self.arch, *self.also):
            if arch not in GPUS:
                raise ScheduleError(f"{arch!r} is no known architecture", fix=f"use one of {', '.join(GPUS)}")
        target, first = GpuTargetOp(self.arch, self.input, self.also), op.body.block.first_op
        if first is None:
            op.body.block.add_op(target)
        else:
            op.body.block.insert_op_before(target, first)
