"""``set-target``: the CPU level and the dtypes of rows."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from treec.errors import ScheduleError
from treec.treeir.plan import TargetOp, target_of


@dataclass(frozen=True)
class SetTargetPass(ModulePass):
    """Put a ``plan.target`` into the module: kernels are made for rows of ``input`` (f32, f64 or any) at a CPU level."""

    name = "set-target"
    level: str = "native"
    input: str = "any"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if target_of(op) is not None:
            raise ScheduleError("there is a target already", fix="keep one `target` line")
        first = op.body.block.first_op
        target = TargetOp(self.level, self.input)
        if first is None:
            op.body.block.add_op(target)
        else:
            op.body.block.insert_op_before(target, first)
