"""What runs kernels: a CUDA device through CuPy, else an OpenCL device, a GPU before PoCL's CPU."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Protocol

from numpy.typing import NDArray

from treec.codegen.gpu_abi import SCALARS, GpuKernel
from treec.codegen.gpu_file import GpuFile
from treec.errors import UsageError


class Device(Protocol):
    """A device that has a model's kernels and tables. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """What it is, for people."""
        ...

    def run(self, kernels: Sequence[GpuKernel], rows: NDArray[Any], out: NDArray[Any], trees: tuple[int, int]) -> None:
        """Run kernels one after the other on rows, and fill ``out``, contiguous memory of the host. Raises MemoryError if
        the device has no room for so many rows."""
        ...


def open_device(file: GpuFile) -> Device:
    """The best device of this machine, with the file's kernels. Raises `UsageError` where there is none."""
    reasons: list[str] = []
    if find_spec("cupy") is not None:
        from treec.runtime.gpu_cuda import open_cuda

        if (cuda := open_cuda(file, reasons)) is not None:
            return cuda
    else:
        reasons.append("CuPy is not installed")
    if find_spec("pyopencl") is not None:
        from treec.runtime.gpu_opencl import open_opencl

        if (opencl := open_opencl(file, reasons)) is not None:
            return opencl
    else:
        reasons.append("pyopencl is not installed")
    raise UsageError(
        f"no device can run this model: {'; '.join(reasons)}",
        fix="with an NVIDIA GPU, install cupy-cuda12x or cupy-cuda13x; else pip install pyopencl pocl-binary-distribution, "
        "which runs the kernels on the CPU",
    )


def scalars_of(strides: tuple[int, int], out_strides: tuple[int, int], n: int, trees: tuple[int, int]) -> dict[str, int]:
    """The numbers of a call, by name; strides in elements."""
    return dict(zip(SCALARS, (*strides, *out_strides, 0, n, *trees), strict=True))
