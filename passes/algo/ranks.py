"""Ranks: small integers that decide every predicate as the values themselves do. Pure numpy.

The rank of a number is how many *cuts* of its input it is not below. ``x < t`` cuts at ``t``; ``x <= t`` cuts at the next
float above ``t``; ``x == t`` cuts at both, so that a rank stands for ``t`` alone. Then ``x < t`` and ``x <= t`` are
``rank <= operand``, and ``x == t`` is ``rank == operand``: for all numbers, zeros of both signs, subnormals and infinities.

What is missing has no rank of its own, so 255 thresholds still fit u8: it gets a rank that goes the right way. That way
may differ between predicates, so an input has a *view*, a column of the ranked row, for each way that its predicates need:

- missing goes left: rank 0 (of an ``==``: its operand); right: a rank above all operands;
- NaN counts as 0.0 (`Missing.NONE`): the rank of 0.0.

The rank of a category is its code + 2; ``INVALID`` is what the cast rejects and ``MISSING`` what is missing. Sets are
rewritten for these codes, with the ways of the two as their first bits. A code that no set has becomes the first such one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Missing, Predicates, Test

I64 = NDArray[np.int64]
MISSING, INVALID, FIRST_CATEGORY = 0, 1, 2
"""Codes of categories begin after the two special ones."""


@dataclass(frozen=True, eq=False)
class RankTables:
    """How a row is ranked, and its predicates asked about ranks.

    S sources, an input's numbers or its categories: ``source_input`` i32[S]; ``source_limit`` i64[S], the code of all
    categories that no set has, -1 for numbers; ``cut_offset`` i64[S + 1] and ``cuts`` of the compare dtype, ascending.
    V views, the columns of a ranked row: ``view_offset`` i64[S + 1]; ``view_missing`` u8[V], which values count as missing
    (`Missing.NAN` or `Missing.ZERO_OR_NAN`); ``view_rank`` i64[V], the rank of those.
    P predicates: ``view`` i32[P]; ``test`` u8[P], ``LESS_EQUAL``, ``EQUAL`` or ``IN_SET``; ``operand`` i64[P], a rank or
    the number of a set. ``set_offset``, ``set_words``: sets of category codes, as in `Predicates`.
    """

    source_input: NDArray[np.int32]
    source_limit: I64
    cut_offset: I64
    cuts: NDArray[Any]
    view_offset: I64
    view_missing: NDArray[np.uint8]
    view_rank: I64
    view: NDArray[np.int32]
    test: NDArray[np.uint8]
    operand: I64
    set_offset: I64
    set_words: NDArray[np.uint32]

    def highest(self) -> I64:
        """The highest rank that each source can have, i64 [S]."""
        highest = np.maximum(np.diff(self.cut_offset), self.source_limit)
        np.maximum.at(highest, np.repeat(np.arange(len(highest)), np.diff(self.view_offset)), self.view_rank)
        return highest


def rank_tables(predicates: Predicates) -> RankTables:
    """Cuts, views and operands for all predicates."""
    is_set = predicates.test == Test.IN_SET
    sources, source = np.unique(predicates.input * np.int64(2) + is_set, return_inverse=True)
    source = source.reshape(-1)
    n_sources = len(sources)
    cut_offset, cuts, operand = _cuts(predicates, source, n_sources)
    sets = _coded_sets(predicates)
    operand[is_set] = sets.number
    limit = np.where(sources % 2 == 1, FIRST_CATEGORY, -1)
    np.maximum.at(limit, source[is_set], sets.end[sets.number])
    of_missing = _ranks_of_missing(predicates, source, operand, cut_offset, cuts, limit)
    what = np.where(predicates.missing == Missing.ZERO_OR_NAN, Missing.ZERO_OR_NAN, Missing.NAN)
    width = 1 + int(of_missing.max(initial=0))
    views, view = np.unique((source * 4 + what) * width + of_missing, return_inverse=True)
    view_source, view_kind = views // width // 4, views // width % 4
    return RankTables(
        (sources // 2).astype(np.int32),
        limit,
        cut_offset,
        cuts,
        np.searchsorted(view_source, np.arange(n_sources + 1)),
        view_kind.astype(np.uint8),
        views % width,
        view.reshape(-1).astype(np.int32),
        np.where(predicates.test == Test.LESS, Test.LESS_EQUAL, predicates.test).astype(np.uint8),
        operand,
        sets.offset,
        sets.words,
    )


def _cuts(predicates: Predicates, source: I64, n_sources: int) -> tuple[I64, NDArray[Any], I64]:
    """Offsets and values of all cuts, and the operands of compares."""
    test, threshold = predicates.test, predicates.threshold
    highest = threshold.dtype.type(np.inf)
    at = np.flatnonzero((test == Test.LESS) | (test == Test.EQUAL))
    above = np.flatnonzero(((test == Test.LESS_EQUAL) | (test == Test.EQUAL)) & (threshold < highest))
    with np.errstate(over="ignore"):  # infinity is next to the largest number
        next_above = np.nextafter(threshold[above], highest)
    of = np.concatenate([source[at], source[above]])
    value = np.concatenate([threshold[at], next_above])
    order = np.lexsort((value, of))
    new = np.ones(len(order), bool)
    new[1:] = (of[order][1:] != of[order][:-1]) | (value[order][1:] != value[order][:-1])
    offset = np.searchsorted(of[order][new], np.arange(n_sources + 1))
    position = np.empty(len(order), np.int64)
    position[order] = np.cumsum(new) - 1
    position -= offset[of]
    operand = np.diff(offset)[source]  # where every number is at most an infinite threshold
    operand[above] = position[len(at) :]
    operand[at] = position[: len(at)]
    operand[test == Test.EQUAL] += 1
    return offset, value[order][new], operand


def _ranks_of_missing(
    predicates: Predicates, source: I64, operand: I64, cut_offset: I64, cuts: NDArray[Any], limit: I64
) -> I64:
    """The rank that each predicate needs for what it calls missing, or for NaN where nothing is missing."""
    n_sources = len(limit)
    is_set = predicates.test == Test.IN_SET
    not_above_zero = np.bincount(np.repeat(np.arange(n_sources), np.diff(cut_offset))[cuts <= 0], minlength=n_sources)
    zero = np.where(limit < 0, not_above_zero, FIRST_CATEGORY)
    right = np.zeros(n_sources, np.int64)
    np.maximum.at(right, source[~is_set], operand[~is_set] + 1)
    left = np.where(predicates.test == Test.EQUAL, operand, 0)
    missing = np.where(is_set, MISSING, np.where(predicates.missing_left, left, right[source]))
    return np.where(predicates.missing == Missing.NONE, zero[source], missing)


@dataclass(frozen=True, eq=False)
class _Sets:
    """Sets of codes: ``number`` of each set predicate's; ``end``: each one's highest code + 1."""

    number: I64
    offset: I64
    words: NDArray[np.uint32]
    end: I64


def _coded_sets(predicates: Predicates) -> _Sets:
    """The sets moved up by two bits, once for each pair of ways of the missing and the invalid that is asked for."""
    of = predicates.test == Test.IN_SET
    missing_left = predicates.missing_left & (predicates.missing != Missing.NONE)
    asked = predicates.category_set.astype(np.int64) << 2 | missing_left << 1 | predicates.invalid_left
    kept, number = np.unique(asked[of], return_inverse=True)
    old = kept >> 2
    first, length = predicates.set_offset[old], np.diff(predicates.set_offset)[old]
    offset = np.concatenate([[0], np.cumsum(length + 1)]).astype(np.int64)  # two more bits: one more word
    owner = np.repeat(np.arange(len(old)), length + 1)
    at = np.arange(len(owner)) - offset[owner]
    padded = np.append(predicates.set_words, np.uint32(0))
    word = padded[np.where(at < length[owner], first[owner] + at, -1)]
    below = padded[np.where(at > 0, first[owner] + at - 1, -1)]
    special = (kept >> 1 & 1) << MISSING | (kept & 1) << INVALID
    words = (word << np.uint32(2)) | (below >> np.uint32(30)) | np.where(at == 0, special[owner], 0).astype(np.uint32)
    end = np.zeros(len(old), np.int64)
    bits = np.frexp(words.astype(np.float64))[1]
    np.maximum.at(end, owner, np.where(words > 0, 32 * at + bits, 0))
    return _Sets(number.reshape(-1).astype(np.int64), offset, words.astype(np.uint32), end)
