"""The end of the way for a schedule of a GPU: kernels in CUDA and OpenCL, one file, and what it is checked with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from treec.codegen.abi import DType, Task
from treec.codegen.files import PendingFile, unwritable
from treec.codegen.gpu_abi import UNTESTED, GpuObject, GpuTarget
from treec.codegen.gpu_file import gpu_file_bytes
from treec.errors import ScheduleError, ToolchainError, UsageError
from treec.frontends.base import F32, F64, Forest, Link
from treec.schedule.gpus import GPUS

WARP = 32
REGISTER_UNIT = 8
"""A thread's registers come in multiples of that."""

if TYPE_CHECKING:
    from treec.codegen.tir.nvcc import Cubin
    from treec.codegen.tir.untested import UntestedSource
    from treec.verify.runner import Runner


@dataclass(eq=False)
class GpuBuild:
    """The kernels of a model. ``cubins``: of each architecture, none without nvcc. ``verified_on``: what ran them for
    verification."""

    module: ModuleOp = field(repr=False)
    cuda: GpuObject
    opencl: GpuObject
    cubins: tuple[Cubin, ...]
    verified_on: str | None = None
    untested: tuple[UntestedSource, ...] = ()

    @property
    def cubin(self) -> Cubin | None:
        """Of the first architecture."""
        return self.cubins[0] if self.cubins else None

    @property
    def arch(self) -> str:
        return self.cuda.target.arch or ""

    def facts(self) -> dict[str, Any]:
        """For the card."""
        facts: dict[str, Any] = {
            "arch": self.arch,
            "forms": ["CUDA source", "OpenCL source", *(f"cubin of {cubin.arch}" for cubin in self.cubins)]
            + [source.form for source in self.untested],
            "kernels": len(self.cuda.kernels),
            "table_bytes": sum(len(table.data) for table in self.cuda.tables),
            "verified_on": self.verified_on,
        }
        if self.cubins:
            uses = [use for cubin in self.cubins for use in cubin.uses]
            facts["registers"] = max(use.registers for use in uses)
            facts["spill_bytes"] = max(use.spill_bytes for use in uses)
        return facts

    def file(self, card: dict[str, Any]) -> bytes:
        untested = {source.kind: source.text for source in self.untested}
        return gpu_file_bytes(self.cuda, self.opencl, card, {cubin.arch: cubin.data for cubin in self.cubins}, untested)


def require_emitted(kinds: Sequence[str], *, on_gpu: bool) -> None:
    """Raises `UsageError` for languages that kernels can't be printed in."""
    if kinds and not on_gpu:
        raise UsageError(
            "the schedule is for a CPU, whose code is in no other language",
            place="emit",
            fix="ask for a GPU, or leave it out",
        )
    for kind in kinds:
        if kind == "vulkan":
            raise UsageError(
                "kernels for Vulkan are SPIR-V, which TVM's packages can't make",
                place="emit=vulkan",
                fix="leave it out: the OpenCL source in every file is for any maker's GPU",
            )
        if kind not in UNTESTED:
            raise UsageError(f"there are no kernels for {kind!r}", place="emit", fix=f"use {' or '.join(UNTESTED)}")


def build_kernels(module: ModuleOp, forest: Forest, archs: Sequence[str], emit: Sequence[str] = ()) -> GpuBuild:
    """From loops to kernels, and machine code of each architecture; ``emit``: also printed in these `UNTESTED` languages.
    Raises `ToolchainError` without TVM."""
    if find_spec("tvm") is None:
        raise ToolchainError("kernels for GPUs are made by TVM, which is not installed", fix="pip install 'treec[gpu]'")
    from treec.codegen.tir.compile import GpuFacts, compile_gpu
    from treec.codegen.tir.nvcc import build_cubin, nvcc_path
    from treec.codegen.tir.untested import untested_source

    dtype = DType.F32 if forest.sum.dtype == np.float32 else DType.F64
    facts = GpuFacts(forest.inputs.n_features, forest.trees.n_trees, forest.n_columns, dtype)
    cuda = compile_gpu(module, facts, GpuTarget("cuda", archs[0]), verified=True)
    opencl = compile_gpu(module, facts, GpuTarget("opencl"), verified=True)
    cubins = () if nvcc_path() is None else tuple(build_cubin(cuda, arch) for arch in archs)
    for cubin in cubins:
        require_registers(cuda, cubin)
    untested = tuple(untested_source(module, kind) for kind in dict.fromkeys(emit))
    return GpuBuild(module, cuda, opencl, cubins, untested=untested)


def unlike_functions(forest: Forest) -> tuple[str, ...]:
    """Functions of the link in f64 that this machine's C library has with other bits than kernels do."""
    from treec.passes.algo.c_math import others

    link = forest.outputs.link
    if link in (Link.IDENTITY, Link.LGB_SIGNED_SQUARE) or link.value.startswith("xgb_"):
        return ()
    used = ("exp", "log1p") if link is Link.LGB_LOG1P_EXP else ("exp",)
    return tuple(name for name in others() if name in used)


def require_registers(made: GpuObject, cubin: Cubin) -> None:
    """Raise `ScheduleError` for a kernel whose blocks a multiprocessor has too few registers for: it would not start."""
    most = GPUS[cubin.arch].registers_sm
    for use in cubin.uses:
        threads = prod(made.kernel(use.symbol).block)
        warps, each = -(-threads // WARP), -(-use.registers // REGISTER_UNIT) * REGISTER_UNIT
        needed = warps * WARP * each
        if needed > most:
            raise ScheduleError(
                f"a block of {threads} threads with {use.registers} registers each takes {needed:,}, "
                f"{needed - most:,} more than the {most:,} of {cubin.arch}",
                fix=f"bind loops of at most {most // each // WARP * WARP} iterations in all, or interleave fewer walks",
            )


def runner_of(built: GpuBuild, forest: Forest, data: bytes) -> Runner:
    """What verification asks: the file on a device of this machine, else the interpreter of its loops."""
    from treec.runtime.library import open_bytes
    from treec.runtime.predictor import CompiledModel
    from treec.verify.runner import CompiledRunner, LoopRunner

    model = CompiledModel(open_bytes(data))
    try:
        built.verified_on = model.device
    except UsageError:
        built.verified_on = "the interpreter of the loop dialect"
        dtypes = [
            built.opencl.find_task(Task.RAW, dtype, 1) and numpy for dtype, numpy in ((DType.F32, F32), (DType.F64, F64))
        ]
        return LoopRunner(forest, tuple(dtype for dtype in dtypes if dtype is not None), module=built.module)
    return CompiledRunner(model)


def write_gpu(data: bytes, out: str | os.PathLike[str]) -> Path:
    """The file, whole or not at all."""
    with PendingFile(out) as pending:
        try:
            pending.path.write_bytes(data)
        except OSError as error:
            raise unwritable(pending.target, error) from error
        return pending.commit()
