"""Kernels on an NVIDIA GPU, through CuPy: machine code of the file where it fits the device, else CUDA source by NVRTC."""

# pyright: basic, reportMissingImports=false

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cupy
import numpy as np
from numpy.typing import NDArray

from treec.codegen.gpu_abi import GpuKernel
from treec.codegen.gpu_file import GpuFile
from treec.errors import ArtifactError, UsageError
from treec.runtime.gpu_device import scalars_of, scratch_row_bytes


def open_cuda(file: GpuFile, reasons: list[str]) -> CudaDevice | None:
    """The current CUDA device; without one, ``reasons`` gets the cause."""
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except (cupy.cuda.runtime.CUDARuntimeError, ImportError) as error:
        reasons.append(f"CuPy finds no CUDA driver ({error})")
        return None
    if count == 0:
        reasons.append("CuPy finds no GPU")
        return None
    return CudaDevice(file)


def cuda_devices() -> list[str]:
    """Names of the GPUs that CuPy finds."""
    try:
        count = cupy.cuda.runtime.getDeviceCount()
        return [cupy.cuda.runtime.getDeviceProperties(number)["name"].decode() for number in range(count)]
    except (cupy.cuda.runtime.CUDARuntimeError, ImportError):
        return []


def current_arch() -> str | None:
    """Of the current device; None without one."""
    return f"sm_{cupy.cuda.Device().compute_capability}" if cuda_devices() else None


def device_rows(tensor: Any) -> Any:
    """A tensor on a GPU as a CuPy array, without a copy, ordered after the work on the current stream."""
    return cupy.from_dlpack(tensor)


def to_device(array: NDArray[Any]) -> Any:
    """A copy on the current device."""
    return cupy.asarray(array)


def _steps(array: Any) -> tuple[int, int]:
    row, column = array.strides
    return row // array.itemsize, column // array.itemsize


def _buffers(kernels: Sequence[GpuKernel], rows: Any, out: Any) -> dict[str, Any]:
    """Of a call: rows, outputs, and what kernels leave one another, which the pool has again once they are done."""
    scratch = scratch_row_bytes(kernels) * len(rows)
    return {"rows": rows, "out": out, **({"scratch": cupy.empty(scratch, np.uint8)} if scratch else {})}


class CudaDevice:
    """The device that was current when the model first ran; work goes to the caller's current stream."""

    def __init__(self, file: GpuFile) -> None:
        self._device = cupy.cuda.Device()
        properties = cupy.cuda.runtime.getDeviceProperties(self._device.id)
        self.name = f"CUDA: {properties['name'].decode()}, sm_{self._device.compute_capability}"
        self._shared = int(properties["sharedMemPerBlockOptin"])
        with self._device:
            self._module = self._load(file)
            self._functions = {kernel.symbol: self._function(kernel) for kernel in file.plan.kernels}
            self._tables = {name: cupy.asarray(np.frombuffer(data, np.uint8)) for name, data in file.tables.items()}
            cupy.cuda.get_current_stream().synchronize()  # other streams may use the tables next

    def _load(self, file: GpuFile) -> Any:
        """RawModule loads machine code from a path only; the driver has read it when the module is there."""
        try:
            if (cubin := file.cubin_for(self._device.compute_capability)) is None:
                options = (*file.plan.options["cuda"], "-std=c++17")  # of the headers that the source includes
                module = cupy.RawModule(code=file.sources["cuda"], options=options, backend="nvrtc")
                module.compile()
                return module
            with tempfile.TemporaryDirectory(prefix="treec-") as folder:
                path = Path(folder, "model.cubin")
                path.write_bytes(cubin)
                module = cupy.RawModule(path=str(path))
                module.compile()
                return module
        except (cupy.cuda.compiler.CompileException, cupy.cuda.driver.CUDADriverError) as error:
            raise ArtifactError(f"{self.name} can't load its kernels: {str(error)[:1000]}") from error

    def _function(self, kernel: GpuKernel) -> Any:
        """A kernel that may be launched with all the shared memory that it needs."""
        function = self._module.get_function(kernel.symbol)
        if kernel.dynamic_bytes:
            most = self._shared
            if kernel.dynamic_bytes > most:
                raise ArtifactError(
                    f"a block of this model needs {kernel.dynamic_bytes:,} bytes of shared memory, "
                    f"{kernel.dynamic_bytes - most:,} more than the {most:,} of {self.name}",
                    fix=f"compile it for this device: `target gpu arch=sm_{self._device.compute_capability}`",
                )
            function.max_dynamic_shared_size_bytes = kernel.dynamic_bytes
        return function

    def outputs_for(self, rows: Any, shape: tuple[int, int], dtype: np.dtype[Any]) -> Any:
        """Memory for outputs where rows are. Raises `UsageError` for rows that are on another GPU."""
        if not isinstance(rows, cupy.ndarray):
            return np.empty(shape, dtype)
        if rows.device.id != self._device.id:
            raise UsageError(
                f"the rows are on GPU {rows.device.id} and the model is on GPU {self._device.id}",
                fix=f"copy the rows to GPU {self._device.id}, or load the model anew with that one current",
            )
        try:
            with self._device:
                return cupy.empty(shape, dtype)
        except cupy.cuda.memory.OutOfMemoryError as error:
            raise UsageError(
                f"{self.name} has no memory for the answers of {len(rows)} rows: {error}", fix="pass fewer rows at a time"
            ) from error

    def run(
        self, kernels: Sequence[GpuKernel], rows: Any, out: Any, trees: tuple[int, int], *, width: int | None = None
    ) -> None:
        """``rows``: of the host, or a CuPy array, which is read in place. ``out`` likewise: on the device it is filled in
        the order of the current stream, and nothing waits."""
        if out.size == 0:
            return
        try:
            with self._device:
                there = rows if isinstance(rows, cupy.ndarray) else cupy.asarray(np.ascontiguousarray(rows))
                results = out if isinstance(out, cupy.ndarray) else cupy.empty((len(out), width or out.shape[1]), out.dtype)
                scalars = scalars_of(_steps(there), _steps(results), len(there), trees)
                buffers = _buffers(kernels, there, results)
                for kernel in kernels:
                    self._launch(kernel, buffers, scalars)
                if results is not out:
                    out[...] = results[:, : out.shape[1]].get()  # waits for the current stream
        except cupy.cuda.memory.OutOfMemoryError as error:
            raise MemoryError(f"{self.name}: {error}") from error

    def launcher(
        self, kernels: Sequence[GpuKernel], rows: NDArray[Any], out: NDArray[Any], trees: tuple[int, int]
    ) -> tuple[Callable[[], None], Callable[[], None]]:
        try:
            with self._device:
                there, results = cupy.asarray(np.ascontiguousarray(rows)), cupy.empty(out.shape, out.dtype)
                buffers = _buffers(kernels, there, results)
                wait = cupy.cuda.get_current_stream().synchronize
        except cupy.cuda.memory.OutOfMemoryError as error:
            raise MemoryError(f"{self.name}: {error}") from error
        scalars = scalars_of(_steps(there), _steps(results), len(there), trees)

        def launch() -> None:
            with self._device:
                for kernel in kernels:
                    self._launch(kernel, buffers, scalars)

        return launch, wait

    def _launch(self, kernel: GpuKernel, buffers: dict[str, Any], scalars: dict[str, int]) -> None:
        grid = kernel.launch_grid(len(buffers["rows"]))
        if 0 in grid:
            return
        of = {"table": self._tables, "scalar": {name: np.int64(value) for name, value in scalars.items()}}
        arguments = [of[a.kind][a.name] if a.kind in of else buffers[a.kind] for a in kernel.arguments]
        self._functions[kernel.symbol](grid, kernel.block, tuple(arguments), shared_mem=kernel.dynamic_bytes)
