"""`Forest.check`: every invariant has a Forest that breaks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.property.forests import Shape, build
from treec.errors import ModelError
from treec.frontends.base import (
    F32,
    F64,
    Forest,
    Inputs,
    LabelRule,
    Leaves,
    LinearLeaves,
    ObliviousTrees,
    Outputs,
    Test,
    Trees,
)

SHAPE = Shape(n_trees=3, leaves=6, n_inputs=3, spare_features=1, categorical=2, tables=1, words=2, seed=5)


@pytest.fixture(scope="module")
def forest() -> Forest:
    return build(SHAPE)


def as_oblivious(forest: Forest, depths: tuple[int, ...] = (2, 0, 1)) -> Forest:
    leaves = 1 << np.array(depths)
    rows = np.zeros(int(leaves.sum()), np.int32)
    trees = ObliviousTrees(
        level_offset=np.concatenate([[0], np.cumsum(depths)]),
        leaf_offset=np.concatenate([[0], np.cumsum(leaves)]),
        predicate=np.zeros(sum(depths), np.int32),
        leaf_row=rows,
        leaf_id=rows,
        column=np.zeros(3, np.int32),
        iteration_offset=np.arange(4, dtype=np.int32),
    )
    return replace(forest, trees=trees)


def changed(array: np.ndarray[Any, Any], at: int, value: float) -> np.ndarray[Any, Any]:
    copy = array.copy()
    copy[at] = value
    return copy


def test_a_valid_forest_passes_and_is_frozen(forest: Forest) -> None:
    assert forest.check() is forest
    assert isinstance(forest.trees, Trees)
    for array in (forest.trees.left, forest.predicates.threshold, forest.leaves.values, forest.sum.base):
        assert not array.flags.writeable
    assert as_oblivious(forest).check().trees.n_trees == 3


def test_linear_leaves_are_frozen_too(forest: Forest) -> None:
    linear = replace(with_linear(forest)).check().leaves.linear
    assert linear is not None
    assert not linear.coefficient.flags.writeable


def with_linear(forest: Forest, **columns: Any) -> Forest:
    n = len(forest.leaves.values)
    linear = LinearLeaves(np.arange(n + 1), np.zeros(n, np.int32), np.ones(n), np.zeros(n))
    return replace(forest, leaves=replace(forest.leaves, linear=replace(linear, **columns)))


def refused(forest: Forest, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        forest.check()


def test_inputs_that_do_not_fit(forest: Forest) -> None:
    def with_inputs(**columns: Any) -> Forest:
        return replace(forest, inputs=replace(forest.inputs, **columns))

    refused(with_inputs(column=np.array([0, 1, 4], np.int32)), "input's column is out of range")
    refused(with_inputs(names=("a",)), "feature names")
    refused(with_inputs(types=("q",) * 5), "feature types")
    refused(with_inputs(dtype=np.dtype(np.float16)), "float32 or float64")
    refused(with_inputs(n_features=-1), "negative number")
    refused(with_inputs(table_value=None), "value tables")
    refused(with_inputs(table_offset=np.zeros(2, np.int64)), "value tables")
    refused(with_inputs(dtype=F64), "thresholds and inputs differ in dtype")


@pytest.mark.parametrize("values", [[1.0, 0.0], [1.0, 1.0], [0.0, np.nan], [np.nan, 1.0]])
def test_a_value_table_must_ascend(forest: Forest, values: list[float]) -> None:
    inputs = replace(forest.inputs, table_offset=np.array([0, 0, 2, 2]), table_value=np.array(values))
    refused(replace(forest, inputs=inputs), "does not ascend")
    apart = replace(inputs, table_offset=np.array([0, 1, 2, 2]), table_value=np.array([5.0, -5.0]))
    replace(forest, inputs=apart).check()


def test_predicates_that_do_not_fit(forest: Forest) -> None:
    p = forest.predicates
    compare = int(np.flatnonzero(p.test != Test.IN_SET)[0])
    in_set = int(np.flatnonzero(p.test == Test.IN_SET)[0])

    def with_column(name: str, at: int, value: float) -> Forest:
        return replace(forest, predicates=replace(p, **{name: changed(getattr(p, name), at, value)}))

    refused(with_column("input", 0, 3), "predicate's input")
    refused(with_column("test", compare, 9), "predicate's test")
    refused(with_column("missing", 0, 3), "missing kind")
    refused(with_column("threshold", 0, np.nan), "threshold is NaN")
    refused(with_column("category_set", in_set, p.n_sets), "category set is out of range")
    refused(with_column("category_set", in_set, -1), "category set is out of range")
    refused(with_column("category_set", compare, 0), "compare has a category set")
    refused(with_column("set_offset", -1, 99), "category sets does not cover")
    refused(replace(forest, predicates=replace(p, missing=p.missing[1:])), "differ in length")
    offset = p.set_offset.copy()
    offset[1:-1] = p.set_offset[-1] + 1
    refused(replace(forest, predicates=replace(p, set_offset=offset)), "category sets decreases")


def one_tree(left: list[int], right: list[int]) -> Forest:
    """A Forest of a one-leaf tree, a tree with these children, and another one-leaf tree."""
    forest, n = build(Shape(n_trees=3, leaves=1)), len(left)
    assert isinstance(forest.trees, Trees)
    columns = np.zeros(n + 3, np.int32)
    trees = replace(
        forest.trees,
        node_offset=np.array([0, 0, n, n]),
        leaf_offset=np.array([0, 1, n + 2, n + 3]),
        predicate=np.zeros(n, np.int32),
        left=np.array(left, np.int32),
        right=np.array(right, np.int32),
        leaf_row=columns,
        leaf_id=columns,
    )
    return replace(forest, trees=trees)


def test_canonical_trees_pass() -> None:
    one_tree([~0], [~1]).check()
    one_tree([1, 2, ~0, ~3], [3, ~2, ~1, ~4]).check()
    one_tree([~0, ~1], [1, ~2]).check()
    one_tree([1, ~0], [~2, ~1]).check()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([~1], [~0]),  # leaves from right to left
        ([~0], [~0]),  # one leaf twice
        ([0], [~0]),  # itself
        ([~0, ~1], [0, ~2]),  # back to the root
        ([~0, ~1], [2, ~2]),  # a right child that is not there
        ([2, ~0], [~2, ~1]),  # a left child that is not there
        ([~0], [~2]),  # a leaf that is not there
        ([1, ~0], [1, ~1]),  # a shared child
        ([1, ~0, ~2, ~3], [2, 3, ~1, ~4]),  # right subtrees interleaved: local rules hold, preorder does not
        ([1, ~0, ~2], [2, ~1, ~2]),  # a leaf of two parents
        ([~0, ~1, ~2], [1, ~2, ~3]),  # a node that nothing leads to
        ([~0, ~0], [1, ~1]),
    ],
)
def test_trees_that_are_not_canonical_are_refused(left: list[int], right: list[int]) -> None:
    refused(one_tree(left, right), "place")


def test_tree_columns_that_do_not_fit(forest: Forest) -> None:
    t = forest.trees
    assert isinstance(t, Trees)

    def with_trees(**columns: Any) -> Forest:
        return replace(forest, trees=replace(t, **columns))

    refused(with_trees(node_offset=changed(t.node_offset, -1, t.n_nodes + 1)), "node offsets")
    refused(with_trees(leaf_offset=t.leaf_offset[:-1]), "leaf offsets")
    refused(with_trees(leaf_offset=changed(t.leaf_offset, 1, t.leaf_offset[1] + 1)), "must have n \\+ 1 leaves")
    refused(with_trees(predicate=changed(t.predicate, 0, len(forest.predicates))), "node's predicate")
    refused(with_trees(left=t.left[1:]), "child columns")
    refused(with_trees(leaf_row=changed(t.leaf_row, 0, len(forest.leaves.values))), "leaf's row")
    refused(with_trees(leaf_id=t.leaf_id[1:]), "leaf columns")
    refused(with_trees(column=changed(t.column, 0, 1)), "output columns")
    refused(with_trees(column=changed(t.column, 0, -1)), "output columns")
    refused(with_trees(column=t.column[1:]), "one output column per tree")
    refused(with_trees(weight=np.ones(2, np.float32)), "tree weights")
    refused(with_trees(weight=np.ones(3, np.int64)), "tree weights")
    refused(with_trees(node_count=np.ones(t.n_nodes + 1)), "node counts")
    refused(with_trees(leaf_count=np.ones(t.n_leaves + 1)), "leaf counts")
    refused(with_trees(iteration_offset=np.array([0, 2], np.int32)), "iteration boundaries")
    refused(with_trees(iteration_offset=np.array([0, 2, 1, 3], np.int32)), "iteration boundaries")


def test_oblivious_trees_that_do_not_fit(forest: Forest) -> None:
    t = as_oblivious(forest).trees
    assert isinstance(t, ObliviousTrees)
    refused(replace(forest, trees=replace(t, leaf_offset=np.array([0, 3, 5, 7]))), "2\\*\\*d leaves")
    refused(replace(forest, trees=replace(t, predicate=changed(t.predicate, 0, 99))), "level's predicate")
    refused(replace(forest, trees=replace(t, level_offset=np.array([0, 2, 2, 4]))), "level offsets")


def test_leaves_and_outputs_that_do_not_fit(forest: Forest) -> None:
    values = forest.leaves.values
    refused(replace(forest, leaves=Leaves(values[:, 0])), "float table")
    refused(replace(forest, leaves=Leaves(values.astype(np.int64))), "float table")
    refused(replace(forest, sum=replace(forest.sum, base=forest.sum.base.astype(np.float64))), "dtype of the sum")
    refused(replace(forest, sum=replace(forest.sum, base=np.zeros((1, 1), np.float32))), "list of columns")
    refused(replace(forest, outputs=Outputs(vector=True, groups=(2,))), "output groups")
    refused(replace(forest, outputs=Outputs(vector=True, label=LabelRule.ARGMAX)), "class labels")
    wide = build(replace(SHAPE, n_columns=2))
    refused(replace(wide, outputs=Outputs(vector=True)), "one column")


def test_linear_leaves_that_do_not_fit(forest: Forest) -> None:
    n = len(forest.leaves.values)
    refused(with_linear(forest, const=np.zeros(n - 1)), "linear leaves differ")
    refused(with_linear(forest, offset=np.arange(n)), "linear leaves differ")
    refused(with_linear(forest, coefficient=np.ones(n - 1)), "linear terms differ")
    refused(with_linear(forest, input=np.full(n, 3, np.int32)), "linear leaf's input")
    wide = build(replace(SHAPE, width=2, n_columns=2))
    refused(with_linear(wide), "one value")


def test_no_inputs_and_no_trees_is_a_forest() -> None:
    forest = build(Shape(n_trees=0))
    empty = Inputs(0, F32, np.zeros(0, np.int32))
    predicates = replace(
        forest.predicates,
        **{name: getattr(forest.predicates, name)[:0] for name in ("input", "test", "threshold", "missing")},
        **{name: getattr(forest.predicates, name)[:0] for name in ("missing_left", "category_set", "invalid_left")},
    )
    assert replace(forest, inputs=empty, predicates=predicates).check().trees.n_trees == 0
