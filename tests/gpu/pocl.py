"""Kernels of the OpenCL form, executed on the CPU by PoCL: thread blocks, shared memory and barriers included."""

# pyright: basic

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from treec.codegen.abi import DType, Task
from treec.codegen.gpu_abi import SCALARS, GpuKernel, GpuObject

cl = pytest.importorskip("pyopencl")
pytest.importorskip("tvm")

DTYPES = {DType.F32: np.dtype(np.float32), DType.F64: np.dtype(np.float64)}
SPARE = 16
"""Outputs behind the last one, which no kernel may touch."""


def device() -> Any:
    """PoCL's device; the test is skipped where there is none."""
    for platform in cl.get_platforms():
        if "Portable Computing Language" in platform.name:
            return platform.get_devices()[0]
    pytest.skip("PoCL is not installed (pip install pocl-binary-distribution)")


class Device:
    """A `GpuObject` on PoCL."""

    def __init__(self, made: GpuObject) -> None:
        self.made = made
        self.context = cl.Context([device()])
        self.queue = cl.CommandQueue(self.context)
        self.program = cl.Program(self.context, made.source).build(options=list(made.options))
        self.tables = {table.name: self._buffer(table.data) for table in made.tables}

    def _buffer(self, data: bytes) -> Any:
        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR
        return cl.Buffer(self.context, flags, hostbuf=np.frombuffer(data + bytes(-len(data) % 16 or 16), np.uint8).copy())

    def run(self, task: Task, rows: NDArray[Any], trees: tuple[int, int] | None = None) -> NDArray[Any]:
        """One task on rows of any positive strides; outputs lie apart, too."""
        begin, end = trees or (0, self.made.n_trees)
        dtype = next(code for code, of in DTYPES.items() if of == rows.dtype)
        found = self.made.find_task(task, dtype, len(rows))
        assert found is not None
        leaf = task is Task.LEAF
        width = end - begin if leaf else self.made.n_columns
        out = np.full(len(rows) * (width + 1) + SPARE, -7, np.int32 if leaf else DTYPES[DType(self.made.out_dtype)])
        base = rows if rows.base is None else rows.base
        device_rows, device_out = self._buffer(np.ascontiguousarray(base).tobytes()), self._buffer(out.tobytes())
        strides = [stride // rows.itemsize for stride in rows.strides]
        scalars: dict[str, int] = dict(zip(SCALARS, (*strides, width + 1, 1, 0, len(rows), begin, end), strict=True))
        kernels = [self.made.kernel(symbol) for symbol in found.kernels]
        size = max(kernel.scratch_bytes for kernel in kernels) * len(rows)
        scratch = self._buffer(np.full(size + SPARE, 0xA5, np.uint8).tobytes())
        for kernel in kernels:
            self._launch(kernel, {"rows": device_rows, "out": device_out, "scratch": scratch}, scalars, len(rows))
        left = np.empty(size + SPARE, np.uint8)
        cl.enqueue_copy(self.queue, left, scratch).wait()
        assert np.all(left[size:] == 0xA5)
        cl.enqueue_copy(self.queue, out, device_out).wait()
        assert np.all(out[len(rows) * (width + 1) :] == -7)
        table = out[: len(rows) * (width + 1)].reshape(len(rows), width + 1)
        assert np.all(table[:, width] == -7)
        return table[:, :width].copy()

    def _launch(self, kernel: GpuKernel, buffers: dict[str, Any], scalars: dict[str, int], n_rows: int) -> None:
        grid = kernel.launch_grid(n_rows)
        if 0 in grid:
            return
        arguments: list[Any] = []
        for argument in kernel.arguments:
            if argument.kind == "scalar":
                arguments.append(np.int64(scalars[argument.name]))
            else:
                arguments.append(self.tables[argument.name] if argument.kind == "table" else buffers[argument.kind])
        size = tuple(blocks * threads for blocks, threads in zip(grid, kernel.block, strict=True))
        cl.Kernel(self.program, kernel.symbol)(self.queue, size, kernel.block, *arguments)
