"""Calls on the caller's thread with as little Python around the code as can be.

One row takes the code a microsecond or two. The general way (`treec.runtime.rows`, `treec.runtime.execute`), which takes
every kind of table and shares work out to threads, takes ten. So the usual call, all trees for a plain array that can be
read in place, finds here what does not depend on its rows ready. Whatever is not that call goes the general way.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treec.codegen.abi import CALL_WORDS, Axis, DType, Task
from treec.runtime.memory import address_of, workspace
from treec.runtime.threads import MIN_WORK, thread_count

if TYPE_CHECKING:
    from treec.runtime.library import Kernel, Library

NUMPY_DTYPES = {DType.F32: np.dtype(np.float32), DType.F64: np.dtype(np.float64)}
pack_words = struct.Struct(f"{CALL_WORDS}q").pack
"""Words for an artifact's ``call``."""


class _Stage(NamedTuple):
    function: int
    workspace_bytes: int
    n_groups: int


class _Kernel(NamedTuple):
    """``alone``: the most rows of a call for which a second thread does not pay. ``n_columns`` and ``out_dtype``: of its
    outputs."""

    rows_max: int
    alone: int
    grain: int
    stages: tuple[_Stage, ...]
    n_columns: int
    out_dtype: np.dtype[Any]


class QuickCalls:
    """``run(task, table, n_threads)``: outputs as `treec.runtime.execute.run_task` has them, or None for a call that has to
    go the general way: other tables, more threads, stages that hand on partial sums, and every error."""

    __slots__ = ("_call", "_kernels", "_n_features", "_n_trees")

    def __init__(self, library: Library) -> None:
        thread_count(None, 0)  # refuses a senseless environment here: to ask in each call takes a third of its time
        self._call: Callable[[bytes], int] = library.call
        self._n_features = library.n_features
        self._n_trees = library.n_trees
        self._kernels: list[dict[np.dtype[Any], tuple[_Kernel, ...]]] = [
            {dtype: _kernels(library, task, code) for code, dtype in NUMPY_DTYPES.items()} for task in Task
        ]

    def run(self, task: Task, table: Any, n_threads: int | None) -> NDArray[Any] | None:
        if type(table) is not np.ndarray:
            return None
        shape, flags, n_features = table.shape, table.flags, self._n_features
        if len(shape) != 2 or shape[1] != n_features or not (flags.c_contiguous and flags.aligned):
            return None
        n_rows = shape[0]
        for kernel in self._kernels[task].get(table.dtype, ()):
            if n_rows <= kernel.rows_max:
                break
        else:
            return None
        _, alone, grain, stages, n_columns, out_dtype = kernel
        n_trees = self._n_trees
        if not (n_rows <= alone if n_threads is None else _is_one(n_threads, n_rows <= grain)):
            return None
        out = np.empty((n_rows, n_columns), out_dtype)
        rows_at, out_at = address_of(table), address_of(out)
        for function, size, n_groups in stages:
            memory, at = workspace(size) if size else (None, 0)
            words = pack_words(
                function, rows_at, n_features, 1, out_at, n_columns, 1, 0, n_rows, 0, n_trees, 0, n_groups, at, 0, n_rows
            )
            if self._call(words) != 0:
                return None
            del memory
        return out


def _is_one(n_threads: Any, one_shard: bool) -> bool:
    """Whether a call that asks for so many threads runs on one. Senseless numbers are the general way's to refuse."""
    return type(n_threads) is int and (n_threads == 1 or (one_shard and n_threads > 1))


def _kernels(library: Library, task: Task, row_dtype: DType) -> tuple[_Kernel, ...]:
    """The kernels that serve such calls, in order, up to the first that runs in parts or needs scratch."""
    n_columns = library.n_trees if task is Task.LEAF else library.n_columns
    out_dtype = np.dtype(np.int32) if task is Task.LEAF else NUMPY_DTYPES[library.out_dtype]
    found: list[_Kernel] = []
    for kernel in library.kernels:
        if kernel.task != task or kernel.row_dtype != row_dtype:
            continue
        stages = kernel.stages
        if kernel.scratch_row_bytes or kernel.run_rows < kernel.rows_max or any(s.axis is not Axis.ROW for s in stages):
            break
        parts = tuple(_Stage(stage.function, stage.workspace_bytes, stage.n_groups) for stage in stages)
        alone = alone_rows(kernel, library.n_trees)
        found.append(_Kernel(kernel.rows_max, alone, min(stage.grain for stage in stages), parts, n_columns, out_dtype))
    return tuple(found)


def alone_rows(kernel: Kernel, n_trees: int) -> int:
    """The most rows of a call whose work one thread does."""
    return (MIN_WORK * 1000 - 1) // max(1, n_trees * kernel.row_cost)
