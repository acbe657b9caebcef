"""Rows asked for ahead of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import SSAValue

from treec.frontends.base import Forest
from treec.passes.algo.packed import narrow
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.tables import Tables
from treec.treeir.loop_types import BufferType, byte_size
from treec.treeir.plan import KernelOp

LINE_BYTES = 64
"""Of a cache line, as most CPUs have them: a longer one is asked for twice."""


@dataclass(frozen=True)
class RowPrefetch:
    """In each step of the loop ``at``, the rows of the step ``ahead`` steps further are asked for."""

    at: str
    ahead: int
    step: int

    @staticmethod
    def of(kernel: KernelOp) -> RowPrefetch | None:
        walk = kernel.innermost_walk()
        if walk.prefetch_at is None or walk.prefetch_ahead is None:
            return None
        steps = {loop.label.data: loop.step.value.data for loop in kernel.nest()}
        at = walk.prefetch_at.data
        return RowPrefetch(at, walk.prefetch_ahead.value.data, steps[at])

    def emit(
        self, b: LoopBuilder, forest: Forest, tables: Tables, rows: SSAValue, first_row: SSAValue, row_end: SSAValue
    ) -> None:
        """At the step that begins with ``first_row``; no row from ``row_end`` on is asked for."""
        columns = line_columns(forest, row_bytes(rows))
        if not len(columns):
            return
        begin = b.minimum(b.add(first_row, self.ahead * self.step), row_end)
        end = b.minimum(b.add(begin, self.step), row_end)
        table = b.table(tables.of("prefetch_column", narrow(columns)))

        def one_row(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
            def one_line(u: LoopBuilder, number: SSAValue, _: Values) -> Values:
                u.prefetch(rows, row, u.load_index(table, number))
                return []

            return t.for_(t.constant(0), t.constant(len(columns)), one_line)

        b.for_(begin, end, one_row, label="prefetched")


def row_bytes(rows: SSAValue) -> int:
    """Of one value."""
    if not isinstance(rows.type, BufferType):
        raise ValueError(f"expected a buffer, not {rows.type}")
    return byte_size(rows.type.element)


def line_columns(forest: Forest, value_bytes: int) -> NDArray[np.int64]:
    """One column for each cache line that predicates read of a row that lies in one piece, at the start of a line."""
    asked = np.unique(forest.inputs.column[np.unique(forest.predicates.input)]).astype(np.int64)
    _, first = np.unique(asked * value_bytes // LINE_BYTES, return_index=True)
    return asked[first]
