# pyright: basic
"""Emission of buffers: loads, stores, allocations and the kernel's arguments.

TIR has no records: a table of them is loaded in words, as wide as the records' size allows, and fields are cut out of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, prod

from tvm import ir, tirx
from xdsl.ir import SSAValue

from treec.codegen.gpu_abi import SCALARS
from treec.codegen.tir.functions import call, integer
from treec.codegen.tir.scalars import bitcast
from treec.codegen.tir.stage import Expr, Place, Stage, buffer_type
from treec.codegen.tir.types import bits_of, dtype_of, unsigned
from treec.treeir import loop
from treec.treeir.loop_lanes import LANES_MOST as WARP
from treec.treeir.loop_types import RecordType, Scope, byte_size

TABLE_BYTES = 1 << 31
"""Places in tables are 32-bit integers."""

SHARED_ALIGN = 64
"""Bytes that each shared buffer begins at a multiple of: a transaction of memory, and any element's size."""

WORD_BYTES = 8
"""The widest word that records are loaded in."""


def bind_arguments(stage: Stage, op: loop.FuncOp) -> None:
    """Give the stage's block arguments their values and places; tables become arguments where they are first named."""
    rows, out, *ranges = op.body.block.args
    for name in SCALARS:
        stage.arguments[name] = ir.Var(name, ir.PrimType("int64"))
    for value, name in zip(ranges, SCALARS[4:], strict=False):
        stage.define(value, stage.arguments[name])
    if op.lines is not None:  # a line has a number of each row
        element = buffer_type(ranges[-1]).element
        steps = (stage.arguments["row_end"], None)
        memory = _pointer(stage, "scratch", dtype_of(element))
        stage.places[ranges[-1]] = Place("scratch", memory, steps, element, Scope.GLOBAL)
    for buffer, name, prefix in ((rows, "rows", ""), (out, "out", "out_")):
        element = buffer_type(buffer).element
        strides = (stage.arguments[f"{prefix}row_stride"], stage.arguments[f"{prefix}column_stride"])
        stage.places[buffer] = Place(name, _pointer(stage, name, dtype_of(element)), strides, element, Scope.GLOBAL)


def _pointer(stage: Stage, name: str, dtype: str) -> Expr:
    if name not in stage.arguments:
        stage.arguments[name] = ir.Var(name, ir.PointerType(ir.PrimType(dtype), "global"))
    return stage.arguments[name]


def emit_get_table(stage: Stage, op: loop.GetTableOp) -> None:
    name, element = op.table.string_value(), buffer_type(op.result).element
    table = stage.tables.get(name)
    if table is None or table.type.element != element:
        raise stage.error(f"there is no table @{name} of {element}")
    if table.data.array.nbytes >= TABLE_BYTES:
        raise stage.error(f"table @{name} has {table.data.array.nbytes} bytes, and kernels reach {TABLE_BYTES}")
    dtype = "uint8" if isinstance(element, RecordType) else dtype_of(element)
    stage.places[op.result] = Place(name, _pointer(stage, f"table_{name}", dtype), (None,), element, Scope.CONSTANT)


def emit_alloc(stage: Stage, op: loop.AllocOp) -> None:
    type_ = buffer_type(op.result)
    scope, dtype, size = type_.scope.data, dtype_of(type_.element), prod(op.extents)
    if scope not in (Scope.SHARED, Scope.LOCAL, Scope.LANES):
        raise stage.error(f"a GPU's kernel has no {scope.value} memory")
    extents = op.extents
    if scope is Scope.LANES:
        in_registers = stage.functions.read_lane is not None
        extents, scope = (extents[:-2], Scope.LOCAL) if in_registers else (extents, Scope.SHARED)
        size = prod(extents)
    strides = [prod(extents[dimension + 1 :]) for dimension in range(len(extents))]
    steps = tuple(None if s == 1 else integer(s, "int32") for s in strides)
    if scope is Scope.SHARED and stage.dynamic:
        stage.places[op.result] = _cut(stage, op, steps)
        return
    buffer = tirx.decl_buffer((size,), dtype, f"{scope.value}_memory", scope=scope.value)
    stage.add(tirx.AllocBuffer(buffer))
    stage.places[op.result] = Place("", buffer, steps, type_.element, scope)


def _cut(stage: Stage, op: loop.AllocOp, steps: tuple[Expr | None, ...]) -> Place:
    """The next part of the memory that the launch gives, of which CUDA has one array in a kernel."""
    element = buffer_type(op.result).element
    shared = stage.shared
    if shared is None:
        shared = stage.shared = tirx.decl_buffer((stage.shared_bytes,), "uint8", "shared", scope="shared.dyn")
    first = stage.shared_taken // byte_size(element)
    stage.shared_taken += shared_size(op)
    buffer = tirx.decl_buffer((1,), dtype_of(element), "shared", data=shared.data, scope="shared.dyn")
    stage.add(tirx.DeclBuffer(buffer, data=shared.data))
    return Place("", buffer, steps, element, Scope.SHARED, first)


def shared_size(op: loop.AllocOp) -> int:
    """Bytes of a shared buffer, with the gap behind it."""
    return -(-prod(op.extents) * byte_size(buffer_type(op.result).element) // SHARED_ALIGN) * SHARED_ALIGN


def shared_bytes(op: loop.FuncOp, *, lanes: bool) -> int:
    """Of all shared buffers of a stage, and of what lanes read from one another: that is in registers in CUDA."""
    allocs = [inner for inner in op.walk() if isinstance(inner, loop.AllocOp)]
    scopes = (Scope.SHARED, Scope.LANES) if lanes else (Scope.SHARED,)
    return sum(shared_size(alloc) for alloc in allocs if alloc.result.type.scope.data in scopes)


def scratch_bytes(op: loop.FuncOp) -> int:
    """Of each row, of what the stages of a kernel leave one another."""
    if op.lines is None:
        return 0
    return op.lines.value.data * byte_size(buffer_type(op.body.block.args[-1]).element)


def emit_load(stage: Stage, op: loop.LoadOp) -> None:
    place, dtype = stage.place(op.buffer), dtype_of(op.result.type)
    if isinstance(place.element, RecordType):
        stage.define(op.result, _load_field(stage, op, place, place.element))
        return
    memory = place.memory if place.scope in (Scope.SHARED, Scope.LOCAL) else view(stage, place, dtype)
    stage.define(op.result, tirx.BufferLoad(memory, [_offset(stage, place, op.indices)]))


def emit_store(stage: Stage, op: loop.StoreOp) -> None:
    place, dtype = stage.place(op.buffer), dtype_of(op.value.type)
    if place.name == "rows":
        raise stage.error("a stage does not write its rows")
    memory = place.memory if place.scope in (Scope.SHARED, Scope.LOCAL) else view(stage, place, dtype)
    stage.add(tirx.BufferStore(memory, stage.full(op.value), [_offset(stage, place, op.indices)]))


def emit_atomic_add(stage: Stage, op: loop.AtomicAddOp) -> None:
    """CUDA has such an addition; OpenCL's is a loop that compares and exchanges (`ATOMICS`)."""
    place, dtype = stage.place(op.buffer), dtype_of(op.value.type)
    where = tirx.address_of(tirx.BufferLoad(place.memory, [_offset(stage, place, op.indices)]))
    if (name := stage.functions.atomic_add.get(bits_of(dtype))) is None:
        raise stage.error(f"this language has no atomic addition of {dtype} in shared memory")
    stage.add(tirx.Evaluate(tirx.call_extern(dtype, name, where, stage.value(op.value))))


def emit_read_lane(stage: Stage, op: loop.ReadLaneOp) -> None:
    """CUDA: the threads of a row hand values from register to register; else they lie in shared memory."""
    place, name = stage.place(op.buffer), stage.functions.read_lane
    own = tirx.BufferLoad(place.memory, [_offset(stage, place, op.indices)])
    if name is None:
        stage.define(op.result, own)
        return
    n_lanes = stage.threads[0]
    lane = stage.low(op.indices[-2])
    stage.define(op.result, call(dtype_of(op.result.type), name, _row_mask(stage), own, lane, integer(n_lanes, "int32")))


def _row_mask(stage: Stage) -> Expr:
    """The threads of the warp that have this thread's row, as bits. Others may be elsewhere."""
    n_lanes, n_y, _ = stage.threads
    if n_lanes == WARP:
        return tirx.Cast("uint32", integer(-1, "int32"))
    y, z = (stage.thread(tag) for tag in ("threadIdx.y", "threadIdx.z"))
    row = tirx.Add(tirx.Mul(z, integer(n_y, "int32")), y)
    first = tirx.BitwiseAnd(tirx.Mul(row, integer(n_lanes, "int32")), integer(WARP - 1, "int32"))
    return tirx.LShift(integer((1 << n_lanes) - 1, "uint32"), tirx.Cast("uint32", first))


def _offset(stage: Stage, place: Place, indices: Sequence[SSAValue]) -> Expr:
    """Elements from the first one; in the kernel's own memory and tables 32 bits are enough."""
    total = integer(place.first, "int32") if place.first else None
    if len(place.strides) < len(indices):  # of scope lanes, in registers
        indices = indices[:-2]
    for index, stride in zip(indices, place.strides, strict=True):
        step = tirx.Cast("int64", stage.low(index)) if place.scope is Scope.GLOBAL else stage.low(index)
        if stride is not None:
            step = tirx.Mul(step, stride)
        total = step if total is None else tirx.Add(total, step)
    return total


def view(stage: Stage, place: Place, dtype: str) -> Expr:
    """The memory of a pointer argument, seen as elements of ``dtype``; declared at the head of the kernel."""
    key = (place.memory.name, dtype)
    if key not in stage.views:
        stage.views[key] = tirx.decl_buffer((1,), dtype, f"{place.name}_{dtype}", data=place.memory)
    return stage.views[key]


def _load_field(stage: Stage, op: loop.LoadOp, place: Place, record: RecordType) -> Expr:
    type_, offset = record.field("" if op.field is None else op.field.data)
    dtype, size = dtype_of(type_), byte_size(type_)
    width = gcd(record.size.data, WORD_BYTES)
    bits = unsigned(f"int{8 * size}")
    first, last = offset // width, (offset + size - 1) // width
    if first == last:
        word = _word(stage, op, place, width, first)
        shift = 8 * (offset - first * width)
        if shift:
            word = tirx.RShift(word, integer(shift, f"uint{8 * width}"))
        return bitcast(stage, tirx.Cast(bits, word), bits, dtype)
    total = None
    for number in range(first, last + 1):  # a field that lies in several words
        part = tirx.Cast("uint64", _word(stage, op, place, width, number))
        shift = 8 * (number * width - offset)
        if shift:
            part = (tirx.LShift if shift > 0 else tirx.RShift)(part, integer(abs(shift), "uint64"))
        total = part if total is None else tirx.BitwiseOr(total, part)
    return bitcast(stage, tirx.Cast(bits, total), bits, dtype)


def _word(stage: Stage, op: loop.LoadOp, place: Place, width: int, number: int) -> Expr:
    """A word of a record, loaded once in a region."""
    key = (op.buffer, op.indices[0], number)
    for frame in stage.frames:
        if key in frame.words:
            return frame.words[key]
    dtype = f"uint{8 * width}"
    record = place.element
    assert isinstance(record, RecordType)
    n_words = record.size.data // width
    at = stage.low(op.indices[0])
    if n_words > 1:
        at = tirx.Add(tirx.Mul(at, integer(n_words, "int32")), integer(number, "int32"))
    word = stage.bind("word", tirx.BufferLoad(view(stage, place, dtype), [at]), dtype)
    stage.frames[-1].words[key] = word
    return word
