"""Kernels on an OpenCL device, through pyopencl."""

# pyright: basic

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyopencl as cl
from numpy.typing import NDArray

from treec.codegen.gpu_abi import TABLE_ALIGN, GpuKernel
from treec.codegen.gpu_file import GpuFile
from treec.errors import ArtifactError
from treec.runtime.gpu_device import scalars_of, scratch_row_bytes

_POCL = "Portable Computing Language"


def open_opencl(file: GpuFile, reasons: list[str]) -> OpenClDevice | None:
    """The first device that computes as IEEE 754 says; without one, ``reasons`` gets the cause."""
    devices = opencl_devices()
    if not devices:
        reasons.append("OpenCL has no device")
    for device in devices:
        if (lack := _lack(device, file)) is None:
            return OpenClDevice(device, file)
        reasons.append(f"{device.name.strip()} has no {lack}")
    return None


def opencl_devices() -> list[Any]:
    """GPUs, then PoCL's CPU, then what else there is."""
    try:
        found = [device for platform in cl.get_platforms() for device in platform.get_devices()]
    except cl.Error:  # no platform is an error of its own
        return []
    return sorted(found, key=_rank)


def is_gpu(device: Any) -> bool:
    return bool(device.type & cl.device_type.GPU)


def _rank(device: Any) -> int:
    if is_gpu(device):
        return 0
    return 1 if _POCL in device.platform.name else 2


def _lack(device: Any, file: GpuFile) -> str | None:
    """What keeps a device from the bits of a CPU."""
    needed = cl.device_fp_config.INF_NAN | cl.device_fp_config.ROUND_TO_NEAREST | cl.device_fp_config.DENORM
    if device.single_fp_config & needed != needed:
        return "float32 arithmetic with denormals, infinities and NaN"
    if any(kernel.uses_f64 for kernel in file.plan.kernels) and "cl_khr_fp64" not in device.extensions:
        return "float64 (cl_khr_fp64)"
    if "atom_cmpxchg(" in file.sources["opencl"] and "cl_khr_int64_base_atomics" not in device.extensions:
        return "atomic operations of 64 bits, which sums in any order take (cl_khr_int64_base_atomics)"
    if max(np.prod(kernel.block) for kernel in file.plan.kernels) > device.max_work_group_size:
        return "blocks of so many threads"
    if (shared := max(kernel.shared_bytes for kernel in file.plan.kernels)) > device.local_mem_size:
        return f"{shared:,} bytes of memory that the threads of a block share: it has {device.local_mem_size:,}"
    return None


class OpenClDevice:
    """One device with a queue of its own; calls take turns."""

    def __init__(self, device: Any, file: GpuFile) -> None:
        where = "PoCL on the CPU" if _POCL in device.platform.name else "OpenCL"
        self.name = f"{where}: {device.name.strip()}"
        self._lock = threading.Lock()
        self._context = cl.Context([device])
        self._queue = cl.CommandQueue(self._context)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", cl.CompilerWarning)
                program = cl.Program(self._context, file.sources["opencl"])
                program.build(options=list(file.plan.options["opencl"]))
                self._kernels = {kernel.symbol: cl.Kernel(program, kernel.symbol) for kernel in file.plan.kernels}
        except cl.Error as error:
            raise ArtifactError(f"{self.name} can't build its kernels: {str(error)[:1000]}") from error
        self._tables = {name: self._buffer(np.frombuffer(data, np.uint8)) for name, data in file.tables.items()}

    def _buffer(self, array: NDArray[Any]) -> Any:
        """A copy on the device; OpenCL has no empty buffers."""
        flags = cl.mem_flags.READ_ONLY | cl.mem_flags.COPY_HOST_PTR
        return cl.Buffer(self._context, flags, hostbuf=array if array.nbytes else np.zeros(TABLE_ALIGN, np.uint8))

    def outputs_for(self, rows: NDArray[Any], shape: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.empty(shape, dtype)

    def run(
        self,
        kernels: Sequence[GpuKernel],
        rows: NDArray[Any],
        out: NDArray[Any],
        trees: tuple[int, int],
        *,
        width: int | None = None,
    ) -> None:
        n = len(rows)
        if out.size == 0:
            return
        whole = out if width is None else np.empty((n, width), out.dtype)
        scalars = scalars_of((rows.shape[1], 1), (whole.shape[1], 1), n, trees)
        try:
            with self._lock:
                buffers = self._buffers(kernels, rows, whole)
                for kernel in kernels:
                    self._launch(kernel, buffers, scalars, n)
                cl.enqueue_copy(self._queue, whole, buffers["out"], is_blocking=True)
            if whole is not out:
                out[...] = whole[:, : out.shape[1]]
        except cl.MemoryError as error:
            raise MemoryError(f"{self.name}: {error}") from error

    def launcher(
        self, kernels: Sequence[GpuKernel], rows: NDArray[Any], out: NDArray[Any], trees: tuple[int, int]
    ) -> tuple[Callable[[], None], Callable[[], None]]:
        try:
            buffers = self._buffers(kernels, rows, out)
        except cl.MemoryError as error:
            raise MemoryError(f"{self.name}: {error}") from error
        scalars = scalars_of((rows.shape[1], 1), (out.shape[1], 1), len(rows), trees)

        def launch() -> None:
            for kernel in kernels:
                self._launch(kernel, buffers, scalars, len(rows))

        return launch, self._queue.finish

    def _buffers(self, kernels: Sequence[GpuKernel], rows: NDArray[Any], out: NDArray[Any]) -> dict[str, Any]:
        """Of a call: rows, outputs, and what kernels leave one another."""
        buffers = {
            "rows": self._buffer(np.ascontiguousarray(rows)),
            "out": cl.Buffer(self._context, cl.mem_flags.READ_WRITE, out.nbytes),
        }
        if scratch := scratch_row_bytes(kernels) * len(rows):
            buffers["scratch"] = cl.Buffer(self._context, cl.mem_flags.READ_WRITE, scratch)
        return buffers

    def _launch(self, kernel: GpuKernel, buffers: dict[str, Any], scalars: dict[str, int], n: int) -> None:
        grid = kernel.launch_grid(n)
        if 0 in grid:
            return
        of = {"table": self._tables, "scalar": {name: np.int64(value) for name, value in scalars.items()}}
        arguments = [
            of[argument.kind][argument.name] if argument.kind in of else buffers[argument.kind]
            for argument in kernel.arguments
        ]
        size = tuple(blocks * threads for blocks, threads in zip(grid, kernel.block, strict=True))
        self._kernels[kernel.symbol](self._queue, size, kernel.block, *arguments)
