# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Emission of what makes bits of lanes, counts and reverses them."""

from __future__ import annotations

from llvmlite import ir
from xdsl.ir import SSAValue

from treec.codegen.llvm.stage import Stage
from treec.codegen.llvm.types import scalar_name, value_type
from treec.treeir import loop
from treec.treeir.loop_types import lanes_of


def emit_mask_bits(stage: Stage, op: loop.MaskBitsOp) -> None:
    """LLVM makes a mask register, or the sign bits of a vector compare, of it."""
    lanes, type_ = lanes_of(op.value.type), value_type(op.result.type)
    bits = stage.builder.bitcast(stage.value(op.value), ir.IntType(lanes))
    stage.values[op.result] = bits if bits.type == type_ else stage.builder.zext(bits, type_)


def emit_popcount(stage: Stage, op: loop.PopcountOp) -> None:
    stage.values[op.result] = _call(stage, "ctpop", op.value)


def emit_reverse_bits(stage: Stage, op: loop.ReverseBitsOp) -> None:
    stage.values[op.result] = _call(stage, "bitreverse", op.value)


def _call(stage: Stage, name: str, operand: SSAValue) -> ir.Value:
    """LLVM's function of an integer, or of each lane, to its own type."""
    value = stage.value(operand)
    function = stage.declare(f"llvm.{name}.{scalar_name(value.type)}", ir.FunctionType(value.type, [value.type]))
    return stage.builder.call(function, [value])
