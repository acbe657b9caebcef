"""How leaf values become outputs: the base, a tree's weight, the last operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from xdsl.ir import Attribute, SSAValue

from treec.frontends.base import Final, Forest
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.tables import Tables, as_float
from treec.treeir.forest_types import dtype_attribute

Range = tuple[SSAValue, SSAValue | None]
"""First and end; no end where it is a single step."""
OutputValue = Callable[[LoopBuilder, SSAValue, SSAValue], SSAValue]
"""(row, column) → the sum or output there."""


@dataclass(frozen=True)
class Sums:
    """The sum's rule of a forest as code."""

    forest: Forest
    tables: Tables

    @property
    def type_(self) -> Attribute:
        """What sums are held in."""
        return dtype_attribute(self.forest.sum.dtype)

    def weighted(self, b: LoopBuilder, value: SSAValue, tree: SSAValue) -> SSAValue:
        """A leaf value in the sum's dtype, times its tree's weight, rounded in the weight's dtype."""
        weight = self.forest.trees.weight
        if weight is not None:
            product_type = dtype_attribute(weight.dtype)
            factor = self._weight(b, weight, tree)
            value = as_float(b, value, product_type)
            value = b.mul(value, b.splat(factor, value.type))
        return as_float(b, value, self.type_)

    def _weight(self, b: LoopBuilder, weights: NDArray[Any], tree: SSAValue) -> SSAValue:
        known = b.known(tree)
        if known is None:
            return b.load(b.table(self.tables.of("tree_weight", weights)), tree)
        return b.constant(float(weights[known]), dtype_attribute(weights.dtype))

    def start(self, b: LoopBuilder, column: SSAValue) -> SSAValue:
        """What the first leaf value is added to."""
        if not self.forest.sum.base_first:
            return b.constant(0.0, self.type_)
        return self._base(b, column)

    def _base(self, b: LoopBuilder, column: SSAValue) -> SSAValue:
        base = self.forest.sum.base
        if len(base) == 1:
            return b.constant(float(base[0]), self.type_)
        return b.load(b.table(self.tables.of("base", base)), column)

    @property
    def finishes(self) -> bool:
        """Is there anything to do after the last addition?"""
        return not self.forest.sum.base_first or self.forest.sum.final is not Final.NONE

    def finish(self, b: LoopBuilder, total: SSAValue, column: SSAValue) -> SSAValue:
        """The output of a sum."""
        rule = self.forest.sum
        if not rule.base_first:
            total = b.add(total, self._base(b, column))
        if rule.final is Final.DIVIDE:
            return b.div(total, b.constant(rule.operand, self.type_))
        if rule.final is Final.SCALE_BIAS:
            scaled = b.mul(total, b.constant(rule.operand, self.type_))
            return b.add(scaled, b.constant(rule.bias, self.type_))
        return total

    def finish_each(self, b: LoopBuilder, out: SSAValue, rows: Range, total: OutputValue) -> None:
        """``out`` of a range of rows, or of one row, from their sums."""
        self.each_output(b, out, rows, lambda t, row, column: self.finish(t, total(t, row, column), column))

    def each_output(self, b: LoopBuilder, out: SSAValue, rows: Range, value: OutputValue) -> None:
        """``out[row, column] = value(row, column)`` for all columns of a range of rows, or of one row."""

        def one_row(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
            def one_column(u: LoopBuilder, column: SSAValue, _: Values) -> Values:
                u.store(value(u, row, column), out, row, column)
                return []

            if self.forest.n_columns == 1:
                return one_column(t, t.constant(0), [])
            return t.for_(t.constant(0), t.constant(self.forest.n_columns), one_column)

        if rows[1] is None:
            one_row(b, rows[0], [])
        else:
            b.for_(rows[0], rows[1], one_row)
