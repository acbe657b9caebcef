"""What GPUs allow, by architecture: the numbers of NVIDIA's CUDA programming guide, table of compute capabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

KIB = 1024


@dataclass(frozen=True)
class GpuLimits:
    """``shared``: bytes that a block can have; those beyond 48 KiB it asks for at launch. ``grid``, ``block``: the most
    blocks and threads in each dimension. Of a multiprocessor: ``threads_sm``, ``registers_sm``, ``blocks_sm``, and
    ``shared_sm`` bytes, of which each block takes `BLOCK_SHARED` more than it asks for. ``l2``: bytes of the largest
    product's second-level cache, and ``sms`` its multiprocessors (of its data sheet)."""

    shared: int
    shared_sm: int
    threads_sm: int
    l2: int
    sms: int
    blocks_sm: int = 32
    registers_sm: int = 64 * KIB
    threads: int = 1024
    block: tuple[int, int, int] = (1024, 1024, 64)
    grid: tuple[int, int, int] = (2**31 - 1, 65535, 65535)


LOCAL_MOST = 16 * KIB
"""Bytes of memory of its own that a thread may use: more would be slow, and half a million threads have it."""

BLOCK_SHARED = KIB
"""Bytes of shared memory that the system takes for each block, from compute capability 8.0 on."""

GPUS: dict[str, GpuLimits] = {
    "sm_75": GpuLimits(64 * KIB, 64 * KIB, 1024, 6 << 20, 72, blocks_sm=16),
    "sm_80": GpuLimits(163 * KIB, 164 * KIB, 2048, 40 << 20, 108),
    "sm_86": GpuLimits(99 * KIB, 100 * KIB, 1536, 6 << 20, 84, blocks_sm=16),
    "sm_89": GpuLimits(99 * KIB, 100 * KIB, 1536, 96 << 20, 142, blocks_sm=24),
    "sm_90": GpuLimits(227 * KIB, 228 * KIB, 2048, 50 << 20, 132),
    "sm_100": GpuLimits(227 * KIB, 228 * KIB, 2048, 126 << 20, 148),
    "sm_120": GpuLimits(99 * KIB, 100 * KIB, 1536, 128 << 20, 188, blocks_sm=24),
}
"""Architectures that kernels are made for."""


def limits_of(archs: Sequence[str]) -> GpuLimits:
    """What each of them allows."""
    all_of = [GPUS[arch] for arch in archs]

    def least(values: list[Any]) -> Any:
        return tuple(map(min, zip(*values, strict=True))) if isinstance(values[0], tuple) else min(values)

    return GpuLimits(**{f.name: least([getattr(limits, f.name) for limits in all_of]) for f in fields(GpuLimits)})
