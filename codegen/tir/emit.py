# pyright: basic, reportReturnType=false
"""From a verified module of loop ops to TIR: one small function per op, found in a table by the op's type.

Kernels are made in the form that TVM's printers of CUDA and OpenCL take, and pass none of TVM's lowering passes: these
simplify floats as if they were real numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import ir, tirx
from xdsl.dialects.builtin import ModuleOp, f64
from xdsl.ir import Operation

from treec.codegen.gpu_abi import SCALARS, STATIC_SHARED, GpuArgument, GpuKernel, GpuTarget, GridRule
from treec.codegen.tir.control import (
    emit_barrier,
    emit_for,
    emit_if,
    emit_repeat,
    emit_return,
    emit_terminator,
)
from treec.codegen.tir.functions import BY_KIND
from treec.codegen.tir.memory import (
    bind_arguments,
    emit_alloc,
    emit_atomic_add,
    emit_get_table,
    emit_load,
    emit_read_lane,
    emit_store,
    scratch_bytes,
    shared_bytes,
)
from treec.codegen.tir.ranges import analyse
from treec.codegen.tir.scalars import (
    emit_binary,
    emit_cast,
    emit_compare,
    emit_constant,
    emit_fma,
    emit_math,
    emit_opaque,
    emit_select,
)
from treec.codegen.tir.stage import ZERO, Frame, Stage, sequence
from treec.errors import CodegenError
from treec.treeir import loop
from treec.treeir.loop_types import DIMENSIONS, BufferType

EMITTERS: dict[type[Operation], Callable[[Stage, Any], None]] = {
    loop.AllocOp: emit_alloc,
    loop.AtomicAddOp: emit_atomic_add,
    loop.BarrierOp: emit_barrier,
    loop.BinaryOp: emit_binary,
    loop.CastOp: emit_cast,
    loop.CompareOp: emit_compare,
    loop.ConstantOp: emit_constant,
    loop.FmaOp: emit_fma,
    loop.ForOp: emit_for,
    loop.GetTableOp: emit_get_table,
    loop.IfOp: emit_if,
    loop.LoadOp: emit_load,
    loop.MathOp: emit_math,
    loop.OpaqueOp: emit_opaque,
    loop.ReadLaneOp: emit_read_lane,
    loop.RepeatOp: emit_repeat,
    loop.RepeatWhileOp: emit_terminator,
    loop.ReturnOp: emit_return,
    loop.SelectOp: emit_select,
    loop.StoreOp: emit_store,
    loop.YieldOp: emit_terminator,
}

PREFIX = "treec_"
"""Of all symbols."""

MANY = 1 << 30
"""What TIR is told of a grid whose size depends on the call."""


HIP_PRINTED_AS = "sm_80"
"""HIP is CUDA's language under other names: TVM's printer of CUDA prints it, for any architecture the same."""


@dataclass(frozen=True)
class EmittedKernel:
    """A kernel in TIR, and what launches it."""

    function: tirx.PrimFunc
    kernel: GpuKernel


@dataclass(frozen=True)
class EmittedModule:
    """TIR of all stages of a module, by their names in the loop dialect."""

    kernels: dict[str, EmittedKernel]
    calls: tuple[loop.KernelOp, ...]
    tables: dict[str, loop.TableOp]

    def tir(self) -> tvm.IRModule:
        return tvm.IRModule({made.kernel.symbol: made.function for made in self.kernels.values()})


def emit_module(
    module: ModuleOp, target: GpuTarget, *, wanted: Callable[[loop.FuncOp], bool] | None = None
) -> EmittedModule:
    """Emit all stages of a verified module, or the ``wanted``; raises `CodegenError` naming an op it can't emit."""
    ops = list(module.body.block.ops)
    tables = {op.sym_name.data: op for op in ops if isinstance(op, loop.TableOp)}
    stages = [op for op in ops if isinstance(op, loop.FuncOp) and (wanted is None or wanted(op))]
    kernels = {op.sym_name.data: _emit_stage(op, target, tables) for op in stages}
    return EmittedModule(kernels, tuple(op for op in ops if isinstance(op, loop.KernelOp)), tables)


def emit_op(stage: Stage, op: Operation) -> None:
    if (emit := EMITTERS.get(type(op))) is None:
        raise stage.error(f"{op.name} has no emission to TIR")
    emit(stage, op)


def _emit_stage(op: loop.FuncOp, target: GpuTarget, tables: dict[str, loop.TableOp]) -> EmittedKernel:
    name = op.sym_name.data
    if op.threads is None:
        raise CodegenError("no loop of the stage is shared among threads: it is CPU code", place=f"stage @{name}")
    if op.groups is not None:
        raise CodegenError("groups of trees have no GPU code", place=f"stage @{name}")
    x, y, z = (n.value.data for n in op.threads)
    shared = shared_bytes(op, lanes=target.kind != "cuda")
    narrow, dynamic = analyse(op, tables), is_dynamic(target, shared)
    stage = Stage(name, BY_KIND[target.kind], (x, y, z), tables, narrow, shared, dynamic)
    done: list[Any] = []
    stage.frames.append(Frame(iter(()), lambda _: None))  # what a region leaves behind goes to the one around it
    stage.enter(op.body.block, lambda _: done.append(stage.close()))
    bind_arguments(stage, op)
    while not done:
        emit_op(stage, next(stage.frames[-1].ops))
    return EmittedKernel(_function(stage, done[0], target), _kernel(stage, op))


def is_dynamic(target: GpuTarget, shared: int) -> bool:
    """Does the launch give a kernel its shared memory? OpenCL's declare all they need."""
    return target.kind == "cuda" and shared > STATIC_SHARED


def _kernel(stage: Stage, op: loop.FuncOp) -> GpuKernel:
    arguments = tuple(GpuArgument(*_kind(name)) for name in _ordered(stage))
    x, y, z = (GridRule(*stage.grid_steps.get(dimension, (None, 1))) for dimension in DIMENSIONS)
    uses_f64 = has_f64(op)
    shared, declared = shared_bytes(op, lanes=True), shared_bytes(op, lanes=False)
    dynamic = declared if declared > STATIC_SHARED else 0
    return GpuKernel(PREFIX + stage.name, arguments, (x, y, z), stage.threads, shared, dynamic, uses_f64, scratch_bytes(op))


def has_f64(op: loop.FuncOp) -> bool:
    values = [value for inner in op.walk() for value in (*inner.operands, *inner.results)]
    elements = [argument.type.element for argument in op.body.block.args if isinstance(argument.type, BufferType)]
    return f64 in (*elements, *(value.type for value in values))


def _ordered(stage: Stage) -> list[str]:
    """Names of arguments in order: tables, rows, outputs, numbers."""
    pointers = sorted(name for name in stage.arguments if name.startswith("table_"))
    scratch = ["scratch"] if "scratch" in stage.arguments else []
    return [*pointers, "rows", "out", *scratch, *SCALARS]


def _kind(name: str) -> tuple[Any, str]:
    if name.startswith("table_"):
        return "table", name.removeprefix("table_")
    return (name if name in ("rows", "out", "scratch") else "scalar"), name


def _function(stage: Stage, body: Any, target: GpuTarget) -> tirx.PrimFunc:
    views = [tirx.DeclBuffer(buffer, data=stage.arguments[name]) for (name, _), buffer in stage.views.items()]
    shared = [] if stage.shared is None else [tirx.AllocBuffer(stage.shared)]
    body = sequence([*views, *shared, body])
    extents = dict(zip((f"threadIdx.{d}" for d in DIMENSIONS), stage.threads, strict=True))
    for tag, n in extents.items():  # all of them, so that the launch bounds are known
        if n > 1:
            stage.thread(tag)
    for tag, variable in stage.threading.items():
        extent = tirx.IntImm("int32", extents.get(tag, MANY))
        axis = tirx.IterVar(ir.Range(ZERO, extent), variable, tirx.IterVar.ThreadIndex, tag)
        body = tirx.AttrStmt(axis, "thread_extent", extent, body)
    function = tirx.PrimFunc([stage.arguments[name] for name in _ordered(stage)], body)
    attributes = {
        "calling_conv": 2,  # a kernel of the device
        "target": tvm_target(target),
        "global_symbol": PREFIX + stage.name,
        "tirx.noalias": True,
        "tirx.is_global_func": True,
    }
    if target.kind == "metal":  # its printer asks for the dimensions
        attributes["tirx.kernel_launch_params"] = [*stage.threading]
    return function.with_attr(attributes)


def tvm_target(target: GpuTarget) -> tvm.target.Target:
    if target.kind == "rocm":
        return tvm_target(GpuTarget("cuda", HIP_PRINTED_AS))
    described: dict[str, Any] = {"kind": target.kind}
    if target.arch is not None:
        described["arch"] = target.arch
    return tvm.target.Target(described)
