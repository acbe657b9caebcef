# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""From a CPU level to an LLVM target machine, and what LLVM does with a module for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from treec.codegen.cpu_levels import LEVELS, CpuLevel
from treec.errors import ToolchainError, UsageError

NATIVE = "native"
BASELINES = {"x86_64": "x86-64", "aarch64": "aarch64"}
"""The level that every CPU of a machine has; entry points are built for it, so that they can refuse a CPU."""


@dataclass(frozen=True)
class TargetSpec:
    """What to build for. ``level`` is a name of `treec.codegen.cpu_levels.LEVELS`, or ``native``: the highest level that
    this host has, and the order of instructions tuned for this host.

    ``vector_bits``: vector width to prefer; None is 512 with AVX-512 (LLVM itself prefers 256), else LLVM's choice.
    """

    level: str = NATIVE
    vector_bits: int | None = None

    def resolve(self) -> ResolvedTarget:
        """Look the level up; raises `UsageError` if there is none of this name or the host has none."""
        if self.level != NATIVE:
            if (level := LEVELS.get(self.level)) is None:
                names = ", ".join([NATIVE, *LEVELS])
                raise UsageError(f"there is no CPU level {self.level!r}", fix=f"use one of {names}")
            return ResolvedTarget(level, "generic", self._width(level))
        level = host_level()
        return ResolvedTarget(level, _host_cpu(), self._width(level))

    def _width(self, level: CpuLevel) -> int | None:
        if self.vector_bits is not None:
            if self.vector_bits not in (128, 256, 512):
                raise UsageError(f"vectors of {self.vector_bits} bits", fix="use 128, 256 or 512")
            return self.vector_bits
        return 512 if level.has("avx512f") else None


@dataclass(frozen=True)
class ResolvedTarget:
    """A level, the CPU to tune for (LLVM's name), and the vector width to prefer, in bits."""

    level: CpuLevel
    tune_cpu: str
    vector_bits: int | None

    @property
    def triple(self) -> str:
        return f"{self.level.machine}-unknown-linux-gnu"

    @property
    def function_attributes(self) -> tuple[str, ...]:
        """Attributes of functions that need the level. The level is one of functions, not of the machine: entry points
        in the same object run on any CPU."""
        width = () if self.vector_bits is None else (f'"prefer-vector-width"="{self.vector_bits}"',)
        more = ",".join(f"+{feature.llvm}" for feature in self.level.more)
        features = (f'"target-features"="{more}"',) if more else ()
        return ("nounwind", f'"target-cpu"="{self.level.llvm_cpu}"', f'"tune-cpu"="{self.tune_cpu}"', *features, *width)

    @property
    def entry_attributes(self) -> tuple[str, ...]:
        """Attributes of functions that run on every CPU of the machine."""
        return (
            "nounwind",
            f'"target-cpu"="{LEVELS[BASELINES[self.level.machine]].llvm_cpu}"',
        )

    @cached_property
    def data_layout(self) -> str:
        return str(self.machine().target_data)

    def machine(self) -> Any:
        """A new llvmlite ``TargetMachine``: position-independent code for the machine's baseline.

        Raises `ToolchainError` for x86-64 on another machine: llvmlite has an assembler for the host's only, which the
        CPU check needs.
        """
        from llvmlite import binding

        if self.level.machine == "x86_64" and os.uname().machine != "x86_64":
            raise ToolchainError(f"level {self.level.name} can be built on x86-64 only", fix="compile on such a machine")
        initialise()
        baseline = LEVELS[BASELINES[self.level.machine]]
        return binding.Target.from_triple(self.triple).create_target_machine(
            cpu=baseline.llvm_cpu, features="", opt=3, reloc="pic", codemodel="small"
        )


class Optimised:
    """A module that went through LLVM's own pipeline at -O3, and the machine to emit it for."""

    def __init__(self, ir_text: str, target: ResolvedTarget) -> None:
        """Parse and optimise ``ir_text``; raises `RuntimeError` of llvmlite if it is not valid IR."""
        from llvmlite import binding

        self.machine = target.machine()
        self._context = binding.create_context()  # one of its own: LLVM never frees what is in the global one
        self._module = binding.parse_assembly(ir_text, self._context)
        self._module.verify()
        options = binding.create_pipeline_tuning_options(speed_level=3)
        builder = binding.create_pass_builder(self.machine, options)
        builder.getModulePassManager().run(self._module, builder)

    def ir_text(self) -> str:
        return str(self._module)

    def object_bytes(self) -> bytes:
        return self.machine.emit_object(self._module)

    def assembly(self) -> str:
        return self.machine.emit_assembly(self._module)


@cache
def initialise() -> None:
    from llvmlite import binding

    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    if os.uname().machine in BASELINES:
        binding.initialize_native_asmparser()  # for the inline assembly of the CPU check


def host_level() -> CpuLevel:
    """The highest level that this host has, by LLVM's own look at its CPU and operating system."""
    from llvmlite import binding

    machine = os.uname().machine
    features = binding.get_host_cpu_features()
    levels = [level for level in LEVELS.values() if level.machine == machine]
    fitting = [level for level in levels if all(features.get(f.llvm, False) for f in level.features)]
    if not fitting:
        raise UsageError(f"there is no CPU level for this host ({machine})", fix="name the level of the CPU to build for")
    return fitting[-1]


def _host_cpu() -> str:
    from llvmlite import binding

    return binding.get_host_cpu_name()
