"""Links on a device have the bits of the C library's functions, so that no second pass runs on the host."""

# pyright: basic

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings

from tests.gpu.pocl import Device
from tests.gpu.test_kernels import facts_of, lowered
from tests.math_stage import function_module
from tests.property.forests import Shape, build
from tests.property.test_pipeline import assert_same, expected
from tests.unit.passes.test_c_math import assert_bits, positives, powers
from treec.codegen.abi import DType, Task
from treec.codegen.gpu_abi import GpuTarget
from treec.codegen.tir.compile import GpuFacts, compile_gpu
from treec.codegen.tir.nvcc import build_cubin, nvcc_path
from treec.frontends.base import Link, Outputs
from treec.passes.algo.c_math import exp, log1p, others
from treec.schedule.library import preset
from treec.treeir.loop import FmaOp
from treec.verify.rows import Domain, random_rows

SOFTMAX = (Link.XGB_SOFTMAX, Link.LGB_SOFTMAX, Link.SKL_SOFTMAX)
EACH = settings().max_examples * 10_000
"""Of each way to draw arguments: 10 million with the profile ``search``."""


@pytest.mark.skipif(bool(others()), reason="the C library is not glibc with fused multiply-adds")
@pytest.mark.parametrize("link", Link)
@pytest.mark.parametrize("scale", [1.0, 30.0, 600.0])
def test_a_link_is_exact_on_a_device(link: Link, scale: float) -> None:
    """``scale`` of leaf values: with the larger ones, powers overflow and underflow."""
    dtype = np.dtype(np.float32 if link.value.startswith("xgb_") else np.float64)
    forest = build(Shape(n_trees=20, leaves=12, n_columns=3 if link in SOFTMAX else 1, sum_dtype=dtype))
    values = forest.leaves.values * dtype.type(scale)
    forest = replace(forest, leaves=replace(forest.leaves, values=values))
    forest = replace(forest, outputs=Outputs(vector=forest.n_columns == 1, link=link, link_scale=0.7))
    made = compile_gpu(lowered(forest, preset("gpu-direct"))[1], facts_of(forest), GpuTarget("opencl"))
    rows = random_rows(Domain(forest, np.dtype(np.float32)), 3000, seed=5)
    task = made.find_task(Task.RESPONSE, DType.F32, len(rows))
    assert task is not None
    wanted = expected(forest, rows, (0, forest.trees.n_trees))[Task.RESPONSE]
    assert_same(Device(made).run(Task.RESPONSE, rows), wanted)


@pytest.mark.parametrize("name", ["exp", "log1p"])
def test_a_function_of_f64_has_the_bits_of_its_steps_in_numpy(name: str) -> None:
    """Which have those of the C library: tests/unit/passes/test_c_math.py."""
    made = compile_gpu(function_module(name), GpuFacts(1, 1, 1, DType.F64), GpuTarget("opencl"))
    device = Device(made)
    parts, function = (powers(EACH), exp) if name == "exp" else (positives(EACH), log1p)
    for part in parts:
        for x in np.array_split(part, max(1, len(part) // 500_000)):
            assert_bits(device.run(Task.RAW, x.copy()[:, None])[:, 0], function(x), x)


@pytest.mark.skipif(nvcc_path() is None, reason="nvcc is not installed")
@pytest.mark.parametrize("name", ["exp", "log1p"])
def test_cuda_fuses_where_it_is_told_to_and_nowhere_else(name: str) -> None:
    module = function_module(name)
    made = compile_gpu(module, GpuFacts(1, 1, 1, DType.F64), GpuTarget("cuda", "sm_90"))
    fused = sum(isinstance(op, FmaOp) for op in module.walk())
    assert made.source.count("__fma_rn(") == fused > 5
    assert build_cubin(made).uses[0].spill_bytes == 0
