# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""From a verified module of loop ops to LLVM IR: one small function per op, found in a table by the op's type.

The IR holds no data of tables: each is a zeroed section of the right size, filled in the object file (`tables`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from llvmlite import ir
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from treec.codegen.abi import STAGE_PARAMETERS
from treec.codegen.llvm.bits import emit_mask_bits, emit_popcount, emit_reverse_bits
from treec.codegen.llvm.columns import emit_load_columns
from treec.codegen.llvm.control import emit_for, emit_if, emit_repeat, emit_return, emit_terminator
from treec.codegen.llvm.decide import emit_decide
from treec.codegen.llvm.hints import emit_opaque, emit_prefetch
from treec.codegen.llvm.memory import (
    WORKSPACE_ALIGN,
    allotted,
    bind_arguments,
    emit_alloc,
    emit_get_table,
    emit_load,
    emit_store,
)
from treec.codegen.llvm.routines import emit_call_routine, emit_routine
from treec.codegen.llvm.scalars import (
    emit_binary,
    emit_cast,
    emit_compare,
    emit_constant,
    emit_fma,
    emit_math,
    emit_select,
)
from treec.codegen.llvm.shuffles import emit_interleave, emit_multiplex, emit_shuffle, emit_transpose_bits
from treec.codegen.llvm.stage import ARGUMENT, EmittedRoutine, Place, Stage
from treec.codegen.llvm.tables import TableSection, declare_tables
from treec.codegen.llvm.target import ResolvedTarget
from treec.codegen.llvm.types import I32, I64, POINTER, define_function
from treec.codegen.llvm.vectors import emit_any_lane, emit_gather, emit_lane_numbers, emit_scatter, emit_splat
from treec.errors import CodegenError
from treec.treeir import loop
from treec.treeir.loop_types import BufferType, is_float

SPECIALISE_OPS = 4096
"""Stages of at most so many ops get a second body for rows whose columns lie side by side: a walk then needs no multiply
to find a feature. Larger ones (unrolled trees) are not worth twice the code, nor are leaf ids, which are rarely asked for
in bulk, nor what reads a row once per block, column by column."""
_BITSLICED = (loop.MultiplexOp, loop.TransposeBitsOp)

EMITTERS: dict[type[Operation], Callable[[Stage, Any], None]] = {
    loop.AllocOp: emit_alloc,
    loop.AnyLaneOp: emit_any_lane,
    loop.BinaryOp: emit_binary,
    loop.CallOp: emit_call_routine,
    loop.CastOp: emit_cast,
    loop.CompareOp: emit_compare,
    loop.ConstantOp: emit_constant,
    loop.DecideOp: lambda stage, op: emit_decide(stage, op, emit_op),
    loop.FmaOp: emit_fma,
    loop.ForOp: emit_for,
    loop.GatherOp: emit_gather,
    loop.GetTableOp: emit_get_table,
    loop.IfOp: emit_if,
    loop.InterleaveOp: emit_interleave,
    loop.LaneNumbersOp: emit_lane_numbers,
    loop.LoadOp: emit_load,
    loop.MaskBitsOp: emit_mask_bits,
    loop.MathOp: emit_math,
    loop.MultiplexOp: emit_multiplex,
    loop.OpaqueOp: emit_opaque,
    loop.PopcountOp: emit_popcount,
    loop.ReverseBitsOp: emit_reverse_bits,
    loop.LoadColumnsOp: emit_load_columns,
    loop.PrefetchOp: emit_prefetch,
    loop.RepeatOp: emit_repeat,
    loop.RepeatWhileOp: emit_terminator,
    loop.ReturnOp: emit_return,
    loop.ScatterOp: emit_scatter,
    loop.SelectOp: emit_select,
    loop.ShuffleOp: emit_shuffle,
    loop.SplatOp: emit_splat,
    loop.StoreOp: emit_store,
    loop.TransposeBitsOp: emit_transpose_bits,
    loop.YieldOp: emit_terminator,
}

STAGE_TYPE = ir.FunctionType(I32, [POINTER if p.ctype.endswith("*") else I64 for p in STAGE_PARAMETERS])


@dataclass(frozen=True)
class EmittedStage:
    """A stage function in the IR, and what the artifact's tables say about it."""

    op: loop.FuncOp
    function: ir.Function
    workspace_bytes: int


@dataclass(frozen=True)
class EmittedModule:
    """LLVM IR of all stages of a module, by name; the sections to fill with tables."""

    module: ir.Module
    target: ResolvedTarget
    stages: dict[str, EmittedStage]
    kernels: tuple[loop.KernelOp, ...]
    tables: tuple[TableSection, ...]


def emit_module(module: ModuleOp, target: ResolvedTarget) -> EmittedModule:
    """Emit every stage and declare every table of a verified module; raises `CodegenError` naming an op it can't emit."""
    llvm_module = ir.Module("treec")
    llvm_module.triple, llvm_module.data_layout = target.triple, target.data_layout
    kernels, tables, functions = _sort(module)
    places, sections = declare_tables(llvm_module, tables)
    routines: dict[str, EmittedRoutine] = {}
    stages: dict[str, EmittedStage] = {}
    for op in functions:
        name = op.sym_name.data
        if isinstance(op, loop.RoutineOp):
            routines[name] = emit_routine(llvm_module, op, target, places, routines, emit_op)
        else:
            stages[name] = _emit_stage(llvm_module, op, target, places, routines)
    return EmittedModule(llvm_module, target, stages, tuple(kernels), tuple(sections))


def _sort(
    module: ModuleOp,
) -> tuple[list[loop.KernelOp], list[loop.TableOp], list[loop.FuncOp | loop.RoutineOp]]:
    functions: list[loop.FuncOp | loop.RoutineOp] = []
    kernels: list[loop.KernelOp] = []
    tables: list[loop.TableOp] = []
    for op in module.body.block.ops:
        match op:
            case loop.FuncOp() | loop.RoutineOp():
                functions.append(op)
            case loop.KernelOp():
                kernels.append(op)
            case loop.TableOp():
                tables.append(op)
            case _:
                raise CodegenError(f"{op.name} has no place in a module for LLVM")
    return kernels, tables, functions


def _emit_stage(
    module: ir.Module,
    op: loop.FuncOp,
    target: ResolvedTarget,
    tables: dict[str, Place],
    routines: dict[str, EmittedRoutine],
) -> EmittedStage:
    name = f"stage.{op.sym_name.data}"
    special = _is_special(op)
    if not special:
        stage = _emit_body(module, op, name, target, tables, routines)
        return EmittedStage(op, stage.function, stage.workspace_bytes)
    stage = _emit_body(module, op, f"{name}.body", target, tables, routines)
    bodies = [stage.function] * 2
    if _has_trees(op):
        # Functions of trees are not inlined, so that each body needs its own.
        bodies[0] = _emit_body(module, op, f"{name}.adjacent", target, tables, routines, adjacent=True).function
    function = _new_function(module, name, target)
    _promise(function, op, stage.workspace_bytes)
    _choose_body(function, bodies)
    return EmittedStage(op, function, stage.workspace_bytes)


def _emit_body(
    module: ir.Module,
    op: loop.FuncOp,
    name: str,
    target: ResolvedTarget,
    tables: dict[str, Place],
    routines: dict[str, EmittedRoutine],
    *,
    adjacent: bool = False,
) -> Stage:
    """A function with all that the stage does; ``adjacent``: for rows whose columns lie side by side."""
    body = _new_function(module, name, target)
    entry = ir.IRBuilder(body.append_basic_block("entry"))
    stage = Stage(op.sym_name.data, module, body, entry, tables, target.level, target.function_attributes)
    stage.workspace, stage.own_bytes, stage.routines = stage.argument("workspace"), allotted(op), routines
    bind_arguments(stage, op, adjacent=adjacent)
    stage.enter(op.body.block, lambda _: None)
    while stage.frames:
        emit_op(stage, next(stage.frames[-1].ops))
    _promise(body, op, stage.workspace_bytes)
    return stage


def emit_op(stage: Stage, op: Operation) -> None:
    if (emit := EMITTERS.get(type(op))) is None:
        raise CodegenError(f"{op.name} has no emission to LLVM", place=f"stage @{stage.name}")
    emit(stage, op)


def _is_special(op: loop.FuncOp) -> bool:
    rows, out = op.body.block.args[:2]
    reads = any(isinstance(use.operation, loop.LoadOp | loop.LoadColumnsOp | loop.GatherOp) for use in rows.uses)
    sums = isinstance(out.type, BufferType) and is_float(out.type.element)
    if not (reads and sums):
        return False
    ops = list(islice(op.walk(), SPECIALISE_OPS + 1))
    return sum(map(_size, ops)) <= SPECIALISE_OPS and not any(isinstance(inner, _BITSLICED) for inner in ops)


def _size(op: Operation) -> int:
    """How many ops it is worth: a tree as many as it has nodes."""
    return len(op.nodes.array) if isinstance(op, loop.DecideOp) else 1


def _has_trees(op: loop.FuncOp) -> bool:
    return any(isinstance(inner, loop.DecideOp) for inner in op.walk())


def _new_function(module: ir.Module, name: str, target: ResolvedTarget) -> ir.Function:
    function = define_function(module, name, STAGE_TYPE, target.function_attributes)
    function.linkage = "internal"
    for argument, parameter in zip(function.args, STAGE_PARAMETERS, strict=True):
        argument.name = parameter.name
    return function


def _promise(function: ir.Function, op: loop.FuncOp, workspace_bytes: int) -> None:
    """What the ABI says about the pointers."""
    rows, out, workspace, scratch = (function.args[ARGUMENT[name]] for name in ("rows", "out", "workspace", "scratch"))
    set.update(rows.attributes, ("captures(none)", "noalias", "nonnull", "readonly"))
    set.update(out.attributes, ("captures(none)", "noalias", "nonnull"))
    for memory, is_given in ((workspace, workspace_bytes > 0), (scratch, op.lines is not None)):
        set.update(memory.attributes, ("captures(none)", "noalias"))
        if is_given:
            memory.attributes.add("nonnull")
            memory.attributes.align = WORKSPACE_ALIGN


def _choose_body(function: ir.Function, bodies: Sequence[ir.Function]) -> None:
    """Call the first body for a column stride of 1, the second for any, both inlined; they may be the same."""
    for body in bodies:
        body.attributes.add("alwaysinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    adjacent, strided = function.append_basic_block("adjacent"), function.append_basic_block("strided")
    position = ARGUMENT["column_stride"]
    builder.cbranch(builder.icmp_signed("==", function.args[position], I64(1)), adjacent, strided)
    strides = I64(1), function.args[position]
    for block, body, stride in zip((adjacent, strided), bodies, strides, strict=True):
        builder.position_at_end(block)
        builder.ret(builder.call(body, [*function.args[:position], stride, *function.args[position + 1 :]]))
