"""One call of compiled code: rows in, a table of outputs out, on as many threads as asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.codegen.abi import Axis, DType, Status, Task
from treec.errors import ArtifactError, InputError
from treec.runtime.library import Kernel, Library, Stage
from treec.runtime.threads import run_sharded, thread_count

NUMPY_DTYPES = {DType.F32: np.dtype(np.float32), DType.F64: np.dtype(np.float64)}
_DTYPES = {dtype: code for code, dtype in NUMPY_DTYPES.items()}


def run_task(
    library: Library,
    task: Task,
    rows: NDArray[Any],
    *,
    tree_begin: int = 0,
    tree_end: int | None = None,
    n_threads: int | None = 1,
    as_rows: int | None = None,
) -> NDArray[Any]:
    """Run one task of an artifact over trees ``tree_begin`` to ``tree_end`` (default: all).

    ``rows`` f32 or f64 [n, n_features], any strides that are whole elements (`treec.runtime.rows` sees to that). Returns
    [n, n_columns] of the artifact's ``out_dtype``, or for `Task.LEAF` i32 [n, trees]. ``n_threads`` None: as many as pay.
    The result does not depend on it. ``as_rows``: run the kernel that serves calls of that many rows instead; each takes
    any number of rows and gives the same bits. Raises `InputError` if no kernel takes such rows without changing them.
    """
    if tree_end is None:
        tree_end = library.n_trees
    n_rows = rows.shape[0]
    rows, kernel = _choose(library, task, rows, n_rows if as_rows is None else as_rows)
    out = _outputs(library, task, n_rows, tree_end - tree_begin)
    threads = thread_count(n_threads, n_rows * max(1, tree_end - tree_begin))
    for stage in kernel.stages:
        _run_stage(library, task, stage, rows, out, (tree_begin, tree_end), threads)
    return out


def _outputs(library: Library, task: Task, n_rows: int, n_trees: int) -> NDArray[Any]:
    if task is Task.LEAF:
        return np.empty((n_rows, n_trees), np.int32)
    return np.empty((n_rows, library.n_columns), NUMPY_DTYPES[library.out_dtype])


def _choose(library: Library, task: Task, rows: NDArray[Any], n_rows: int) -> tuple[NDArray[Any], Kernel]:
    """The kernel for a call of ``n_rows`` such rows; if there is none for their dtype, one for the other where that changes
    no answer."""
    kernel = library.kernel(task, _DTYPES[rows.dtype], n_rows)
    if kernel is not None:
        return rows, kernel
    other = NUMPY_DTYPES[DType.F32 if rows.dtype == np.float64 else DType.F64]
    kernel = library.kernel(task, _DTYPES[other], n_rows)
    if kernel is None:
        raise ArtifactError(
            f"it has no code for {task.name.lower()} outputs", place=library.place, fix="compile the model again"
        )
    return _recast(library, rows, other), kernel


def _recast(library: Library, rows: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        cast = rows.astype(dtype)
    if dtype == np.float64 or library.facts.input_dtype == np.float32:
        return cast  # widening is exact; a model that compares in float32 casts so itself
    changed = (cast != rows) & ~np.isnan(rows)
    if changed.any():
        row, column = np.argwhere(changed)[0]
        raise InputError(
            f"this library takes float32 rows and {rows[row, column]!r} is none (row {row}, column {column})",
            fix="compile the model with `target cpu input=f64`, or round with X.astype(np.float32) if that is meant",
        )
    return cast


def _run_stage(
    library: Library,
    task: Task,
    stage: Stage,
    rows: NDArray[Any],
    out: NDArray[Any],
    trees: tuple[int, int],
    n_threads: int,
) -> None:
    source = (rows.ctypes.data, *_steps(rows))
    target, steps = out.ctypes.data, _steps(out)
    n_rows, first = rows.shape[0], trees[0]
    run = stage.run

    def by_row(begin: int, end: int, workspace: int) -> None:
        _check(run(*source, target, *steps, begin, end, *trees, workspace), library)

    def by_tree(begin: int, end: int, workspace: int) -> None:
        # A leaf id's column counts from the call's first tree, so each shard gets its own part of the table.
        shifted = target + (begin - first) * out.strides[1]
        _check(run(*source, shifted, *steps, 0, n_rows, begin, end, workspace), library)

    if n_rows == 0:
        return
    if stage.axis is Axis.ROW:
        run_sharded(by_row, 0, n_rows, stage.grain, stage.workspace_bytes, n_threads)
    else:  # only leaf ids are apart for each tree; a sum over trees is one shard
        grain = stage.grain if task is Task.LEAF else max(1, trees[1] - first)
        run_sharded(by_tree, *trees, grain, stage.workspace_bytes, n_threads)


def _steps(array: NDArray[Any]) -> tuple[int, int]:
    row, column = array.strides
    return row // array.itemsize, column // array.itemsize


def _check(status: int, library: Library) -> None:
    if status != Status.OK:
        name = Status(status).name if status in Status.__members__.values() else str(status)
        raise ArtifactError(f"its code returned {name}", place=library.place, fix="compile the model again")
