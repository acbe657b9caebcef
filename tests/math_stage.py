"""Modules of the loop dialect with one stage, of a GPU, that makes outputs of f64 rows without a model."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import ModuleOp, f64
from xdsl.ir import SSAValue

from treec.codegen.abi import Axis, DType, Task
from treec.frontends.base import Outputs
from treec.passes.loop.block_nest import name_arguments
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.exp import DeviceMath
from treec.passes.loop.gpu import emit_row_per_thread
from treec.passes.loop.labels import emit_labels
from treec.passes.loop.tables import Tables
from treec.treeir.loop import FuncOp, KernelOp, ReturnOp

OfRow = Callable[[LoopBuilder, SSAValue, SSAValue, SSAValue], None]
"""Emits code for a row; from (builder, rows, outputs, row)."""


def function_module(name: str) -> ModuleOp:
    """A function of the only column: exp or log1p."""
    module = ModuleOp([])
    functions = DeviceMath(Tables(module.body.block))

    def of_row(t: LoopBuilder, rows: SSAValue, out: SSAValue, row: SSAValue) -> None:
        value = t.load(rows, row, t.constant(0))
        t.store(functions.exp(t, value) if name == "exp" else functions.log1p(t, value), out, row, t.constant(0))

    return _module(module, of_row, Task.RAW)


def label_module(outputs: Outputs, n_columns: int) -> ModuleOp:
    """Labels of rows that are tables of outputs."""

    def of_row(t: LoopBuilder, rows: SSAValue, out: SSAValue, row: SSAValue) -> None:
        for column in map(t.constant, range(n_columns)):
            t.store(t.load(rows, row, column), out, row, column)
        emit_labels(t, outputs, out, row, n_columns)

    return _module(ModuleOp([]), of_row, Task.LABEL)


def _module(module: ModuleOp, of_row: OfRow, task: Task) -> ModuleOp:
    stage = FuncOp("stage", f64, f64, axis=Axis.ROW, grain=1)
    arguments = name_arguments(stage)

    def body(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
        of_row(t, arguments["rows"], arguments["out"], row)
        return []

    emit_row_per_thread(LoopBuilder(stage.body.block), stage, (arguments["row_begin"], arguments["row_end"]), body)
    stage.body.block.add_op(ReturnOp())
    module.body.block.add_op(stage)
    module.body.block.add_op(KernelOp(task, DType.F64, ["stage"], 1 << 62))
    module.verify()
    return module
