"""Reorg: every position of every tree leads to the right children, leaves are walked on from, and all is by neighbours."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from tests.property.forests import Shape, build, forests
from treec.codegen.llvm.compile import stages_text
from treec.errors import ScheduleError
from treec.frontends.base import F64, Forest, Missing, Test, Trees
from treec.passes.algo import reorg
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.packed import walk_columns
from treec.passes.algo.ranks import rank_tables
from treec.passes.algo.reorg import complete_trees, reorganise
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.passes.plan.reorg_layout import reorg_trees_op
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.interp.forest import encode_inputs, leaf_ids
from treec.treeir.interp.reorg import ReorgWalk
from treec.verify.rows import Domain, random_rows


def plain(forest: Forest) -> Trees:
    assert isinstance(forest.trees, Trees)
    return forest.trees


def below(trees: Trees, tree: int, child: int, true_answer: bool) -> int:
    """The child of a node; a leaf stays."""
    if child < 0:
        return child
    at = int(trees.node_offset[tree]) + child
    inverted = trees.inverted is not None and bool(trees.inverted[at])
    return int((trees.left if true_answer != inverted else trees.right)[at])


@given(forest=forests(max_leaves=12))
def test_every_way_down_ends_at_its_leaf(forest: Forest) -> None:
    trees = plain(forest)
    trees = replace(trees, inverted=np.random.default_rng(1).random(trees.n_nodes) < 0.5)
    depth = int(leaf_depths(trees)[1].max(initial=0))
    predicate, leaf = complete_trees(trees, depth)
    assert predicate.shape == (((1 << depth) - 1) * trees.n_trees,)
    for tree in range(trees.n_trees):
        for way in range(1 << depth):
            position, child = 0, 0 if trees.node_offset[tree] < trees.node_offset[tree + 1] else ~0
            for level in range(depth):
                if child >= 0:
                    wanted = trees.predicate[int(trees.node_offset[tree]) + child]
                    assert predicate[position * trees.n_trees + tree] == wanted
                true_answer = not way >> (depth - 1 - level) & 1
                position, child = 2 * position + 2 - true_answer, below(trees, tree, child, true_answer)
            assert leaf[(position - ((1 << depth) - 1)) * trees.n_trees + tree] == int(trees.leaf_offset[tree]) + ~child


@given(forest=forests(max_leaves=12))
def test_the_question_below_a_leaf_is_that_above_it(forest: Forest) -> None:
    trees = plain(forest)
    depth = int(leaf_depths(trees)[1].max(initial=0))
    predicate, _ = complete_trees(trees, depth)
    table = predicate.reshape((1 << depth) - 1, trees.n_trees)
    for tree in range(trees.n_trees):
        own = set(trees.predicate[trees.node_offset[tree] : trees.node_offset[tree + 1]].tolist())
        assert set(table[:, tree].tolist()) == (own or ({0} if depth else set()))


@given(forest=forests(max_leaves=12))
def test_walking_positions_is_walking_nodes(forest: Forest) -> None:
    rows = random_rows(Domain(forest, forest.inputs.dtype), 8, 1)
    wanted = leaf_ids(forest, rows)
    op = reorg_trees_op(forest, plain(forest), None, align=2)
    op.verify_()
    encoded = encode_inputs(forest, rows)
    values = encoded
    if forest.inputs.table_offset is None:
        values = np.zeros((len(rows), forest.inputs.n_features), encoded.dtype)
        values[:, forest.inputs.column] = encoded
    walk = ReorgWalk(op, forest.predicates.category_cast)
    found = [[walk.walk(row, tree).leaf_id for tree in range(op.n_trees)] for row in values]
    np.testing.assert_array_equal(np.array(found, np.int32).reshape(wanted.shape), wanted)


@pytest.mark.parametrize("align", [1, 2, 4, 8])
def test_trees_are_neighbours_at_every_position(align: int) -> None:
    forest = build(Shape(n_trees=5, leaves=8, seed=3, missing=(Missing.NAN, Missing.NONE), input_dtype=F64))
    trees = plain(forest)
    made = reorganise((forest.predicates, walk_columns(forest.inputs)), trees, align=align)
    assert made.threshold is not None
    assert made.threshold.dtype == F64
    assert made.asked.table.itemsize == align
    has_root = np.diff(trees.node_offset) > 0
    roots = trees.predicate[trees.node_offset[:-1][has_root]]
    np.testing.assert_array_equal(made.threshold[:5][has_root], forest.predicates.threshold[roots])


def test_ranks_are_bits_of_the_records() -> None:
    forest = build(Shape(n_trees=5, leaves=8, seed=3))
    made = reorganise(rank_tables(forest.predicates), plain(forest), align=1)
    assert made.threshold is None
    assert set(made.asked.fields) == {"threshold", "kind", "feature"}
    assert made.kinds[:, 0].tolist() == [int(Test.LESS_EQUAL)]


def test_trees_of_one_leaf_have_slots_and_no_elements() -> None:
    forest = build(Shape(n_trees=3, leaves=1))
    made = reorganise((forest.predicates, walk_columns(forest.inputs)), plain(forest), align=4)
    assert (made.depth, len(made.asked.table), len(made.leaf_row)) == (0, 0, 3)


def test_a_step_is_no_branch() -> None:
    """Where all missing values go right a step is one compare and one choice, and LLVM would rather jump."""
    forest = build(Shape(n_trees=64, leaves=200, n_inputs=20, n_predicates=500, seed=3))
    forest = replace(forest, predicates=replace(forest.predicates, missing_left=np.zeros(500, bool)))
    schedule = "target cpu input=f32\nlayout reorg\norder row, tree\nwalk with=scalar interleave=tree:8"
    module = forest_module(forest)
    run_pipeline(module, pipeline_of(Schedule.from_text(schedule)))
    code = stages_text(module, "x86-64-v3", "assembly")
    steps = re.findall(r"vucomiss", code)
    assert len(steps) >= 8
    assert len(re.findall(r"cmov", code)) >= len(steps)


def chain(forest: Forest, n: int) -> Trees:
    """One tree, each of whose ``n`` nodes has a leaf on the left."""
    return replace(
        plain(forest),
        node_offset=np.array([0, n]),
        leaf_offset=np.array([0, n + 1]),
        predicate=np.zeros(n, np.int32),
        left=~np.arange(n, dtype=np.int32),
        right=np.array([*range(1, n), ~n], np.int32),
        leaf_row=np.zeros(n + 1, np.int32),
        leaf_id=np.arange(n + 1, dtype=np.int32),
    )


def test_deep_trees_are_refused_with_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    forest = build(Shape(n_trees=1, leaves=2, seed=2))
    asked = (forest.predicates, walk_columns(forest.inputs))
    with pytest.raises(
        ScheduleError, match=r"all 1 trees as deep as tree 0, which has 40 levels: at least .* MiB"
    ) as caught:
        reorganise(asked, chain(forest, 40), align=4)
    assert "layout packed" in str(caught.value.fix)
    size = 31 * 8 + 32 * 2  # depth 5: f32 and a word at each node, a row and an id of one byte at each slot
    monkeypatch.setattr(reorg, "REORG_LIMIT", size)
    assert reorganise(asked, chain(forest, 5), align=4).depth == 5
    monkeypatch.setattr(reorg, "REORG_LIMIT", size - 1)
    with pytest.raises(ScheduleError, match="which has 5 levels"):
        reorganise(asked, chain(forest, 5), align=4)


@pytest.mark.parametrize(
    ("lines", "message", "fix"),
    [
        (("layout reorg predicates=table",), "keeps predicates in the nodes", "leave `predicates` out"),
        (("tile nodes size=4", "layout reorg"), "knows nothing of tiles", "write `layout sparse`"),
        (("layout reorg", "walk with=tile"), "are no tiles", "write `layout sparse`"),
        (("layout reorg", "walk with=lanes"), "lanes walk packed nodes, and these lie as reorg", "write `layout packed`"),
    ],
)
def test_what_reorg_can_not_do_is_refused(lines: tuple[str, ...], message: str, fix: str) -> None:
    order = [] if "tile nodes size=4" in lines else ["order tree, row"]
    last = [] if any(line.startswith("walk") for line in lines) else ["walk with=scalar"]
    first = [line for line in lines if not line.startswith("walk")]
    schedule = "\n".join([*first, *order, *(line for line in lines if line.startswith("walk")), *last])
    with pytest.raises(ScheduleError, match=message) as error:
        run_pipeline(forest_module(build(Shape())), pipeline_of(Schedule.from_text(schedule)))
    assert fix in str(error.value.fix)
