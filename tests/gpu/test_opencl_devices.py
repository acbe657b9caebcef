"""Which OpenCL devices are passed over, and why."""

# pyright: basic

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

cl = pytest.importorskip("pyopencl")

from treec.runtime.gpu_opencl import _lack  # noqa: E402

ALL = cl.device_fp_config.INF_NAN | cl.device_fp_config.ROUND_TO_NEAREST | cl.device_fp_config.DENORM


def lack(source: str = "", **device: Any) -> str | None:
    has = {"single_fp_config": ALL, "extensions": "cl_khr_fp64", "max_work_group_size": 256, "local_mem_size": 32 << 10}
    kernel = SimpleNamespace(block=(256, 1, 1), shared_bytes=32 << 10, uses_f64=True)
    file: Any = SimpleNamespace(plan=SimpleNamespace(kernels=(kernel,)), sources={"opencl": source})
    return _lack(SimpleNamespace(**{**has, **device}), file)


def test_a_device_that_has_all_is_taken() -> None:
    assert lack() is None


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ({"single_fp_config": cl.device_fp_config.INF_NAN}, "float32 arithmetic"),
        ({"extensions": ""}, "float64"),
        ({"max_work_group_size": 128}, "blocks of so many threads"),
        ({"local_mem_size": 16 << 10}, "32,768 bytes of memory that the threads of a block share: it has 16,384"),
    ],
)
def test_a_device_that_lacks_something_is_passed_over(device: dict[str, Any], reason: str) -> None:
    assert reason in (lack(**device) or "")


def test_sums_of_doubles_in_any_order_take_atomic_operations_of_64_bits() -> None:
    assert "64 bits" in (lack("while (atom_cmpxchg(at) != old)") or "")
    assert lack("while (atom_cmpxchg(at) != old)", extensions="cl_khr_fp64 cl_khr_int64_base_atomics") is None
    assert lack("while (atomic_cmpxchg(at) != old)") is None
