"""Keep one of each: distinct predicates, category sets and leaf rows. Pure numpy, equality is of bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Predicates


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
    found: dict[bytes, int] = {}
    new_number = np.empty(len(offset) - 1, np.int32)
    for old in range(len(offset) - 1):  # one step per set, not per node; sets are few and ragged
        content = words[offset[old] : offset[old + 1]].tobytes().rstrip(b"\0")
        content += b"\0" * (-len(content) % 4)
        new_number[old] = found.setdefault(content, len(found))
    lengths = [len(content) // 4 for content in found]
    new_offset = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
    return new_offset, np.frombuffer(b"".join(found), np.uint32), new_number


def ordered_bits(values: NDArray[Any]) -> NDArray[np.int64]:
    """Integers that compare like the floats do, -0.0 just below 0.0; distinct bits stay distinct."""
    bits = values.view(np.int32 if values.dtype == np.float32 else np.int64).astype(np.int64)
    lowest = np.int64(-(1 << 31)) if values.dtype == np.float32 else np.int64(-(1 << 63))
    return np.where(bits < 0, lowest - bits - 1, bits)


def share_leaf_rows(values: NDArray[Any], leaf_row: NDArray[np.int32]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Distinct rows [V', W] of leaf values that some leaf uses, in the order of first use, and each leaf's row, i32 [L]."""
    bits = np.ascontiguousarray(values).view(np.uint32 if values.dtype == np.float32 else np.uint64)
    keys = row_hashes(bits)[leaf_row]
    _, first, key = np.unique(keys, return_index=True, return_inverse=True)
    if not np.array_equal(bits[leaf_row[first]][key], bits[leaf_row]):  # a clash of hashes
        _, first, key = np.unique(bits[leaf_row], axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return values[leaf_row[first[order]]], rank[key.reshape(-1)]


def row_hashes(bits: NDArray[Any]) -> NDArray[np.uint64]:
    """A number for each row of unsigned integers [n, W]; distinct rows have distinct numbers if W is 1, and most likely so
    if not."""
    hashes = np.zeros(len(bits), np.uint64)
    for column in range(bits.shape[1]):
        hashes = (hashes ^ (hashes >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15) + bits[:, column]
    return hashes
