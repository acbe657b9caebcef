"""The path matrix: whatever predicates answer, the byte of the leaf that a walk finds has its highest bit, and no other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from treec.passes.algo.path_matrix import LEAVES_MOST, path_matrix


@st.composite
def packed_trees(draw: st.DrawFn) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First nodes, and steps to the right, of trees of any shape."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    sizes = draw(st.lists(st.integers(0, LEAVES_MOST - 1), min_size=0, max_size=4))
    lean = draw(st.sampled_from(("any", "left", "right")))
    steps: list[int] = []
    for size in sizes:
        open_ = [size]
        while open_:
            nodes = open_.pop()
            if not nodes:
                continue
            left = {"any": int(rng.integers(0, nodes)), "left": nodes - 1, "right": 0}[lean]
            steps.append(left + 1)
            open_ += [nodes - 1 - left, left]
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), np.array(steps, np.int64)


def walk(first: int, last: int, step: NDArray[np.int64], left: NDArray[np.bool_]) -> tuple[int, int]:
    """The leaf's number in the tree, and left turns."""
    node, end, lefts = first, last, 0
    while node != end:
        right = node + int(step[node])
        node, end, lefts = (node + 1, right, lefts + 1) if left[node] else (right, end, lefts)
    return node - first - lefts, lefts


@given(trees=packed_trees(), data=st.data())
def test_one_byte_has_its_highest_bit(trees: Any, data: st.DataObject) -> None:
    base, step = trees
    made = path_matrix(base, step)
    assert len(made.lefts) == len(step) + len(base) - 1
    left = np.random.default_rng(data.draw(st.integers(0, 1000))).random(len(step)) < data.draw(
        st.sampled_from((0.1, 0.5, 0.9))
    )
    for tree, (first, last) in enumerate(zip(base[:-1].tolist(), base[1:].tolist(), strict=True)):
        words = made.start[tree] + left[first:last].astype(np.uint32) @ made.path[first:last]
        leaf, lefts = walk(first, last, step, left)
        assert np.flatnonzero(words.astype("<u4").view(np.uint8) >= 128).tolist() == [leaf]
        assert made.lefts[first + tree + leaf] == lefts


def test_a_tree_of_one_node() -> None:
    made = path_matrix(np.array([0, 1]), np.array([1]))
    assert made.path.tolist() == [[1 - 256 + (1 << 32)]]
    assert made.start.tolist() == [[127 + (128 << 8)]]
    assert made.lefts.tolist() == [1, 0]


def test_too_many_leaves_are_refused_by_number() -> None:
    step = np.ones(LEAVES_MOST, np.int64)
    assert path_matrix(np.array([0, LEAVES_MOST - 1]), step[1:]).path.shape == (LEAVES_MOST - 1, LEAVES_MOST // 4)
    with pytest.raises(ValueError, match="tree 1 has 129 leaves, 1 more than the 128"):
        path_matrix(np.array([0, 0, LEAVES_MOST]), step)
