"""Which 64-bit integers of a stage need only 32 bits: on a GPU these cost half as much, or less.

Two facts decide. The *range* of a value follows from the data of tables and from the ops; a value that indexes a table lies
inside of it, since an access out of bounds is undefined. And low bits of sums, products and selects follow from low bits
alone: of a value whose high bits nobody asks for 32 bits will do, whatever its range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import IntegerType, i1, i8, i16, i32, i64
from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue

from treec.codegen.gpu_abi import ROWS_MOST, TREES_MOST
from treec.treeir import loop
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, RecordType

Range = tuple[int, int]
"""The least and the largest value, as signed numbers; of integers of fewer bits than 64 as unsigned ones."""

FULL: Range = (-(1 << 63), (1 << 63) - 1)
ROUNDS = 3
"""Of looking for the range of what a loop carries, before it is taken to have no bound."""

MODULAR = (BinaryKind.ADD, BinaryKind.SUB, BinaryKind.MUL, BinaryKind.AND, BinaryKind.OR, BinaryKind.XOR)
"""Low bits of the result follow from low bits of the operands."""


def fits_signed(range_: Range) -> bool:
    return range_[0] >= -(1 << 31) and range_[1] < 1 << 31


def fits_unsigned(range_: Range) -> bool:
    return range_[0] >= 0 and range_[1] < 1 << 32


def join(*ranges: Range) -> Range:
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def meet(one: Range, other: Range) -> Range:
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low <= high else other


@dataclass
class Narrow:
    """The integers of one stage: ``ranges``, and which need all of their bits (``whole``)."""

    ranges: dict[SSAValue, Range] = field(default_factory=dict[SSAValue, Range])
    whole: set[SSAValue] = field(default_factory=set[SSAValue])
    partners: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    """The result of what a loop carries, for its argument, and the other way round: both have one place."""

    def range(self, value: SSAValue) -> Range:
        return self.ranges.get(value, FULL)

    def place_range(self, value: SSAValue) -> Range:
        """Of all values in the same place."""
        other = self.partners.get(value)
        return self.range(value) if other is None else join(self.range(value), self.range(other))

    def is_narrow(self, value: SSAValue) -> bool:
        """Is the value kept in 32 bits?"""
        range_ = self.place_range(value)
        if value.type != i64:
            return False
        return fits_signed(range_) or fits_unsigned(range_) or not self._is_whole(value)

    def _is_whole(self, value: SSAValue) -> bool:
        return value in self.whole or self.partners.get(value) in self.whole


def analyse(stage: loop.FuncOp, tables: dict[str, loop.TableOp]) -> Narrow:
    """The integers of a verified stage, in calls of at most `ROWS_MOST` rows."""
    found = Narrow()
    block = stage.body.block
    for argument, most in zip(block.args[2:], (ROWS_MOST, ROWS_MOST, TREES_MOST, TREES_MOST), strict=False):
        found.ranges[argument] = (0, most)
    _Ranges(found, tables).block(block)
    _find_whole(found, stage)
    return found


class _Ranges:
    def __init__(self, found: Narrow, tables: dict[str, loop.TableOp]) -> None:
        self.found = found
        self.tables = tables
        self.data: dict[tuple[str, str], Range] = {}

    def block(self, block: Block) -> None:
        for op in block.ops:
            if isinstance(op, loop.ForOp):
                self._for(op)
            elif isinstance(op, loop.RepeatOp):
                self._carry(op.body.block, op.body.block.args, op.initial, op.results_)
            elif isinstance(op, loop.IfOp):
                self._if(op)
            elif len(op.results) == 1 and isinstance(op.results[0].type, IntegerType):
                self._set(op.results[0], self._of(op))

    def _set(self, value: SSAValue, range_: Range) -> None:
        """A value that indexes a table in its own block is inside of that, if it is anything."""
        for use in value.uses:
            op = use.operation
            size = self._size(op) if isinstance(op, loop.LoadOp) and use.index == 1 else None
            own = value.owner if isinstance(value.owner, Block) else value.owner.parent_block()
            if size is not None and op.parent_block() is own:
                range_ = meet(range_, (0, max(size - 1, 0)))
        self.found.ranges[value] = range_

    def _table(self, buffer: SSAValue) -> loop.TableOp | None:
        owner = buffer.owner
        return self.tables.get(owner.table.string_value()) if isinstance(owner, loop.GetTableOp) else None

    def _size(self, op: loop.LoadOp) -> int | None:
        table = self._table(op.buffer)
        return None if table is None else len(table.data.array)

    def _for(self, op: loop.ForOp) -> None:
        lower, upper = self.found.range(op.lower), self.found.range(op.upper)
        index, *carried = op.body.block.args
        self._set(index, (lower[0], max(lower[0], upper[1] - 1)))
        self._carry(op.body.block, carried, op.initial, op.results_)
        for result, first in zip(op.results_, op.initial, strict=True):  # there may be no step
            if result in self.found.ranges:
                self.found.ranges[result] = join(self.found.range(result), self.found.range(first))

    def _carry(
        self, body: Block, arguments: Iterable[SSAValue], initial: Iterable[SSAValue], results: Iterable[SSAValue]
    ) -> None:
        last = body.last_op
        assert isinstance(last, loop.YieldOp | loop.RepeatWhileOp)
        four = [
            (argument, first, after, result)
            for argument, first, after, result in zip(arguments, initial, last.values, results, strict=True)
            if isinstance(argument.type, IntegerType)
        ]
        seen = {argument: self.found.range(first) for argument, first, _, _ in four}
        for number in count():  # what still grows after some rounds has no bound: at most a round for each
            for argument, range_ in seen.items():
                self._set(argument, range_)
            self.block(body)
            new = {argument: join(seen[argument], self.found.range(after)) for argument, _, after, _ in four}
            if new == seen:
                break
            wide = number >= ROUNDS - 1
            seen = {argument: FULL if wide and new[argument] != seen[argument] else new[argument] for argument in seen}
        for argument, _, after, result in four:
            self.found.ranges[result] = self.found.range(after)
            self.found.partners |= {argument: result, result: argument}

    def _if(self, op: loop.IfOp) -> None:
        sides: list[list[Range]] = []
        for region in (op.then, op.otherwise):
            self.block(region.block)
            last = region.block.last_op
            assert isinstance(last, loop.YieldOp)
            sides.append([self.found.range(value) for value in last.values])
        for result, *ranges in zip(op.results_, *sides, strict=True):
            if isinstance(result.type, IntegerType):
                self._set(result, join(*ranges))

    def _of(self, op: Operation) -> Range:
        match op:
            case loop.ConstantOp():
                value = int(op.value.value.data)
                return value, value
            case loop.LoadOp():
                return self._loaded(op)
            case loop.CastOp():
                return self._cast(op)
            case loop.SelectOp():
                return self._select(op)
            case loop.BinaryOp() if op.result.type == i64:
                return _binary(op.kind.data, self.found.range(op.lhs), self.found.range(op.rhs))
            case _:
                return bounds_of(op.results[0].type)

    def _loaded(self, op: loop.LoadOp) -> Range:
        table, name = self._table(op.buffer), "" if op.field is None else op.field.data
        if table is None:
            return bounds_of(op.result.type)
        key = (table.sym_name.data, name)
        if key not in self.data:
            self.data[key] = _range_of_data(table, name)
        return self.data[key]

    def _cast(self, op: loop.CastOp) -> Range:
        source, target = self.found.ranges.get(op.value, bounds_of(op.value.type)), bounds_of(op.result.type)
        match op.kind.data:
            case CastKind.ZEXT:
                return source
            case CastKind.SEXT:
                half = bounds_of(op.value.type)[1] // 2
                return source if source[1] <= half else (-half - 1, half)
            case _:
                return target

    def _select(self, op: loop.SelectOp) -> Range:
        """The smaller of two, often; at most as large as either."""
        lhs, rhs = self.found.range(op.lhs), self.found.range(op.rhs)
        compare = op.condition.owner
        smaller = isinstance(compare, loop.CompareOp) and (compare.kind.data, compare.lhs, compare.rhs) == (
            CompareKind.SLT,
            op.lhs,
            op.rhs,
        )
        return (min(lhs[0], rhs[0]), min(lhs[1], rhs[1])) if smaller else join(lhs, rhs)


_NARROW: dict[Attribute, int] = {i1: 1, i8: 8, i16: 16, i32: 32}


def bounds_of(type_: Attribute) -> Range:
    width = _NARROW.get(type_)
    return FULL if width is None else (0, (1 << width) - 1)


def _range_of_data(table: loop.TableOp, field_name: str) -> Range:
    array: NDArray[Any] = table.data.array
    if isinstance(table.type.element, RecordType):
        array = array[field_name]
    if array.dtype.kind not in "iub" or not len(array):
        return (0, 0) if not len(array) else FULL
    plain = array.astype(np.int64) if array.dtype.itemsize == 8 else array.view(f"<u{array.dtype.itemsize}")
    return int(plain.min()), int(plain.max())


def _binary(kind: BinaryKind, lhs: Range, rhs: Range) -> Range:
    exact: dict[BinaryKind, Callable[[int, int], int]] = {
        BinaryKind.ADD: lambda a, b: a + b,
        BinaryKind.SUB: lambda a, b: a - b,
        BinaryKind.MUL: lambda a, b: a * b,
    }
    if kind in exact:
        corners = [exact[kind](a, b) for a in lhs for b in rhs]
        made = min(corners), max(corners)
        return made if FULL[0] <= made[0] and made[1] <= FULL[1] else FULL
    positive, constant = lhs[0] >= 0, rhs[0] if rhs[0] == rhs[1] else None
    match kind:
        case BinaryKind.AND:
            tops = [high for low, high in (lhs, rhs) if low >= 0]
            return (0, min(tops)) if tops else FULL
        case BinaryKind.OR | BinaryKind.XOR if positive and rhs[0] >= 0:
            return 0, (1 << max(lhs[1], rhs[1]).bit_length()) - 1
        case BinaryKind.SHR if constant is not None and positive and constant < 64:
            return lhs[0] >> constant, lhs[1] >> constant
        case BinaryKind.SHR if constant is not None and 0 < constant < 64:
            return 0, (1 << 64 - constant) - 1
        case BinaryKind.SHL if constant is not None and positive and lhs[1] << constant <= FULL[1]:
            return lhs[0] << constant, lhs[1] << constant
        case BinaryKind.DIV if constant is not None and constant > 0 and positive:
            return lhs[0] // constant, lhs[1] // constant
        case BinaryKind.REM if constant is not None and constant > 0:
            return 0, constant - 1
        case _:
            return FULL


def _find_whole(found: Narrow, stage: loop.FuncOp) -> None:
    """Spread the need for all bits from what asks for them to what it is made of."""
    ops = list(stage.walk())
    pending = [value for op in ops for value in _asked_whole(op)]
    while pending:
        value = pending.pop()
        if value.type != i64 or value in found.whole:
            continue
        range_ = found.place_range(value)
        found.whole.add(value)
        if fits_signed(range_) or fits_unsigned(range_):
            continue  # 32 bits of it tell all others, so they are all that is asked of its parts
        pending += _parts(found, value)


def _asked_whole(op: Operation) -> list[SSAValue]:
    """Operands whose high bits matter, whatever the result is used for."""
    match op:
        case loop.BinaryOp() if op.kind.data not in MODULAR:
            return [op.lhs, op.rhs]
        case loop.CompareOp():
            return [op.lhs, op.rhs]
        case loop.CastOp() if op.kind.data is not CastKind.TRUNC:
            return [op.value]
        case loop.ForOp():
            return [op.lower, op.upper, op.step]
        case loop.StoreOp():
            return [op.value]
        case loop.ReadLaneOp() | loop.AtomicAddOp():
            return []
        case loop.BinaryOp() | loop.SelectOp() | loop.CastOp() | loop.LoadOp() | loop.RepeatOp() | loop.IfOp():
            return []
        case loop.YieldOp() | loop.RepeatWhileOp():
            return []
        case _:
            return list(op.operands)


def _parts(found: Narrow, value: SSAValue) -> list[SSAValue]:
    """What a value's high bits are made of."""
    parts: list[SSAValue] = []
    partner = found.partners.get(value)
    if partner is not None:
        parts.append(partner)
    owner = value.owner
    if isinstance(value, BlockArgument):
        around = value.owner.parent_op()
        skip = 1 if isinstance(around, loop.ForOp) else 0
        if isinstance(around, loop.ForOp | loop.RepeatOp) and value.index >= skip:
            parts += [around.initial[value.index - skip], _yielded(around.body.block)[value.index - skip]]
    elif isinstance(owner, loop.ForOp | loop.RepeatOp | loop.IfOp):
        at = [result is value for result in owner.results].index(True)
        blocks = [owner.then.block, owner.otherwise.block] if isinstance(owner, loop.IfOp) else [owner.body.block]
        parts += [_yielded(block)[at] for block in blocks]
        if not isinstance(owner, loop.IfOp):
            parts.append(owner.initial[at])
    elif isinstance(owner, loop.BinaryOp | loop.SelectOp):
        parts += [owner.lhs, owner.rhs]
    return parts


def _yielded(block: Block) -> list[SSAValue]:
    last = block.last_op
    assert isinstance(last, loop.YieldOp | loop.RepeatWhileOp)
    return list(last.values)
