"""What every Forest is proved to be, column by column; each raises `ModelError` naming the column."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import ModelError
from treec.frontends.columns import (
    F32,
    F64,
    Inputs,
    Leaves,
    LinearLeaves,
    ObliviousTrees,
    Outputs,
    Predicates,
    SumRule,
    Trees,
)
from treec.frontends.kinds import LabelRule, Missing, Test


def _require(condition: bool | np.bool_, what: str) -> None:
    if not condition:
        raise ModelError(f"the model's data is inconsistent: {what}")


def _check_offset(offset: NDArray[Any], end: int, what: str) -> None:
    _require(
        offset.ndim == 1 and len(offset) >= 1 and offset[0] == 0 and offset[-1] == end,
        f"{what} does not cover its data",
    )
    _require(bool(np.all(np.diff(offset) >= 0)), f"{what} decreases")


def _within(values: NDArray[Any], limit: int, what: str) -> None:
    _require(len(values) == 0 or (values.min() >= 0 and values.max() < limit), f"{what} is out of range")


def check_inputs(inputs: Inputs) -> None:
    _require(inputs.n_features >= 0, "negative number of features")
    _require(inputs.dtype in (F32, F64), "rows must be compared in float32 or float64")
    _within(inputs.column, inputs.n_features, "an input's column")
    for what, labels in (("feature names", inputs.names), ("feature types", inputs.types)):
        _require(labels is None or len(labels) == inputs.n_features, f"number of {what}")
    if inputs.table_offset is not None:
        _check_tables(inputs, inputs.table_offset, inputs.table_value)


def _check_tables(inputs: Inputs, offset: NDArray[np.int64], values: NDArray[np.float64] | None) -> None:
    _require(values is not None and len(offset) == inputs.n_inputs + 1, "value tables")
    values = np.zeros(0) if values is None else values
    _check_offset(offset, len(values), "value tables")
    first = np.zeros(len(values) + 1, bool)
    first[offset] = True
    rises = values[1:] > values[:-1]
    _require(not np.isnan(values).any() and bool(np.all(rises | first[1:-1])), "a value table does not ascend")


def check_predicates(p: Predicates, inputs: Inputs) -> None:
    n = len(p)
    columns = (p.test, p.threshold, p.missing, p.missing_left, p.category_set, p.invalid_left)
    _require(all(len(c) == n for c in columns), "predicate columns differ in length")
    _require(p.threshold.dtype == inputs.dtype, "thresholds and inputs differ in dtype")
    _within(p.input, inputs.n_inputs, "a predicate's input")
    _within(p.test, len(Test), "a predicate's test")
    _within(p.missing, len(Missing), "a predicate's missing kind")
    _require(not np.isnan(p.threshold).any(), "a threshold is NaN")
    _check_offset(p.set_offset, len(p.set_words), "category sets")
    in_set = p.test == Test.IN_SET
    _within(p.category_set[in_set], p.n_sets, "a category set")
    _require(bool(np.all(p.category_set[~in_set] == -1)), "a compare has a category set")


def check_leaves(leaves: Leaves, trees: Trees | ObliviousTrees, sum_: SumRule, n_inputs: int) -> None:
    values = leaves.values
    _require(values.ndim == 2 and values.dtype in (F32, F64), "leaf values must be a float table")
    rows = trees.leaf_row
    _require(len(rows) == len(trees.leaf_id), "leaf columns differ in length")
    _within(rows, len(values), "a leaf's row of values")
    columns = trees.column
    _require(len(columns) == trees.n_trees, "one output column per tree is needed")
    _require(
        len(columns) == 0 or (columns.min() >= 0 and columns.max() + values.shape[1] <= len(sum_.base)),
        "a tree's output columns are out of range",
    )
    weight = trees.weight
    _require(weight is None or (len(weight) == len(columns) and weight.dtype in (F32, F64)), "tree weights")
    _require(sum_.dtype in (F32, F64) and sum_.base.dtype == sum_.dtype, "dtype of the sum")
    _require(sum_.base.ndim == 1, "the base is no list of columns")
    leaf_count = trees.leaf_count
    _require(leaf_count is None or len(leaf_count) == len(rows), "leaf counts")
    if leaves.linear is not None:
        _check_linear(leaves.linear, values, n_inputs)
    offset = trees.iteration_offset
    _check_offset(offset, trees.n_trees, "iteration boundaries")


def _check_linear(linear: LinearLeaves, values: NDArray[Any], n_inputs: int) -> None:
    _require(values.shape[1] == 1, "linear leaves have one value")
    _require(len(linear.const) == len(values) and len(linear.offset) == len(values) + 1, "linear leaves differ in length")
    _require(len(linear.input) == len(linear.coefficient), "linear terms differ in length")
    _check_offset(linear.offset, len(linear.input), "linear leaves")
    _within(linear.input, n_inputs, "a linear leaf's input")


def check_trees(t: Trees, n_predicates: int) -> None:
    _check_offset(t.node_offset, t.n_nodes, "node offsets")
    _check_offset(t.leaf_offset, t.n_leaves, "leaf offsets")
    nodes, leaves = np.diff(t.node_offset), np.diff(t.leaf_offset)
    _require(
        len(nodes) == len(leaves) and bool(np.all(leaves == nodes + 1)),
        "a tree of n nodes must have n + 1 leaves",
    )
    _within(t.predicate, n_predicates, "a node's predicate")
    _require(t.node_count is None or len(t.node_count) == t.n_nodes, "node counts")
    _require(len(t.left) == t.n_nodes == len(t.right), "child columns differ in length")
    _require(t.inverted is None or (len(t.inverted) == t.n_nodes and t.inverted.dtype == bool), "inverted nodes")
    _require(t.order is None or np.array_equal(np.sort(t.order), np.arange(len(nodes))), "the order of the trees")
    check_preorder(t.node_offset, t.left, t.right)


def check_preorder(node_offset: NDArray[np.int64], left: NDArray[np.int32], right: NDArray[np.int32]) -> None:
    """Every child is where preorder puts it, level by level: a node's subtree is the nodes ``node`` to ``end`` and the
    leaves from ``leaf`` on (local); so each node and leaf has one parent. Raises `ModelError`."""
    nodes = np.diff(node_offset)
    tree = np.flatnonzero(nodes)
    node, end, leaf = np.zeros(len(tree), np.int64), nodes[tree], np.zeros(len(tree), np.int64)
    while len(tree):
        at = node_offset[tree] + node
        below, beside = left[at].astype(np.int64), right[at].astype(np.int64)
        middle = np.where(beside >= 0, beside, end)  # where the left subtree ends
        to_left, to_right = below >= 0, beside >= 0
        _require(bool(np.all((middle > node) & (middle < end + ~to_right))), "a right child is out of its place")
        left_place = np.where(to_left, node + 1, ~leaf)
        _require(bool(np.all((below == left_place) & (to_left == (middle > node + 1)))), "a left child is out of its place")
        right_leaf = leaf + middle - node
        _require(bool(np.all(to_right | (beside == ~right_leaf))), "a leaf is out of its place")
        tree = np.concatenate([tree[to_left], tree[to_right]])
        node = np.concatenate([below[to_left], beside[to_right]])
        leaf = np.concatenate([leaf[to_left], right_leaf[to_right]])
        end = np.concatenate([middle[to_left], end[to_right]])


def check_oblivious(t: ObliviousTrees, n_predicates: int) -> None:
    _check_offset(t.level_offset, len(t.predicate), "level offsets")
    _check_offset(t.leaf_offset, len(t.leaf_row), "leaf offsets")
    depth = np.diff(t.level_offset)
    _require(
        bool(np.all(np.diff(t.leaf_offset) == 1 << depth)),
        "an oblivious tree of depth d must have 2**d leaves",
    )
    _within(t.predicate, n_predicates, "a level's predicate")


def check_outputs(out: Outputs, k: int) -> None:
    """``k``: output columns."""
    _require(k >= 1 and (not out.vector or k == 1), "a vector output has one column")
    _require(not out.groups or sum(out.groups) == k, "output groups do not cover the columns")
    _require(out.label is LabelRule.NONE or len(out.classes) >= 1, "a label rule needs class labels")
