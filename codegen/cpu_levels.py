"""CPU levels as plain data: code generation builds for one, the runtime explains what a host lacks of it.

A feature has three names: LLVM's, the one in ``/proc/cpuinfo``, and its CPUID bit. Sources: the x86-64 psABI
(micro-architecture levels), Intel SDM volume 2 (CPUID, XGETBV).
"""

from __future__ import annotations

import contextlib
import functools
import os
from dataclasses import dataclass
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class CpuFeature:
    """One feature. ``cpuid`` is (leaf, subleaf, register, bit); None for features without one."""

    llvm: str
    cpuinfo: str
    cpuid: tuple[int, int, str, int] | None = None


@dataclass(frozen=True)
class CpuLevel:
    """A named set of features. ``llvm_cpu``: LLVM's name for just that set, but for ``more`` features of it; ``xcr0``: the
    state bits the OS must save."""

    name: str
    machine: str
    llvm_cpu: str
    features: tuple[CpuFeature, ...]
    xcr0: int = 0
    more: tuple[CpuFeature, ...] = ()

    def has(self, feature: str) -> bool:
        """Whether every CPU of this level has the feature, by LLVM's name."""
        return any(f.llvm == feature for f in self.features)


_V1 = (
    CpuFeature("sse", "sse", (1, 0, "edx", 25)),
    CpuFeature("sse2", "sse2", (1, 0, "edx", 26)),
)
_V2 = (
    *_V1,
    CpuFeature("sse3", "pni", (1, 0, "ecx", 0)),
    CpuFeature("ssse3", "ssse3", (1, 0, "ecx", 9)),
    CpuFeature("cx16", "cx16", (1, 0, "ecx", 13)),
    CpuFeature("sse4.1", "sse4_1", (1, 0, "ecx", 19)),
    CpuFeature("sse4.2", "sse4_2", (1, 0, "ecx", 20)),
    CpuFeature("popcnt", "popcnt", (1, 0, "ecx", 23)),
    CpuFeature("sahf", "lahf_lm", (0x80000001, 0, "ecx", 0)),
)
_V3 = (
    *_V2,
    CpuFeature("fma", "fma", (1, 0, "ecx", 12)),
    CpuFeature("movbe", "movbe", (1, 0, "ecx", 22)),
    CpuFeature("xsave", "xsave", (1, 0, "ecx", 27)),  # bit 27 (OSXSAVE): the OS has switched it on
    CpuFeature("avx", "avx", (1, 0, "ecx", 28)),
    CpuFeature("f16c", "f16c", (1, 0, "ecx", 29)),
    CpuFeature("bmi", "bmi1", (7, 0, "ebx", 3)),
    CpuFeature("avx2", "avx2", (7, 0, "ebx", 5)),
    CpuFeature("bmi2", "bmi2", (7, 0, "ebx", 8)),
    CpuFeature("lzcnt", "abm", (0x80000001, 0, "ecx", 5)),
)
_V4 = (
    *_V3,
    CpuFeature("avx512f", "avx512f", (7, 0, "ebx", 16)),
    CpuFeature("avx512dq", "avx512dq", (7, 0, "ebx", 17)),
    CpuFeature("avx512cd", "avx512cd", (7, 0, "ebx", 28)),
    CpuFeature("avx512bw", "avx512bw", (7, 0, "ebx", 30)),
    CpuFeature("avx512vl", "avx512vl", (7, 0, "ebx", 31)),
)
_VBMI = (
    CpuFeature("avx512vbmi", "avx512vbmi", (7, 0, "ecx", 1)),
    CpuFeature("avx512vbmi2", "avx512_vbmi2", (7, 0, "ecx", 6)),
    CpuFeature("gfni", "gfni", (7, 0, "ecx", 8)),
)
"""Of AVX-512 CPUs since Ice Lake and Zen 4: bytes permuted across a vector, and matrices of bits."""

LEVELS = {
    level.name: level
    for level in (
        CpuLevel("x86-64", "x86_64", "x86-64", _V1),
        CpuLevel("x86-64-v2", "x86_64", "x86-64-v2", _V2),
        CpuLevel("x86-64-v3", "x86_64", "x86-64-v3", _V3, xcr0=0x6),
        CpuLevel("x86-64-v4", "x86_64", "x86-64-v4", _V4, xcr0=0xE6),
        CpuLevel("x86-64-v4-vbmi", "x86_64", "x86-64-v4", (*_V4, *_VBMI), xcr0=0xE6, more=_VBMI),
        CpuLevel("aarch64", "aarch64", "generic", (CpuFeature("neon", "asimd"), CpuFeature("fp-armv8", "fp"))),
    )
}
"""Every level by name, weakest first within a machine."""

ELF_MACHINES = {62: "x86_64", 183: "aarch64"}
"""``e_machine`` of an ELF file to the name that ``os.uname`` uses."""

CPUINFO_NAMES = {f.llvm: f.cpuinfo for level in LEVELS.values() for f in level.features}
"""LLVM's name of a feature to the flag in ``/proc/cpuinfo``; LLVM's others differ only in ``-`` and ``.`` for ``_``."""


def cpuinfo_flag(llvm_name: str) -> str:
    """The ``/proc/cpuinfo`` flag of a feature that LLVM names."""
    return CPUINFO_NAMES.get(llvm_name, llvm_name.replace("-", "_").replace(".", "_"))


@functools.cache
def host_flags() -> frozenset[str]:
    """The CPU's features as ``/proc/cpuinfo`` names them; empty where there is no such file."""
    with contextlib.suppress(OSError), CPUINFO.open(encoding="ascii", errors="replace") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key.strip() in ("flags", "Features"):
                return frozenset(value.split())
    return frozenset()


def has_feature(name: str, flags: frozenset[str]) -> bool:
    """Whether a CPU with these flags has the feature that LLVM names."""
    flag = cpuinfo_flag(name)
    return flag in flags or (flag == "abm" and "lzcnt" in flags)


def host_level() -> str | None:
    """The highest level of `LEVELS` that this CPU has; None if it has none."""
    machine, flags = os.uname().machine, host_flags()
    best = None
    for level in LEVELS.values():
        if level.machine == machine and all(has_feature(f.llvm, flags) for f in level.features):
            best = level.name
    return best
