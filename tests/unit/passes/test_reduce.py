"""Partial sums of groups of trees: which trees a group has, in which order groups are added up, on threads and in parts."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from tests.property.forests import Shape, build
from treec.codegen.abi import PREDICT_PARAMETERS, DType, Task
from treec.codegen.llvm import entry
from treec.codegen.llvm.compile import ArtifactFacts, TargetSpec, compile_module
from treec.codegen.llvm.jit import load_object
from treec.compiler import Compilation, generate, load_in_process
from treec.errors import ScheduleError
from treec.frontends.base import Forest
from treec.frontends.load import LoadedModel
from treec.passes.loop import partial_sums
from treec.passes.loop.lower_kernels import LowerKernelsPass
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.passes.plan.reduce_loop import ReduceLoopPass
from treec.runtime.execute import run_task
from treec.runtime.library import Library
from treec.schedule.library import preset
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.interp import forest as forest_level
from treec.treeir.interp import plan as plan_level
from treec.treeir.interp.plan import add_up
from treec.treeir.plan import ForOp, LoopAxis
from treec.verify.bounds import sum_bound, within
from treec.verify.compare import same
from treec.verify.rows import Domain, random_rows

FOREST = build(Shape(n_trees=23, leaves=5, seed=3, n_columns=1))
CLASSES = build(Shape(n_trees=24, leaves=5, seed=4, n_columns=3))
HEAD = "float reassociate\nlayout packed\nsplit tree into=(group, tree) by=4\n"
TREES_APART = HEAD + "order group, {loops}\nreduce group in={how}\n{vector}walk with={walk}\nparallel group\n"
ROWS = 190
"""More than four vectors of rows, and some that fill none."""


def planned(forest: Forest, text: str) -> ModuleOp:
    module = forest_module(forest)
    run_pipeline(module, pipeline_of(Schedule.from_text(text))[:-1])
    return module


def compiled(forest: Forest, text: str) -> Library:
    compilation = Compilation(LoadedModel(forest, lambda: None), Schedule.from_text(text), ())
    generate(compilation)
    library = load_in_process(compilation, verify=False).library
    assert isinstance(library, Library)
    return library


def rows_of(forest: Forest) -> NDArray[Any]:
    return random_rows(Domain(forest, np.dtype(np.float32)), ROWS, 1).astype(np.float32)


def test_groups_are_of_places_and_end_where_parts_do() -> None:
    loop = ForOp("group", LoopAxis.TREE, (), step=4)
    np.testing.assert_array_equal(loop.step_bounds(10), [0, 4, 8, 10])
    assert len(loop.step_bounds(0)) == 1
    loops = planned(FOREST, HEAD + "specialize group\nreduce group in=vector\nwalk with=scalar").walk()
    cut = next(op for op in loops if isinstance(op, ForOp) and op.parts is not None)
    np.testing.assert_array_equal(cut.step_bounds(23), [0, 4, 8, 12, 16, 20, 23])


@pytest.mark.parametrize("n_groups", range(1, 10))
def test_sums_are_added_in_order_or_in_stages(n_groups: int) -> None:
    parts = np.array([[1e8, 1.0], [1.0, 1e8], [-1e8, 3.0], [2.0, -1e8]] * 3, np.float32)[:n_groups]

    def staged(first: int, size: int) -> NDArray[np.float32]:
        if size == 1:
            return parts[first]
        left = staged(first, size // 2)
        return left + staged(first + size // 2, size // 2) if first + size // 2 < n_groups else left

    in_order = parts[0]
    for part in parts[1:]:
        in_order = in_order + part
    np.testing.assert_array_equal(add_up(parts, "vector"), in_order)
    np.testing.assert_array_equal(add_up(parts, "staged"), staged(0, 16))


@pytest.mark.parametrize("how", ["vector", "staged"])
@pytest.mark.parametrize(
    ("forest", "loops", "vector", "walk"),
    [
        (FOREST, "row, tree", "", "scalar interleave=tree:4"),
        (FOREST, "tree, row", "", "scalar interleave=row:4"),
        (FOREST, "tree, row", "vectorize row by=8\n", "lanes"),
        (CLASSES, "row, tree", "", "scalar"),
        (CLASSES, "tree, row", "vectorize row by=8\n", "lanes interleave=row:2"),
    ],
)
def test_threads_batches_strides_and_parts_have_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, forest: Forest, loops: str, vector: str, walk: str, how: str
) -> None:
    monkeypatch.setattr(entry, "RUN_BYTES", 1 << 11)  # so that a call of all rows is run in parts
    text = TREES_APART.format(loops=loops, how=how, vector=vector, walk=walk)
    library, rows = compiled(forest, text), rows_of(forest)
    kernel = library.kernel(Task.RAW, DType.F32, ROWS)
    assert kernel is not None
    assert kernel.run_rows < ROWS
    wanted = plan_level.run_kernel(planned(forest, text), "raw", rows)
    assert within(forest_level.raw(forest, rows), wanted, sum_bound(forest, rows)).all()
    for n_threads in (1, 2, 3):
        assert same(run_task(library, Task.RAW, rows, n_threads=n_threads), wanted).all()
    for n_rows in (1, 16, 67):
        assert same(run_task(library, Task.RAW, np.asfortranarray(rows[:n_rows]), n_threads=2), wanted[:n_rows]).all()
    some = plan_level.run_kernel(planned(forest, text), "raw", rows[:9], (3, 14))
    assert same(run_task(library, Task.RAW, rows[:9], tree_begin=3, tree_end=14, n_threads=3), some).all()
    leaves = forest_level.leaf_ids(forest, rows, 3, 14)
    np.testing.assert_array_equal(run_task(library, Task.LEAF, rows, tree_begin=3, tree_end=14, n_threads=3), leaves)


def test_one_call_does_the_whole_task_in_its_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "RUN_BYTES", 1 << 11)
    text = TREES_APART.format(loops="row, tree", how="vector", vector="", walk="scalar")
    module = forest_module(CLASSES)
    run_pipeline(module, pipeline_of(Schedule.from_text(text)))
    out_dtype = DType.F64 if CLASSES.sum.dtype == np.float64 else DType.F32
    facts = ArtifactFacts(CLASSES.inputs.n_features, 24, 3, out_dtype, 64)
    loaded = load_object(compile_module(module, facts, TargetSpec("native")).object_bytes)
    types: list[Any] = [ctypes.c_void_p if p.ctype.endswith("*") else ctypes.c_int64 for p in PREDICT_PARAMETERS]
    types[:2] = [ctypes.c_int32, ctypes.c_int32]
    predict = ctypes.CFUNCTYPE(ctypes.c_int32, *types)(loaded.predict_address)
    rows = np.asfortranarray(rows_of(CLASSES))[::-1]
    out = np.zeros((ROWS, 3), CLASSES.sum.dtype)[:, ::-1]
    size = 6 * 3 * out.itemsize  # of a row: six groups, three columns
    run_rows = (1 << 11) // size
    space = np.full(size * run_rows + 128, 0xA5, np.uint8)
    workspace = -(-space.ctypes.data // 64) * 64
    strides = [[stride // array.itemsize for stride in array.strides] for array in (rows, out)]
    arguments = (rows.ctypes.data, *strides[0], ROWS, out.ctypes.data, *strides[1], 0, 24, workspace)
    assert predict(Task.RAW, DType.F32, *arguments) == 0
    assert same(out, plan_level.run_kernel(planned(CLASSES, text), "raw", rows)).all()
    assert (space[workspace - space.ctypes.data + size * run_rows :] == 0xA5).all()


def test_the_preset_shares_out_groups() -> None:
    forest = build(Shape(n_trees=130, leaves=4, seed=5))
    library = compiled(forest, preset("tree-parallel").to_text())
    rows = rows_of(forest)
    wanted = run_task(library, Task.RAW, rows)
    assert within(forest_level.raw(forest, rows), wanted, sum_bound(forest, rows)).all()
    assert same(run_task(library, Task.RAW, rows, n_threads=3), wanted).all()
    kernel = library.kernel(Task.RAW, DType.F32, 1)
    assert kernel is not None
    assert [stage.n_groups for stage in kernel.stages] == [3, 0]


def test_too_many_partial_sums_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    block = "split row into=(block, row) by=64\norder block, group, tree, row\nreduce group in=vector\nwalk with=scalar\n"
    size = 6 * 3 * CLASSES.sum.dtype.itemsize
    monkeypatch.setattr(partial_sums, "LARGEST", size * 63)
    module = forest_module(CLASSES)
    with pytest.raises(ScheduleError, match="18 partial sums a row") as caught:
        run_pipeline(module, pipeline_of(Schedule.from_text(HEAD + block)))
    assert "at most 63 rows" in (caught.value.fix or "")
    monkeypatch.setattr(partial_sums, "LARGEST", size - 1)
    text = TREES_APART.format(loops="row, tree", how="vector", vector="", walk="scalar")
    with pytest.raises(ScheduleError, match="18 partial sums a row") as caught:
        run_pipeline(forest_module(CLASSES), pipeline_of(Schedule.from_text(text)))
    assert caught.value.fix == "make groups of more trees"


def test_passes_by_hand_refuse_kernels_that_add_otherwise() -> None:
    module = planned(FOREST, HEAD + "kernel when rows <= 4 {\n  walk with=scalar\n}\nwalk with=scalar\n")
    ReduceLoopPass("group", kernel="rows_4").apply(Context(), module)
    with pytest.raises(ScheduleError, match="`rows_4` and `main` add up trees in other groups"):
        LowerKernelsPass().apply(Context(), module)
