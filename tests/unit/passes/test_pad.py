"""Padding brings leaves to one depth and changes no answer; what would grow too much is refused by tree and factor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from xdsl.context import Context

from tests.property.forests import Shape, build, forests
from treec.errors import ScheduleError
from treec.frontends.base import Forest, Trees
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.pad import pad_trees
from treec.passes.forest.pad_trees import PadTreesPass
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_module, forest_of
from treec.treeir.interp.forest import leaf_ids, leaf_indices, raw
from treec.verify.rows import Domain, random_rows


def padded(forest: Forest, extra: int) -> Forest:
    trees = shape_of(forest)
    _, deepest = leaf_depths(trees)
    return replace(forest, trees=pad_trees(trees, deepest + extra)).check()


def shape_of(forest: Forest) -> Trees:
    assert isinstance(forest.trees, Trees)
    return forest.trees


@given(forest=forests(max_leaves=9))
def test_padding_changes_no_answer(forest: Forest) -> None:
    rows = random_rows(Domain(forest, forest.inputs.dtype), 50, 1)
    for extra in (0, 2):
        new = padded(forest, extra)
        shallowest, deepest = leaf_depths(shape_of(new))
        np.testing.assert_array_equal(shallowest, deepest)
        np.testing.assert_array_equal(leaf_ids(new, rows), leaf_ids(forest, rows))
        np.testing.assert_array_equal(raw(new, rows), raw(forest, rows))


def test_counts_of_padded_trees_are_those_of_the_rows_that_come_there() -> None:
    forest = build(Shape(n_trees=4, leaves=9, seed=3))
    rows = random_rows(Domain(forest, forest.inputs.dtype), 500, 7)
    new = padded(counted(forest, rows), 1)
    found, wanted = shape_of(new), shape_of(counted(new, rows))
    several = np.repeat(np.diff(shape_of(forest).node_offset) > 0, np.diff(found.leaf_offset))
    assert found.leaf_count is not None
    assert wanted.leaf_count is not None
    np.testing.assert_array_equal(found.leaf_count[several], wanted.leaf_count[several])


def counted(forest: Forest, rows: np.ndarray) -> Forest:  # pyright: ignore[reportMissingTypeArgument, reportUnknownParameterType]
    trees = shape_of(forest)
    leaf = leaf_indices(forest, rows) + trees.leaf_offset[:-1]  # pyright: ignore[reportUnknownArgumentType]
    leaf_count = np.bincount(leaf.reshape(-1), minlength=trees.n_leaves).astype(np.float64)
    return replace(forest, trees=replace(trees, leaf_count=leaf_count, node_count=np.zeros(trees.n_nodes)))


def test_too_much_padding_is_refused_with_tree_and_factor() -> None:
    module = forest_module(build(Shape(n_trees=3, leaves=40, seed=1)))
    with pytest.raises(ScheduleError, match=r"padding tree \d \(\d+ leaves, depth \d+\) makes it .* times") as caught:
        PadTreesPass(limit=1).apply(Context(), module)
    assert caught.value.fix is not None
    assert "limit=" in caught.value.fix
    before = forest_of(only_model(module)).trees
    assert isinstance(before, Trees)
    assert before.n_nodes == shape_of(build(Shape(n_trees=3, leaves=40, seed=1))).n_nodes


def test_a_forest_of_too_many_nodes_is_refused_before_it_is_made() -> None:
    n = 70  # a chain of right children
    chain = build(Shape(n_trees=1, leaves=2, seed=1))
    trees = replace(
        shape_of(chain),
        node_offset=np.array([0, n]),
        leaf_offset=np.array([0, n + 1]),
        predicate=np.zeros(n, np.int32),
        left=~np.arange(n, dtype=np.int32),
        right=np.append(np.arange(1, n), ~n).astype(np.int32),
        leaf_row=np.zeros(n + 1, np.int32),
        leaf_id=np.arange(n + 1, dtype=np.int32),
    )
    module = forest_module(replace(chain, trees=trees).check())
    with pytest.raises(ScheduleError, match=r"padding tree 0 \(71 leaves, depth 70\)"):
        PadTreesPass(limit=2**31 - 1).apply(Context(), module)
