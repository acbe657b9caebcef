# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false
"""Emission of gathers, scatters and the vectors they need: generic vector IR, that LLVM makes gather instructions of where
the CPU has them, and a load per lane elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir
from xdsl.ir import SSAValue

from treec.codegen.llvm.memory import address
from treec.codegen.llvm.stage import Place, Stage
from treec.codegen.llvm.types import I1, I8, I32, I64, POINTER, scalar_name, splat, value_type
from treec.errors import CodegenError
from treec.treeir import loop
from treec.treeir.loop_types import RecordType, Scope, byte_size, lanes_of

ADDRESS_SCALES = (8, 4, 2, 1)
"""What x86-64 multiplies an index with in an address."""


def emit_splat(stage: Stage, op: loop.SplatOp) -> None:
    stage.values[op.result] = broadcast(stage, stage.value(op.value), lanes_of(op.result.type))


def broadcast(stage: Stage, value: ir.Value, lanes: int) -> ir.Value:
    """The value in every lane."""
    type_ = ir.VectorType(value.type, lanes)
    empty = ir.Constant(type_, ir.Undefined)
    first = stage.builder.insert_element(empty, value, I32(0))
    return stage.builder.shuffle_vector(first, empty, splat(ir.VectorType(I32, lanes), 0))


def emit_lane_numbers(stage: Stage, op: loop.LaneNumbersOp) -> None:
    type_ = value_type(op.result.type)
    stage.values[op.result] = ir.Constant(type_, [ir.Constant(type_.element, lane) for lane in range(type_.count)])


def emit_any_lane(stage: Stage, op: loop.AnyLaneOp) -> None:
    value = stage.value(op.value)
    name = f"llvm.vector.reduce.or.{scalar_name(value.type)}"
    stage.values[op.result] = stage.builder.call(stage.declare(name, ir.FunctionType(I1, [value.type])), [value])


def emit_gather(stage: Stage, op: loop.GatherOp) -> None:
    place, type_ = stage.place(op.buffer), value_type(op.result.type)
    offset = 0
    if isinstance(place.element, RecordType) and op.field is not None:
        _, offset = place.element.field(op.field.data)
    taken = type_
    if place.scope is Scope.CONSTANT and type_.element in (I8, ir.IntType(16)):
        taken = ir.VectorType(I32, type_.count)  # no CPU gathers less than 4 bytes; tables have zeros behind them
    pointers = _pointers(stage, place, op.origin, op.offsets, offset)
    mask = ir.VectorType(I1, type_.count)
    name = f"llvm.masked.gather.{scalar_name(taken)}.v{type_.count}p0"
    function = stage.declare(name, ir.FunctionType(taken, [pointers.type, mask, taken]))
    gathered = stage.builder.call(function, [pointers, splat(mask, 1), ir.Constant(taken, ir.Undefined)])
    stage.values[op.result] = gathered if taken is type_ else stage.builder.trunc(gathered, type_)


def emit_scatter(stage: Stage, op: loop.ScatterOp) -> None:
    place, value = stage.place(op.buffer), stage.value(op.value)
    if not place.writable:
        raise CodegenError("a stage does not write its rows", place=f"stage @{stage.name}")
    pointers = _pointers(stage, place, op.origin, op.offsets)
    mask = ir.VectorType(I1, value.type.count)
    name = f"llvm.masked.scatter.{scalar_name(value.type)}.v{value.type.count}p0"
    function = stage.declare(name, ir.FunctionType(ir.VoidType(), [value.type, pointers.type, mask]))
    stage.builder.call(function, [value, pointers, splat(mask, 1)])


def _pointers(
    stage: Stage, place: Place, origin: Sequence[SSAValue], offsets: Sequence[SSAValue], byte_offset: int = 0
) -> ir.Value:
    """A pointer per lane: a base, and one vector of indices with a scale that addresses have."""
    base, _ = address(stage, place, origin)
    if byte_offset:
        base = stage.builder.gep(base, [I64(byte_offset)], inbounds=True, source_etype=I8)
    size = byte_size(place.element)
    scale = next(scale for scale in ADDRESS_SCALES if size % scale == 0)
    index = _index(stage, place, offsets, size // scale)
    unit = ir.ArrayType(I8, scale)
    pointers = stage.builder.gep(base, [index], inbounds=True, source_etype=unit)
    pointers.type = ir.VectorType(POINTER, index.type.count)  # llvmlite types it as one pointer
    return pointers


def _index(stage: Stage, place: Place, offsets: Sequence[SSAValue], factor: int) -> ir.Value:
    """Distance of each lane from the origin, in units of ``1 / factor`` elements; in 32 bits where those are enough."""
    vectors = [stage.value(offset) for offset in offsets]
    lanes = vectors[0].type.count
    narrow = all(vector.type.element == I32 for vector in vectors) and _is_small(place)
    type_ = I32 if narrow else I64
    total: ir.Value | None = None
    for vector, stride in zip(vectors, place.strides, strict=True):
        wide = vector if vector.type.element == type_ else stage.builder.sext(vector, ir.VectorType(type_, lanes))
        step = _times(stage, wide, stride, factor)
        total = step if total is None else stage.builder.add(total, step, flags=["nsw"])
    return total


def _times(stage: Stage, vector: ir.Value, stride: ir.Value | None, factor: int) -> ir.Value:
    if stride is not None and not isinstance(stride, ir.Constant):
        vector = stage.builder.mul(vector, broadcast(stage, stride, vector.type.count), flags=["nsw"])
        stride = None
    factor *= 1 if stride is None else stride.constant
    return vector if factor == 1 else stage.builder.mul(vector, splat(vector.type, factor), flags=["nsw"])


def _is_small(place: Place) -> bool:
    """Are all distances in the buffer, in bytes, numbers of 32 bits? Of a caller's memory nothing is known."""
    if place.scope is Scope.CONSTANT:
        return place.base.initializer.type.count < 1 << 31
    return place.scope is not Scope.GLOBAL
