"""The likelier child goes left: the same answers, in canonical preorder; counts come from the model or from rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.context import Context

from tests.property.forests import Shape, build, forests
from treec.errors import InputError, ScheduleError, UsageError
from treec.frontends.base import Forest, Trees
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.pad import pad_trees
from treec.passes.algo.profile import with_counts
from treec.passes.algo.swap import colder_left, leaf_ends, swap_children
from treec.passes.forest.swap_children import SwapChildrenPass
from treec.profile import profiled
from treec.treeir.forest_convert import forest_module
from treec.treeir.interp.forest import leaf_ids, raw
from treec.verify.rows import Domain, random_rows


def trees_of(forest: Forest) -> Trees:
    assert isinstance(forest.trees, Trees)
    return forest.trees


def swapped(forest: Forest, swap: NDArray[np.bool_]) -> Forest:
    return replace(forest, trees=swap_children(trees_of(forest), swap)).check()


def some_rows(forest: Forest, n: int = 60) -> NDArray[Any]:
    return random_rows(Domain(forest, forest.inputs.dtype), n, 1)


@given(forest=forests(), seed=st.integers(0, 99))
def test_swapping_any_nodes_changes_no_answer_and_twice_changes_nothing(forest: Forest, seed: int) -> None:
    old, rows = trees_of(forest), some_rows(forest)
    swap = np.random.default_rng(seed).random(old.n_nodes) < 0.5
    new = swapped(forest, swap)
    np.testing.assert_array_equal(leaf_ids(new, rows), leaf_ids(forest, rows))
    np.testing.assert_array_equal(raw(new, rows), raw(forest, rows))
    inverted = trees_of(new).inverted
    assert int(swap.sum()) == (0 if inverted is None else int(inverted.sum()))
    if inverted is not None:
        back = trees_of(swapped(new, inverted))
        assert back.inverted is None
        for name in ("left", "right", "predicate", "leaf_row", "leaf_id"):
            np.testing.assert_array_equal(getattr(back, name), getattr(old, name))


@given(forest=forests())
def test_the_left_child_is_never_colder_after_the_pass(forest: Forest) -> None:
    old = trees_of(profiled(forest, some_rows(forest)).forest)
    assert old.node_count is not None
    assert old.leaf_count is not None
    new = swap_children(old, colder_left(old, old.node_count, old.leaf_count))
    assert new.node_count is not None
    assert new.leaf_count is not None
    assert not colder_left(new, new.node_count, new.leaf_count).any()
    recounted = with_counts(new, new.leaf_count)
    np.testing.assert_array_equal(recounted.node_count, new.node_count)


@given(forest=forests(max_leaves=7), seed=st.integers(0, 99))
def test_padding_keeps_inverted_answers(forest: Forest, seed: int) -> None:
    rows = some_rows(forest)
    new = swapped(forest, np.random.default_rng(seed).random(trees_of(forest).n_nodes) < 0.5)
    padded = replace(new, trees=pad_trees(trees_of(new), leaf_depths(trees_of(new))[1] + 1)).check()
    np.testing.assert_array_equal(leaf_ids(padded, rows), leaf_ids(forest, rows))


def test_leaf_ranges_of_a_tree_drawn_by_hand() -> None:
    """0 has 1 and 3; 1 has leaf 0 and 2; 2 has leaves 1, 2; 3 has leaves 3, 4."""
    trees = trees_of(build(Shape(n_trees=1, leaves=1, seed=0)))
    trees = replace(
        trees,
        node_offset=np.array([0, 4]),
        leaf_offset=np.array([0, 5]),
        predicate=np.zeros(4, np.int32),
        left=np.array([1, ~0, ~1, ~3], np.int32),
        right=np.array([3, 2, ~2, ~4], np.int32),
        leaf_row=np.zeros(5, np.int32),
        leaf_id=np.arange(5, dtype=np.int32),
    )
    first, end = leaf_ends(trees)
    np.testing.assert_array_equal(first, [0, 0, 1, 3])
    np.testing.assert_array_equal(end, [5, 3, 3, 5])
    new = swap_children(trees, np.array([True, False, True, False]))
    np.testing.assert_array_equal(new.leaf_id, [3, 4, 0, 2, 1])
    np.testing.assert_array_equal(new.left, [1, ~0, ~2, ~3])
    np.testing.assert_array_equal(new.right, [2, ~1, 3, ~4])


def test_a_model_without_counts_is_refused_with_the_option_that_helps() -> None:
    with pytest.raises(ScheduleError, match="no counts") as caught:
        SwapChildrenPass().apply(Context(), forest_module(build(Shape())))
    assert caught.value.fix is not None
    assert "--profile" in caught.value.fix


def test_a_profile_counts_each_row_once_per_tree(tmp_path: Path) -> None:
    forest = build(Shape(n_trees=3, leaves=6, seed=4))
    rows = some_rows(forest, 5000)
    np.save(tmp_path / "rows.npy", rows)
    found = profiled(forest, tmp_path / "rows.npy")
    assert found.facts() == {"rows": 5000, "sha256": profiled(forest, np.asfortranarray(rows)).digest}
    trees = trees_of(found.forest)
    assert trees.leaf_count is not None
    np.testing.assert_array_equal(np.add.reduceat(trees.leaf_count, trees.leaf_offset[:-1]), 5000)


def test_bad_profiles_are_refused(tmp_path: Path) -> None:
    forest = build(Shape())
    (tmp_path / "text.npy").write_text("rows")
    for profile, error in (
        (tmp_path / "absent.npy", UsageError),
        (tmp_path / "text.npy", UsageError),
        (np.zeros((0, 3)), InputError),
        (np.zeros((4, 7)), InputError),
        (np.array([["a"]]), InputError),
    ):
        with pytest.raises(error):
            profiled(forest, profile)
