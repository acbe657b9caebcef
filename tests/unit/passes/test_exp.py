"""``expf`` by steps has the bits of the C library's, as numpy and as code of the loop dialect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from treec.passes.algo.exp import FUSED, HIGHEST, LOWEST, expf, power_table
from treec.treeir.interp.links import c_math


def assert_bits(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> None:
    is_nan = np.isnan(wanted)
    np.testing.assert_array_equal(np.isnan(found), is_nan)
    np.testing.assert_array_equal(found[~is_nan].view(np.uint32), wanted[~is_nan].view(np.uint32))


def neighbours(value: float, n: int = 1000) -> NDArray[np.float32]:
    """f32 around a value."""
    middle = int(np.float32(value).view(np.int32))
    return np.arange(middle - n, middle + n, dtype=np.int64).astype(np.int32).view(np.float32)


def test_any_f32() -> None:
    drawn = np.random.default_rng(1).integers(0, 1 << 32, 200_000, dtype=np.uint64).astype(np.uint32)
    assert_bits(expf(drawn.view(np.float32)), c_math("exp", drawn.view(np.float32)))


def test_where_a_link_goes() -> None:
    x = np.random.default_rng(2).uniform(-110, 95, 200_000).astype(np.float32)
    assert_bits(expf(x), c_math("exp", x))


def test_ends_of_the_range() -> None:
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 88.7, -87.4, -103.3], np.float32)
    x = np.concatenate([special, *(neighbours(end) for end in (HIGHEST, LOWEST, -87.336544, -103.27893))])
    assert_bits(expf(x), c_math("exp", x))


def test_arguments_that_differ_with_fused_multiply_adds() -> None:
    """As glibc has them on CPUs with such; on others it differs from itself."""
    x = np.concatenate([neighbours(argument, 3) for argument in FUSED])
    kept = np.isin(x, np.array(list(FUSED), np.float32))
    assert_bits(expf(x)[~kept], c_math("exp", x)[~kept])
    assert expf(x)[kept].tolist() == list(FUSED.values())


def test_the_table_has_powers_of_two() -> None:
    bits = power_table() + (np.arange(32, dtype=np.uint64) << np.uint64(47))
    np.testing.assert_array_max_ulp(bits.view(np.float64), 2.0 ** (np.arange(32) / 32), 1)
