"""Kernels for GPUs answer like the forest, bit for bit: any forest, any schedule, executed on PoCL."""

# pyright: basic

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

from tests.gpu.draws import FORMS, schedules
from tests.gpu.pocl import DTYPES, Device
from tests.property.test_pipeline import assert_same, expected, forests, planned_sums, tree_ranges
from treec.codegen.abi import DType, Task
from treec.codegen.gpu_abi import GpuTarget
from treec.codegen.tir.compile import GpuFacts, compile_gpu
from treec.frontends.base import Forest
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.interp import loop as loop_level
from treec.treeir.interp import plan as plan_level
from treec.verify.bounds import sum_bound, within
from treec.verify.rows import Domain, random_rows

EXAMPLES = max(1, settings().max_examples * 5 // 2)
SIZES = (0, 1, 7, 100)


def facts_of(forest: Forest) -> GpuFacts:
    dtype = DType.F32 if forest.sum.dtype == np.float32 else DType.F64
    return GpuFacts(forest.inputs.n_features, forest.trees.n_trees, forest.n_columns, dtype)


def lowered(forest: Forest, schedule: Schedule) -> tuple[ModuleOp, ModuleOp]:
    """The plan, and the loops."""
    module = forest_module(forest)
    *steps, lower = pipeline_of(schedule)
    run_pipeline(module, steps)
    planned = module.clone()
    run_pipeline(module, [lower])
    return planned, module


def apart(rows: NDArray[Any], how: str) -> NDArray[Any]:
    """Equal rows with other strides, the first of them first in memory."""
    n, columns = rows.shape
    if how == "columns first":
        return np.ascontiguousarray(rows.T).T if n and columns else rows
    if how == "apart" and n and columns:
        wide = np.zeros((n * 2, columns * 3), rows.dtype)
        wide[::2, ::3] = rows
        return wide[::2, ::3]
    return rows


def check(forest: Forest, schedule: Schedule, dtype: DType, n: int, seed: int, how: str, trees: tuple[int, int]) -> None:
    planned, loops = lowered(forest, schedule)
    rows = apart(random_rows(Domain(forest, DTYPES[dtype]), n, seed), how)
    made = compile_gpu(loops, facts_of(forest), GpuTarget("opencl"), verified=True)
    device = Device(made)
    for task, wanted in wanted_of(forest, schedule, planned, rows, trees).items():
        compare(forest, schedule, task, device.run(task, rows, trees), wanted, rows, trees)


def compare(
    forest: Forest,
    schedule: Schedule,
    task: Task,
    found: NDArray[Any],
    wanted: NDArray[Any],
    rows: NDArray[Any],
    trees: tuple[int, int],
) -> None:
    """The same bits; of sums that have no order, sums within the bound."""
    if schedule.repeats or task is Task.LEAF:
        assert_same(found, wanted)
    elif task is Task.RAW:
        assert within(wanted, found, 2 * sum_bound(forest, rows, *trees)).all()  # both are that far from the model's order


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=max(1, EXAMPLES // len(FORMS)))
@given(
    forest=forests(),
    n=st.sampled_from(SIZES),
    seed=st.integers(0, 1000),
    how=st.sampled_from(("rows first", "columns first", "apart")),
    data=st.data(),
)
def test_kernels_answer_like_the_forest(
    form: str, forest: Forest, n: int, seed: int, how: str, data: st.DataObject
) -> None:
    """Each form has its share of the examples."""
    schedule = data.draw(schedules(FORMS[form]))
    text = schedule.to_text()
    assert all(word in text for word in FORMS[form].words()), text
    assume(not refused(forest, schedule))
    dtype = data.draw(st.sampled_from(dtypes_of(schedule)))
    check(forest, schedule, dtype, n, seed, how, data.draw(tree_ranges(forest)))


def wanted_of(
    forest: Forest, schedule: Schedule, planned: ModuleOp, rows: NDArray[Any], trees: tuple[int, int]
) -> dict[Any, NDArray[Any]]:
    """The forest's answers; sums in the plan's order where that is another one."""
    wanted = expected(forest, rows, trees)
    text = schedule.to_text()
    if schedule.float_policy != "reassociate" or ("reduce" not in text and "reorder" not in text):
        return wanted
    return planned_sums(forest, planned, rows, trees, wanted)


def dtypes_of(schedule: Schedule) -> list[DType]:
    assert schedule.gpu is not None
    return list(DType) if schedule.gpu.input == "any" else [DType[schedule.gpu.input.upper()]]


def refused(forest: Forest, schedule: Schedule) -> bool:
    return forest.inputs.table_offset is not None and "cache rows" in schedule.to_text()


@given(
    forest=forests(),
    schedule=schedules(),
    n=st.sampled_from((0, 1, 5)),
    seed=st.integers(0, 1000),
    data=st.data(),
)
def test_plans_and_loops_answer_like_the_forest(
    forest: Forest, schedule: Schedule, n: int, seed: int, data: st.DataObject
) -> None:
    assume(not refused(forest, schedule))
    planned, loops = lowered(forest, schedule)
    dtype = data.draw(st.sampled_from(dtypes_of(schedule)))
    rows = random_rows(Domain(forest, DTYPES[dtype]), n, seed)
    trees = data.draw(tree_ranges(forest))
    for task, wanted in wanted_of(forest, schedule, planned, rows, trees).items():
        name: Any = task.name.lower()
        for found in (
            plan_level.run_kernel(planned, name, rows, trees),
            loop_level.run_kernel(loops, task, dtype, rows, trees, wanted.shape[1]),
        ):
            compare(forest, schedule, task, found, wanted, rows, trees)
