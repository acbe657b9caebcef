"""Thresholds of another width that decide as the model's do. Pure numpy.

A row of f32 values, asked about an f64 threshold t, is answered alike by an f32 threshold:

    v <= t   as   v <= the largest f32 that is not above t
    v < t    as   v < the smallest f32 that is not below t

since no f32 lies between the two. (Towards infinity that is the largest finite f32 or an infinity.) It holds for f32 values
alone: an f64 value may lie between. The width of a threshold does not matter to what is missing, nor to categories.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from treec.errors import ScheduleError
from treec.frontends.base import F32, F64, Predicates, Test

Width = Literal["auto", "f32", "f64"]


def with_thresholds(predicates: Predicates, width: Width) -> Predicates:
    """The same predicates with thresholds of that width; those of f64 in f32 hold for f32 rows alone.

    Raises `ScheduleError` for a test of equality with a number that is no f32.
    """
    dtype = {"auto": predicates.threshold.dtype, "f32": F32, "f64": F64}[width]
    if dtype == predicates.threshold.dtype:
        return predicates
    return _narrowed(predicates) if dtype == F32 else replace(predicates, threshold=predicates.threshold.astype(F64))


def _narrowed(predicates: Predicates) -> Predicates:
    wide, test = predicates.threshold, predicates.test
    wide = np.where(test == Test.IN_SET, 0.0, wide)
    with np.errstate(all="ignore"):
        near = wide.astype(F32)
        _expect_floats(predicates, (test == Test.EQUAL) & (near != wide))
        down = np.nextafter(near, F32.type(-np.inf))
        up = np.nextafter(near, F32.type(np.inf))
    near = np.where((test == Test.LESS_EQUAL) & (near > wide), down, near)
    near = np.where((test == Test.LESS) & (near < wide), up, near)
    return replace(predicates, threshold=near)


def _expect_floats(predicates: Predicates, wrong: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
    if wrong.any():
        at = int(wrong.argmax())
        raise ScheduleError(
            f"predicate {at} asks input {predicates.input[at]} for == {predicates.threshold[at]!s}, which is no f32",
            fix="leave `threshold` out",
        )
