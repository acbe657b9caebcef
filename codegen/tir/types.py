"""Types of the loop dialect in TIR."""

from __future__ import annotations

from xdsl.dialects.builtin import f32, f64, i1, i8, i16, i32, i64
from xdsl.ir import Attribute

from treec.errors import CodegenError

_DTYPES: dict[Attribute, str] = {
    i1: "bool", i8: "int8", i16: "int16", i32: "int32", i64: "int64", f32: "float32", f64: "float64",
}  # fmt: skip


def dtype_of(type_: Attribute) -> str:
    """TIR's name of a scalar type; integers are signed, and cast where an op is not."""
    if (found := _DTYPES.get(type_)) is None:
        raise CodegenError(f"a thread of a GPU has no values of {type_}: vectors are CPU code")
    return found


def unsigned(dtype: str) -> str:
    return f"u{dtype}" if dtype.startswith("int") else dtype


def bits_of(dtype: str) -> int:
    return int(dtype.removeprefix("u").removeprefix("int").removeprefix("float"))
