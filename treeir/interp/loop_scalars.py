"""Numbers of the loop dialect on numpy: scalars are numpy scalars, vectors 1-D arrays, integers unsigned, i1 bool."""

from __future__ import annotations

import ctypes
import operator
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects.builtin import VectorType, f32, f64, i1, i8, i16, i32, i64
from xdsl.ir import Attribute

from treec.errors import UsageError
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, MathKind, scalar_of

Value: TypeAlias = Any
"""A numpy scalar or a 1-D array; numpy's stubs give its scalar types no common arithmetic."""

_DTYPES: dict[Attribute, np.dtype[Any]] = {
    i1: np.dtype(np.bool_),
    i8: np.dtype(np.uint8),
    i16: np.dtype(np.uint16),
    i32: np.dtype(np.uint32),
    i64: np.dtype(np.uint64),
    f32: np.dtype(np.float32),
    f64: np.dtype(np.float64),
}


def dtype_of(type_: Attribute) -> np.dtype[Any]:
    """The dtype that values of a scalar type, or of a vector of it, are kept in."""
    if (dtype := _DTYPES.get(scalar_of(type_))) is None:
        raise UsageError(f"values of type {type_} can't be interpreted")
    return dtype


def lanes_of(type_: Attribute) -> int | None:
    """Lanes of a vector type; None for a scalar."""
    return type_.get_shape()[0] if isinstance(type_, VectorType) else None


def bits_of(value: Value) -> int:
    """Bits of one number."""
    return 1 if value.dtype.kind == "b" else value.dtype.itemsize * 8


def signed(value: Value) -> Value:
    """An integer read as two's complement; a true i1 is -1."""
    if value.dtype.kind == "b":
        return -value.astype(np.int8)
    return value.view(np.dtype(f"i{value.dtype.itemsize}"))


def constant(value: float, type_: Attribute) -> Value:
    dtype, lanes = dtype_of(type_), lanes_of(type_)
    if dtype.kind == "f":
        scalar = np.float64(value).astype(dtype)
    elif dtype.kind == "b":
        scalar = np.bool_(bool(value))
    else:
        scalar = dtype.type(int(value) & ((1 << dtype.itemsize * 8) - 1))
    return scalar if lanes is None else np.full(lanes, scalar, dtype)


_ARITHMETIC: dict[BinaryKind, Callable[[Any, Any], Any]] = {
    BinaryKind.ADD: np.add,
    BinaryKind.SUB: np.subtract,
    BinaryKind.MUL: np.multiply,
    BinaryKind.AND: np.bitwise_and,
    BinaryKind.OR: np.bitwise_or,
    BinaryKind.XOR: np.bitwise_xor,
    BinaryKind.DIV: np.floor_divide,
    BinaryKind.REM: np.remainder,
    BinaryKind.SHL: np.left_shift,
    BinaryKind.SHR: np.right_shift,
}


def binary(kind: BinaryKind, lhs: Value, rhs: Value) -> Value:
    """Raises ArithmeticError where machine code has no defined result."""
    if lhs.dtype.kind == "f":
        return np.true_divide(lhs, rhs) if kind is BinaryKind.DIV else _ARITHMETIC[kind](lhs, rhs)
    if kind in (BinaryKind.DIV, BinaryKind.REM) and not np.all(rhs):
        raise ArithmeticError("division by zero")
    if kind in (BinaryKind.SHL, BinaryKind.SHR) and np.any(rhs.astype(np.uint64) >= bits_of(lhs)):
        raise ArithmeticError(f"a shift by the width or more: {rhs}")
    if lhs.dtype.kind == "b":  # in one bit of a byte
        return (_ARITHMETIC[kind](lhs.astype(np.uint8), rhs.astype(np.uint8)) & np.uint8(1)).astype(np.bool_)
    return _ARITHMETIC[kind](lhs, rhs)


def fma(factor: Value, other: Value, addend: Value) -> Value:
    """By the C library, which rounds once on every machine."""
    function = _c_function("fma", factor.dtype.itemsize, 3)
    if factor.ndim == 0:
        return factor.dtype.type(function(factor, other, addend))
    return np.array([function(*lane) for lane in zip(factor, other, addend, strict=True)], factor.dtype)


def compare(kind: CompareKind, lhs: Value, rhs: Value) -> Value:
    result: Value
    match kind:
        case CompareKind.EQ | CompareKind.OEQ:
            result = lhs == rhs
        case CompareKind.NE | CompareKind.UNE:
            result = lhs != rhs
        case CompareKind.ONE:
            result = (lhs < rhs) | (lhs > rhs)
        case CompareKind.UNO:
            result = (lhs != lhs) | (rhs != rhs)
        case CompareKind.FULT:
            result = np.logical_not(lhs >= rhs)
        case CompareKind.FULE:
            result = np.logical_not(lhs > rhs)
        case _:
            order = getattr(operator, kind.value[1:])
            result = order(signed(lhs), signed(rhs)) if kind.value[0] == "s" else order(lhs, rhs)
    return result


def select(condition: Value, lhs: Value, rhs: Value) -> Value:
    if condition.ndim == 0:
        return lhs if condition else rhs
    chosen = rhs.copy()
    chosen[condition] = lhs[condition]
    return chosen


def cast(kind: CastKind, value: Value, type_: Attribute) -> Value:
    """Raises `UsageError` for widths that the kind does not have."""
    dtype = dtype_of(type_)
    if kind is CastKind.BITCAST:
        return _bitcast(value, dtype, lanes_of(type_))
    wider = (1 if dtype.kind == "b" else dtype.itemsize * 8) - bits_of(value)
    widens = {CastKind.ZEXT: 1, CastKind.SEXT: 1, CastKind.FPEXT: 1, CastKind.TRUNC: -1, CastKind.FPTRUNC: -1}
    if kind in widens and wider * widens[kind] <= 0:
        raise UsageError(f"can't {kind.value} from {bits_of(value)} bits to {type_}")
    match kind:
        case CastKind.SEXT:
            return signed(value).astype(np.dtype(f"i{dtype.itemsize}")).view(dtype)
        case CastKind.SITOFP:
            return signed(value).astype(dtype)
        case CastKind.FPTOSI:
            return _saturate(value, dtype)
        case CastKind.TRUNC if dtype.kind == "b":
            return (value & value.dtype.type(1)).astype(dtype)
        case _:
            return value.astype(dtype)


def _bitcast(value: Value, dtype: np.dtype[Any], lanes: int | None) -> Value:
    """The bits, lane 0 lowest."""
    flat = np.atleast_1d(value)
    packed = np.packbits(flat, bitorder="little") if flat.dtype.kind == "b" else flat.view(np.uint8)
    if dtype.kind == "b":
        result = np.unpackbits(packed, bitorder="little", count=lanes or 1).astype(np.bool_)
    else:
        result = packed.view(dtype)
    return result if lanes is not None else result[0]


def _saturate(value: Value, dtype: np.dtype[Any]) -> Value:
    bits = 1 if dtype.kind == "b" else dtype.itemsize * 8
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    flat = np.atleast_1d(value)
    whole = np.trunc(flat)
    # 2**(bits - 1) is a number of every float dtype, 2**(bits - 1) - 1 is not.
    inside = (whole >= low) & (whole < float(-low))
    result = np.where(inside, np.where(inside, whole, 0).astype(np.int64), np.where(whole > 0, high, low))
    result = np.where(np.isnan(flat), 0, result)
    unsigned: Value = (result & 1).astype(dtype) if bits == 1 else result.astype(np.int64).view(np.uint64).astype(dtype)
    return unsigned if value.ndim else unsigned[0]


def math_function(kind: MathKind, value: Value) -> Value:
    match kind:
        case MathKind.NEG:
            return -value
        case MathKind.ABS:
            return abs(value)
        case MathKind.SQRT:
            return np.sqrt(value)
        case _:
            function = _c_function(kind.value, value.dtype.itemsize)
            if value.ndim == 0:
                return value.dtype.type(function(value))
            return np.array([function(lane) for lane in value], value.dtype)


@cache
def _c_function(name: str, size: int, arguments: int = 1) -> Callable[..., float]:
    """The C library's own function of floats of ``size`` bytes."""
    library = ctypes.CDLL(None)
    if not hasattr(library, name):
        library = ctypes.CDLL("libm.so.6")
    ctype = ctypes.c_float if size == 4 else ctypes.c_double
    function = getattr(library, name + ("f" if size == 4 else ""))
    function.argtypes, function.restype = (ctype,) * arguments, ctype
    return function
