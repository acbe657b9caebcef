"""`walk with=gemm`: what it needs of other lines, and of trees."""

from __future__ import annotations

import pytest

from tests.property.forests import Shape, build
from treec.errors import ScheduleError
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module

PACKED = "layout packed\n"
GPU = "target gpu\nsplit row into=(block, thread) by=32\nbind block grid.x\nbind thread block.x\n"


@pytest.mark.parametrize(
    ("text", "line", "reason", "fix"),
    [
        ("walk with=gemm\n", 1, "needs a layout", "layout"),
        ("layout reorg\nwalk with=gemm\n", 2, "these lie as reorg", "layout packed"),
        ("layout sparse\nwalk with=gemm\n", 2, "these lie as sparse", "layout packed"),
        (PACKED + "walk with=gemm peel=1\n", 2, "has no `peel`", "leave"),
        (PACKED + "walk with=gemm unroll=full\n", 2, "has no `unroll`", "leave"),
        (PACKED + "walk with=gemm word=64\n", 2, "has no `word`", "leave"),
        (PACKED + "walk with=gemm interleave=tree:2\n", 2, "the matrix of one tree", "interleave=row"),
        (PACKED + "order tree, row\nvectorize row by=8\nwalk with=gemm\n", 4, "in vectors", "with=lanes"),
        (GPU + "rank features at=block to=u8\nlayout packed\nwalk with=gemm\n", 7, "for a bitslice alone", "with=bitslice"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_line(text: str, line: int, reason: str, fix: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        Schedule.from_text(text).check()
    assert str(caught.value.place).split(":")[-2] == str(line)
    assert reason in caught.value.message
    assert fix in str(caught.value.fix)


@pytest.mark.parametrize("head", ["", GPU])
def test_a_tree_of_too_many_leaves_is_refused_by_number(head: str) -> None:
    """128 are not."""
    schedule = Schedule.from_text(head + PACKED + "walk with=gemm\n").check()
    run_pipeline(forest_module(build(Shape(n_trees=2, leaves=128))), pipeline_of(schedule))
    forest = build(Shape(n_trees=3, leaves=200))
    leaves = (forest.trees.leaf_offset[1:] - forest.trees.leaf_offset[:-1]).tolist()
    widest = leaves.index(max(leaves))
    assert max(leaves) > 128
    with pytest.raises(
        ScheduleError, match=f"tree {widest} has {max(leaves)} leaves, {max(leaves) - 128} more than the 128"
    ):
        run_pipeline(forest_module(forest), pipeline_of(schedule))
