"""What GPUs allow, by architecture: the numbers of NVIDIA's CUDA programming guide, table of compute capabilities."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024


@dataclass(frozen=True)
class GpuLimits:
    """``shared``: bytes that a block can have without asking; ``shared_most``: with. ``grid``, ``block``: the most blocks
    and threads in each dimension."""

    shared_most: int
    shared: int = 48 * KIB
    threads: int = 1024
    block: tuple[int, int, int] = (1024, 1024, 64)
    grid: tuple[int, int, int] = (2**31 - 1, 65535, 65535)


LOCAL_MOST = 16 * KIB
"""Bytes of memory of its own that a thread may use: more would be slow, and half a million threads have it."""

GPUS: dict[str, GpuLimits] = {
    "sm_75": GpuLimits(64 * KIB),
    "sm_80": GpuLimits(163 * KIB),
    "sm_86": GpuLimits(99 * KIB),
    "sm_89": GpuLimits(99 * KIB),
    "sm_90": GpuLimits(227 * KIB),
    "sm_100": GpuLimits(227 * KIB),
    "sm_120": GpuLimits(99 * KIB),
}
"""Architectures that kernels are made for."""
