"""Bringing any library's node arrays into canonical order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from treec.errors import ModelError
from treec.frontends.base import F32, Forest, Inputs, Leaves, Outputs, Predicates, SumRule, Trees
from treec.frontends.canonical import CanonicalOrder, canonical_order

I64 = NDArray[np.int64]


def order(*trees: tuple[list[int], list[int]]) -> CanonicalOrder:
    offset = np.concatenate([[0], np.cumsum([len(left) for left, _ in trees], dtype=np.int64)])
    left, right = (np.array([child for tree in trees for child in tree[side]], np.int64) for side in (0, 1))
    return canonical_order(offset, left, right, place="m.json")


def checked(found: CanonicalOrder) -> None:
    """`Forest.check` proves the order of nodes and leaves."""
    n, n_leaves, n_trees = len(found.left), len(found.leaf_source), len(found.node_offset) - 1
    numbers = np.zeros(n_leaves, np.int32)
    predicates = Predicates(
        input=np.zeros(1, np.int32),
        test=np.zeros(1, np.uint8),
        threshold=np.zeros(1, np.float32),
        missing=np.zeros(1, np.uint8),
        missing_left=np.zeros(1, bool),
        category_set=np.full(1, -1, np.int32),
        invalid_left=np.zeros(1, bool),
        set_offset=np.zeros(1, np.int64),
        set_words=np.zeros(0, np.uint32),
    )
    trees = Trees(
        node_offset=found.node_offset,
        leaf_offset=found.leaf_offset,
        predicate=np.zeros(n, np.int32),
        left=found.left,
        right=found.right,
        leaf_row=numbers,
        leaf_id=numbers,
        column=np.zeros(n_trees, np.int32),
        iteration_offset=np.arange(n_trees + 1, dtype=np.int32),
    )
    total = SumRule(F32, np.zeros(1, np.float32))
    inputs = Inputs(1, F32, np.zeros(1, np.int32))
    Forest(inputs, predicates, trees, Leaves(np.zeros((1, 1), np.float32)), total, Outputs(vector=True)).check()


def paths(offset: I64, left: I64, right: I64, tree: int) -> list[str]:
    """The entries of a tree in depth-first order, each with the way to it: ``LR:5``."""
    base, found = int(offset[tree]), list[str]()

    def visit(entry: int, way: str) -> None:
        found.append(f"{way}:{entry}")
        if left[base + entry] >= 0:
            visit(int(left[base + entry]), way + "L")
            visit(int(right[base + entry]), way + "R")

    visit(0, "")
    return found


def canonical_paths(found: CanonicalOrder, offset: I64, tree: int) -> list[str]:
    """The same read off the canonical columns, through ``node_source`` and ``leaf_source``."""
    at, leaf_at, start = int(found.node_offset[tree]), int(found.leaf_offset[tree]), int(offset[tree])
    result: list[str] = []

    def visit(child: int, way: str) -> None:
        source = found.node_source[at + child] if child >= 0 else found.leaf_source[leaf_at + ~child]
        result.append(f"{way}:{int(source) - start}")
        if child >= 0:
            visit(int(found.left[at + child]), way + "L")
            visit(int(found.right[at + child]), way + "R")

    visit(0 if found.node_offset[tree + 1] > at else ~0, "")
    return result


@st.composite
def library_trees(draw: st.DrawFn) -> tuple[I64, I64, I64]:
    """Trees whose nodes lie in any order after the root, with unreachable entries between them."""
    parts: list[tuple[I64, I64]] = []
    for _ in range(draw(st.integers(0, 4))):
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        n_leaves, spare = int(rng.integers(1, 12)), int(rng.integers(0, 3))
        size = 2 * n_leaves - 1 + spare
        place = np.concatenate([[0], 1 + rng.permutation(size - 1)])
        left, right = np.full(size, -1), np.full(size, -1)
        leaves = [0]
        for step in range(n_leaves - 1):
            node = leaves.pop(int(rng.integers(len(leaves))))
            pair = [2 * step + 1, 2 * step + 2]
            left[place[node]], right[place[node]] = place[pair]
            leaves += pair
        parts.append((left, right))
    offset = np.concatenate([[0], np.cumsum([len(left) for left, _ in parts], dtype=np.int64)])
    left, right = (np.concatenate([np.zeros(0, np.int64), *(part[side] for part in parts)]) for side in (0, 1))
    return offset, left, right


@given(trees=library_trees())
def test_order_keeps_every_path_and_is_canonical(trees: tuple[I64, I64, I64]) -> None:
    offset, left, right = trees
    found = canonical_order(offset, left, right)
    for tree in range(len(offset) - 1):
        assert canonical_paths(found, offset, tree) == paths(offset, left, right, tree)
    checked(found)


def test_left_comes_before_right_and_leaves_are_apart() -> None:
    found = order(([2, -1, 4, -1, -1], [1, -1, 3, -1, -1]))  # 0 → (2 → (4, 3), 1)
    assert found.left.tolist() == [1, ~0]
    assert found.right.tolist() == [~2, ~1]
    assert found.node_source.tolist() == [0, 2]
    assert found.leaf_source.tolist() == [4, 3, 1]


def test_a_tree_of_one_leaf_has_no_node() -> None:
    found = order(([-1], [-1]), ([1, -1, -1], [2, -1, -1]), ([-1], [-1]))
    assert found.node_offset.tolist() == [0, 0, 1, 1]
    assert found.leaf_offset.tolist() == [0, 1, 3, 4]
    assert found.leaf_source.tolist() == [0, 2, 3, 4]
    checked(found)


def test_no_trees_at_all() -> None:
    found = order()
    assert found.node_offset.tolist() == found.leaf_offset.tolist() == [0]


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ([1, -1], [-1, -1], "tree 1: node 0 has one child"),
        ([1, -1, -1], [3, -1, -1], "tree 1: node 0 has a child that does not exist"),
        ([1, -1, -1], [1, -1, -1], "tree 1: node 1 has two parents"),
        ([1, 3, 3, -1, -1], [2, 4, 4, -1, -1], "tree 1: node 3 has two parents"),
        ([1, 0, -1, -1], [2, 3, -1, -1], "tree 1: node 0 has two parents"),
        ([1, 1, -1, -1], [2, 3, -1, -1], "tree 1: node 1 has two parents"),
        ([0, -1], [1, -1], "tree 1: node 0 has two parents"),
        ([], [], "tree 1 has no nodes"),
    ],
)
def test_what_is_no_tree_is_refused_with_its_place(left: list[int], right: list[int], message: str) -> None:
    with pytest.raises(ModelError, match=message) as error:
        order(([1, -1, -1], [2, -1, -1]), (left, right))
    assert error.value.place == "m.json"


def test_a_cycle_that_no_root_leads_to_is_dropped_like_any_unreachable_node() -> None:
    found = order(([-1, 2, 1], [-1, 2, 1]))
    assert found.leaf_source.tolist() == [0]


def test_a_chain_as_deep_as_it_is_large() -> None:
    n = 2000
    left = np.concatenate([np.arange(1, 2 * n, 2), [-1], np.full(n, -1)])
    entries = np.full(2 * n + 1, -1)
    entries[0 : 2 * n : 2] = left[:n]
    right = np.full(2 * n + 1, -1)
    right[0 : 2 * n : 2] = np.arange(2, 2 * n + 1, 2)
    found = canonical_order(np.array([0, 2 * n + 1]), entries, right)
    assert found.left.tolist() == [~leaf for leaf in range(n)]
    assert found.right.tolist() == [*range(1, n), ~n]
    checked(found)
