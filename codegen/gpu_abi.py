"""A compiled model for a GPU, as plain data: what code generation makes, and what launches it reads.

A *task* (raw outputs, responses, leaf ids) for rows of one dtype is a list of *kernels*, launched one after the other on
one stream. A kernel's arguments are tables, rows, outputs and numbers, in the order that it names. Kernels write outputs
alone, and have no state between calls. All strides are in elements.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

GPU_ABI_VERSION = 4

STATIC_SHARED = 48 << 10
"""Bytes of shared memory that a CUDA kernel may declare; what needs more gets all of it at launch."""

TABLE_ALIGN = 16
"""Bytes that a table's first element is aligned to."""

ROWS_MOST = 1 << 30
"""Of a launch: ``row_end`` is not larger, so that numbers of rows are 32-bit integers in kernels. More rows are several
launches."""

TREES_MOST = 1 << 30

SCALARS = (
    "row_stride",
    "column_stride",
    "out_row_stride",
    "out_column_stride",
    "row_begin",
    "row_end",
    "tree_begin",
    "tree_end",
)
"""Numbers that a kernel may take, int64 each: those of a stage function (`treec.codegen.abi.STAGE_PARAMETERS`)."""


@dataclass(frozen=True)
class GpuArgument:
    """One argument of a kernel: ``rows`` and ``out`` are pointers to the caller's first element, ``table`` one to the table
    of that name, ``scratch`` one to memory of the call, ``scalar`` is an int64, one of `SCALARS`."""

    kind: Literal["table", "rows", "out", "scratch", "scalar"]
    name: str


@dataclass(frozen=True)
class GridRule:
    """How many blocks a dimension of the grid has: one for each ``step`` rows of the call (rounded up, none for no rows),
    or ``blocks`` where that is known."""

    step: int | None = None
    blocks: int = 1

    def count(self, n_rows: int) -> int:
        return self.blocks if self.step is None else -(-n_rows // self.step)


@dataclass(frozen=True)
class GpuKernel:
    """One kernel: its ``symbol`` in the source, its arguments in order, and how it is launched.

    ``grid``, ``block``: per dimension. ``shared_bytes``: of a block, all that OpenCL's form declares; ``dynamic_bytes``:
    those that a CUDA launch passes (`STATIC_SHARED`); CUDA's form has what lanes read from one another in registers.
    ``uses_f64``: an OpenCL device needs ``cl_khr_fp64``. ``scratch_bytes``: of each row of the call, in memory that the
    kernels of a task have in common, the first element of which is the argument ``scratch``.
    """

    symbol: str
    arguments: tuple[GpuArgument, ...]
    grid: tuple[GridRule, GridRule, GridRule]
    block: tuple[int, int, int]
    shared_bytes: int
    dynamic_bytes: int
    uses_f64: bool
    scratch_bytes: int

    def launch_grid(self, n_rows: int) -> tuple[int, int, int]:
        """Blocks per dimension for so many rows; nothing is to be launched if one of them is 0."""
        x, y, z = (rule.count(n_rows) for rule in self.grid)
        return x, y, z


@dataclass(frozen=True)
class GpuTask:
    """What to launch, in order, for a `treec.codegen.abi.Task` on rows of a `DType`, in calls of at most ``rows_max`` rows.
    The first task that fits is the one to use."""

    task: int
    row_dtype: int
    rows_max: int
    kernels: tuple[str, ...]


@dataclass(frozen=True)
class GpuTable:
    """A constant table: ``data`` goes to the device once, to a place aligned to `TABLE_ALIGN`."""

    name: str
    data: bytes = field(repr=False)


UNTESTED = {"rocm": "HIP", "metal": "Metal"}
"""Languages that kernels are also printed in, for GPUs that they have not been run on, by the name of the GPU's system."""


@dataclass(frozen=True)
class GpuTarget:
    """``kind``: cuda or opencl; rocm or metal of `treec.codegen.tir.untested`. ``arch`` is NVIDIA's, for cuda."""

    kind: Literal["cuda", "opencl", "rocm", "metal"]
    arch: str | None = None


@dataclass(frozen=True)
class GpuObject:
    """All kernels of a model for one target, in one ``source``; build it with ``options``.

    ``n_columns``: of raw outputs and responses; ``out_dtype``: theirs, a `DType`. Leaf ids are int32 [n, tree_end -
    tree_begin].
    """

    target: GpuTarget
    source: str = field(repr=False)
    options: tuple[str, ...]
    kernels: tuple[GpuKernel, ...]
    tasks: tuple[GpuTask, ...]
    tables: tuple[GpuTable, ...]
    n_features: int
    n_trees: int
    n_columns: int
    out_dtype: int

    def kernel(self, symbol: str) -> GpuKernel:
        return next(kernel for kernel in self.kernels if kernel.symbol == symbol)

    def find_task(self, task: int, row_dtype: int, n_rows: int) -> GpuTask | None:
        """The first that serves the call."""
        return next(
            (t for t in self.tasks if (t.task, t.row_dtype) == (task, row_dtype) and n_rows <= t.rows_max),
            None,
        )
