"""A small fluent builder of loop dialect code: what every lowering writes with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from xdsl.dialects.builtin import i1, i64
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from treec.treeir.blob import BlobAttr
from treec.treeir.loop import (
    AllocOp,
    AnyLaneOp,
    AtomicAddOp,
    BarrierOp,
    BinaryOp,
    CallOp,
    CastOp,
    CompareOp,
    ConstantOp,
    DecideOp,
    FmaOp,
    ForOp,
    GatherOp,
    GetTableOp,
    IfOp,
    InterleaveOp,
    LaneNumbersOp,
    LoadColumnsOp,
    LoadOp,
    MaskBitsOp,
    MathOp,
    MultiplexOp,
    OpaqueOp,
    PopcountOp,
    PrefetchOp,
    ReadLaneOp,
    RepeatOp,
    RepeatWhileOp,
    ReverseBitsOp,
    ScatterOp,
    SelectOp,
    ShuffleOp,
    SplatOp,
    StoreOp,
    TableOp,
    TransposeBitsOp,
    YieldOp,
)
from treec.treeir.loop_decide import NodeCode
from treec.treeir.loop_types import (
    BinaryKind,
    BufferType,
    CastKind,
    CompareKind,
    LoopKind,
    MathKind,
    Scope,
    bit_width,
    is_float,
    is_vector,
    vector_like,
)
from treec.treeir.loop_vectors import gathered_type

Values = list[SSAValue]
ForBody = Callable[["LoopBuilder", SSAValue, Values], Sequence[SSAValue]]
RepeatBody = Callable[["LoopBuilder", Values], tuple[SSAValue, Sequence[SSAValue]]]
AskBody = Callable[["LoopBuilder", Values], SSAValue]
IfBody = Callable[["LoopBuilder"], Sequence[SSAValue]]


@dataclass(frozen=True)
class Ask:
    """A question of a `loop.decide`: types of its constants, a blob of each, and its code, which returns an i1."""

    types: Sequence[Attribute]
    constants: Sequence[BlobAttr]
    body: AskBody


class LoopBuilder:
    """Appends ops to ``block``. Constants and tables are made once, at the top of the function's entry block.

    ``scratch``: where `alloc` finds memory: the workspace of a CPU's thread, or memory local to a GPU's.
    """

    def __init__(self, block: Block, *, scratch: Scope = Scope.WORKSPACE, _top: _Top | None = None) -> None:
        self.block = block
        self._top = _top or _Top(block, scratch)

    def _add(self, op: Operation) -> Operation:
        self.block.add_op(op)
        return op

    def _value(self, op: Operation) -> SSAValue:
        return self._add(op).results[0]

    def _inside(self, block: Block) -> LoopBuilder:
        return LoopBuilder(block, _top=self._top)

    def constant(self, value: float, type_: Attribute = i64) -> SSAValue:
        return self._top.constant(value, type_)

    def opaque(self, value: int) -> SSAValue:
        """A constant, i64, that a back end's compiler does not know."""
        constant = self.constant(value)
        return self._top.once(f"opaque {value}", lambda: OpaqueOp(constant))

    def table(self, table: TableOp) -> SSAValue:
        return self._top.table(table)

    def alloc(self, shape: Sequence[int], element: Attribute, scope: Scope | None = None) -> SSAValue:
        """Scratch memory, allocated once per call: in ``scope``, else where the builder's is."""
        return self._top.add(AllocOp(shape, element, scope or self._top.scratch))

    def barrier(self, *, lanes: bool = False) -> None:
        """Wait for the other threads of the block; ``lanes``: for those that share the row, where they have to be waited
        for."""
        self._add(BarrierOp(lanes=lanes))

    def read_lane(self, buffer: SSAValue, *indices: SSAValue) -> SSAValue:
        """What another lane of the row has in memory of scope ``lanes``."""
        return self._value(ReadLaneOp(buffer, indices))

    @staticmethod
    def named(name: str, value: SSAValue) -> SSAValue:
        """The value, under a name that shows in the IR; constants keep theirs."""
        if not isinstance(value.owner, ConstantOp):
            value.name_hint = name
        return value

    @staticmethod
    def known(value: SSAValue) -> int | None:
        """The value of a constant of an integer type; None for all else."""
        owner = value.owner
        if not isinstance(owner, ConstantOp) or is_float(value.type) or is_vector(value.type):
            return None
        return int(owner.value.value.data)

    def binary(self, kind: BinaryKind, lhs: SSAValue, rhs: SSAValue | int) -> SSAValue:
        return self._value(BinaryOp(kind, lhs, self._operand(rhs, lhs)))

    def _operand(self, value: SSAValue | int, like: SSAValue) -> SSAValue:
        return self.constant(value, like.type) if isinstance(value, int) else value

    def add(self, lhs: SSAValue, rhs: SSAValue | int) -> SSAValue:
        """A sum; nothing is emitted for an integer zero."""
        rhs = self._operand(rhs, lhs)
        if self._top.is_zero(rhs):
            return lhs
        if self._top.is_zero(lhs):
            return rhs
        known = self.known(lhs), self.known(rhs)
        if known[0] is not None and known[1] is not None:
            return self.constant(known[0] + known[1], lhs.type)
        return self.binary(BinaryKind.ADD, lhs, rhs)

    def sub(self, lhs: SSAValue, rhs: SSAValue | int) -> SSAValue:
        return self.binary(BinaryKind.SUB, lhs, rhs)

    def mul(self, lhs: SSAValue, rhs: SSAValue | int) -> SSAValue:
        return self.binary(BinaryKind.MUL, lhs, rhs)

    def div(self, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
        return self.binary(BinaryKind.DIV, lhs, rhs)

    def fma(self, factor: SSAValue, other: SSAValue, addend: SSAValue) -> SSAValue:
        """``factor * other + addend``, rounded once."""
        return self._value(FmaOp(factor, other, addend))

    def both(self, lhs: SSAValue, rhs: SSAValue | int) -> SSAValue:
        return self.binary(BinaryKind.AND, lhs, rhs)

    def either(self, lhs: SSAValue, rhs: SSAValue | int) -> SSAValue:
        return self.binary(BinaryKind.OR, lhs, rhs)

    def compare(self, kind: CompareKind, lhs: SSAValue, rhs: SSAValue | int) -> SSAValue:
        return self._value(CompareOp(kind, lhs, self._operand(rhs, lhs)))

    def true(self) -> SSAValue:
        return self.constant(1, i1)

    def select(self, condition: SSAValue, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
        return self._value(SelectOp(condition, lhs, rhs))

    def cast(self, kind: CastKind, value: SSAValue, type_: Attribute) -> SSAValue:
        return value if value.type == type_ else self._value(CastOp(kind, value, type_))

    def sitofp(self, value: SSAValue, type_: Attribute) -> SSAValue:
        return self._value(CastOp(CastKind.SITOFP, value, type_))

    def math(self, kind: MathKind, value: SSAValue) -> SSAValue:
        return self._value(MathOp(kind, value))

    def minimum(self, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
        """The smaller of two signed integers."""
        return self.select(self.compare(CompareKind.SLT, lhs, rhs), lhs, rhs)

    def maximum(self, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
        """The larger of two signed integers."""
        return self.select(self.compare(CompareKind.SLT, lhs, rhs), rhs, lhs)

    def load(self, buffer: SSAValue, *indices: SSAValue, field: str | None = None) -> SSAValue:
        """One element; for an index that is a vector, one per lane."""
        if len(indices) == 1 and is_vector(indices[0].type):
            return self.gather(buffer, [self.constant(0)], indices, field=field)
        return self._value(LoadOp(buffer, indices, field=field))

    def load_index(self, buffer: SSAValue, *indices: SSAValue, field: str | None = None) -> SSAValue:
        """Load an unsigned integer of any width as i64, or as the element of the vectors that the indices are."""
        value = self.load(buffer, *indices, field=field)
        type_ = indices[-1].type
        wider = bit_width(type_) - bit_width(value.type)
        if wider == 0:
            return value
        return self.cast(CastKind.ZEXT if wider > 0 else CastKind.TRUNC, value, type_)

    def gather(
        self, buffer: SSAValue, origin: Sequence[SSAValue], offsets: Sequence[SSAValue], *, field: str | None = None
    ) -> SSAValue:
        """One element per lane, at ``origin + offsets``; all of a record where ``field`` is None."""
        buffer_type = buffer.type
        if not isinstance(buffer_type, BufferType):
            raise ValueError(f"expected a buffer, not {buffer_type}")
        type_ = vector_like(offsets[-1].type, gathered_type(buffer_type, field))
        return self._value(GatherOp(buffer, origin, offsets, type_, field))

    def scatter(self, value: SSAValue, buffer: SSAValue, origin: Sequence[SSAValue], offsets: Sequence[SSAValue]) -> None:
        self._add(ScatterOp(value, buffer, origin, offsets))

    def load_vector(self, buffer: SSAValue, *indices: SSAValue, type_: Attribute) -> SSAValue:
        """Neighbours along the last dimension."""
        return self._value(LoadOp(buffer, indices, type_))

    def splat(self, value: SSAValue, type_: Attribute) -> SSAValue:
        """The number in every lane of a vector; nothing is emitted for a ``type_`` that is none."""
        return self._value(SplatOp(value, type_)) if is_vector(type_) else value

    def lane_numbers(self, type_: Attribute) -> SSAValue:
        return self._top.once(f"lanes {type_}", lambda: LaneNumbersOp(type_))

    def any_lane(self, value: SSAValue) -> SSAValue:
        """i1: is it true, in any lane of a vector?"""
        return self._value(AnyLaneOp(value)) if is_vector(value.type) else value

    def mask_bits(self, value: SSAValue) -> SSAValue:
        """The answers of lanes as bits of an integer, lane 0 lowest."""
        return self._value(MaskBitsOp(value))

    def popcount(self, value: SSAValue) -> SSAValue:
        return self._value(PopcountOp(value))

    def reverse_bits(self, value: SSAValue) -> SSAValue:
        return self._value(ReverseBitsOp(value))

    def load_columns(self, buffer: SSAValue, row: SSAValue, column: SSAValue, count: int) -> Values:
        """``count`` columns of as many rows, a vector each."""
        return list(self._add(LoadColumnsOp(buffer, row, column, count)).results)

    def shuffle(self, table: SSAValue, index: SSAValue) -> SSAValue:
        """Lanes of a vector by a vector of i8 or i32, modulo its length."""
        return self._value(ShuffleOp(table, index))

    def interleave(self, lhs: SSAValue, rhs: SSAValue) -> tuple[SSAValue, SSAValue]:
        """Both halves of two vectors' lanes in turn."""
        low, high = self._add(InterleaveOp(lhs, rhs)).results
        return low, high

    def transpose_bits(self, words: Sequence[SSAValue]) -> Values:
        """A vector of 64 bytes per lane: numbers whose bits the words have, the lowest first."""
        return list(self._add(TransposeBitsOp(words)).results)

    def multiplex(
        self,
        levels: int,
        lanes: int,
        nodes: tuple[SSAValue, SSAValue],
        slots: tuple[SSAValue, SSAValue],
        codes: tuple[SSAValue, SSAValue],
    ) -> None:
        """Store the leaves of a full tree in ``codes``; buffers with the place to begin at, of ``slots`` the lane."""
        self._add(MultiplexOp(levels, lanes, nodes, slots, codes))

    def call(self, routine: str, arguments: Sequence[SSAValue]) -> None:
        self._add(CallOp(routine, arguments))

    def atomic_add(self, value: SSAValue, buffer: SSAValue, *indices: SSAValue) -> None:
        """Add to an element that other threads add to."""
        self._add(AtomicAddOp(value, buffer, indices))

    def prefetch(self, buffer: SSAValue, *indices: SSAValue) -> None:
        """An element is read soon."""
        self._add(PrefetchOp(buffer, indices))

    def store(self, value: SSAValue, buffer: SSAValue, *indices: SSAValue) -> None:
        self._add(StoreOp(value, buffer, indices))

    def for_(
        self,
        lower: SSAValue,
        upper: SSAValue,
        body: ForBody,
        *,
        step: int = 1,
        initial: Sequence[SSAValue] = (),
        label: str | None = None,
        kind: LoopKind = LoopKind.SERIAL,
        dimension: str | None = None,
        extent: int | None = None,
    ) -> Values:
        """``body(builder, index, carried)`` returns the next carried values; the results are the last ones."""
        more: dict[str, Any] = {"kind": kind, "label": label, "dimension": dimension, "extent": extent}
        op = ForOp(lower, upper, self.constant(step), initial, **more)
        index, *carried = op.body.block.args
        index.name_hint = label
        inner = self._inside(op.body.block)
        inner._add(YieldOp(*body(inner, index, list(carried))))
        self._add(op)
        return list(op.results)

    def repeat(self, initial: Sequence[SSAValue], body: RepeatBody) -> Values:
        """``body(builder, values)`` returns (once more?, next values)."""
        op = RepeatOp(initial)
        inner = self._inside(op.body.block)
        condition, values = body(inner, list(op.body.block.args))
        inner._add(RepeatWhileOp(condition, *values))
        self._add(op)
        return list(op.results)

    def if_(self, condition: SSAValue, types: Sequence[Attribute], then: IfBody, otherwise: IfBody) -> Values:
        """The values of one side; both sides return them."""
        op = IfOp(condition, types)
        for region, body in ((op.then, then), (op.otherwise, otherwise)):
            inner = self._inside(region.block)
            inner._add(YieldOp(*body(inner)))
        self._add(op)
        return list(op.results)

    def decide(self, nodes: BlobAttr, leaves: BlobAttr, questions: Sequence[Ask], type_: Attribute) -> SSAValue:
        """The constant of the leaf that a row finds in a tree of branches."""
        codes: list[NodeCode] = []
        for ask in questions:
            block = Block(arg_types=ask.types)
            inner = self._inside(block)
            inner._add(YieldOp(ask.body(inner, list(block.args))))
            codes.append(NodeCode(Region(block), ask.constants))
        return self._value(DecideOp(nodes, leaves, codes, type_))


class _Top:
    """The head of a function's entry block: constants, tables and workspace, each made once."""

    def __init__(self, block: Block, scratch: Scope) -> None:
        self._block = block
        self.scratch = scratch
        self._last: Operation | None = None
        self._constants: dict[tuple[Attribute, str | int], SSAValue] = {}
        self._tables: dict[str, SSAValue] = {}
        self._named: dict[str, SSAValue] = {}

    def add(self, op: Operation) -> SSAValue:
        if self._last is not None:
            self._block.insert_op_after(op, self._last)
        elif self._block.first_op is not None:
            self._block.insert_op_before(op, self._block.first_op)
        else:
            self._block.add_op(op)
        self._last = op
        return op.results[0]

    def constant(self, value: float, type_: Attribute) -> SSAValue:
        key = (type_, float(value).hex() if is_float(type_) else int(value))  # the text tells -0.0 from 0.0
        if key not in self._constants:
            self._constants[key] = self.add(ConstantOp(value, type_))
        return self._constants[key]

    def is_zero(self, value: SSAValue) -> bool:
        """Is this the constant 0 of an integer type, or of vectors of one?"""
        owner = value.owner
        if not isinstance(owner, ConstantOp) or is_float(value.type):
            return False
        return owner.value.value.data == 0

    def once(self, name: str, make: Callable[[], Operation]) -> SSAValue:
        """The value of an op that is made at first use of the name."""
        if name not in self._named:
            self._named[name] = self.add(make())
        return self._named[name]

    def table(self, table: TableOp) -> SSAValue:
        name = table.sym_name.data
        if name not in self._tables:
            self._tables[name] = self.add(GetTableOp(table))
        return self._tables[name]
