"""What plans are for: a CPU level or GPUs, and the dtypes of rows."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    ArrayAttr,
    ModuleOp,
    StringAttr,
    f64,
)
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
)
from xdsl.utils.exceptions import VerifyException

from treec.treeir.forest import InputsOp, ModelOp


@irdl_op_definition
class TargetOp(IRDLOperation):
    """What the schedule's ``target`` says: the CPU level, and the dtypes of rows that kernels are made for."""

    name = "plan.target"
    level = prop_def(StringAttr)
    input = prop_def(StringAttr)
    assembly_format = "`level` $level `input` $input attr-dict"

    def __init__(self, level: str, input_dtype: str) -> None:
        super().__init__(properties={"level": StringAttr(level), "input": StringAttr(input_dtype)})

    def verify_(self) -> None:
        if self.input.data not in ("f32", "f64", "any"):
            raise VerifyException(f"rows can't be of {self.input.data!r}")


@irdl_op_definition
class GpuTargetOp(IRDLOperation):
    """What the schedule's ``target gpu`` says: the architecture, others that are compiled for, and the dtypes of rows that
    kernels are made for."""

    name = "plan.gpu_target"
    arch = prop_def(StringAttr)
    also = opt_prop_def(ArrayAttr[StringAttr])
    input = prop_def(StringAttr)
    assembly_format = "`arch` $arch (`also` $also^)? `input` $input attr-dict"

    def __init__(self, arch: str, input_dtype: str, also: Sequence[str] = ()) -> None:
        others = ArrayAttr([StringAttr(other) for other in also]) if also else None
        super().__init__(properties={"arch": StringAttr(arch), "input": StringAttr(input_dtype), "also": others})

    @property
    def archs(self) -> tuple[str, ...]:
        return (self.arch.data, *(other.data for other in self.also or ()))

    def verify_(self) -> None:
        if self.input.data not in ("f32", "f64", "any"):
            raise VerifyException(f"rows can't be of {self.input.data!r}")


def compares_f64(model: ModelOp) -> bool:
    """Are the model's values and thresholds f64?"""
    return any(isinstance(op, InputsOp) and op.dtype == f64 for op in model.body.ops)


def only_f32_rows(module: ModuleOp) -> bool:
    """Does every target of the module take rows of f32 and no others? Without a target, rows may be of any dtype."""
    inputs = [op.input.data for op in module.ops if isinstance(op, TargetOp | GpuTargetOp)]
    return bool(inputs) and all(taken == "f32" for taken in inputs)


def target_of(module: ModuleOp) -> TargetOp | GpuTargetOp | None:
    targets = [op for op in module.ops if isinstance(op, TargetOp | GpuTargetOp)]
    return targets[0] if targets else None
