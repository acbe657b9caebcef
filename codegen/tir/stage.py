# pyright: basic
"""The state of emitting one kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tvm import ir, tirx
from xdsl.dialects.builtin import i64
from xdsl.ir import Attribute, Block, Operation, SSAValue

from treec.codegen.tir.functions import Functions, integer
from treec.codegen.tir.ranges import Narrow, fits_signed
from treec.codegen.tir.types import dtype_of
from treec.errors import CodegenError
from treec.treeir.loop import TableOp
from treec.treeir.loop_types import BufferType, Scope

Expr = Any
Stmt = Any


@dataclass(frozen=True)
class Place:
    """Where a buffer lies: its memory (a pointer argument, or a TIR buffer of this kernel's own), a stride per
    dimension, in elements (None for 1), and the memory's element that is its first."""

    name: str
    memory: Expr
    strides: tuple[Expr | None, ...]
    element: Attribute
    scope: Scope
    first: int = 0


Finish = Callable[[Operation], None]


@dataclass
class Frame:
    """A region that is being emitted: the ops to come, and what to do at its terminator.

    ``words``: words of records that are loaded already, by buffer, index and position.
    """

    ops: Iterator[Operation]
    finish: Finish
    statements: list[Stmt] = field(default_factory=list)
    words: dict[tuple[SSAValue, SSAValue, int], Expr] = field(default_factory=dict)


@dataclass
class Stage:
    """One kernel: TIR expressions of SSA values, places of buffers, and the stack of open regions.

    ``shared_bytes``: of a block, all that it needs. ``dynamic``: the launch gives them, as one array ``shared``, of which
    buffers have taken ``shared_taken`` bytes.

    The stack is explicit, so the depth of nested ifs is not bounded by Python's. Each op's result is bound to a variable,
    so that code grows with the number of ops alone.
    """

    name: str
    functions: Functions
    threads: tuple[int, int, int]
    tables: dict[str, TableOp]
    narrow: Narrow
    shared_bytes: int
    dynamic: bool
    values: dict[SSAValue, Expr] = field(default_factory=dict)
    places: dict[SSAValue, Place] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    arguments: dict[str, Expr] = field(default_factory=dict)
    views: dict[tuple[str, str], Expr] = field(default_factory=dict)
    shared: Expr | None = None
    shared_taken: int = 0
    threading: dict[str, Expr] = field(default_factory=dict)
    grid_steps: dict[str, tuple[int | None, int]] = field(default_factory=dict)

    def error(self, message: str) -> CodegenError:
        return CodegenError(message, place=f"stage @{self.name}")

    def value(self, value: SSAValue) -> Expr:
        if (found := self.values.get(value)) is None:
            raise self.error(f"{value.type} can't be used as a value here")
        return found

    def dtype(self, value: SSAValue) -> str:
        """Of the variable that holds a value: an i64 of which 32 bits will do is an int32."""
        return "int32" if self.narrow.is_narrow(value) else dtype_of(value.type)

    def low(self, value: SSAValue) -> Expr:
        """The low 32 bits of an i64."""
        found = self.value(value)
        if isinstance(found, tirx.IntImm):
            return integer(found.value, "int32")
        return found if self.narrow.is_narrow(value) else tirx.Cast("int32", found)

    def full(self, value: SSAValue) -> Expr:
        """All bits of an i64; of any other type the value as it is."""
        found = self.value(value)
        if not self.narrow.is_narrow(value):
            return found
        if isinstance(found, tirx.IntImm):
            return integer(self.narrow.range(value)[0], "int64")
        if not fits_signed(self.narrow.place_range(value)):
            found = tirx.Cast("uint32", found)
        return tirx.Cast("int64", found)

    def like(self, value: SSAValue, other: SSAValue) -> Expr:
        """A value in the form of another one of the same type."""
        return self.low(value) if self.narrow.is_narrow(other) else self.full(value)

    def place(self, buffer: SSAValue) -> Place:
        if (found := self.places.get(buffer)) is None:
            raise self.error("a buffer is an argument, a table or an allocation; it can't be chosen or carried")
        return found

    def add(self, statement: Stmt) -> None:
        self.frames[-1].statements.append(statement)

    def safe_name(self, name: str) -> str:
        return f"{name}_" if name in RESERVED or name in self.functions.reserved else name

    def bind(self, name: str, value: Expr, dtype: str) -> Expr:
        """A variable with this value."""
        variable = ir.Var(self.safe_name(name), ir.PrimType(dtype))
        self.add(tirx.Bind(variable, value))
        return variable

    def define(self, result: SSAValue, value: Expr) -> None:
        """The value of an op's result, under the result's name; an int64 is cut where 32 bits of it will do."""
        dtype = self.dtype(result)
        if dtype == "int32" and result.type == i64 and str(value.ty) != "T.int32":
            value = tirx.Cast("int32", value)
        self.values[result] = self.bind(result.name_hint or "v", value, dtype)

    def variable(self, name: str, dtype: str) -> Expr:
        """Memory of one element, for what changes in a loop: a register, once it is compiled."""
        buffer = tirx.decl_buffer((1,), dtype, name, scope="local")
        self.add(tirx.AllocBuffer(buffer))
        return buffer

    def thread(self, tag: str) -> Expr:
        """This block's or thread's number along a dimension."""
        if tag not in self.threading:
            self.threading[tag] = ir.Var(tag.replace(".", "_"), ir.PrimType("int32"))
        return self.threading[tag]

    def enter(self, block: Block, finish: Finish) -> None:
        """Emit a region's block next; ``finish`` gets its terminator, and closes the region."""
        self.frames.append(Frame(iter(block.ops), finish))

    def leave(self, terminator: Operation) -> None:
        """At the end of a region: ``finish`` may add to its statements, and then closes it."""
        self.frames[-1].finish(terminator)

    def close(self) -> Stmt:
        """End the innermost region; its statements as one."""
        return sequence(self.frames.pop().statements)


_WORDS = """
asm auto bool break case catch char class const constant continue default delete do double else enum explicit export
extern float for friend generic global goto half if image inline int kernel local long mutable namespace new operator
private protected public read_only register restrict return sampler short signed sizeof static struct switch template
this throw try typedef typename uint uchar union unsigned ushort ulong using virtual void volatile while write_only
"""
RESERVED = frozenset(_WORDS.split())
"""Words of C++, CUDA and OpenCL that are no names."""


ZERO = tirx.IntImm("int32", 0)


def read(variable: Expr) -> Expr:
    return tirx.BufferLoad(variable, [ZERO])


def write(variable: Expr, value: Expr) -> Stmt:
    return tirx.BufferStore(variable, value, [ZERO])


def sequence(statements: Sequence[Stmt]) -> Stmt:
    if not statements:
        return tirx.Evaluate(ZERO)
    return statements[0] if len(statements) == 1 else tirx.SeqStmt(list(statements))


def buffer_type(buffer: SSAValue) -> BufferType:
    if not isinstance(buffer.type, BufferType):
        raise CodegenError(f"expected a buffer, not {buffer.type}")
    return buffer.type
