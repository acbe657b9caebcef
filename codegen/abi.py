"""The C ABI of a compiled model, described once: code generation writes it, the runtime and the C header read it.

An artifact is a table of *kernels*; a kernel does one task for rows of one dtype and is a list of *stages*; a stage is one
function that may be sharded over its axis, since every call gets a range and a workspace of its own. What a stage leaves
for the next one, partial sums of groups of trees, is in the *scratch* of a run, which all its stages and shards share.
Nothing in an artifact allocates, locks, writes a global or starts a thread. All strides are in elements, may be zero or
negative.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from enum import IntEnum

ABI_VERSION = 4
MAGIC = 0x43455254  # "TREC"

DESCRIBE_SYMBOL = "treec_describe"
PREDICT_SYMBOL = "treec_predict"
CARD_SYMBOL = "treec_card"
CARD_SECTION = ".treec_card"
CARD_CAPACITY = 1 << 16
"""Bytes kept free for the card in a new artifact, its end of text (NUL) included; grows in steps of this."""


class Task(IntEnum):
    """What a kernel computes, and into what."""

    RAW = 0
    """Raw outputs, [n, n_columns] of the artifact's ``out_dtype``."""
    RESPONSE = 1
    """Outputs after the link, likewise."""
    LEAF = 2
    """The library's leaf ids, int32 [n, n_trees]; column ``t - tree_begin`` for tree ``t``."""
    LABEL = 3
    """Indices of classes as numbers of ``out_dtype``, in the first columns of [n, n_columns], one for each output of the
    model; the columns behind have no meaning. Of kernels for GPUs alone: a CPU's caller finds labels itself."""


class DType(IntEnum):
    F32 = 0
    F64 = 1


class Axis(IntEnum):
    """The axis a stage may be sharded over."""

    ROW = 0
    GROUP = 1
    """Groups of trees, 0 to the stage's ``n_groups``."""


class Status(IntEnum):
    """What every entry point returns."""

    OK = 0
    WRONG_CPU = 1
    NO_KERNEL = 2
    BAD_ARGUMENT = 3


@dataclass(frozen=True)
class Parameter:
    """One C parameter of a function of the ABI."""

    name: str
    ctype: str
    doc: str


STAGE_PARAMETERS = (
    Parameter("rows", "const void *", "first element of row 0"),
    Parameter("row_stride", "int64_t", "elements from a row to the next"),
    Parameter("column_stride", "int64_t", "elements from a column to the next"),
    Parameter("out", "void *", "first element of output row 0"),
    Parameter("out_row_stride", "int64_t", "elements from an output row to the next"),
    Parameter("out_column_stride", "int64_t", "elements from an output column to the next"),
    Parameter("row_begin", "int64_t", "first row to compute"),
    Parameter("row_end", "int64_t", "end of the rows to compute, exclusive"),
    Parameter("tree_begin", "int64_t", "first tree to use"),
    Parameter("tree_end", "int64_t", "end of the trees to use, exclusive"),
    Parameter("group_begin", "int64_t", "first group of trees to compute; of stages over groups alone"),
    Parameter("group_end", "int64_t", "end of the groups to compute, exclusive; likewise"),
    Parameter("workspace", "void *", "workspace_bytes of this stage, aligned to 64; for this call alone"),
    Parameter("scratch", "void *", "scratch_row_bytes x scratch_rows of the kernel, aligned to 64; for all its stages"),
    Parameter("scratch_rows", "int64_t", "rows that scratch has room for, at least row_end"),
)
"""Parameters of a stage function, in order; it returns an int32 `Status`."""

CALL_WORDS = 1 + len(STAGE_PARAMETERS)
"""What an artifact's ``call`` gets: int64s, the address of a stage function and its parameters in order. It returns what
the stage does. One pointer is handed over many times faster than so many arguments, where each is converted by itself."""

WAIT_PARAMETERS = (
    Parameter("word", "const int64_t *", "another thread will change it"),
    Parameter("old", "int64_t", "what it was"),
    Parameter("pauses", "int64_t", "how often to look again, a pause before each"),
    Parameter("more", "int64_t", "pauses before it returns once the word has changed"),
)
"""Parameters of an artifact's ``wait``, which returns 1 as soon as the word is another, or 0. It neither sleeps nor takes
a lock: it is a chance to go on without being woken by the system, and nothing depends on it."""

PREDICT_PARAMETERS = (
    Parameter("task", "int32_t", "a treec_task"),
    Parameter("row_dtype", "int32_t", "a treec_dtype"),
    *STAGE_PARAMETERS[:3],
    Parameter("n_rows", "int64_t", "number of rows"),
    *STAGE_PARAMETERS[3:6],
    *STAGE_PARAMETERS[8:10],
    Parameter("workspace", "void *", "the artifact's workspace_bytes, aligned to 64; may be NULL if that is 0"),
)
"""Parameters of ``treec_predict``, which runs a whole task on the caller's thread."""


class StageStruct(ctypes.Structure):
    """``treec_stage``: ``grain`` is the number of axis steps that a shard should be a multiple of; ``n_groups`` is how long
    an axis of groups is."""

    _fields_ = (
        ("run", ctypes.c_void_p),
        ("axis", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("grain", ctypes.c_int64),
        ("workspace_bytes", ctypes.c_int64),
        ("n_groups", ctypes.c_int64),
    )


class KernelStruct(ctypes.Structure):
    """``treec_kernel``: serves calls of at most ``rows_max`` rows; the first kernel that fits is the one to use.

    A call of more than ``run_rows`` rows is run in parts of at most so many rows, each through all stages, its rows counted
    from 0; scratch is then ``scratch_row_bytes`` for each row of a part. ``row_cost``: picoseconds that a row takes in a
    tree on one core, by a rough estimate; 0 where there is none.
    """

    _fields_ = (
        ("task", ctypes.c_int32),
        ("row_dtype", ctypes.c_int32),
        ("rows_max", ctypes.c_int64),
        ("n_stages", ctypes.c_int64),
        ("stages", ctypes.POINTER(StageStruct)),
        ("run_rows", ctypes.c_int64),
        ("scratch_row_bytes", ctypes.c_int64),
        ("row_cost", ctypes.c_int64),
    )


class ArtifactStruct(ctypes.Structure):
    """``treec_artifact``: what ``treec_describe()`` returns. ``cpu_check`` returns `Status.OK` or `Status.WRONG_CPU`; for
    ``call`` see `CALL_WORDS`, for ``wait`` `WAIT_PARAMETERS`."""

    _fields_ = (
        ("magic", ctypes.c_uint32),
        ("abi_version", ctypes.c_uint32),
        ("n_features", ctypes.c_int64),
        ("n_trees", ctypes.c_int64),
        ("n_columns", ctypes.c_int64),
        ("out_dtype", ctypes.c_int32),
        ("n_kernels", ctypes.c_int32),
        ("workspace_bytes", ctypes.c_int64),
        ("kernels", ctypes.POINTER(KernelStruct)),
        ("cpu_check", ctypes.c_void_p),
        ("card", ctypes.c_void_p),
        ("card_capacity", ctypes.c_int64),
        ("call", ctypes.c_void_p),
        ("wait", ctypes.c_void_p),
    )
