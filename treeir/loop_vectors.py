"""Vectors of the loop dialect: lanes that each have a place of their own in memory, and the ops that make such vectors."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import StringAttr, i1, i32, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import MemoryReadEffect, MemoryWriteEffect, Pure
from xdsl.utils.exceptions import VerifyException

from treec.treeir.loop_types import BufferType, RecordType, Scope, is_vector, lanes_of, scalar_of

_RECORD_BITS: dict[int, Attribute] = {4: i32, 8: i64}
"""Bytes of a record that can be gathered as one integer."""


def gathered_type(buffer: BufferType, field: str | None) -> Attribute:
    """What one lane of a gather holds: an element, a field of a record, or without a field all of a record's bits as one
    integer. Raises `VerifyException` if there is no such thing."""
    element = buffer.element
    if not isinstance(element, RecordType):
        if field is not None:
            raise VerifyException("only records have fields")
        return element
    if field is None:
        if (bits := _RECORD_BITS.get(element.size.data)) is None:
            raise VerifyException(f"a record of {element.size.data} bytes is gathered one field at a time")
        return bits
    try:
        type_ = element.field(field)[0]
    except KeyError:
        raise VerifyException(f"the record has no field {field!r}") from None
    if is_vector(type_):
        raise VerifyException(f"field {field!r} is a vector: it is loaded from one record, not gathered from several")
    return type_


def _verify_places(buffer: SSAValue, origin: Sequence[SSAValue], offsets: Sequence[SSAValue], lanes: int) -> BufferType:
    type_ = buffer.type
    if not isinstance(type_, BufferType):
        raise VerifyException("expected a buffer")
    if not len(origin) == len(offsets) == type_.rank.data:
        raise VerifyException(
            f"{len(origin)} indices and {len(offsets)} vectors of offsets into a buffer of rank {type_.rank.data}"
        )
    for offset in offsets:
        if not is_vector(offset.type) or scalar_of(offset.type) not in (i32, i64):
            raise VerifyException(f"offsets are vectors of i32 or i64, not {offset.type}")
        if lanes_of(offset.type) != lanes:
            raise VerifyException(f"{lanes_of(offset.type)} offsets for {lanes} lanes")
    return type_


@irdl_op_definition
class GatherOp(IRDLOperation):
    """A vector of elements, one per lane, from anywhere in a buffer: lane l has the one at ``origin + offsets[l]``.

    ``origin``: an i64 per dimension; ``offsets``: a vector of signed i32 or i64 per dimension. Of a record a field is
    gathered or, without one, all its bits as an integer (lowest address lowest).
    """

    name = "loop.gather"
    buffer = operand_def(BufferType)
    origin = var_operand_def(i64)
    offsets = var_operand_def()
    field = opt_prop_def(StringAttr)
    result = result_def()
    traits = traits_def(MemoryReadEffect())
    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    assembly_format = (
        "$buffer `[` $origin `]` `plus` ` ` `[` $offsets `]` ($field^)? attr-dict "
        "`:` type($buffer) `,` type($offsets) `->` type($result)"
    )

    def __init__(
        self,
        buffer: SSAValue,
        origin: Sequence[SSAValue],
        offsets: Sequence[SSAValue],
        type_: Attribute,
        field: str | None = None,
    ) -> None:
        super().__init__(
            operands=[buffer, list(origin), list(offsets)],
            properties={"field": None if field is None else StringAttr(field)},
            result_types=[type_],
        )

    def verify_(self) -> None:
        if not is_vector(self.result.type):
            raise VerifyException(f"a gather gives a vector, not {self.result.type}")
        type_ = _verify_places(self.buffer, self.origin, self.offsets, lanes_of(self.result.type))
        lane = gathered_type(type_, None if self.field is None else self.field.data)
        if scalar_of(self.result.type) != lane:
            raise VerifyException(f"lanes of this gather hold {lane}, not {scalar_of(self.result.type)}")


@irdl_op_definition
class ScatterOp(IRDLOperation):
    """Store each lane of ``value`` at ``origin + offsets[l]``, see `GatherOp`; of lanes with one place the last stays."""

    name = "loop.scatter"
    value = operand_def()
    buffer = operand_def(BufferType)
    origin = var_operand_def(i64)
    offsets = var_operand_def()
    traits = traits_def(MemoryWriteEffect())
    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    assembly_format = (
        "$value `,` $buffer `[` $origin `]` `plus` ` ` `[` $offsets `]` attr-dict "
        "`:` type($value) `,` type($buffer) `,` type($offsets)"
    )

    def __init__(self, value: SSAValue, buffer: SSAValue, origin: Sequence[SSAValue], offsets: Sequence[SSAValue]) -> None:
        super().__init__(operands=[value, buffer, list(origin), list(offsets)])

    def verify_(self) -> None:
        if not is_vector(self.value.type):
            raise VerifyException(f"a scatter stores a vector, not {self.value.type}")
        type_ = _verify_places(self.buffer, self.origin, self.offsets, lanes_of(self.value.type))
        if isinstance(type_.element, RecordType) or scalar_of(self.value.type) != type_.element:
            raise VerifyException(f"the buffer holds {type_.element}, not {scalar_of(self.value.type)}")
        if type_.scope.data is Scope.CONSTANT:
            raise VerifyException("a constant table can't be written")


@irdl_op_definition
class SplatOp(IRDLOperation):
    """A vector with the same number in every lane."""

    name = "loop.splat"
    value = operand_def()
    result = result_def()
    traits = traits_def(Pure())
    assembly_format = "$value attr-dict `:` type($value) `->` type($result)"

    def __init__(self, value: SSAValue, type_: Attribute) -> None:
        super().__init__(operands=[value], result_types=[type_])

    def verify_(self) -> None:
        if not is_vector(self.result.type) or self.value.type != scalar_of(self.result.type):
            raise VerifyException(f"can't make a {self.result.type} of {self.value.type}")


@irdl_op_definition
class LaneNumbersOp(IRDLOperation):
    """The number of each lane: 0, 1, 2 …"""

    name = "loop.lane_numbers"
    result = result_def()
    traits = traits_def(Pure())
    assembly_format = "attr-dict `:` type($result)"

    def __init__(self, type_: Attribute) -> None:
        super().__init__(result_types=[type_])

    def verify_(self) -> None:
        if not is_vector(self.result.type) or scalar_of(self.result.type) not in (i32, i64):
            raise VerifyException(f"numbers of lanes are a vector of i32 or i64, not {self.result.type}")


@irdl_op_definition
class AnyLaneOp(IRDLOperation):
    """Is any lane of a vector of i1 true?"""

    name = "loop.any_lane"
    value = operand_def()
    result = result_def(i1)
    traits = traits_def(Pure())
    assembly_format = "$value attr-dict `:` type($value)"

    def __init__(self, value: SSAValue) -> None:
        super().__init__(operands=[value], result_types=[i1])

    def verify_(self) -> None:
        if not is_vector(self.value.type) or scalar_of(self.value.type) != i1:
            raise VerifyException(f"expected a vector of i1, not {self.value.type}")
