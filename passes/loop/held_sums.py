"""Leaf values of a block of rows, held in workspace by the number of their tree, and added in that order afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from xdsl.ir import Attribute, SSAValue

from treec.errors import ScheduleError
from treec.frontends.base import Forest, Trees
from treec.passes.algo.packed import narrow
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.row_vectors import each_rows
from treec.passes.loop.tables import Tables

LARGEST = 1 << 26
"""Bytes of workspace that held values may take, per thread."""

Base = Callable[[LoopBuilder, SSAValue], SSAValue]


@dataclass(frozen=True)
class HeldSums:
    """``values`` [trees * leaf width, block] and ``sums`` [columns, block] of rows from ``first_row`` on, in workspace."""

    forest: Forest
    tables: Tables
    type_: Attribute
    values: SSAValue
    sums: SSAValue
    first_row: SSAValue

    @staticmethod
    def alloc(
        b: LoopBuilder, forest: Forest, tables: Tables, type_: Attribute, block: int | None, first: SSAValue
    ) -> HeldSums:
        """Workspace for blocks of ``block`` rows; raises `ScheduleError` where there are none, or they are too large."""
        if block is None:
            raise ScheduleError(
                "`reorder trees` holds the leaf values of a block of rows, to add them by the trees' numbers, and the nest "
                "has no loop over rows outside of the trees",
                fix="add e.g. `split row into=(block, row) by=64` and `order block, tree, row`, or allow sums in any order "
                "by `float reassociate`",
            )
        n_values = max(1, forest.trees.n_trees * forest.leaf_width)
        row_bytes = n_values * forest.sum.dtype.itemsize
        if row_bytes * block > LARGEST:
            raise ScheduleError(
                f"`reorder trees` holds the leaf values of a block of rows: {row_bytes:,} bytes for a row, "
                f"{row_bytes * block >> 20:,} MiB for a block of {block:,} rows, and the limit is {LARGEST >> 20} MiB",
                fix=f"use blocks of at most {max(1, LARGEST // row_bytes):,} rows",
            )
        values, sums = b.alloc([n_values, block], type_), b.alloc([forest.n_columns, block], type_)
        return HeldSums(forest, tables, type_, values, sums, first)

    def hold(self, b: LoopBuilder, value: SSAValue, row: SSAValue, number: SSAValue, offset: SSAValue) -> None:
        """Keep value ``offset`` of the leaf that ``row`` has found in the tree of that number, counted from the call's
        first; a vector is of rows from ``row`` on."""
        width = self.forest.leaf_width
        at = number if width == 1 else b.add(b.mul(number, width), offset)
        b.store(value, self.values, at, b.sub(row, self.first_row))

    def load(self, b: LoopBuilder, row: SSAValue, column: SSAValue) -> SSAValue:
        """A finished sum."""
        return b.load(self.sums, column, b.sub(row, self.first_row))

    def add_up(self, b: LoopBuilder, end: SSAValue, trees: tuple[SSAValue, SSAValue], base: Base) -> None:
        """``sums`` of the rows up to ``end``: from the base, the held values of the call's ``trees`` by number."""
        n_trees = b.sub(trees[1], trees[0])

        def some_rows(t: LoopBuilder, rows: list[SSAValue], type_: Attribute) -> None:
            self._rows(t, rows, type_, n_trees, trees[0], base)

        each_rows(b, b.constant(0), b.sub(end, self.first_row), self.type_, some_rows)

    def _rows(
        self, b: LoopBuilder, rows: list[SSAValue], type_: Attribute, n_trees: SSAValue, first_tree: SSAValue, base: Base
    ) -> None:
        """Sums of some rows, or vectors of rows: in registers where there is one column."""
        if self.forest.n_columns == 1:
            zero = b.constant(0)

            def add_tree(t: LoopBuilder, tree: SSAValue, totals: Values) -> Values:
                return [
                    t.add(total, t.load_vector(self.values, tree, row, type_=type_))
                    for total, row in zip(totals, rows, strict=True)
                ]

            start = b.splat(base(b, zero), type_)
            for total, row in zip(b.for_(zero, n_trees, add_tree, initial=[start] * len(rows)), rows, strict=True):
                b.store(total, self.sums, zero, row)
        else:
            self._columns(b, rows, type_, n_trees, first_tree, base)

    def _columns(
        self, b: LoopBuilder, rows: list[SSAValue], type_: Attribute, n_trees: SSAValue, first_tree: SSAValue, base: Base
    ) -> None:
        width = b.constant(self.forest.leaf_width)

        def start(t: LoopBuilder, column: SSAValue, _: Values) -> Values:
            for row in rows:
                t.store(t.splat(base(t, column), type_), self.sums, column, row)
            return []

        def add_tree(t: LoopBuilder, tree: SSAValue, _: Values) -> Values:
            first_column = column_by_number(t, self.forest, self.tables, t.add(first_tree, tree))

            def add_value(u: LoopBuilder, offset: SSAValue, _: Values) -> Values:
                column, at = u.add(first_column, offset), u.add(u.mul(tree, width), offset)
                for row in rows:
                    value = u.load_vector(self.values, at, row, type_=type_)
                    u.store(u.add(u.load_vector(self.sums, column, row, type_=type_), value), self.sums, column, row)
                return []

            return t.for_(t.constant(0), width, add_value)

        b.for_(b.constant(0), b.constant(self.forest.n_columns), start)
        b.for_(b.constant(0), n_trees, add_tree)


def column_by_number(b: LoopBuilder, forest: Forest, tables: Tables, number: SSAValue) -> SSAValue:
    """The first column that the tree of a number adds to."""
    trees = forest.trees
    if not isinstance(trees, Trees) or not np.any(trees.column):
        return b.constant(0)
    by_number = narrow(trees.column[trees.places()])
    return b.load_index(b.table(tables.of("column_by_number", by_number)), number)
