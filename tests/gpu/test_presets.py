"""Every preset for GPUs: executed on PoCL over forests of all kinds, and compiled to a cubin without spills."""

# pyright: basic

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.gpu.pocl import DTYPES, Device
from tests.gpu.test_kernels import facts_of, lowered
from tests.property.forests import Shape, build
from tests.property.test_pipeline import assert_same, expected
from treec.codegen.abi import DType
from treec.codegen.gpu_abi import GpuTarget
from treec.codegen.tir.compile import compile_gpu
from treec.codegen.tir.nvcc import build_cubin, nvcc_path
from treec.default.gpu import default_gpu_schedule
from treec.frontends.base import CategoryCast, Link, Missing, Outputs
from treec.frontends.base import Test as Question
from treec.schedule.directives import TargetGpu
from treec.schedule.library import preset, preset_names
from treec.schedule.schedule import Schedule
from treec.verify.rows import Domain, random_rows

PRESETS = [name for name in preset_names() if preset(name).gpu is not None]
F64 = np.dtype(np.float64)

SHAPES = {
    "ragged": Shape(n_trees=30, leaves=40, n_inputs=6),
    "one leaf": Shape(n_trees=4, leaves=1),
    "multiclass": Shape(
        n_trees=12, leaves=20, n_columns=4, categorical=2, words=3, missing=tuple(Missing), cast=CategoryCast.NON_NEGATIVE
    ),
    "leaf vectors in f64": Shape(
        n_trees=7,
        leaves=9,
        n_columns=3,
        width=3,
        input_dtype=F64,
        leaf_dtype=F64,
        sum_dtype=F64,
        tests=(Question.LESS_EQUAL,),
    ),
}


def planned(name: str, dtype: DType) -> Schedule:
    """A preset, for rows of one dtype."""
    directives = [replace(d, input=dtype.name.lower()) if isinstance(d, TargetGpu) else d for d in preset(name)]
    return Schedule(tuple(directives)).check()


def test_there_are_presets() -> None:
    assert {
        "gpu-bitslice",
        "gpu-direct",
        "gpu-fil",
        "gpu-nvforest",
        "gpu-tahoe-shared-data",
        "gpu-tahoe-split-forest",
        "gpu-hummingbird-gemm",
    } <= set(PRESETS)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_answers_like_the_forest(name: str, shape: str) -> None:
    """Blocks that are full, and one that is not."""
    forest = build(SHAPES[shape])
    forest = replace(forest, outputs=Outputs(vector=forest.n_columns == 1, link=Link.IDENTITY, average=3.0))
    dtype = DType.F64 if forest.inputs.dtype == F64 else DType.F32
    made = compile_gpu(lowered(forest, planned(name, dtype))[1], facts_of(forest), GpuTarget("opencl"))
    device = Device(made)
    rows = random_rows(Domain(forest, DTYPES[dtype]), 600, seed=3)
    for task, wanted in expected(forest, rows, (0, forest.trees.n_trees)).items():
        assert_same(device.run(task, rows), wanted)


@pytest.mark.skipif(nvcc_path() is None, reason="nvcc is not installed")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("arch", ["sm_80", "sm_90"])
def test_the_default_becomes_a_cubin_without_spills(arch: str, shape: str) -> None:
    forest = build(SHAPES[shape])
    schedule = default_gpu_schedule(forest, arch).schedule
    made = compile_gpu(lowered(forest, schedule)[1], facts_of(forest), GpuTarget("cuda", arch))
    assert all(use.spill_bytes == 0 for use in build_cubin(made).uses)


@pytest.mark.skipif(nvcc_path() is None, reason="nvcc is not installed")
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_becomes_a_cubin_without_spills(name: str) -> None:
    forest = build(SHAPES["ragged"])
    made = compile_gpu(lowered(forest, planned(name, DType.F32))[1], facts_of(forest), GpuTarget("cuda", "sm_90"))
    uses = {use.symbol: use for use in build_cubin(made).uses}
    assert set(uses) == {kernel.symbol for kernel in made.kernels}
    for kernel in made.kernels:
        use = uses[kernel.symbol]
        assert use.spill_bytes == 0
        most = 96 if "gemm" in name else 64  # counts of up to 40 leaves, for 4 rows
        assert use.registers <= most
        assert kernel.shared_bytes - 64 < use.shared_bytes <= kernel.shared_bytes  # behind the last buffer is no gap
