"""Leaves by selects are the leaves of walks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.property.forests import build, shapes
from treec.frontends.base import Trees
from treec.passes.algo.bitslice import BYTE_BITS, MOST_LEVELS, Cost, SlicedTrees, slice_sizes, slice_trees
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.lookups import MOST, REGISTER, cost_of, plane_bytes, plane_entries, planes_of


def leaf_by_selects(sliced: SlicedTrees, answers: NDArray[np.bool_], tree: int) -> int:
    slots = [*answers.tolist(), False, True]
    nodes = sliced.node[sliced.node_offset[tree] : sliced.node_offset[tree + 1]]
    if len(nodes):
        return int(sliced.leaf[sliced.code_offset[tree] + code_by_nodes(nodes, slots)])
    for condition, yes, no in sliced.select[sliced.select_offset[tree] : sliced.select_offset[tree + 1]]:
        slots.append(slots[yes] if slots[condition] else slots[no])
    bits = sliced.bits[sliced.bit_offset[tree] : sliced.bit_offset[tree + 1]]
    code = sum(int(slots[slot]) << at for at, slot in enumerate(bits))
    return int(sliced.leaf[sliced.code_offset[tree] + code])


def code_by_nodes(nodes: NDArray[np.int64], slots: list[bool]) -> int:
    """Down a full tree in preorder."""
    code = 0
    while len(nodes):
        half, answer = len(nodes) // 2, bool(slots[int(nodes[0])])
        code, nodes = 2 * code + answer, nodes[1 : 1 + half] if answer else nodes[1 + half :]
    return code


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
    cost = Cost(node=data.draw(st.sampled_from((0.0, 3.0, 50.0))), lookups=(1.0,) * data.draw(st.integers(0, 8)))
    cost = replace(cost, widths=data.draw(st.sampled_from(((), (4, 5), (2, 8)))))
    multiplex = data.draw(st.sampled_from(("auto", "none", "all")))
    deepest = int(leaf_depths(trees)[1].max(initial=0))
    if multiplex == "all" and deepest > MOST_LEVELS:
        with pytest.raises(ValueError, match="and a multiplexer at most 8"):
            slice_trees(trees, slot, n_slots, numbering, multiplex, cost)
        return
    sliced = slice_trees(trees, slot, n_slots, numbering, multiplex, cost)
    if (numbering, multiplex) == ("auto", "auto"):
        sizes = slice_sizes(trees, slot, n_slots, cost)
        np.testing.assert_array_equal(sizes.selects, np.diff(sliced.select_offset))
        np.testing.assert_array_equal(sizes.nodes, np.diff(sliced.node_offset))
        np.testing.assert_array_equal(sizes.bits, np.diff(sliced.bit_offset))
        assert sizes.n_slots == sliced.n_slots
    if multiplex != "auto":
        has_nodes = np.diff(trees.node_offset) > 0
        np.testing.assert_array_equal(np.diff(sliced.node_offset) > 0, has_nodes & (multiplex == "all"))
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
    sliced = slice_trees(trees, np.arange(trees.n_nodes), trees.n_nodes, "path", "none")
    assert len(sliced.select) == (1 << depth) - 1 - depth
    assert len(sliced.bits) == depth


@pytest.mark.parametrize("depth", range(1, 9))
def test_a_multiplexer_has_the_nodes_of_a_full_tree(depth: int) -> None:
    trees = full_trees(depth, 2)
    sliced = slice_trees(trees, np.arange(trees.n_nodes), trees.n_nodes, multiplex="all")
    np.testing.assert_array_equal(sliced.node, np.tile(np.arange((1 << depth) - 1), 2))  # preorder, as they were
    assert len(sliced.select) == 0


def test_a_full_tree_is_a_multiplexer_and_a_chain_is_not() -> None:
    full, chain = full_trees(8), full_trees(1)
    n = 6
    chain = replace(
        chain,
        node_offset=np.array([0, n]),
        leaf_offset=np.array([0, n + 1]),
        predicate=np.arange(n, dtype=np.int32),
        left=np.array([*range(1, n), ~n], np.int32),
        right=np.array([~k for k in range(n)], np.int32),
        leaf_row=np.arange(n + 1, dtype=np.int32),
        leaf_id=np.arange(n + 1, dtype=np.int32),
    )
    cost = cost_of("bytes", 4)
    assert len(slice_trees(full, np.arange(255), 255, cost=cost).node) == 255
    assert len(slice_trees(chain, np.arange(n), n, cost=cost).node) == 0


@given(data=st.data())
def test_planes_hold_every_byte_of_every_value(data: st.DataObject) -> None:
    lookup = data.draw(st.sampled_from(("permute", "bytes")))
    n_bits, dtype = data.draw(st.integers(0, MOST[lookup])), np.dtype(data.draw(st.sampled_from(("f4", "f8"))))
    values = np.random.default_rng(n_bits).random((3, 1 << n_bits)).astype(dtype)
    width = plane_bytes(lookup, n_bits)
    planes = planes_of(values, width)
    assert planes.shape[1] % REGISTER == 0
    entries = plane_entries(width, n_bits)
    parts = planes.reshape(3, dtype.itemsize // width, entries, width)[:, :, : 1 << n_bits]
    np.testing.assert_array_equal(np.ascontiguousarray(parts.transpose(0, 2, 1, 3)).reshape(3, -1).view(dtype), values)


def test_long_codes_are_gathered() -> None:
    assert [plane_bytes("bytes", n) for n in (5, 6, 8, 9)] == [4, 1, 1, 0]
    assert [plane_bytes("permute", n) for n in (5, 7, 8)] == [4, 4, 0]
    assert plane_bytes("gather", 1) == 0
    for itemsize in (4, 8):
        cost = cost_of("bytes", itemsize)
        assert cost.lookup(np.array([9]))[0] == cost.gather > cost.lookup(np.array([8]))[0]


def test_a_tree_of_one_leaf_has_one_code_and_no_bits() -> None:
    sliced = slice_trees(full_trees(0, 2), np.zeros(0, np.int64), 0)
    np.testing.assert_array_equal(sliced.leaf, [0, 1])
    assert len(sliced.bits) == len(sliced.select) == 0


def test_more_leaves_than_codes_are_refused_by_tree() -> None:
    with pytest.raises(ValueError, match="tree 0 has 8,192 leaves"):
        slice_trees(full_trees(13), np.arange((1 << 13) - 1), (1 << 13) - 1)
