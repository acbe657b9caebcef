"""Blocks of rows copied to workspace: in the compare dtype, with NaN where a value is missing, packed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.ir import Attribute, SSAValue

from treec.frontends.base import Inputs
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.encode import emit_missing
from treec.passes.loop.tables import Tables, as_float
from treec.treeir.plan import KernelOp


@dataclass(frozen=True)
class RowCache:
    """Rows of each step (``block`` of them, or fewer) of the loop ``at`` are copied, column by column if ``by_column``."""

    at: str
    block: int
    by_column: bool

    @staticmethod
    def of(kernel: KernelOp) -> RowCache | None:
        walk = kernel.innermost_walk()
        if walk.rows_at is None or walk.rows_layout is None:
            return None
        steps = {loop.label.data: loop.step.value.data for loop in kernel.nest()}
        return RowCache(walk.rows_at.data, steps[walk.rows_at.data], walk.rows_layout.data == "column")


def alloc_rows(b: LoopBuilder, cache: RowCache, inputs: Inputs, type_: Attribute) -> SSAValue:
    """Workspace [block, n_features], or the other way round."""
    shape = [cache.block, max(1, inputs.n_features)]
    return b.alloc(shape[::-1] if cache.by_column else shape, type_)


def emit_row_copy(
    b: LoopBuilder,
    cache: RowCache,
    inputs: Inputs,
    tables: Tables,
    rows: SSAValue,
    bounds: tuple[SSAValue, SSAValue],
    copied: SSAValue,
    type_: Attribute,
) -> None:
    """Fill ``copied`` (of `alloc_rows`) with the columns that the model reads of the rows ``bounds``; the others stay
    undefined."""
    begin, end = bounds
    all_used = np.array_equal(inputs.column, np.arange(inputs.n_features))

    def one_row(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
        position = t.sub(row, begin)

        def one_value(u: LoopBuilder, number: SSAValue, _: Values) -> Values:
            column = number if all_used else u.load_index(b.table(tables.of("input_column", inputs.column)), number)
            value = emit_missing(u, as_float(u, u.load(rows, row, column), type_), inputs)
            u.store(value, copied, *((column, position) if cache.by_column else (position, column)))
            return []

        t.for_(t.constant(0), t.constant(inputs.n_inputs), one_value)
        return []

    b.for_(begin, end, one_row)
