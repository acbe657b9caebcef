# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Calls of stage functions through pointers, and the artifact's ``call``, for which arguments are behind a pointer too."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from treec.codegen.llvm.emit import STAGE_TYPE
from treec.codegen.llvm.target import ResolvedTarget
from treec.codegen.llvm.types import I32, I64, POINTER, define_function


def emit_call(module: ir.Module, target: ResolvedTarget) -> ir.Function:
    """``int32_t call(const int64_t *words)``; see `treec.codegen.abi.CALL_WORDS`."""
    function = define_function(module, "call", ir.FunctionType(I32, [POINTER]), target.entry_attributes)
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    types = [POINTER, *STAGE_TYPE.args]
    places = [builder.gep(function.args[0], [I64(k)], inbounds=True, source_etype=I64) for k in range(len(types))]
    stage, *values = (builder.load(place, typ=type_) for place, type_ in zip(places, types, strict=True))
    builder.ret(call_stage(builder, stage, values))
    return function


def call_stage(builder: ir.IRBuilder, function: ir.Value, values: Sequence[ir.Value]) -> ir.Value:
    """Call the stage function at a pointer."""
    return builder.call(_Typed(function), values)


class _Typed:
    """A pointer with the type of the function at it, which llvmlite's calls ask for."""

    def __init__(self, pointer: ir.Value) -> None:
        self.type, self.function_type = pointer.type, STAGE_TYPE
        self.get_reference = pointer.get_reference
        self.calling_convention = ""
