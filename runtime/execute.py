"""One call of compiled code: rows in, a table of outputs out, on as many threads as asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from treec.codegen.abi import Axis, DType, Status, Task
from treec.errors import ArtifactError, InputError
from treec.runtime import labels
from treec.runtime.library import Artifact, K, Kernel, Library, Stage
from treec.runtime.memory import address_of, aligned_memory
from treec.runtime.quick import NUMPY_DTYPES, pack_words
from treec.runtime.threads import SHARD_WORK, run_sharded, thread_count

if TYPE_CHECKING:
    from treec.runtime.gpu_library import GpuLibrary

_DTYPES = {dtype: code for code, dtype in NUMPY_DTYPES.items()}


def run_task(
    library: Library | GpuLibrary,
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
    [n, n_columns] of the artifact's ``out_dtype``, for `Task.LABEL` as many columns of it as there are labels of a row, for
    `Task.LEAF` i32 [n, trees]. ``n_threads`` None: as many as pay.
    The result does not depend on it. ``as_rows``: run the kernel that serves calls of that many rows instead; each takes
    any number of rows and gives the same bits. Raises `InputError` if no kernel takes such rows without changing them.
    A model for GPUs also takes rows that are an array of CuPy, and then gives such outputs.
    """
    if tree_end is None:
        tree_end = library.n_trees
    n_rows = rows.shape[0]
    many = n_rows if as_rows is None else as_rows
    if not isinstance(library, Library):
        return _on_device(library, task, rows, (tree_begin, tree_end), many)
    rows, kernel = _choose(library, task, rows, many)
    out = _outputs(library, task, n_rows, tree_end - tree_begin)
    threads = thread_count(n_threads, kernel.work(n_rows, max(1, tree_end - tree_begin)))
    memory, scratch = aligned_memory(kernel.scratch_row_bytes * min(n_rows, kernel.run_rows))
    for begin in range(0, n_rows, kernel.run_rows):
        part = slice(begin, min(begin + kernel.run_rows, n_rows))
        run = _Run(library, kernel, rows[part], out[part], (tree_begin, tree_end), scratch)
        for stage in kernel.stages:
            run.stage(stage, threads)
    del memory
    return out


def _on_device(library: GpuLibrary, task: Task, rows: NDArray[Any], trees: tuple[int, int], as_rows: int) -> NDArray[Any]:
    """Outputs are where rows are."""
    rows, kernel = _choose(library, task, rows, as_rows)
    shape, dtype = _output_form(library, task, len(rows), trees[1] - trees[0])
    n_labels = labels.n_labels(library.facts) if task is Task.LABEL else shape[1]
    if not hasattr(rows, "get"):  # of the host: what kernels write behind the labels stays on the device
        shape = (len(rows), n_labels)
    out = library.device.outputs_for(rows, shape, dtype)
    library.run(kernel, rows, out, trees)
    return out[:, :n_labels] if task is Task.LABEL else out


def _outputs(library: Library, task: Task, n_rows: int, n_trees: int) -> NDArray[Any]:
    return np.empty(*_output_form(library, task, n_rows, n_trees))


def _output_form(
    library: Library | GpuLibrary, task: Task, n_rows: int, n_trees: int
) -> tuple[tuple[int, int], np.dtype[Any]]:
    if task is Task.LEAF:
        return (n_rows, n_trees), np.dtype(np.int32)
    return (n_rows, library.n_columns), NUMPY_DTYPES[library.out_dtype]


def _choose(library: Artifact[K], task: Task, rows: NDArray[Any], n_rows: int) -> tuple[NDArray[Any], K]:
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


def _recast(library: Artifact[K], rows: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
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


@dataclass(frozen=True, eq=False)
class _Run:
    """One run of a kernel: rows that go through its stages together, their outputs, and the scratch of the stages."""

    library: Library
    kernel: Kernel
    rows: NDArray[Any]
    out: NDArray[Any]
    trees: tuple[int, int]
    scratch: int

    def stage(self, stage: Stage, n_threads: int) -> None:
        source = (stage.function, address_of(self.rows), *_steps(self.rows), address_of(self.out), *_steps(self.out))
        n_rows, n_groups = len(self.rows), stage.n_groups

        def by_row(begin: int, end: int, workspace: int) -> None:
            self._call(*source, begin, end, *self.trees, 0, n_groups, workspace, self.scratch, n_rows)

        def by_group(begin: int, end: int, workspace: int) -> None:
            self._call(*source, 0, n_rows, *self.trees, begin, end, workspace, self.scratch, n_rows)

        if stage.axis is Axis.ROW:
            of_grain = self.kernel.work(min(stage.grain, n_rows), max(1, self.trees[1] - self.trees[0]))
            least = -(-SHARD_WORK // max(1, of_grain))
            run_sharded(by_row, 0, n_rows, stage.grain, stage.workspace_bytes, n_threads, least, self.library)
        else:
            run_sharded(by_group, 0, n_groups, stage.grain, stage.workspace_bytes, n_threads, waiter=self.library)

    def _call(self, *words: int) -> None:
        status = self.library.call(pack_words(*words))
        if status != Status.OK:
            name = Status(status).name if status in Status.__members__.values() else str(status)
            raise ArtifactError(f"its code returned {name}", place=self.library.place, fix="compile the model again")


def _steps(array: NDArray[Any]) -> tuple[int, int]:
    row, column = array.strides
    return row // array.itemsize, column // array.itemsize
