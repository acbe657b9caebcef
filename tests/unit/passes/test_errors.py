"""Passes that do not apply say why, and what to do instead."""

from __future__ import annotations

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import PassPipeline

from tests.property.forests import Shape, build
from treec.errors import CodegenError, ModelError, ScheduleError
from treec.passes.pipeline import Step, pipeline_of, run_pipeline
from treec.passes.plan.plan_kernels import PlanKernelsPass
from treec.passes.registry import get_all_passes
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module

SPLIT = "split-loop{loop=row into=block,row by=64}"
ROW_LAST = "order-loops{loops=tree,row}"
VECTOR = f"{ROW_LAST},vectorize-loop{{loop=row}}"
CASES = [
    ("plan-kernels,fuse-loops{loops=row into=x}", "two loops are fused, not 1", "name the outer and the inner one"),
    (
        "plan-kernels,fuse-loops{loops=row,tree into=x}",
        "`tree` does not run over one step of `row`",
        "what a `split` has made",
    ),
    (f"plan-kernels,{SPLIT},fuse-loops{{loops=row,block into=x}}", "`block` is the outer one", "write `block, row`"),
    (f"plan-kernels,{SPLIT},fuse-loops{{loops=block,row into=tree}}", "two loops `tree`", "choose another name"),
    (
        f"plan-kernels,{SPLIT},order-loops{{loops=block,tree,row}},fuse-loops{{loops=block,row into=x}}",
        "`tree` stands between",
        "by `order`",
    ),
    (
        f"plan-kernels,{SPLIT},parallel-loop{{loop=block}},fuse-loops{{loops=block,row into=x}}",
        "`block` is already parallel",
        "fuse it before that",
    ),
    (
        f"plan-kernels,{SPLIT},unroll-loop{{loop=row by=2}},fuse-loops{{loops=block,row into=x}}",
        "`row` is already unrolled",
        "fuse it before that",
    ),
    (
        "plan-kernels,unroll-loop{loop=row by=2},split-loop{loop=row into=a,b by=2}",
        "`row` is already unrolled",
        "split it before that",
    ),
    (
        "plan-kernels,unroll-loop{loop=row by=2},unroll-loop{loop=row by=2}",
        "`row` is already unrolled",
        "keep one `unroll` line",
    ),
    ("plan-kernels,unroll-loop{loop=row by=0}", "can't be unrolled by 0", "write a number from 1 on"),
    ("plan-kernels,unroll-loop{loop=row by=full}", "`row` runs over as many rows as a call has", "split it"),
    (
        "plan-kernels,unroll-loop{loop=row by=32},unroll-loop{loop=tree by=16}",
        "a walk would be there 512 times",
        "256 times is the most",
    ),
    ("plan-kernels,cache-rows{at=tree}", "`tree` runs over trees", "choose a row loop"),
    ("plan-kernels,prefetch-rows{at=tree}", "`tree` runs over trees", "choose a row loop"),
    ("plan-kernels,prefetch-rows{at=row ahead=0}", "0 steps ahead", "ahead=1 or more"),
    ("plan-kernels,prefetch-rows{at=row},prefetch-rows{at=row}", "rows are asked for already", "keep one"),
    (
        f"plan-kernels,{SPLIT},order-loops{{loops=block,tree,row}},cache-rows{{at=row}}",
        "`row` is inside of `tree`",
        "choose a row loop",
    ),
    ("plan-kernels,cache-rows{at=row},cache-rows{at=row}", "rows are copied already", "keep one `cache rows` line"),
    (
        "plan-kernels,split-loop{loop=row into=block,row by=99999999},cache-rows{at=block}",
        "has up to 99999999 rows, whose copy takes",
        "use blocks of at most",
    ),
    ("add-kernel{rows=8}", "add-kernel needs a kernel", "run plan-kernels before it"),
    ("plan-kernels,add-kernel{rows=0}", "a kernel can't be for up to 0 rows", "use rows=1 or more"),
    ("plan-kernels,add-kernel{rows=8},add-kernel{rows=8}", "8 rows is already served by", "the smallest first"),
    ("plan-kernels,layout{kernel=rows_8}", "there is no kernel `rows_8`", "the kernels are main"),
    ("layout", "layout needs a kernel", "run plan-kernels before it"),
    ("plan-kernels,share-predicates", "share-predicates changes the trees", "move `share predicates` before `layout`"),
    ("plan-kernels,share-leaves", "share-leaves changes the trees", "move `share leaves` before `layout`"),
    ("set-target,set-target", "there is a target already", "keep one `target` line"),
    ("plan-kernels,plan-kernels", "there is a plan already", "keep one `plan-kernels`"),
    ("plan-kernels,layout{align=3}", "records can't be aligned to 3 bytes", "use a power of two up to 64"),
    ("plan-kernels,layout,layout", "there is a layout already", "keep one `layout` line"),
    (
        "plan-kernels,split-loop{loop=rows into=a,b by=2}",
        "there is no loop `rows`; the loops are row, tree",
        "did you mean `row`?",
    ),
    ("plan-kernels,split-loop{loop=x into=a,b by=2}", "there is no loop `x`", "name one of these"),
    ("plan-kernels,split-loop{loop=row into=a by=2}", "a loop is split into two", "write into=(outer, inner)"),
    ("plan-kernels,split-loop{loop=row into=a,b by=0}", "a block of 0 steps makes no sense", "use by=1 or more"),
    ("plan-kernels,split-loop{loop=row into=tree,row by=2}", "there would be two loops `tree`", "choose other names"),
    ("plan-kernels,split-loop{loop=row into=a,a by=2}", "there would be two loops `a`", "choose other names"),
    (
        "plan-kernels,parallel-loop{loop=row},split-loop{loop=row into=a,b by=2}",
        "`row` is already parallel",
        "split it before that",
    ),
    ("plan-kernels,order-loops{loops=row}", "each loop once; `tree` is missing", "the loops are row, tree"),
    ("plan-kernels,order-loops{loops=row,tree,row}", "each loop once; a loop is named twice", "the loops are row, tree"),
    (
        f"plan-kernels,{SPLIT},order-loops{{loops=row,block,tree}}",
        "`row` runs inside one step of `block`",
        "put `block` before",
    ),
    (
        "plan-kernels,parallel-loop{loop=row},order-loops{loops=tree,row}",
        "`row` is parallel and must stay the outermost loop",
        "put `row` first",
    ),
    ("plan-kernels,parallel-loop{loop=tree}", "`tree` runs over trees", "make a row loop parallel"),
    (
        "plan-kernels,order-loops{loops=tree,row},parallel-loop{loop=row}",
        "`row` is not the outermost loop",
        "put `row` first in `order`",
    ),
    ("plan-kernels,walk", "a scalar walk needs trees in memory", "put `layout packed` before it"),
    ("plan-kernels,layout,walk,walk", "the kernel already has a walk", "keep one `walk` line"),
    (
        'plan-kernels,layout,walk{interleave="row:4"}',
        "`tree`, is none",
        "write interleave=tree:4, or order",
    ),
    ('plan-kernels,layout,walk{interleave="row"}', "can't interleave 'row'", "write interleave=row:8"),
    ("plan-kernels,vectorize-loop{loop=tree}", "`tree` runs over trees", "order a loop over rows last"),
    ("plan-kernels,vectorize-loop{loop=row}", "`row` is not the innermost loop", "put `row` last in `order`"),
    (f"plan-kernels,{ROW_LAST},vectorize-loop{{loop=row by=3}}", "a vector can't have 3 lanes", "use one of 2, 4, 8"),
    (f"plan-kernels,{VECTOR},vectorize-loop{{loop=row}}", "`row` is already vector", "keep one of the two"),
    (
        f"plan-kernels,layout,{ROW_LAST},walk,vectorize-loop{{loop=row}}",
        "the kernel already has a walk",
        "put `vectorize` before `walk`",
    ),
    (f"plan-kernels,layout,{VECTOR},walk", "a scalar walk can't go into the vector loop `row`", "write with=lanes"),
    (
        f"plan-kernels,layout,{ROW_LAST},walk{{strategy=lanes}}",
        "lanes are steps of a vector loop, and `row` is none",
        "put `vectorize` before it",
    ),
    (f"plan-kernels,{VECTOR},split-loop{{loop=row into=a,b by=2}}", "`row` is already vector", "split it before that"),
    (
        f"plan-kernels,{VECTOR},order-loops{{loops=row,tree}}",
        "`row` is a vector loop and must stay the innermost",
        "put `row` last",
    ),
    ("lower-kernels", "there is nothing to lower", "a schedule needs at least a layout and a walk"),
    ("plan-kernels,layout,lower-kernels", "the kernel has no walk", "add `layout packed` and `walk with=scalar`"),
]


def apply(pipeline: str, module: ModuleOp) -> None:
    PassPipeline.parse_spec(get_all_passes(), pipeline).apply(Context(), module)


@pytest.mark.parametrize(("pipeline", "reason", "fix"), CASES)
def test_a_pass_that_does_not_apply_says_why(pipeline: str, reason: str, fix: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        apply(pipeline, forest_module(build(Shape())))
    assert reason in caught.value.message
    assert fix in (caught.value.fix or "")


def test_value_tables_need_a_row_loop_outside() -> None:
    module = forest_module(build(Shape(categorical=1, tables=1)))
    with pytest.raises(ScheduleError, match="once per block of rows, and the nest has no row loop outside"):
        apply("plan-kernels,layout,order-loops{loops=tree,row},walk,lower-kernels", module)


def test_a_module_without_a_model_is_refused() -> None:
    with pytest.raises(ModelError, match=r"expected one forest.model in the module, found 0"):
        apply("plan-kernels", ModuleOp([]))


def test_an_error_of_a_directive_names_file_and_line() -> None:
    directives = tuple(Schedule.from_text("layout packed\nwalk with=scalar", "twice.sched"))
    module = forest_module(build(Shape()))
    with pytest.raises(ScheduleError) as caught:
        run_pipeline(module, pipeline_of(Schedule((directives[0], *directives), "twice.sched")))
    assert str(caught.value).startswith("twice.sched:1:1: there is a layout already (in `layout packed`)")


def test_invalid_ir_after_a_pass_is_a_defect_that_names_the_pass() -> None:
    class Breaks(PlanKernelsPass):
        name = "breaks"

        def apply(self, ctx: Context, op: ModuleOp) -> None:
            super().apply(ctx, op)
            op.body.block.last_op.properties.pop("model")  # pyright: ignore[reportOptionalMemberAccess]

    with pytest.raises(CodegenError, match="the pass breaks left invalid IR"):
        run_pipeline(forest_module(build(Shape())), [Step(Breaks())])
