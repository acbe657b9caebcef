# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Emission of hints."""

from __future__ import annotations

from llvmlite import ir

from treec.codegen.llvm.memory import address
from treec.codegen.llvm.stage import Stage
from treec.codegen.llvm.types import I32, POINTER
from treec.treeir import loop


def emit_opaque(stage: Stage, op: loop.OpaqueOp) -> None:
    """No instruction: assembly that is empty, whose output is where its input is."""
    value = stage.value(op.value)
    stage.values[op.result] = stage.builder.asm(ir.FunctionType(value.type, [value.type]), "", "=r,0", [value], False)


def emit_prefetch(stage: Stage, op: loop.PrefetchOp) -> None:
    """For reading, to be kept in all caches."""
    pointer, _ = address(stage, stage.place(op.buffer), op.indices)
    type_ = ir.FunctionType(ir.VoidType(), [POINTER, I32, I32, I32])
    function = stage.declare("llvm.prefetch.p0", type_)
    stage.builder.call(function, [pointer, I32(0), I32(3), I32(1)])
