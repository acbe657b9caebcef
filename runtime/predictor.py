"""A compiled model: what `treec.load` and `treec.compile` return."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, final

import numpy as np
from numpy.typing import NDArray

from treec.codegen.abi import Task
from treec.codegen.files import PendingFile, unwritable
from treec.errors import UsageError
from treec.runtime import labels
from treec.runtime.card import code_name
from treec.runtime.execute import run_task
from treec.runtime.library import Library, from_address, open_bytes, open_file
from treec.runtime.quick import QuickCalls
from treec.runtime.report import report_of
from treec.runtime.rows import as_rows

if TYPE_CHECKING:
    from treec.runtime.gpu_library import GpuLibrary

Saver = Callable[[Path], None]
"""Writes the model's artifact to a path; what a model that was compiled in this process gets from the compiler."""


@final
class CompiledModel:
    """A model as machine code, or as kernels for a GPU. Immutable, and safe to use from several threads at once.

    Rows (``X`` everywhere): a table [n, n_features]. float32 and float64 numpy arrays of any order and stride are read in
    place; integers, booleans, float16, lists and data frames are converted once to the dtype the model compares in. A data
    frame's columns must be those of training, in order. ``n_threads``: how many threads a call may use; None for as many as
    pay (`TREEC_NUM_THREADS` bounds it). Results do not depend on it, nor on the batch size. ``iterations=(a, b)``: only
    boosting iterations ``a`` to ``b``, exclusive. A model for a GPU also takes DLPack tensors on a CUDA device, which are
    read in place; results are then arrays of CuPy on that device, in the order of CuPy's current stream.

    Raises `InputError` for rows that do not fit, `UsageError` for calls that make no sense.
    """

    __slots__ = ("__weakref__", "_library", "_quick", "_saver")

    _library: Library | GpuLibrary
    _quick: QuickCalls | None
    _saver: Saver | None

    def __init__(self, library: Library | GpuLibrary, saver: Saver | None = None) -> None:
        object.__setattr__(self, "_library", library)
        object.__setattr__(self, "_quick", QuickCalls(library) if isinstance(library, Library) else None)
        object.__setattr__(self, "_saver", saver)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a compiled model is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a compiled model is immutable: cannot delete {name!r}")

    @classmethod
    def from_jit(
        cls, describe_address: int, keep_alive: object, card: dict[str, Any] | None = None, saver: Saver | None = None
    ) -> CompiledModel:
        """A model that the JIT put into this process; ``keep_alive`` holds its code, ``saver`` links it to a file."""
        return cls(from_address(describe_address, keep_alive, card), saver)

    def predict(
        self,
        X: Any,
        *,
        raw: bool = False,
        n_threads: int | None = None,
        iterations: tuple[int, int] | None = None,
    ) -> NDArray[Any]:
        """What ``predict`` of the source returns: responses or labels, with its shape and dtype.

        ``raw``: what the library calls raw instead, (n,) or (n, K): margins; for a random forest the averaged output.
        """
        facts = self._library.facts
        if raw:
            return labels.shaped(self._run(Task.RAW, X, n_threads, iterations), facts)
        if self._library.gives_labels:
            return labels.labelled(self._run(Task.LABEL, X, n_threads, iterations), facts)
        task = Task.RAW if labels.needs_raw(facts) else Task.RESPONSE
        return labels.predicted(self._run(task, X, n_threads, iterations), facts)

    def predict_proba(
        self, X: Any, *, n_threads: int | None = None, iterations: tuple[int, int] | None = None
    ) -> NDArray[Any] | list[NDArray[Any]]:
        """Probabilities (n, classes) in the order of ``classes_``; a list of such for a classifier with several outputs."""
        facts = self._library.facts
        if not facts.is_classifier:
            labels.probabilities(np.empty((0, 1)), facts)  # refuses, before any work
        return labels.probabilities(self._run(Task.RESPONSE, X, n_threads, iterations), facts)

    def apply(self, X: Any, *, n_threads: int | None = None, iterations: tuple[int, int] | None = None) -> NDArray[Any]:
        """The leaf each row ends in, per tree: ids, dtype and shape as the source library's ``apply`` or ``pred_leaf``."""
        leaves = self._run(Task.LEAF, X, n_threads, iterations, sums=False)
        return labels.leaf_ids(leaves, self._library.facts)

    def _run(
        self, task: Task, X: Any, n_threads: int | None, iterations: tuple[int, int] | None, *, sums: bool = True
    ) -> NDArray[Any]:
        if iterations is None and (quick := self._quick) is not None and (out := quick.run(task, X, n_threads)) is not None:
            return out
        begin, end = self._trees(iterations, sums)
        there = self._library.device_rows(X)
        rows = as_rows(X, self._library.facts) if there is None else there
        return run_task(self._library, task, rows, tree_begin=begin, tree_end=end, n_threads=n_threads)

    def _trees(self, iterations: tuple[int, int] | None, sums: bool) -> tuple[int, int]:
        facts = self._library.facts
        if iterations is None:
            return 0, facts.n_trees
        count = len(facts.iteration_offset) - 1
        if sums and facts.averages:
            raise UsageError(
                "this model averages its trees, so a part of them has no answer of its own",
                place=f"iterations={iterations!r}",
                fix="leave iterations out",
            )
        begin, end = _range(iterations, count)
        return int(facts.iteration_offset[begin]), int(facts.iteration_offset[end])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model's file, whole or not at all. Raises `UsageError`, or `ToolchainError` without a
        linker (a model compiled in this process is linked only now)."""
        if self._saver is not None:
            self._saver(Path(path))
            return
        data = self._artifact()
        with PendingFile(path) as pending:
            try:
                pending.path.write_bytes(data)
            except OSError as error:
                raise unwritable(pending.target, error) from error
            pending.commit()

    def _artifact(self) -> bytes:
        if (data := self._library.all_bytes()) is not None:
            return data
        if self._saver is None:
            raise UsageError(
                "this model lives in this process only and has no way to a file",
                fix="compile it to a file: `treec MODEL -o OUT`",
            )
        import tempfile  # 10 ms that loading does not pay

        with tempfile.TemporaryDirectory(prefix="treec-") as folder:
            path = Path(folder) / "model.so"
            self._saver(path)
            return path.read_bytes()

    def __copy__(self) -> CompiledModel:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> CompiledModel:
        return self

    def __reduce__(self) -> tuple[Callable[[bytes], CompiledModel], tuple[bytes]]:
        return from_bytes, (self._artifact(),)

    @property
    def schedule(self) -> str:
        """The whole schedule that the code was made by, as text."""
        return str(self._library.card["schedule"]["text"])

    def report(self) -> str:
        """What was decided, measured and verified, for people to read."""
        return report_of(self._library)

    @property
    def card(self) -> dict[str, Any]:
        """Everything the artifact says about itself; a copy."""
        return copy.deepcopy(self._library.card)

    @property
    def library(self) -> Library | GpuLibrary:
        """The artifact behind this model, for `treec.runtime.execute`."""
        return self._library

    @property
    def device(self) -> str:
        """What runs it: "cpu", or of a model for GPUs the device. Raises `UsageError` if this machine has none."""
        return self._library.device_name

    @property
    def n_features(self) -> int:
        return self._library.n_features

    @property
    def n_trees(self) -> int:
        return self._library.n_trees

    @property
    def n_iterations(self) -> int:
        """Boosting iterations (trees of a forest)."""
        return len(self._library.facts.iteration_offset) - 1

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        return self._library.facts.names

    @property
    def classes_(self) -> NDArray[Any] | list[NDArray[Any]] | None:
        """Class labels as in the source; a list of such for several outputs; None for a regression."""
        classes = self._library.facts.classes
        if not classes:
            return None
        return classes[0] if len(classes) == 1 else list(classes)

    def __repr__(self) -> str:
        card, facts = self._library.card, self._library.facts
        source = card["source"]
        what = " ".join(str(source[key]) for key in ("library", "objective") if source.get(key))
        return (
            f"<treec.CompiledModel {what}: {facts.n_trees} trees, {facts.n_features} features, "
            f"{facts.n_columns} output{'s' if facts.n_columns != 1 else ''}, {code_name(card)}, {self._library.place}>"
        )


def _range(iterations: Any, count: int) -> tuple[int, int]:
    try:
        begin, end = (int(value.__index__()) for value in iterations)
    except (TypeError, ValueError, AttributeError):
        begin, end = -1, -1
    if not 0 <= begin < end <= count:
        raise UsageError(
            f"the model has iterations 0 to {count}, the end exclusive",
            place=f"iterations={iterations!r}",
            fix=f"give (first, end) with 0 <= first < end <= {count}, or leave it out for all",
        )
    return begin, end


def load(path: str | os.PathLike[str]) -> CompiledModel:
    """Load a compiled model; needs neither a compiler nor the source library.

    The file as it is now: a path that was overwritten gives the new model. Raises `ArtifactError` if it is not a whole
    artifact for this machine's CPU, `UsageError` if it can't be read.
    """
    return CompiledModel(open_file(path))


def from_bytes(data: bytes) -> CompiledModel:
    """Load a compiled model from the bytes of its file."""
    return CompiledModel(open_bytes(data))
