"""A model for GPUs, read from its file; its device is opened when it first runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.codegen.abi import DType, Task
from treec.codegen.gpu_abi import GpuTask
from treec.codegen.gpu_file import REBUILD, GpuFile, parse_gpu_file
from treec.errors import ArtifactError, InputError, UsageError
from treec.runtime.card import Facts, facts_of, parse_card
from treec.runtime.gpu_device import Device, open_device, scratch_row_bytes

BLOCK_BYTES = 1 << 28
"""Rows and outputs that are on the device at once."""
_CUDA = 2  # DLPack's number


@dataclass(eq=False)
class _Opened:
    device: Device | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, eq=False)
class GpuLibrary:
    """As `treec.runtime.library.Library`, for a device. ``data``: the whole file."""

    place: str
    card: dict[str, Any]
    facts: Facts
    file: GpuFile = field(repr=False)
    data: bytes = field(repr=False)
    _opened: _Opened = field(default_factory=_Opened, repr=False)

    @property
    def n_features(self) -> int:
        return self.file.plan.n_features

    @property
    def n_trees(self) -> int:
        return self.file.plan.n_trees

    @property
    def n_columns(self) -> int:
        return self.file.plan.n_columns

    @property
    def out_dtype(self) -> DType:
        return DType(self.file.plan.out_dtype)

    @property
    def row_limits(self) -> tuple[int, ...]:
        limits = {task.rows_max for task in self.file.plan.tasks}
        return tuple(sorted(limits)[:-1])

    @property
    def device(self) -> Device:
        """Opened once. Raises `UsageError` where there is none."""
        with self._opened.lock:
            if self._opened.device is None:
                self._opened.device = open_device(self.file)
            return self._opened.device

    @property
    def device_name(self) -> str:
        return self.device.name

    @property
    def code(self) -> str:
        """What the code is, for people."""
        return f"{len(self.file.plan.kernels)} GPU kernels"

    def all_bytes(self) -> bytes:
        return self.data

    def kernel(self, task: Task, row_dtype: DType, n_rows: int) -> GpuTask | None:
        """The first task that serves the call."""
        for found in self.file.plan.tasks:
            if (found.task, found.row_dtype) == (task, row_dtype) and n_rows <= found.rows_max:
                return found
        return None

    @property
    def gives_labels(self) -> bool:
        """Whether kernels find a row's classes."""
        return any(found.task == Task.LABEL for found in self.file.plan.tasks)

    def device_rows(self, tensor: Any) -> Any | None:
        """A tensor on a CUDA device as rows there, without a copy; None for anything else."""
        where = getattr(tensor, "__dlpack_device__", None)
        if where is None or where()[0] != _CUDA:
            return None
        if not self.device_name.startswith("CUDA"):
            raise UsageError(f"the rows are on a GPU and the model runs on {self.device_name}", fix="install CuPy")
        from treec.runtime.gpu_cuda import device_rows

        rows = device_rows(tensor)
        if rows.ndim != 2 or rows.shape[1] != self.n_features or rows.dtype not in (np.float32, np.float64):
            raise InputError(
                f"a tensor {rows.shape} of {rows.dtype} came; the model takes [n, {self.n_features}] of float32 or float64"
            )
        return rows

    def run(self, task: GpuTask, rows: NDArray[Any], out: NDArray[Any], trees: tuple[int, int]) -> None:
        """Fill ``out``, in blocks of rows that fit the device's memory. Kernels for labels need room for all columns on the
        device; ``out`` of the host has the first ones alone."""
        kernels = [self.file.plan.kernel(symbol) for symbol in task.kernels]
        width = max(out.shape[1], 0 if task.task == Task.LEAF else self.n_columns)
        more = {"width": width} if width > out.shape[1] else {}
        each = max(1, rows.itemsize * rows.shape[1] + out.itemsize * width + scratch_row_bytes(kernels))
        begin, step = 0, max(1, min(task.rows_max, BLOCK_BYTES // each))
        device = self.device
        while begin < len(rows):
            part = slice(begin, begin + step)
            try:
                device.run(kernels, rows[part], out[part], trees, **more)
            except MemoryError as error:
                if step == 1:
                    raise UsageError(
                        f"{device.name} has no memory for one row", fix="end what else uses the device's memory"
                    ) from error
                step = max(1, min(step, len(rows) - begin) // 2)
            else:
                begin += step


def gpu_library(data: bytes, place: str) -> GpuLibrary:
    """A model from the bytes of its file. Raises `ArtifactError`."""
    file = parse_gpu_file(data, place)
    card = parse_card(file.card, place)
    facts = facts_of(card, place)
    plan = file.plan
    sizes = (plan.n_features, plan.n_trees, plan.n_columns)
    if sizes != (facts.n_features, facts.n_trees, facts.n_columns):
        raise ArtifactError(
            f"its code is for {sizes} features, trees, columns and its card says otherwise", place=place, fix=REBUILD
        )
    return GpuLibrary(place, card, facts, file, data)
