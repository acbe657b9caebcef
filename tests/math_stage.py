"""A module of the loop dialect with one stage, of a GPU, that applies a function of a device to f64 rows of one column."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp, f64
from xdsl.ir import SSAValue

from treec.codegen.abi import Axis, DType, Task
from treec.passes.loop.block_nest import name_arguments
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.exp import DeviceMath
from treec.passes.loop.gpu import emit_row_per_thread
from treec.passes.loop.tables import Tables
from treec.treeir.loop import FuncOp, KernelOp, ReturnOp


def function_module(name: str) -> ModuleOp:
    """``name``: exp or log1p."""
    module = ModuleOp([])
    stage = FuncOp("stage", f64, f64, axis=Axis.ROW, grain=1)
    arguments = name_arguments(stage)
    functions = DeviceMath(Tables(module.body.block))

    def body(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
        value = t.load(arguments["rows"], row, t.constant(0))
        t.store(
            functions.exp(t, value) if name == "exp" else functions.log1p(t, value), arguments["out"], row, t.constant(0)
        )
        return []

    emit_row_per_thread(LoopBuilder(stage.body.block), stage, (arguments["row_begin"], arguments["row_end"]), body)
    stage.body.block.add_op(ReturnOp())
    module.body.block.add_op(stage)
    module.body.block.add_op(KernelOp(Task.RAW, DType.F64, ["stage"], 1 << 62))
    module.verify()
    return module
