"""What is asked of a GPU's registers, once machine code says how many a kernel takes."""

from __future__ import annotations

import pytest

from treec.codegen.gpu_abi import GpuKernel, GpuObject, GpuTarget, GridRule
from treec.codegen.tir.nvcc import Cubin, KernelUse
from treec.errors import ScheduleError
from treec.gpu_compiler import require_registers


def made(threads: int, registers: int) -> tuple[GpuObject, Cubin]:
    kernel = GpuKernel("k", (), (GridRule(1), GridRule(), GridRule()), (threads, 1, 1), 0, 0, False, 0)
    target = GpuTarget("cuda", "sm_90")
    built = GpuObject(target, "", (), (kernel,), (), (), 1, 1, 1, 0)
    return built, Cubin("sm_90", b"", (KernelUse("k", registers, 0, 0, 0),))


def test_a_block_may_take_all_registers() -> None:
    require_registers(*made(1024, 64))
    require_registers(*made(512, 128))


@pytest.mark.parametrize(
    ("threads", "registers", "needed", "more", "most"),
    [(1024, 65, "73,728", "8,192", 896), (1000, 72, "73,728", "8,192", 896), (512, 255, "131,072", "65,536", 256)],
)
def test_more_are_refused_with_how_many(threads: int, registers: int, needed: str, more: str, most: int) -> None:
    with pytest.raises(ScheduleError) as caught:
        require_registers(*made(threads, registers))
    assert f"takes {needed}, {more} more than the 65,536 of sm_90" in caught.value.message
    assert f"at most {most} iterations" in (caught.value.fix or "")
