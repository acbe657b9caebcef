"""Keep one of each: distinct predicates, category sets and leaf rows. Pure numpy, equality is of bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Predicates
from treec.passes.algo.distinct import distinct_rows, distinct_sets, ranges


def share_predicates(predicates: Predicates) -> tuple[Predicates, NDArray[np.int32]]:
    """Distinct predicates, sorted by input, test, set and threshold, and the new id of each old one, i32 [P]."""
    set_offset, set_words, new_set = share_sets(predicates.set_offset, predicates.set_words)
    category_set = predicates.category_set.copy()
    has_set = category_set >= 0
    category_set[has_set] = new_set[category_set[has_set]]
    small = (
        predicates.missing_left.astype(np.int64)
        | predicates.invalid_left.astype(np.int64) << 1
        | predicates.missing.astype(np.int64) << 2
        | predicates.test.astype(np.int64) << 4
        | predicates.input.astype(np.int64) << 8
    )
    keys = (ordered_bits(predicates.threshold), category_set, small)
    order = np.lexsort(keys)
    is_first = np.ones(len(order), bool)
    if len(order):
        is_first[1:] = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    new_id = np.empty(len(order), np.int32)
    new_id[order] = np.cumsum(is_first) - 1
    kept = order[is_first]
    shared = replace(
        predicates,
        input=predicates.input[kept],
        test=predicates.test[kept],
        threshold=predicates.threshold[kept],
        missing=predicates.missing[kept],
        missing_left=predicates.missing_left[kept],
        category_set=category_set[kept],
        invalid_left=predicates.invalid_left[kept],
        set_offset=set_offset,
        set_words=set_words,
    )
    return shared, new_id


def share_sets(
    offset: NDArray[np.int64], words: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.int32]]:
    """Distinct category sets (trailing zero words dropped) as offsets and words, and the new number of each old set."""
    word = np.flatnonzero(words)
    owner = np.searchsorted(offset, word, side="right") - 1
    lengths = np.zeros(len(offset) - 1, np.int64)
    np.maximum.at(lengths, owner, word - offset[owner] + 1)
    trimmed = np.concatenate([[0], np.cumsum(lengths)])
    kept = words[ranges(offset[:-1], lengths)]
    first, number = distinct_sets(trimmed, kept)
    new_offset = np.concatenate([[0], np.cumsum(lengths[first])])
    return new_offset, kept[ranges(trimmed[first], lengths[first])], number.astype(np.int32)


def ordered_bits(values: NDArray[Any]) -> NDArray[np.int64]:
    """Integers that compare like the floats do, -0.0 just below 0.0; distinct bits stay distinct."""
    bits = values.view(np.int32 if values.dtype == np.float32 else np.int64).astype(np.int64)
    lowest = np.int64(-(1 << 31)) if values.dtype == np.float32 else np.int64(-(1 << 63))
    return np.where(bits < 0, lowest - bits - 1, bits)


def share_leaf_rows(values: NDArray[Any], leaf_row: NDArray[np.int32]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Distinct rows [V', W] of leaf values that some leaf uses, in the order of first use, and each leaf's row, i32 [L]."""
    bits = np.ascontiguousarray(values).view(np.uint32 if values.dtype == np.float32 else np.uint64)
    first, row = distinct_rows(bits[leaf_row])
    return values[leaf_row[first]], row.astype(np.int32)
