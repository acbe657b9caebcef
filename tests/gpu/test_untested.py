"""Kernels printed in HIP and Metal: no such GPU is at hand, so they are compiled as C++, and threads take turns."""

# pyright: basic

from __future__ import annotations

import ctypes
import io
import json
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gpu.test_kernels import facts_of, lowered
from tests.property.forests import Shape, build
from tests.property.test_pipeline import assert_same, expected
from tests.unit.tools.tooling import model_text
from treec import compiler
from treec.codegen.abi import DType, Task
from treec.codegen.gpu_abi import SCALARS, GpuTarget
from treec.errors import CodegenError, UsageError
from treec.frontends.base import F64, Link, Outputs
from treec.runtime.predictor import from_bytes
from treec.schedule.library import preset
from treec.schedule.schedule import Schedule
from treec.verify.rows import Domain, random_rows

pytest.importorskip("tvm")

from treec.codegen.tir.compile import compile_gpu
from treec.codegen.tir.untested import untested_source

COMPILER = shutil.which("g++") or shutil.which("clang++")

HIP = """
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#define __global__
#define __shared__ static
struct Place { int x, y, z; };
static Place blockIdx, threadIdx;
template <class T, class S> static T bits(S value) { T made; memcpy(&made, &value, sizeof made); return made; }
#define __int_as_float bits<float, int>
#define __float_as_int bits<int, float>
#define __longlong_as_double bits<double, int64_t>
#define __double_as_longlong bits<int64_t, double>
extern "C" void set_place(int block, int thread) { blockIdx = {block, 0, 0}; threadIdx = {thread, 0, 0}; }
"""
METAL = """
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
typedef unsigned int uint;
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned long ulong;
#define kernel extern "C"
#define device
#define constant const
#define threadgroup static
#define thread
namespace metal {
template <class T, class S> static T as_type(S value) { T made; memcpy(&made, &value, sizeof made); return made; }
}
"""


def built(text: str, folder: Path) -> ctypes.CDLL:
    """A library of the kernels, by headers that say what is a GPU's in words of C++."""
    (folder / "hip").mkdir()
    (folder / "hip" / "hip_runtime.h").write_text(HIP)
    (folder / "metal_stdlib").write_text(METAL)
    (folder / "kernels.cpp").write_text(text)
    assert COMPILER is not None
    command = [
        COMPILER,
        "-shared",
        "-fPIC",
        "-O1",
        "-w",
        "-fsigned-char",
        "-ffp-contract=off",
        "-fno-strict-aliasing",
        f"-I{folder}",
    ]
    done = subprocess.run(
        [*command, "-o", str(folder / "kernels.so"), str(folder / "kernels.cpp")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:3000]
    return ctypes.CDLL(str(folder / "kernels.so"))


def run(kind: str, library: ctypes.CDLL, made: Any, task: Task, rows: Any) -> Any:
    """Kernels without barriers: threads may take turns."""
    n, columns = len(rows), made.n_trees if task is Task.LEAF else made.n_columns
    dtype = np.int32 if task is Task.LEAF else (np.float32, np.float64)[made.out_dtype]
    out = np.zeros((n, columns), dtype)
    found = made.find_task(task, DType.F32 if rows.dtype == np.float32 else DType.F64, n)
    scalars = dict(zip(SCALARS, (rows.shape[1], 1, columns, 1, 0, n, 0, made.n_trees), strict=True))
    tables = {table.name: np.frombuffer(table.data + bytes(16), np.uint8).copy() for table in made.tables}
    for symbol in found.kernels:
        kernel = made.kernel(symbol)
        pointers = [
            {"table": tables, "rows": {"rows": rows}, "out": {"out": out}}[a.kind][a.name].ctypes.data
            for a in kernel.arguments
            if a.kind != "scalar"
        ]
        numbers = [scalars[a.name] for a in kernel.arguments if a.kind == "scalar"]
        function = library[symbol]
        arguments = [ctypes.c_void_p(pointer) for pointer in pointers]
        packed = (ctypes.c_int64 * len(numbers))(*numbers)
        for block in range(prod(kernel.launch_grid(n))):
            for thread in range(prod(kernel.block)):
                if kind == "rocm":
                    library.set_place(block, thread)
                    function(*arguments, *map(ctypes.c_int64, numbers))
                else:
                    function(*arguments, ctypes.byref(packed), ctypes.c_uint(block), ctypes.c_uint(thread))
    return out


@pytest.mark.skipif(COMPILER is None, reason="no compiler of C++")
@pytest.mark.parametrize("kind", ["rocm", "metal"])
@pytest.mark.parametrize("n_columns", [1, 3])
def test_kernels_answer_like_the_forest(kind: str, n_columns: int, tmp_path: Path) -> None:
    forest = build(Shape(n_trees=9, leaves=9, n_inputs=4, n_columns=n_columns, categorical=1, words=2))
    forest = replace(forest, outputs=Outputs(vector=n_columns == 1, link=Link.XGB_HINGE))
    module = lowered(forest, preset("gpu-direct").with_target(input="f32", level=None, arch=None))[1]
    source = untested_source(module, kind)
    assert source.left_out == ()
    assert "have not been run" in source.text
    library = built(source.text, tmp_path)
    made = compile_gpu(module, facts_of(forest), GpuTarget("cuda", "sm_90"))
    rows = np.ascontiguousarray(random_rows(Domain(forest, np.dtype(np.float32)), 300, seed=2))
    for task, wanted in expected(forest, rows, (0, forest.trees.n_trees)).items():
        assert_same(run(kind, library, made, task, rows), wanted)


@pytest.mark.skipif(COMPILER is None, reason="no compiler of C++")
def test_hip_has_links_and_sums_of_f64(tmp_path: Path) -> None:
    forest = build(Shape(n_trees=9, leaves=9, input_dtype=F64, leaf_dtype=F64, sum_dtype=F64))
    forest = replace(forest, outputs=Outputs(vector=True, link=Link.LGB_SIGMOID))
    module = lowered(forest, preset("gpu-direct"))[1]
    library = built(untested_source(module, "rocm").text, tmp_path)
    made = compile_gpu(module, facts_of(forest), GpuTarget("cuda", "sm_90"))
    rows = np.ascontiguousarray(random_rows(Domain(forest, F64), 300, seed=2))
    wanted = expected(forest, rows, (0, forest.trees.n_trees))[Task.RESPONSE]
    np.testing.assert_array_max_ulp(
        run("rocm", library, made, Task.RESPONSE, rows), wanted, 1
    )  # the C library may be another


def test_metal_has_no_float64() -> None:
    forest = replace(build(Shape(n_trees=3)), outputs=Outputs(vector=True, link=Link.XGB_SIGMOID))
    source = untested_source(lowered(forest, preset("gpu-direct"))[1], "metal")
    assert set(source.left_out) == {
        "treec_main_raw_f64",
        "treec_main_leaf_f64",
        "treec_main_link_f32",
        "treec_main_link_f64",
    }
    assert "treec_main_raw_f32" in source.text
    assert re.search(r"double|kernel void treec_main_link", source.text) is None
    assert source.form.startswith("Metal source (untested, without treec_main_link_f32")
    double = build(Shape(n_trees=3, input_dtype=F64, leaf_dtype=F64, sum_dtype=F64))
    with pytest.raises(CodegenError, match="Metal has no float64"):
        untested_source(lowered(double, preset("gpu-direct").with_target(input="f64", level=None, arch=None))[1], "metal")


@pytest.mark.parametrize("kind", ["rocm", "metal"])
def test_shared_memory_is_that_of_such_gpus(kind: str) -> None:
    plan = "target gpu input=f32\nlayout packed\nsplit row into=(block, thread) by=1024\nbind block grid.x\n"
    plan += "bind thread block.x\norder block, thread, tree\ncache rows at=block in=shared\nwalk with=scalar\n"
    forest = build(Shape(n_trees=3, n_inputs=25))
    with pytest.raises(CodegenError, match=f"more than GPUs of {kind} have"):
        untested_source(lowered(forest, Schedule.from_text(plan))[1], kind)


def test_a_file_has_them_where_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text(model_text(objective="regression"))
    compilation = compiler.start(tmp_path / "model.txt", "gpu-direct", emit=("rocm",))
    compiler.generate(compilation)
    data = compiler.write(compilation, tmp_path / "model.gpu", verify=False).read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert "hip_runtime" in archive.read("source.hip").decode()
        assert "HIP source (untested)" in json.loads(archive.read("card.json"))["gpu"]["forms"]
    library: Any = from_bytes(data).library
    assert set(library.file.sources) == {"cuda", "opencl", "rocm"}


@pytest.mark.parametrize(
    ("schedule", "kind", "reason"),
    [
        ("gpu-direct", "vulkan", "SPIR-V"),
        ("gpu-direct", "webgpu", "no kernels for 'webgpu'"),
        (None, "metal", "is for a CPU"),
    ],
)
def test_what_can_not_be_printed_is_refused_by_name(schedule: Any, kind: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text(model_text(objective="regression"))
    with pytest.raises(UsageError, match=reason) as caught:
        compiler.start(tmp_path / "model.txt", schedule, emit=(kind,))
    assert caught.value.fix is not None
