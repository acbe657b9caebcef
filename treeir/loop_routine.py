"""Routines of the loop dialect: code that several stages of a module have in common, made once."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    ArrayAttr,
    FlatSymbolRefAttrConstr,
    IntegerAttr,
    StringAttr,
    SymbolNameConstraint,
    SymbolRefAttr,
    i64,
)
from xdsl.ir import Attribute, Block, BlockArgument, Operation, Region, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, prop_def, region_def, traits_def, var_operand_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, MemoryReadEffect, MemoryWriteEffect, SymbolOpInterface, SymbolTable
from xdsl.utils.exceptions import VerifyException

from treec.treeir.loop_memory import AllocOp
from treec.treeir.loop_stage import ReturnOp
from treec.treeir.loop_types import BufferType, Scope

Shape = tuple[int, ...]


def shape_of(value: SSAValue) -> Shape:
    """The extents of a buffer in workspace; none for any other value. Raises `VerifyException` where they are not known."""
    if not isinstance(value.type, BufferType) or value.type.scope.data is Scope.GLOBAL:
        return ()
    owner = value.owner
    if isinstance(owner, AllocOp):
        return owner.extents
    routine = owner.parent_op() if isinstance(owner, Block) else None
    if isinstance(routine, RoutineOp) and isinstance(value, BlockArgument):
        return routine.extents[value.index]
    raise VerifyException(f"a routine can't be given a buffer of type {value.type}")


@irdl_op_definition
class RoutineOp(IRDLOperation):
    """A function that stages, and routines behind it, call; nothing outside of the artifact sees it.

    Its arguments are numbers, global buffers with their strides, and buffers in workspace, whose extents are in ``shapes``
    (an empty list for all else). No two of its buffers overlap. ``loop.alloc`` gives it workspace for one call.
    """

    name = "loop.routine"
    sym_name = prop_def(SymbolNameConstraint())
    shapes = prop_def(ArrayAttr[ArrayAttr[IntegerAttr]])
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), IsolatedFromAbove())

    def __init__(self, name: str, types: Sequence[Attribute], shapes: Sequence[Shape]) -> None:
        extents = ArrayAttr([ArrayAttr([IntegerAttr(n, i64) for n in shape]) for shape in shapes])
        super().__init__(
            properties={"sym_name": StringAttr(name), "shapes": extents}, regions=[Region(Block(arg_types=types))]
        )

    @property
    def extents(self) -> tuple[Shape, ...]:
        return tuple(tuple(n.value.data for n in shape) for shape in self.shapes)

    def verify_(self) -> None:
        arguments = self.body.block.args
        if len(arguments) != len(self.shapes):
            raise VerifyException("a routine has a shape for each argument")
        for argument, shape in zip(arguments, self.shapes, strict=True):
            type_ = argument.type
            rank = type_.rank.data if isinstance(type_, BufferType) and type_.scope.data is Scope.WORKSPACE else 0
            if isinstance(type_, BufferType) and type_.scope.data not in (Scope.GLOBAL, Scope.WORKSPACE):
                raise VerifyException(f"a routine can't be given a buffer of type {type_}")
            if len(shape) != rank:
                raise VerifyException(f"{len(shape)} extents for an argument of type {type_}")
        if not isinstance(self.body.block.last_op, ReturnOp):
            raise VerifyException("a routine ends in loop.return")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string(" (")
        printer.print_list(
            zip(self.body.block.args, self.extents, strict=True), lambda pair: _print_argument(printer, *pair)
        )
        printer.print_string(") ")
        printer.print_region(self.body, print_entry_block_args=False)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> RoutineOp:
        name = parser.parse_symbol_name()
        shapes: list[Shape] = []

        def argument() -> Parser.Argument:
            parsed = parser.parse_argument()
            sizes = parser.parse_optional_comma_separated_list(Parser.Delimiter.SQUARE, parser.parse_integer)
            shapes.append(tuple(sizes or ()))
            return parsed

        arguments = parser.parse_comma_separated_list(Parser.Delimiter.PAREN, argument)
        region = parser.parse_region(arguments)
        op = RoutineOp(name.data, [], shapes)
        op.detach_region(op.body)
        op.add_region(region)
        op.attributes |= parser.parse_optional_attr_dict()
        return op


def _print_argument(printer: Printer, argument: BlockArgument, shape: Shape) -> None:
    printer.print_block_argument(argument)
    if shape:
        printer.print_string(f" [{', '.join(map(str, shape))}]")


@irdl_op_definition
class CallOp(IRDLOperation):
    """Runs a routine, which stands before the function that calls it."""

    name = "loop.call"
    routine = prop_def(FlatSymbolRefAttrConstr)
    arguments = var_operand_def()
    traits = traits_def(MemoryReadEffect(), MemoryWriteEffect())
    assembly_format = "$routine `(` $arguments `)` attr-dict (`:` type($arguments)^)?"

    def __init__(self, routine: str, arguments: Sequence[SSAValue]) -> None:
        super().__init__(operands=[list(arguments)], properties={"routine": SymbolRefAttr(routine)})

    def verify_(self) -> None:
        caller: Operation | None = self.parent_op()
        while caller is not None and not caller.has_trait(SymbolOpInterface):
            caller = caller.parent_op()
        if caller is None or (module := caller.parent_op()) is None:
            return
        routine = SymbolTable.lookup_symbol(module, self.routine)
        if not isinstance(routine, RoutineOp) or not routine.is_before_in_block(caller):
            raise VerifyException(f"there is no routine {self.routine} before its caller")
        if [value.type for value in self.arguments] != [argument.type for argument in routine.body.block.args]:
            raise VerifyException(f"the arguments of {self.routine} are of other types")
        if tuple(map(shape_of, self.arguments)) != routine.extents:
            raise VerifyException(f"buffers of {self.routine} have other extents")
