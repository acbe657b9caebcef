"""Trees may be stored in another order: they keep their numbers, and so answers, leaf ids and ranges of trees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.forests import Shape, build, forests
from treec.errors import ModelError, ScheduleError
from treec.frontends.base import Forest, Trees
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.order_trees import (
    order_by_depth,
    order_by_similarity,
    order_by_size,
    reorder_trees,
    signatures,
)
from treec.passes.loop import held_sums
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.interp.forest import leaf_ids, raw
from treec.verify.compare import same
from treec.verify.rows import Domain, random_rows

FOREST = build(Shape(n_trees=6, leaves=8, seed=2))
BLOCKS = "split row into=(block, row) by=64\norder block, tree, row\n"


def trees_of(forest: Forest) -> Trees:
    assert isinstance(forest.trees, Trees)
    return forest.trees


def compile_loops(lines: str, forest: Forest = FOREST) -> None:
    run_pipeline(forest_module(forest), pipeline_of(Schedule.from_text(lines)))


@given(forest=forests(), seed=st.integers(0, 99), data=st.data())
def test_any_order_leaves_the_answers_of_every_range_of_trees(forest: Forest, seed: int, data: st.DataObject) -> None:
    old = trees_of(forest)
    places = np.random.default_rng(seed).permutation(old.n_trees)
    new = replace(forest, trees=reorder_trees(old, places)).check()
    rows = random_rows(Domain(forest, forest.inputs.dtype), 30, seed)
    begin = data.draw(st.integers(0, old.n_trees))
    end = data.draw(st.integers(begin, old.n_trees))
    assert same(raw(new, rows, begin, end), raw(forest, rows, begin, end)).all()
    np.testing.assert_array_equal(leaf_ids(new, rows, begin, end), leaf_ids(forest, rows, begin, end))


@given(forest=forests(), seed=st.integers(0, 99))
def test_going_back_to_the_first_order_gives_the_first_columns(forest: Forest, seed: int) -> None:
    old = trees_of(forest)
    new = reorder_trees(old, np.random.default_rng(seed).permutation(old.n_trees))
    back = reorder_trees(new, new.places())
    assert back.order is None
    for name, column in vars(old).items():
        np.testing.assert_array_equal(getattr(back, name), column)


def test_orders_ascend_and_equal_trees_stay_in_order() -> None:
    trees = trees_of(FOREST)
    _, deepest = leaf_depths(trees)
    sizes = np.diff(trees.node_offset)
    for key, places in ((deepest, order_by_depth(trees)), (sizes, order_by_size(trees))):
        pairs = list(zip(key[places].tolist(), places.tolist(), strict=True))
        assert pairs == sorted(pairs)
    seen = [tuple(row) for row in signatures(trees, FOREST.predicates).tolist()]
    places = order_by_similarity(trees, FOREST.predicates)
    assert [(seen[p], p) for p in places] == sorted((s, at) for at, s in enumerate(seen))


def test_a_signature_is_the_inputs_of_three_levels() -> None:
    trees = trees_of(FOREST)
    found = signatures(trees, FOREST.predicates)
    asked = FOREST.predicates.input[trees.predicate]
    for tree, row in enumerate(found):
        base, n = trees.node_offset[tree], trees.node_offset[tree + 1] - trees.node_offset[tree]
        assert row[0] == (asked[base] if n else -1)
        left = trees.left[base] if n else -1
        assert row[1] == (asked[base + left] if left >= 0 else -1)


def test_an_order_that_is_no_permutation_is_no_forest() -> None:
    trees = replace(trees_of(FOREST), order=np.zeros(6, np.int32))
    with pytest.raises(ModelError, match="order of the trees"):
        replace(FOREST, trees=trees).check()


def test_a_nest_without_blocks_of_rows_outside_is_refused_at_the_directive() -> None:
    with pytest.raises(ScheduleError, match=r":1:1: leaf values are held for a block of rows.*`tree`") as caught:
        Schedule.from_text("reorder trees by=depth\norder tree, row\nlayout packed\nwalk with=scalar")
    assert "split row" in (caught.value.fix or "")


def test_a_block_that_holds_too_much_is_refused_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_sums, "LARGEST", 1 << 10)
    n_bytes = 6 * FOREST.leaf_width * FOREST.sum.dtype.itemsize
    with pytest.raises(ScheduleError, match=f"{n_bytes} bytes for a row") as caught:
        compile_loops(f"reorder trees by=size\n{BLOCKS}layout packed\nwalk with=scalar")
    assert f"at most {(1 << 10) // n_bytes} rows" in (caught.value.fix or "")


def test_trees_by_depth_make_few_loops() -> None:
    n_depths = len(np.unique(leaf_depths(trees_of(FOREST))[1]))
    lines = f"{BLOCKS}fission tree limit={n_depths}\nlayout packed\nwalk with=scalar"
    compile_loops(f"reorder trees by=depth\n{lines}")
    with pytest.raises(ScheduleError, match="the limit is") as caught:
        compile_loops(lines)
    assert "reorder trees by=depth" in (caught.value.fix or "")
