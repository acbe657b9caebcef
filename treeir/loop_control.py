"""Control flow of the loop dialect: counted loops, repetition and branches, all carrying values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xdsl.dialects.builtin import IntegerAttr, StringAttr, UnitAttr, i1, i64
from xdsl.dialects.utils import parse_assignment, print_assignment
from xdsl.ir import Attribute, Block, BlockArgument, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsTerminator, MemoryReadEffect, MemoryWriteEffect, Pure, RecursiveMemoryEffect
from xdsl.utils.exceptions import VerifyException

from treec.treeir.loop_types import DIMENSIONS, LoopKind, LoopKindAttr


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

    ``label`` is the schedule's name of the loop. A ``grid`` or ``block`` loop has a ``dimension``, and carries nothing: its
    iterations run at the same time. ``extent``: it never has more iterations, where that is known.
    """

    name = "loop.for"
    kind = prop_def(LoopKindAttr)
    label = opt_prop_def(StringAttr)
    dimension = opt_prop_def(StringAttr)
    extent = opt_prop_def(IntegerAttr)
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
        dimension: str | None = None,
        extent: int | None = None,
    ) -> None:
        if body is None:
            body = Region(Block(arg_types=[i64, *(value.type for value in initial)]))
        super().__init__(
            operands=[lower, upper, step, list(initial)],
            properties={
                "kind": LoopKindAttr(kind),
                "label": None if label is None else StringAttr(label),
                "dimension": None if dimension is None else StringAttr(dimension),
                "extent": None if extent is None else IntegerAttr(extent, i64),
            },
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
        if self.kind.data.on_gpu != (self.dimension is not None):
            raise VerifyException("a loop over blocks or threads, and no other, has a dimension")
        if self.dimension is not None and self.dimension.data not in DIMENSIONS:
            raise VerifyException(f"dimensions are {', '.join(DIMENSIONS)}, not {self.dimension.data!r}")
        if self.kind.data.on_gpu and carried:
            raise VerifyException(f"iterations of a {self.kind.data.value} loop run at the same time: they carry nothing")
        if self.extent is not None and self.extent.value.data < 1:
            raise VerifyException("a loop's extent is at least 1")

    def print(self, printer: Printer) -> None:
        index, *carried = self.body.block.args
        printer.print_string(f" {self.kind.data.value} ")
        if self.dimension is not None:
            printer.print_string(f"{self.dimension.data} ")
        if self.label is not None:
            printer.print_string_literal(self.label.data)
            printer.print_string(" ")
        printer.print_ssa_value(index)
        for word, value in (("=", self.lower), ("to", self.upper), ("step", self.step)):
            printer.print_string(f" {word} ")
            printer.print_ssa_value(value)
        if self.extent is not None:
            printer.print_string(f" extent {self.extent.value.data}")
        _print_carried(printer, carried, self.initial)
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> ForOp:
        kind = parser.parse_str_enum(LoopKind)
        dimension = parser.parse_identifier() if kind.on_gpu else None
        label = parser.parse_optional_str_literal()
        index = parser.parse_argument(expect_type=False).resolve(i64)
        bounds: list[SSAValue] = []
        parser.parse_punctuation("=")
        bounds.append(parser.resolve_operand(parser.parse_unresolved_operand(), i64))
        for word in ("to", "step"):
            parser.parse_keyword(word)
            bounds.append(parser.resolve_operand(parser.parse_unresolved_operand(), i64))
        extent = parser.parse_integer() if parser.parse_optional_keyword("extent") else None
        arguments, initial = _parse_carried(parser)
        body = parser.parse_region([index, *arguments])
        more: dict[str, Any] = {"kind": kind, "label": label, "dimension": dimension, "extent": extent}
        op = cls(bounds[0], bounds[1], bounds[2], initial, body, **more)
        op.attributes |= parser.parse_optional_attr_dict()
        return op


@irdl_op_definition
class BarrierOp(IRDLOperation):
    """Each thread of a block waits here for all others, and then sees what they wrote. Not inside of a block loop, which
    some threads may not enter. ``lanes``: it is for memory of scope ``lanes`` alone, so that CUDA's threads, which read
    that together, need not wait."""

    name = "loop.barrier"
    lanes = opt_prop_def(UnitAttr)
    traits = traits_def(MemoryReadEffect(), MemoryWriteEffect())
    assembly_format = "(`lanes` $lanes^)? attr-dict"

    def __init__(self, *, lanes: bool = False) -> None:
        super().__init__(properties={"lanes": UnitAttr() if lanes else None})

    def verify_(self) -> None:
        parent = self.parent_op()
        while parent is not None:
            if isinstance(parent, ForOp) and parent.kind.data is LoopKind.BLOCK:
                raise VerifyException("a barrier inside of a block loop would wait for threads that are not in it")
            parent = parent.parent_op()


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
