"""``exp`` and ``log1p`` of f64 by steps have the bits of the C library's: as numpy, and as code of the loop dialect."""

from __future__ import annotations

import ctypes
import math
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from tests.math_stage import function_module
from treec.passes.algo import c_math
from treec.passes.algo.fused import fma
from treec.treeir.interp.links import c_math as c_library
from treec.treeir.interp.loop import run_stage
from treec.verify.compare import same

Floats = NDArray[np.float64]

COUNT = settings().max_examples * 10_000
"""Of each way to draw arguments: 10 million with the profile ``search``."""

own = pytest.mark.skipif(bool(c_math.others()), reason="the C library is not glibc with fused multiply-adds")


def assert_bits(found: Floats, wanted: Floats, x: Floats) -> None:
    wrong = ~same(wanted, found)
    assert not wrong.any(), f"{wrong.sum()} of {x.size}: {[value.hex() for value in x[wrong][:3].tolist()]}"


def neighbours(value: float, n: int = 300) -> Floats:
    middle = int(np.float64(value).view(np.int64))
    return np.arange(middle - n, middle + n).view(np.float64)


def powers(n: int = COUNT) -> list[Floats]:
    """Arguments of ``exp``."""
    draw = np.random.default_rng(1)
    edges = (512.0, 709.782712893384, 708.396, 1024.0, 745.1332191019412, 2.0**-54, 88.7, math.log(2) / 256, 1.0, 0.5)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e308, -1e308])
    near = [sign * neighbours(edge) for edge in edges for sign in (1.0, -1.0)]
    return [
        np.concatenate([special, *near]),
        draw.integers(0, 1 << 64, n // 4, dtype=np.uint64).view(np.float64),
        draw.uniform(-40, 40, n),
        draw.uniform(-746, 710, n),
        draw.uniform(-746, -707, n // 4),
        draw.normal(size=n // 4) * 10.0 ** draw.integers(-20, 3, n // 4),
    ]


def positives(n: int = COUNT) -> list[Floats]:
    """Arguments of ``log1p``."""
    draw = np.random.default_rng(2)
    edges = (c_math.DIRECT_BELOW, c_math.HALF_SQUARE_BELOW, c_math.WHOLE_FROM, 2.0**-54, 1.0, 3.0, 2.0**20, 2.0**53 - 1)
    special = np.array([0.0, np.inf, np.nan, 5e-324, 1e308])
    around = 2.0 ** draw.integers(1, 60, n // 4) * (1 + draw.uniform(-2e-6, 2e-6, n // 4)) - 1
    return [
        np.concatenate([special, *(neighbours(edge) for edge in edges)]),
        np.abs(draw.integers(0, 1 << 64, n // 4, dtype=np.uint64).view(np.float64)),
        np.exp(draw.uniform(-40, 40, n)),
        np.exp(draw.uniform(-746, 709, n)),
        draw.uniform(0, 3, n // 4),
        np.abs(around),
    ]


def c_exp(x: Floats) -> Floats:
    """As `c_library`, but for these many as fast as Python's own calls go; that refuses to overflow."""
    found = np.fromiter(map(math.exp, np.minimum(x, 709.0).tolist()), np.float64, x.size)
    large = x > 709
    found[large] = c_library("exp", x[large])
    return found


def c_log1p(x: Floats) -> Floats:
    return np.fromiter(map(math.log1p, x.tolist()), np.float64, x.size)


@own
def test_exp_of_many_arguments() -> None:
    for x in powers():
        assert_bits(c_math.exp(x), c_exp(x), x)


@own
def test_log1p_of_many_arguments() -> None:
    for x in positives():
        assert_bits(c_math.log1p(x), c_log1p(x), x)


@pytest.mark.parametrize("name", ["exp", "log1p"])
def test_the_loop_dialect_takes_the_same_steps(name: str) -> None:
    parts, function = (powers(400), c_math.exp) if name == "exp" else (positives(400), c_math.log1p)
    x = np.concatenate([part[::7] for part in parts])
    out = np.zeros((len(x), 1))
    run_stage(function_module(name), "stage", x[:, None], out, (0, len(x)), (0, 0))
    assert_bits(out[:, 0], function(x), x)


def test_powers_are_nearest_and_tails_say_what_is_missing() -> None:
    tails, steps = c_math.power_tables()
    bits = steps + (np.arange(128, dtype=np.uint64) << np.uint64(c_math.STEP_SHIFT))
    np.testing.assert_array_max_ulp(bits.view(np.float64), 2.0 ** (np.arange(128) / 128), 1)
    for k in (1, 64, 127):
        power = Fraction(float(bits.view(np.float64)[k]))
        whole = (power * (1 + Fraction(float(tails[k])))) ** 128
        assert abs(whole / 2**k - 1) < Fraction(1, 1 << 98)


def test_another_c_library_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    there = c_math.others()
    own_exp = math.exp

    def other_exp(x: float) -> float:
        return math.nextafter(own_exp(x), math.inf) if x > 3 else own_exp(x)

    monkeypatch.setattr(math, "exp", other_exp)
    assert set(c_math.others()) == {"exp", *there}


@own
def test_a_cpu_without_fused_multiply_adds_is_noticed() -> None:
    """glibc is told that this one has none."""
    code = "from treec.passes.algo import c_math; print(*c_math.others())"
    told = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2,-FMA_Usable,-AVX2_Usable"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=told)
    assert done.stdout.split() == ["exp", "log1p"]


def test_a_fused_multiply_add_rounds_once() -> None:
    draw, n = np.random.default_rng(3), 50_000
    a, b = (draw.normal(size=n) * 2.0 ** draw.integers(-60, 60, n) for _ in range(2))
    near = -a * b * (1 + draw.integers(-3, 4, n) * 2.0**-52)
    library = ctypes.CDLL("libm.so.6").fma
    library.argtypes, library.restype = (ctypes.c_double,) * 3, ctypes.c_double
    for c in (draw.normal(size=n) * 2.0 ** draw.integers(-150, 150, n), near, near + 2.0 ** draw.integers(-180, 10, n)):
        wanted = np.array([library(*three) for three in zip(a.tolist(), b.tolist(), c.tolist(), strict=True)])
        assert_bits(fma(a, b, c), wanted, c)
    ends = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1.0])
    for x in ends:
        for y in ends:
            wanted = np.array([library(x, y, z) for z in ends])
            assert same(fma(x, y, ends), wanted).all()
