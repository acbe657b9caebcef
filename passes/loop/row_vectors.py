"""Rows taken as vectors: several vectors together, then one, then what is left row by row."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import VectorType, f32
from xdsl.ir import Attribute, SSAValue

from treec.passes.loop.builder import LoopBuilder, Values
from treec.treeir.loop_types import BinaryKind

TOGETHER = 4
"""Vectors of rows that are in registers together."""

RowsBody = Callable[[LoopBuilder, list[SSAValue], Attribute], None]
"""(first row of each vector, type of a vector of sums; or a row and the type of its sum)"""


def each_rows(b: LoopBuilder, begin: SSAValue, end: SSAValue, type_: Attribute, body: RowsBody) -> None:
    """``body`` for all rows from ``begin`` to ``end``, whose sums are of ``type_``."""
    lanes = 16 if type_ == f32 else 8
    for n_vectors in (TOGETHER, 1, 0):
        step = max(1, n_vectors * lanes)
        vector = VectorType(type_, [lanes]) if n_vectors else type_
        length = b.sub(end, begin)
        middle = b.add(begin, b.sub(length, b.binary(BinaryKind.REM, length, step)))

        def some(t: LoopBuilder, row: SSAValue, _: Values, n: int = n_vectors, vector: Attribute = vector) -> Values:
            body(t, [t.add(row, at * lanes) for at in range(max(1, n))], vector)
            return []

        b.for_(begin, middle, some, step=step)
        begin = middle
