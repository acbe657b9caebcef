"""Columns of rows in the loop dialect: a square of values, read by rows and seen by columns."""

from __future__ import annotations

from xdsl.dialects.builtin import VectorType, i64
from xdsl.ir import SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, traits_def, var_result_def
from xdsl.traits import MemoryReadEffect
from xdsl.utils.exceptions import VerifyException

from treec.treeir.loop_types import BufferType, RecordType, lanes_of


@irdl_op_definition
class LoadColumnsOp(IRDLOperation):
    """Result c is column ``column + c`` of the rows from ``row`` on, one a lane; there are as many columns as lanes, a
    power of two."""

    name = "loop.load_columns"
    buffer = operand_def(BufferType)
    row = operand_def(i64)
    column = operand_def(i64)
    results_ = var_result_def(VectorType)
    traits = traits_def(MemoryReadEffect())
    assembly_format = "$buffer `[` $row `,` $column `]` attr-dict `:` type($buffer) `->` type($results_)"

    def __init__(self, buffer: SSAValue, row: SSAValue, column: SSAValue, count: int) -> None:
        type_ = buffer.type
        if not isinstance(type_, BufferType):
            raise VerifyException(f"columns are of a buffer, not of {type_}")
        super().__init__(operands=[buffer, row, column], result_types=[[VectorType(type_.element, [count])] * count])

    def verify_(self) -> None:
        type_, count = self.buffer.type, len(self.results_)
        if not isinstance(type_, BufferType) or type_.rank.data != 2 or isinstance(type_.element, RecordType):
            raise VerifyException(f"columns are of a buffer of rank 2 of plain values, not of {type_}")
        if count.bit_count() != 1 or any(lanes_of(result.type) != count for result in self.results_):
            raise VerifyException(f"{count} columns are vectors of as many rows, a power of two")
        if any(result.type != VectorType(type_.element, [count]) for result in self.results_):
            raise VerifyException(f"columns of {type_} hold {type_.element}")
