"""Shared memory beyond what a kernel may declare: CUDA's form has one array, which the launch gives, cut into buffers."""

# pyright: basic

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.gpu.pocl import Device
from tests.gpu.test_kernels import facts_of, lowered
from tests.gpu.test_presets import SHAPES, planned
from tests.property.forests import Shape, build
from tests.property.test_pipeline import assert_same, expected
from treec.codegen.abi import DType
from treec.codegen.gpu_abi import STATIC_SHARED, GpuObject, GpuTarget
from treec.codegen.tir import emit
from treec.codegen.tir.compile import compile_gpu
from treec.codegen.tir.nvcc import build_cubin, nvcc_path
from treec.frontends.base import Forest
from treec.schedule.schedule import Schedule
from treec.verify.rows import Domain, random_rows

CUT = re.compile(r"\(\((\w+)\*\)shared_ptr\)")
NODES = (
    "target gpu arch=sm_90 input=f32\nsplit row into=(block, chunk) by=512\nsplit chunk into=(part, thread) by=64\n"
    "bind block grid.x\nbind thread block.x\nlayout packed align=8\ncache nodes at=block in=shared\nwalk with=scalar\n"
)
LARGE = Shape(n_trees=60, leaves=400, n_inputs=6)


def assert_answers(made: GpuObject, forest: Forest) -> None:
    device, rows = Device(made), random_rows(Domain(forest, np.dtype(np.float32)), 700, seed=5)
    for task, wanted in expected(forest, rows, (0, forest.trees.n_trees)).items():
        assert_same(device.run(task, rows), wanted)


@pytest.mark.parametrize("shape", ["ragged", "multiclass"])
@pytest.mark.parametrize("name", ["gpu-bitslice", "gpu-nvforest", "gpu-tahoe-shared-forest"])
def test_buffers_cut_out_of_one_array_do_not_meet(name: str, shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA's form of the memory in OpenCL's language, whose printer knows no such array: the test says what it is."""
    monkeypatch.setattr(emit, "is_dynamic", lambda target, shared: shared > 0)
    forest = build(SHAPES[shape])
    made = compile_gpu(lowered(forest, planned(name, DType.F32))[1], facts_of(forest), GpuTarget("opencl"))
    assert "uchar shared_ptr[" in made.source
    assert "__local" not in made.source
    source = made.source.replace("uchar shared_ptr[", "__local __attribute__((aligned(64))) uchar shared_ptr[")
    assert_answers(replace(made, source=CUT.sub(r"((__local \1*)shared_ptr)", source)), forest)


def test_the_launch_gives_what_a_kernel_may_not_declare() -> None:
    forest = build(LARGE)
    module = lowered(forest, Schedule.from_text(NODES))[1]
    opencl, cuda = (
        compile_gpu(module, facts_of(forest), target) for target in (GpuTarget("opencl"), GpuTarget("cuda", "sm_90"))
    )
    assert opencl.kernels == cuda.kernels
    walks = [kernel for kernel in cuda.kernels if kernel.shared_bytes]
    assert walks
    assert all(kernel.dynamic_bytes == kernel.shared_bytes > STATIC_SHARED for kernel in walks)
    assert all(kernel.dynamic_bytes == 0 for kernel in cuda.kernels if kernel not in walks)
    assert cuda.source.count("extern __shared__ __align__(64) uchar shared_ptr[]") == len(walks)
    assert "extern __shared__" not in opencl.source
    assert_answers(opencl, forest)


@pytest.mark.skipif(nvcc_path() is None, reason="nvcc is not installed")
@pytest.mark.parametrize("arch", ["sm_80", "sm_90"])
def test_it_becomes_a_cubin_that_declares_none(arch: str) -> None:
    forest = build(LARGE)
    schedule = Schedule.from_text(NODES.replace("sm_90", arch))
    made = compile_gpu(lowered(forest, schedule)[1], facts_of(forest), GpuTarget("cuda", arch))
    assert all(use.spill_bytes == 0 and use.shared_bytes == 0 for use in build_cubin(made).uses)


def test_what_a_kernel_may_declare_is_declared() -> None:
    forest = build(SHAPES["ragged"])
    made = compile_gpu(lowered(forest, planned("gpu-nvforest", DType.F32))[1], facts_of(forest), GpuTarget("cuda", "sm_90"))
    assert any(kernel.shared_bytes for kernel in made.kernels)
    assert all(kernel.dynamic_bytes == 0 for kernel in made.kernels)
    assert "extern __shared__" not in made.source
