# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""The structs of the C ABI as LLVM types, made from their ctypes descriptions."""

from __future__ import annotations

import ctypes

from llvmlite import ir

from treec.codegen.abi import ArtifactStruct, KernelStruct, StageStruct
from treec.codegen.llvm.types import POINTER


def struct_type(struct: type[ctypes.Structure]) -> ir.LiteralStructType:
    """Integers by their size, everything else a pointer. The order and natural alignment are C's in both."""
    integers = (ctypes.c_int32, ctypes.c_uint32, ctypes.c_int64)
    kinds = [kind for _, kind, *_ in struct._fields_]
    return ir.LiteralStructType([ir.IntType(8 * ctypes.sizeof(k)) if k in integers else POINTER for k in kinds])


STAGE = struct_type(StageStruct)
KERNEL = struct_type(KernelStruct)
ARTIFACT = struct_type(ArtifactStruct)
