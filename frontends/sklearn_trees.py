"""scikit-learn's `sklearn.tree._tree.Tree` → checked columns.

A tree compares float32 rows with float64 thresholds by ``<=``; NaN goes by the node's ``missing_go_to_left``. Its arrays
are checked before anything reads through them: the library itself follows any index it finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import ModelError
from treec.frontends.base import F32, Inputs, Leaves, Predicates, Trees
from treec.frontends.canonical import canonical_order
from treec.frontends.pickle_records import Recorded, attributes, describe, is_array, is_integer
from treec.frontends.sklearn_columns import check_record, require, round_down, shared_predicates, shared_rows
from treec.frontends.sklearn_view import EstimatorView, feature_count, feature_names

_FIELDS = {
    "left_child": "i8 i4",
    "right_child": "i8 i4",
    "feature": "i8 i4",
    "threshold": "f8",
    "impurity": "f8",
    "n_node_samples": "i8 i4",
    "weighted_n_node_samples": "f8",
    "missing_go_to_left": "u1",
}


@dataclass(frozen=True, eq=False)
class TreeArrays:
    """One tree: ``nodes`` records [n]; ``values`` f64[n, outputs, classes]; ``n_classes`` i64[outputs]."""

    nodes: NDArray[Any]
    values: NDArray[np.float64]
    n_features: int
    n_classes: NDArray[np.int64]


def read_tree(estimator: EstimatorView) -> TreeArrays:
    """The ``tree_`` of a fitted tree estimator, with dtypes, shapes and sizes checked."""
    value, place = estimator.get("tree_"), f"{estimator.place}: tree_"
    if isinstance(value, Recorded):
        require(str(value.name) == "sklearn.tree._tree.Tree", f"found {describe(value)}", place)
        args, state = value.args, attributes(value, place=place)
    else:
        require(type(value).__module__ == "sklearn.tree._tree", f"found {describe(value)}", place)
        _, args, state = value.__reduce__()
    require(len(args) == 3 and {"nodes", "values", "node_count"} <= state.keys(), "parts are missing", place)
    n_features, n_classes, n_outputs = args
    if not is_integer(n_features) or not is_integer(n_outputs):
        raise ModelError(f"sizes {describe(n_features)} and {describe(n_outputs)}", place=place)
    classes = _sizes(n_classes, int(n_outputs), place)
    nodes = check_record(state["nodes"], _FIELDS, "the tree", place)
    count = state["node_count"]
    require(is_integer(count) and count == len(nodes), "node_count is not the number of nodes", place)
    values = state["values"]
    shape = (len(nodes), int(n_outputs), int(classes.max()))
    if not is_array(values) or values.shape != shape or values.dtype.str[1:] != "f8":
        raise ModelError(f"the tree's values are {describe(values)}, not float64 of shape {shape}", place=place)
    return TreeArrays(nodes, values, int(n_features), classes)


def _sizes(value: object, n_outputs: int, place: str) -> NDArray[np.int64]:
    if not is_array(value) or value.ndim != 1 or value.dtype.kind != "i" or not 0 < n_outputs == len(value):
        raise ModelError(f"the tree's class counts are {describe(value)}", place=place)
    require(bool(value.min() > 0 and value.max() < 1 << 24), "the tree's class counts are odd", place)
    return value.astype(np.int64)


def tree_inputs(view: EstimatorView) -> Inputs:
    """Rows of a tree estimator or an ensemble of trees: every column as it is, cast to float32."""
    n_features = feature_count(view)
    return Inputs(n_features, F32, np.arange(n_features, dtype=np.int32), feature_names(view, n_features))


def assemble(
    trees: list[TreeArrays],
    *,
    n_features: int,
    column: NDArray[np.int32],
    trees_per_iteration: int,
    place: str,
    weight: NDArray[np.float64] | None = None,
    missing: bool = True,
) -> tuple[Predicates, Trees, Leaves]:
    """All trees of an ensemble as one Forest's columns. Leaf rows hold every output's classes, one after the other.

    ``missing`` False: the library sends NaN right, whatever the nodes say (it refuses such rows anyway).
    """
    require(all(tree.n_features == n_features for tree in trees), "trees differ in their number of features", place)
    offset = np.concatenate([[0], np.cumsum([len(tree.nodes) for tree in trees])]).astype(np.int64)
    require(offset[-1] < 1 << 31, "more than 2**31 nodes", place)
    left, right = _column(trees, "left_child"), _column(trees, "right_child")
    _check_children(offset, left, right, place)
    order = canonical_order(offset, left, right, place=place)
    nodes, leaves = order.node_source, order.leaf_source
    del left, right
    feature = _column(trees, "feature")[nodes]
    require(bool(np.all((feature >= 0) & (feature < n_features))), "a node's feature is out of range", place)
    threshold = _column(trees, "threshold")[nodes]
    require(not np.isnan(threshold).any(), "a threshold is NaN", place)
    go_left = _column(trees, "missing_go_to_left")[nodes] != 0 if missing else np.zeros(len(nodes), bool)
    predicates, predicate = shared_predicates(feature.astype(np.int32), round_down(threshold), go_left)
    values, leaf_row = shared_rows(_leaf_values(trees, leaves, place))
    counts = _column(trees, "weighted_n_node_samples")
    shape = Trees(
        node_offset=order.node_offset,
        leaf_offset=order.leaf_offset,
        predicate=predicate,
        left=order.left,
        right=order.right,
        leaf_row=leaf_row,
        leaf_id=local_ids(offset, leaves, order.leaf_offset),
        column=column,
        iteration_offset=np.arange(0, len(trees) + 1, trees_per_iteration, dtype=np.int32),
        weight=weight,
        node_count=counts[nodes],
        leaf_count=counts[leaves],
    )
    return predicates, shape, Leaves(values)


def local_ids(offset: NDArray[np.int64], leaves: NDArray[np.int64], leaf_offset: NDArray[np.int64]) -> NDArray[np.int32]:
    """The position of each leaf in its own tree's table."""
    return (leaves - np.repeat(offset[:-1], np.diff(leaf_offset))).astype(np.int32)


def _column(trees: list[TreeArrays], name: str) -> NDArray[Any]:
    parts = [tree.nodes[name] for tree in trees]
    return np.concatenate(parts, dtype=parts[0].dtype.newbyteorder("="))


def _check_children(offset: NDArray[np.int64], left: NDArray[Any], right: NDArray[Any], place: str) -> None:
    """A leaf is exactly -1 on both sides: the library walks on from any other number."""
    for side in (left, right):
        bad: NDArray[np.int64] = np.flatnonzero(side < -1)
        if len(bad):
            first = int(bad[0])
            tree = int(np.searchsorted(offset, first, side="right")) - 1
            raise ModelError(f"tree {tree}: node {first - offset[tree]} has child {side[first]}", place=place)


def _leaf_values(trees: list[TreeArrays], leaves: NDArray[np.int64], place: str) -> NDArray[np.float64]:
    """f64[L, K] of the leaves in canonical order; K is the classes of all outputs together."""
    classes = trees[0].n_classes
    require(all(np.array_equal(tree.n_classes, classes) for tree in trees), "trees differ in their outputs", place)
    used: NDArray[np.bool_] = np.arange(int(classes.max())) < classes[:, None]
    table = np.concatenate([tree.values for tree in trees], dtype=np.float64)
    rows = table[leaves]
    require(bool(np.all(rows[:, ~used] == 0)), "a leaf has values for classes that do not exist", place)
    rows = rows[:, used]
    require(bool(np.isfinite(rows).all()), "a leaf's value is not finite", place)
    return rows
