"""Quick calls: the general way's answers where they serve a call, and nothing where they do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from treec.codegen.abi import Task
from treec.errors import ArtifactError, InputError, UsageError
from treec.runtime.execute import run_task
from treec.runtime.library import UNKNOWN_COST, Library
from treec.runtime.predictor import CompiledModel
from treec.runtime.quick import QuickCalls
from treec.runtime.threads import MIN_WORK


def _quick(compiled: CompiledModel) -> tuple[QuickCalls, Library]:
    assert isinstance(compiled.library, Library)
    return QuickCalls(compiled.library), compiled.library


def _rows(n_rows: int, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(n_rows).normal(0, 0.3, (n_rows, 3)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("task", [Task.RAW, Task.RESPONSE, Task.LEAF])
def test_answers_are_those_of_the_general_way(make: Any, task: Task, dtype: Any) -> None:
    _, compiled = make(n_trees=21, n_columns=3)
    quick, library = _quick(compiled)
    for n_rows in (0, 1, 4, 5, 63, 500):
        rows = _rows(n_rows, dtype)
        found, expected = quick.run(task, rows, 1), run_task(library, task, rows)
        assert found is not None
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)


def test_other_tables_go_the_general_way(make: Any) -> None:
    model, compiled = make()
    quick, _ = _quick(compiled)
    rows = _rows(8)
    unaligned = np.frombuffer(b"x" + rows.tobytes(), np.uint8)[1:].view(np.float32).reshape(8, 3)
    others = [np.asfortranarray(rows), np.repeat(rows, 2, axis=0)[::2], rows[:, ::-1], unaligned, rows.astype(">f4")]
    for other in [*others, rows.tolist(), rows.view(np.recarray), rows.astype(np.float16)]:
        assert quick.run(Task.RAW, other, 1) is None
        assert np.array_equal(compiled.predict(other, raw=True), model.raw(np.asarray(other, np.float32))[:, 0])
    for bad in (rows[0], rows[:, :2], rows.reshape(2, 4, 3)):
        assert quick.run(Task.RAW, bad, 1) is None
        with pytest.raises(InputError):
            compiled.predict(bad)
    one = rows[:1][:, :]  # any strides will do where there is one row
    assert quick.run(Task.RAW, np.lib.stride_tricks.as_strided(one, (1, 3), (999, 4)), 1) is not None


def test_calls_for_several_threads_go_the_general_way(make: Any) -> None:
    _, compiled = make(n_trees=6)  # in grains of four rows
    quick, _ = _quick(compiled)
    assert quick.run(Task.RAW, _rows(4), 2) is not None
    assert quick.run(Task.RAW, _rows(5), 2) is None
    alone = (MIN_WORK * 1000 - 1) // (6 * UNKNOWN_COST)
    assert quick.run(Task.RAW, _rows(alone), None) is not None
    assert quick.run(Task.RAW, _rows(alone + 1), None) is None
    senseless: list[Any] = [0, -1, True, 1.0, "1x"]
    for bad in senseless:
        assert quick.run(Task.RAW, _rows(1), bad) is None
        with pytest.raises(UsageError, match="no number of threads"):
            compiled.predict(_rows(1), n_threads=bad)


def test_a_senseless_environment_is_refused_when_a_model_is_loaded(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, compiled = make()
    monkeypatch.setenv("TREEC_NUM_THREADS", "many")
    with pytest.raises(UsageError, match="TREEC_NUM_THREADS"):
        _quick(compiled)


def test_kernels_that_run_in_parts_or_share_groups_go_the_general_way(make: Any) -> None:
    _, compiled = make(defines={"RUN_ROWS": 64})
    quick, _ = _quick(compiled)
    assert quick.run(Task.RAW, _rows(4), 1) is not None  # the kernel of up to four rows
    assert quick.run(Task.RAW, _rows(5), 1) is None
    _, compiled = make(defines={"LEAF_GROUPS": 2})
    quick, _ = _quick(compiled)
    assert quick.run(Task.LEAF, _rows(4), 1) is None


def test_a_status_is_an_error_of_the_general_way(make: Any) -> None:
    _, compiled = make(defines={"STATUS": 3})
    quick, _ = _quick(compiled)
    assert quick.run(Task.RAW, _rows(2), 1) is None
    with pytest.raises(ArtifactError, match="BAD_ARGUMENT"):
        compiled.predict(_rows(2), n_threads=1)


def test_a_task_or_dtype_without_code_goes_the_general_way(make: Any) -> None:
    _, compiled = make(dtype="f8", defines={"FIRST_KERNEL": 4, "KERNELS": 3})
    quick, _ = _quick(compiled)
    assert quick.run(Task.RAW, _rows(2), 1) is None
    assert quick.run(Task.RAW, _rows(2, np.float64), 1) is not None
