"""The loop dialect: typed loops over typed buffers, the last level before machine code, for CPU and GPU alike.

Scalars are builtin ``i1, i8, i16, i32, i64, f32, f64`` (signless); element-wise ops also take 1-D vectors of them. Memory
is reached through buffers only: strided arguments, constant tables of plain values or records, and workspace. Structured
control flow only. A ``loop.func`` is one stage of the C ABI (`treec.codegen.abi`), a ``loop.kernel`` one of its kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    ArrayAttr,
    FlatSymbolRefAttrConstr,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    SymbolNameConstraint,
    SymbolRefAttr,
    VectorType,
    i1,
    i32,
    i64,
)
from xdsl.dialects.utils import parse_assignment, print_assignment
from xdsl.ir import Attribute, Block, BlockArgument, Dialect, Region, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    ParsePropInAttrDict,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import (
    IsolatedFromAbove,
    IsTerminator,
    MemoryReadEffect,
    MemoryWriteEffect,
    Pure,
    RecursiveMemoryEffect,
    SymbolOpInterface,
    SymbolTable,
)
from xdsl.utils.exceptions import VerifyException

from treec.treeir.blob import BlobAttr
from treec.treeir.loop_types import (
    BinaryKind,
    BinaryKindAttr,
    BufferType,
    CastKind,
    CastKindAttr,
    CompareKind,
    CompareKindAttr,
    LoopKind,
    LoopKindAttr,
    MathKind,
    MathKindAttr,
    RecordType,
    Scope,
    ScopeAttr,
    byte_size,
    is_float,
    scalar_of,
    vector_like,
)


@irdl_op_definition
class YieldOp(IRDLOperation):
    """Ends the body of a for or an if, with the values it carries on."""

    name = "loop.yield"
    values = var_operand_def()
    traits = traits_def(IsTerminator(), Pure())
    assembly_format = "attr-dict ($values^ `:` type($values))?"

    def __init__(self, *values: SSAValue) -> None:
        super().__init__(operands=[list(values)])


@irdl_op_definition
class RepeatWhileOp(IRDLOperation):
    """Ends the body of a repeat: once more with ``values`` if ``condition`` holds, else they are its results."""

    name = "loop.repeat_while"
    condition = operand_def(i1)
    values = var_operand_def()
    traits = traits_def(IsTerminator(), Pure())
    assembly_format = "$condition attr-dict ($values^ `:` type($values))?"

    def __init__(self, condition: SSAValue, *values: SSAValue) -> None:
        super().__init__(operands=[condition, list(values)])


@irdl_op_definition
class ReturnOp(IRDLOperation):
    """Ends a stage successfully."""

    name = "loop.return"
    traits = traits_def(IsTerminator())
    assembly_format = "attr-dict"

    def __init__(self) -> None:
        super().__init__()


@irdl_op_definition
class TableOp(IRDLOperation):
    """A constant table of the artifact: a 1-D blob, seen as elements of ``type``'s element type."""

    name = "loop.table"
    sym_name = prop_def(SymbolNameConstraint())
    data = prop_def(BlobAttr)
    type = prop_def(BufferType)
    traits = traits_def(SymbolOpInterface())
    assembly_format = "$sym_name $data `:` $type attr-dict"

    def __init__(self, name: str, data: BlobAttr, element: Attribute) -> None:
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "data": data,
                "type": BufferType.of(element, 1, Scope.CONSTANT),
            }
        )

    def verify_(self) -> None:
        array = self.data.array
        if array.ndim != 1:
            raise VerifyException("a table's data has one dimension")
        if array.dtype.itemsize != byte_size(self.type.element):
            raise VerifyException(
                f"elements of the data have {array.dtype.itemsize} bytes, {self.type.element} has "
                f"{byte_size(self.type.element)}"
            )
        if self.type.scope.data is not Scope.CONSTANT:
            raise VerifyException("a table lives in constant scope")


@irdl_op_definition
class GetTableOp(IRDLOperation):
    """The buffer of a table."""

    name = "loop.get_table"
    table = prop_def(FlatSymbolRefAttrConstr)
    result = result_def(BufferType)
    traits = traits_def(Pure())
    assembly_format = "$table attr-dict `:` type($result)"

    def __init__(self, table: TableOp | str, type_: BufferType | None = None) -> None:
        name = table if isinstance(table, str) else table.sym_name.data
        if type_ is None:
            if isinstance(table, str):
                raise ValueError("a table given by name needs its type")
            type_ = table.type
        super().__init__(properties={"table": SymbolRefAttr(name)}, result_types=[type_])


@irdl_op_definition
class AllocOp(IRDLOperation):
    """Scratch memory of this call, of a fixed shape; its content is undefined."""

    name = "loop.alloc"
    shape = prop_def(ArrayAttr[IntegerAttr])
    result = result_def(BufferType)
    assembly_format = "$shape attr-dict `:` type($result)"

    def __init__(self, shape: Sequence[int], element: Attribute, scope: Scope = Scope.WORKSPACE) -> None:
        super().__init__(
            properties={"shape": ArrayAttr([IntegerAttr(n, i64) for n in shape])},
            result_types=[BufferType.of(element, len(shape), scope)],
        )

    @property
    def extents(self) -> tuple[int, ...]:
        return tuple(n.value.data for n in self.shape)

    def verify_(self) -> None:
        type_ = self.result.type
        if type_.rank.data != len(self.shape):
            raise VerifyException("one extent per dimension is needed")
        if type_.scope.data in (Scope.GLOBAL, Scope.CONSTANT):
            raise VerifyException(f"can't allocate in {type_.scope.data.value} scope")


def _verify_access(buffer: SSAValue, indices: Sequence[SSAValue], field: StringAttr | None, value: SSAValue) -> None:
    type_ = buffer.type
    if not isinstance(type_, BufferType):
        raise VerifyException("expected a buffer")
    if len(indices) != type_.rank.data:
        raise VerifyException(f"{len(indices)} indices into a buffer of rank {type_.rank.data}")
    element = type_.element
    if isinstance(element, RecordType):
        if field is None:
            raise VerifyException("a record is read one field at a time")
        try:
            element, _ = element.field(field.data)
        except KeyError:
            raise VerifyException(f"the record has no field {field.data!r}") from None
    elif field is not None:
        raise VerifyException("only records have fields")
    if scalar_of(value.type) != element:
        raise VerifyException(f"the buffer holds {element}, not {value.type}")
    if isinstance(value.type, VectorType) and isinstance(type_.element, RecordType):
        raise VerifyException("records are not read as vectors")


@irdl_op_definition
class LoadOp(IRDLOperation):
    """One element, or a vector of neighbours along the last dimension; of a record, one field."""

    name = "loop.load"
    buffer = operand_def(BufferType)
    indices = var_operand_def(i64)
    field = opt_prop_def(StringAttr)
    result = result_def()
    traits = traits_def(MemoryReadEffect())
    assembly_format = "$buffer `[` $indices `]` ($field^)? attr-dict `:` type($buffer) `->` type($result)"

    def __init__(
        self, buffer: SSAValue, indices: Sequence[SSAValue], type_: Attribute | None = None, field: str | None = None
    ) -> None:
        if type_ is None and isinstance(buffer.type, BufferType):
            element = buffer.type.element
            type_ = element.field(field)[0] if isinstance(element, RecordType) and field else element
        super().__init__(
            operands=[buffer, list(indices)],
            properties={"field": None if field is None else StringAttr(field)},
            result_types=[type_],
        )

    def verify_(self) -> None:
        _verify_access(self.buffer, self.indices, self.field, self.result)


@irdl_op_definition
class StoreOp(IRDLOperation):
    """Store one element, or a vector of neighbours along the last dimension."""

    name = "loop.store"
    value = operand_def()
    buffer = operand_def(BufferType)
    indices = var_operand_def(i64)
    traits = traits_def(MemoryWriteEffect())
    assembly_format = "$value `,` $buffer `[` $indices `]` attr-dict `:` type($value) `,` type($buffer)"

    def __init__(self, value: SSAValue, buffer: SSAValue, indices: Sequence[SSAValue]) -> None:
        super().__init__(operands=[value, buffer, list(indices)])

    def verify_(self) -> None:
        _verify_access(self.buffer, self.indices, None, self.value)
        if isinstance(self.buffer.type, BufferType) and self.buffer.type.scope.data is Scope.CONSTANT:
            raise VerifyException("a constant table can't be written")


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """A number, bit for bit; for a vector type, the same in every lane."""

    name = "loop.constant"
    value = prop_def(FloatAttr | IntegerAttr)
    result = result_def()
    traits = traits_def(Pure())
    assembly_format = "$value attr-dict `->` type($result)"

    def __init__(self, value: float, type_: Attribute) -> None:
        scalar = scalar_of(type_)
        attribute = FloatAttr(value, scalar) if is_float(scalar) else IntegerAttr(int(value), scalar)  # pyright: ignore
        super().__init__(properties={"value": attribute}, result_types=[type_])

    def verify_(self) -> None:
        if self.value.type != scalar_of(self.result.type):
            raise VerifyException(f"a constant of {self.value.type} is not of type {self.result.type}")


@irdl_op_definition
class BinaryOp(IRDLOperation):
    """Element-wise arithmetic; floats round once per op and are never contracted."""

    name = "loop.binary"
    T: ClassVar = VarConstraint("T", AnyAttr())
    kind = prop_def(BinaryKindAttr)
    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def(T)
    traits = traits_def(Pure())
    assembly_format = "$kind $lhs `,` $rhs attr-dict `:` type($result)"

    def __init__(self, kind: BinaryKind, lhs: SSAValue, rhs: SSAValue) -> None:
        super().__init__(operands=[lhs, rhs], properties={"kind": BinaryKindAttr(kind)}, result_types=[lhs.type])

    def verify_(self) -> None:
        arithmetic = (BinaryKind.ADD, BinaryKind.SUB, BinaryKind.MUL, BinaryKind.DIV)
        if is_float(self.result.type) and self.kind.data not in arithmetic:
            raise VerifyException(f"{self.kind.data.value} is for integers")


@irdl_op_definition
class CompareOp(IRDLOperation):
    """Element-wise compare."""

    name = "loop.compare"
    T: ClassVar = VarConstraint("T", AnyAttr())
    kind = prop_def(CompareKindAttr)
    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def()
    traits = traits_def(Pure())
    assembly_format = "$kind $lhs `,` $rhs attr-dict `:` type($lhs) `->` type($result)"

    def __init__(self, kind: CompareKind, lhs: SSAValue, rhs: SSAValue) -> None:
        result = vector_like(lhs.type, i1)
        super().__init__(operands=[lhs, rhs], properties={"kind": CompareKindAttr(kind)}, result_types=[result])

    def verify_(self) -> None:
        if self.kind.data.on_floats != is_float(self.lhs.type):
            raise VerifyException(f"{self.kind.data.value} does not compare {self.lhs.type}")
        if scalar_of(self.result.type) != i1:
            raise VerifyException("a compare gives i1")


@irdl_op_definition
class SelectOp(IRDLOperation):
    """``condition ? lhs : rhs``, element-wise if the condition is a vector."""

    name = "loop.select"
    T: ClassVar = VarConstraint("T", AnyAttr())
    condition = operand_def()
    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def(T)
    traits = traits_def(Pure())
    assembly_format = "$condition `,` $lhs `,` $rhs attr-dict `:` type($condition) `,` type($result)"

    def __init__(self, condition: SSAValue, lhs: SSAValue, rhs: SSAValue) -> None:
        super().__init__(operands=[condition, lhs, rhs], result_types=[lhs.type])

    def verify_(self) -> None:
        if scalar_of(self.condition.type) != i1:
            raise VerifyException("a condition is i1 or a vector of i1")


@irdl_op_definition
class CastOp(IRDLOperation):
    """Element-wise conversion, see `CastKind`."""

    name = "loop.cast"
    kind = prop_def(CastKindAttr)
    value = operand_def()
    result = result_def()
    traits = traits_def(Pure())
    assembly_format = "$kind $value attr-dict `:` type($value) `->` type($result)"

    def __init__(self, kind: CastKind, value: SSAValue, type_: Attribute) -> None:
        super().__init__(operands=[value], properties={"kind": CastKindAttr(kind)}, result_types=[type_])

    def verify_(self) -> None:
        kind, source, target = self.kind.data, self.value.type, self.result.type
        wants = {
            CastKind.FPEXT: (True, True),
            CastKind.FPTRUNC: (True, True),
            CastKind.SITOFP: (False, True),
            CastKind.FPTOSI: (True, False),
            CastKind.ZEXT: (False, False),
            CastKind.SEXT: (False, False),
            CastKind.TRUNC: (False, False),
        }
        if kind in wants and (is_float(source), is_float(target)) != wants[kind]:
            raise VerifyException(f"can't {kind.value} {source} to {target}")


@irdl_op_definition
class MathOp(IRDLOperation):
    """A function of one float, see `MathKind`."""

    name = "loop.math"
    T: ClassVar = VarConstraint("T", AnyAttr())
    kind = prop_def(MathKindAttr)
    value = operand_def(T)
    result = result_def(T)
    traits = traits_def(Pure())
    assembly_format = "$kind $value attr-dict `:` type($result)"

    def __init__(self, kind: MathKind, value: SSAValue) -> None:
        super().__init__(operands=[value], properties={"kind": MathKindAttr(kind)}, result_types=[value.type])

    def verify_(self) -> None:
        if not is_float(self.result.type):
            raise VerifyException(f"{self.kind.data.value} is for floats")


def _verify_carried(what: str, initial: Sequence[SSAValue], *lists: Sequence[SSAValue]) -> None:
    types = [value.type for value in initial]
    for values in lists:
        if [value.type for value in values] != types:
            raise VerifyException(f"{what}: carried values differ in number or type")


def _print_carried(printer: Printer, arguments: Sequence[BlockArgument], initial: Sequence[SSAValue]) -> None:
    if not arguments:
        return
    printer.print_string(" carry(")
    printer.print_list(zip(arguments, initial, strict=True), lambda pair: print_assignment(printer, *pair))
    printer.print_string(") : (")
    printer.print_list((argument.type for argument in arguments), printer.print_attribute)
    printer.print_string(")")


def _parse_carried(parser: Parser) -> tuple[list[Parser.Argument], list[SSAValue]]:
    if not parser.parse_optional_keyword("carry"):
        return [], []
    pos = parser.pos
    pairs = parser.parse_comma_separated_list(Parser.Delimiter.PAREN, lambda: parse_assignment(parser))
    parser.parse_punctuation(":")
    types = parser.parse_comma_separated_list(Parser.Delimiter.PAREN, parser.parse_type)
    if len(types) != len(pairs):
        parser.raise_error("one type per carried value is needed")
    operands = parser.resolve_operands([operand for _, operand in pairs], types, pos)
    arguments = [argument.resolve(type_) for (argument, _), type_ in zip(pairs, types, strict=True)]
    return arguments, list(operands)


@irdl_op_definition
class ForOp(IRDLOperation):
    """``for i in range(lower, upper, step)`` of i64, carrying values; no steps if lower >= upper. The step is positive.

    ``label`` is the schedule's name of the loop.
    """

    name = "loop.for"
    kind = prop_def(LoopKindAttr)
    label = opt_prop_def(StringAttr)
    lower = operand_def(i64)
    upper = operand_def(i64)
    step = operand_def(i64)
    initial = var_operand_def()
    results_ = var_result_def()
    body = region_def("single_block")
    traits = traits_def(RecursiveMemoryEffect())

    def __init__(
        self,
        lower: SSAValue,
        upper: SSAValue,
        step: SSAValue,
        initial: Sequence[SSAValue] = (),
        body: Region | None = None,
        *,
        kind: LoopKind = LoopKind.SERIAL,
        label: str | None = None,
    ) -> None:
        if body is None:
            body = Region(Block(arg_types=[i64, *(value.type for value in initial)]))
        super().__init__(
            operands=[lower, upper, step, list(initial)],
            properties={"kind": LoopKindAttr(kind), "label": None if label is None else StringAttr(label)},
            result_types=[[value.type for value in initial]],
            regions=[body],
        )

    def verify_(self) -> None:
        index, *carried = self.body.block.args
        if index.type != i64:
            raise VerifyException("a loop's index is i64")
        last = self.body.block.last_op
        if not isinstance(last, YieldOp):
            raise VerifyException("a for ends in loop.yield")
        _verify_carried("for", self.initial, carried, last.values, self.results_)

    def print(self, printer: Printer) -> None:
        index, *carried = self.body.block.args
        printer.print_string(f" {self.kind.data.value} ")
        if self.label is not None:
            printer.print_string_literal(self.label.data)
            printer.print_string(" ")
        printer.print_ssa_value(index)
        for word, value in (("=", self.lower), ("to", self.upper), ("step", self.step)):
            printer.print_string(f" {word} ")
            printer.print_ssa_value(value)
        _print_carried(printer, carried, self.initial)
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> ForOp:
        kind = parser.parse_str_enum(LoopKind)
        label = parser.parse_optional_str_literal()
        index = parser.parse_argument(expect_type=False).resolve(i64)
        bounds: list[SSAValue] = []
        parser.parse_punctuation("=")
        bounds.append(parser.resolve_operand(parser.parse_unresolved_operand(), i64))
        for word in ("to", "step"):
            parser.parse_keyword(word)
            bounds.append(parser.resolve_operand(parser.parse_unresolved_operand(), i64))
        arguments, initial = _parse_carried(parser)
        body = parser.parse_region([index, *arguments])
        op = cls(bounds[0], bounds[1], bounds[2], initial, body, kind=kind, label=label)
        op.attributes |= parser.parse_optional_attr_dict()
        return op


@irdl_op_definition
class RepeatOp(IRDLOperation):
    """Run the body at least once, again while its ``loop.repeat_while`` says so."""

    name = "loop.repeat"
    initial = var_operand_def()
    results_ = var_result_def()
    body = region_def("single_block")
    traits = traits_def(RecursiveMemoryEffect())

    def __init__(self, initial: Sequence[SSAValue], body: Region | None = None) -> None:
        if body is None:
            body = Region(Block(arg_types=[value.type for value in initial]))
        super().__init__(operands=[list(initial)], result_types=[[value.type for value in initial]], regions=[body])

    def verify_(self) -> None:
        last = self.body.block.last_op
        if not isinstance(last, RepeatWhileOp):
            raise VerifyException("a repeat ends in loop.repeat_while")
        _verify_carried("repeat", self.initial, self.body.block.args, last.values, self.results_)

    def print(self, printer: Printer) -> None:
        _print_carried(printer, self.body.block.args, self.initial)
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> RepeatOp:
        arguments, initial = _parse_carried(parser)
        op = cls(initial, parser.parse_region(arguments))
        op.attributes |= parser.parse_optional_attr_dict()
        return op


@irdl_op_definition
class IfOp(IRDLOperation):
    """One of two regions, by a condition; both yield the results."""

    name = "loop.if"
    condition = operand_def(i1)
    results_ = var_result_def()
    then = region_def("single_block")
    otherwise = region_def("single_block")
    traits = traits_def(RecursiveMemoryEffect())

    def __init__(
        self, condition: SSAValue, types: Sequence[Attribute], then: Region | None = None, otherwise: Region | None = None
    ) -> None:
        super().__init__(
            operands=[condition],
            result_types=[list(types)],
            regions=[then or Region(Block()), otherwise or Region(Block())],
        )

    def verify_(self) -> None:
        for region in (self.then, self.otherwise):
            last = region.block.last_op
            if not isinstance(last, YieldOp):
                raise VerifyException("each side of an if ends in loop.yield")
            _verify_carried("if", self.results_, last.values)

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_ssa_value(self.condition)
        if self.results_:
            printer.print_string(" : (")
            printer.print_list((result.type for result in self.results_), printer.print_attribute)
            printer.print_string(")")
        printer.print_string(" ")
        printer.print_region(self.then)
        printer.print_string(" else ")
        printer.print_region(self.otherwise)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> IfOp:
        condition = parser.resolve_operand(parser.parse_unresolved_operand(), i1)
        types: list[Attribute] = []
        if parser.parse_optional_punctuation(":"):
            types = parser.parse_comma_separated_list(Parser.Delimiter.PAREN, parser.parse_type)
        then = parser.parse_region()
        parser.parse_keyword("else")
        op = cls(condition, types, then, parser.parse_region())
        op.attributes |= parser.parse_optional_attr_dict()
        return op


@irdl_op_definition
class FuncOp(IRDLOperation):
    """One stage: a function over a range of rows and trees.

    Arguments: ``rows`` (rank 2, global), ``out`` (rank 2, global), ``row_begin``, ``row_end``, ``tree_begin``,
    ``tree_end`` (i64). Workspace comes from ``loop.alloc``. ``axis`` is a `treec.codegen.abi.Axis`; shards of the axis
    should be multiples of ``grain``.
    """

    name = "loop.func"
    sym_name = prop_def(SymbolNameConstraint())
    axis = prop_def(IntegerAttr)
    grain = prop_def(IntegerAttr)
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), IsolatedFromAbove())

    def __init__(self, name: str, rows: Attribute, out: Attribute, *, axis: int, grain: int) -> None:
        buffers = [BufferType.of(element, 2, Scope.GLOBAL) for element in (rows, out)]
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "axis": IntegerAttr(axis, i32),
                "grain": IntegerAttr(grain, i64),
            },
            regions=[Region(Block(arg_types=[*buffers, i64, i64, i64, i64]))],
        )

    def verify_(self) -> None:
        types = [argument.type for argument in self.body.block.args]
        buffers = [type_ for type_ in types[:2] if isinstance(type_, BufferType)]
        fits = len(types) == 6 and len(buffers) == 2 and all(type_ == i64 for type_ in types[2:])
        if not fits or any(b.rank.data != 2 or b.scope.data is not Scope.GLOBAL for b in buffers):
            raise VerifyException("a stage takes rows, out, row_begin, row_end, tree_begin, tree_end")
        if not isinstance(self.body.block.last_op, ReturnOp):
            raise VerifyException("a stage ends in loop.return")
        if self.grain.value.data < 1 or self.axis.value.data not in (0, 1):
            raise VerifyException("a stage needs an axis of 0 or 1 and a grain of at least 1")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string(f" axis {self.axis.value.data} grain {self.grain.value.data} (")
        printer.print_list(self.body.block.args, printer.print_block_argument)
        printer.print_string(") ")
        printer.print_region(self.body, print_entry_block_args=False)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> FuncOp:
        name = parser.parse_symbol_name()
        parser.parse_keyword("axis")
        axis = parser.parse_integer()
        parser.parse_keyword("grain")
        grain = parser.parse_integer()
        arguments = parser.parse_comma_separated_list(Parser.Delimiter.PAREN, parser.parse_argument)
        region = parser.parse_region(arguments)
        op = cls.create(
            properties={"sym_name": name, "axis": IntegerAttr(axis, i32), "grain": IntegerAttr(grain, i64)},
            regions=[region],
        )
        op.attributes |= parser.parse_optional_attr_dict()
        return op


@irdl_op_definition
class KernelOp(IRDLOperation):
    """A kernel of the artifact: stages run one after the other, each over all its rows.

    ``task`` and ``row_dtype`` are of `treec.codegen.abi`; it serves calls of at most ``rows_max`` rows.
    """

    name = "loop.kernel"
    task = prop_def(IntegerAttr)
    row_dtype = prop_def(IntegerAttr)
    rows_max = prop_def(IntegerAttr)
    stages = prop_def(ArrayAttr[SymbolRefAttr])
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$stages attr-dict"

    def __init__(self, task: int, row_dtype: int, stages: Sequence[str], rows_max: int = (1 << 63) - 1) -> None:
        super().__init__(
            properties={
                "task": IntegerAttr(task, i32),
                "row_dtype": IntegerAttr(row_dtype, i32),
                "rows_max": IntegerAttr(rows_max, i64),
                "stages": ArrayAttr([SymbolRefAttr(stage) for stage in stages]),
            }
        )

    def verify_(self) -> None:
        module = self.parent_op()
        if module is None or len(self.stages) == 0:
            raise VerifyException("a kernel has at least one stage and stands in a module")
        for stage in self.stages:
            if not isinstance(SymbolTable.lookup_symbol(module, stage), FuncOp):
                raise VerifyException(f"there is no stage {stage}")


Loop = Dialect(
    "loop",
    [
        AllocOp,
        BinaryOp,
        CastOp,
        CompareOp,
        ConstantOp,
        ForOp,
        FuncOp,
        GetTableOp,
        IfOp,
        KernelOp,
        LoadOp,
        MathOp,
        RepeatOp,
        RepeatWhileOp,
        ReturnOp,
        SelectOp,
        StoreOp,
        TableOp,
        YieldOp,
    ],
    [
        BinaryKindAttr,
        BufferType,
        CastKindAttr,
        CompareKindAttr,
        LoopKindAttr,
        MathKindAttr,
        RecordType,
        ScopeAttr,
    ],
)
