"""``tree-opt -t treec-tir``: the TIR of a loop module, or the source of its kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target


@dataclass(frozen=True)
class TreecTirTarget(Target):
    """Prints a module's stages as kernels. ``show``: TIR as emitted, or what is printed of it in a language of GPUs;
    ``arch``: NVIDIA's, for TIR and CUDA."""

    name = "treec-tir"

    show: Literal["tir", "opencl", "cuda"] = "tir"
    arch: str = "sm_90"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        from treec.codegen.gpu_abi import GpuTarget
        from treec.codegen.tir.compile import print_source, tir_text
        from treec.codegen.tir.emit import emit_module

        target = GpuTarget("opencl") if self.show == "opencl" else GpuTarget("cuda", self.arch)
        emitted = emit_module(module, target)
        print(tir_text(emitted) if self.show == "tir" else print_source(emitted, target), file=output)
