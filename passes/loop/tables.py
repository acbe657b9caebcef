"""The tables of a packed layout as ``loop.table`` ops, and code that reads their records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import DictionaryAttr, VectorType, f32, f64, i1, i8, i16, i32, i64
from xdsl.ir import Attribute, Block, SSAValue

from treec.passes.loop.builder import LoopBuilder
from treec.treeir.blob import BlobAttr
from treec.treeir.loop import TableOp
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, RecordType, vector_like
from treec.treeir.plan import BitFieldAttr

_ELEMENTS: dict[str, Attribute] = {
    "f4": f32, "f8": f64, "u1": i8, "u2": i16, "u4": i32, "u8": i64, "i4": i32, "i8": i64, "b1": i8,
}  # fmt: skip


def element_type(dtype: np.dtype[Any]) -> Attribute:
    """The buffer element for a numpy dtype; a record for a structured one."""
    if dtype.fields is None:
        return _ELEMENTS[dtype.str[1:]]
    fields = [(name, _field_type(kind), offset) for name, (kind, offset, *_) in dtype.fields.items()]
    return RecordType.of(dtype.itemsize, fields)


def _field_type(kind: np.dtype[Any]) -> Attribute:
    number = _ELEMENTS[kind.base.str[1:]]
    return number if kind.subdtype is None else VectorType(number, [kind.shape[0]])


class Tables:
    """Adds tables at the head of a module, each content once under a name."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._made: dict[str, list[TableOp]] = {}
        self._seen: dict[tuple[str, int], tuple[object, TableOp]] = {}

    def of(self, name: str, data: BlobAttr | NDArray[Any]) -> TableOp:
        """The table of that name with this content (flattened); made at first use. A second content under one name, of
        another kernel's layout, becomes ``name_2``, and so on."""
        _, table = self._seen.get((name, id(data)), (None, None))
        if table is None:
            table = self._of_content(name, data)
            self._seen[name, id(data)] = data, table  # keeps the data alive, and so its id its own
        return table

    def number(self, b: LoopBuilder, name: str, data: BlobAttr | NDArray[Any], at: SSAValue) -> SSAValue:
        """An entry of a table of unsigned integers as i64: a constant, without a table, where ``at`` is one."""
        known = b.known(at)
        if known is None:
            return b.load_index(b.table(self.of(name, data)), at)
        return b.constant(int((data.array if isinstance(data, BlobAttr) else data)[known]))

    def _of_content(self, name: str, data: BlobAttr | NDArray[Any]) -> TableOp:
        blob = data if isinstance(data, BlobAttr) else BlobAttr.of(data)
        flat = blob if blob.array.ndim == 1 else BlobAttr.of(blob.array.reshape(-1))
        same_name = self._made.setdefault(name, [])
        for made in same_name:
            if made.data == flat:
                return made
        unique = f"{name}_{len(same_name) + 1}" if same_name else name
        table = TableOp(unique, flat, element_type(flat.array.dtype))
        same_name.append(table)
        if self._block.first_op is None:
            self._block.add_op(table)
        else:
            self._block.insert_op_before(table, self._block.first_op)
        return table


@dataclass(frozen=True)
class RecordReader:
    """Reads the bit fields of one record; the word is loaded once. ``copies``: where each field lies by itself."""

    buffer: SSAValue
    fields: dict[str, BitFieldAttr]
    index: SSAValue
    word: SSAValue
    copies: Mapping[str, SSAValue] | None = None

    @staticmethod
    def at(
        b: LoopBuilder,
        table: TableOp,
        fields: DictionaryAttr,
        index: SSAValue,
        copies: Mapping[str, SSAValue] | None = None,
    ) -> RecordReader:
        """Load the word of record ``index``."""
        buffer = b.table(table)
        names = table.data.array.dtype.names or ()
        word: SSAValue | None = None
        shift = 0
        for name in names:
            if not name.startswith("word"):
                continue
            part = b.load_index(buffer, index, field=name) if copies is None else b.load_index(copies[name], index)
            word = part if word is None else b.either(word, b.binary(BinaryKind.SHL, part, shift))
            shift += 8 * int(table.data.array.dtype[name].itemsize)
        if word is None:
            raise ValueError(f"records of {table.sym_name.data} have no word")
        bits = {name: field for name, field in fields.data.items() if isinstance(field, BitFieldAttr)}
        return RecordReader(buffer, bits, index, word, copies)

    def threshold(self, b: LoopBuilder) -> SSAValue:
        if self.copies is not None:
            return b.named("threshold", b.load(self.copies["threshold"], self.index))
        return b.named("threshold", b.load(self.buffer, self.index, field="threshold"))

    def number(self, b: LoopBuilder, name: str) -> SSAValue:
        """A field as i64."""
        field = self.fields[name]
        width, shift, base = field.width.data, field.shift.data, field.base.data
        if width == 0:
            return b.constant(base, self.word.type)
        value = self.word if shift == 0 else b.binary(BinaryKind.SHR, self.word, shift)
        is_last = shift + width == max(f.shift.data + f.width.data for f in self.fields.values())
        value = value if is_last else b.both(value, (1 << width) - 1)  # above the last field all bits are 0
        return b.named(name, b.add(value, base))

    def flag(self, b: LoopBuilder, name: str) -> SSAValue:
        """A field of one bit as i1."""
        if self.fields[name].width.data == 0:
            return b.constant(self.fields[name].base.data, vector_like(self.word.type, i1))
        return b.compare(CompareKind.NE, self.number(b, name), 0)


def as_float(b: LoopBuilder, value: SSAValue, type_: Attribute) -> SSAValue:
    """A float, or a vector of floats, in another width: exact upwards, to nearest downwards."""
    return b.cast(CastKind.FPEXT if type_ == f64 else CastKind.FPTRUNC, value, vector_like(value.type, type_))
