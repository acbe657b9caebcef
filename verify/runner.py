"""What verification asks of whatever computes a model: a compiled artifact, or the interpreter itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from treec.codegen.abi import DType, Task
from treec.frontends.base import F32, F64, Final, Forest
from treec.treeir.interp import forest as interpreter

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from treec.runtime.card import Facts
    from treec.runtime.predictor import CompiledModel

Rows = NDArray[Any]
"""f32 or f64 [n, n_features], any strides."""


class Runner(Protocol):
    """A model that can be run. Trees ``tree_begin`` to ``tree_end`` (None: to the last) of it, on ``n_threads``."""

    @property
    def row_dtypes(self) -> tuple[np.dtype[Any], ...]:
        """The dtypes of rows that it reads as they are."""
        ...

    @property
    def row_limits(self) -> tuple[int, ...]:
        """The most rows of a call of each kernel but the last, ascending; empty where all calls run the same code."""
        ...

    def as_rows(self, n: int) -> Runner:
        """The same model, run by the code that serves calls of ``n`` rows, however many rows there are."""
        ...

    def code(self, task: Task, dtype: np.dtype[Any]) -> object:
        """What runs ``task`` for rows of ``dtype``: the same object where two kernels share their code."""
        ...

    def raw(self, rows: Rows, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> NDArray[Any]:
        """[n, K] of the sum's dtype, base and final operation included."""
        ...

    def leaf_ids(
        self, rows: Rows, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1
    ) -> NDArray[np.int32]:
        """i32 [n, trees]: the library's numbers of leaves."""
        ...

    def response(self, rows: Rows, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> NDArray[Any]:
        """[n, K] after the link."""
        ...

    def predict(self, rows: Rows) -> NDArray[Any]:
        """As the source library's ``predict``: its shape, dtype and labels."""
        ...

    def predict_proba(self, rows: Rows) -> NDArray[Any] | list[NDArray[Any]] | None:
        """Likewise; None if the source is no classifier."""
        ...

    def apply(self, rows: Rows) -> NDArray[Any]:
        """Likewise leaf ids."""
        ...


@dataclass(frozen=True, eq=False)
class CompiledRunner:
    """The machine code behind a `CompiledModel`: of the very file it was loaded from."""

    model: CompiledModel
    as_many: int | None = None

    @property
    def row_limits(self) -> tuple[int, ...]:
        return self.model.library.row_limits

    def as_rows(self, n: int) -> CompiledRunner:
        return CompiledRunner(self.model, n)

    def code(self, task: Task, dtype: np.dtype[Any]) -> object:
        from treec.runtime.quick import NUMPY_DTYPES

        codes = {known: code for code, known in NUMPY_DTYPES.items()}
        return self.model.library.kernel(task, codes[dtype], 1 if self.as_many is None else self.as_many)

    @property
    def row_dtypes(self) -> tuple[np.dtype[Any], ...]:
        from treec.runtime.execute import NUMPY_DTYPES

        library = self.model.library
        return tuple(dtype for code, dtype in NUMPY_DTYPES.items() if library.kernel(Task.RAW, code, 1) is not None)

    def _run(self, task: Task, rows: Rows, begin: int, end: int | None, n_threads: int) -> NDArray[Any]:
        from treec.runtime.execute import run_task

        library = self.model.library
        return run_task(library, task, rows, tree_begin=begin, tree_end=end, n_threads=n_threads, as_rows=self.as_many)

    def raw(self, rows: Rows, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> NDArray[Any]:
        return self._run(Task.RAW, rows, tree_begin, tree_end, n_threads)

    def leaf_ids(
        self, rows: Rows, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1
    ) -> NDArray[np.int32]:
        return self._run(Task.LEAF, rows, tree_begin, tree_end, n_threads)

    def response(self, rows: Rows, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> NDArray[Any]:
        return self._run(Task.RESPONSE, rows, tree_begin, tree_end, n_threads)

    def predict(self, rows: Rows) -> NDArray[Any]:
        return self.model.predict(rows, n_threads=1)

    def predict_proba(self, rows: Rows) -> NDArray[Any] | list[NDArray[Any]] | None:
        return self.model.predict_proba(rows, n_threads=1) if self.model.library.facts.is_classifier else None

    def apply(self, rows: Rows) -> NDArray[Any]:
        return self.model.apply(rows, n_threads=1)


@dataclass(frozen=True, eq=False)
class InterpreterRunner:
    """The reference interpreter as a runner: a Forest against its library, without any compiled code."""

    forest: Forest
    row_dtypes: tuple[np.dtype[Any], ...] = (F32, F64)
    row_limits: tuple[int, ...] = ()

    def as_rows(self, n: int) -> InterpreterRunner:
        return self

    def code(self, task: Task, dtype: np.dtype[Any]) -> object:
        return self

    @cached_property
    def facts(self) -> Facts:
        """What the runtime would read in the card of this Forest."""
        from treec.runtime.card import Facts

        forest, out = self.forest, self.forest.outputs
        return Facts(
            library=forest.source.library,
            n_features=forest.inputs.n_features,
            input_dtype=forest.inputs.dtype,
            names=forest.inputs.names,
            n_columns=forest.n_columns,
            n_trees=forest.trees.n_trees,
            iteration_offset=forest.trees.iteration_offset.astype(np.int64),
            averages=forest.sum.final is Final.DIVIDE or out.average != 1.0,
            vector=out.vector,
            label=out.label.value,
            predicted=out.predicted.value,
            is_classifier=out.is_classifier,
            binary_proba=out.binary_proba,
            classes=out.classes,
            groups=out.groups,
            apply_dtype=np.dtype(out.apply_dtype),
            apply_shape=out.apply_shape,
        )

    def raw(self, rows: Rows, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> NDArray[Any]:
        return interpreter.raw(self.forest, rows, tree_begin, tree_end)

    def leaf_ids(
        self, rows: Rows, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1
    ) -> NDArray[np.int32]:
        return interpreter.leaf_ids(self.forest, rows, tree_begin, tree_end)

    def response(self, rows: Rows, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> NDArray[Any]:
        return interpreter.response(self.forest, self.raw(rows, tree_begin, tree_end))

    def predict(self, rows: Rows) -> NDArray[Any]:
        from treec.runtime import labels

        return labels.predicted(self.raw(rows) if labels.needs_raw(self.facts) else self.response(rows), self.facts)

    def predict_proba(self, rows: Rows) -> NDArray[Any] | list[NDArray[Any]] | None:
        from treec.runtime import labels

        return labels.probabilities(self.response(rows), self.facts) if self.facts.is_classifier else None

    def apply(self, rows: Rows) -> NDArray[Any]:
        from treec.runtime import labels

        return labels.leaf_ids(self.leaf_ids(rows), self.facts)


@dataclass(frozen=True, eq=False)
class GivenSums(InterpreterRunner):
    """The interpreter, for rows whose raw outputs ``sums`` [n, K] are known."""

    sums: NDArray[Any] = field(kw_only=True)

    def raw(self, rows: Rows, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> NDArray[Any]:
        return self.sums


@dataclass(frozen=True, eq=False)
class LoopRunner(InterpreterRunner):
    """The loop dialect's interpreter, for code that nothing on this machine can run."""

    module: ModuleOp = field(kw_only=True)

    def _run(self, task: Task, rows: Rows, begin: int, end: int | None, width: int) -> NDArray[Any]:
        from treec.treeir.interp.loop import run_kernel

        trees = (begin, self.forest.trees.n_trees if end is None else end)
        dtype = DType.F32 if rows.dtype == F32 else DType.F64
        return run_kernel(self.module, task, dtype, rows, trees, width or trees[1] - trees[0])

    def raw(self, rows: Rows, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> NDArray[Any]:
        return self._run(Task.RAW, rows, tree_begin, tree_end, self.forest.n_columns)

    def leaf_ids(
        self, rows: Rows, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1
    ) -> NDArray[np.int32]:
        return self._run(Task.LEAF, rows, tree_begin, tree_end, 0)

    def response(self, rows: Rows, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> NDArray[Any]:
        return self._run(Task.RESPONSE, rows, tree_begin, tree_end, self.forest.n_columns)
