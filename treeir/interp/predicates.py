"""What a predicate means, for every level of the compiler: the one place that says so."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import CategoryCast, Missing, Predicates, Test

ZERO_BOUND = np.float32(1e-35)
"""LightGBM's ``kZeroThreshold``, a float32 constant: values up to it are missing where `Missing.ZERO_OR_NAN` says so."""

CODE_LIMIT = {CategoryCast.TRUNCATE: 2.0**31, CategoryCast.NON_NEGATIVE: 2.0**24}
"""The first category code that a cast rejects; exact in float32."""


def goes_left(predicates: Predicates, ids: NDArray[np.integer], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Answer predicate ``ids[i]`` about ``values[i]``; true goes left.

    ``ids`` any integer type, ``values`` of the predicates' compare dtype and of the same shape: encoded inputs, as
    `treec.treeir.interp.forest.encode_inputs` makes them.
    """
    with np.errstate(all="ignore"):
        missing = predicates.missing.take(ids)
        nan = np.isnan(values)
        no_kind = missing == Missing.NONE
        counts_as_zero = nan & no_kind
        if counts_as_zero.any():
            values = np.where(counts_as_zero, values.dtype.type(0), values)
        answer = _answer(predicates, ids, values)
        skips = nan & ~no_kind
        by_zero = missing == Missing.ZERO_OR_NAN
        if by_zero.any():
            skips |= by_zero & (np.abs(values) <= values.dtype.type(ZERO_BOUND))
        return np.where(skips, predicates.missing_left.take(ids), answer)


def _answer(p: Predicates, ids: NDArray[np.integer], values: NDArray[Any]) -> NDArray[np.bool_]:
    test, threshold = p.test.take(ids), p.threshold.take(ids)
    equal = (values == threshold) & ((test == Test.LESS_EQUAL) | (test == Test.EQUAL))
    answer = ((values < threshold) & (test <= Test.LESS_EQUAL)) | equal
    in_set = test == Test.IN_SET
    if in_set.any():
        answer[in_set] = _in_set(p, ids[in_set], values[in_set])
    return answer


def _in_set(p: Predicates, ids: NDArray[np.integer], values: NDArray[Any]) -> NDArray[np.bool_]:
    code, valid = category_codes(p.category_cast, values)
    return np.where(valid, set_contains(p, p.category_set[ids], code), p.invalid_left[ids])


def category_codes(cast: CategoryCast, values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The category code of each value (0 where it is not valid), and whether the cast takes it. NaN is not valid."""
    checked = np.trunc(values) if cast == CategoryCast.TRUNCATE else values  # -0.5 is category 0 there, invalid here
    valid = (checked >= 0) & (checked < CODE_LIMIT[cast])
    return np.where(valid, values, 0).astype(np.int64), valid


def set_contains(p: Predicates, sets: NDArray[np.integer], codes: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Whether category ``codes[i]`` >= 0 is in set ``sets[i]``; a category beyond a set's words is not."""
    if len(p.set_words) == 0:
        return np.zeros(codes.shape, bool)
    begin, word = p.set_offset[sets], codes >> 5
    inside = word < p.set_offset[sets + 1] - begin
    words = p.set_words[np.where(inside, begin + word, 0)]
    return inside & ((words >> (codes & 31).astype(np.uint32)) & 1).astype(bool)
