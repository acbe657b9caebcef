"""Every op of the loop dialect as machine code, on the edges of its types, against the interpreter."""

# pyright: basic

from __future__ import annotations

from itertools import cycle, islice, product

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, VectorType, f32, f64, i1, i8, i16, i32, i64
from xdsl.ir import Block, Operation, Region, SSAValue

from treec.codegen.abi import DType
from treec.codegen.llvm.emit import EMITTERS
from treec.treeir import loop
from treec.treeir.interp.loop import run_stage
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, MathKind, vector_like

BITS = {i1: 1, i8: 8, i16: 16, i32: 32, i64: 64}
FLOATS = {f32: (i32, np.float32), f64: (i64, np.float64)}
TYPES = [*BITS, *FLOATS]
NAN_MARK = 12345
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, np.nan, np.inf, -np.inf, 1e-45, -1e-45, 5e-324, 1e-310, 3e38, 1e300, 2.0**31]
MORE = [-(2.0**31), 2.0**63, -(2.0**63), 2147483520.0, 88.7, -103.9, 16777217.0, 0.1]


def patterns(type_) -> list[int]:
    """Bit patterns at the edges of a type."""
    if type_ in FLOATS:
        _, dtype = FLOATS[type_]
        with np.errstate(all="ignore"):
            return [int(bits) for bits in np.array(EDGES + MORE, dtype).view(f"u{np.dtype(dtype).itemsize}")]
    width = BITS[type_]
    middle = 1 << (width - 1)
    return sorted({n & (2 * middle - 1) for n in (*range(4), 7, 8, 15, 31, 63, 127, middle - 1, middle, -2, -1)})


class Columns:
    """A stage that reads two operands of a type from f64 columns, and writes what ops make of them."""

    def __init__(self, type_, lanes: int | None) -> None:
        self.type = type_ if lanes is None else VectorType(type_, [lanes])
        self.lanes = lanes or 1
        self.func = loop.FuncOp("stage", f64, f64, axis=0, grain=1)
        self.rows, self.out, begin, end, *_ = self.func.body.block.args
        one = loop.ConstantOp(1, i64)
        self.loop = loop.ForOp(begin, end, one.result)
        self.func.body.block.add_ops([one, self.loop, loop.ReturnOp()])
        self.block: Block = self.loop.body.block
        self.n_columns = 0
        self.operands = [self.read(0), self.read(self.lanes)]

    def add(self, op: Operation) -> SSAValue:
        self.block.add_op(op)
        return op.results[0]

    def constant(self, value, type_):
        return self.add(loop.ConstantOp(value, type_))

    def read(self, column: int):
        place = [self.block.args[0], self.constant(column, i64)]
        value = self.add(loop.LoadOp(self.rows, place, vector_like(self.type, f64)))
        word = self.add(loop.CastOp(CastKind.BITCAST, value, vector_like(self.type, i64)))
        scalar = self.type.element_type if isinstance(self.type, VectorType) else self.type
        bits = FLOATS[scalar][0] if scalar in FLOATS else scalar
        if bits != i64:
            word = self.add(loop.CastOp(CastKind.TRUNC, word, vector_like(self.type, bits)))
        return self.add(loop.CastOp(CastKind.BITCAST, word, self.type)) if scalar in FLOATS else word

    def write(self, value) -> None:
        scalar = value.type.element_type if isinstance(value.type, VectorType) else value.type
        if scalar in FLOATS:
            is_nan = self.add(loop.CompareOp(CompareKind.UNO, value, value))
            value = self.add(loop.CastOp(CastKind.BITCAST, value, vector_like(value.type, FLOATS[scalar][0])))
            value = self.add(loop.SelectOp(is_nan, self.constant(NAN_MARK, value.type), value))
            scalar = FLOATS[scalar][0]
        if scalar != i64:
            value = self.add(loop.CastOp(CastKind.ZEXT, value, vector_like(value.type, i64)))
        value = self.add(loop.CastOp(CastKind.BITCAST, value, vector_like(value.type, f64)))
        place = [self.block.args[0], self.constant(self.n_columns, i64)]
        self.block.add_op(loop.StoreOp(value, self.out, place))
        self.n_columns += self.lanes

    def module(self) -> ModuleOp:
        self.block.add_op(loop.YieldOp())
        module = ModuleOp([self.func, loop.KernelOp(0, 1, ["stage"])])
        module.verify()
        return module


def check(columns: Columns, pairs: list[tuple[int, int]], build) -> None:
    """All pairs of operands, ``lanes`` of them in a row."""
    lanes = columns.lanes
    padded = list(islice(cycle(pairs), -(-len(pairs) // lanes) * lanes))
    bits = np.array(padded, np.uint64).reshape(-1, lanes, 2).transpose(0, 2, 1).reshape(-1, 2 * lanes)
    rows = np.ascontiguousarray(bits).view(np.float64)
    module = columns.module()
    expected, found = np.zeros((2, len(rows), columns.n_columns))
    run_stage(module, "stage", rows, expected, (0, len(rows)), (0, 1))
    artifact = build(module, out_dtype=DType.F64, n_columns=columns.n_columns)
    assert artifact.run_stage(rows, found) == 0
    np.testing.assert_array_equal(found.view(np.uint64), expected.view(np.uint64))


@pytest.mark.parametrize("lanes", [None, 8])
@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_arithmetic_compares_and_selects_on_the_edges_of_a_type(type_, lanes, build) -> None:
    columns = Columns(type_, lanes)
    lhs, rhs = columns.operands
    arithmetic = [BinaryKind.ADD, BinaryKind.SUB, BinaryKind.MUL, BinaryKind.DIV]
    kinds = arithmetic if type_ in FLOATS else list(BinaryKind)
    for kind in kinds:
        operand = rhs
        if kind in (BinaryKind.SHL, BinaryKind.SHR):
            limit = columns.constant(BITS[type_] - 1, columns.type)
            operand = columns.add(loop.BinaryOp(BinaryKind.AND, rhs, limit))
        elif kind in (BinaryKind.DIV, BinaryKind.REM) and type_ in BITS:
            operand = columns.add(loop.BinaryOp(BinaryKind.OR, rhs, columns.constant(1, columns.type)))
        columns.write(columns.add(loop.BinaryOp(kind, lhs, operand)))
    if type_ in FLOATS:
        columns.write(columns.add(loop.FmaOp(lhs, rhs, lhs)))
        columns.write(columns.add(loop.FmaOp(rhs, rhs, lhs)))
    for kind in CompareKind:
        if kind.on_floats == (type_ in FLOATS):
            truth = columns.add(loop.CompareOp(kind, lhs, rhs))
            columns.write(truth)
            columns.write(columns.add(loop.SelectOp(truth, lhs, rhs)))
    check(columns, list(product(patterns(type_), patterns(type_))), build)


@pytest.mark.parametrize("lanes", [None, 8])
@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_casts_and_functions_on_the_edges_of_a_type(type_, lanes, build) -> None:
    columns = Columns(type_, lanes)
    value = columns.operands[0]

    def cast(kind, target) -> None:
        columns.write(columns.add(loop.CastOp(kind, value, vector_like(columns.type, target))))

    if type_ in FLOATS:
        cast(*((CastKind.FPEXT, f64) if type_ == f32 else (CastKind.FPTRUNC, f32)))
        for target in (i8, i16, i32, i64):
            cast(CastKind.FPTOSI, target)
        for kind in MathKind:
            columns.write(columns.add(loop.MathOp(kind, value)))
    else:
        for target in FLOATS:
            cast(CastKind.SITOFP, target)
        for target, width in BITS.items():
            if width < BITS[type_]:
                cast(CastKind.TRUNC, target)
            elif width > BITS[type_]:
                cast(CastKind.ZEXT, target)
                cast(CastKind.SEXT, target)
    check(columns, [(bits, 0) for bits in patterns(type_)], build)


def test_every_op_of_a_stage_has_an_emission() -> None:
    of_gpus = {loop.AtomicAddOp, loop.BarrierOp, loop.ReadLaneOp}
    outside = {loop.FuncOp, loop.RoutineOp, loop.KernelOp, loop.TableOp} | of_gpus
    assert set(EMITTERS) | outside == set(loop.Loop.operations)


def test_a_mask_becomes_the_bits_of_a_word_lane_0_lowest(build, parse_loop) -> None:
    module = parse_loop("""
loop.func @stage axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f64, 2, global>,
                                 %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %one = loop.constant 1 : i64 -> i64
  %zero = loop.constant 0 : i64 -> i64
  %half = loop.constant 0.5 : f32 -> vector<64xf32>
  loop.for serial %r = %rb to %re step %one {
    %x = loop.load %rows[%r, %zero] : !loop.buffer<f32, 2, global> -> vector<64xf32>
    %m = loop.compare olt %x, %half : vector<64xf32> -> vector<64xi1>
    %w = loop.cast bitcast %m : vector<64xi1> -> i64
    %d = loop.cast bitcast %w : i64 -> f64
    loop.store %d, %out[%r, %zero] : f64, !loop.buffer<f64, 2, global>
    loop.yield
  }
  loop.return
}
loop.kernel [@stage] {task = 0 : i32, row_dtype = 0 : i32, rows_max = 10 : i64}
""")
    rows = np.random.default_rng(0).random((5, 64), np.float32)
    expected, found = np.zeros((2, 5, 1))
    run_stage(module, "stage", rows, expected, (0, 5), (0, 1))
    assert build(module, out_dtype=DType.F64).run_stage(rows, found) == 0
    words = np.packbits(rows < 0.5, axis=1, bitorder="little").view(np.uint64)
    np.testing.assert_array_equal(found.view(np.uint64), words)
    np.testing.assert_array_equal(expected.view(np.uint64), words)


def test_a_hundred_nested_ifs_compile(build) -> None:
    func = loop.FuncOp("stage", f32, f32, axis=0, grain=1)
    rows, out, begin, *_ = func.body.block.args
    zero = loop.ConstantOp(0, i64)
    truth = loop.CompareOp(CompareKind.EQ, zero.result, begin)
    value = loop.LoadOp(rows, [zero.result, zero.result])
    inner = Block([loop.StoreOp(value.result, out, [zero.result, zero.result]), loop.YieldOp()])
    for _ in range(100):
        choice = loop.IfOp(truth.result, [], Region(inner), Region(Block([loop.YieldOp()])))
        inner = Block([choice, loop.YieldOp()])
    last = inner.first_op
    assert last is not None
    last.detach()
    func.body.block.add_ops([zero, truth, value, last, loop.ReturnOp()])
    artifact = build(ModuleOp([func, loop.KernelOp(0, 0, ["stage"])]))
    out_array = np.zeros((1, 1), np.float32)
    artifact.run_stage(np.full((1, 1), 7, np.float32), out_array)
    assert out_array[0, 0] == 7
