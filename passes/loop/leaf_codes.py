"""Leaf values and numbers by code, for trees whose leaves are found as codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import VectorType, i32, i64
from xdsl.ir import SSAValue

from treec.frontends.base import Forest
from treec.passes.algo.packed import narrow
from treec.passes.loop.builder import LoopBuilder
from treec.passes.loop.tables import Tables
from treec.treeir.forest_types import dtype_attribute
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, lanes_of, vector_like
from treec.treeir.slices import SlicedTreesOp

PERMUTED_BITS = 5
"""Codes of at most so many bits are looked up in registers."""
VECTOR_BYTES = 64


class LeafCodes:
    """Tables by code, and code that reads them. ``lanes``: how many values a vector has.

    A value is already times its tree's weight, rounded as a walk would. Leaves of several values are found by the row of
    their code, unless weights make them differ.
    """

    def __init__(self, sliced: SlicedTreesOp, forest: Forest, tables: Tables) -> None:
        self.tables = tables
        leaf = sliced.leaf.array.astype(np.int64)
        row = leaf if sliced.leaf_row is None else sliced.leaf_row.array[leaf].astype(np.int64)
        self.width = forest.leaf_width
        self.row: NDArray[Any] | None = None
        weight = forest.trees.weight
        values = forest.leaves.values
        if weight is not None:
            tree = np.repeat(np.arange(len(weight)), np.diff(sliced.code_offset.array.astype(np.int64)))
            with np.errstate(all="ignore"):
                values = (values[row].astype(weight.dtype) * weight[tree, None]).astype(forest.sum.dtype)
        elif self.width > 1:
            self.row = narrow(row)
        else:
            values = values[row]
        self.ids = narrow(sliced.leaf_id.array[leaf])
        self.type = dtype_attribute(values.dtype)
        self.lanes = VECTOR_BYTES // values.dtype.itemsize
        padding = np.zeros((self.lanes, self.width), values.dtype)  # a vector is read from any code on
        self.values = np.concatenate([values, padding])

    def leaf_id(self, b: LoopBuilder, code: SSAValue) -> SSAValue:
        """The library's number of the leaf of a code (i64), i64."""
        return b.load_index(b.table(self.tables.of("code_leaf_id", self.ids)), code)

    def one_value(self, b: LoopBuilder, code: SSAValue, column: SSAValue) -> SSAValue:
        """The value of one code (i64) for a column of its leaf."""
        row = code if self.row is None else b.load_index(b.table(self.tables.of("code_row", self.row)), code)
        at = row if self.width == 1 else b.add(b.mul(row, self.width), column)
        return b.load(b.table(self.tables.of("code_values", self.values)), at)

    def registers(self, b: LoopBuilder, first: SSAValue, n_bits: int) -> list[SSAValue]:
        """The values of a tree whose first code is ``first`` (i64), as vectors; none where they are gathered."""
        if self.width > 1 or n_bits > PERMUTED_BITS:
            return []
        values, type_ = b.table(self.tables.of("code_values", self.values)), VectorType(self.type, [self.lanes])
        count = max(1, (1 << n_bits) // self.lanes)
        return [b.load_vector(values, b.add(first, at * self.lanes), type_=type_) for at in range(count)]

    def permuted(self, b: LoopBuilder, registers: list[SSAValue], code: SSAValue) -> SSAValue:
        """A value for each lane of ``code`` (vector of i32, local to the tree)."""
        bit, inside = self.lanes, code
        if len(registers) > 1:
            inside = b.both(code, self.lanes - 1)
        found = [b.shuffle(register, inside) for register in registers]
        while len(found) > 1:
            upper = b.compare(CompareKind.NE, b.both(code, bit), 0)
            found = [b.select(upper, found[at + 1], found[at]) for at in range(0, len(found), 2)]
            bit *= 2
        return found[0]

    def gathered(self, b: LoopBuilder, first: SSAValue, code: SSAValue, column: SSAValue) -> SSAValue:
        """The same by a gather, for a column of the leaf."""
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


def _as_i32(b: LoopBuilder, value: SSAValue) -> SSAValue:
    type_ = VectorType(i32, [lanes_of(value.type)])
    return value if value.type == type_ else b.cast(CastKind.ZEXT, value, type_)
