"""The reference interpreter of a Forest: what a model answers, bit for bit, by plain numpy.

Everything else is measured against this. It walks whole batches of (row, tree) pairs one level at a time, so that it is
also fast enough to check every compile.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from treec.errors import InputError
from treec.frontends.base import Forest, Inputs, LinearLeaves, ObliviousTrees, Trees
from treec.treeir.interp.links import finish_sum, response
from treec.treeir.interp.predicates import goes_left

__all__ = [
    "encode_inputs",
    "leaf_ids",
    "leaf_indices",
    "leaf_of_pairs",
    "raw",
    "raw_and_leaf_ids",
    "raw_of_pairs",
    "response",
]

I64 = NDArray[np.int64]
PAIRS_PER_BLOCK = 1 << 18
"""(row, tree) pairs walked together: some 20 MB of intermediate arrays."""


def encode_inputs(forest: Forest, rows: NDArray[Any]) -> NDArray[Any]:
    """What the predicates see of ``rows`` [n, n_features] (f32 or f64): [n, n_inputs] of the compare dtype, C order.

    Raises `InputError` for rows of another shape.
    """
    inputs = forest.inputs
    if rows.ndim != 2 or rows.shape[1] != inputs.n_features:
        raise InputError(f"rows have shape {rows.shape}, the model takes (n, {inputs.n_features})")
    with np.errstate(all="ignore"):  # a value beyond float32 becomes infinite
        encoded = rows[:, inputs.column].astype(inputs.dtype, order="C")
        if not np.isnan(inputs.missing_value):
            encoded[encoded == inputs.dtype.type(inputs.missing_value)] = np.nan
    for index, table in value_tables(inputs):
        encoded[:, index] = _positions(table, encoded[:, index])
    return encoded


def value_tables(inputs: Inputs) -> list[tuple[int, NDArray[np.float64]]]:
    """The inputs that have a value table, each with its table."""
    offset, values = inputs.table_offset, inputs.table_value
    if offset is None or values is None:
        return []
    return [(int(i), values[offset[i] : offset[i + 1]]) for i in np.flatnonzero(np.diff(offset))]


def _positions(table: NDArray[np.float64], values: NDArray[Any]) -> NDArray[np.float64]:
    found = np.searchsorted(table, values).clip(max=len(table) - 1)
    return np.where(table[found] == values, found, np.nan)


def leaf_of_pairs(forest: Forest, encoded: NDArray[Any], tree: NDArray[np.integer]) -> NDArray[np.int32]:
    """Walk row ``i`` of ``encoded`` [n, n_inputs] through tree ``tree[i]``: i32[n], the leaf it ends in (local)."""
    out = np.empty(len(tree), np.int32)
    for begin in range(0, len(tree), PAIRS_PER_BLOCK):
        end = begin + PAIRS_PER_BLOCK
        part = encoded[begin:end]
        out[begin:end] = _walk(forest, part, np.arange(len(part)), tree[begin:end].astype(np.int64))
    return out


def leaf_indices(forest: Forest, rows: NDArray[Any], trees: NDArray[np.integer] | None = None) -> NDArray[np.int32]:
    """The leaf (local) that each row ends in: i32[n, T], or a column for each of ``trees``."""
    places = forest.trees.places()
    return _leaves(forest, encode_inputs(forest, rows), places if trees is None else places[trees])


def _leaves(forest: Forest, encoded: NDArray[Any], trees: NDArray[np.integer]) -> NDArray[np.int32]:
    n, n_trees = len(encoded), len(trees)
    out = np.empty((n, n_trees), np.int32)
    step = max(1, PAIRS_PER_BLOCK // max(1, n_trees))
    for begin in range(0, n, step):
        part = encoded[begin : begin + step]
        row = np.tile(np.arange(len(part)), n_trees)  # a tree's rows together: they share its nodes
        found = _walk(forest, part, row, np.repeat(trees.astype(np.int64), len(part)))
        out[begin : begin + step] = found.reshape(n_trees, len(part)).T
    return out


def _walk(forest: Forest, encoded: NDArray[Any], row: I64, tree: I64) -> NDArray[np.int32]:
    if isinstance(forest.trees, ObliviousTrees):
        return _walk_levels(forest, forest.trees, encoded, row, tree)
    return _walk_nodes(forest, forest.trees, encoded, row, tree)


def _walk_nodes(forest: Forest, trees: Trees, encoded: NDArray[Any], row: I64, tree: I64) -> NDArray[np.int32]:
    predicates, child = forest.predicates, _child_table(trees)
    values, width = encoded.reshape(-1), encoded.shape[1]
    leaf = np.zeros(len(row), np.int32)  # a tree without nodes is its leaf 0
    pair = np.flatnonzero(np.diff(trees.node_offset)[tree] > 0)
    node, base = trees.node_offset[tree[pair]], row[pair] * width
    while len(pair):
        ids = trees.predicate.take(node)
        left = goes_left(predicates, ids, values.take(base + predicates.input.take(ids)))
        node = child.take(2 * node + ~left)  # ~False is 1, ~True is 0: booleans invert
        done = node < 0
        if done.any():
            leaf[pair[done]] = ~node[done]
            pair, node, base = pair[~done], node[~done], base[~done]
    return leaf


_child_tables: WeakKeyDictionary[Trees, I64] = WeakKeyDictionary()


def _child_table(trees: Trees) -> I64:
    """i64[2 N]: where a true and a false answer go from each node, as positions in all nodes, or ``~leaf`` (local)."""
    found = _child_tables.get(trees)
    if found is None:
        start = np.repeat(trees.node_offset[:-1], np.diff(trees.node_offset))
        found = np.empty(2 * trees.n_nodes, np.int64)
        for side, local in enumerate((trees.left, trees.right)):
            found[side::2] = np.where(local < 0, local, local + start)
        if trees.inverted is not None:
            found = found.reshape(-1, 2)
            found[trees.inverted] = found[trees.inverted, ::-1]
            found = found.reshape(-1)
        _child_tables[trees] = found
    return found


def _walk_levels(forest: Forest, trees: ObliviousTrees, encoded: NDArray[Any], row: I64, tree: I64) -> NDArray[np.int32]:
    predicates = forest.predicates
    leaf = np.zeros(len(row), np.int32)
    first, depth = trees.level_offset[tree], np.diff(trees.level_offset)[tree]
    for level in range(int(depth.max(initial=0))):
        pair = np.flatnonzero(depth > level)
        ids = trees.predicate[first[pair] + level]
        answer = goes_left(predicates, ids, encoded[row[pair], predicates.input[ids]])
        leaf[pair] |= answer.astype(np.int32) << level
    return leaf


def leaf_ids(forest: Forest, rows: NDArray[Any], tree_begin: int = 0, tree_end: int | None = None) -> NDArray[np.int32]:
    """The library's numbers of the leaves: i32[n, tree_end - tree_begin]."""
    trees = forest.trees.places()[tree_begin:tree_end]
    local = _leaves(forest, encode_inputs(forest, rows), trees)
    return forest.trees.leaf_id[forest.trees.leaf_offset[trees] + local]


def raw(forest: Forest, rows: NDArray[Any], tree_begin: int = 0, tree_end: int | None = None) -> NDArray[Any]:
    """Raw outputs of trees ``tree_begin`` to ``tree_end`` (default: all): [n, K] of the sum's dtype.

    The base and the final operation belong to every range of trees, as libraries have it.
    """
    return raw_and_leaf_ids(forest, rows, tree_begin, tree_end)[0]


def raw_and_leaf_ids(
    forest: Forest, rows: NDArray[Any], tree_begin: int = 0, tree_end: int | None = None
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """`raw` and `leaf_ids` by one walk."""
    encoded = encode_inputs(forest, rows)
    trees = forest.trees.places()[tree_begin:tree_end]
    total = np.empty((len(rows), forest.n_columns), forest.sum.dtype)
    ids = np.empty((len(rows), len(trees)), np.int32)
    step = max(1, PAIRS_PER_BLOCK // max(1, len(trees)))
    for begin in range(0, len(rows), step):
        part = encoded[begin : begin + step]
        leaves = _leaves(forest, part, trees)
        total[begin : begin + step] = _sum_trees(forest, part, trees, leaves)
        ids[begin : begin + step] = forest.trees.leaf_id[forest.trees.leaf_offset[trees] + leaves]
    return total, ids


def _sum_trees(forest: Forest, encoded: NDArray[Any], trees: I64, leaves: NDArray[np.int32]) -> NDArray[Any]:
    total = _start(forest, len(encoded))
    row = np.arange(len(encoded))
    with np.errstate(all="ignore"):
        for position, tree in enumerate(trees):
            column = int(forest.trees.column[tree])
            terms = _terms(forest, encoded, row, leaves[:, position], tree)
            total[:, column : column + forest.leaf_width] += terms
        return finish_sum(forest.sum, total)


def raw_of_pairs(
    forest: Forest, encoded: NDArray[Any], tree: NDArray[np.integer], leaf: NDArray[np.integer]
) -> NDArray[Any]:
    """Raw outputs [n, K] of row ``i`` of ``encoded`` run through tree ``tree[i]`` alone, where it ends in ``leaf[i]``."""
    total, row = _start(forest, len(encoded)), np.arange(len(encoded))
    with np.errstate(all="ignore"):
        terms = _terms(forest, encoded, row, leaf, tree)
        column = forest.trees.column[tree]
        for offset in range(forest.leaf_width):
            total[row, column + offset] += terms[:, offset]
        return finish_sum(forest.sum, total)


def _start(forest: Forest, n: int) -> NDArray[Any]:
    total = np.zeros((n, forest.n_columns), forest.sum.dtype)
    if forest.sum.base_first:
        total[:] = forest.sum.base
    return total


def _terms(forest: Forest, encoded: NDArray[Any], row: I64, leaf: NDArray[np.integer], tree: Any) -> NDArray[Any]:
    """What ``tree`` (one, or one per row) adds to its columns: [n, W] of the sum's dtype."""
    trees, leaves = forest.trees, forest.leaves
    value_row = trees.leaf_row[trees.leaf_offset[tree] + leaf]
    values = leaves.values[value_row]
    if leaves.linear is not None:
        values = _linear(leaves.linear, encoded, row, value_row, values)
    if trees.weight is not None:
        weight = trees.weight[tree]
        values = values.astype(trees.weight.dtype) * (weight[:, None] if weight.ndim else weight)
    return values.astype(forest.sum.dtype, copy=False)


def _linear(
    linear: LinearLeaves, encoded: NDArray[Any], row: I64, value_row: NDArray[np.integer], fallback: NDArray[Any]
) -> NDArray[np.float64]:
    total = linear.const[value_row].astype(np.float64)
    first = linear.offset[value_row]
    count = linear.offset[value_row + 1] - first
    unknown = np.zeros(len(row), bool)
    for term in range(int(count.max(initial=0))):
        at = np.flatnonzero(count > term)
        position = first[at] + term
        x = encoded[row[at], linear.input[position]].astype(np.float64)
        unknown[at] |= np.isnan(x)
        total[at] += x * linear.coefficient[position]
    return np.where(unknown[:, None], fallback.astype(np.float64), total[:, None])
