"""Comparing bits and counting floats between numbers."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treec.frontends.base import Link
from treec.verify.compare import FAR, link_bound, same, shown, ulp_distance


def test_same_is_about_bits() -> None:
    a = np.array([0.0, -0.0, 1.0, np.nan, np.inf, np.nan])
    b = np.array([-0.0, -0.0, np.nextafter(1.0, 2), -np.nan, np.inf, 1.0])
    assert same(a, b).tolist() == [False, True, False, True, True, False]
    payload = np.frombuffer(struct.pack("<Q", 0x7FF8000000000123))
    assert same(payload, np.array([np.nan])).all()
    assert same(a.astype(np.float32)[::2], a.astype(np.float32)[::2]).all()
    assert same(np.array([1, 2]), np.array([1, 3])).tolist() == [True, False]
    assert same(np.array(["a", "b"]), np.array(["a", "c"])).tolist() == [True, False]


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(0, 20))
def test_distance_counts_steps(value: float, steps: int) -> None:
    start = end = np.float32(value)
    for _ in range(steps):
        end = np.nextafter(end, np.float32(np.inf))
    if np.isfinite(end):
        assert ulp_distance(np.array([start]), np.array([end])).tolist() == [steps]
        assert ulp_distance(np.array([end]), np.array([start])).tolist() == [steps]


def test_distance_across_zero_and_to_nan() -> None:
    tiny = 5e-324
    assert ulp_distance(np.array([tiny, 0.0, 1.0]), np.array([-tiny, -0.0, 1.0])).tolist() == [2, 0, 0]
    assert ulp_distance(np.array([np.nan, np.nan]), np.array([np.nan, 1.0])).tolist() == [0, FAR]
    assert ulp_distance(np.array([np.inf]), np.array([-np.inf]))[0] == FAR
    assert ulp_distance(np.array([1e-45], np.float32), np.array([-1e-45], np.float32)).tolist() == [2]


@pytest.mark.parametrize(
    ("link", "columns", "bound"),
    [
        (Link.IDENTITY, 3, 0),
        (Link.XGB_HINGE, 1, 0),
        (Link.XGB_SIGMOID, 1, 2),
        (Link.LGB_EXP, 1, 2),
        (Link.XGB_SOFTMAX, 7, 7),
        (Link.LGB_SOFTMAX, 2, 2),
        (Link.SKL_SOFTMAX, 3, 4),
        (Link.SKL_SOFTMAX, 10, 10),
        (Link.SKL_EXP, 1, 2),
    ],
)
def test_bounds_of_links(link: Link, columns: int, bound: int) -> None:
    assert link_bound(link, columns) == bound


def test_numbers_are_shown_with_their_bits() -> None:
    assert shown(np.float32(-0.0)) == "-0.0 (0x80000000)"
    assert shown(np.float64(1.0)) == "1.0 (0x3ff0000000000000)"
    assert shown(np.float32(math.nan)) == "nan (0x7fc00000)"
    assert shown(np.int32(7)) == "7"
    assert shown(np.str_("cat")) == "cat"
