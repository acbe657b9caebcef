"""A specialised loop is cut at every step, within its limit; what needs neighbours inside a step of one tree is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tests.property.forests import Shape, build
from treec.errors import ScheduleError
from treec.passes.algo.parts import step_parts
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.loop import FuncOp, IfOp, TableOp
from treec.treeir.plan import ForOp, kernels_of

FOREST = build(Shape(n_trees=6, leaves=8, seed=2))


def planned(lines: str, walk: str = "walk with=scalar") -> list[ForOp]:
    module = forest_module(FOREST)
    run_pipeline(module, pipeline_of(Schedule.from_text(f"layout packed\n{lines}\n{walk}"))[:-1])
    return kernels_of(module)[0].nest()


def test_every_step_is_a_part_and_the_last_may_be_shorter() -> None:
    np.testing.assert_array_equal(step_parts(6, 1), [0, 1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(step_parts(7, 3), [0, 3, 6, 7])
    np.testing.assert_array_equal(step_parts(2, 5), [0, 2])


def test_the_steps_of_the_loop_decide() -> None:
    for lines, step in (("specialize tree", 1), ("split tree into=(few, tree) by=4\nspecialize few", 4)):
        _, outermost, *_ = planned(lines)
        assert outermost.parts is not None
        np.testing.assert_array_equal(outermost.parts.array, step_parts(6, step))


def test_a_copy_for_one_tree_looks_nothing_up_by_its_number() -> None:
    module = forest_module(FOREST)
    run_pipeline(module, pipeline_of(Schedule.from_text("layout packed\nspecialize tree\nwalk with=scalar unroll=full")))
    names = {op.sym_name.data for op in module.ops if isinstance(op, TableOp)}
    assert not names & {"node_base", "tree_weight", "tree_column"}
    raw = next(op for op in module.ops if isinstance(op, FuncOp))
    assert sum(isinstance(op, IfOp) for op in raw.walk()) >= 6


@pytest.mark.parametrize(
    ("lines", "walk", "reason", "fix"),
    [
        ("specialize tree limit=5", "walk with=scalar", "`tree` has 6 steps", "limit=6"),
        ("specialize row", "walk with=scalar", "does not run over all trees", "name `tree`"),
        ("split tree into=(few, one) by=2\nspecialize one", "walk with=scalar", "not run over all trees", "name `few`"),
        ("specialize tree\nspecialize tree", "walk with=scalar", "already given", "keep one"),
        ("specialize tree\nfission tree", "walk with=scalar", "cut at every step already", "keep one"),
        ("fission tree\nspecialize tree", "walk with=scalar", "cut into parts already", "keep one"),
        ("specialize tree\nsplit tree into=(a, b) by=2", "walk with=scalar", "is specialised", "specialize one of the new"),
        ("specialize tree", "walk with=scalar interleave=tree:4", "no neighbours", "split tree"),
        ("specialize tree", "unroll tree by=2\nwalk with=scalar", "for one step of it", "leave `unroll` out"),
    ],
)
def test_other_loops_and_what_needs_neighbours_are_refused(lines: str, walk: str, reason: str, fix: str) -> None:
    with pytest.raises(ScheduleError, match=reason) as caught:
        planned(lines, walk)
    assert fix in (caught.value.fix or "")
