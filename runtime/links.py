"""From raw outputs to responses on the host, for devices whose exp and log round in a way of their own.

Exponentials and logarithms are the C library's, as in machine code for CPUs and in the source libraries. Verification
compares each answer with the reference interpreter's, bit for bit.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import ArtifactError

Floats = NDArray[Any]


@cache
def _c_function(name: str, dtype: np.dtype[Any]) -> Callable[[float], float]:
    single = dtype == np.float32
    function = ctypes.CDLL("libm.so.6")[f"{name}f" if single else name]
    kind = ctypes.c_float if single else ctypes.c_double
    function.argtypes, function.restype = (kind,), kind
    return function


_LARGEST = float.fromhex("0x1.62e42fefa39efp+9")
"""f64 whose exp is finite."""


def _c(name: str, values: Floats) -> Floats:
    """A function of the C library of each value. For f64 Python's own calls it, five times as fast as ctypes does."""
    if values.dtype == np.float64:
        function = math.exp if name == "exp" else math.log1p
        small = np.minimum(values, _LARGEST) if name == "exp" else values  # math.exp refuses to overflow
        found = np.fromiter(map(function, small.ravel().tolist()), np.float64, values.size).reshape(values.shape)
        return np.where(values > _LARGEST, np.inf, found) if name == "exp" else found
    function = _c_function(name, values.dtype)
    return np.fromiter(map(function, values.ravel().tolist()), values.dtype, values.size).reshape(values.shape)


def host_response(card: dict[str, Any], raw: Floats) -> Floats:
    """What follows from raw outputs [n, K]: the average where there is one, then the link. [n, K] of the raw dtype."""
    link, scale, average = link_of(card)
    with np.errstate(all="ignore"):
        averaged = raw / raw.dtype.type(average) if average != 1.0 else raw
        if link == "identity":
            return averaged.copy()
        dtype = np.dtype(np.float32 if link.startswith("xgb_") else np.float64)
        return _FORMULAS[link](averaged.astype(dtype), scale).astype(raw.dtype, copy=False)


def link_of(card: dict[str, Any]) -> tuple[str, float, float]:
    """Link, its parameter, and what outputs are divided by. Raises `ArtifactError` if the card has no such."""
    try:
        out = card["outputs"]
        link, scale, average = str(out["link"]), float(out["link_scale"]), float(out["average"])
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"its card is incomplete: {error}", fix="write the file again") from error
    if link != "identity" and link not in _FORMULAS:
        raise ArtifactError(f"its card has an unknown link {link!r}", fix="use the treec that wrote it")
    return link, scale, average


def _xgb_sigmoid(x: Floats, _: float) -> Floats:
    one, limit, epsilon = np.float32(1), np.float32(88.7), np.float32(1e-16)
    return one / (_c("exp", np.where(limit < -x, limit, -x)) + one + epsilon)  # a NaN stays


def _sigmoid(x: Floats, scale: float) -> Floats:
    return 1.0 / (1.0 + _c("exp", -scale * x))


def _softmax(x: Floats, _: float) -> Floats:
    """Powers are summed in float64, column by column, and divided in their own dtype."""
    powers = _c("exp", x - x.max(axis=1, keepdims=True))
    total = np.zeros((len(powers), 1), np.float64)
    for column in range(powers.shape[1]):
        total[:, 0] += powers[:, column]
    return powers / total.astype(x.dtype)


_FORMULAS: dict[str, Callable[[Floats, float], Floats]] = {
    "xgb_sigmoid": _xgb_sigmoid,
    "xgb_softmax": _softmax,
    "xgb_exp": lambda x, _: _c("exp", x),
    "xgb_hinge": lambda x, _: (x > 0).astype(np.float32),
    "lgb_sigmoid": _sigmoid,
    "lgb_softmax": _softmax,
    "lgb_exp": lambda x, _: _c("exp", x),
    "lgb_signed_square": lambda x, _: np.sign(x) * x * x,
    "lgb_log1p_exp": lambda x, _: _c("log1p", _c("exp", x)),
    "skl_expit": _sigmoid,
    "skl_softmax": _softmax,
    "skl_exp": lambda x, _: _c("exp", x),
}
