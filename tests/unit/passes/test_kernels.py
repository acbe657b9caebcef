"""Kernel blocks through the passes: every plan pass can be told its kernel, and each block becomes a kernel."""

from __future__ import annotations

import dataclasses

from tests.property.forests import Shape, build
from treec.codegen.abi import Task
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.passes.registry import get_all_passes
from treec.schedule.base import Stage
from treec.schedule.directives import DIRECTIVES
from treec.schedule.kernel import KernelWhen
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.loop import KernelOp, TableOp

TEXT = """\
{common}
kernel when rows <= 8 {{
  {small}
  walk with=scalar
}}
{large}
order tree, row
walk with=scalar
"""


def lowered(**parts: str) -> list[object]:
    module = forest_module(build(Shape(n_trees=3, leaves=6, seed=2)))
    run_pipeline(module, pipeline_of(Schedule.from_text(TEXT.format(**parts))))
    return list(module.ops)


def test_every_pass_over_plans_can_be_told_its_kernel() -> None:
    for cls in DIRECTIVES.values():
        if cls.stage is Stage.PLAN and cls is not KernelWhen:
            options = {f.name for f in dataclasses.fields(get_all_passes()[cls.pass_name]())}
            assert "kernel" in options, cls.pass_name


def test_kernels_stand_in_the_order_of_their_rows() -> None:
    ops = lowered(common="target cpu input=f32\nlayout packed", small="", large="")
    limits = [op.rows_max.value.data for op in ops if isinstance(op, KernelOp)]
    assert limits == [8] * 3 + [(1 << 63) - 1] * 3


def test_tables_of_equal_layouts_are_stored_once() -> None:
    one = [op for op in lowered(common="layout packed", small="", large="") if isinstance(op, TableOp)]
    same = [op for op in lowered(common="", small="layout packed", large="layout packed") if isinstance(op, TableOp)]
    assert [(op.sym_name, op.data) for op in one] == [(op.sym_name, op.data) for op in same]
    two = [op for op in lowered(common="", small="layout packed align=1", large="layout packed") if isinstance(op, TableOp)]
    names = {op.sym_name.data for op in two}
    assert {"nodes", "nodes_2"} <= names
    assert "leaf_values_2" not in names


SLICED = """\
split row into=(block, row) by={rows}
rank features at=block to=u16
predicates at=block
order block, tree, row
walk with=bitslice
"""


def test_leaf_ids_of_small_bitslices_are_the_next_kernel_s() -> None:
    small, large = SLICED.format(rows=64), SLICED.format(rows=512)
    module = forest_module(build(Shape(n_trees=3, leaves=6, seed=2)))
    text = f"target cpu input=f32\nkernel when rows <= 8 {{\n{small}}}\n{large}"
    run_pipeline(module, pipeline_of(Schedule.from_text(text)))
    tasks = [(op.rows_max.value.data == 8, op.task.value.data) for op in module.ops if isinstance(op, KernelOp)]
    assert tasks == [(True, Task.RAW), (True, Task.RESPONSE), (False, Task.RAW), (False, Task.RESPONSE), (False, Task.LEAF)]
