"""Pairs: every leaf holds its walk, siblings lie side by side, and each leaf is found under its own number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from tests.property.forests import Shape, build, forests
from treec.errors import ScheduleError
from treec.frontends.base import Forest, Trees
from treec.passes.algo.packed import load_word
from treec.passes.algo.pairs import PairedTrees, pair_trees
from treec.passes.algo.ranks import rank_tables
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module


def column(paired: PairedTrees, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
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
        (("layout pairs",), "has thresholds that are ranks", "put `rank features` above it"),
        (("rank features at=row to=u8", "layout pairs predicates=table"), "keeps predicates in the nodes", "leave"),
    ],
)
def test_pairs_without_ranks_or_with_a_table_are_refused(lines: tuple[str, ...], message: str, fix: str) -> None:
    with pytest.raises(ScheduleError, match=message) as error:
        run_pipeline(
            forest_module(build(Shape())), pipeline_of(Schedule.from_text("\n".join([*lines, "walk with=scalar"])))
        )
    assert fix in str(error.value.fix)
    assert error.value.place is not None
