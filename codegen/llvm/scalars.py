# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Emission of constants and element-wise ops: arithmetic, compares, selects, conversions, functions of one number."""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from treec.codegen.llvm.stage import Stage
from treec.codegen.llvm.types import is_float_type, lane_type, scalar_name, splat, value_type
from treec.errors import CodegenError
from treec.treeir import loop
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, MathKind

C_FUNCTIONS = {MathKind.EXP: "exp", MathKind.LOG: "log", MathKind.LOG1P: "log1p"}
C_ATTRIBUTES = ("memory(none)", "nobuiltin", "nounwind", "willreturn")
"""``nobuiltin`` keeps LLVM from folding a call with the compiling machine's function, or from making a vector of it."""

_INTEGER = {
    BinaryKind.ADD: "add",
    BinaryKind.SUB: "sub",
    BinaryKind.MUL: "mul",
    BinaryKind.DIV: "udiv",
    BinaryKind.REM: "urem",
    BinaryKind.AND: "and_",
    BinaryKind.OR: "or_",
    BinaryKind.XOR: "xor",
    BinaryKind.SHL: "shl",
    BinaryKind.SHR: "lshr",
}
_FLOAT = {BinaryKind.ADD: "fadd", BinaryKind.SUB: "fsub", BinaryKind.MUL: "fmul", BinaryKind.DIV: "fdiv"}

_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_UNORDERED = {CompareKind.UNE: "!=", CompareKind.FULT: "<", CompareKind.FULE: "<="}

_CASTS = {
    CastKind.ZEXT: "zext",
    CastKind.SEXT: "sext",
    CastKind.TRUNC: "trunc",
    CastKind.FPEXT: "fpext",
    CastKind.FPTRUNC: "fptrunc",
    CastKind.SITOFP: "sitofp",
    CastKind.BITCAST: "bitcast",
}


def emit_constant(stage: Stage, op: loop.ConstantOp) -> None:
    stage.values[op.result] = splat(value_type(op.result.type), op.value.value.data)


def emit_binary(stage: Stage, op: loop.BinaryOp) -> None:
    lhs, rhs = stage.value(op.lhs), stage.value(op.rhs)
    methods = _FLOAT if is_float_type(lhs.type) else _INTEGER
    stage.values[op.result] = getattr(stage.builder, methods[op.kind.data])(lhs, rhs)


def emit_fma(stage: Stage, op: loop.FmaOp) -> None:
    operands = [stage.value(operand) for operand in op.operands]
    type_ = operands[0].type
    function = stage.declare(f"llvm.fma.{scalar_name(type_)}", ir.FunctionType(type_, [type_] * 3))
    stage.values[op.result] = stage.builder.call(function, operands)


def emit_compare(stage: Stage, op: loop.CompareOp) -> None:
    lhs, rhs = stage.value(op.lhs), stage.value(op.rhs)
    stage.values[op.result] = compare(stage.builder, op.kind.data, lhs, rhs)


def compare(builder: ir.IRBuilder, kind: CompareKind, lhs: ir.Value, rhs: ir.Value) -> ir.Value:
    if kind is CompareKind.UNO:
        return builder.fcmp_unordered("uno", lhs, rhs)
    if kind in _UNORDERED:
        return builder.fcmp_unordered(_UNORDERED[kind], lhs, rhs)
    if kind.on_floats:
        return builder.fcmp_ordered(_SIGNS[kind.value[1:]], lhs, rhs)
    if kind.value[0] == "u":
        return builder.icmp_unsigned(_SIGNS[kind.value[1:]], lhs, rhs)
    return builder.icmp_signed(_SIGNS[kind.value.removeprefix("s")], lhs, rhs)


def emit_select(stage: Stage, op: loop.SelectOp) -> None:
    condition, lhs, rhs = stage.value(op.condition), stage.value(op.lhs), stage.value(op.rhs)
    chosen = stage.builder.select(condition, lhs, rhs)
    # A select is written where a branch is not wanted; without this LLVM may turn it into one (x86-cmov-conversion).
    chosen.set_metadata("unpredictable", stage.metadata())
    stage.values[op.result] = chosen


def emit_cast(stage: Stage, op: loop.CastOp) -> None:
    value, target = stage.value(op.value), value_type(op.result.type)
    if op.kind.data is CastKind.FPTOSI:
        stage.values[op.result] = _saturating(stage, value, target)
    else:
        stage.values[op.result] = getattr(stage.builder, _CASTS[op.kind.data])(value, target)


def _saturating(stage: Stage, value: ir.Value, target: ir.Type) -> ir.Value:
    name = f"llvm.fptosi.sat.{scalar_name(target)}.{scalar_name(value.type)}"
    return stage.builder.call(stage.declare(name, ir.FunctionType(target, [value.type])), [value])


def emit_math(stage: Stage, op: loop.MathOp) -> None:
    stage.values[op.result] = _MATH[op.kind.data](stage, op.kind.data, stage.value(op.value))


def _negate(stage: Stage, kind: MathKind, value: ir.Value) -> ir.Value:
    return stage.builder.fneg(value)


def _intrinsic(stage: Stage, kind: MathKind, value: ir.Value) -> ir.Value:
    name = {MathKind.ABS: "fabs", MathKind.SQRT: "sqrt"}[kind]
    function = stage.declare(f"llvm.{name}.{scalar_name(value.type)}", ir.FunctionType(value.type, [value.type]))
    return stage.builder.call(function, [value])


def _c_library(stage: Stage, kind: MathKind, value: ir.Value) -> ir.Value:
    """A call of the C library's function; for a vector, one call per lane."""
    scalar = lane_type(value.type)
    if not is_float_type(scalar):
        raise CodegenError(f"{kind.value} takes floats, not {scalar}", place=f"stage @{stage.name}")
    name = C_FUNCTIONS[kind] + ("f" if isinstance(scalar, ir.FloatType) else "")
    function = stage.declare(name, ir.FunctionType(scalar, [scalar]), C_ATTRIBUTES)
    if not isinstance(value.type, ir.VectorType):
        return stage.builder.call(function, [value])
    result: ir.Value = ir.Constant(value.type, ir.Undefined)
    for lane in range(value.type.count):
        index = ir.Constant(ir.IntType(32), lane)
        called = stage.builder.call(function, [stage.builder.extract_element(value, index)])
        result = stage.builder.insert_element(result, called, index)
    return result


_MATH: dict[MathKind, Callable[[Stage, MathKind, ir.Value], ir.Value]] = {
    MathKind.NEG: _negate,
    MathKind.ABS: _intrinsic,
    MathKind.SQRT: _intrinsic,
    MathKind.EXP: _c_library,
    MathKind.LOG: _c_library,
    MathKind.LOG1P: _c_library,
}
