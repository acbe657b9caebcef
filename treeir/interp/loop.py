"""Reference interpreter of the loop dialect: op by op on numpy scalars of the exact dtype, to round like a machine.

Slow and strict. What is undefined in machine code is an error here: an access out of bounds, scratch memory that is
read before it is written, a division by zero, a shift by the width or more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp, VectorType, i64
from xdsl.ir import Block, Operation, SSAValue

from treec.errors import UsageError
from treec.treeir import loop
from treec.treeir.interp.loop_buffer import Buffer, argument_buffer, scratch_buffer, table_buffer
from treec.treeir.interp.loop_scalars import (
    Value,
    binary,
    cast,
    compare,
    constant,
    dtype_of,
    fma,
    lanes_of,
    math_function,
    select,
    signed,
)
from treec.treeir.loop_types import DIMENSIONS, BinaryKind, BufferType, LoopKind


class Machine:
    """Runs one stage: values of SSA values, and the module's tables and routines."""

    def __init__(self, module: ModuleOp, threads: tuple[int, int, int] = (1, 1, 1)) -> None:
        self.threads = threads
        self.thread = [0, 0, 0]
        self.tables = {op.sym_name.data: table_buffer(op) for op in module.body.block.ops if isinstance(op, loop.TableOp)}
        self.routines = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, loop.RoutineOp)}
        self.values: dict[SSAValue, Value | Buffer] = {}

    def own(self, buffer: Buffer, indices: Sequence[int], *, own: bool = True) -> Sequence[int]:
        """Indices that this thread may use: of memory of scope ``lanes``, those of its own part, or of its row."""
        x, y, z = self.thread
        buffer.check_lane(indices, (x, y, z), own=own)
        return indices

    def value(self, value: SSAValue) -> Value:
        found = self.values[value]
        if isinstance(found, Buffer):
            raise UsageError("a buffer is not a value")
        return found

    def index(self, value: SSAValue) -> int:
        """An i64 as a signed Python integer."""
        return int(np.uint64(self.value(value)).astype(np.int64))

    def indices(self, values: Sequence[SSAValue]) -> list[int]:
        return [self.index(value) for value in values]

    def places(self, origin: Sequence[SSAValue], offsets: Sequence[SSAValue]) -> list[list[int]]:
        """The indices of each lane of a gather."""
        vectors = [signed(self.value(offset)).astype(np.int64) for offset in offsets]
        first = self.indices(origin)
        return [[start + int(step) for start, step in zip(first, lane, strict=True)] for lane in zip(*vectors, strict=True)]

    def buffer(self, value: SSAValue) -> Buffer:
        found = self.values[value]
        if not isinstance(found, Buffer):
            raise UsageError("a value is not a buffer")
        return found

    def run(self, block: Block, arguments: Sequence[Value | Buffer]) -> Operation:
        """Run a block's ops; returns its terminator, whose operands are then known."""
        self.values |= dict(zip(block.args, arguments, strict=True))
        for op in block.ops:
            if isinstance(op, loop.YieldOp | loop.RepeatWhileOp | loop.ReturnOp):
                return op
            if (run := _RUNNERS.get(type(op))) is None:
                raise UsageError(f"{op.name} has no interpretation")
            run(self, op)
        raise UsageError("a block without a terminator")


def run_stage(
    module: ModuleOp,
    stage: str,
    rows: NDArray[Any],
    out: NDArray[Any],
    row_range: tuple[int, int],
    tree_range: tuple[int, int],
    scratch: Buffer | None = None,
) -> None:
    """Run one stage on ``rows`` [n, n_features] for two ranges and all its groups, writing into ``out`` [n, n_out].

    Both arrays may have any strides, and their dtypes must be the stage's. ``scratch``: as of `scratch_of`; memory of its
    own if it is None. Raises `UsageError` for an unknown stage, `InputError` for other dtypes or shapes, and IndexError,
    ArithmeticError or RuntimeError for what is undefined.
    """
    op = next((o for o in module.body.block.ops if isinstance(o, loop.FuncOp) and o.sym_name.data == stage), None)
    if op is None:
        raise UsageError(f"there is no stage @{stage}")
    x, y, z = (1, 1, 1) if op.threads is None else (n.value.data for n in op.threads)
    machine = Machine(module, (x, y, z))
    arrays = zip(("rows", "out"), (rows, out), op.body.block.args[:2], strict=True)
    buffers = [argument_buffer(name, array, argument.type) for name, array, argument in arrays]
    groups = () if op.groups is None else (0, op.groups.value.data)
    ranges = [np.int64(bound).astype(np.uint64) for bound in (*row_range, *tree_range, *groups)]
    shared = [] if op.lines is None else [scratch or scratch_of([op], len(rows))]
    with np.errstate(all="ignore"):
        machine.run(op.body.block, [*buffers, *ranges, *(memory for memory in shared if memory is not None)])


def scratch_of(stages: Sequence[loop.FuncOp], n_rows: int) -> Buffer | None:
    """Memory that the stages of a kernel share for ``n_rows`` rows; None if they need none."""
    needed = [op for op in stages if op.lines is not None]
    n_lines = max((op.lines.value.data for op in needed if op.lines is not None), default=0)
    type_ = needed[0].body.block.args[-1].type if needed else None
    if not isinstance(type_, BufferType):
        return None
    shape = (n_lines, n_rows)
    return Buffer(np.zeros(shape, dtype_of(type_.element)), writable=True, written=np.zeros(shape, np.bool_))


def run_kernel(
    module: ModuleOp, task: int, row_dtype: int, rows: NDArray[Any], tree_range: tuple[int, int], n_columns: int
) -> NDArray[Any]:
    """Run the first kernel that serves ``task``, ``row_dtype`` and the number of rows; returns its output.

    The output has shape [n, n_columns] and the dtype that the kernel's stages write; what no stage writes is NaN, or -1 of
    an integer. Raises `UsageError` if no kernel serves the call, else as `run_stage`.
    """
    kernel = _find_kernel(module, task, row_dtype, len(rows))
    stages = [reference.string_value() for reference in kernel.stages]
    funcs = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, loop.FuncOp)}
    out_type = funcs[stages[0]].body.block.args[1].type
    if not isinstance(out_type, BufferType):
        raise UsageError(f"stage @{stages[0]} has no output")
    out: NDArray[Any]
    dtype = dtype_of(out_type.element)
    out = np.full((len(rows), n_columns), np.nan if dtype.kind == "f" else -1).astype(dtype)
    scratch = scratch_of([funcs[stage] for stage in stages], len(rows))
    for stage in stages:
        run_stage(module, stage, rows, out, (0, len(rows)), tree_range, scratch)
    return out.view(np.int32) if dtype == np.uint32 else out


def _find_kernel(module: ModuleOp, task: int, row_dtype: int, n_rows: int) -> loop.KernelOp:
    for op in module.body.block.ops:
        if isinstance(op, loop.KernelOp):
            wants = (op.task.value.data, op.row_dtype.value.data)
            if wants == (task, row_dtype) and n_rows <= op.rows_max.value.data:
                return op
    raise UsageError(f"no kernel does task {task} for {n_rows} rows of dtype {row_dtype}")


def _constant(machine: Machine, op: loop.ConstantOp) -> None:
    machine.values[op.result] = constant(op.value.value.data, op.result.type)


def _binary(machine: Machine, op: loop.BinaryOp) -> None:
    machine.values[op.result] = binary(op.kind.data, machine.value(op.lhs), machine.value(op.rhs))


def _fma(machine: Machine, op: loop.FmaOp) -> None:
    machine.values[op.result] = fma(machine.value(op.factor), machine.value(op.other), machine.value(op.addend))


def _compare(machine: Machine, op: loop.CompareOp) -> None:
    machine.values[op.result] = compare(op.kind.data, machine.value(op.lhs), machine.value(op.rhs))


def _select(machine: Machine, op: loop.SelectOp) -> None:
    machine.values[op.result] = select(machine.value(op.condition), machine.value(op.lhs), machine.value(op.rhs))


def _cast(machine: Machine, op: loop.CastOp) -> None:
    machine.values[op.result] = cast(op.kind.data, machine.value(op.value), op.result.type)


def _math(machine: Machine, op: loop.MathOp) -> None:
    machine.values[op.result] = math_function(op.kind.data, machine.value(op.value))


def _get_table(machine: Machine, op: loop.GetTableOp) -> None:
    name = op.table.string_value()
    if name not in machine.tables:
        raise UsageError(f"there is no table @{name}")
    machine.values[op.result] = machine.tables[name]


def _alloc(machine: Machine, op: loop.AllocOp) -> None:
    machine.values[op.result] = scratch_buffer(op)


def _call(machine: Machine, op: loop.CallOp) -> None:
    name = op.routine.string_value()
    if name not in machine.routines:
        raise UsageError(f"there is no routine @{name}")
    machine.run(machine.routines[name].body.block, [machine.values[value] for value in op.arguments])


def _load(machine: Machine, op: loop.LoadOp) -> None:
    field, buffer = op.field.data if op.field is not None else None, machine.buffer(op.buffer)
    machine.values[op.result] = buffer.load(machine.own(buffer, machine.indices(op.indices)), op.result.type, field)


def _store(machine: Machine, op: loop.StoreOp) -> None:
    buffer = machine.buffer(op.buffer)
    buffer.store(machine.own(buffer, machine.indices(op.indices)), machine.value(op.value))


def _read_lane(machine: Machine, op: loop.ReadLaneOp) -> None:
    buffer = machine.buffer(op.buffer)
    indices = machine.own(buffer, machine.indices(op.indices), own=False)
    machine.values[op.result] = buffer.load(indices, op.result.type, None)


def _atomic_add(machine: Machine, op: loop.AtomicAddOp) -> None:
    """In the order of the threads here."""
    buffer, indices, value = machine.buffer(op.buffer), machine.indices(op.indices), machine.value(op.value)
    buffer.store(indices, binary(BinaryKind.ADD, buffer.load(indices, op.value.type, None), value))


def _gather(machine: Machine, op: loop.GatherOp) -> None:
    places = machine.places(op.origin, op.offsets)
    field = op.field.data if op.field is not None else None
    machine.values[op.result] = machine.buffer(op.buffer).gather(places, dtype_of(op.result.type), field)


def _scatter(machine: Machine, op: loop.ScatterOp) -> None:
    value, buffer = machine.value(op.value), machine.buffer(op.buffer)
    for lane, place in enumerate(machine.places(op.origin, op.offsets)):
        buffer.store(place, value[lane])


def _splat(machine: Machine, op: loop.SplatOp) -> None:
    machine.values[op.result] = np.full(lanes_of(op.result.type) or 1, machine.value(op.value))


def _lane_numbers(machine: Machine, op: loop.LaneNumbersOp) -> None:
    machine.values[op.result] = np.arange(lanes_of(op.result.type) or 1).astype(dtype_of(op.result.type))


def _any_lane(machine: Machine, op: loop.AnyLaneOp) -> None:
    machine.values[op.result] = np.bool_(machine.value(op.value).any())


def _mask_bits(machine: Machine, op: loop.MaskBitsOp) -> None:
    bits = sum(1 << lane for lane, is_true in enumerate(machine.value(op.value)) if is_true)
    machine.values[op.result] = dtype_of(op.result.type).type(bits)


def _popcount(machine: Machine, op: loop.PopcountOp) -> None:
    value = machine.value(op.value)
    counts = [int(number).bit_count() for number in np.atleast_1d(value)]
    machine.values[op.result] = np.array(counts, value.dtype).reshape(np.shape(value))[()]


def _reverse_bits(machine: Machine, op: loop.ReverseBitsOp) -> None:
    value = machine.value(op.value)
    bits = 8 * value.dtype.itemsize
    reverse = [int(f"{int(number) % (1 << bits):0{bits}b}"[::-1], 2) for number in np.atleast_1d(value)]
    unsigned = np.array(reverse, f"u{value.dtype.itemsize}")
    machine.values[op.result] = unsigned.view(value.dtype).reshape(np.shape(value))[()]


def _load_columns(machine: Machine, op: loop.LoadColumnsOp) -> None:
    type_, n = op.buffer.type, len(op.results_)
    if not isinstance(type_, BufferType):
        return
    buffer, (row, column) = machine.buffer(op.buffer), machine.indices([op.row, op.column])
    for at, result in enumerate(op.results_):
        values = [buffer.load((row + lane, column + at), type_.element, None) for lane in range(n)]
        machine.values[result] = np.array(values, dtype_of(type_.element))


def _opaque(machine: Machine, op: loop.OpaqueOp) -> None:
    machine.values[op.result] = machine.value(op.value)


def _prefetch(machine: Machine, op: loop.PrefetchOp) -> None:
    """Nothing, but of an element that is there."""
    type_ = op.buffer.type
    if isinstance(type_, BufferType):
        machine.buffer(op.buffer).load(machine.indices(op.indices), type_.element, None)


def _shuffle(machine: Machine, op: loop.ShuffleOp) -> None:
    table = machine.value(op.table)
    machine.values[op.result] = table[machine.value(op.index).astype(np.int64) % len(table)]


def _interleave(machine: Machine, op: loop.InterleaveOp) -> None:
    lanes = np.stack([machine.value(op.lhs), machine.value(op.rhs)], axis=1).reshape(2, -1)
    machine.values[op.low], machine.values[op.high] = lanes[0], lanes[1]


def _transpose_bits(machine: Machine, op: loop.TransposeBitsOp) -> None:
    numbers = _numbers([machine.value(word) for word in op.words]).reshape(len(op.results_), -1)
    machine.values |= dict(zip(op.results_, numbers, strict=True))


def _numbers(words: Sequence[Value]) -> Value:
    """u8 of each row, from words of their bits, the lowest first."""
    bits = np.unpackbits(np.stack(words).view(np.uint8), axis=1, bitorder="little")
    return np.packbits(bits, axis=0, bitorder="little")[0]


def _multiplex(machine: Machine, op: loop.MultiplexOp) -> None:
    levels, lanes = op.levels.value.data, op.lanes.value.data
    first, word, place = machine.index(op.first), machine.index(op.word), machine.index(op.place)
    nodes, slots, type_ = machine.buffer(op.nodes), machine.buffer(op.slots), VectorType(i64, [lanes])

    def answers(node: int, below: int) -> list[Value]:
        slot = int(nodes.load([first + node], i64, None))
        own = slots.load([slot, word], type_, None)
        if below == 0:
            return [own]
        true, false = answers(node + 1, below - 1), answers(node + (1 << below), below - 1)
        return [own, *((own & t) | (~own & f) for t, f in zip(true, false, strict=True))]

    machine.buffer(op.codes).store([place], _numbers(answers(0, levels - 1)[::-1]))


def _for(machine: Machine, op: loop.ForOp) -> None:
    lower, upper, step = (machine.index(value) for value in (op.lower, op.upper, op.step))
    if step <= 0:
        raise ArithmeticError(f"a loop's step is positive, not {step}")
    carried = [machine.value(value) for value in op.initial]
    dimension = DIMENSIONS.index(op.dimension.data) if op.kind.data is LoopKind.BLOCK and op.dimension is not None else None
    for number, index in enumerate(range(lower, upper, step)):
        if dimension is not None:
            machine.thread[dimension] = number % machine.threads[dimension]
        last = machine.run(op.body.block, [np.int64(index).astype(np.uint64), *carried])
        carried = [machine.value(value) for value in last.operands]
    if dimension is not None:
        machine.thread[dimension] = 0
    machine.values |= dict(zip(op.results_, carried, strict=True))


def _barrier(machine: Machine, op: loop.BarrierOp) -> None:
    """Iterations of a block loop run one after the other here, and each loop ends before what follows it begins."""


def _repeat(machine: Machine, op: loop.RepeatOp) -> None:
    carried = [machine.value(value) for value in op.initial]
    again = True
    while again:
        condition, *values = machine.run(op.body.block, carried).operands
        again = bool(machine.value(condition))
        carried = [machine.value(value) for value in values]
    machine.values |= dict(zip(op.results_, carried, strict=True))


def _if(machine: Machine, op: loop.IfOp) -> None:
    region = op.then if machine.value(op.condition) else op.otherwise
    last = machine.run(region.block, [])
    machine.values |= dict(zip(op.results_, [machine.value(value) for value in last.operands], strict=True))


def _decide(machine: Machine, op: loop.DecideOp) -> None:
    at = 0
    while at >= 0:
        true, false, asks, place = (int(number) for number in op.nodes.array[at])
        block = op.questions[asks].block
        own = zip(block.args, op.constants.data[asks], strict=True)
        last = machine.run(block, [constant(blob.array[place].item(), argument.type) for argument, blob in own])
        at = true if machine.value(last.operands[0]) else false
    machine.values[op.result] = constant(op.leaves.array[~at].item(), op.result.type)


_RUNNERS: dict[type[Operation], Callable[[Machine, Any], None]] = {
    loop.AllocOp: _alloc,
    loop.AnyLaneOp: _any_lane,
    loop.AtomicAddOp: _atomic_add,
    loop.BarrierOp: _barrier,
    loop.BinaryOp: _binary,
    loop.CallOp: _call,
    loop.CastOp: _cast,
    loop.CompareOp: _compare,
    loop.ConstantOp: _constant,
    loop.DecideOp: _decide,
    loop.FmaOp: _fma,
    loop.ForOp: _for,
    loop.GatherOp: _gather,
    loop.GetTableOp: _get_table,
    loop.IfOp: _if,
    loop.InterleaveOp: _interleave,
    loop.LaneNumbersOp: _lane_numbers,
    loop.LoadOp: _load,
    loop.MaskBitsOp: _mask_bits,
    loop.MathOp: _math,
    loop.MultiplexOp: _multiplex,
    loop.OpaqueOp: _opaque,
    loop.PopcountOp: _popcount,
    loop.ReverseBitsOp: _reverse_bits,
    loop.LoadColumnsOp: _load_columns,
    loop.PrefetchOp: _prefetch,
    loop.ReadLaneOp: _read_lane,
    loop.RepeatOp: _repeat,
    loop.ScatterOp: _scatter,
    loop.SelectOp: _select,
    loop.ShuffleOp: _shuffle,
    loop.SplatOp: _splat,
    loop.StoreOp: _store,
    loop.TransposeBitsOp: _transpose_bits,
}
