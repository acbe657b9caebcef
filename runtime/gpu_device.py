"""What runs kernels: a CUDA device through CuPy, else an OpenCL device, a GPU before PoCL's CPU."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
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

    def outputs_for(self, rows: Any, shape: tuple[int, int], dtype: np.dtype[Any]) -> Any:
        """Memory for outputs where ``rows`` are."""
        ...

    def run(
        self,
        kernels: Sequence[GpuKernel],
        rows: NDArray[Any],
        out: NDArray[Any],
        trees: tuple[int, int],
        *,
        width: int | None = None,
    ) -> None:
        """Run kernels one after the other on rows, and fill ``out``, memory of `outputs_for` or a part of it. ``width``:
        columns that kernels write, where these are more than ``out`` has, which is of the host then. Raises MemoryError
        if the device has no room for so many rows."""
        ...

    def launcher(
        self, kernels: Sequence[GpuKernel], rows: NDArray[Any], out: NDArray[Any], trees: tuple[int, int]
    ) -> tuple[Callable[[], None], Callable[[], None]]:
        """For measuring: copies rows to the device and makes room for outputs like ``out``; a call that queues the kernels,
        and one that waits for all that is queued."""
        ...


def open_device(file: GpuFile) -> Device:
    """The best device of this machine, with the file's kernels. Raises `UsageError` where there is none."""
    reasons: list[str] = []
    for library, opened in (("cupy", _cuda), ("pyopencl", _opencl)):
        if find_spec(library) is None:
            reasons.append(f"{library} is not installed")
            continue
        try:
            if (device := opened(file, reasons)) is not None:
                return device
        except ImportError as error:  # its own libraries are missing
            reasons.append(f"{library} can't be imported ({error})")
    raise UsageError(
        f"no device can run this model: {'; '.join(reasons)}",
        fix="with an NVIDIA GPU, install cupy-cuda12x or cupy-cuda13x; else pip install pyopencl pocl-binary-distribution, "
        "which runs the kernels on the CPU",
    )


def require_gpu(*, pocl: bool) -> str | None:
    """The architecture of the current CUDA device; None of another GPU or, where ``pocl`` allows that, of PoCL's CPU.
    Raises `UsageError` where there is none of them."""
    with contextlib.suppress(ImportError):  # of a library, or of what it needs itself
        if find_spec("cupy") is not None:
            from treec.runtime.gpu_cuda import current_arch

            if (arch := current_arch()) is not None:
                return arch
    with contextlib.suppress(ImportError):
        if find_spec("pyopencl") is not None:
            from treec.runtime.gpu_opencl import is_gpu, opencl_devices

            devices = opencl_devices()
            if any(map(is_gpu, devices)) or (pocl and devices):
                return None
    raise UsageError(
        "this machine has no GPU to measure on",
        fix="run it where there is an NVIDIA GPU with CuPy, or another GPU with pyopencl; `--pocl` (in Python `pocl`) "
        "takes PoCL's CPU, whose times say nothing of a GPU's",
    )


def _cuda(file: GpuFile, reasons: list[str]) -> Device | None:
    from treec.runtime.gpu_cuda import open_cuda

    return open_cuda(file, reasons)


def _opencl(file: GpuFile, reasons: list[str]) -> Device | None:
    from treec.runtime.gpu_opencl import open_opencl

    return open_opencl(file, reasons)


def scratch_row_bytes(kernels: Sequence[GpuKernel]) -> int:
    """Of memory that the kernels of a task have in common, for each row."""
    return max((kernel.scratch_bytes for kernel in kernels), default=0)


def scalars_of(strides: tuple[int, int], out_strides: tuple[int, int], n: int, trees: tuple[int, int]) -> dict[str, int]:
    """The numbers of a call, by name; strides in elements."""
    return dict(zip(SCALARS, (*strides, *out_strides, 0, n, *trees), strict=True))
