"""Every level answers alike: Forest, plan, loops and machine code, for random forests, schedules and rows, bit for bit."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.parser import Parser

from tests.property.forests import Shape, build, shapes
from treec.codegen.abi import DType, Task
from treec.compiler import Compilation, generate, load_in_process
from treec.errors import ScheduleError
from treec.frontends.base import F32, Final, Forest, Link, Outputs, Test, Trees
from treec.frontends.load import LoadedModel
from treec.passes.algo.bitslice import MOST_LEVELS
from treec.passes.algo.depths import leaf_depths
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.runtime.execute import run_task
from treec.schedule.base import Directive, Stage
from treec.schedule.directives import AnswerPredicates, CacheRows, Layout, RankFeatures, ReorderTrees, Walk
from treec.schedule.kernel import KernelWhen
from treec.schedule.schedule import Schedule
from treec.treeir.forest import Forest as ForestDialect
from treec.treeir.forest_convert import forest_module
from treec.treeir.interp import forest as forest_level
from treec.treeir.interp import loop as loop_level
from treec.treeir.interp import plan as plan_level
from treec.treeir.loop import Loop
from treec.treeir.plan import Plan
from treec.verify.bounds import sum_bound, within
from treec.verify.compare import same
from treec.verify.rows import Domain, random_rows

MACHINE_EXAMPLES = max(1, settings().max_examples * 2 // 3)
"""Each costs half a second in LLVM."""
TEXT_EXAMPLES = max(1, settings().max_examples // 4)

SPECIAL_THRESHOLDS = (np.inf, -np.inf, -0.0, 5e-324, 3.4e38)
SPECIAL_LEAVES = (np.inf, -np.inf, np.nan, -0.0, 5e-324, 3.4e38)
LINKS = {
    F32: (Link.IDENTITY, Link.XGB_SIGMOID, Link.XGB_SOFTMAX, Link.XGB_EXP, Link.XGB_HINGE),
    np.dtype(np.float64): tuple(link for link in Link if not link.value.startswith("xgb_")),
}


def spiced(values: NDArray[Any], extra: tuple[float, ...], rng: np.random.Generator) -> NDArray[Any]:
    """Some of the values replaced by special ones."""
    with np.errstate(all="ignore"):
        return np.where(rng.random(values.shape) < 0.1, rng.choice(np.array(extra), values.shape), values).astype(
            values.dtype
        )


@st.composite
def forests(draw: st.DrawFn) -> Forest:
    """`tests.property.forests`, and what those leave out: links, infinite thresholds, odd leaves, leaves in plain order."""
    shape: Shape = draw(shapes(max_trees=6, max_leaves=10))
    forest = build(shape)
    rng = np.random.default_rng(shape.seed)
    predicates, trees, leaves = forest.predicates, forest.trees, forest.leaves
    if draw(st.booleans()):
        compares = predicates.category_set < 0
        special = spiced(predicates.threshold, SPECIAL_THRESHOLDS, rng)
        predicates = replace(predicates, threshold=np.where(compares, special, predicates.threshold))
    if draw(st.booleans()):
        leaves = replace(leaves, values=spiced(leaves.values, SPECIAL_LEAVES, rng))
    if draw(st.booleans()):
        n = len(trees.leaf_row)
        leaves = replace(leaves, values=leaves.values[np.arange(n) % len(leaves.values)])
        local = np.arange(n, dtype=np.int32) - np.repeat(trees.leaf_offset[:-1], np.diff(trees.leaf_offset))
        trees = replace(trees, leaf_row=np.arange(n, dtype=np.int32), leaf_id=local.astype(np.int32))
    trees = replace(
        trees,
        node_count=rng.integers(0, 9, len(trees.predicate)).astype(np.float64),
        leaf_count=rng.integers(0, 9, len(trees.leaf_row)).astype(np.float64),
    )
    outputs = Outputs(
        vector=forest.n_columns == 1,
        link=draw(st.sampled_from(LINKS[forest.sum.dtype])),
        link_scale=draw(st.sampled_from((1.0, 0.75))),
        average=draw(st.sampled_from((1.0, 3.0))),
    )
    return replace(forest, predicates=predicates, trees=trees, leaves=leaves, outputs=outputs).check()


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Any whole schedule: `plans`, alone or with kernels for few rows, whose layout is their own or common."""
    tiled = draw(st.booleans())
    limits = sorted(draw(st.one_of(st.just(set[int]()), st.sets(st.sampled_from((1, 2, 4, 5, 7, 50)), max_size=2))))
    groups = draw(st.one_of(st.none(), st.tuples(st.sampled_from((1, 2, 3, 4)), st.sampled_from(("staged", "vector")))))
    draw_plan = partial(plans, tiled, groups=groups, alike=bool(limits))
    main = draw(draw_plan())
    common = [d for d in main if d.stage is not Stage.PLAN]
    rest = [d for d in main if d.stage is Stage.PLAN]
    held = any(isinstance(d, ReorderTrees) for d in common) and main.float_policy == "exact"
    small = [(rows, [d for d in draw(draw_plan(rows_first=held)) if d.stage is Stage.PLAN]) for rows in limits]
    if small and draw(st.booleans()):
        plain = [plan for plan in (rest, *(plan for _, plan in small)) if has_layout(plan)]
        if len(plain) == 1 + len(small):
            layout = next(d for d in rest if isinstance(d, Layout))
            common.append(layout if tiled else replace(layout, kind="packed"))
            rest = with_common_layout(rest, tiled)
            small = [(rows, with_common_layout(plan, tiled)) for rows, plan in small]
    if main.target.input == "f32" and draw(st.booleans()):
        common, rest = with_f32_thresholds(common), with_f32_thresholds(rest)
        small = [(rows, with_f32_thresholds(plan)) for rows, plan in small]
    return Schedule((*common, *(KernelWhen(rows, tuple(plan)) for rows, plan in small), *rest)).check()


def with_f32_thresholds(plan: list[Directive]) -> list[Directive]:
    """A plan whose nodes have f32 thresholds, unless they are ranks."""
    ranked = any(isinstance(d, RankFeatures) for d in plan)
    return [replace(d, threshold="f32") if isinstance(d, Layout) and not ranked else d for d in plan]


def has_layout(plan: list[Directive]) -> bool:
    """A layout that may be another one: below a slice it may not."""
    return any(isinstance(d, Layout) for d in plan) and not any(isinstance(d, AnswerPredicates) for d in plan)


def with_common_layout(plan: list[Directive], tiled: bool) -> list[Directive]:
    """A plan without a layout of its own, and with a walk that suits the common one."""
    rest = [d for d in plan if not isinstance(d, (Layout, RankFeatures))]
    return [
        replace(d, strategy="scalar") if isinstance(d, Walk) and d.strategy == "tile" and not tiled else d for d in rest
    ]


def draw_tiles(draw: st.DrawFn) -> str:
    """A `tile nodes`."""
    shape = draw(
        st.sampled_from(("uniform", "probability", "probability alpha=1", "probability beta=0.5", "hybrid above=0.3"))
    )
    return f"tile nodes size={draw(st.sampled_from((1, 2, 3, 4, 7, 8, 9, 16)))} shape={shape}"


def draw_fuse(draw: st.DrawFn, inside: dict[str, str | None], axis: dict[str, str], number: int) -> str:
    """A `fuse` of a loop, but a group, and the one that it divides; changes what is ``inside`` of what."""
    inner = draw(st.sampled_from(sorted(name for name, of in inside.items() if of not in (None, "group"))))
    outer = inside.pop(inner)
    assert outer is not None
    new = f"{axis[inner]}f{number}"
    around = inside.pop(outer)
    for name, of in list(inside.items()):
        inside[name] = new if of == inner else of
    inside[new] = around
    axis[new] = axis[inner]
    return f"fuse {outer}, {inner} into={new}"


def draw_bitslice(draw: st.DrawFn, nest: list[str], at: str) -> list[str]:
    """The rest of a schedule whose nest has a block of rows, loops over trees, and its rows."""
    lines = [f"order {', '.join(nest)}", f"rank features at={at} to={draw(st.sampled_from(('u8', 'u16', 'u32')))}"]
    lines.append(f"predicates at={at}")
    lines += [f"unroll {loop} by=2" for loop in nest[:-1] if draw(st.integers(0, 3)) == 0]
    leaf, word = draw(st.sampled_from(("auto", "path", "index"))), draw(st.sampled_from((0, 64, 128, 512)))
    multiplex, lookup = (
        draw(st.sampled_from(("auto", "all", "none"))),
        draw(st.sampled_from(("permute", "bytes", "auto", "gather"))),
    )
    sliced = ""
    if draw(st.integers(0, 2)) == 0:
        lines.append(f"layout pairs align={draw(st.sampled_from((1, 4, 8)))}")
        beside = draw(st.sampled_from(("none", "row:1", "row:2", "row:3", "row:8")))
        sliced = f" slice={draw(st.integers(1, 8))} interleave={beside} peel={draw(st.integers(0, 4))}"
        sliced += f" unroll={draw(st.sampled_from(('none', 'full')))}"
    more = sliced or f" trees={draw(st.sampled_from((0, 1, 2, 4, 8)))}"
    lines.append(f"walk with=bitslice leaf={leaf} word={word} multiplex={multiplex} lookup={lookup}{more}")
    return lines + [f"parallel {nest[0]}" for _ in range(draw(st.integers(0, 1)))]


def draw_branch(draw: st.DrawFn, nest: list[str], above_trees: list[str]) -> list[str]:
    """The rest of a schedule whose trees are code."""
    lines = [f"order {', '.join(nest)}"]
    if above_trees and draw(st.booleans()):
        layout = draw(st.sampled_from(("row", "column")))
        lines.append(f"cache rows at={draw(st.sampled_from(above_trees))} layout={layout}")
    lines.append("walk with=branch")
    return lines + [f"parallel {nest[0]}" for _ in range(draw(st.integers(0, 1))) if nest[0] in above_trees]


@st.composite
def plans(
    draw: st.DrawFn,
    tiled: bool = False,
    *,
    rows_first: bool = False,
    groups: tuple[int, str] | None = None,
    alike: bool = False,
) -> Schedule:
    """Schedules of one kernel: splits of both axes, orders, layouts, with or without tiles, sharing and threads.

    ``rows_first``: the outermost loop is over rows. ``groups``: so many trees have a partial sum, and how these are added
    up; ``alike``: in the same groups whatever else is drawn.
    """
    lines = [f"target cpu input={draw(st.sampled_from(('any', 'f32', 'f64')))}"]
    policy = "reassociate" if groups else draw(st.sampled_from(("exact", "reassociate")))
    lines.append(f"float {policy}")
    lines += [line for line in ("share predicates", "share leaves") if draw(st.booleans())]
    if draw(st.booleans()):
        lines.append("swap children")
    if draw(st.booleans()):
        lines.append(f"pad trees to={draw(st.sampled_from(('tree', 'forest')))} limit=1000")
    reordered = draw(st.booleans())
    if reordered:
        lines.append(f"reorder trees by={draw(st.sampled_from(('depth', 'size', 'similarity')))}")
        rows_first = rows_first or policy == "exact"  # leaf values are held in blocks of rows
    if tiled:
        lines.append(draw_tiles(draw))
    inside: dict[str, str | None] = {"row": None, "tree": None}
    axis = {"row": "row", "tree": "tree"}
    if groups:
        lines.append(f"split tree into=(group, tree) by={groups[0]}")
        inside |= {"group": None, "tree": "group"}
        axis["group"] = "tree"
    for number in range(draw(st.integers(0, 3))):
        loop = draw(st.sampled_from(sorted(inside.keys() - {"group"})))
        outer, inner = f"{loop}{number}", draw(st.sampled_from((loop, f"{loop}{number}i")))
        lines.append(f"split {loop} into=({outer}, {inner}) by={draw(st.sampled_from((1, 2, 3, 5, 16)))}")
        of, was = inside.pop(loop), axis.pop(loop)
        inside = {name: inner if parent == loop else parent for name, parent in inside.items()}
        inside |= {outer: of, inner: outer}
        axis |= {outer: was, inner: was}
        if draw(st.integers(0, 3)) == 0:
            lines.append(draw_fuse(draw, inside, axis, number))
    nest: list[str] = []
    for loop in draw(st.permutations(sorted(inside))):
        chain = [loop]
        while (parent := inside[chain[0]]) is not None:
            chain.insert(0, parent)
        nest += [name for name in chain if name not in nest]
    if rows_first:
        first = nest.index(next(name for name in nest if axis[name] == "row"))
        nest.insert(0, nest.pop(first))
    covers = next(name for name in nest if axis[name] == "tree")
    cuts = ("", f"specialize {covers}", f"fission {covers} by=depth limit=9")
    cut = draw(st.sampled_from(cuts[:2] if groups and alike else cuts))
    cut += " limit=9" if cut.startswith("specialize") and draw(st.booleans()) else ""
    lines += [cut] if cut else []
    lines += [f"reduce group in={groups[1]}"] if groups else []
    single = cut.startswith("specialize") and covers not in inside.values()
    above_trees = [loop for at, loop in enumerate(nest) if all(axis[outer] == "row" for outer in nest[: at + 1])]
    kept = [axis[loop] for loop in nest[len(above_trees) :]]
    if not tiled and above_trees and kept.count("row") == 1 and kept[-1] == "row" and draw(st.booleans()):
        sliced = [line for line in draw_bitslice(draw, nest, above_trees[-1]) if not line.startswith(f"unroll {covers} ")]
        return Schedule.from_text("\n".join([*lines, *sliced]))
    if single and not tiled and draw(st.booleans()):
        return Schedule.from_text("\n".join([*lines, *draw_branch(draw, nest, above_trees)]))
    ranked = bool(above_trees) and draw(st.booleans())
    if ranked:
        to = draw(st.sampled_from(("u8", "u16", "u32")))
        lines.append(f"rank features at={draw(st.sampled_from(above_trees))} to={to}")
    feature = draw(st.sampled_from(("auto", "u8", "u16", "u32")))
    widths = "" if ranked else f" threshold={draw(st.sampled_from(('auto', 'f64')))}"
    padded = any(line.startswith("pad") for line in lines)
    most = "u16" if feature == "u32" else "u32"  # a node has 64 bits beside its threshold
    child = f" child={draw(st.sampled_from(('auto', most if padded else 'u8', 'u16', most)))}"
    predicates, align = draw(st.sampled_from(("inline", "table"))), draw(st.sampled_from((1, 4, 8)))
    pairs = not tiled and draw(st.integers(0, 1 if ranked else 2)) == 0
    by_tile = tiled or (not pairs and draw(st.integers(0, 3)) == 0)
    together = not pairs and not by_tile and draw(st.integers(0, 2)) == 0
    if by_tile:
        kind, align = draw(st.sampled_from(("array", f"sparse{child}"))), draw(st.sampled_from((1, 4, 64)))
    else:
        kind = f"pairs{child}" if pairs else "reorg" if together else f"packed predicates={predicates}{child}"
    feature = "auto" if by_tile and feature == "u32" else feature  # a tile has not so many bits
    lines.append(f"layout {kind} align={align} feature={feature}{widths}")
    lines.append(f"order {', '.join(nest)}")
    if above_trees and not ranked and draw(st.booleans()):
        lines.append(
            f"cache rows at={draw(st.sampled_from(above_trees))} layout={draw(st.sampled_from(('row', 'column')))}"
        )
    if above_trees and draw(st.integers(0, 3)) == 0:
        ahead = draw(st.sampled_from((1, 2, 5)))
        lines.append(f"prefetch rows at={draw(st.sampled_from(above_trees))} ahead={ahead}")
    for loop in draw(st.lists(st.sampled_from(nest), max_size=2, unique=True)):
        counts = (1, 2, 3) if inside[loop] is None else (2, "full")
        if not f"{cut} ".startswith(f"specialize {loop} "):
            lines.append(f"unroll {loop} by={draw(st.sampled_from(counts))}")
    beside = draw(st.sampled_from(("none", *(f"{axis[nest[-1]]}:{count}" for count in (1, 2, 3, 8)))))
    beside = "none" if single and axis[nest[-1]] == "tree" else beside
    steps = f"peel={draw(st.integers(0, 4))} unroll={draw(st.sampled_from(('none', 'full')))}"
    strategy = "with=tile" if tiled else draw(st.sampled_from(("with=tile", "with=scalar"))) if by_tile else "with=scalar"
    if axis[nest[-1]] == "row" and not (pairs or by_tile or together) and draw(st.booleans()):
        strategy = "with=lanes"
        by = draw(st.sampled_from((0, 2, 4, 8, 16)))
        lines.append(f"vectorize {nest[-1]} by={by}" if by else f"vectorize {nest[-1]}")
    packed = strategy == "with=scalar" and not (pairs or by_tile or together)
    if packed and not beside.startswith("tree") and draw(st.integers(0, 3)) == 0:
        strategy, steps = "with=gemm", ""
    lines.append(f"walk {strategy} interleave={beside} {steps}")
    if (axis[nest[0]] == "row" or nest[0] == "group") and draw(st.booleans()):
        lines.append(f"parallel {nest[0]}")
    return Schedule.from_text("\n".join(lines))


@dataclass(frozen=True)
class Lowered:
    """A forest at the two lower levels of the IR."""

    planned: ModuleOp
    loops: ModuleOp


def lowered(forest: Forest, schedule: Schedule) -> Lowered:
    """Run the schedule's passes; the plan is read back from its own text."""
    module = forest_module(forest)
    *steps, last = pipeline_of(schedule)
    run_pipeline(module, steps)
    planned = reread(module)
    run_pipeline(module, [last])
    return Lowered(planned, module)


def reread(module: ModuleOp) -> ModuleOp:
    context = Context()
    for dialect in (Builtin, ForestDialect, Plan, Loop):
        context.load_dialect(dialect)
    text = str(module)
    again = Parser(context, text).parse_module()
    again.verify()
    assert str(again) == text
    return again


def strided(rows: NDArray[Any], kind: str) -> NDArray[Any]:
    """The same rows in another place of memory."""
    if kind == "columns first":
        return np.asfortranarray(rows)
    if kind == "backwards":
        return rows[::-1, ::-1].copy()[::-1, ::-1]
    if kind == "apart":
        wide = np.full((2 * len(rows), 3 * rows.shape[1]), np.nan, rows.dtype)
        wide[::2, 1::3] = rows
        return wide[::2, 1::3]
    return rows


STRIDES = ("rows first", "columns first", "backwards", "apart")
DTYPES = {DType.F32: np.dtype(np.float32), DType.F64: np.dtype(np.float64)}
dtypes = st.sampled_from(DType)
seeds = st.integers(0, 1000)


def tree_ranges(forest: Forest) -> st.SearchStrategy[tuple[int, int]]:
    n = forest.trees.n_trees
    return st.one_of(st.just((0, n)), st.tuples(st.integers(0, n), st.integers(0, n)).map(lambda ab: (min(ab), max(ab))))


def expected(forest: Forest, rows: NDArray[Any], trees: tuple[int, int]) -> dict[Task, NDArray[Any]]:
    raw = forest_level.raw(forest, rows, *trees)
    return {
        Task.RAW: raw,
        Task.RESPONSE: forest_level.response(forest, raw),
        Task.LEAF: forest_level.leaf_ids(forest, rows, *trees),
    }


def planned_sums(
    forest: Forest, planned: ModuleOp, rows: NDArray[Any], trees: tuple[int, int], exact: dict[Task, NDArray[Any]]
) -> dict[Task, NDArray[Any]]:
    """What a plan that reassociates answers: sums of its own, close to the exact ones, and links of these."""
    raw = plan_level.run_kernel(planned, "raw", rows, trees)
    close = within(exact[Task.RAW], raw, sum_bound(forest, rows, *trees))
    np.testing.assert_array_equal(close, True, err_msg=f"{raw}\n is not near \n{exact[Task.RAW]}")
    return {**exact, Task.RAW: raw, Task.RESPONSE: forest_level.response(forest, raw)}


def refused(forest: Forest, schedule: Schedule) -> str | None:
    """Why, as a pattern, or None. Value tables need a row loop outside, and are a copy of the rows already; multiplexers
    are not deep; no f32 equals a number that is none."""
    reasons: list[str] = []
    scopes = schedule.scopes().values()
    first = {next(iter(scope.loops.values())).value for scope in scopes}
    cached = any(scope.find(CacheRows) is not None for scope in scopes)
    if forest.inputs.table_offset is not None and ("tree" in first or cached):
        reasons.append("value tables")
    walks = [scope.find(Walk) for scope in scopes]
    full = any(walk is not None and walk.multiplex == "all" for walk in walks)
    levels = leaf_depths(forest.trees)[1].max(initial=0) if isinstance(forest.trees, Trees) else 0
    if full and levels > MOST_LEVELS:
        reasons.append("a multiplexer at most")
    p = forest.predicates
    with np.errstate(all="ignore"):
        no_f32 = (p.test == Test.EQUAL) & (p.threshold.astype(np.float32) != p.threshold)
    layouts = [scope.find(Layout) for scope in scopes]
    if no_f32.any() and any(layout is not None and layout.threshold == "f32" for layout in layouts):
        reasons.append("which is no f32")
    return "|".join(reasons) or None


def reads(schedule: Schedule, dtype: DType) -> bool:
    return schedule.target.input in ("any", dtype.name.lower())


def assert_same(found: NDArray[Any], wanted: NDArray[Any]) -> None:
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(same(found, wanted), True, err_msg=f"{found}\n is not \n{wanted}")


@given(forest=forests(), schedule=schedules(), dtype=dtypes, n=st.sampled_from((0, 1, 5)), seed=seeds, data=st.data())
def test_plans_and_loops_answer_like_the_forest(
    forest: Forest, schedule: Schedule, dtype: DType, n: int, seed: int, data: st.DataObject
) -> None:
    if (reason := refused(forest, schedule)) is not None:
        with pytest.raises(ScheduleError, match=reason):
            lowered(forest, schedule)
        return
    levels = lowered(forest, schedule)
    dtype = dtype if reads(schedule, dtype) else next(other for other in DType if reads(schedule, other))
    rows = strided(random_rows(Domain(forest, DTYPES[dtype]), n, seed), data.draw(st.sampled_from(STRIDES)))
    trees = data.draw(tree_ranges(forest))
    outputs = expected(forest, rows, trees)
    if schedule.float_policy == "reassociate":
        outputs = planned_sums(forest, levels.planned, rows, trees, outputs)
    for task, wanted in outputs.items():
        name: Any = task.name.lower()
        assert_same(plan_level.run_kernel(levels.planned, name, rows, trees), wanted)
        assert_same(loop_level.run_kernel(levels.loops, task, dtype, rows, trees, wanted.shape[1]), wanted)


@settings(max_examples=TEXT_EXAMPLES)
@given(forest=forests(), schedule=schedules())
def test_loops_read_back_from_their_text(forest: Forest, schedule: Schedule) -> None:
    if not refused(forest, schedule):
        reread(lowered(forest, schedule).loops)


@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="treec makes code for x86-64 and aarch64")
@settings(max_examples=MACHINE_EXAMPLES)
@given(forest=forests(), schedule=schedules(), seed=seeds, data=st.data())
def test_machine_code_answers_like_the_forest(forest: Forest, schedule: Schedule, seed: int, data: st.DataObject) -> None:
    if refused(forest, schedule):
        return
    planned = lowered(forest, schedule).planned
    compilation = Compilation(LoadedModel(forest, lambda: None), schedule, ())
    generate(compilation)
    library = load_in_process(compilation, verify=False).library
    averages = forest.sum.final is Final.DIVIDE or forest.outputs.average != 1.0
    assert library.facts.averages == averages
    for dtype in DType:
        if not reads(schedule, dtype):
            continue
        for n in (0, 1, 7, 100):
            rows = strided(random_rows(Domain(forest, DTYPES[dtype]), n, seed), data.draw(st.sampled_from(STRIDES)))
            trees = data.draw(tree_ranges(forest))
            threads = data.draw(st.integers(1, 3))
            outputs = expected(forest, rows, trees)
            if schedule.float_policy == "reassociate":
                outputs = planned_sums(forest, planned, rows, trees, outputs)
            for task, wanted in outputs.items():
                found = run_task(library, task, rows, tree_begin=trees[0], tree_end=trees[1], n_threads=threads)
                assert_same(found, wanted)
