"""Bits of the loop dialect: answers of lanes as one integer, how many of them are 1, and their reverse order."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import i1, i8, i16, i32, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from treec.treeir.loop_types import bit_width, is_vector, lanes_of, scalar_of


def mask_type(lanes: int) -> Attribute:
    """The narrowest integer with a bit for each lane; raises `VerifyException` if there is none."""
    for type_ in (i8, i16, i32, i64):
        if lanes <= bit_width(type_):
            return type_
    raise VerifyException(f"no integer has {lanes} bits")


@irdl_op_definition
class MaskBitsOp(IRDLOperation):
    """The lanes of a vector of i1 as bits of an integer, lane 0 lowest; bits above the last lane are 0."""

    name = "loop.mask_bits"
    value = operand_def()
    result = result_def()
    traits = traits_def(Pure())
    assembly_format = "$value attr-dict `:` type($value) `->` type($result)"

    def __init__(self, value: SSAValue) -> None:
        super().__init__(operands=[value], result_types=[mask_type(lanes_of(value.type))])

    def verify_(self) -> None:
        if not is_vector(self.value.type) or scalar_of(self.value.type) != i1:
            raise VerifyException(f"expected a vector of i1, not {self.value.type}")
        wanted = mask_type(lanes_of(self.value.type))
        if self.result.type != wanted:
            raise VerifyException(f"bits of {lanes_of(self.value.type)} lanes are an {wanted}, not an {self.result.type}")


@irdl_op_definition
class PopcountOp(IRDLOperation):
    """How many bits of an integer, or of each lane, are 1; of the same type."""

    name = "loop.popcount"
    T: ClassVar = VarConstraint("T", AnyAttr())
    value = operand_def(T)
    result = result_def(T)
    traits = traits_def(Pure())
    assembly_format = "$value attr-dict `:` type($value)"

    def __init__(self, value: SSAValue) -> None:
        super().__init__(operands=[value], result_types=[value.type])

    def verify_(self) -> None:
        if scalar_of(self.value.type) not in (i8, i16, i32, i64):
            raise VerifyException(f"bits are counted in integers, not in {self.value.type}")


@irdl_op_definition
class ReverseBitsOp(IRDLOperation):
    """An integer, or each lane, with its lowest bit highest, and so on; of the same type."""

    name = "loop.reverse_bits"
    T: ClassVar = VarConstraint("T", AnyAttr())
    value = operand_def(T)
    result = result_def(T)
    traits = traits_def(Pure())
    assembly_format = "$value attr-dict `:` type($value)"

    def __init__(self, value: SSAValue) -> None:
        super().__init__(operands=[value], result_types=[value.type])

    def verify_(self) -> None:
        if scalar_of(self.value.type) not in (i8, i16, i32, i64):
            raise VerifyException(f"bits are reversed in integers, not in {self.value.type}")
