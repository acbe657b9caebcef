"""Hints of the loop dialect: what answers do not depend on, only their speed."""

from __future__ import annotations

from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, result_def, traits_def
from xdsl.traits import Pure


@irdl_op_definition
class OpaqueOp(IRDLOperation):
    """The same i64, of which a back end's compiler does not know where it comes from. Between two constants LLVM would
    choose by a branch, even where told that it can't be predicted; between two opaque numbers it does not."""

    name = "loop.opaque"
    value = operand_def(i64)
    result = result_def(i64)
    traits = traits_def(Pure())
    assembly_format = "$value attr-dict"

    def __init__(self, value: SSAValue) -> None:
        super().__init__(operands=[value], result_types=[i64])
