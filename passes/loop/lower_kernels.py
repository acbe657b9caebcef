"""``lower-kernels``: plans become loops. The last pass; afterwards only the loop dialect is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from treec.codegen.abi import Axis, DType, Task
from treec.errors import ScheduleError
from treec.frontends.base import Forest, Link, Predicted
from treec.passes.loop.block_nest import ROW_TYPES, name_arguments
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.exp import DeviceMath
from treec.passes.loop.gpu import emit_row_per_thread
from treec.passes.loop.labels import RAW_RULES, emit_labels
from treec.passes.loop.links import LibraryMath, divide_row, emit_link
from treec.passes.loop.nests import is_sliced, nest_of
from treec.passes.loop.routines import Routines, allocated_bytes
from treec.passes.loop.row_cost import row_cost
from treec.passes.loop.tables import Tables
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of
from treec.treeir.forest_types import dtype_attribute
from treec.treeir.loop import FuncOp, KernelOp, ReturnOp
from treec.treeir.plan import THREAD_REDUCTIONS, GpuTargetOp, kernels_of, target_of
from treec.treeir.plan import KernelOp as PlanKernelOp

LINK_GRAIN = 64
"""Rows that one shard of the link stage should be a multiple of."""

LARGEST_WORKSPACE = 256 << 20
"""Bytes that one call may need beside its rows and outputs."""


@dataclass(frozen=True)
class LowerKernelsPass(ModulePass):
    """Turn every ``plan.kernel`` into stages for each dtype of rows and each task (raw outputs, responses, leaf ids; on a
    GPU also a classifier's labels).

    Needs a walk and a layout in every kernel. The model and the plans are gone afterwards: their data is in tables.
    Bitslices for calls of some rows have no stages for leaf ids, which are seldom asked for: those are the next kernel's.
    """

    name = "lower-kernels"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        forest = forest_of(only_model(op))
        kernels = kernels_of(op)
        if not kernels:
            raise ScheduleError("there is nothing to lower", fix="a schedule needs at least a layout and a walk")
        _require_alike(kernels, forest)
        old = list(op.body.block.ops)
        lowering = _ModuleLowering(op, forest, row_dtypes(op))
        for kernel in kernels:
            try:
                lowering.kernel(kernel, leaf_ids=kernel is kernels[-1] or not is_sliced(kernel, op))
            except ScheduleError as error:
                error.kernel = kernel.sym_name.data
                raise
        for gone in old:
            gone.detach()
            gone.erase()


def _require_alike(kernels: list[PlanKernelOp], forest: Forest) -> None:
    """All kernels add a row's leaf values in the same groups, or its sum would depend on how many rows a call has."""
    *others, main = kernels
    for kernel in others:
        if _grouping(kernel, forest) != _grouping(main, forest):
            names = kernel.sym_name.data, main.sym_name.data
            raise ScheduleError(
                f"the kernels `{names[0]}` and `{names[1]}` add up trees in other groups or another order, so that the "
                "sum of a row would depend on the number of rows",
                fix="give all kernels the same `reduce`, of loops with the same steps, or none",
            )


def _grouping(kernel: PlanKernelOp, forest: Forest) -> tuple[str, bytes] | None:
    loop = kernel.reduced_loop()
    if loop is None or loop.reduce is None or not forest.sum.reassociate:
        return None
    if loop.reduce.data in THREAD_REDUCTIONS:
        around = next(other for other in kernel.nest() if other.label == loop.of)
        how = "in any order" if loop.reduce.data == "atomic" else "of threads"
        return (how, str(around.step.value.data).encode())
    return loop.reduce.data, loop.step_bounds(forest.trees.n_trees).tobytes()


def row_dtypes(module: ModuleOp) -> tuple[DType, ...]:
    """The dtypes of rows that the target asks kernels for."""
    target = target_of(module)
    chosen = "any" if target is None else target.input.data
    return {"f32": (DType.F32,), "f64": (DType.F64,), "any": (DType.F32, DType.F64)}[chosen]


def _check_workspace(stage: FuncOp, routines: Routines | None) -> None:
    """Blocks of rows are copied, ranked or summed in memory that each thread allocates."""
    size = allocated_bytes(stage) if routines is None else routines.allocated_bytes(stage)
    if size > LARGEST_WORKSPACE:
        raise ScheduleError(
            f"a block of rows takes {size >> 20:,} MiB of memory, and the limit is {LARGEST_WORKSPACE >> 20} MiB",
            fix="use smaller blocks: a smaller by= in the `split` of the rows",
        )


class _ModuleLowering:
    def __init__(self, module: ModuleOp, forest: Forest, dtypes: tuple[DType, ...]) -> None:
        self.module = module
        self.forest = forest
        self.dtypes = dtypes
        self.on_gpu = isinstance(target_of(module), GpuTargetOp)
        self.tables = Tables(module.body.block)
        self.routines = None if self.on_gpu else Routines(module.body.block)
        self.links: dict[DType, list[str]] = {}
        self.labels: dict[DType, list[str]] = {}

    def kernel(self, kernel: PlanKernelOp, *, leaf_ids: bool) -> None:
        name = kernel.sym_name.data
        rows_max = kernel.rows_max.value.data
        cost = None if self.on_gpu else row_cost(kernel, self.module, self.forest)
        calls: list[KernelOp] = []
        for dtype in self.dtypes:
            if dtype not in self.links:
                self.links[dtype] = self._link_stage(name, dtype)
                self.labels[dtype] = self._label_stage(name, dtype) if self.on_gpu else []
            link, label = self.links[dtype], self.labels[dtype]
            raw = self._stages(kernel, Task.RAW, dtype)
            stages = {Task.RAW: raw, Task.RESPONSE: [*raw, *link]}
            if label:
                stages[Task.LABEL] = [*raw, *([] if self.forest.outputs.label in RAW_RULES else link), *label]
            if leaf_ids:
                stages[Task.LEAF] = self._stages(kernel, Task.LEAF, dtype)
            calls += [KernelOp(task, dtype, names, rows_max, cost) for task, names in stages.items()]
        self.module.body.block.add_ops(calls)

    def _stages(self, kernel: PlanKernelOp, task: Task, dtype: DType) -> list[str]:
        name = f"{kernel.sym_name.data}_{task.name.lower()}_{dtype.name.lower()}"
        stages = nest_of(kernel, self.module, self.forest, self.tables, task, ROW_TYPES[dtype]).stages(name, self.routines)
        for stage in stages:
            _check_workspace(stage, self.routines)
        self.module.body.block.add_ops(stages)
        return [stage.sym_name.data for stage in stages]

    def _link_stage(self, kernel_name: str, dtype: DType) -> list[str]:
        """The stage that turns raw outputs into responses in place, one for all kernels; none for an identity."""
        outputs = self.forest.outputs
        if outputs.link is Link.IDENTITY and outputs.average == 1.0:
            return []
        return self._row_stage(f"{kernel_name}_link_{dtype.name.lower()}", dtype, self._link_row)

    def _label_stage(self, kernel_name: str, dtype: DType) -> list[str]:
        """The stage that turns raw outputs or responses into indices of classes in place; none without labels."""
        outputs, n_columns = self.forest.outputs, self.forest.n_columns
        if outputs.predicted is Predicted.RESPONSE:
            return []

        def row_labels(b: LoopBuilder, out: SSAValue, row: SSAValue) -> None:
            emit_labels(b, outputs, out, row, n_columns)

        return self._row_stage(f"{kernel_name}_label_{dtype.name.lower()}", dtype, row_labels)

    def _row_stage(self, name: str, dtype: DType, of_row: Callable[[LoopBuilder, SSAValue, SSAValue], None]) -> list[str]:
        """A stage that changes the outputs of one row after the other."""
        type_ = dtype_attribute(self.forest.sum.dtype)
        stage = FuncOp(name, ROW_TYPES[dtype], type_, axis=Axis.ROW, grain=LINK_GRAIN)
        arguments = name_arguments(stage)
        out, begin, end = (arguments[name] for name in ("out", "row_begin", "row_end"))
        b = LoopBuilder(stage.body.block)

        def body(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
            of_row(t, out, row)
            return []

        if self.on_gpu:
            emit_row_per_thread(b, stage, (begin, end), body)
        else:
            b.for_(begin, end, body, label="row")
        stage.body.block.add_op(ReturnOp())
        self.module.body.block.add_op(stage)
        return [stage.sym_name.data]

    def _link_row(self, b: LoopBuilder, out: SSAValue, row: SSAValue) -> None:
        outputs, n_columns = self.forest.outputs, self.forest.n_columns
        if outputs.average != 1.0:
            divide_row(b, out, row, n_columns, outputs.average)
        if outputs.link is not Link.IDENTITY:
            functions = DeviceMath(self.tables) if self.on_gpu else LibraryMath()
            emit_link(b, outputs.link, outputs.link_scale, out, row, n_columns, functions)
