"""Inputs with value tables: a block of rows becomes input values in workspace, once, before trees look at them."""

from __future__ import annotations

import numpy as np
from xdsl.ir import Attribute, SSAValue

from treec.frontends.base import Inputs
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.tables import Tables, as_float
from treec.treeir.loop_types import CompareKind


def emit_missing(b: LoopBuilder, value: SSAValue, inputs: Inputs) -> SSAValue:
    """NaN instead of the number that stands for a missing value, if there is one."""
    if np.isnan(inputs.missing_value):
        return value
    is_missing = b.compare(CompareKind.OEQ, value, b.constant(inputs.missing_value, value.type))
    return b.select(is_missing, b.constant(float("nan"), value.type), value)


def emit_encoding(
    b: LoopBuilder,
    inputs: Inputs,
    tables: Tables,
    rows: SSAValue,
    begin: SSAValue,
    end: SSAValue,
    block: int,
    type_: Attribute,
) -> SSAValue:
    """Workspace [block, n_inputs] with the input values of rows ``begin`` to ``end``."""
    if inputs.table_offset is None or inputs.table_value is None:
        raise ValueError("these inputs have no value tables")
    encoded = b.alloc([block, max(1, inputs.n_inputs)], type_)
    columns = b.table(tables.of("input_column", inputs.column))
    offsets = b.table(tables.of("value_offset", inputs.table_offset))
    values = b.table(tables.of("value_table", inputs.table_value.astype(inputs.dtype)))

    def one_row(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
        def one_input(u: LoopBuilder, number: SSAValue, _: Values) -> Values:
            value = emit_value(u, inputs, rows, row, u.load_index(columns, number), type_)
            first = u.load_index(offsets, number)
            last = u.load_index(offsets, u.add(number, 1))
            [code] = u.if_(
                u.compare(CompareKind.NE, first, last),
                [type_],
                lambda v: [emit_position(v, values, first, last, value)],
                lambda _: [value],
            )
            u.store(code, encoded, u.sub(row, begin), number)
            return []

        t.for_(t.constant(0), t.constant(inputs.n_inputs), one_input)
        return []

    b.for_(begin, end, one_row)
    return encoded


def emit_value(
    b: LoopBuilder, inputs: Inputs, rows: SSAValue, row: SSAValue, column: SSAValue, type_: Attribute
) -> SSAValue:
    """A row's value in the dtype of thresholds, NaN where it is missing."""
    return emit_missing(b, as_float(b, b.load(rows, row, column), type_), inputs)


def emit_position(b: LoopBuilder, values: SSAValue, first: SSAValue, last: SSAValue, value: SSAValue) -> SSAValue:
    """The position of ``value`` in its table, as a float; NaN if it is not there. Tables are short: a linear search."""

    def compare(t: LoopBuilder, at: SSAValue, carried: Values) -> Values:
        same = t.compare(CompareKind.OEQ, t.load(values, at), value)
        return [t.select(same, t.sitofp(t.sub(at, first), value.type), carried[0])]

    [code] = b.for_(first, last, compare, initial=[b.constant(float("nan"), value.type)])
    return code
