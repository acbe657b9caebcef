"""Leaves by selects are the leaves of walks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.property.forests import build, shapes
from treec.frontends.base import Trees
from treec.passes.algo.bitslice import BYTE_BITS, Cost, SlicedTrees, slice_trees


def leaf_by_selects(sliced: SlicedTrees, answers: NDArray[np.bool_], tree: int) -> int:
    slots = [*answers.tolist(), False, True]
    for condition, yes, no in sliced.select[sliced.select_offset[tree] : sliced.select_offset[tree + 1]]:
        slots.append(slots[yes] if slots[condition] else slots[no])
    bits = sliced.bits[sliced.bit_offset[tree] : sliced.bit_offset[tree + 1]]
    code = sum(int(slots[slot]) << at for at, slot in enumerate(bits))
    return int(sliced.leaf[sliced.code_offset[tree] + code])


def leaf_by_walk(trees: Trees, slot: NDArray[np.int64], answers: NDArray[np.bool_], tree: int) -> int:
    base, at = int(trees.node_offset[tree]), 0
    if trees.node_offset[tree + 1] == base:
        return int(trees.leaf_offset[tree])
    while at >= 0:
        left = bool(answers[slot[trees.predicate[base + at]]])
        if trees.inverted is not None and trees.inverted[base + at]:
            left = not left
        at = int((trees.left if left else trees.right)[base + at])
    return int(trees.leaf_offset[tree]) + ~at


@pytest.mark.parametrize("numbering", ["path", "index", "auto"])
@given(shape=shapes(max_trees=4, max_leaves=40), data=st.data())
def test_selects_find_the_leaf_that_a_walk_finds(numbering: str, shape: Any, data: st.DataObject) -> None:
    forest = build(shape)
    trees = forest.trees
    assert isinstance(trees, Trees)
    rng = np.random.default_rng(data.draw(st.integers(0, 100)))
    n_slots = data.draw(st.integers(1, 9))
    slot = rng.integers(0, n_slots, len(forest.predicates))
    permuted = data.draw(st.integers(0, 8))
    sliced = slice_trees(trees, slot, n_slots, numbering, Cost(permuted=permuted))
    assert np.diff(sliced.bit_offset).max(initial=0) <= BYTE_BITS
    for _ in range(5):
        answers = rng.random(n_slots) < 0.5
        for tree in range(trees.n_trees):
            assert leaf_by_selects(sliced, answers, tree) == leaf_by_walk(trees, slot, answers, tree)


def full_trees(depth: int, n_trees: int = 1) -> Trees:
    """Complete trees in preorder, a predicate of its own per node."""

    def grow(level: int) -> tuple[list[int], list[int], int]:
        if level == 0:
            return [], [], 1
        below_left, below_right, leaves = grow(level - 1)
        size = len(below_left)
        inner = size > 0
        left = [1 if inner else ~0, *(c + 1 if c >= 0 else c for c in below_left)]
        right = [1 + size if inner else ~leaves, *(c + 1 if c >= 0 else c for c in below_right)]
        left += [c + 1 + size if c >= 0 else c - leaves for c in below_left]
        right += [c + 1 + size if c >= 0 else c - leaves for c in below_right]
        return left, right, 2 * leaves

    left, right, leaves = grow(depth)
    n = len(left)
    return Trees(
        node_offset=np.arange(n_trees + 1) * n,
        leaf_offset=np.arange(n_trees + 1) * leaves,
        predicate=np.tile(np.arange(n, dtype=np.int32), n_trees),
        left=np.tile(np.array(left, np.int32), n_trees),
        right=np.tile(np.array(right, np.int32), n_trees),
        leaf_row=np.arange(leaves * n_trees, dtype=np.int32),
        leaf_id=np.tile(np.arange(leaves, dtype=np.int32), n_trees),
        column=np.zeros(n_trees, np.int32),
        iteration_offset=np.arange(n_trees + 1, dtype=np.int32),
    )


@pytest.mark.parametrize("depth", range(1, 9))
def test_a_full_tree_takes_a_select_per_node_that_is_no_path_s_own(depth: int) -> None:
    trees = full_trees(depth)
    sliced = slice_trees(trees, np.arange(trees.n_nodes), trees.n_nodes, "path")
    assert len(sliced.select) == (1 << depth) - 1 - depth
    assert len(sliced.bits) == depth


def test_a_tree_of_one_leaf_has_one_code_and_no_bits() -> None:
    sliced = slice_trees(full_trees(0, 2), np.zeros(0, np.int64), 0)
    np.testing.assert_array_equal(sliced.leaf, [0, 1])
    assert len(sliced.bits) == len(sliced.select) == 0


def test_more_leaves_than_codes_are_refused_by_tree() -> None:
    with pytest.raises(ValueError, match="tree 0 has 8,192 leaves"):
        slice_trees(full_trees(13), np.arange((1 << 13) - 1), (1 << 13) - 1)
