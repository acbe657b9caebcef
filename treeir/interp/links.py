"""Links: from raw outputs to the response, each with its library's order of operations, dtype and clips.

Exponentials and logarithms are the C library's own, called through ctypes, as XGBoost and LightGBM do and as compiled
models do; numpy's differ in the last bits.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import F32, F64, Final, Forest, Link, SumRule

Floats = NDArray[Any]


@cache
def _c_function(name: str, dtype: np.dtype[Any]) -> Callable[[float], float]:
    single = dtype == F32
    try:
        library = ctypes.CDLL(None)  # the interpreter itself is linked with it
        function = library[f"{name}f" if single else name]
    except AttributeError:
        function = ctypes.CDLL("libm.so.6")[f"{name}f" if single else name]
    kind = ctypes.c_float if single else ctypes.c_double
    function.argtypes, function.restype = (kind,), kind
    return function


def c_math(name: str, values: Floats) -> Floats:
    """``exp``, ``log`` or ``log1p`` of the C library on each value, in the values' own dtype (f32 or f64)."""
    function = _c_function(name, values.dtype)
    return np.fromiter(map(function, values.ravel().tolist()), values.dtype, values.size).reshape(values.shape)


def apply_link(link: Link, raw: Floats, scale: float = 1.0) -> Floats:
    """The link of ``raw`` [n, K], with the parameter ``scale`` of a sigmoid; [n, K] of the same dtype."""
    dtype = F32 if link.value.startswith("xgb_") else F64
    with np.errstate(all="ignore"):
        if link is Link.IDENTITY:
            return raw.copy()
        return _FORMULAS[link](raw.astype(dtype), scale).astype(raw.dtype, copy=False)


def _xgb_sigmoid(x: Floats, _: float) -> Floats:
    one, limit, epsilon = np.float32(1), np.float32(88.7), np.float32(1e-16)
    negated = np.where(limit < -x, limit, -x)  # std::min(-x, limit): a NaN stays
    return one / (c_math("exp", negated) + one + epsilon)


def _softmax(x: Floats, sum_of: Callable[[Floats], Floats]) -> Floats:
    powers = c_math("exp", x - x.max(axis=1, keepdims=True))
    return powers / sum_of(powers)


def _sum_in_order(powers: Floats) -> Floats:
    total = np.zeros((len(powers), 1), np.float64)
    for column in range(powers.shape[1]):
        total[:, 0] += powers[:, column]
    return total


def _xgb_softmax(x: Floats, _: float) -> Floats:
    return _softmax(x, lambda powers: _sum_in_order(powers).astype(np.float32))


def _softmax_f64(x: Floats, _: float) -> Floats:
    return _softmax(x, _sum_in_order)


def _exp(x: Floats, _: float) -> Floats:
    return c_math("exp", x)


def _sigmoid_f64(x: Floats, scale: float) -> Floats:
    return 1.0 / (1.0 + c_math("exp", -scale * x))


def _hinge(x: Floats, _: float) -> Floats:
    return (x > 0).astype(np.float32)


def _signed_square(x: Floats, _: float) -> Floats:
    return np.sign(x) * x * x


def _log1p_exp(x: Floats, _: float) -> Floats:
    return c_math("log1p", c_math("exp", x))


_FORMULAS: dict[Link, Callable[[Floats, float], Floats]] = {
    Link.XGB_SIGMOID: _xgb_sigmoid,
    Link.XGB_SOFTMAX: _xgb_softmax,
    Link.XGB_EXP: _exp,
    Link.XGB_HINGE: _hinge,
    Link.LGB_SIGMOID: _sigmoid_f64,
    Link.LGB_SOFTMAX: _softmax_f64,
    Link.LGB_EXP: _exp,
    Link.LGB_SIGNED_SQUARE: _signed_square,
    Link.LGB_LOG1P_EXP: _log1p_exp,
    Link.SKL_EXPIT: _sigmoid_f64,
    Link.SKL_SOFTMAX: _softmax_f64,
    Link.SKL_EXP: _exp,
}


def finish_sum(rule: SumRule, total: Floats) -> Floats:
    """Raw outputs from the sum of all trees (which has the base in it already if that comes first)."""
    if not rule.base_first:
        total = total + rule.base
    operand = rule.dtype.type(rule.operand)
    if rule.final is Final.DIVIDE:
        return total / operand
    if rule.final is Final.SCALE_BIAS:
        return total * operand + rule.dtype.type(rule.bias)
    return total


def response(forest: Forest, raw: Floats) -> Floats:
    """What follows from raw outputs [n, K]: the average where there is one, then the link. [n, K] of the raw dtype."""
    out = forest.outputs
    with np.errstate(all="ignore"):
        averaged = raw / raw.dtype.type(out.average) if out.average != 1.0 else raw
    return apply_link(out.link, averaged, out.link_scale)
