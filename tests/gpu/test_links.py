"""Links on a device: those in f32 have the bits of the C library's, so that no second pass runs on the host."""

# pyright: basic

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.gpu.pocl import Device
from tests.gpu.test_kernels import facts_of, lowered
from tests.property.forests import Shape, build
from tests.property.test_pipeline import assert_same, expected
from treec.codegen.abi import DType, Task
from treec.codegen.gpu_abi import GpuTarget
from treec.codegen.tir.compile import compile_gpu
from treec.frontends.base import Link, Outputs
from treec.schedule.library import preset
from treec.verify.rows import Domain, random_rows

F32_LINKS = (Link.XGB_SIGMOID, Link.XGB_EXP, Link.XGB_HINGE, Link.XGB_SOFTMAX)


@pytest.mark.parametrize("link", F32_LINKS)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_a_link_in_f32_is_exact_on_a_device(link: Link, scale: float) -> None:
    """``scale`` of leaf values: with the larger one, powers overflow and underflow."""
    forest = build(Shape(n_trees=20, leaves=12, n_columns=3 if link is Link.XGB_SOFTMAX else 1))
    values = forest.leaves.values * np.float32(scale)
    forest = replace(forest, leaves=replace(forest.leaves, values=values.astype(np.float32)))
    forest = replace(forest, outputs=Outputs(vector=forest.n_columns == 1, link=link))
    made = compile_gpu(lowered(forest, preset("gpu-direct"))[1], facts_of(forest), GpuTarget("opencl"))
    rows = random_rows(Domain(forest, np.dtype(np.float32)), 3000, seed=5)
    task = made.find_task(Task.RESPONSE, DType.F32, len(rows))
    assert task is not None
    assert all(made.kernel(symbol).exact for symbol in task.kernels)
    wanted = expected(forest, rows, (0, forest.trees.n_trees))[Task.RESPONSE]
    assert_same(Device(made).run(Task.RESPONSE, rows), wanted)
