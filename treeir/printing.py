"""Text of ops with many properties: one property per line, so that dumped IR can be read and compared."""

from __future__ import annotations

from collections.abc import Collection
from typing import Self

from xdsl.dialects.builtin import StringAttr, UnitAttr
from xdsl.ir import Attribute
from xdsl.irdl import IRDLOperation
from xdsl.parser import Parser
from xdsl.printer import Printer


def print_properties(printer: Printer, op: IRDLOperation, elided: Collection[str] = ()) -> None:
    """`` {name = value, …}``, one a line: properties but ``elided`` ones, then attributes; nothing if there are none."""
    entries = [(name, value) for name, value in op.properties.items() if name not in elided]
    entries += op.attributes.items()
    if not entries:
        return
    printer.print_string(" {")
    with printer.indented():
        for number, (name, value) in enumerate(entries):
            printer.print_string(",\n" if number else "\n")
            printer.print_identifier_or_string_literal(name)
            if not isinstance(value, UnitAttr):
                printer.print_string(" = ")
                printer.print_attribute(value)
    printer.print_string("\n}")


def parse_properties(parser: Parser, op: type[IRDLOperation]) -> tuple[dict[str, Attribute], dict[str, Attribute]]:
    """The entries of a dictionary that are properties of ``op``, and the others: its attributes."""
    known = op.get_irdl_definition().properties
    entries = parser.parse_optional_attr_dict()
    properties = {name: value for name, value in entries.items() if name in known}
    return properties, {name: value for name, value in entries.items() if name not in known}


class NamedTablesOp(IRDLOperation):
    """Base of ops that are a symbol, ``sym_name``, and properties: ``NAME @symbol {property = value, …}``."""

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        name = self.properties["sym_name"]
        printer.print_symbol_name(name.data if isinstance(name, StringAttr) else str(name))
        print_properties(printer, self, ["sym_name"])

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        name = parser.parse_symbol_name()
        properties, attributes = parse_properties(parser, cls)
        return cls.create(properties={"sym_name": name, **properties}, attributes=attributes)
