"""Hints of the loop dialect: what answers do not depend on, only their speed."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from treec.treeir.loop_types import BufferType


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


@irdl_op_definition
class PrefetchOp(IRDLOperation):
    """An element will be read soon: bring its cache line near. It lies in the buffer, as for a load."""

    name = "loop.prefetch"
    buffer = operand_def(BufferType)
    indices = var_operand_def(i64)
    assembly_format = "$buffer `[` $indices `]` attr-dict `:` type($buffer)"

    def __init__(self, buffer: SSAValue, indices: Sequence[SSAValue]) -> None:
        super().__init__(operands=[buffer, indices])

    def verify_(self) -> None:
        type_ = self.buffer.type
        if isinstance(type_, BufferType) and len(self.indices) != type_.rank.data:
            raise VerifyException(f"{len(self.indices)} indices into a buffer of rank {type_.rank.data}")
