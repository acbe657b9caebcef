"""Code for every `Link`: one row's raw outputs to its response, in place, with the library's order, dtype and clips.

``exp`` and ``log1p`` are the C library's; on devices, whose own have other bits, its steps (`treec.passes.loop.exp`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from xdsl.dialects.builtin import f32, f64
from xdsl.ir import Attribute, SSAValue

from treec.frontends.base import Link
from treec.passes.loop.builder import LoopBuilder
from treec.treeir.loop_types import CastKind, CompareKind, MathKind


class Functions(Protocol):
    """What links are made of, beside arithmetic."""

    def exp(self, b: LoopBuilder, x: SSAValue) -> SSAValue: ...

    def log1p(self, b: LoopBuilder, x: SSAValue) -> SSAValue: ...


class LibraryMath:
    """Calls of the C library."""

    def exp(self, b: LoopBuilder, x: SSAValue) -> SSAValue:
        return b.math(MathKind.EXP, x)

    def log1p(self, b: LoopBuilder, x: SSAValue) -> SSAValue:
        return b.math(MathKind.LOG1P, x)


Elementwise = Callable[[LoopBuilder, SSAValue, float, Functions], SSAValue]


def emit_link(
    b: LoopBuilder,
    link: Link,
    scale: float,
    out: SSAValue,
    row: SSAValue,
    n_columns: int,
    functions: Functions,
) -> None:
    """Replace ``out[row, :]`` by its response."""
    if link in _SOFTMAX:
        _softmax(b, out, row, n_columns, sum_in=_SOFTMAX[link], functions=functions)
        return
    function = _ELEMENTWISE[link]

    def one(t: LoopBuilder, column: SSAValue, _: list[SSAValue]) -> list[SSAValue]:
        t.store(function(t, t.load(out, row, column), scale, functions), out, row, column)
        return []

    b.for_(b.constant(0), b.constant(n_columns), one)


def divide_row(b: LoopBuilder, out: SSAValue, row: SSAValue, n_columns: int, divisor: float) -> None:
    """Divide every column of ``out[row, :]``."""

    def one(t: LoopBuilder, column: SSAValue, _: list[SSAValue]) -> list[SSAValue]:
        value = t.load(out, row, column)
        t.store(t.div(value, t.constant(divisor, value.type)), out, row, column)
        return []

    b.for_(b.constant(0), b.constant(n_columns), one)


def _xgb_sigmoid(b: LoopBuilder, x: SSAValue, _: float, functions: Functions) -> SSAValue:
    negated = b.math(MathKind.NEG, x)
    limit = b.constant(88.7, x.type)
    # std::min(-x, limit): the limit where it is below, so NaN stays NaN
    clipped = b.select(b.compare(CompareKind.OLT, limit, negated), limit, negated)
    one, tiny = b.constant(1.0, x.type), b.constant(1e-16, x.type)
    return b.div(one, b.add(b.add(functions.exp(b, clipped), one), tiny))


def _sigmoid(b: LoopBuilder, x: SSAValue, scale: float, functions: Functions) -> SSAValue:
    one = b.constant(1.0, x.type)
    return b.div(one, b.add(one, functions.exp(b, b.mul(b.constant(-scale, x.type), x))))


def _hinge(b: LoopBuilder, x: SSAValue, _: float, functions: Functions) -> SSAValue:
    zero = b.constant(0.0, x.type)
    return b.select(b.compare(CompareKind.OGT, x, zero), b.constant(1.0, x.type), zero)


def _signed_square(b: LoopBuilder, x: SSAValue, _: float, functions: Functions) -> SSAValue:
    zero = b.constant(0.0, x.type)
    up = b.select(b.compare(CompareKind.OGT, x, zero), b.constant(1.0, x.type), zero)
    down = b.select(b.compare(CompareKind.OLT, x, zero), b.constant(1.0, x.type), zero)
    return b.mul(b.mul(b.sub(up, down), x), x)


def _exp(b: LoopBuilder, x: SSAValue, _: float, functions: Functions) -> SSAValue:
    return functions.exp(b, x)


def _log1p_exp(b: LoopBuilder, x: SSAValue, _: float, functions: Functions) -> SSAValue:
    return functions.log1p(b, functions.exp(b, x))


_ELEMENTWISE: dict[Link, Elementwise] = {
    Link.XGB_SIGMOID: _xgb_sigmoid,
    Link.XGB_EXP: _exp,
    Link.XGB_HINGE: _hinge,
    Link.LGB_SIGMOID: _sigmoid,
    Link.LGB_EXP: _exp,
    Link.LGB_SIGNED_SQUARE: _signed_square,
    Link.LGB_LOG1P_EXP: _log1p_exp,
    Link.SKL_EXPIT: _sigmoid,
    Link.SKL_EXP: _exp,
}

_SOFTMAX: dict[Link, Attribute] = {Link.XGB_SOFTMAX: f64, Link.LGB_SOFTMAX: f64, Link.SKL_SOFTMAX: f64}


def _softmax(
    b: LoopBuilder, out: SSAValue, row: SSAValue, n_columns: int, *, sum_in: Attribute, functions: Functions
) -> None:
    """exp(x - max), summed in ``sum_in`` in column order, divided by the sum in the columns' own dtype."""
    zero, one, n = b.constant(0), b.constant(1), b.constant(n_columns)
    first = b.load(out, row, zero)
    type_ = first.type

    def larger(t: LoopBuilder, column: SSAValue, carried: list[SSAValue]) -> list[SSAValue]:
        value = t.load(out, row, column)
        return [t.select(t.compare(CompareKind.OLT, carried[0], value), value, carried[0])]

    [highest] = b.for_(one, n, larger, initial=[first])

    def exponential(t: LoopBuilder, column: SSAValue, carried: list[SSAValue]) -> list[SSAValue]:
        value = functions.exp(t, t.sub(t.load(out, row, column), highest))
        t.store(value, out, row, column)
        return [t.add(carried[0], t.cast(CastKind.FPEXT, value, sum_in))]

    [total] = b.for_(zero, n, exponential, initial=[b.constant(0.0, sum_in)])
    divisor = b.cast(CastKind.FPTRUNC, total, type_) if type_ == f32 else total

    def share(t: LoopBuilder, column: SSAValue, _: list[SSAValue]) -> list[SSAValue]:
        t.store(t.div(t.load(out, row, column), divisor), out, row, column)
        return []

    b.for_(zero, n, share)
