"""Trees that are taken together: which are alike, how it is lowered, and that it is refused on a GPU."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.forests import Shape, build
from treec.errors import ScheduleError
from treec.passes.algo.tree_runs import tree_runs
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.loop import TableOp

TEXT = """
target cpu level={level}
split row into=(block, row) by=64
rank features at=block to=u8
predicates at=block
order block, tree, row
walk with=bitslice multiplex=none {more}
"""
ON_A_GPU = """
target gpu
split row into=(block, row) by=64
split tree into=(group, tree) by=2
rank features at=block to=u8
predicates at=block
order block, group, tree, row
bind block grid.x
bind row block.x
walk with=bitslice trees=2
"""


@given(
    n=st.integers(2, 5),
    kind=st.lists(st.integers(-1, 1), max_size=12),
    column=st.one_of(st.none(), st.lists(st.integers(0, 1), min_size=12, max_size=12)),
)
def test_a_run_is_of_one_kind_and_column(n: int, kind: list[int], column: list[int] | None) -> None:
    found = tree_runs(n, np.array(kind, np.int64), None if column is None else np.array(column[: len(kind)], np.int64))
    assert len(found) == len(kind)
    for tree, together in enumerate(found.tolist()):
        kinds = kind[tree : tree + n]
        columns = [0] * len(kinds) if column is None else column[tree : tree + n]
        alike = len(set(kinds)) == 1 and len(set(columns[: len(kinds)])) == 1
        assert together == (len(kinds) == n and alike and kinds[0] >= 0)


def has_runs(shape: Shape, level: str = "x86-64-v4", more: str = "") -> bool:
    module = forest_module(build(shape))
    run_pipeline(module, pipeline_of(Schedule.from_text(TEXT.format(level=level, more=more))))
    return any(op.sym_name.data == "slice_run" for op in module.ops if isinstance(op, TableOp))


def test_small_trees_with_one_output_are_taken_together() -> None:
    small = Shape(n_trees=6, leaves=8, seed=2)
    assert has_runs(small)
    assert not has_runs(small, more="trees=1")
    assert not has_runs(small, level="x86-64-v3"), "values are gathered"
    assert not has_runs(Shape(n_trees=6, leaves=8, seed=2, width=3, n_columns=3)), "values are gathered"
    assert not has_runs(Shape(n_trees=1, leaves=8, seed=2)), "there is no neighbour"


def test_below_a_slice_walks_find_the_leaves() -> None:
    text = TEXT.replace("order block", "layout pairs\norder block").format(level="x86-64-v4", more="slice=2 trees=2")
    with pytest.raises(ScheduleError, match="below a slice walks find the leaves"):
        run_pipeline(forest_module(build(Shape())), pipeline_of(Schedule.from_text(text)))


def test_a_gpu_takes_trees_one_by_one() -> None:
    with pytest.raises(ScheduleError, match="looks the leaves of one tree up at a time"):
        run_pipeline(forest_module(build(Shape())), pipeline_of(Schedule.from_text(ON_A_GPU)))
