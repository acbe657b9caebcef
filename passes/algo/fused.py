"""A multiply-add of f64 that rounds once, in plain arithmetic of numpy, which has none of its own.

Boldo and Melquiond's way: product and sum are taken apart into two numbers each, exactly; of what is left the last bit says
whether anything was lost ("round to odd"), so that the last addition rounds as if it had all of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SPLIT = float((1 << 27) + 1)


def fma(factor: Floats | float, other: Floats | float, addend: Floats | float) -> Floats:
    """``factor * other + addend``, rounded once, elementwise; NaN and infinities as of plain arithmetic.

    Factors must be below 2**990, and of a product below 2**-960 the last bits are lost.
    """
    factor, other, addend = (np.asarray(part, np.float64) for part in (factor, other, addend))
    with np.errstate(all="ignore"):
        high, low = _product(factor, other)
        middle, lowest = _sum(addend, low)
        top, rest = _sum(high, middle)
        exact = top + _odd_sum(lowest, rest)
        plain = np.logical_not(np.isfinite(exact)) | (exact == 0)  # then it rounds nothing, and has the sign of a 0
        return np.where(plain, factor * other + addend, exact)


def _sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded sum, and what it lacks."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


def _product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded product, and what it lacks."""
    product = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _halves(a: Floats) -> tuple[Floats, Floats]:
    spread = a * SPLIT
    high = spread - (spread - a)
    return high, a - high


def _odd_sum(a: Floats, b: Floats) -> Floats:
    """The sum; of one that is not exact, the neighbour whose last bit is 1."""
    total, error = _sum(a, b)
    bits = total.view(np.int64)
    outward = (error > 0) == (total > 0)
    even = (error != 0) & (bits & 1 == 0)
    return np.where(even, bits + np.where(outward, 1, -1), bits).view(np.float64)
