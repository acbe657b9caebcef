"""The C library's ``exp`` and ``log1p`` of f64 as plain arithmetic: numbers, tables, and both for arrays. Pure numpy.

glibc's ways on x86-64 CPUs that have fused multiply-adds (level v3): of ``exp`` since 2.28 (Arm's optimized routines), of
``log1p`` since long (Sun's). Which products are fused is part of the result. These are those of its machine code, also
where the C source leaves the choice to a compiler, so that a C library built in another way may differ in a last bit:
`others` says whether this machine's does. Any device that rounds f64 as IEEE 754 says computes the same: see
docs/exactness.md.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from treec.passes.algo.fused import fma

Floats = NDArray[np.float64]

STEPS = 128
"""2**(k / 128) are in tables."""
SCALE = float.fromhex("0x1.71547652b82fep+0") * STEPS
"""1 / ln 2, in steps."""
ROUND = float.fromhex("0x1.8p+52")
"""Added to a number, the low bits of the sum are the nearest integer."""
STEP_HIGH = float.fromhex("-0x1.62e42fefap-8")
STEP_LOW = float.fromhex("-0x1.cf79abc9e3b3ap-47")
"""Their sum is -ln 2, of one step."""
SQUARE = float.fromhex("0x1.ffffffffffdbdp-2")
CUBIC = float.fromhex("0x1.555555555543cp-3")
FOURTH = float.fromhex("0x1.55555cf172b91p-5")
FIFTH = float.fromhex("0x1.1111167a4d017p-7")
STEP_SHIFT = 45
"""A step is this bit of an f64: 2**(k / 128) has the bits ``steps[k % 128] + (k << 45)``."""
FAR = 512.0
"""From here on a power may be too large or too small for a normal f64 on its way."""
END = 1024.0
"""From here on it is infinite, or 0."""
DOWN, UP = 1009, 1022
"""Powers of two that results of large and of small arguments are away from the numbers they are made of."""

HALF_SQUARE_BELOW = 2.0**-29
"""``log1p`` of what is below is ``x - x * x / 2``."""
DIRECT_BELOW = float.fromhex("0x1.a827ap-2")
"""Of what is below, it needs no power of two taken out."""
WHOLE_FROM = 2.0**53
"""What is this large is not increased by 1."""
ROOT = 0x6A09E << 32
"""The mantissa of sqrt 2, about."""
NEAR_TWO, NEAR_ONE = 0xFFFFD << 32, 1 << 32
"""Mantissas at and above the first and below the second are so near a power of two that a short series will do."""
LN2_HIGH = float.fromhex("0x1.62e42feep-1")
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
TWO_THIRDS = 2 / 3
SERIES = tuple(
    float.fromhex(text)
    for text in (
        "0x1.5555555555593p-1",
        "0x1.999999997fa04p-2",
        "0x1.2492494229359p-2",
        "0x1.c71c51d8e78afp-3",
        "0x1.7466496cb03dep-3",
        "0x1.39a09d078c69fp-3",
        "0x1.2f112df3e5244p-3",
    )
)


@cache
def power_tables() -> tuple[Floats, NDArray[np.uint64]]:
    """f64[128], u64[128]: 2**(k / 128) is ``p * (1 + tail[k])``; ``steps[k]`` are the bits of p, less those that k adds."""
    context = Context(prec=60)
    ln2 = Decimal(2).ln(context)
    exact = [Fraction(context.exp(context.divide(context.multiply(ln2, k), STEPS))) for k in range(STEPS)]
    nearest = [float(power) for power in exact]
    tails = [float(power / Fraction(found) - 1) for power, found in zip(exact, nearest, strict=True)]
    bits = np.array(nearest).view(np.uint64)
    return np.array(tails), bits - (np.arange(STEPS, dtype=np.uint64) << np.uint64(STEP_SHIFT))


def exp(x: Floats) -> Floats:
    """With the bits of the C library's."""
    tails, steps = power_tables()
    with np.errstate(all="ignore"):
        shifted = fma(x, SCALE, ROUND)
        bits = shifted.view(np.uint64)
        k = shifted - ROUND
        r = fma(k, STEP_LOW, fma(k, STEP_HIGH, x))
        at = bits % np.uint64(STEPS)
        square = r * r
        low = fma(fma(r, CUBIC, SQUARE), square, tails[at] + r)
        part = fma(square * square, fma(r, FIFTH, FOURTH), low)
        step = steps[at] + (bits << np.uint64(STEP_SHIFT))
        large, small = x >= FAR, x <= -FAR
        moved = np.where(large, -(DOWN << 52), np.where(small, UP << 52, 0)).view(np.uint64)
        power = (step + moved).view(np.float64)
        made = fma(power, part, power) * np.where(large, 2.0**DOWN, 1.0)
        made = np.where(small, _small_power(power, part), made)
        made = np.where(x >= END, np.inf, made)
        return np.where(x <= -END, 0.0, made)


def _small_power(power: Floats, part: Floats) -> Floats:
    """``power * (1 + part) / 2**UP``, rounded once: what will be below 1 is rounded where the last bit of the result is."""
    more = power * part
    made = power + more
    above = made + 1.0
    lost = ((1.0 - above) + made) + ((power - made) + more)
    return np.where(made < 1.0, (lost + above) - 1.0, made) * 2.0**-UP


def log1p(x: Floats) -> Floats:
    """With the bits of the C library's, for ``x`` that is at least 0 or NaN."""
    with np.errstate(all="ignore"):
        direct, whole = x < DIRECT_BELOW, x >= WHOLE_FROM
        total = np.where(whole, x, 1.0 + x)
        bits = total.view(np.int64)
        exponent, mantissa = (bits >> 52) - 1023, bits & ((1 << 52) - 1)
        lost = np.where(exponent > 0, 1.0 - (total - x), x - (total - 1.0)) / total
        lost = np.where(whole, 0.0, lost)
        upper = mantissa >= ROOT
        k = (exponent + upper).astype(np.float64)
        reduced = (mantissa | np.where(upper, 0x3FE << 52, 0x3FF << 52)).view(np.float64) - 1.0
        f = np.where(direct, x, reduced)
        half, low = (0.5 * f) * f, fma(k, LN2_LOW, lost)
        s = f / (2.0 + f)
        series = s * (_series(s * s) + half)
        near = np.where(upper, mantissa >= NEAR_TWO, mantissa < NEAR_ONE)
        rest = f - np.where(near, half * fma(-TWO_THIRDS, f, 1.0) - low, half - (series + low))
        made = np.where(direct, f - (half - series), fma(k, LN2_HIGH, rest))
        made = np.where(x < HALF_SQUARE_BELOW, x - 0.5 * (x * x), made)
        return np.where(x < np.inf, made, x)


def _series(z: Floats) -> Floats:
    a, b, c, d, e, f, g = SERIES
    square = z * z
    fourth = square * square
    sum_ = fma(z, a, square * fma(z, c, b))
    sum_ = fma(fourth, fma(z, e, d), sum_)
    return fma(square * fourth, fma(z, g, f), sum_)


SAMPLES = 1 << 16


def others() -> tuple[str, ...]:
    """Which of ``exp`` and ``log1p`` this machine's C library has with other bits, as `SAMPLES` arguments show."""
    random = np.random.default_rng(0)
    near = random.normal(size=SAMPLES) * np.repeat([0.1, 1.0, 30.0, 600.0], SAMPLES // 4)
    small = np.clip(near, -740.0, 700.0)
    powers = exp(small)
    found = {
        "exp": (powers, [math.exp(value) for value in small.tolist()]),
        "log1p": (log1p(powers), [math.log1p(value) for value in powers.tolist()]),
    }
    return tuple(name for name, (ours, its) in found.items() if not np.array_equal(ours, np.array(its)))
