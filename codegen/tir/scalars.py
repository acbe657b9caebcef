# pyright: basic
"""Emission of constants and of ops on numbers: arithmetic, compares, selects, conversions, functions of one number.

Nodes are made as they are, not by TIR's operators, which fold constants: x + 0.0 is not x where x is -0.0.
"""

from __future__ import annotations

from tvm import tirx
from xdsl.dialects.builtin import i64

from treec.codegen.tir.functions import call, float_constant, integer
from treec.codegen.tir.ranges import MODULAR, fits_signed, fits_unsigned
from treec.codegen.tir.stage import Expr, Stage
from treec.codegen.tir.types import bits_of, dtype_of, unsigned
from treec.treeir import loop
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, MathKind, is_float

_ARITHMETIC = {
    BinaryKind.ADD: tirx.Add,
    BinaryKind.SUB: tirx.Sub,
    BinaryKind.MUL: tirx.Mul,
    BinaryKind.DIV: tirx.Div,
    BinaryKind.REM: tirx.Mod,
    BinaryKind.AND: tirx.BitwiseAnd,
    BinaryKind.OR: tirx.BitwiseOr,
    BinaryKind.XOR: tirx.BitwiseXor,
    BinaryKind.SHL: tirx.LShift,
    BinaryKind.SHR: tirx.RShift,
}
_LOGICAL = {BinaryKind.AND: tirx.And, BinaryKind.OR: tirx.Or, BinaryKind.XOR: tirx.NE}
_OF_SMALL = (BinaryKind.DIV, BinaryKind.REM, BinaryKind.SHR)
"""Of unsigned numbers of 32 bits, these are such numbers."""
_UNSIGNED = (BinaryKind.DIV, BinaryKind.REM, BinaryKind.SHL, BinaryKind.SHR)
_COMPARES = {"eq": tirx.EQ, "ne": tirx.NE, "lt": tirx.LT, "le": tirx.LE, "gt": tirx.GT, "ge": tirx.GE}


def emit_constant(stage: Stage, op: loop.ConstantOp) -> None:
    dtype, value = dtype_of(op.result.type), op.value.value.data
    if is_float(op.result.type):
        stage.define(op.result, float_constant(stage.functions, value, dtype))
    else:
        stage.values[op.result] = integer(int(value), stage.dtype(op.result))


def emit_binary(stage: Stage, op: loop.BinaryOp) -> None:
    kind, dtype, narrow = op.kind.data, dtype_of(op.result.type), stage.narrow
    of_low = stage.narrow.is_narrow(op.result) and kind in MODULAR
    small = all(fits_unsigned(narrow.range(side)) for side in (op.lhs, op.rhs))
    if of_low or (op.result.type == i64 and kind in _OF_SMALL and small):
        stage.define(op.result, _binary(stage, kind, "int32", stage.low(op.lhs), stage.low(op.rhs)))
    else:
        stage.define(op.result, _binary(stage, kind, dtype, stage.full(op.lhs), stage.full(op.rhs)))


def _binary(stage: Stage, kind: BinaryKind, dtype: str, lhs: Expr, rhs: Expr) -> Expr:
    if dtype == "bool":
        if kind not in _LOGICAL:
            raise stage.error(f"{kind.value} of truth values has no emission to TIR")
        return _LOGICAL[kind](lhs, rhs)
    if dtype.startswith("float"):
        if stage.functions.arithmetic is not None:
            return call(dtype, stage.functions.arithmetic[kind.value][bits_of(dtype)], lhs, rhs)
        return _ARITHMETIC[kind](lhs, rhs)
    if kind in _UNSIGNED:
        lhs, rhs = (tirx.Cast(unsigned(dtype), side) for side in (lhs, rhs))
    made = _ARITHMETIC[kind](lhs, rhs)
    return tirx.Cast(dtype, made) if kind in _UNSIGNED else made


def emit_fma(stage: Stage, op: loop.FmaOp) -> None:
    dtype = dtype_of(op.result.type)
    operands = [stage.value(operand) for operand in op.operands]
    stage.define(op.result, call(dtype, stage.functions.fma[bits_of(dtype)], *operands))


def emit_compare(stage: Stage, op: loop.CompareOp) -> None:
    kind, ranges = op.kind.data, [stage.narrow.range(side) for side in (op.lhs, op.rhs)]
    signed, unsigned_ = all(map(fits_signed, ranges)), all(map(fits_unsigned, ranges))
    same_sign = signed and unsigned_  # then signed and unsigned compares agree
    if kind.value[0] == "u" and not kind.on_floats:
        low = unsigned_
    else:
        low = signed or (unsigned_ and kind in (CompareKind.EQ, CompareKind.NE))
    if op.lhs.type == i64 and (low or same_sign):
        stage.define(op.result, _compare(kind, "int32", stage.low(op.lhs), stage.low(op.rhs)))
    else:
        stage.define(op.result, _compare(kind, dtype_of(op.lhs.type), stage.full(op.lhs), stage.full(op.rhs)))


def _compare(kind: CompareKind, dtype: str, lhs: Expr, rhs: Expr) -> Expr:
    """Compares of C are false if a side is NaN, but for ``!=``."""
    match kind:
        case CompareKind.UNO:
            return tirx.Or(tirx.NE(lhs, lhs), tirx.NE(rhs, rhs))
        case CompareKind.UNE:
            return tirx.NE(lhs, rhs)
        case CompareKind.FULT:
            return tirx.Not(tirx.GE(lhs, rhs))
        case CompareKind.FULE:
            return tirx.Not(tirx.GT(lhs, rhs))
        case CompareKind.ONE:
            return tirx.Or(tirx.LT(lhs, rhs), tirx.GT(lhs, rhs))
        case CompareKind.EQ | CompareKind.NE:
            return _COMPARES[kind.value](lhs, rhs)
        case _:
            if kind.value[0] == "u":
                lhs, rhs = (tirx.Cast(unsigned(dtype), side) for side in (lhs, rhs))
            return _COMPARES[kind.value[1:]](lhs, rhs)


def emit_opaque(stage: Stage, op: loop.OpaqueOp) -> None:
    """The number itself: kernels choose without branches."""
    stage.define(op.result, stage.like(op.value, op.result))


def emit_select(stage: Stage, op: loop.SelectOp) -> None:
    condition, lhs, rhs = stage.value(op.condition), stage.like(op.lhs, op.result), stage.like(op.rhs, op.result)
    stage.define(op.result, choose(stage, condition, lhs, rhs, stage.dtype(op.result)))


def choose(stage: Stage, condition: Expr, lhs: Expr, rhs: Expr, dtype: str) -> Expr:
    """``condition ? lhs : rhs``; OpenCL's own select wants a condition as wide as the values."""
    if stage.functions.select:
        return tirx.Select(condition, lhs, rhs)
    return tirx.call_intrin(dtype, "prim.if_then_else", condition, lhs, rhs)


def emit_cast(stage: Stage, op: loop.CastOp) -> None:
    kind, source, target = op.kind.data, dtype_of(op.value.type), dtype_of(op.result.type)
    if kind is CastKind.TRUNC and target != "bool" and op.value.type == i64:
        stage.define(op.result, tirx.Cast(target, stage.low(op.value)))
        return
    if kind in (CastKind.ZEXT, CastKind.SEXT):
        target = stage.dtype(op.result)
    stage.define(op.result, _cast(stage, kind, stage.full(op.value), source, target))


def _cast(stage: Stage, kind: CastKind, value: Expr, source: str, target: str) -> Expr:
    match kind:
        case CastKind.ZEXT if source != "bool":
            return tirx.Cast(target, tirx.Cast(unsigned(source), value))
        case CastKind.SEXT if source == "bool":
            return choose(stage, value, integer(-1, target), integer(0, target), target)
        case CastKind.TRUNC if target == "bool":
            return tirx.NE(tirx.BitwiseAnd(value, integer(1, source)), integer(0, source))
        case CastKind.FPTOSI:
            return _saturating(stage, value, source, target)
        case CastKind.BITCAST:
            return bitcast(stage, value, source, target)
        case _:
            return tirx.Cast(target, value)


def bitcast(stage: Stage, value: Expr, source: str, target: str) -> Expr:
    """The same bits as another type of the same width."""
    if source.startswith("float"):
        value = call(f"int{bits_of(source)}", stage.functions.as_int[bits_of(source)], value)
        return tirx.Cast(target, value)
    if target.startswith("float"):
        value = tirx.Cast(f"int{bits_of(target)}", value)
        return call(target, stage.functions.as_float[bits_of(target)], value)
    return tirx.Cast(target, value)


def _saturating(stage: Stage, value: Expr, source: str, target: str) -> Expr:
    """Toward zero; the nearest end of the range for what is outside, 0 for NaN."""
    bits = bits_of(target)
    end, low, high = float(1 << bits - 1), integer(-(1 << bits - 1), target), integer((1 << bits - 1) - 1, target)
    above = tirx.GE(value, float_constant(stage.functions, -end, source))
    below = tirx.LT(value, float_constant(stage.functions, end, source))
    inside = choose(stage, above, tirx.Cast(target, value), low, target)
    saturated = choose(stage, below, inside, high, target)
    return choose(stage, tirx.NE(value, value), integer(0, target), saturated, target)


def emit_math(stage: Stage, op: loop.MathOp) -> None:
    kind, dtype, value = op.kind.data, dtype_of(op.result.type), stage.value(op.value)
    bits = bits_of(dtype)
    if kind is MathKind.NEG:
        flipped = tirx.BitwiseXor(bitcast(stage, value, dtype, f"int{bits}"), integer(1 << bits - 1, f"int{bits}"))
        stage.define(op.result, bitcast(stage, flipped, f"int{bits}", dtype))
        return
    if kind not in stage.functions.math:
        raise stage.error(f"{kind.value} of a device has bits of its own, and no emission to TIR")
    stage.define(op.result, call(dtype, stage.functions.math[kind][bits], value))
