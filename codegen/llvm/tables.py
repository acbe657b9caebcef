# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Constant tables: a zeroed read-only section each in the IR, filled with the blob's bytes in the object file.

So millions of numbers never become IR text, and no assembler is needed, which llvmlite has for the host's machine only.
The zeros are marked as initialised from outside, so LLVM can't fold a load of them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numpy.typing import NDArray

from treec.codegen.llvm.stage import Place
from treec.codegen.llvm.types import I8, define_constant
from treec.errors import CodegenError
from treec.treeir.loop import TableOp
from treec.treeir.loop_types import Scope

TABLE_ALIGN = 64
PADDING = 64
"""Zero bytes after each table, so that a vector load of its last elements stays inside."""

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")


@dataclass(frozen=True)
class TableSection:
    """A section of the object file and what it is to hold; the rest of the section stays zero."""

    section: str
    symbol: str
    array: NDArray[Any]


def declare_tables(module: ir.Module, tables: Sequence[TableOp]) -> tuple[dict[str, Place], list[TableSection]]:
    """Declare each table in the IR: places by the table's name, and the sections to fill."""
    places: dict[str, Place] = {}
    sections: list[TableSection] = []
    for number, op in enumerate(tables):
        name, array = op.sym_name.data, op.data.array
        section = TableSection(f".rodata.treec.{number}", f"table.{name}", array)
        zeros = ir.Constant(ir.ArrayType(I8, array.nbytes + PADDING), None)
        variable = define_constant(module, section.symbol, zeros, TABLE_ALIGN)
        variable.linkage, variable.section = "hidden externally_initialized", section.section
        places[name] = Place(variable, (None,), op.type.element, Scope.CONSTANT, TABLE_ALIGN)
        sections.append(section)
    return places, sections


def fill_tables(object_bytes: bytes, tables: Sequence[TableSection]) -> bytes:
    """The object file with each table's bytes in its section.

    Raises `CodegenError` if a section is not there, has another size, or is not all in the file.
    """
    offsets = section_offsets(object_bytes)
    view = memoryview(object_bytes)
    pieces: list[memoryview] = []
    end = 0
    for table in sorted(tables, key=lambda table: offsets.get(table.section, (0, 0))[0]):
        offset, size = offsets.get(table.section, (-1, -1))
        nbytes = table.array.nbytes
        if offset < end or size != nbytes + PADDING:
            raise CodegenError(f"LLVM did not keep section {table.section} of {nbytes + PADDING} bytes")
        pieces += [view[end:offset], memoryview(table.array.reshape(-1).view("u1"))]
        end = offset + nbytes
    return b"".join([*pieces, view[end:]])


def section_offsets(object_bytes: bytes) -> dict[str, tuple[int, int]]:
    """Offset and size of each section of an ELF64 object whose content lies in the file."""
    header = _HEADER.unpack_from(object_bytes)
    if header[0][:6] != b"\x7fELF\x02\x01":
        raise CodegenError("LLVM did not write an ELF64 little-endian object")
    start, count, names = header[6], header[12], header[13]
    entries = [_SECTION.unpack_from(object_bytes, start + _SECTION.size * i) for i in range(count)]
    text = entries[names][4]
    found: dict[str, tuple[int, int]] = {}
    for name, kind, _, _, offset, size, *_ in entries:
        if kind == 1:  # SHT_PROGBITS
            at = text + name
            found[object_bytes[at : object_bytes.index(b"\0", at)].decode()] = (offset, size)
    return found
