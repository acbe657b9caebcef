# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""From a module of loop ops to an object file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import VerifyException

from treec.codegen.llvm.emit import emit_module
from treec.codegen.llvm.entry import ArtifactFacts, emit_entry
from treec.codegen.llvm.tables import fill_tables
from treec.codegen.llvm.target import Optimised, ResolvedTarget, TargetSpec
from treec.errors import CodegenError

__all__ = ["ArtifactFacts", "CompiledObject", "TargetSpec", "compile_module", "stages_text"]


@dataclass(frozen=True)
class CompiledObject:
    """An ELF object with every symbol of the ABI, to link or to load.

    ``ir_text``: LLVM IR before LLVM's passes, without the tables' data. ``seconds`` by phase: emit, optimise, object.
    """

    object_bytes: bytes = field(repr=False)
    ir_text: str = field(repr=False)
    target: ResolvedTarget
    seconds: dict[str, float]

    @property
    def level(self) -> str:
        """The CPU level that was built for, by name; never ``native``."""
        return self.target.level.name

    def optimized_ir(self) -> str:
        """LLVM IR after LLVM's passes; runs them again."""
        return Optimised(self.ir_text, self.target).ir_text()

    def assembly(self) -> str:
        """The assembly of the object, tables as runs of zeros; runs LLVM again."""
        return Optimised(self.ir_text, self.target).assembly()


def compile_module(module: ModuleOp, facts: ArtifactFacts, target: TargetSpec, *, verified: bool = False) -> CompiledObject:
    """Compile the stages, kernels and tables of a loop module; ``verified`` if its verifier has just run.

    Raises `UsageError` for an unknown level, and `CodegenError` for IR that is not valid or has no CPU code.
    """
    seconds: dict[str, float] = {}
    resolved = target.resolve()
    with _timed(seconds, "emit"):
        if not verified:
            _verify(module)
        emitted = emit_module(module, resolved)
        emit_entry(emitted, facts)
        ir_text = str(emitted.module)
    with _timed(seconds, "optimise"):
        optimised = _optimise(ir_text, resolved)
    with _timed(seconds, "object"):
        object_bytes = fill_tables(optimised.object_bytes(), emitted.tables)
    return CompiledObject(object_bytes, ir_text, resolved, seconds)


def stages_text(module: ModuleOp, level: str, show: str) -> str:
    """The stages and tables of a loop module as LLVM IR or assembly; ``show`` is ``ir``, ``optimized`` or ``assembly``.

    Stages are exported, or LLVM would remove what nothing calls. Raises as `compile_module`.
    """
    resolved = TargetSpec(level).resolve()
    emitted = emit_module(module, resolved)
    for stage in emitted.stages.values():
        stage.function.linkage = ""
    ir_text = str(emitted.module)
    if show == "ir":
        return ir_text
    optimised = _optimise(ir_text, resolved)
    return optimised.ir_text() if show == "optimized" else optimised.assembly()


def _optimise(ir_text: str, target: ResolvedTarget) -> Optimised:
    try:
        return Optimised(ir_text, target)
    except RuntimeError as error:
        raise CodegenError(f"LLVM refuses the emitted IR: {error}") from error


def _verify(module: ModuleOp) -> None:
    try:
        module.verify()
    except VerifyException as error:
        raise CodegenError(f"the loop IR is not valid: {error}") from error


@contextmanager
def _timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[phase] = time.perf_counter() - start
