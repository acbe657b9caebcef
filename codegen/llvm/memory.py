# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false
"""Emission of buffers: addresses, loads, stores, allocations and the stage's arguments."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, prod

from llvmlite import ir
from xdsl.ir import SSAValue

from treec.codegen.llvm.stage import Place, Stage, buffer_type
from treec.codegen.llvm.types import I8, I32, I64, POINTER, memory_type, value_type
from treec.errors import CodegenError
from treec.treeir import loop
from treec.treeir.loop_types import RecordType, Scope, byte_size

WORKSPACE_ALIGN = 64
"""Bytes that a stage's workspace, and each allocation in it, is aligned to."""


def bind_arguments(stage: Stage, op: loop.FuncOp, *, adjacent: bool = False) -> None:
    """Give the stage's block arguments their values and places; ``adjacent``: columns of rows lie side by side."""
    arguments = dict(zip(op.argument_names, op.body.block.args, strict=True))
    # A caller's rows may lie anywhere, unaligned too: on x86-64 and aarch64 a scalar load costs the same.
    for pointer, prefix in (("rows", ""), ("out", "out_")):
        buffer = arguments.pop(pointer)
        column_stride = None if adjacent and pointer == "rows" else stage.argument(f"{prefix}column_stride")
        strides = (stage.argument(f"{prefix}row_stride"), column_stride)
        stage.places[buffer] = Place(
            stage.argument(pointer), strides, buffer_type(buffer).element, Scope.GLOBAL, 1, pointer != "rows"
        )
    if (scratch := arguments.pop("scratch", None)) is not None:
        strides, element = (stage.argument("scratch_rows"), None), buffer_type(scratch).element
        stage.places[scratch] = Place(stage.argument("scratch"), strides, element, Scope.GLOBAL, byte_size(element))
    stage.values |= {value: stage.argument(name) for name, value in arguments.items()}


def emit_get_table(stage: Stage, op: loop.GetTableOp) -> None:
    name = op.table.string_value()
    if (place := stage.tables.get(name)) is None:
        raise CodegenError(f"there is no table @{name}", place=f"stage @{stage.name}")
    if place.element != buffer_type(op.result).element:
        raise CodegenError(f"table @{name} holds {place.element}, not {op.result.type}", place=f"stage @{stage.name}")
    stage.places[op.result] = place


def emit_alloc(stage: Stage, op: loop.AllocOp) -> None:
    type_ = buffer_type(op.result)
    scope, element = type_.scope.data, type_.element
    size = _size(op)
    if scope is Scope.WORKSPACE:
        base = stage.builder.gep(stage.workspace, [I64(stage.allotted_bytes)], inbounds=True, source_etype=I8)
        stage.allotted_bytes += _rounded(size)
    elif scope is Scope.LOCAL:
        base = _stack(stage, size)
    else:
        raise CodegenError(f"a CPU has no {scope.value} memory", place=f"stage @{stage.name}")
    strides = [prod(op.extents[dimension + 1 :]) for dimension in range(len(op.extents))]
    place = Place(base, tuple(None if s == 1 else I64(s) for s in strides), element, scope, WORKSPACE_ALIGN)
    stage.places[op.result] = place


def allotted(op: loop.FuncOp | loop.RoutineOp) -> int:
    """Bytes of workspace that the allocations in a function take."""
    allocs = (inner for inner in op.walk() if isinstance(inner, loop.AllocOp))
    return sum(_rounded(_size(alloc)) for alloc in allocs if buffer_type(alloc.result).scope.data is Scope.WORKSPACE)


def _size(op: loop.AllocOp) -> int:
    return byte_size(buffer_type(op.result).element) * prod(op.extents)


def _rounded(size: int) -> int:
    return -(-size // WORKSPACE_ALIGN) * WORKSPACE_ALIGN


def _stack(stage: Stage, size: int) -> ir.Value:
    # In the entry block, or a loop would take new memory in each step.
    with stage.builder.goto_entry_block():
        memory = stage.builder.alloca(ir.ArrayType(I8, size))
    memory.type, memory.align = POINTER, WORKSPACE_ALIGN  # llvmlite makes a typed pointer
    return memory


def emit_load(stage: Stage, op: loop.LoadOp) -> None:
    place, type_ = stage.place(op.buffer), value_type(op.result.type)
    if _is_gather(place, type_):
        stage.values[op.result] = _load_lanes(stage, place, op.indices, type_)
        return
    pointer, align = address(stage, place, op.indices)
    if isinstance(place.element, RecordType) and op.field is not None:
        _, offset = place.element.field(op.field.data)
        pointer = stage.builder.gep(pointer, [I64(offset)], inbounds=True, source_etype=I8)
        align = gcd(align, offset) or align
    loaded = stage.builder.load(pointer, align=align, typ=type_)
    if place.scope is Scope.CONSTANT:
        loaded.set_metadata("invariant.load", stage.metadata())
    stage.values[op.result] = loaded


def emit_store(stage: Stage, op: loop.StoreOp) -> None:
    place, value = stage.place(op.buffer), stage.value(op.value)
    if not place.writable:
        raise CodegenError("a stage does not write its rows", place=f"stage @{stage.name}")
    if _is_gather(place, value.type):
        _store_lanes(stage, place, op.indices, value)
        return
    pointer, align = address(stage, place, op.indices)
    stage.builder.store(value, pointer, align=align)


def address(stage: Stage, place: Place, indices: Sequence[SSAValue], lane: int = 0) -> tuple[ir.Value, int]:
    """Pointer to an element (``lane`` elements further along the last dimension), and its provable alignment.

    One GEP per dimension, the slow ones first, so that LLVM can move the row's part out of a loop over columns.
    """
    pointer, type_ = place.base, memory_type(place.element)
    for dimension, (index, stride) in enumerate(zip(indices, place.strides, strict=True)):
        step = stage.value(index)
        if lane and dimension + 1 == len(indices):
            step = stage.builder.add(step, I64(lane), flags=["nsw"])
        if stride is not None:
            step = stage.builder.mul(step, stride, flags=["nsw"])
        pointer = stage.builder.gep(pointer, [step], inbounds=True, source_etype=type_)
    return pointer, gcd(place.align, byte_size(place.element))


def _is_gather(place: Place, type_: ir.Type) -> bool:
    """Neighbours in a caller's memory are apart by a stride known only at run time."""
    return isinstance(type_, ir.VectorType) and place.strides[-1] is not None


def _load_lanes(stage: Stage, place: Place, indices: Sequence[SSAValue], type_: ir.VectorType) -> ir.Value:
    result: ir.Value = ir.Constant(type_, ir.Undefined)
    for lane in range(type_.count):
        pointer, align = address(stage, place, indices, lane)
        loaded = stage.builder.load(pointer, align=align, typ=type_.element)
        result = stage.builder.insert_element(result, loaded, I32(lane))
    return result


def _store_lanes(stage: Stage, place: Place, indices: Sequence[SSAValue], value: ir.Value) -> None:
    for lane in range(value.type.count):
        pointer, align = address(stage, place, indices, lane)
        stage.builder.store(stage.builder.extract_element(value, I32(lane)), pointer, align=align)
