"""Nodes as code: few kinds of questions, decided as far as constants decide them; what can't be code is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from xdsl.context import Context

from tests.property.forests import Shape, build
from treec.codegen.llvm.compile import stages_text
from treec.errors import ScheduleError
from treec.frontends.base import Forest, Missing, Predicates, Test, Trees
from treec.passes.algo.branches import BranchKind, branches_of
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.passes.plan import branch
from treec.passes.plan.plan_kernels import PlanKernelsPass
from treec.passes.plan.specialize_loop import SpecializeLoopPass
from treec.passes.plan.walk import WalkPass
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.interp import loop as loop_level
from treec.treeir.interp.forest import raw
from treec.treeir.interp.predicates import ZERO_BOUND
from treec.treeir.loop import DecideOp

FOREST = build(Shape(n_trees=3, leaves=6, seed=4))
SCHEDULE = "specialize tree\nwalk with=branch"


def chain(n_nodes: int) -> Forest:
    """One tree, each node of which has a leaf on the left and all that follows on the right."""
    forest = build(Shape(n_trees=1, leaves=2, seed=1))
    trees, p = forest.trees, forest.predicates
    assert isinstance(trees, Trees)
    numbers = np.arange(n_nodes, dtype=np.int32)
    zeros = np.zeros(n_nodes, np.int32)
    predicates = replace(
        p,
        input=zeros,
        test=np.full(n_nodes, Test.LESS, np.uint8),
        threshold=numbers.astype(p.threshold.dtype),
        missing=np.full(n_nodes, Missing.NAN, np.uint8),
        missing_left=np.zeros(n_nodes, bool),
        category_set=np.full(n_nodes, -1, np.int32),
        invalid_left=np.zeros(n_nodes, bool),
        set_offset=np.zeros(1, np.int64),
        set_words=np.zeros(0, np.uint32),
    )
    leaves = np.arange(n_nodes + 1, dtype=np.int32)
    chained = replace(
        trees,
        node_offset=np.array([0, n_nodes]),
        leaf_offset=np.array([0, n_nodes + 1]),
        predicate=numbers,
        left=~numbers,
        right=np.append(numbers[1:], ~n_nodes).astype(np.int32),
        leaf_row=leaves,
        leaf_id=leaves,
        inverted=None,
        node_count=None,
        leaf_count=None,
    )
    values = np.arange(n_nodes + 1).astype(forest.leaves.values.dtype)[:, None]
    return replace(forest, predicates=predicates, trees=chained, leaves=replace(forest.leaves, values=values)).check()


def kinds_of(**columns: NDArray[np.generic]) -> list[BranchKind]:
    """The kind of each node of a chain whose predicates have these columns."""
    forest = chain(len(next(iter(columns.values()))))
    forest = replace(forest, predicates=replace(forest.predicates, **columns))
    assert isinstance(forest.trees, Trees)
    found = branches_of(forest, forest.trees)
    return [found.kinds[at] for at in found.kind]


def dtype_of(predicates: Predicates) -> np.dtype[np.generic]:
    return predicates.threshold.dtype


def test_a_nan_that_is_not_missing_goes_as_zero_would() -> None:
    threshold = np.array([-1.0, 0.0, 1.0], dtype_of(FOREST.predicates))
    none = np.full(3, Missing.NONE, np.uint8)
    assert [kind.nan_left for kind in kinds_of(threshold=threshold, missing=none)] == [False, False, True]
    less_equal = np.full(3, Test.LESS_EQUAL, np.uint8)
    assert [k.nan_left for k in kinds_of(threshold=threshold, missing=none, test=less_equal)] == [False, True, True]


def test_zeros_are_tested_for_only_where_the_threshold_sends_them_the_other_way() -> None:
    bound = float(ZERO_BOUND)
    threshold = np.array([-1.0, -bound, 0.0, bound, 1.0, 1.0], dtype_of(FOREST.predicates))
    missing = np.full(6, Missing.ZERO_OR_NAN, np.uint8)
    left = np.array([False, False, False, False, False, True])
    kinds = kinds_of(threshold=threshold, missing=missing, missing_left=left)
    assert [kind.zero for kind in kinds] == [False, False, True, True, True, False]
    assert [kind.nan_left for kind in kinds] == left.tolist()


def test_an_inverted_node_has_its_children_exchanged() -> None:
    trees = FOREST.trees
    assert isinstance(trees, Trees)
    inverted = np.arange(trees.n_nodes) % 2 == 0
    found = branches_of(FOREST, replace(trees, inverted=inverted)).children
    np.testing.assert_array_equal(found[inverted], np.stack([trees.right, trees.left], axis=1)[inverted])
    np.testing.assert_array_equal(found[~inverted], np.stack([trees.left, trees.right], axis=1)[~inverted])


def test_a_chain_deeper_than_any_recursion_is_code() -> None:
    """Node by node in blocks of one function; the IR has one op for the whole tree."""
    forest = chain(3000)
    module = forest_module(forest)
    run_pipeline(module, pipeline_of(Schedule.from_text(f"target cpu input=f32\n{SCHEDULE}")))
    assert sum(isinstance(op, DecideOp) for op in module.walk()) == 2  # raw outputs and leaf ids
    rows = np.array([[-1.0], [0.0], [1500.5], [np.nan]], np.float32)
    rows = np.repeat(rows, forest.inputs.n_features, axis=1)
    found = loop_level.run_kernel(module, 0, 0, rows, (0, 1), forest.n_columns)
    np.testing.assert_array_equal(found, raw(forest, rows))
    text = stages_text(module, "native", "ir")
    [function] = [part for part in text.split("define ") if part.partition("(")[0].endswith('main_raw_f32.body.tree"')]
    assert function.count("br i1") == 3000
    assert function.count("ret ") == 3001


@pytest.mark.parametrize(
    ("lines", "reason", "fix"),
    [
        ("walk with=branch", "no loop is specialised", "specialize tree"),
        ("split tree into=(few, tree) by=2\nspecialize few\nwalk with=branch", "is several trees", "specialize few"),
        ("fission tree limit=9\nwalk with=branch", "no loop is specialised", "specialize tree"),
        ("layout packed\n" + SCHEDULE, "have no layout", "leave `layout` out"),
        ("tile nodes size=2\n" + SCHEDULE, "not by tiles", "leave `tile nodes` out"),
        ("split row into=(block, row) by=4\nrank features at=block to=u16\n" + SCHEDULE, "not ranks", "rank features"),
        ("specialize tree\nunroll row by=2\nwalk with=branch", "several times", "leave `unroll` out"),
        (SCHEDULE + "\nunroll row by=2", "several times", "leave `unroll` out"),
        (SCHEDULE + " interleave=row:4", "no `interleave`", "leave `interleave` out"),
        (SCHEDULE + " peel=1", "no `peel`", "leave `peel` out"),
        (SCHEDULE + " unroll=full", "no `unroll`", "leave `unroll` out"),
        (SCHEDULE + " word=64", "no `word`", "leave `word` out"),
    ],
)
def test_what_has_no_place_beside_branches_is_refused(lines: str, reason: str, fix: str) -> None:
    with pytest.raises(ScheduleError, match=reason) as caught:
        run_pipeline(forest_module(FOREST), pipeline_of(Schedule.from_text(lines)))
    assert fix in (caught.value.fix or "")


def test_tiles_are_refused_by_the_pass_as_well() -> None:
    trees = FOREST.trees
    assert isinstance(trees, Trees)
    local = np.arange(trees.n_nodes) - np.repeat(trees.node_offset[:-1], np.diff(trees.node_offset))
    module = forest_module(replace(FOREST, trees=replace(trees, tile=local.astype(np.int32))))
    for step in (PlanKernelsPass(), SpecializeLoopPass("tree")):
        step.apply(Context(), module)
    with pytest.raises(ScheduleError, match="not by tiles"):
        WalkPass("branch").apply(Context(), module)


def test_more_nodes_than_the_limit_are_refused_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(FOREST.trees, Trees)
    n_nodes = FOREST.trees.n_nodes
    monkeypatch.setattr(branch, "MOST_NODES", n_nodes - 1)
    with pytest.raises(ScheduleError, match=f"the trees have {n_nodes} nodes, .* the limit is {n_nodes - 1}"):
        run_pipeline(forest_module(FOREST), pipeline_of(Schedule.from_text(SCHEDULE)))
