"""Kernels for GPUs answer like the forest, bit for bit: any forest, any schedule, executed on PoCL."""

# pyright: basic

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

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


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Any whole schedule for a GPU."""
    also = draw(st.sampled_from(("", " also=(sm_80)", " also=(sm_100, sm_80)")))
    lines = [f"target gpu input={draw(st.sampled_from(('f32', 'f64', 'f32', 'f64', 'any')))}{also}"]
    lines += ["float reassociate"] if draw(st.integers(0, 3)) == 0 else []
    lines += [line for line in ("share predicates", "share leaves", "swap children") if draw(st.booleans())]
    if draw(st.booleans()):
        lines.append(f"pad trees to={draw(st.sampled_from(('tree', 'forest')))} limit=1000")
    if draw(st.booleans()):
        return draw_shared_trees(draw, lines)
    nest, grid, block = draw_nest(draw, lines)
    inside = nest[1 + max(nest.index(loop) for loop in (*grid, *block)) :]
    outside = nest[: len(nest) - len(inside)]
    if draw(st.booleans()):
        lines.append(f"split tree into=(trees, tree) by={draw(st.sampled_from((1, 2, 3)))}")
        at = inside.index("tree")
        inside[at : at + 1] = ["trees", "tree"]
    if draw(st.booleans()):
        rows, trees = [loop for loop in inside if "tree" not in loop], [loop for loop in inside if "tree" in loop]
        inside = [*trees, *rows]
    lines.append(f"order {', '.join([*outside, *inside])}")
    lines.append(draw_layout(draw))
    for kind, loops in (("grid", grid), ("block", block)):
        for loop, dimension in zip(loops, draw(st.permutations("yz")) if len(loops) > 2 else "xy", strict=False):
            lines.append(f"bind {loop} {kind}.{dimension}")
    above = outside[: outside.index(block[0])]
    if draw(st.booleans()):
        lines.append(
            f"cache rows at={draw(st.sampled_from(above))} layout={draw(st.sampled_from(('row', 'column')))} in=shared"
        )
    lines += draw_node_copy(draw, lines, grid)
    axis = "row" if "tree" not in inside[-1] else "tree"
    gemm = lines_are_packed(lines) and draw(st.integers(0, 3)) == 0
    walk = "walk with=gemm" if gemm else "walk with=scalar"
    if draw(st.booleans()) and not (gemm and axis == "tree"):
        walk += f" interleave={axis}:{draw(st.sampled_from((1, 2, 3)))}"
    if draw(st.booleans()) and not gemm:
        walk += f" peel={draw(st.integers(0, 3))}"
    if draw(st.integers(0, 3)) == 0 and not gemm:
        walk += " unroll=full"
    return Schedule.from_text("\n".join([*lines, walk]))


def lines_are_packed(lines: list[str]) -> bool:
    return any(line.startswith("layout packed") for line in lines)


def draw_layout(draw: st.DrawFn) -> str:
    align = draw(st.sampled_from((1, 4, 8)))
    if draw(st.booleans()):
        return f"layout {draw(st.sampled_from(('pairs', 'reorg')))} align={align}"
    return f"layout packed predicates={draw(st.sampled_from(('inline', 'table')))} align={align}"


def draw_node_copy(draw: st.DrawFn, lines: list[str], grid: list[str]) -> list[str]:
    if not lines_are_packed(lines) or len(grid) > 1 or draw(st.integers(0, 2)):
        return []
    return [f"cache nodes at={grid[0]} in=shared"]


def draw_shared_trees(draw: st.DrawFn, lines: list[str]) -> Schedule:
    """Threads share trees, and maybe rows; or each has several rows."""
    lanes, by = draw(st.sampled_from((1, 2, 3, 8, 32))), draw(st.sampled_from((1, 3, 8)))
    lines.append(f"split tree into=(round, lane) by={lanes}")
    how = draw(st.sampled_from(("rows", "several", "one row", "parts")))
    match how:
        case "rows":
            lines.append(f"split row into=(block, thread) by={by}")
            nest = ["block", "thread", "round", "lane"]
        case "several":
            lines.append(f"split row into=(block, row) by={by}")
            nest = ["block", "round", "lane", "row"]
        case "one row":
            nest = ["row", "round", "lane"]
        case _:
            lines.append(f"split row into=(block, chunk) by={by * 2}")
            lines.append(f"split chunk into=(part, thread) by={by}")
            nest = ["block", "part", "thread", "round", "lane"]
    lines += [f"order {', '.join(nest)}", draw_layout(draw), f"bind {nest[0]} grid.x"]
    first, second = draw(st.permutations("xy"))
    ways = ["shared", *(["atomic"] if "float reassociate" in lines else [])]
    ways += ["shuffle", "shuffle"] if first == "x" and lanes != 3 and how != "several" else []
    lines += [f"bind lane block.{first}", f"reduce lane in={draw(st.sampled_from(ways))}"]
    lines += [f"bind thread block.{second}"] if "thread" in nest else []
    if draw(st.booleans()):
        at = draw(st.sampled_from([loop for loop in nest if loop in ("block", "part")] or ["row"]))
        lines.append(f"cache rows at={at} layout={draw(st.sampled_from(('row', 'column')))} in=shared")
    lines += draw_node_copy(draw, lines, [nest[0]])
    gemm = lines_are_packed(lines) and draw(st.integers(0, 3)) == 0
    walk = "walk with=gemm" if gemm else f"walk with=scalar peel={draw(st.integers(0, 2))}"
    if draw(st.booleans()) and not (gemm and nest[-1] != "row"):
        walk += f" interleave={'row' if nest[-1] == 'row' else 'tree'}:{draw(st.sampled_from((1, 2, 3)))}"
    return Schedule.from_text("\n".join([*lines, walk]))


@st.composite
def bitslices(draw: st.DrawFn) -> Schedule:
    """Any whole schedule for a GPU whose threads share bits."""
    reordered = draw(st.booleans())
    lines = [f"target gpu input={draw(st.sampled_from(('f32', 'f64', 'any')))}"]
    lines += ["float reassociate"] if reordered else []
    lines += [line for line in ("share predicates", "share leaves", "swap children") if draw(st.booleans())]
    lines += [f"reorder trees by={draw(st.sampled_from(('depth', 'size')))}"] if reordered else []
    by = draw(st.sampled_from((1, 7, 32, 33, 64, 100)))
    lines.append(f"split row into=(block, row) by={by}")
    outside = ["block"]
    if draw(st.booleans()):
        lines.append(f"split block into=(super, block) by={by * draw(st.sampled_from((1, 2, 3)))}")
        outside = ["super", "block"]
    trees = ["tree"]
    if draw(st.integers(0, 3)):
        lines.append(f"split tree into=(group, tree) by={draw(st.sampled_from((1, 2, 5)))}")
        trees = ["group", "tree"]
    lines.append(f"rank features at=block to={draw(st.sampled_from(('u8', 'u16', 'u32')))}")
    lines += ["predicates at=block", f"order {', '.join([*outside, *trees, 'row'])}"]
    lines.append(f"bind {outside[0]} grid.x")
    if len(outside) > 1 and draw(st.booleans()):
        lines.append("bind block grid.y")
    lines.append(f"bind row block.{draw(st.sampled_from(('x', 'y')))}")
    if draw(st.booleans()) and trees[0] == "group":
        lines.append("unroll group by=2")
    leaf, multiplex = draw(st.sampled_from(("auto", "path", "index"))), draw(st.sampled_from(("none", "auto")))
    lines.append(f"walk with=bitslice leaf={leaf} multiplex={multiplex}")
    return Schedule.from_text("\n".join(lines))


def draw_nest(draw: st.DrawFn, lines: list[str]) -> tuple[list[str], list[str], list[str]]:
    """A nest, and which of its loops are for blocks and threads."""
    threads = draw(st.sampled_from((1, 4, 32)))
    match draw(st.sampled_from(("thread", "several", "apart", "two", "flat"))):
        case "thread":  # a row for each thread
            lines.append(f"split row into=(block, thread) by={threads}")
            return ["block", "thread", "tree"], ["block"], ["thread"]
        case "several":  # neighbouring rows for each thread
            each = draw(st.sampled_from((2, 3)))
            lines.append(f"split row into=(block, chunk) by={threads * each - draw(st.integers(0, 1))}")
            lines.append(f"split chunk into=(thread, row) by={each}")
            return ["block", "thread", "row", "tree"], ["block"], ["thread"]
        case "apart":  # rows of a thread are as far from one another as there are threads
            lines.append(f"split row into=(block, chunk) by={threads * draw(st.sampled_from((1, 3)))}")
            lines.append(f"split chunk into=(part, thread) by={threads}")
            return ["block", "part", "thread", "tree"], ["block"], ["thread"]
        case "two":  # blocks in two dimensions
            lines.append(f"split row into=(block, chunk) by={threads * 3}")
            lines.append(f"split chunk into=(part, thread) by={threads}")
            return ["block", "part", "thread", "tree"], ["block", "part"], ["thread"]
        case _:  # threads in two dimensions
            lines.append(f"split row into=(block, chunk) by={threads * 3}")
            lines.append("split chunk into=(thread, inner) by=3")
            return ["block", "thread", "inner", "tree"], ["block"], ["thread", "inner"]


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


@settings(max_examples=EXAMPLES)
@given(
    forest=forests(),
    schedule=schedules(),
    n=st.sampled_from(SIZES),
    seed=st.integers(0, 1000),
    how=st.sampled_from(("rows first", "columns first", "apart")),
    data=st.data(),
)
def test_kernels_answer_like_the_forest(
    forest: Forest, schedule: Schedule, n: int, seed: int, how: str, data: st.DataObject
) -> None:
    if refused(forest, schedule):
        return
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


@settings(max_examples=max(1, EXAMPLES // 8))
@given(
    forest=forests(),
    schedule=bitslices(),
    n=st.sampled_from(SIZES),
    seed=st.integers(0, 1000),
    how=st.sampled_from(("rows first", "columns first", "apart")),
    data=st.data(),
)
def test_bits_answer_like_the_forest(
    forest: Forest, schedule: Schedule, n: int, seed: int, how: str, data: st.DataObject
) -> None:
    dtype = data.draw(st.sampled_from(dtypes_of(schedule)))
    check(forest, schedule, dtype, n, seed, how, data.draw(tree_ranges(forest)))


def dtypes_of(schedule: Schedule) -> list[DType]:
    assert schedule.gpu is not None
    return list(DType) if schedule.gpu.input == "any" else [DType[schedule.gpu.input.upper()]]


def refused(forest: Forest, schedule: Schedule) -> bool:
    return forest.inputs.table_offset is not None and "cache rows" in schedule.to_text()


@given(
    forest=forests(),
    schedule=st.one_of(schedules(), bitslices()),
    n=st.sampled_from((0, 1, 5)),
    seed=st.integers(0, 1000),
    data=st.data(),
)
def test_plans_and_loops_answer_like_the_forest(
    forest: Forest, schedule: Schedule, n: int, seed: int, data: st.DataObject
) -> None:
    if refused(forest, schedule):
        return
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
