# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Emission of what makes bits of lanes, and counts them."""

from __future__ import annotations

from llvmlite import ir

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
    value = stage.value(op.value)
    function = stage.declare(f"llvm.ctpop.{scalar_name(value.type)}", ir.FunctionType(value.type, [value.type]))
    stage.values[op.result] = stage.builder.call(function, [value])
