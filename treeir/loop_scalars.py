"""Numbers of the loop dialect: constants, arithmetic, compares, selections, conversions and functions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import ClassVar

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, i1
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from treec.treeir.loop_types import (
    BinaryKind,
    BinaryKindAttr,
    CastKind,
    CastKindAttr,
    CompareKind,
    CompareKindAttr,
    MathKind,
    MathKindAttr,
    bit_width,
    initialise,
    is_float,
    lanes_of,
    scalar_of,
    vector_like,
)


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """A number, bit for bit; for a vector type, the same in every lane."""

    name = "loop.constant"
    value = prop_def(FloatAttr | IntegerAttr)
    result = result_def()
    traits = traits_def(Pure())
    assembly_format = "$value attr-dict `->` type($result)"

    def __init__(self, value: float, type_: Attribute) -> None:
        scalar = scalar_of(type_)
        attribute = FloatAttr(value, scalar) if is_float(scalar) else IntegerAttr(int(value), scalar)  # pyright: ignore
        super().__init__(properties={"value": attribute}, result_types=[type_])

    def verify_(self) -> None:
        if self.value.type != scalar_of(self.result.type):
            raise VerifyException(f"a constant of {self.value.type} is not of type {self.result.type}")


@irdl_op_definition
class BinaryOp(IRDLOperation):
    """Element-wise arithmetic; floats round once per op and are never contracted."""

    name = "loop.binary"
    T: ClassVar = VarConstraint("T", AnyAttr())
    kind = prop_def(BinaryKindAttr)
    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def(T)
    traits = traits_def(Pure())
    assembly_format = "$kind $lhs `,` $rhs attr-dict `:` type($result)"

    def __init__(self, kind: BinaryKind, lhs: SSAValue, rhs: SSAValue) -> None:
        initialise(self, [lhs, rhs], {"kind": BinaryKindAttr(kind)}, lhs.type)

    def verify_(self) -> None:
        bit_width(self.result.type)
        arithmetic = (BinaryKind.ADD, BinaryKind.SUB, BinaryKind.MUL, BinaryKind.DIV)
        if is_float(self.result.type) and self.kind.data not in arithmetic:
            raise VerifyException(f"{self.kind.data.value} is for integers")


@irdl_op_definition
class FmaOp(IRDLOperation):
    """``factor * other + addend`` of floats, rounded once: what nothing but this op may become."""

    name = "loop.fma"
    T: ClassVar = VarConstraint("T", AnyAttr())
    factor = operand_def(T)
    other = operand_def(T)
    addend = operand_def(T)
    result = result_def(T)
    traits = traits_def(Pure())
    assembly_format = "$factor `,` $other `,` $addend attr-dict `:` type($result)"

    def __init__(self, factor: SSAValue, other: SSAValue, addend: SSAValue) -> None:
        initialise(self, [factor, other, addend], {}, factor.type)

    def verify_(self) -> None:
        if not is_float(self.result.type):
            raise VerifyException("a fused multiply-add is of floats")


@irdl_op_definition
class CompareOp(IRDLOperation):
    """Element-wise compare."""

    name = "loop.compare"
    T: ClassVar = VarConstraint("T", AnyAttr())
    kind = prop_def(CompareKindAttr)
    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def()
    traits = traits_def(Pure())
    assembly_format = "$kind $lhs `,` $rhs attr-dict `:` type($lhs) `->` type($result)"

    def __init__(self, kind: CompareKind, lhs: SSAValue, rhs: SSAValue) -> None:
        result = vector_like(lhs.type, i1)
        initialise(self, [lhs, rhs], {"kind": CompareKindAttr(kind)}, result)

    def verify_(self) -> None:
        if self.kind.data.on_floats != is_float(self.lhs.type):
            raise VerifyException(f"{self.kind.data.value} does not compare {self.lhs.type}")
        if self.result.type != vector_like(self.lhs.type, i1):
            raise VerifyException("a compare gives i1, one per lane")


@irdl_op_definition
class SelectOp(IRDLOperation):
    """``condition ? lhs : rhs``, element-wise if the condition is a vector."""

    name = "loop.select"
    T: ClassVar = VarConstraint("T", AnyAttr())
    condition = operand_def()
    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def(T)
    traits = traits_def(Pure())
    assembly_format = "$condition `,` $lhs `,` $rhs attr-dict `:` type($condition) `,` type($result)"

    def __init__(self, condition: SSAValue, lhs: SSAValue, rhs: SSAValue) -> None:
        initialise(self, [condition, lhs, rhs], {}, lhs.type)

    def verify_(self) -> None:
        if self.condition.type not in (i1, vector_like(self.result.type, i1)):
            raise VerifyException("a condition is i1, or one i1 per lane")


def _any(source: int, target: int) -> bool:
    return True


_CASTS: dict[CastKind, tuple[bool, bool, Callable[[int, int], bool]]] = {
    CastKind.FPEXT: (True, True, operator.lt),
    CastKind.FPTRUNC: (True, True, operator.gt),
    CastKind.SITOFP: (False, True, _any),
    CastKind.FPTOSI: (True, False, _any),
    CastKind.ZEXT: (False, False, operator.lt),
    CastKind.SEXT: (False, False, operator.lt),
    CastKind.TRUNC: (False, False, operator.gt),
}
"""From a float? To a float? How the widths compare."""


@irdl_op_definition
class CastOp(IRDLOperation):
    """Element-wise conversion, see `CastKind`."""

    name = "loop.cast"
    kind = prop_def(CastKindAttr)
    value = operand_def()
    result = result_def()
    traits = traits_def(Pure())
    assembly_format = "$kind $value attr-dict `:` type($value) `->` type($result)"

    def __init__(self, kind: CastKind, value: SSAValue, type_: Attribute) -> None:
        initialise(self, [value], {"kind": CastKindAttr(kind)}, type_)

    def verify_(self) -> None:
        kind, source, target = self.kind.data, self.value.type, self.result.type
        widths = bit_width(source), bit_width(target)
        if kind is CastKind.BITCAST:
            fits = widths[0] * lanes_of(source) == widths[1] * lanes_of(target)
        else:
            from_float, to_float, order = _CASTS[kind]
            fits = (is_float(source), is_float(target)) == (from_float, to_float) and order(*widths)
            fits = fits and target == vector_like(source, scalar_of(target))
        if not fits:
            raise VerifyException(f"can't {kind.value} {source} to {target}")


@irdl_op_definition
class MathOp(IRDLOperation):
    """A function of one float, see `MathKind`."""

    name = "loop.math"
    T: ClassVar = VarConstraint("T", AnyAttr())
    kind = prop_def(MathKindAttr)
    value = operand_def(T)
    result = result_def(T)
    traits = traits_def(Pure())
    assembly_format = "$kind $value attr-dict `:` type($result)"

    def __init__(self, kind: MathKind, value: SSAValue) -> None:
        initialise(self, [value], {"kind": MathKindAttr(kind)}, value.type)

    def verify_(self) -> None:
        if not is_float(self.result.type):
            raise VerifyException(f"{self.kind.data.value} is for floats")
