# pyright: basic
"""Functions of the languages that TIR is printed in: the same number or the same bits in each of them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from treec.codegen.tir.types import bits_of
from treec.treeir.loop_types import MathKind


@dataclass(frozen=True)
class Functions:
    """Names of functions by width in bits, in one language.

    Float arithmetic is written as operators where the language rounds each by itself, and as functions (``arithmetic``)
    where it may contract them. ``select``: has ``c ? a : b`` for numbers of any width. ``read_lane``: reads another
    thread's register. ``atomic_add``: to shared memory. ``reserved``: words of this language alone.
    """

    as_float: dict[int, str]
    as_int: dict[int, str]
    math: dict[MathKind, dict[int, str]]
    fma: dict[int, str]
    atomic_add: dict[int, str]
    arithmetic: dict[str, dict[int, str]] | None = None
    select: bool = False
    read_lane: str | None = None
    reserved: frozenset[str] = frozenset()


OPENCL = Functions(
    as_float={32: "as_float", 64: "as_double"},
    as_int={32: "as_int", 64: "as_long"},
    math={MathKind.ABS: {32: "fabs", 64: "fabs"}, MathKind.SQRT: {32: "sqrt", 64: "sqrt"}},
    fma={32: "fma", 64: "fma"},
    atomic_add={32: "treec_add_f32", 64: "treec_add_f64"},
)

CUDA = Functions(
    as_float={32: "__int_as_float", 64: "__longlong_as_double"},
    as_int={32: "__float_as_int", 64: "__double_as_longlong"},
    math={MathKind.ABS: {32: "fabsf", 64: "fabs"}, MathKind.SQRT: {32: "sqrtf", 64: "sqrt"}},
    fma={32: "__fmaf_rn", 64: "__fma_rn"},
    atomic_add={32: "atomicAdd", 64: "atomicAdd"},
    arithmetic={
        "add": {32: "__fadd_rn", 64: "__dadd_rn"},
        "sub": {32: "__fsub_rn", 64: "__dsub_rn"},
        "mul": {32: "__fmul_rn", 64: "__dmul_rn"},
        "div": {32: "__fdiv_rn", 64: "__ddiv_rn"},
    },
    select=True,
    read_lane="__shfl_sync",
)

_ADD = """
inline {real} {name}(volatile __local {real}* at, {real} value) {{
  union {{ {bits} bits; {real} number; }} old, sum;
  do {{
    old.number = *at;
    sum.number = old.number + value;
  }} while ({exchange}((volatile __local {bits}*)at, old.bits, sum.bits) != old.bits);
  return old.number;
}}
"""
ATOMICS = {
    "treec_add_f32": _ADD.format(name="treec_add_f32", real="float", bits="uint", exchange="atomic_cmpxchg"),
    "treec_add_f64": "#pragma OPENCL EXTENSION cl_khr_int64_base_atomics : enable"
    + _ADD.format(name="treec_add_f64", real="double", bits="ulong", exchange="atom_cmpxchg"),
}
"""Functions of OpenCL's form, for a kernel that names them."""

HIP = replace(
    CUDA,
    fma={32: "fmaf", 64: "fma"},
    arithmetic=None,  # HIP's __fadd_rn may be contracted; operators under a pragma are not
    read_lane=None,  # a warp has 32 threads or 64
)

METAL = replace(
    OPENCL,
    as_float={32: "as_type<float>"},
    as_int={32: "as_type<int>"},
    math={MathKind.ABS: {32: "fabs"}, MathKind.SQRT: {32: "precise::sqrt"}},
    fma={32: "fma"},
    atomic_add={},
    reserved=frozenset(("device", "fragment", "metal", "thread", "threadgroup", "vertex")),
)

BY_KIND = {"opencl": OPENCL, "cuda": CUDA, "rocm": HIP, "metal": METAL}


def call(dtype: str, name: str, *arguments: Any) -> Any:
    return tirx.call_pure_extern(dtype, name, *arguments)


def float_constant(functions: Functions, value: float, dtype: str) -> Any:
    """A float by its bits: TIR's printers round decimals."""
    bits = bits_of(dtype)
    (number,) = struct.unpack("<i" if bits == 32 else "<q", struct.pack("<f" if bits == 32 else "<d", value))
    return call(dtype, functions.as_float[bits], integer(number, f"int{bits}"))


def integer(value: int, dtype: str) -> Any:
    """An integer constant; C has no literal for the least one."""
    bits = 1 if dtype == "bool" else bits_of(dtype)
    if bits > 1:
        value = (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
        if value == -(1 << bits - 1):
            return tirx.Sub(tirx.IntImm(dtype, value + 1), tirx.IntImm(dtype, 1))
    return tirx.IntImm(dtype, int(value) & 1 if bits == 1 else value)
