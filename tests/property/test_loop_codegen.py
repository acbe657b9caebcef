"""Machine code of random loop programs answers like the interpreter, bit for bit, at every CPU level of this host."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.builder import Builder
from xdsl.dialects.builtin import ModuleOp, VectorType, f32, f64, i1, i8, i16, i32, i64
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.rewriter import InsertPoint

from treec.codegen.abi import STAGE_PARAMETERS, ArtifactStruct, DType
from treec.codegen.cpu_levels import LEVELS
from treec.codegen.llvm.compile import ArtifactFacts, TargetSpec, compile_module
from treec.codegen.llvm.jit import load_object
from treec.codegen.llvm.target import host_level
from treec.treeir import loop
from treec.treeir.interp.loop import run_stage
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, MathKind, Scope, is_float, scalar_of, vector_like

if os.uname().machine != "x86_64":
    pytest.skip("runs code for x86-64", allow_module_level=True)

N_INPUTS = 4
LANES = 4
NAN_MARK = 12345  # not the bits of a NaN: LLVM takes a choice between two NaNs for none
N_ROWS = 12
WIDTHS: dict[Attribute, int] = {i1: 1, i8: 8, i16: 16, i32: 32, i64: 64, f32: 32, f64: 64}
HOST_LEVELS = [
    name
    for name, level in LEVELS.items()
    if level.machine == "x86_64" and set(level.features) <= set(host_level().features)
]

INTEGER_KINDS = list(BinaryKind)
FLOAT_KINDS = [BinaryKind.ADD, BinaryKind.SUB, BinaryKind.MUL, BinaryKind.DIV]


class Program:
    """Builds ops from a stream of numbers; ``pool`` has the values that later ops may use."""

    def __init__(self, numbers: list[int], block: Block, pool: list[SSAValue]) -> None:
        self.numbers = numbers
        self.builder = Builder(InsertPoint.at_end(block))
        self.pool = pool

    def draw(self, bound: int) -> int:
        return self.numbers.pop() % bound if self.numbers else 0

    def add(self, op: Operation) -> SSAValue:
        return self.builder.insert(op).results[0]

    def pick(self, wanted: Callable[[Attribute], bool] = lambda _: True) -> SSAValue:
        fitting = [value for value in self.pool if wanted(value.type)]
        return fitting[self.draw(len(fitting))]

    def constant(self, value: float, type_: Attribute) -> SSAValue:
        return self.add(loop.ConstantOp(value, type_))

    def cast(self, kind: CastKind, value: SSAValue, scalar: Attribute) -> SSAValue:
        return self.add(loop.CastOp(kind, value, vector_like(value.type, scalar)))

    def step(self, depth: int) -> None:
        makers = [
            self.binary,
            self.binary,
            self.compare,
            self.select,
            self.convert,
            self.fused,
            self.math,
            self.through_memory,
        ]
        if depth:
            makers += [self.branch, self.count, self.again]
        makers[self.draw(len(makers))](depth)

    def binary(self, depth: int) -> None:
        lhs = self.pick()
        rhs = self.pick(lambda type_: type_ == lhs.type)
        kinds = FLOAT_KINDS if is_float(lhs.type) else INTEGER_KINDS
        kind = kinds[self.draw(len(kinds))]
        width = WIDTHS[scalar_of(lhs.type)]
        if kind in (BinaryKind.SHL, BinaryKind.SHR):
            rhs = self.add(loop.BinaryOp(BinaryKind.AND, rhs, self.constant(width - 1, lhs.type)))
        if kind in (BinaryKind.REM, BinaryKind.DIV) and not is_float(lhs.type):
            rhs = self.add(loop.BinaryOp(BinaryKind.OR, rhs, self.constant(1, lhs.type)))
        self.pool.append(self.add(loop.BinaryOp(kind, lhs, rhs)))

    def compare(self, depth: int) -> None:
        lhs = self.pick()
        rhs = self.pick(lambda type_: type_ == lhs.type)
        kinds = [kind for kind in CompareKind if kind.on_floats == is_float(lhs.type)]
        self.pool.append(self.add(loop.CompareOp(kinds[self.draw(len(kinds))], lhs, rhs)))

    def select(self, depth: int) -> None:
        lhs = self.pick()
        rhs = self.pick(lambda type_: type_ == lhs.type)
        condition = self.pick(lambda type_: type_ in (i1, vector_like(lhs.type, i1)))
        self.pool.append(self.add(loop.SelectOp(condition, lhs, rhs)))

    def convert(self, depth: int) -> None:
        value = self.pick()
        scalar = scalar_of(value.type)
        choices: list[tuple[CastKind, Attribute]] = []
        for other, width in WIDTHS.items():
            wider = width - WIDTHS[scalar]
            match (is_float(scalar), is_float(other)):
                case (False, False) if wider > 0:
                    choices += [(CastKind.ZEXT, other), (CastKind.SEXT, other)]
                case (False, False) if wider < 0:
                    choices.append((CastKind.TRUNC, other))
                case (True, True) if wider:
                    choices.append((CastKind.FPEXT if wider > 0 else CastKind.FPTRUNC, other))
                case (False, True):
                    choices.append((CastKind.SITOFP, other))
                case (True, False) if other != i1:
                    choices.append((CastKind.FPTOSI, other))
                case _:
                    pass
        kind, other = choices[self.draw(len(choices))]
        self.pool.append(self.cast(kind, value, other))

    def math(self, depth: int) -> None:
        kinds = list(MathKind)
        self.pool.append(self.add(loop.MathOp(kinds[self.draw(len(kinds))], self.pick(is_float))))

    def fused(self, depth: int) -> None:
        value = self.pick(is_float)
        others = [self.pick(lambda type_: type_ == value.type) for _ in range(2)]
        self.pool.append(self.add(loop.FmaOp(value, *others)))

    def through_memory(self, depth: int) -> None:
        value = self.pick(lambda type_: type_ not in (i1, vector_like(type_, i1)))
        scope = (Scope.WORKSPACE, Scope.LOCAL)[self.draw(2)]
        buffer = self.add(loop.AllocOp([3, 2 * LANES], scalar_of(value.type), scope))
        place = [self.constant(self.draw(3), i64), self.constant(self.draw(LANES + 1), i64)]
        self.builder.insert(loop.StoreOp(value, buffer, place))
        self.pool.append(self.add(loop.LoadOp(buffer, place, value.type)))

    def inner(self, block: Block, depth: int, wanted: Attribute) -> tuple[Program, SSAValue]:
        inside = Program(self.numbers, block, [*self.pool, *block.args])
        for _ in range(1 + self.draw(3)):
            inside.step(depth - 1)
        return inside, inside.pick(lambda type_: type_ == wanted)

    def branch(self, depth: int) -> None:
        wanted = self.pick().type
        regions: list[Region] = []
        for _ in range(2):
            block = Block()
            inside, value = self.inner(block, depth, wanted)
            inside.builder.insert(loop.YieldOp(value))
            regions.append(Region(block))
        self.pool.append(self.add(loop.IfOp(self.pick(lambda t: t == i1), [wanted], *regions)))

    def count(self, depth: int) -> None:
        first = self.pick()
        bounds = [self.constant(value, i64) for value in (-self.draw(3), self.draw(5), 1 + self.draw(2))]
        op = loop.ForOp(bounds[0], bounds[1], bounds[2], [first])
        inside, value = self.inner(op.body.block, depth, first.type)
        inside.builder.insert(loop.YieldOp(value))
        self.pool.append(self.add(op))

    def again(self, depth: int) -> None:
        """A repeat that counts its steps, so that it ends whatever its condition is."""
        first, zero = self.pick(), self.constant(0, i64)
        op = loop.RepeatOp([first, zero])
        inside, value = self.inner(op.body.block, depth, first.type)
        step = inside.add(loop.BinaryOp(BinaryKind.ADD, op.body.block.args[1], inside.constant(1, i64)))
        few = inside.add(loop.CompareOp(CompareKind.SLT, step, inside.constant(1 + self.draw(4), i64)))
        more = inside.add(loop.BinaryOp(BinaryKind.AND, few, inside.pick(lambda type_: type_ == i1)))
        inside.builder.insert(loop.RepeatWhileOp(more, value, step))
        self.pool += self.builder.insert(op).results[:1]

    def bits(self, value: SSAValue) -> SSAValue:
        """Any value as f64 (or a vector of it) whose bits say it all; of a NaN, only that it is one."""
        scalar = scalar_of(value.type)
        if is_float(scalar):
            is_nan = self.add(loop.CompareOp(CompareKind.UNO, value, value))
            value = self.cast(CastKind.BITCAST, value, i32 if scalar == f32 else i64)
            value = self.add(loop.SelectOp(is_nan, self.constant(NAN_MARK, value.type), value))
        if scalar_of(value.type) != i64:
            value = self.cast(CastKind.ZEXT, value, i64)
        return self.cast(CastKind.BITCAST, value, f64)


def inputs(program: Program, load: Callable[[int, Attribute], SSAValue]) -> None:
    """The columns of a row as values of every type, scalar and vector, by their bits."""
    for column in range(N_INPUTS):
        values = [load(column, f64), load(column, VectorType(f64, [LANES]))]
        for value in values:
            wide = program.cast(CastKind.BITCAST, value, i64)
            program.pool += [value, wide]
            program.pool += [program.cast(CastKind.TRUNC, wide, type_) for type_ in (i1, i8, i16)]
            word = program.cast(CastKind.TRUNC, wide, i32)
            program.pool += [word, program.cast(CastKind.BITCAST, word, f32)]


def build(numbers: list[int], steps: int) -> tuple[ModuleOp, int]:
    """A module with one stage that writes every value that a random program computes; and its number of columns."""
    func = loop.FuncOp("stage", f64, f64, axis=0, grain=1)
    rows, out, row_begin, row_end, *_ = func.body.block.args
    outer = Program(numbers, func.body.block, [])
    rows_loop = loop.ForOp(row_begin, row_end, outer.constant(1, i64))
    program = Program(numbers, rows_loop.body.block, [])
    row = rows_loop.body.block.args[0]
    inputs(program, lambda column, type_: program.add(loop.LoadOp(rows, [row, program.constant(column, i64)], type_)))
    n_given = len(program.pool)
    for _ in range(steps):
        program.step(2)
    column = 0
    for value in program.pool[n_given:]:
        bits = program.bits(value)
        program.builder.insert(loop.StoreOp(bits, out, [row, program.constant(column, i64)]))
        column += LANES if isinstance(value.type, VectorType) else 1
    program.builder.insert(loop.YieldOp())
    outer.builder.insert(rows_loop)
    outer.builder.insert(loop.ReturnOp())
    return ModuleOp([func, loop.KernelOp(0, 1, ["stage"])]), column


SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.5, np.nan, np.inf, -np.inf, 5e-324, 1e-310, 1.7e308, 2.0**31, -(2.0**63), 2.0**63, 0.1]
)
with np.errstate(over="ignore"):
    SPECIAL_F32 = SPECIAL.astype(np.float32).view(np.uint32).astype(np.uint64)
SPECIAL_INTEGERS = np.array(
    [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000, (1 << 63) - 1, 1 << 63], np.uint64
)
PATTERNS = np.concatenate([SPECIAL.view(np.uint64), SPECIAL_F32, SPECIAL_INTEGERS, ~SPECIAL_INTEGERS])


def random_rows(seed: int) -> NDArray[np.float64]:
    """[N_ROWS, N_INPUTS + LANES] of bit patterns: numbers at the edge of every type, and any others."""
    generator = np.random.default_rng(seed)
    shape = (N_ROWS, N_INPUTS + LANES)
    any_bits = generator.integers(0, 1 << 64, shape, np.uint64)
    return np.where(generator.random(shape) < 0.7, generator.choice(PATTERNS, shape), any_bits).view(np.float64)


def run_machine_code(module: ModuleOp, level: str, rows: NDArray[Any], out: NDArray[Any]) -> None:
    facts = ArtifactFacts(rows.shape[1], 1, out.shape[1], DType.F64, 64)
    loaded = load_object(compile_module(module, facts, TargetSpec(level)).object_bytes)
    artifact = ctypes.CFUNCTYPE(ctypes.POINTER(ArtifactStruct))(loaded.describe_address)().contents
    stage = artifact.kernels[0].stages[0]
    types = [ctypes.c_void_p if p.ctype.endswith("*") else ctypes.c_int64 for p in STAGE_PARAMETERS]
    run = ctypes.CFUNCTYPE(ctypes.c_int32, *types)(stage.run)
    space = np.full(stage.workspace_bytes + 64, 0xA5, np.uint8)
    workspace = -(-space.ctypes.data // 64) * 64
    strides = [stride // 8 for stride in (*rows.strides, *out.strides)]
    status = run(
        rows.ctypes.data, *strides[:2], out.ctypes.data, *strides[2:], 0, len(rows), 0, 1, 0, 0, workspace, None, 0
    )
    assert status == 0


@given(
    numbers=st.binary(min_size=40, max_size=150),
    steps=st.integers(1, 25),
    seed=st.integers(0, 1 << 20),
    level=st.sampled_from(HOST_LEVELS),
)
def test_machine_code_of_random_programs_is_the_interpreters(numbers: bytes, steps: int, seed: int, level: str) -> None:
    module, n_columns = build(list(numbers), steps)
    module.verify()
    rows = random_rows(seed)
    expected, found = np.zeros((N_ROWS, n_columns)), np.zeros((N_ROWS, n_columns))
    run_stage(module, "stage", rows, expected, (0, N_ROWS), (0, 1))
    run_machine_code(module, level, rows, found)
    np.testing.assert_array_equal(found.view(np.uint64), expected.view(np.uint64))
