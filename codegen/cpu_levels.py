"""CPU levels as plain data: code generation builds for one, the runtime explains what a host lacks of it.

A feature has three names: LLVM's, the one in ``/proc/cpuinfo``, and its CPUID bit. Sources: the x86-64 psABI
(micro-architecture levels), Intel SDM volume 2 (CPUID, XGETBV).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CpuFeature:
    """One feature. ``cpuid`` is (leaf, subleaf, register, bit); None for features without one."""

    llvm: str
    cpuinfo: str
    cpuid: tuple[int, int, str, int] | None = None


@dataclass(frozen=True)
class CpuLevel:
    """A named set of features; ``llvm_cpu`` is LLVM's name for just that set, ``xcr0`` the state bits the OS must save."""

    name: str
    machine: str
    llvm_cpu: str
    features: tuple[CpuFeature, ...]
    xcr0: int = 0


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

LEVELS = {
    level.name: level
    for level in (
        CpuLevel("x86-64", "x86_64", "x86-64", _V1),
        CpuLevel("x86-64-v2", "x86_64", "x86-64-v2", _V2),
        CpuLevel("x86-64-v3", "x86_64", "x86-64-v3", _V3, xcr0=0x6),
        CpuLevel("x86-64-v4", "x86_64", "x86-64-v4", _V4, xcr0=0xE6),
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
