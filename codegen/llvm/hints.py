# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Emission of hints."""

from __future__ import annotations

from llvmlite import ir

from treec.codegen.llvm.stage import Stage
from treec.treeir import loop


def emit_opaque(stage: Stage, op: loop.OpaqueOp) -> None:
    """No instruction: assembly that is empty, whose output is where its input is."""
    value = stage.value(op.value)
    stage.values[op.result] = stage.builder.asm(ir.FunctionType(value.type, [value.type]), "", "=r,0", [value], False)
