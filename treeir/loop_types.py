"""Types and enumerations of the loop dialect."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, IntAttr, StringAttr, VectorType, f32, f64, i1, i8, i16, i32, i64
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import (
    Attribute,
    Operation,
    ParametrizedAttribute,
    SpacedOpaqueSyntaxAttribute,
    SSAValue,
    TypeAttribute,
)
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.str_enum import StrEnum


class Scope(StrEnum):
    """Where a buffer lives."""

    GLOBAL = "global"
    """The caller's memory."""
    CONSTANT = "constant"
    """A table of the artifact."""
    WORKSPACE = "workspace"
    """Scratch memory of this call; on a GPU: per block in global memory."""
    SHARED = "shared"
    """Shared by the threads of a block."""
    LOCAL = "local"
    """Private to a thread: registers or stack."""
    LANES = "lanes"
    """A part for each thread, whose last two dimensions are the thread's number along ``block.x`` and its row: stores and
    loads are of the own part, `loop.read_lane` of others with the same row. Registers in CUDA, else shared memory."""


class LoopKind(StrEnum):
    """How the iterations of a loop run. ``grid``: shared among the blocks of threads of a GPU, ``block``: among the threads
    of a block; both along a dimension of `DIMENSIONS`."""

    SERIAL = "serial"
    PARALLEL = "parallel"
    VECTOR = "vector"
    GRID = "grid"
    BLOCK = "block"

    @property
    def on_gpu(self) -> bool:
        return self in (LoopKind.GRID, LoopKind.BLOCK)


DIMENSIONS = ("x", "y", "z")
"""Of a grid of blocks, and of a block of threads."""


class BinaryKind(StrEnum):
    """add, sub, mul, div work on floats too; div on integers is unsigned, as are shr and rem."""

    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    DIV = "div"
    REM = "rem"
    AND = "and"
    OR = "or"
    XOR = "xor"
    SHL = "shl"
    SHR = "shr"


class CompareKind(StrEnum):
    """Integers: eq ne, signed slt sle sgt sge, unsigned ult ule ugt uge. Floats: ordered oeq olt ole ogt oge one,
    unordered-or uno (is any NaN), une, fult (not oge), fule (not ogt)."""

    EQ = "eq"
    NE = "ne"
    SLT = "slt"
    SLE = "sle"
    SGT = "sgt"
    SGE = "sge"
    ULT = "ult"
    ULE = "ule"
    UGT = "ugt"
    UGE = "uge"
    OEQ = "oeq"
    OLT = "olt"
    OLE = "ole"
    OGT = "ogt"
    OGE = "oge"
    ONE = "one"
    UNO = "uno"
    UNE = "une"
    FULT = "fult"
    FULE = "fule"

    @property
    def on_floats(self) -> bool:
        return self in _FLOAT_COMPARES


_FLOAT_COMPARES = frozenset(
    CompareKind(k) for k in ("oeq", "olt", "ole", "ogt", "oge", "one", "uno", "une", "fult", "fule")
)


class CastKind(StrEnum):
    """``fptosi`` truncates toward zero and saturates; NaN becomes 0. ``bitcast`` keeps the bits."""

    ZEXT = "zext"
    SEXT = "sext"
    TRUNC = "trunc"
    FPEXT = "fpext"
    FPTRUNC = "fptrunc"
    SITOFP = "sitofp"
    FPTOSI = "fptosi"
    BITCAST = "bitcast"


class MathKind(StrEnum):
    """``exp``, ``log``, ``log1p`` are the C library's own functions of the operand's dtype, to the last bit."""

    NEG = "neg"
    ABS = "abs"
    SQRT = "sqrt"
    EXP = "exp"
    LOG = "log"
    LOG1P = "log1p"


@irdl_attr_definition
class ScopeAttr(EnumAttribute[Scope], SpacedOpaqueSyntaxAttribute):
    name = "loop.scope"


@irdl_attr_definition
class LoopKindAttr(EnumAttribute[LoopKind], SpacedOpaqueSyntaxAttribute):
    name = "loop.loop_kind"


@irdl_attr_definition
class BinaryKindAttr(EnumAttribute[BinaryKind], SpacedOpaqueSyntaxAttribute):
    name = "loop.binary_kind"


@irdl_attr_definition
class CompareKindAttr(EnumAttribute[CompareKind], SpacedOpaqueSyntaxAttribute):
    name = "loop.compare_kind"


@irdl_attr_definition
class CastKindAttr(EnumAttribute[CastKind], SpacedOpaqueSyntaxAttribute):
    name = "loop.cast_kind"


@irdl_attr_definition
class MathKindAttr(EnumAttribute[MathKind], SpacedOpaqueSyntaxAttribute):
    name = "loop.math_kind"


@irdl_attr_definition
class RecordType(ParametrizedAttribute, TypeAttribute):
    """``!loop.record<8, "threshold" : f32 at 0, "meta" : i32 at 4>``: named fields, numbers or vectors of them, at byte
    offsets, unaligned if need be."""

    name = "loop.record"

    size: IntAttr
    names: ArrayAttr[StringAttr]
    types: ArrayAttr[Attribute]
    offsets: ArrayAttr[IntAttr]

    @staticmethod
    def of(size: int, fields: Sequence[tuple[str, Attribute, int]]) -> RecordType:
        names, types, offsets = zip(*fields, strict=True)
        return RecordType(
            IntAttr(size),
            ArrayAttr([StringAttr(name) for name in names]),
            ArrayAttr(types),
            ArrayAttr([IntAttr(offset) for offset in offsets]),
        )

    def field(self, name: str) -> tuple[Attribute, int]:
        """Type and byte offset of a field; KeyError if there is none."""
        for candidate, type_, offset in zip(self.names, self.types, self.offsets, strict=True):
            if candidate.data == name:
                return type_, offset.data
        raise KeyError(name)

    def verify(self) -> None:
        if not len(self.names) == len(self.types) == len(self.offsets):
            raise VerifyException("a record needs a name, a type and an offset per field")
        if len({n.data for n in self.names}) != len(self.names):
            raise VerifyException("two fields of a record have the same name")
        for type_, offset in zip(self.types, self.offsets, strict=True):
            if offset.data < 0 or offset.data + field_size(type_) > self.size.data:
                raise VerifyException(f"field {type_} at {offset.data} is outside of the record's {self.size.data} bytes")

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(str(self.size.data))
            for name, type_, offset in zip(self.names, self.types, self.offsets, strict=True):
                printer.print_string(", ")
                printer.print_string_literal(name.data)
                printer.print_string(" : ")
                printer.print_attribute(type_)
                printer.print_string(f" at {offset.data}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        names: list[StringAttr] = []
        types: list[Attribute] = []
        offsets: list[IntAttr] = []
        with parser.in_angle_brackets():
            size = parser.parse_integer()
            while parser.parse_optional_punctuation(","):
                names.append(StringAttr(parser.parse_str_literal()))
                parser.parse_punctuation(":")
                types.append(parser.parse_type())
                parser.parse_keyword("at")
                offsets.append(IntAttr(parser.parse_integer()))
        return (IntAttr(size), ArrayAttr(names), ArrayAttr(types), ArrayAttr(offsets))


@irdl_attr_definition
class BufferType(ParametrizedAttribute, TypeAttribute):
    """``!loop.buffer<f32, 2, global>``: element type, rank, scope. Global buffers have a stride per dimension at run time,
    in elements; the others are dense, last index fastest."""

    name = "loop.buffer"

    element: Attribute
    rank: IntAttr
    scope: ScopeAttr

    @staticmethod
    def of(element: Attribute, rank: int, scope: Scope) -> BufferType:
        return BufferType(element, IntAttr(rank), ScopeAttr(scope))

    def verify(self) -> None:
        if self.rank.data < 1:
            raise VerifyException("a buffer has at least one dimension")
        byte_size(self.element)

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_attribute(self.element)
            printer.print_string(f", {self.rank.data}, {self.scope.data.value}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            element = parser.parse_type()
            parser.parse_punctuation(",")
            rank = parser.parse_integer()
            parser.parse_punctuation(",")
            scope = parser.parse_str_enum(Scope)
        return (element, IntAttr(rank), ScopeAttr(scope))


_BYTES: dict[Attribute, int] = {i8: 1, i16: 2, i32: 4, i64: 8, f32: 4, f64: 8}


def byte_size(type_: Attribute) -> int:
    """Bytes of one element of a buffer; raises `VerifyException` for a type that has no place in memory."""
    if isinstance(type_, RecordType):
        return type_.size.data
    if (size := _BYTES.get(type_)) is not None:
        return size
    raise VerifyException(f"{type_} can't be the element of a buffer")


def field_size(type_: Attribute) -> int:
    """Bytes of a field of a record: a number or a vector of numbers."""
    return lanes_of(type_) * byte_size(scalar_of(type_))


def is_float(type_: Attribute) -> bool:
    return scalar_of(type_) in (f32, f64)


def scalar_of(type_: Attribute) -> Attribute:
    """The element type of a vector; any other type itself."""
    return cast(VectorType[Attribute], type_).element_type if isinstance(type_, VectorType) else type_


@cache
def vector_like(type_: Attribute, element: Attribute) -> Attribute:
    """``element``, in a vector of the shape of ``type_`` if that is one. Types are few, and slow to make."""
    return VectorType(element, cast(VectorType[Attribute], type_).shape) if isinstance(type_, VectorType) else element


_BITS: dict[Attribute, int] = {i1: 1, **{type_: 8 * size for type_, size in _BYTES.items()}}


def bit_width(type_: Attribute) -> int:
    """Bits of a number, or of one lane of a vector; raises `VerifyException` for what is no number."""
    if (bits := _BITS.get(scalar_of(type_))) is not None:
        return bits
    raise VerifyException(f"{type_} is no number")


def is_vector(type_: Attribute) -> bool:
    return isinstance(type_, VectorType)


def lanes_of(type_: Attribute) -> int:
    """Lanes of a vector; 1 for a number."""
    return cast(VectorType[Attribute], type_).get_shape()[0] if isinstance(type_, VectorType) else 1


def initialise(op: Operation, operands: Sequence[SSAValue], properties: dict[str, Attribute], *results: Attribute) -> None:
    """Initialise an op that has at most one operand or result of variable number, and that one last: half the time of
    IRDL's own way, which sorts out any arguments. Most ops of a module are made here."""
    Operation.__init__(op, operands=operands, properties=properties, result_types=results)
