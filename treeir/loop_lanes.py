"""What threads of a block do with one another's values: the lanes of a row, neighbours along ``block.x``, read them; any
thread adds to memory that several add to."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import f32, f64, i64
from xdsl.ir import SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, result_def, traits_def, var_operand_def
from xdsl.traits import MemoryReadEffect, MemoryWriteEffect
from xdsl.utils.exceptions import VerifyException

from treec.treeir.loop_types import BufferType, Scope, initialise

LANES_MOST = 32
"""Threads of a warp."""


@irdl_op_definition
class ReadLaneOp(IRDLOperation):
    """What another thread of the same row has in its part of ``buffer``, of scope ``lanes``: the last but one index is its
    number along ``block.x``, the last one the row. All lanes of the row do this together, after a ``loop.barrier lanes``
    behind what was stored."""

    name = "loop.read_lane"
    buffer = operand_def(BufferType)
    indices = var_operand_def(i64)
    result = result_def()
    traits = traits_def(MemoryReadEffect())
    assembly_format = "$buffer `[` $indices `]` attr-dict `:` type($buffer) `->` type($result)"

    def __init__(self, buffer: SSAValue, indices: Sequence[SSAValue]) -> None:
        if not isinstance(buffer.type, BufferType):
            raise ValueError(f"expected a buffer, not {buffer.type}")
        initialise(self, [buffer, *indices], {}, buffer.type.element)

    def verify_(self) -> None:
        type_ = self.buffer.type
        if not isinstance(type_, BufferType) or type_.scope.data is not Scope.LANES:
            raise VerifyException(f"threads read one another's memory of scope lanes, not {type_}")
        if len(self.indices) != type_.rank.data or type_.rank.data < 2:
            raise VerifyException(f"{len(self.indices)} indices into a buffer of rank {type_.rank.data}")
        if self.result.type != type_.element:
            raise VerifyException(f"the buffer holds {type_.element}, not {self.result.type}")


@irdl_op_definition
class AtomicAddOp(IRDLOperation):
    """Add a float to an element of shared memory, to which other threads add at the same time: all additions count, and
    come in any order."""

    name = "loop.atomic_add"
    value = operand_def()
    buffer = operand_def(BufferType)
    indices = var_operand_def(i64)
    traits = traits_def(MemoryReadEffect(), MemoryWriteEffect())
    assembly_format = "$value `,` $buffer `[` $indices `]` attr-dict `:` type($value) `,` type($buffer)"

    def __init__(self, value: SSAValue, buffer: SSAValue, indices: Sequence[SSAValue]) -> None:
        initialise(self, [value, buffer, *indices], {})

    def verify_(self) -> None:
        type_ = self.buffer.type
        if not isinstance(type_, BufferType) or type_.scope.data is not Scope.SHARED:
            raise VerifyException(f"threads add to shared memory, not to {type_}")
        if len(self.indices) != type_.rank.data:
            raise VerifyException(f"{len(self.indices)} indices into a buffer of rank {type_.rank.data}")
        if self.value.type not in (f32, f64) or self.value.type != type_.element:
            raise VerifyException(f"floats are added, to such floats, not {self.value.type} to {type_.element}")
