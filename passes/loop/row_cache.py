"""Blocks of rows copied to workspace: in the compare dtype, with NaN where a value is missing, packed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from xdsl.ir import Attribute, SSAValue

from treec.frontends.base import Inputs
from treec.passes.algo.shared_rows import shared_shape
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.encode import emit_missing
from treec.passes.loop.tables import Tables, as_float
from treec.treeir.loop_types import Scope
from treec.treeir.plan import KernelOp


@dataclass(frozen=True)
class RowCache:
    """Rows of each step (``block`` of them, or fewer) of the loop ``at`` are copied, column by column if ``by_column``; to
    memory that threads share if ``shared``."""

    at: str
    block: int
    by_column: bool
    shared: bool

    @staticmethod
    def of(kernel: KernelOp) -> RowCache | None:
        walk = kernel.innermost_walk()
        if walk.rows_at is None or walk.rows_layout is None:
            return None
        steps = {loop.label.data: loop.step.value.data for loop in kernel.nest()}
        by_column, shared = walk.rows_layout.data == "column", walk.rows_in is not None
        return RowCache(walk.rows_at.data, steps[walk.rows_at.data], by_column, shared)


def alloc_rows(b: LoopBuilder, cache: RowCache, inputs: Inputs, type_: Attribute) -> SSAValue:
    """Memory for [block, n_features], or the other way round."""
    if cache.shared:
        return b.alloc(shared_shape(cache.block, inputs.n_features, cache.by_column), type_, Scope.SHARED)
    shape = [cache.block, max(1, inputs.n_features)]
    return b.alloc(shape[::-1] if cache.by_column else shape, type_)


CopyValue = Callable[[LoopBuilder, SSAValue, SSAValue, SSAValue], None]
"""Copies one value: row, its position in the block, number of the input."""


def value_copier(
    b: LoopBuilder, cache: RowCache, inputs: Inputs, tables: Tables, rows: SSAValue, copied: SSAValue, type_: Attribute
) -> CopyValue:
    """Copies values of ``rows`` to ``copied`` (of `alloc_rows`), only of columns that the model reads."""
    all_used = np.array_equal(inputs.column, np.arange(inputs.n_features))

    def copy(t: LoopBuilder, row: SSAValue, position: SSAValue, number: SSAValue) -> None:
        column = number if all_used else t.load_index(b.table(tables.of("input_column", inputs.column)), number)
        value = emit_missing(t, as_float(t, t.load(rows, row, column), type_), inputs)
        t.store(value, copied, *((column, position) if cache.by_column else (position, column)))

    return copy


def emit_row_copy(b: LoopBuilder, inputs: Inputs, bounds: tuple[SSAValue, SSAValue], copy: CopyValue) -> None:
    """Copy the columns that the model reads of the rows ``bounds``; the others stay undefined."""
    begin, end = bounds

    def one_row(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
        position = t.sub(row, begin)

        def one_value(u: LoopBuilder, number: SSAValue, _: Values) -> Values:
            copy(u, row, position, number)
            return []

        t.for_(t.constant(0), t.constant(inputs.n_inputs), one_value)
        return []

    b.for_(begin, end, one_row)
