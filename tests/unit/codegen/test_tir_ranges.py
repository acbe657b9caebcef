"""Which integers of a stage need only 32 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import f32, i32, i64
from xdsl.ir import Block, SSAValue

from treec.codegen.tir.ranges import FULL, Narrow, analyse
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.tables import Tables
from treec.treeir.loop import FuncOp, ReturnOp
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind


class Made:
    """A stage under construction, and its tables."""

    def __init__(self) -> None:
        self.stage = FuncOp("f", f32, f32, axis=0, grain=1)
        self.tables = Tables(Block())
        self.b = LoopBuilder(self.stage.body.block)
        self.rows, self.out, self.row_begin, self.row_end, self.tree_begin, self.tree_end = self.stage.body.block.args
        self.used: dict[str, Any] = {}

    def table(self, name: str, values: list[int], dtype: str) -> SSAValue:
        op = self.tables.of(name, np.array(values, dtype))
        self.used[name] = op
        return self.b.table(op)

    def analyse(self) -> Narrow:
        self.stage.body.block.add_op(ReturnOp())
        self.stage.verify()
        return analyse(self.stage, self.used)


def wide(b: LoopBuilder, made: Made) -> SSAValue:
    """A number of which nothing is known."""
    value = b.cast(CastKind.BITCAST, b.constant(0.5, f32), i32)
    word = b.cast(CastKind.ZEXT, value, i64)
    return b.mul(b.mul(word, word), word)


def test_ranges_follow_from_data_and_ops() -> None:
    made = Made()
    b = made.b
    entry = b.load_index(made.table("t", [3, 9, 250], "u1"), made.tree_begin)
    ranges = {
        entry: (3, 250),
        b.add(entry, 10): (13, 260),
        b.sub(entry, 10): (-7, 240),
        b.mul(entry, 2): (6, 500),
        b.both(entry, 15): (0, 15),
        b.either(entry, 1): (0, 255),
        b.binary(BinaryKind.SHR, entry, 1): (1, 125),
        b.binary(BinaryKind.SHL, entry, 1): (6, 500),
        b.binary(BinaryKind.DIV, entry, 3): (1, 83),
        b.binary(BinaryKind.REM, entry, 7): (0, 6),
        b.minimum(entry, b.constant(100)): (3, 100),
        b.select(b.compare(CompareKind.EQ, entry, 4), entry, b.constant(1000)): (3, 1000),
    }
    found = made.analyse()
    assert {value: found.range(value) for value in ranges} == ranges
    assert all(found.is_narrow(value) for value in ranges)


def test_what_is_not_known_has_no_bound() -> None:
    made = Made()
    value = wide(made.b, made)
    kept = made.b.compare(CompareKind.SLT, value, 0)
    found = made.analyse()
    assert found.range(value) == FULL
    assert not found.is_narrow(value)
    assert not found.is_narrow(kept)  # an i1 is what it is


def test_low_bits_are_enough_where_nobody_asks_for_more() -> None:
    made = Made()
    b = made.b
    value = wide(b, made)
    low = b.add(value, 1)
    b.store(b.load(made.rows, made.row_begin, low), made.out, made.row_begin, low)
    high = b.add(value, 2)
    b.compare(CompareKind.ULT, high, 7)
    found = made.analyse()
    assert found.is_narrow(low)
    assert not found.is_narrow(high)
    assert not found.is_narrow(value)  # `high` is made of it


def test_an_index_is_inside_of_its_table() -> None:
    made = Made()
    b = made.b
    table = made.table("t", [1, 2, 3], "u8")
    index = wide(b, made)
    b.load(table, index)
    sum_ = b.add(index, 5)
    found = made.analyse()
    assert found.range(index) == (0, 2)
    assert found.range(sum_) == (5, 7)


def test_what_a_loop_carries_is_bounded_by_what_it_indexes() -> None:
    made = Made()
    b = made.b
    steps = made.table("t", [1, 2, 3], "u1")

    def body(t: LoopBuilder, values: Values) -> tuple[SSAValue, Values]:
        node, turns = values
        following = t.add(node, t.load_index(steps, node))
        return t.compare(CompareKind.NE, following, 2), [following, t.add(turns, 1)]

    node, turns = b.repeat([b.constant(0), b.constant(0)], body)
    b.load(made.rows, made.row_begin, turns)
    found = made.analyse()
    assert found.range(node) == (1, 5)
    assert found.range(turns) == FULL  # it may go on for ever
    assert found.is_narrow(node)
    assert found.is_narrow(turns)  # only an index is made of it


@pytest.mark.parametrize("first", [1 << 20, 1 << 40])
def test_an_argument_and_its_result_have_one_place(first: int) -> None:
    made = Made()
    b = made.b
    start = b.constant(first)
    [last] = b.for_(b.constant(0), made.tree_end, lambda t, _, carried: [t.both(carried[0], 7)], initial=[start])
    b.compare(CompareKind.EQ, last, 3)
    found = made.analyse()
    assert found.range(last) == (0, first)
    assert found.is_narrow(last) == (first < 1 << 31)
