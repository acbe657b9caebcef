"""The loop over all trees is cut where neighbours differ in depth; anything else is refused with reason and fix."""

from __future__ import annotations

import numpy as np
import pytest

from tests.property.forests import Shape, build
from treec.errors import ScheduleError
from treec.frontends.base import Forest, Trees
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.parts import depth_parts
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.plan import ForOp, kernels_of

FOREST = build(Shape(n_trees=6, leaves=8, seed=2))


def planned(lines: str, forest: Forest = FOREST) -> list[ForOp]:
    module = forest_module(forest)
    run_pipeline(module, pipeline_of(Schedule.from_text(f"layout packed\n{lines}\nwalk with=scalar"))[:-1])
    return kernels_of(module)[0].nest()


def test_boundaries_are_where_the_depth_changes() -> None:
    np.testing.assert_array_equal(depth_parts(np.array([3, 3, 2, 2, 2, 3])), [0, 2, 5, 6])
    np.testing.assert_array_equal(depth_parts(np.array([4])), [0, 1])
    np.testing.assert_array_equal(depth_parts(np.zeros(0, np.int64)), [0, 0])


def test_the_loop_over_all_trees_gets_the_parts_and_a_split_keeps_them() -> None:
    assert isinstance(FOREST.trees, Trees)
    wanted = depth_parts(leaf_depths(FOREST.trees)[1])
    for lines in ("fission tree limit=6", "fission tree limit=6\nsplit tree into=(few, tree) by=2"):
        row, tree, *_ = planned(lines)
        assert row.parts is None
        assert tree.parts is not None
        np.testing.assert_array_equal(tree.parts.array, wanted)


@pytest.mark.parametrize(
    ("lines", "reason", "fix"),
    [
        ("fission tree limit=1", "changes .* times", "limit="),
        ("fission row", "does not run over all trees", "name `tree`"),
        ("split tree into=(few, one) by=2\nfission one", "does not run over all trees", "name `few`"),
        ("fission tree limit=6\nfission tree limit=6", "already given", "keep one"),
    ],
)
def test_other_loops_and_too_many_parts_are_refused(lines: str, reason: str, fix: str) -> None:
    with pytest.raises(ScheduleError, match=reason) as caught:
        planned(lines)
    assert fix in (caught.value.fix or "")
