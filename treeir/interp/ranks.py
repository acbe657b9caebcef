"""Reference interpreter of ``plan.ranks``: rows to ranks, and predicates on ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import CategoryCast, Missing, Test
from treec.treeir.interp.predicates import ZERO_BOUND, category_codes
from treec.treeir.ranks import RanksOp

INVALID, FIRST_CATEGORY = 1, 2


def rank_rows(ranks: RanksOp, encoded: NDArray[Any], cast: CategoryCast) -> NDArray[np.int64]:
    """Ranks i64 [n, V + 1] of encoded inputs [n, n_inputs], as `treec.treeir.interp.forest.encode_inputs` makes them; the
    last view is 0."""
    ranked = np.zeros((len(encoded), ranks.n_views + 1), np.int64)
    for source, number in enumerate(ranks.source_input.array):
        value = encoded[:, number]
        rank = _rank(ranks, source, value, cast)
        for view in range(ranks.view_offset.array[source], ranks.view_offset.array[source + 1]):
            missing = np.isnan(value)
            if ranks.view_missing.array[view] == Missing.ZERO_OR_NAN:
                missing |= np.abs(value) <= value.dtype.type(ZERO_BOUND)
            ranked[:, view] = np.where(missing, ranks.view_rank.array[view], rank)
    return ranked


def _rank(ranks: RanksOp, source: int, value: NDArray[Any], cast: CategoryCast) -> NDArray[np.int64]:
    limit = int(ranks.source_limit.array[source])
    if limit < 0:
        begin, end = ranks.cut_offset.array[source : source + 2]
        return np.searchsorted(ranks.cuts.array[begin:end], value, side="right")
    code, valid = category_codes(cast, value)
    return np.where(valid, np.minimum(code + FIRST_CATEGORY, limit), INVALID)


def ranked_goes_left(test: int, rank: int, operand: int, set_offset: NDArray[Any], set_words: NDArray[np.uint32]) -> bool:
    """Answer one predicate about a rank."""
    if test == Test.LESS_EQUAL:
        return rank <= operand
    if test == Test.EQUAL:
        return rank == operand
    begin, end = int(set_offset[operand]), int(set_offset[operand + 1])
    word = begin + rank // 32
    return word < end and bool(int(set_words[word]) >> (rank % 32) & 1)
