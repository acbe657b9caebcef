# pyright: basic
"""Kernels in the languages of GPUs that they have not been run on: HIP for AMD's, Metal for Apple's.

The same TIR through TVM's printers. Vulkan's form is SPIR-V, machine code that TVM's packages have no generator of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import tvm
from xdsl.dialects.builtin import ModuleOp

from treec.codegen.gpu_abi import UNTESTED, GpuTarget
from treec.codegen.tir.emit import EmittedModule, emit_module, has_f64, tvm_target
from treec.errors import CodegenError
from treec.treeir import loop

SHARED = {"rocm": 64 << 10, "metal": 32 << 10}
"""Bytes of shared memory that a block may have."""
OPTIONS = {
    "rocm": "hipcc -ffp-contract=off -fhip-fp32-correctly-rounded-divide-sqrt",
    "metal": "xcrun metal -fno-fast-math -ffp-contract=off",
}
METAL_HEAD = "#include <metal_stdlib>\nusing namespace metal;\n\n"
METAL_UNION = "union __TVMArgUnion {\n int v_int[2];\n};\n\n"
HIP_HEAD = """#include <hip/hip_runtime.h>
#include <cstdint>
#pragma clang fp contract(off)
#define uint unsigned int
#define uchar unsigned char
#define ushort unsigned short

"""


@dataclass(frozen=True)
class UntestedSource:
    """``left_out``: symbols of kernels that the language has no numbers for."""

    kind: str
    text: str = field(repr=False)
    left_out: tuple[str, ...]

    @property
    def form(self) -> str:
        """For the card."""
        less = f", without {', '.join(self.left_out)}" if self.left_out else ""
        return f"{UNTESTED[self.kind]} source (untested{less})"


def untested_source(module: ModuleOp, kind: str) -> UntestedSource:
    """Of a verified module of loops, in one of `UNTESTED`. Raises `CodegenError` for what the language or its GPUs lack."""
    stages = [op for op in module.body.block.ops if isinstance(op, loop.FuncOp)]
    left = [] if kind == "rocm" else [op for op in stages if has_f64(op)]
    if len(left) == len(stages):
        raise CodegenError(
            "Metal has no float64, which all kernels of this model take",
            fix="leave out `metal`; models that sum in float32 have such kernels, of float32 rows",
        )
    target = GpuTarget("rocm" if kind == "rocm" else "metal")
    emitted = emit_module(module, target, wanted=lambda op: op not in left)
    for name, made in emitted.kernels.items():
        if made.kernel.shared_bytes > SHARED[kind]:
            raise CodegenError(
                f"its blocks need {made.kernel.shared_bytes:,} bytes of shared memory, "
                f"{made.kernel.shared_bytes - SHARED[kind]:,} more than GPUs of {kind} have",
                place=f"stage @{name}",
                fix="use blocks of fewer rows, or leave `cache` out",
            )
    left_out = tuple(f"treec_{op.sym_name.data}" for op in left)
    return UntestedSource(kind, _head(kind, left_out) + _printed(emitted, target), left_out)


def _head(kind: str, left_out: tuple[str, ...]) -> str:
    lines = [f"// {UNTESTED[kind]}. These kernels have not been run on such a GPU.", f"// {OPTIONS[kind]}"]
    lines += [f"// No float64 in Metal, so there is no {symbol}." for symbol in left_out]
    return "\n".join(lines) + "\n"


def _printed(emitted: EmittedModule, target: GpuTarget) -> str:
    printer = "cuda" if target.kind == "rocm" else "metal"
    text = tvm.get_global_func(f"target.build.{printer}")(emitted.tir(), tvm_target(target)).inspect_source()
    if target.kind == "metal":  # the printer takes each kernel for a file of its own
        return METAL_HEAD + text.replace(METAL_HEAD + METAL_UNION, "")
    kernels = text[text.index('extern "C" __global__') :]  # before them is what CUDA's compilers include
    return HIP_HEAD + re.sub(r"__launch_bounds__\(\d+\) ?", "", kernels)
