# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Types of the loop dialect as LLVM types."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from llvmlite import ir
from xdsl.dialects.builtin import IntegerType, VectorType, f32, f64
from xdsl.ir import Attribute

from treec.errors import CodegenError
from treec.treeir.loop_types import RecordType

I1 = ir.IntType(1)
I8 = ir.IntType(8)
I32 = ir.IntType(32)
I64 = ir.IntType(64)
POINTER = ir.PointerType()
FLOAT_NAMES: dict[str, str] = {"float": "f32", "double": "f64"}


def value_type(type_: Attribute) -> ir.Type:
    """The LLVM type of a scalar or of a 1-D vector of scalars."""
    match type_:
        case IntegerType():
            return ir.IntType(type_.width.data)
        case VectorType():
            if type_.get_num_dims() != 1 or type_.get_num_scalable_dims():
                raise CodegenError(f"vectors have one fixed dimension, not {type_}")
            return ir.VectorType(value_type(type_.element_type), type_.get_shape()[0])
    if type_ == f32:
        return ir.FloatType()
    if type_ == f64:
        return ir.DoubleType()
    raise CodegenError(f"values of type {type_} have no place in a register")


def memory_type(element: Attribute) -> ir.Type:
    """The LLVM type whose size is the distance between two elements of a buffer."""
    return ir.ArrayType(I8, element.size.data) if isinstance(element, RecordType) else value_type(element)


def scalar_name(type_: ir.Type) -> str:
    """How LLVM's intrinsics spell a type: ``i32``, ``f64``, ``v8f32``."""
    if isinstance(type_, ir.VectorType):
        return f"v{type_.count}{scalar_name(type_.element)}"
    text = str(type_)
    return FLOAT_NAMES.get(text, text)


def lane_type(type_: ir.Type) -> ir.Type:
    """The element type of a vector; any other type itself."""
    return type_.element if isinstance(type_, ir.VectorType) else type_


def is_float_type(type_: ir.Type) -> bool:
    return isinstance(lane_type(type_), (ir.FloatType, ir.DoubleType))


def splat(type_: ir.Type, value: float) -> ir.Constant:
    """A constant; for a vector, the same in every lane."""
    if isinstance(type_, ir.VectorType):
        return _splat(type_, float(value).hex() if is_float_type(type_) else int(value))
    return ir.Constant(type_, value)


@cache
def _splat(type_: ir.VectorType, value: int | str) -> ir.Constant:
    """One object for each vector: it keeps its text, which is long. Floats are in hex, which tells -0.0 from 0.0."""
    lane = ir.Constant(type_.element, float.fromhex(value) if isinstance(value, str) else value)
    return ir.Constant(type_, [lane] * type_.count)


def define_constant(module: ir.Module, name: str, value: ir.Constant, align: int = 8) -> ir.GlobalVariable:
    """A constant of the module, internal to it unless the caller says otherwise."""
    variable = ir.GlobalVariable(module, value.type, name)
    variable.type = POINTER  # llvmlite would print a typed pointer
    variable.linkage, variable.global_constant, variable.initializer, variable.align = "internal", True, value, align
    return variable


class _Function(ir.Function):
    """A function whose references are opaque pointers."""

    @property
    def function_type(self) -> ir.FunctionType:
        return self.ftype


def define_function(module: ir.Module, name: str, type_: ir.FunctionType, attributes: Sequence[str]) -> ir.Function:
    """A function of the module, without a body; exported unless the caller says otherwise."""
    function = _Function(module, type_, name)
    function.type = POINTER
    set.update(function.attributes, attributes)  # llvmlite refuses attributes that it doesn't know
    return function
