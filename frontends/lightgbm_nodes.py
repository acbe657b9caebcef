"""The node arrays of a LightGBM text model → canonical trees, predicates and leaves.

The predictor that this follows is LightGBM 4's ``Tree::NumericalDecision`` and ``Tree::CategoricalDecision``, and one thing
before them: the row reader of ``PredictForMat`` drops every ``|x| <= 1e-35f``, so such a value *is* 0.0 at every node.
`exact_thresholds` puts that into the thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import UnsupportedModelError
from treec.frontends.base import CategoryCast, Leaves, Missing, Predicates, Test, Trees
from treec.frontends.canonical import CanonicalOrder, canonical_order
from treec.frontends.lightgbm_text import TextModel

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

ZERO_BOUND = float(np.float32(1e-35))
"""LightGBM's ``kZeroThreshold``, a float constant."""
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_KINDS = np.array([Missing.NONE, Missing.ZERO_OR_NAN, Missing.NAN], np.uint8)


@dataclass(frozen=True, eq=False)
class NodeTable:
    """All inner nodes in file order, one tree after the other; ``inner[t]`` and ``leaves[t]`` of them in tree ``t``."""

    inner: I64
    leaves: I64
    feature: I64
    threshold: F64
    decision: I64
    left: I64
    right: I64

    def tree_of(self, node: int) -> int:
        return int(np.searchsorted(np.cumsum(self.inner), node, side="right"))


def exact_thresholds(threshold: F64) -> F64:
    """Thresholds for ``x <= t`` on values as given that answer as LightGBM does on values with ``|x| <= 1e-35f`` made 0.0.

    With ``z = 1e-35f``: ``t`` in [-z, 0) is passed by ``x < -z`` alone, ``t`` in [0, z] by every ``x <= z``.
    """
    below = float(np.nextafter(-ZERO_BOUND, -np.inf))
    inside = (threshold >= -ZERO_BOUND) & (threshold <= ZERO_BOUND)
    return np.where(inside, np.where(threshold < 0, below, ZERO_BOUND), threshold)


def read_nodes(model: TextModel, n_features: int) -> NodeTable:
    """Parse and check the inner nodes of all trees; raises `ModelError` naming line, tree and key."""
    leaves = model.tree_ints(b"num_leaves")
    _refuse(model, leaves < 1, b"num_leaves", "a tree has at least one leaf", np.arange(len(leaves)))
    _refuse_linear(model)
    inner = leaves - 1
    table = NodeTable(
        inner,
        leaves,
        model.column(b"split_feature", inner, np.int64),
        model.column(b"threshold", inner, np.float64),
        model.column(b"decision_type", inner, np.int64),
        model.column(b"left_child", inner, np.int64),
        model.column(b"right_child", inner, np.int64),
    )
    tree = np.repeat(np.arange(len(inner)), inner)
    _refuse(model, (table.feature < 0) | (table.feature >= n_features), b"split_feature", "no such feature", tree)
    unknown = (table.decision < 0) | (table.decision > 11)  # bit 0 categorical, bit 1 default left, bits 2, 3 missing type
    _refuse(model, unknown, b"decision_type", "the split is of an unknown type", tree)
    for key, child in ((b"left_child", table.left), (b"right_child", table.right)):
        _refuse(model, (child >= inner[tree]) | (~child >= leaves[tree]), key, "no such child", tree)
    return table


def _refuse(model: TextModel, bad: NDArray[np.bool_], key: bytes, message: str, tree: I64) -> None:
    if bad.any():
        raise model.tree_error(int(tree[int(np.argmax(bad))]), key, message)


def _refuse_linear(model: TextModel) -> None:
    for number, tree in enumerate(model.trees):
        value = tree.get(b"is_linear", b"0")  # version 2 has no such key
        if value == b"1":
            raise UnsupportedModelError(
                f"tree {number} has linear functions in its leaves (is_linear=1, linear_tree), which treec does not do yet",
                place=model.tree_error(number, b"is_linear", "").place,
                fix="train with linear_tree=False",
            )
        if value != b"0":
            raise model.tree_error(number, b"is_linear", "neither 0 nor 1")


def build_trees(model: TextModel, table: NodeTable, n_columns: int) -> tuple[Trees, Leaves, I64]:
    """Canonical trees and their leaves, and for each canonical node its row of ``table``. Predicates are not set yet."""
    sizes = table.inner + table.leaves
    offset = np.concatenate([[0], np.cumsum(sizes)])
    tree = np.repeat(np.arange(len(sizes)), sizes)
    local = np.arange(len(tree)) - offset[tree]
    is_inner = local < table.inner[tree]
    left, right = np.full(len(tree), -1, np.int64), np.full(len(tree), -1, np.int64)
    n_inner = np.repeat(table.inner, table.inner)
    for column, child in ((left, table.left), (right, table.right)):
        column[is_inner] = np.where(child >= 0, child, n_inner + ~child)
    order = canonical_order(offset, left, right, place=model.place)
    _refuse_unreached(model, table, order)
    # An entry's number among the inner nodes, and among the leaves.
    node = (np.cumsum(is_inner) - 1)[order.node_source]
    leaf = (np.cumsum(~is_inner) - 1)[order.leaf_source]
    values = model.column(b"leaf_value", table.leaves, np.float64)
    leaf_tree = np.repeat(np.arange(len(sizes)), table.leaves)
    _refuse(model, ~np.isfinite(values), b"leaf_value", "a value is not finite", leaf_tree)
    trees = Trees(
        node_offset=order.node_offset,
        leaf_offset=order.leaf_offset,
        predicate=np.zeros(len(node), np.int32),
        left=order.left,
        right=order.right,
        leaf_row=np.arange(len(leaf), dtype=np.int32),
        leaf_id=(local - table.inner[tree])[order.leaf_source].astype(np.int32),
        column=(np.arange(len(sizes)) % n_columns).astype(np.int32),
        iteration_offset=np.arange(0, len(sizes) + 1, n_columns, dtype=np.int32),
        node_count=_counts(model, b"internal_count", table.inner, node),
        leaf_count=_counts(model, b"leaf_count", table.leaves, leaf),
    )
    return trees, Leaves(values[leaf][:, np.newaxis]), node


def _refuse_unreached(model: TextModel, table: NodeTable, order: CanonicalOrder) -> None:
    reached = np.diff(order.node_offset)
    _refuse(model, reached != table.inner, b"left_child", "some nodes can't be reached", np.arange(len(reached)))


def _counts(model: TextModel, key: bytes, expected: I64, source: I64) -> F64 | None:
    if not all(key in tree for tree in model.trees):
        return None
    return model.column(key, expected, np.int64)[source].astype(np.float64)


def build_predicates(model: TextModel, table: NodeTable, node: I64) -> tuple[Predicates, NDArray[np.int32]]:
    """Distinct predicates, by input and threshold, and the predicate of each canonical node."""
    in_set = (table.decision & _CATEGORICAL) != 0
    set_offset, set_words, sets = _category_sets(model, table, in_set)
    test = np.where(in_set, Test.IN_SET, Test.LESS_EQUAL).astype(np.uint8)
    threshold = np.where(in_set, 0.0, exact_thresholds(table.threshold))
    # A category that is NaN goes right, whatever the node's missing type and direction.
    kinds = (table.decision >> 2) & 3
    missing = np.where(in_set, np.uint8(Missing.NAN), _KINDS[kinds])
    missing_left = ~in_set & ((table.decision & _DEFAULT_LEFT) != 0) & (missing != Missing.NONE)
    flags = missing.astype(np.int64) * 2 + missing_left
    keys = (flags, sets, threshold, table.feature * len(Test) + test)
    chosen, predicate = _distinct(keys)
    predicates = Predicates(
        input=table.feature[chosen].astype(np.int32),
        test=test[chosen],
        threshold=threshold[chosen],
        missing=missing[chosen],
        missing_left=missing_left[chosen],
        category_set=sets[chosen].astype(np.int32),
        invalid_left=np.zeros(len(chosen), np.bool_),
        set_offset=set_offset,
        set_words=set_words,
        category_cast=CategoryCast.TRUNCATE,
    )
    return predicates, predicate[node]


def _distinct(keys: tuple[NDArray[Any], ...]) -> tuple[I64, NDArray[np.int32]]:
    """One row for each distinct combination, sorted (last key first), and the combination's number for each row."""
    order = np.lexsort(keys)
    if not len(order):
        return order, np.zeros(0, np.int32)
    changes = np.zeros(len(order), np.bool_)
    for key in keys:
        changes[1:] |= key[order[1:]] != key[order[:-1]]
    number = np.empty(len(order), np.int32)
    number[order] = np.cumsum(changes)
    changes[0] = True
    return order[changes], number


def _category_sets(model: TextModel, table: NodeTable, in_set: NDArray[np.bool_]) -> tuple[I64, NDArray[np.uint32], I64]:
    """Distinct sets as offsets and words, and the set of each node of ``table`` (-1 for a compare)."""
    n_sets = model.tree_ints(b"num_cat")
    _refuse(model, n_sets < 0, b"num_cat", "below 0", np.arange(len(n_sets)))
    offset, words, first = _all_sets(model, n_sets)
    tree = np.repeat(np.arange(len(table.inner)), table.inner)
    with np.errstate(invalid="ignore"):
        local = table.threshold.astype(np.int64)
    bad = in_set & ((table.threshold != local) | (local < 0) | (local >= n_sets[tree]))
    _refuse(model, bad, b"threshold", "a categorical split's threshold is not the number of a category set", tree)
    distinct, number = _distinct_sets(offset, words)
    sets = np.full(len(tree), -1, np.int64)
    sets[in_set] = number[first[tree[in_set]] + local[in_set]]
    lengths = np.diff(offset)[distinct]
    new_offset = np.concatenate([[0], np.cumsum(lengths)])
    gather: I64 = np.arange(int(new_offset[-1])) + np.repeat(offset[distinct] - new_offset[:-1], lengths)
    return new_offset, words[gather], sets


def _all_sets(model: TextModel, n_sets: I64) -> tuple[I64, NDArray[np.uint32], I64]:
    """Offsets and words of all trees' sets one after the other, and the number of each tree's first set."""
    n_bounds = np.where(n_sets > 0, n_sets + 1, 0)
    bounds = model.column(b"cat_boundaries", n_bounds, np.int64)
    tree = np.repeat(np.arange(len(n_sets)), n_bounds)
    ends = np.cumsum(n_bounds)
    is_first, is_last = np.zeros(len(bounds), np.bool_), np.zeros(len(bounds), np.bool_)
    is_first[(ends - n_bounds)[n_sets > 0]] = True
    is_last[ends[n_sets > 0] - 1] = True
    falls = np.concatenate([[0], np.diff(bounds)]) < 0
    bad = (is_first & (bounds != 0)) | (~is_first & falls)
    _refuse(model, bad, b"cat_boundaries", "the boundaries do not rise from 0", tree)
    n_words = np.zeros(len(n_sets), np.int64)
    n_words[n_sets > 0] = bounds[is_last]
    words = model.column(b"cat_threshold", n_words, np.int64)
    outside = (words < 0) | (words >= 2**32)
    _refuse(model, outside, b"cat_threshold", "a value has more than 32 bits", np.repeat(np.arange(len(n_sets)), n_words))
    start = np.cumsum(n_words) - n_words
    offset = np.concatenate([(bounds + start[tree])[~is_last], [len(words)]])
    return offset, words.astype(np.uint32), np.cumsum(n_sets) - n_sets


def _distinct_sets(offset: I64, words: NDArray[np.uint32]) -> tuple[I64, I64]:
    """The first of each group of equal sets, and the group of every set. One numpy step per length of a set."""
    lengths = np.diff(offset)
    number = np.zeros(len(lengths), np.int64)
    chosen: list[I64] = []
    found = 0
    for length in sorted(set(lengths.tolist())):
        members = np.flatnonzero(lengths == length)
        rows = np.zeros((len(members), max(2, length + length % 2)), np.uint64)
        rows[:, :length] = words[offset[members][:, np.newaxis] + np.arange(length)]
        first, group = _distinct(tuple((rows[:, 0::2] << np.uint64(32) | rows[:, 1::2]).T[::-1]))
        number[members] = found + group
        chosen.append(members[first])
        found += len(first)
    return np.concatenate(chosen) if chosen else np.zeros(0, np.int64), number
