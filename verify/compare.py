"""Comparing outputs: bit for bit, or by how many floats lie between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Link

Array = NDArray[Any]
_INTEGERS = {4: np.int32, 8: np.int64}

FAR = 2**62
"""The distance between a NaN and a number."""


def same(a: Array, b: Array) -> NDArray[np.bool_]:
    """Elementwise: equal in all bits. All NaN are the same whatever their payload; +0.0 and -0.0 are not the same."""
    if a.dtype.kind != "f" or b.dtype.kind != "f":
        return np.asarray(a == b)
    kind = _INTEGERS[a.dtype.itemsize]
    return (np.ascontiguousarray(a).view(kind) == np.ascontiguousarray(b).view(kind)) | (np.isnan(a) & np.isnan(b))


def ulp_distance(a: Array, b: Array) -> NDArray[np.int64]:
    """How many floats of their common dtype one has to pass from ``a`` to ``b``; 0 for two NaN, `FAR` for one.

    f64 distances stop at `FAR`.
    """
    kind = _INTEGERS[a.dtype.itemsize]
    steps = [_ordered(np.ascontiguousarray(x).view(kind).astype(np.int64), a.dtype.itemsize) for x in (a, b)]
    apart = np.abs(steps[0].astype(np.float64) - steps[1].astype(np.float64)) >= FAR  # the difference may overflow
    distance = np.where(apart, FAR, np.abs(steps[0] - steps[1]))
    nans = np.isnan(a).astype(np.int64) + np.isnan(b)
    return np.where(nans == 0, distance, np.where(nans == 2, 0, FAR))


def _ordered(bits: NDArray[np.int64], itemsize: int) -> NDArray[np.int64]:
    """Integers that grow with the float; both zeros are 0."""
    lowest = -(2**31) if itemsize == 4 else np.iinfo(np.int64).min
    return np.where(bits < 0, lowest - bits, bits)


def link_bound(link: Link, n_columns: int) -> int:
    """How many ulp the response may be from the library's: 0 where nothing but exact operations is in it.

    Compiled links call the C library, as XGBoost and LightGBM do; the bound leaves room for another version of it.
    scikit-learn calls numpy's own exponential, measured 1 ulp away, so that its softmax of few classes needs some more.
    """
    if link in (Link.IDENTITY, Link.XGB_HINGE, Link.LGB_SIGNED_SQUARE):
        return 0
    if link is Link.SKL_SOFTMAX:
        return max(4, n_columns)
    return max(2, n_columns) if link in (Link.XGB_SOFTMAX, Link.LGB_SOFTMAX) else 2


def shown(value: Any) -> str:
    """A number with its bits, for messages."""
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return str(array[()])
    digits = 2 * array.dtype.itemsize
    return f"{array[()]!s} (0x{int(array.view(_INTEGERS[array.dtype.itemsize])) & (16**digits - 1):0{digits}x})"
