"""Packed records: what is packed can be read back, at every width, and what does not fit is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.property.forests import forests
from treec.errors import UnsupportedModelError
from treec.frontends.base import F32, F64, Forest, Missing, Predicates, Test, Trees
from treec.passes.algo.packed import (
    Records,
    first_leaves,
    load_word,
    make_records,
    narrow,
    pack_trees,
    predicate_kinds,
    preorder_leaf_ids,
    right_steps,
    threshold_bits,
    walk_columns,
)
from treec.treeir.interp.forest import leaf_indices
from treec.verify.compare import same
from treec.verify.rows import Domain, random_rows

ALIGNS = (1, 2, 4, 8)


def field(records: Records, name: str) -> NDArray[np.int64]:
    """A bit field of all records, decoded the long way round: bit by bit, in Python."""
    bits = records.fields[name]
    values = [int(word) >> bits.shift & ((1 << bits.width) - 1) for word in load_word(records.table)]
    return np.array([bits.base + value for value in values], np.int64)


@pytest.mark.parametrize("align", ALIGNS)
@pytest.mark.parametrize("word_bytes", range(1, 9))
@pytest.mark.parametrize("dtype", [None, F32, F64])
def test_columns_come_back_from_words_of_every_width(word_bytes: int, align: int, dtype: np.dtype[Any] | None) -> None:
    rng = np.random.default_rng(word_bytes)
    rest = 8 * word_bytes - 7
    columns = {
        "low": rng.integers(-3, 61, 50),
        "flag": rng.integers(0, 2, 50),
        "rest": rng.integers(0, 1 << min(rest, 62), 50),
    }
    columns["low"][:2], columns["flag"][:2], columns["rest"][:2] = (-3, 60), (0, 1), (0, (1 << rest) - 1)
    threshold = None if dtype is None else rng.normal(size=50).astype(dtype)
    records = make_records(threshold, columns, align)
    first = 0 if dtype is None else dtype.itemsize
    assert records.table.dtype.itemsize == -(-(first + word_bytes) // align) * align
    for name, column in columns.items():
        np.testing.assert_array_equal(field(records, name), column)
    if threshold is not None:
        assert same(records.table["threshold"], threshold).all()


@pytest.mark.parametrize("bits", [64, 65])
def test_more_than_64_bits_are_refused(bits: int) -> None:
    columns = {"a": np.array([0, 1 << 31]), "b": np.array([0, (1 << bits - 32) - 1])}
    if bits == 64:
        np.testing.assert_array_equal(field(make_records(None, columns, 1), "b"), columns["b"])
        return
    with pytest.raises(UnsupportedModelError, match="a node needs 65 bits beside its threshold, packed layout has 64"):
        make_records(None, columns, 1)


def test_a_constant_column_takes_no_bits() -> None:
    records = make_records(None, {"same": np.full(3, -7), "flag": np.array([0, 1, 0])}, 1)
    assert records.fields["same"].width == 0
    assert records.table.dtype.itemsize == 1
    np.testing.assert_array_equal(field(records, "same"), [-7, -7, -7])


def test_no_nodes_make_no_records() -> None:
    assert len(make_records(np.zeros(0, F32), {"step": np.zeros(0, np.int64)}, 4).table) == 0


@pytest.mark.parametrize(
    ("high", "dtype"),
    [(0, np.uint8), (255, np.uint8), (256, np.uint16), (65535, np.uint16), (65536, np.uint32), (1 << 32, np.uint64)],
)
def test_narrow_takes_the_smallest_dtype_that_holds_all(high: int, dtype: Any) -> None:
    values = np.array([0, high])
    assert narrow(values).dtype == dtype
    np.testing.assert_array_equal(narrow(values), values)


def leaves_below(trees: Trees, tree: int, child: int) -> list[int]:
    """Leaves of a subtree from left to right, by recursion."""
    if child < 0:
        return [~child]
    at = int(trees.node_offset[tree]) + child
    return leaves_below(trees, tree, int(trees.left[at])) + leaves_below(trees, tree, int(trees.right[at]))


def plain(forest: Forest) -> Trees:
    assert isinstance(forest.trees, Trees)
    return forest.trees


@given(forest=forests())
def test_steps_and_first_leaves_are_those_of_the_subtrees(forest: Forest) -> None:
    trees = plain(forest)
    steps, first = right_steps(trees), first_leaves(trees)
    for tree in range(trees.n_trees):
        for at in range(int(trees.node_offset[tree]), int(trees.node_offset[tree + 1])):
            left = leaves_below(trees, tree, int(trees.left[at]))
            assert steps[at] == len(left)
            assert first[at] == left[0]


def preorder(trees: Trees, tree: int, child: int, found: list[int]) -> list[int]:
    """Leaves and nodes in preorder; leaves as ``~leaf``."""
    found.append(child)
    if child >= 0:
        at = int(trees.node_offset[tree]) + child
        preorder(trees, tree, int(trees.left[at]), found)
        preorder(trees, tree, int(trees.right[at]), found)
    return found


@given(forest=forests())
def test_preorder_leaf_ids_count_nodes_and_leaves(forest: Forest) -> None:
    trees = plain(forest)
    ids = preorder_leaf_ids(trees, right_steps(trees))
    for tree in range(trees.n_trees):
        root = 0 if trees.node_offset[tree + 1] > trees.node_offset[tree] else ~0
        walked = preorder(trees, tree, root, [])
        expected = [walked.index(~leaf) for leaf in range(int(np.diff(trees.leaf_offset)[tree]))]
        begin, end = trees.leaf_offset[tree], trees.leaf_offset[tree + 1]
        if len(expected) > 1:
            assert ids[begin:end].tolist() == expected


def walk(packed: Any, kind_of: Predicates, values: NDArray[Any], tree: int, answer: Any) -> int:
    """The leaf (among all) that a walk over the records reaches; ``answer(record)`` says whether it goes left."""
    steps = field(packed.nodes, "step")
    node, end, lefts = int(packed.node_base[tree]), int(packed.node_base[tree + 1]), 0
    while node != end:
        right = node + int(steps[node])
        if answer(node):
            node, end, lefts = node + 1, right, lefts + 1
        else:
            node = right
    return node + tree - lefts


@given(forest=forests(), with_table=st.booleans(), align=st.sampled_from(ALIGNS))
def test_packed_trees_are_the_trees(forest: Forest, with_table: bool, align: int) -> None:
    trees, p = plain(forest), forest.predicates
    packed = pack_trees(p, trees, walk_columns(forest.inputs), with_table=with_table, align=align)
    asked = packed.nodes if packed.predicates is None else packed.predicates
    ids = np.arange(len(p)) if with_table else trees.predicate
    if with_table:
        np.testing.assert_array_equal(field(packed.nodes, "predicate"), trees.predicate)
    np.testing.assert_array_equal(field(packed.nodes, "step"), right_steps(trees))
    np.testing.assert_array_equal(field(asked, "feature"), walk_columns(forest.inputs)[p.input[ids]])
    left = p.missing_left & (p.missing != Missing.NONE)
    np.testing.assert_array_equal(field(asked, "missing_left"), left[ids])
    kinds = packed.kinds[field(asked, "kind")]
    np.testing.assert_array_equal(kinds[:, 0], p.test[ids])
    np.testing.assert_array_equal(kinds[:, 1], p.missing[ids])
    np.testing.assert_array_equal(kinds[:, 2], (p.invalid_left & (p.test == Test.IN_SET))[ids])
    raw = asked.table["threshold"].view(f"i{asked.table.dtype['threshold'].itemsize}")
    is_set = p.test[ids] == Test.IN_SET
    np.testing.assert_array_equal(raw[is_set], p.category_set[ids][is_set])
    assert same(asked.table["threshold"][~is_set], p.threshold[ids][~is_set]).all()
    rows = trees.leaf_row if packed.leaf_row is None else packed.leaf_row
    np.testing.assert_array_equal(rows, trees.leaf_row)
    columns = np.zeros(trees.n_trees) if packed.column is None else packed.column
    np.testing.assert_array_equal(columns, trees.column)
    sizes = [packed.nodes.table.nbytes, packed.node_base.nbytes, 0 if packed.predicates is None else asked.table.nbytes]
    tables = (packed.leaf_row, packed.leaf_id, packed.column)
    assert packed.nbytes == sum(sizes) + sum(table.nbytes for table in tables if table is not None)


@given(forest=forests(), seed=st.integers(0, 100))
def test_walks_over_records_reach_the_leaves_of_the_forest(forest: Forest, seed: int) -> None:
    trees = plain(forest)
    packed = pack_trees(forest.predicates, trees, walk_columns(forest.inputs), with_table=False, align=4)
    rows = random_rows(Domain(forest, forest.inputs.dtype), 3, seed)
    wanted = leaf_indices(forest, rows)
    for row in range(len(rows)):
        for tree in range(trees.n_trees):
            path = set(lefts_to(trees, tree, int(wanted[row, tree])))
            leaf = walk(packed, forest.predicates, rows[row], tree, path.__contains__)
            assert leaf - int(trees.leaf_offset[tree]) == wanted[row, tree]


def lefts_to(trees: Trees, tree: int, leaf: int) -> list[int]:
    """The nodes (among all) where the way to a leaf turns left."""
    base, child, turns = int(trees.node_offset[tree]), 0, list[int]()
    if trees.node_offset[tree + 1] == base:
        return []
    while child >= 0:
        left = int(trees.left[base + child])
        if leaf in leaves_below(trees, tree, left):
            turns.append(base + child)
            child = left
        else:
            child = int(trees.right[base + child])
    return turns


@given(forest=forests())
def test_kinds_are_distinct_and_sorted(forest: Forest) -> None:
    kinds, kind = predicate_kinds(forest.predicates)
    assert len(np.unique(kinds, axis=0)) == len(kinds)
    assert kinds.tolist() == sorted(kinds.tolist())
    assert set(kind.tolist()) == set(range(len(kinds)))


@pytest.mark.parametrize("dtype", [F32, F64])
def test_a_set_number_is_the_bits_of_its_threshold(dtype: np.dtype[Any]) -> None:
    predicates = Predicates(
        input=np.zeros(2, np.int32),
        test=np.array([Test.IN_SET, Test.LESS], np.uint8),
        threshold=np.array([0, -0.0], dtype),
        missing=np.zeros(2, np.uint8),
        missing_left=np.zeros(2, bool),
        category_set=np.array([41, -1], np.int32),
        invalid_left=np.zeros(2, bool),
        set_offset=np.zeros(43, np.int64),
        set_words=np.zeros(0, np.uint32),
    )
    bits = threshold_bits(predicates)
    assert bits.view(f"i{dtype.itemsize}")[0] == 41
    assert np.signbit(bits[1])
    assert bits[1] == 0
    assert predicates.threshold[0] == 0
