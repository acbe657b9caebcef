# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Emission of routines, a function each, and of calls of them.

A number is one parameter, a buffer in workspace its pointer, a global one its pointer and strides. Last comes the workspace
for the routine's own allocations: what lies behind those of its caller. Routines that one function calls run one after the
other, so they are given the same.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from llvmlite import ir
from xdsl.ir import Operation, SSAValue

from treec.codegen.llvm.memory import WORKSPACE_ALIGN, allotted
from treec.codegen.llvm.stage import EmittedRoutine, Place, Stage
from treec.codegen.llvm.target import ResolvedTarget
from treec.codegen.llvm.types import I8, I64, POINTER, define_function, value_type
from treec.errors import CodegenError
from treec.treeir import loop
from treec.treeir.loop_types import BufferType, Scope

Emit = Callable[[Stage, Operation], None]


def emit_routine(
    module: ir.Module,
    op: loop.RoutineOp,
    target: ResolvedTarget,
    tables: dict[str, Place],
    routines: dict[str, EmittedRoutine],
    emit: Emit,
) -> EmittedRoutine:
    """Its function, which LLVM makes once: it is not for inlining. ``routines``: those before it; ``emit``: of any op."""
    arguments = op.body.block.args
    types = [type_ for argument in arguments for type_ in _parameters(argument)]
    type_ = ir.FunctionType(ir.VoidType(), [*types, POINTER])
    function = define_function(module, f"routine.{op.sym_name.data}", type_, ("noinline", *target.function_attributes))
    function.linkage = "internal"
    for parameter in function.args:
        if parameter.type == POINTER:
            set.update(parameter.attributes, ("captures(none)", "noalias"))
    entry = ir.IRBuilder(function.append_basic_block("entry"))
    stage = Stage(op.sym_name.data, module, function, entry, tables, target.level, target.function_attributes)
    stage.workspace, stage.own_bytes, stage.routines = function.args[-1], allotted(op), routines
    _bind(stage, op)
    stage.enter(op.body.block, lambda _: None)
    while stage.frames:
        emit(stage, next(stage.frames[-1].ops))
    return EmittedRoutine(function, stage.workspace_bytes)


def _parameters(argument: SSAValue) -> list[ir.Type]:
    type_ = argument.type
    if not isinstance(type_, BufferType):
        return [value_type(type_)]
    return [POINTER, *[I64] * type_.rank.data] if type_.scope.data is Scope.GLOBAL else [POINTER]


def _bind(stage: Stage, op: loop.RoutineOp) -> None:
    """Give the block arguments their values and places."""
    given = iter(stage.function.args)
    for argument, shape in zip(op.body.block.args, op.extents, strict=True):
        type_, value = argument.type, next(given)
        if not isinstance(type_, BufferType):
            stage.values[argument] = value
        elif type_.scope.data is Scope.GLOBAL:
            strides = tuple(next(given) for _ in range(type_.rank.data))
            stage.places[argument] = Place(value, strides, type_.element, Scope.GLOBAL, 1)
        else:
            value.attributes.add("nonnull")
            value.attributes.align = WORKSPACE_ALIGN
            sizes = [prod(shape[dimension + 1 :]) for dimension in range(len(shape))]
            strides = tuple(None if size == 1 else I64(size) for size in sizes)
            stage.places[argument] = Place(value, strides, type_.element, Scope.WORKSPACE, WORKSPACE_ALIGN)


def emit_call_routine(stage: Stage, op: loop.CallOp) -> None:
    name = op.routine.string_value()
    if (routine := stage.routines.get(name)) is None:
        raise CodegenError(f"there is no routine @{name} before its caller", place=f"stage @{stage.name}")
    given: list[ir.Value] = []
    for value in op.arguments:
        if not isinstance(value.type, BufferType):
            given.append(stage.value(value))
            continue
        place = stage.place(value)
        given.append(place.base)
        if place.scope is Scope.GLOBAL:
            given += [I64(1) if stride is None else stride for stride in place.strides]
    behind = stage.builder.gep(stage.workspace, [I64(stage.own_bytes)], inbounds=True, source_etype=I8)
    stage.called_bytes = max(stage.called_bytes, routine.workspace_bytes)
    stage.builder.call(routine.function, [*given, behind if routine.workspace_bytes else ir.Constant(POINTER, None)])
