"""Partial sums of groups of trees, and their sum: what `reduce` makes of the steps of a loop over all trees."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Attribute, SSAValue

from treec.errors import ScheduleError
from treec.frontends.base import Forest
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.row_vectors import each_rows
from treec.passes.loop.sums import Sums
from treec.treeir.plan import ForOp

LARGEST = 1 << 26
"""Bytes that the partial sums of a block of rows may take, per thread."""


@dataclass(frozen=True)
class Reduction:
    """A reduced loop: ``n_groups`` partial sums of each column, added up as ``how`` says."""

    loop: ForOp
    how: str
    n_groups: int
    forest: Forest

    @staticmethod
    def of(loop: ForOp, forest: Forest) -> Reduction | None:
        """None where the loop is not reduced; raises `ScheduleError` where sums must stay exact. Blocks of a GPU that share
        a loop leave leaf values then."""
        if loop.reduce is None:
            return None
        if not forest.sum.reassociate and not loop.kind.data.on_gpu:
            raise ScheduleError("`reduce` adds leaf values in groups of trees", fix="allow it by `float reassociate`")
        n_groups = len(loop.step_bounds(forest.trees.n_trees)) - 1
        return Reduction(loop, loop.reduce.data, n_groups, forest)

    @property
    def n_lines(self) -> int:
        """Partial sums of a row; at least one place for them."""
        return max(1, self.n_groups * self.forest.n_columns)

    def require_room(self, n_rows: int) -> None:
        """Raise `ScheduleError` where the partial sums of so many rows are too large."""
        row_bytes = self.n_lines * self.forest.sum.dtype.itemsize
        if row_bytes * n_rows <= LARGEST:
            return
        reason = f"`reduce {self.loop.label.data}` has {self.n_lines:,} partial sums a row, {row_bytes:,} bytes"
        if row_bytes > LARGEST:
            raise ScheduleError(f"{reason}; the limit is {LARGEST >> 20} MiB", fix="make groups of more trees")
        raise ScheduleError(
            f"{reason}, {row_bytes * n_rows >> 20:,} MiB for a block of {n_rows:,}; the limit is {LARGEST >> 20} MiB",
            fix=f"use blocks of at most {LARGEST // row_bytes:,} rows, or groups of more trees",
        )


@dataclass(frozen=True)
class PartialSums:
    """``buffer`` [groups * columns, rows]: rows from ``first_row`` on, or from 0. ``group``: whose trees are walked."""

    reduction: Reduction
    rule: Sums
    buffer: SSAValue
    first_row: SSAValue | None = None
    group: SSAValue | None = None

    @property
    def type_(self) -> Attribute:
        return self.rule.type_

    def row(self, b: LoopBuilder, row: SSAValue) -> SSAValue:
        """Where a row lies."""
        return row if self.first_row is None else b.sub(row, self.first_row)

    def line(self, b: LoopBuilder, column: SSAValue, group: SSAValue | None = None) -> SSAValue:
        """Where a column of a group lies, of the current one by default."""
        group = self.group if group is None else group
        if group is None:
            return column
        return b.add(b.mul(group, self.reduction.forest.n_columns), column)

    def clear(self, b: LoopBuilder, begin: SSAValue, end: SSAValue) -> None:
        """Start the current group's sums of rows at ``begin`` to ``end`` of the buffer."""
        zero = b.constant(0.0, self.type_)

        def one_column(t: LoopBuilder, column: SSAValue, _: Values) -> Values:
            line = self.line(t, column)

            def one_row(u: LoopBuilder, row: SSAValue, _: Values) -> Values:
                u.store(zero, self.buffer, line, row)
                return []

            return t.for_(begin, end, one_row)

        b.for_(b.constant(0), b.constant(self.reduction.forest.n_columns), one_column)

    def add_up(self, b: LoopBuilder, out: SSAValue, begin: SSAValue, end: SSAValue) -> None:
        """The outputs of rows ``begin`` to ``end`` from all groups' sums; these are overwritten."""
        first, last = self.row(b, begin), self.row(b, end)
        n_columns = self.reduction.forest.n_columns
        add = self._in_stages if self.reduction.how == "staged" else self._in_order

        def some_rows(t: LoopBuilder, rows: list[SSAValue], type_: Attribute) -> None:
            def one_column(u: LoopBuilder, column: SSAValue, _: Values) -> Values:
                add(u, rows, column, type_)
                return []

            t.for_(t.constant(0), t.constant(n_columns), one_column)

        if self.reduction.n_groups > 1:
            each_rows(b, first, last, self.type_, some_rows)
        self.rule.finish_each(b, out, (begin, end), self._total)

    def add_row(self, b: LoopBuilder, out: SSAValue, row: SSAValue) -> None:
        """The outputs of one row from all groups' sums; these are overwritten."""
        add = self._in_stages if self.reduction.how == "staged" else self._in_order

        def one_column(t: LoopBuilder, column: SSAValue, _: Values) -> Values:
            add(t, [self.row(t, row)], column, self.type_)
            return []

        if self.reduction.n_groups > 1:
            b.for_(b.constant(0), b.constant(self.reduction.forest.n_columns), one_column)
        self.rule.finish_each(b, out, (row, None), self._total)

    def _total(self, b: LoopBuilder, row: SSAValue, column: SSAValue) -> SSAValue:
        """The sum of all groups, and the base if that comes first."""
        start = self.rule.start(b, column)
        if self.reduction.n_groups == 0:
            return start
        total = b.load(self.buffer, column, self.row(b, row))
        return b.add(start, total) if self.reduction.forest.sum.base_first else total

    def _in_order(self, b: LoopBuilder, rows: list[SSAValue], column: SSAValue, type_: Attribute) -> None:
        def add_group(t: LoopBuilder, group: SSAValue, totals: Values) -> Values:
            line = self.line(t, column, group)
            return [
                t.add(total, t.load_vector(self.buffer, line, row, type_=type_))
                for total, row in zip(totals, rows, strict=True)
            ]

        start = [b.load_vector(self.buffer, column, row, type_=type_) for row in rows]
        totals = b.for_(b.constant(1), b.constant(self.reduction.n_groups), add_group, initial=start, label="group")
        for total, row in zip(totals, rows, strict=True):
            b.store(total, self.buffer, column, row)

    def _in_stages(self, b: LoopBuilder, rows: list[SSAValue], column: SSAValue, type_: Attribute) -> None:
        stride = 1
        while stride < self.reduction.n_groups:

            def add_neighbour(t: LoopBuilder, group: SSAValue, _: Values, stride: int = stride) -> Values:
                line, other = (self.line(t, column, at) for at in (group, t.add(group, stride)))
                for row in rows:
                    left, right = (t.load_vector(self.buffer, at, row, type_=type_) for at in (line, other))
                    t.store(t.add(left, right), self.buffer, line, row)
                return []

            end = b.constant(self.reduction.n_groups - stride)
            b.for_(b.constant(0), end, add_neighbour, step=2 * stride, label="group")
            stride *= 2
