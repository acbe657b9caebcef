"""Leaf values and numbers by code, for trees whose leaves are found as codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import VectorType, i8, i16, i32, i64
from xdsl.ir import Attribute, SSAValue

from treec.errors import CodegenError
from treec.frontends.base import Forest
from treec.passes.algo.lookups import REGISTER, plane_bytes, plane_entries, planes_of
from treec.passes.algo.packed import narrow
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.tables import Tables
from treec.treeir.forest_types import dtype_attribute
from treec.treeir.loop_types import BinaryKind, CastKind, lanes_of, vector_like
from treec.treeir.slices import SlicedTreesOp

WORD_ROWS = 64
"""Rows that one i64 has a bit for."""
_INTEGERS: dict[int, Attribute] = {1: i8, 2: i16, 4: i32, 8: i64}


class LeafCodes:
    """Tables by code, and code that reads them. ``lanes``: how many values a vector has.

    A value is already times its tree's weight, rounded as a walk would. Leaves of several values are found by the row of
    their code, unless weights make them differ.
    """

    def __init__(self, sliced: SlicedTreesOp, lookup: str, forest: Forest, tables: Tables) -> None:
        self.tables, self.lookup = tables, lookup
        leaf = sliced.leaf.array.astype(np.int64)
        row = leaf if sliced.leaf_row is None else sliced.leaf_row.array[leaf].astype(np.int64)
        self.width = forest.leaf_width
        self.row: NDArray[Any] | None = None
        weight = forest.trees.weight
        values = forest.leaves.values
        self.code_offset = sliced.code_offset.array.astype(np.int64)
        if weight is not None:
            tree = np.repeat(np.arange(len(weight)), np.diff(self.code_offset))
            with np.errstate(all="ignore"):
                values = (values[row].astype(weight.dtype) * weight[tree, None]).astype(forest.sum.dtype)
        elif self.width > 1:
            self.row = narrow(row)
        else:
            values = values[row]
        if sliced.leaf_id is None:
            raise CodegenError("the upper levels of trees have no leaves of their own")
        self.ids = narrow(sliced.leaf_id.array[leaf])
        self.type = dtype_attribute(values.dtype)
        self.itemsize = values.dtype.itemsize
        self.lanes = REGISTER // self.itemsize
        padding = np.zeros((self.lanes, self.width), values.dtype)  # a vector is read from any code on
        self.values = np.concatenate([values, padding])
        self._planes: tuple[NDArray[Any], NDArray[np.uint8]] | None = None

    def leaf_id(self, b: LoopBuilder, code: SSAValue) -> SSAValue:
        """The library's number of the leaf of a code (i64), i64."""
        return b.load_index(b.table(self.tables.of("code_leaf_id", self.ids)), code)

    def value(self, b: LoopBuilder, code: SSAValue, column: SSAValue) -> SSAValue:
        """The value of the leaf of a code (i64) of all trees, for a column of the leaf."""
        values = b.table(self.tables.of("code_values", self.values))
        if self.width == 1:
            return b.load(values, code)
        row = code if self.row is None else b.load_index(b.table(self.tables.of("code_row", self.row)), code)
        return b.load(values, b.add(b.mul(row, self.width), column))

    def is_gathered(self, n_bits: int) -> bool:
        """Whether values are read from memory, by codes of so many bits."""
        return self.width > 1 or plane_bytes(self.lookup, n_bits) == 0

    def registers(self, n_bits: int) -> int:
        """Registers that the planes of a tree take; very many where they are read from memory."""
        if self.is_gathered(n_bits):
            return 1 << 30
        width = plane_bytes(self.lookup, n_bits)
        return width * plane_entries(width, n_bits) * (self.itemsize // width) // REGISTER

    def planes(self, b: LoopBuilder, tree: SSAValue, n_bits: int) -> Values:
        """The planes of the values of a tree (i64) with codes of so many bits, as vectors."""
        offset, data = self._plane_tables()
        first = b.load_index(b.table(self.tables.of("plane_offset", offset)), tree)
        table = b.table(self.tables.of("leaf_planes", data))
        width = plane_bytes(self.lookup, n_bits)
        size = width * plane_entries(width, n_bits)
        element = self.type if width == self.itemsize else _INTEGERS[width]
        found: Values = []
        for plane in range(self.itemsize // width):
            at = b.add(b.mul(first, REGISTER), plane * size)
            loaded = b.load_vector(table, at, type_=VectorType(i8, [size]))
            found.append(b.cast(CastKind.BITCAST, loaded, VectorType(element, [size // width])))
        return found

    def _plane_tables(self) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """The first register of each tree's planes, and the bytes of all planes."""
        if self._planes is None:
            bits = np.frexp(np.diff(self.code_offset).astype(np.float64))[1] - 1
            made: list[tuple[NDArray[np.int64], NDArray[np.uint8]]] = []
            for n_bits in np.flatnonzero(np.bincount(bits)).tolist():
                if self.is_gathered(n_bits):
                    continue
                trees = np.flatnonzero(bits == n_bits)
                values = self.values[self.code_offset[trees, None] + np.arange(1 << n_bits), 0]
                made.append((trees, planes_of(values, plane_bytes(self.lookup, n_bits))))
            size = np.zeros(len(bits), np.int64)
            for trees, planes in made:
                size[trees] = planes.shape[1]
            offset = np.cumsum(size) - size
            data = np.zeros(int(size.sum()), np.uint8)
            for trees, planes in made:
                data[offset[trees, None] + np.arange(planes.shape[1])] = planes
            self._planes = narrow(offset // REGISTER), data
        return self._planes

    def looked_up(self, b: LoopBuilder, planes: Values, n_bits: int, codes: SSAValue, first: SSAValue) -> Values:
        """The values of a word's rows in their order, in vectors. ``planes``: of the tree; ``codes``: of
        rows from ``first`` on, of ``n_bits``."""
        width = plane_bytes(self.lookup, n_bits)
        lanes = REGISTER // width
        indices: Values = []
        for at in range(0, WORD_ROWS, lanes):
            index = b.load_vector(codes, b.add(first, at), type_=VectorType(i8, [lanes]))
            indices.append(index if lanes == WORD_ROWS else b.cast(CastKind.ZEXT, index, VectorType(i32, [lanes])))
        streams = [[b.shuffle(plane, index) for index in indices] for plane in planes]
        while len(streams) > 1:
            width *= 2
            streams = [_merged(b, low, high, width) for low, high in zip(streams[::2], streams[1::2], strict=True)]
        return [b.cast(CastKind.BITCAST, vector, VectorType(self.type, [self.lanes])) for vector in streams[0]]

    def gathered(self, b: LoopBuilder, first: SSAValue, code: SSAValue, column: SSAValue) -> SSAValue:
        """The values of lanes of ``code`` (vector of i32, counted from ``first``), for a column of the leaf."""
        values = b.table(self.tables.of("code_values", self.values))
        if self.width == 1:
            return b.gather(values, [first], [code])
        type_ = vector_like(code.type, i64)
        if self.row is None:
            row = b.add(b.cast(CastKind.ZEXT, code, type_), b.splat(first, type_))
        else:
            rows = b.table(self.tables.of("code_row", self.row))
            row = b.cast(CastKind.ZEXT, _as_i32(b, b.gather(rows, [first], [code])), type_)
        return b.gather(values, [column], [b.binary(BinaryKind.MUL, row, self.width)])


def _merged(b: LoopBuilder, low: Values, high: Values, width: int) -> Values:
    """Lanes of ``width`` bytes from their halves."""
    type_ = VectorType(_INTEGERS[width], [REGISTER // width])
    return [b.cast(CastKind.BITCAST, half, type_) for pair in zip(low, high, strict=True) for half in b.interleave(*pair)]


def _as_i32(b: LoopBuilder, value: SSAValue) -> SSAValue:
    type_ = VectorType(i32, [lanes_of(value.type)])
    return value if value.type == type_ else b.cast(CastKind.ZEXT, value, type_)
