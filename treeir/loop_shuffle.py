"""Look-up of the loop dialect: a vector as a table of another one."""

from __future__ import annotations

from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, result_def, traits_def
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from treec.treeir.loop_types import is_vector, lanes_of, scalar_of, vector_like


@irdl_op_definition
class ShuffleOp(IRDLOperation):
    """Lane l of the result is lane ``index[l]`` of ``table``. Vectors of one length; indices are below it."""

    name = "loop.shuffle"
    table = operand_def()
    index = operand_def()
    result = result_def()
    traits = traits_def(Pure())
    assembly_format = "$table `[` $index `]` attr-dict `:` type($table) `,` type($index) `->` type($result)"

    def __init__(self, table: SSAValue, index: SSAValue) -> None:
        super().__init__(operands=[table, index], result_types=[vector_like(index.type, scalar_of(table.type))])

    def verify_(self) -> None:
        table, index, result = self.table.type, self.index.type, self.result.type
        if not (is_vector(table) and is_vector(index) and scalar_of(index) == i32):
            raise VerifyException(f"a vector is looked up by a vector of i32, not {table} by {index}")
        if lanes_of(table) != lanes_of(index) or result != table:
            raise VerifyException(f"lanes of {table} looked up by {index} are no {result}")
