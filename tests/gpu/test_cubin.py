"""Every kernel compiles to a cubin: no GPU is needed for that, only nvcc."""

# pyright: basic

from __future__ import annotations

import pytest

from tests.gpu.test_kernels import facts_of, lowered
from tests.property.forests import Shape, build
from treec.codegen.gpu_abi import GpuTarget
from treec.codegen.tir.compile import compile_gpu
from treec.codegen.tir.nvcc import build_cubin, nvcc_path
from treec.schedule.schedule import Schedule

NEST = "split row into=(block, thread) by=128\nbind block grid.x\nbind thread block.x\norder block, thread, tree"


@pytest.mark.skipif(nvcc_path() is None, reason="nvcc is not installed")
@pytest.mark.parametrize(
    "plan",
    [
        "layout packed\nwalk with=scalar",
        "layout packed align=8\ncache rows at=block in=shared\nwalk with=scalar interleave=tree:4",
    ],
)
def test_kernels_become_a_cubin_without_spills(plan: str) -> None:
    forest = build(Shape(n_trees=20, leaves=30, n_inputs=5, categorical=1))
    _, loops = lowered(forest, Schedule.from_text(f"target gpu arch=sm_90\n{NEST}\n{plan}"))
    made = compile_gpu(loops, facts_of(forest), GpuTarget("cuda", "sm_90"))
    cubin = build_cubin(made)
    assert cubin.data[:4] == b"\x7fELF"
    uses = {use.symbol: use for use in cubin.uses}
    assert set(uses) == {kernel.symbol for kernel in made.kernels}
    for kernel in made.kernels:
        assert uses[kernel.symbol].spill_bytes == 0
        assert uses[kernel.symbol].shared_bytes >= kernel.shared_bytes
        assert 8 <= uses[kernel.symbol].registers <= 64
