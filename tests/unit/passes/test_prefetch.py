"""Prefetch: which cache lines of a row are asked for, of which rows, and where it is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.property.forests import Shape, build
from treec.codegen.abi import DType, Task
from treec.codegen.llvm.compile import stages_text
from treec.errors import ScheduleError
from treec.frontends.base import Forest
from treec.passes.loop.prefetch import line_columns
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.interp import forest as forest_level
from treec.treeir.interp import loop as loop_level
from treec.treeir.loop import PrefetchOp
from treec.verify.compare import same
from treec.verify.rows import Domain, random_rows

BLOCKS = "split row into=(block, row) by=4\norder block, tree, row\nlayout packed\n"


def forest_of_columns(columns: list[int], asked: list[int], n_features: int) -> Forest:
    """Whose inputs are ``columns``, and predicates ask ``asked`` of them."""
    forest = build(Shape(n_inputs=len(columns), n_predicates=len(asked)))
    inputs = replace(forest.inputs, n_features=n_features, column=np.array(columns, np.int32), names=None)
    return replace(forest, inputs=inputs, predicates=replace(forest.predicates, input=np.array(asked, np.int32)))


def test_one_column_stands_for_each_line_that_is_read() -> None:
    forest = forest_of_columns([3, 15, 16, 40, 47, 100], [0, 1, 2, 4, 4], 200)  # input 3 (column 40), 5 are not asked for
    assert line_columns(forest, 4).tolist() == [3, 16, 47]
    assert line_columns(forest, 8).tolist() == [3, 15, 16, 47]


def test_answers_stay_and_only_rows_of_the_call_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop interpreter reads what is prefetched: a row behind the last one would be an error."""
    forest = build(Shape(n_trees=4, leaves=8, n_inputs=3, seed=2))
    module = forest_module(forest)
    schedule = BLOCKS + "prefetch rows at=block ahead=2\nwalk with=scalar"
    run_pipeline(module, pipeline_of(Schedule.from_text(schedule)))
    seen: list[int] = []
    runners = vars(loop_level)["_RUNNERS"]
    original = runners[PrefetchOp]

    def spy(machine: loop_level.Machine, op: PrefetchOp) -> None:
        seen.append(int(machine.indices(op.indices)[0]))
        original(machine, op)

    monkeypatch.setitem(runners, PrefetchOp, spy)
    rows = random_rows(Domain(forest, forest.inputs.dtype), 18, 1)
    found = loop_level.run_kernel(module, Task.RAW, DType.F32, rows, (0, 4), 1)
    assert same(found, forest_level.raw(forest, rows)).all()
    assert seen == list(range(8, 18))


def test_it_becomes_an_instruction() -> None:
    module = forest_module(build(Shape(n_trees=4, leaves=8, seed=2)))
    run_pipeline(module, pipeline_of(Schedule.from_text(BLOCKS + "prefetch rows at=block\nwalk with=scalar")))
    assert "prefetcht0" in stages_text(module, "x86-64-v3", "assembly")


@pytest.mark.parametrize(
    ("lines", "message", "fix"),
    [
        ("prefetch rows at=tree", "loop `tree` runs over trees", "choose a loop over rows"),
        ("prefetch rows at=row", "loop `row` is inside of `tree`", "choose a loop over rows"),
        ("prefetch rows at=block ahead=0", "must be a whole number", ""),
        ("prefetch rows at=block\nprefetch rows at=block", "is already given by line", "keep one"),
    ],
)
def test_where_it_does_not_apply_it_is_refused(lines: str, message: str, fix: str) -> None:
    with pytest.raises(ScheduleError, match=message) as caught:
        pipeline_of(Schedule.from_text(BLOCKS + lines + "\nwalk with=scalar").check())
    assert fix in str(caught.value.fix)
