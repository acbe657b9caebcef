"""Pairs: every leaf holds its walk, siblings lie side by side, and each leaf is found under its own number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from tests.property.forests import Shape, build, forests
from treec.errors import ScheduleError
from treec.frontends.base import Forest, Test, Trees
from treec.passes.algo.packed import load_word, walk_columns
from treec.passes.algo.pairs import PairedTrees, ValuePairs, pair_trees, pair_values
from treec.passes.algo.ranks import rank_tables
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module


def column(paired: PairedTrees | ValuePairs, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    field = paired.nodes.fields[name]
    mask = np.uint64((1 << field.width) - 1)
    word = load_word(paired.nodes.table)
    return ((word >> np.uint64(min(field.shift, 63))) & mask).astype(np.int64) + field.base


def paired_of(forest: Forest, align: int = 4) -> tuple[PairedTrees, Trees]:
    assert isinstance(forest.trees, Trees)
    return pair_trees(rank_tables(forest.predicates), forest.trees, align=align), forest.trees


@given(forest=forests())
def test_leaves_stay_and_nodes_lead_to_their_children(forest: Forest) -> None:
    paired, trees = paired_of(forest)
    delta, threshold = column(paired, "delta"), column(paired, "threshold")
    for tree in range(trees.n_trees):
        base, leaf_base = int(paired.base[tree]), int(trees.leaf_offset[tree])
        assert (base + tree) // 2 == leaf_base
        open_ = [(base, 0 if trees.node_offset[tree] < trees.node_offset[tree + 1] else ~0)]
        seen = 0
        while open_:
            position, child = open_.pop()
            seen += 1
            if child < 0:
                assert delta[position] == 0
                assert threshold[position] == ~child
                continue
            left = position + int(delta[position])
            assert delta[position] > 0
            node = int(trees.node_offset[tree]) + child
            open_ += [(left, int(trees.left[node])), (left + 1, int(trees.right[node]))]
        assert seen == int(paired.base[tree + 1]) - base


def test_a_leaf_reads_the_view_behind_all_others() -> None:
    forest = build(Shape(n_trees=4, seed=5))
    paired, _ = paired_of(forest)
    n_views = len(rank_tables(forest.predicates).view_rank)
    np.testing.assert_array_equal(column(paired, "feature") == n_views, column(paired, "delta") == 0)


@pytest.mark.parametrize(("align", "size"), [(1, 1), (4, 4), (8, 8)])
def test_records_are_as_small_as_the_model_allows(align: int, size: int) -> None:
    forest = build(Shape(n_trees=2, leaves=6, n_predicates=6, seed=1))
    assert paired_of(forest, align)[0].nodes.table.dtype.itemsize == size


@pytest.mark.parametrize(
    ("lines", "message", "fix"),
    [
        (("layout pairs predicates=table",), "keeps predicates in the nodes", "leave"),
        (("rank features at=row to=u8", "layout pairs predicates=table"), "keeps predicates in the nodes", "leave"),
    ],
)
def test_pairs_with_a_table_are_refused(lines: tuple[str, ...], message: str, fix: str) -> None:
    with pytest.raises(ScheduleError, match=message) as error:
        run_pipeline(
            forest_module(build(Shape())), pipeline_of(Schedule.from_text("\n".join([*lines, "walk with=scalar"])))
        )
    assert fix in str(error.value.fix)
    assert error.value.place is not None


@given(forest=forests())
def test_pairs_about_values_lead_to_children_and_leaves_answer_false(forest: Forest) -> None:
    assert isinstance(forest.trees, Trees)
    trees = forest.trees
    paired = pair_values(forest.predicates, walk_columns(forest.inputs), trees, align=4)
    right, threshold = column(paired, "right"), paired.nodes.table["threshold"]
    tests = paired.kinds[column(paired, "kind"), 0]
    for tree in range(trees.n_trees):
        base = int(paired.base[tree])
        open_ = [(base, 0 if trees.node_offset[tree] < trees.node_offset[tree + 1] else ~0, 0)]
        seen, deepest = 0, 0
        while open_:
            position, child, depth = open_.pop()
            seen, deepest = seen + 1, max(deepest, depth)
            if child < 0:
                leaf = int(trees.leaf_offset[tree]) + ~child
                assert right[position] == 0
                assert np.isnan(threshold[position])
                assert tests[position] != Test.IN_SET
                assert not column(paired, "missing_left")[position]
                assert (paired.leaf_row[position], paired.leaf_id[position]) == (trees.leaf_row[leaf], trees.leaf_id[leaf])
                continue
            assert right[position] >= 2
            other = position + int(right[position])
            node = int(trees.node_offset[tree]) + child
            inverted = trees.inverted is not None and bool(trees.inverted[node])
            children = [int(trees.left[node]), int(trees.right[node])]
            after_true, after_false = children[::-1] if inverted else children
            open_ += [(other - 1, after_true, depth + 1), (other, after_false, depth + 1)]
        assert seen == int(paired.base[tree + 1]) - base
        assert paired.depth[tree] == deepest


def test_pairs_about_values_lie_level_by_level() -> None:
    forest = build(Shape(n_trees=1, leaves=16, seed=3))
    assert isinstance(forest.trees, Trees)
    paired = pair_values(forest.predicates, walk_columns(forest.inputs), forest.trees, align=8)
    right = column(paired, "right")
    depth = np.zeros(len(right), int)
    for position in np.flatnonzero(right):
        depth[position + right[position] - 1 : position + right[position] + 1] = depth[position] + 1
    assert (np.diff(depth) >= 0).all()
