"""``tree-opt -t treec-llvm``: the LLVM IR of a loop module, as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target


@dataclass(frozen=True)
class TreecLLVMTarget(Target):
    """Prints the stages and tables of a module; the entry points, which need facts of a model, are not there.

    ``level``: a CPU level. ``show``: the IR as emitted, the IR after LLVM's passes, or the assembly. Stages are exported
    then, or LLVM would remove what nothing calls.
    """

    name = "treec-llvm"

    level: str = "x86-64"
    show: Literal["ir", "optimized", "assembly"] = "ir"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        from treec.codegen.llvm.compile import stages_text

        print(stages_text(module, self.level, self.show), file=output, end="")
