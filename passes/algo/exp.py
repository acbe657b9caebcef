"""The C library's ``expf`` as plain arithmetic: numbers and a table. Pure numpy.

glibc's way since 2.27 (Arm's optimized routines): with 32 steps to a power of two, ``x / ln 2 * 32 = k + r``, and
``2**(k / 32)`` from a table times a polynomial of ``r``, all in f64, rounded to f32 at the end. f64 has so many bits more
that the fused multiply-adds, which glibc uses where a CPU has them, change the result for two of all 2**32 arguments: these
are `FUSED`. So any device that rounds f64 as IEEE 754 says computes the same f32: see docs/exactness.md.
"""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

STEPS = 32
SCALE = float.fromhex("0x1.71547652b82fep+0") * STEPS
"""1 / ln 2, in steps."""
ROUND = float.fromhex("0x1.8p+52")
"""Added to a number, the low bits of the sum are the nearest integer."""
CUBIC = float.fromhex("0x1.c6af84b912394p-5") / STEPS**3
SQUARE = float.fromhex("0x1.ebfce50fac4f3p-3") / STEPS**2
LINEAR = float.fromhex("0x1.62e42ff0c52d6p-1") / STEPS
HIGHEST = float.fromhex("0x1.62e42ep6")
"""Of what is above, the power is infinite."""
LOWEST = float.fromhex("-0x1.9fe368p6")
"""Of what is below, it is 0."""
FUSED = {
    float.fromhex("0x1.04845ep+5"): float.fromhex("0x1.f93e38p+46"),
    float.fromhex("-0x1.f8cbb2p+5"): float.fromhex("0x1.f45326p-92"),
}
"""Arguments whose power is another one with fused multiply-adds, and that."""
TABLE_SHIFT = 47
"""A step is this bit of an f64: 2**(k / 32) has the bits ``table[k % 32] + (k << 47)``."""


def power_table() -> NDArray[np.uint64]:
    """u64[32]: the bits of 2**(k / 32), nearest, less those that k adds."""
    context = Context(prec=60)
    ln2 = Decimal(2).ln(context)
    powers = [float(Fraction(context.exp(context.divide(context.multiply(ln2, k), STEPS)))) for k in range(STEPS)]
    bits = np.array(powers).view(np.uint64)
    return bits - (np.arange(STEPS, dtype=np.uint64) << np.uint64(TABLE_SHIFT))


def expf(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same for an array."""
    with np.errstate(all="ignore"):
        z = x.astype(np.float64) * SCALE
        shifted = z + ROUND
        bits = shifted.view(np.uint64)
        r = z - (shifted - ROUND)
        step = power_table()[bits % np.uint64(STEPS)] + (bits << np.uint64(TABLE_SHIFT))
        power = ((CUBIC * r + SQUARE) * (r * r) + (LINEAR * r + 1.0)) * step.view(np.float64)
        made = np.where(x > HIGHEST, np.float32(np.inf), power.astype(np.float32))
        made = np.where(x < LOWEST, np.float32(0), made)
        for argument, fused in FUSED.items():
            made = np.where(x == np.float32(argument), np.float32(fused), made)
        return made
