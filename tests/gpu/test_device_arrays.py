"""Rows that are on a CUDA device: answers come back there, without a copy through the host. CuPy is a stand-in that runs
the kernels on PoCL."""

# pyright: basic

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.gpu.fake_cupy import DeviceArray, fake_cupy
from tests.unit.tools.tooling import model_text
from treec import compiler
from treec.codegen.abi import DType, Task
from treec.errors import ArtifactError, InputError, UsageError
from treec.runtime import gpu_library
from treec.runtime.gpu_device import require_gpu
from treec.runtime.library import open_bytes
from treec.runtime.predictor import CompiledModel

pytest.importorskip("tvm")
pytest.importorskip("pyopencl")

PLAN = (
    "target gpu\nlayout packed\nsplit row into=(block, thread) by=64\nbind block grid.x\nbind thread block.x\n"
    "order block, thread, tree\nwalk with=scalar\n"
)


SHARED = PLAN.replace("(block, thread) by=64", "(block, chunk) by=2048\nsplit chunk into=(part, thread) by=64")
SHARED = SHARED.replace("order block, thread, tree", "cache rows at=block in=shared")
"""Blocks of 2048 rows of 5 doubles: 80 KiB."""


PARTS = (
    "target gpu\nlayout packed\nsplit tree into=(part, tree) by=2\nsplit row into=(block, thread) by=64\n"
    "order part, block, thread, tree\nbind part grid.y\nbind block grid.x\nbind thread block.x\n"
    "reduce part in=staged\nwalk with=scalar\n"
)
"""Blocks share groups of two trees."""


def host(array: Any) -> NDArray[Any]:
    assert isinstance(array, DeviceArray)
    return array.get()


def built(folder: Path, objective: str, plan: str) -> CompiledModel:
    (folder / "model.txt").write_text(model_text(objective=objective))
    return compiler.compile(folder / "model.txt", plan)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("gpu")
    return {
        objective: built(folder, objective, PLAN).library.all_bytes() or b""
        for objective in ("regression", "binary sigmoid:1")
    }


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float64]:
    table = np.random.default_rng(3).normal(size=(300, 4))
    table[::7, 1] = np.nan
    return table


@pytest.fixture(autouse=True)
def _forget_the_stand_in() -> Iterator[None]:
    yield
    sys.modules.pop("treec.runtime.gpu_cuda", None)


@pytest.fixture(params=["regression", "binary sigmoid:1"])
def objective(request: pytest.FixtureRequest) -> str:
    return request.param


def placed(
    files: dict[str, bytes], objective: str, monkeypatch: pytest.MonkeyPatch, **how: Any
) -> tuple[CompiledModel, Any]:
    """A model, freshly loaded, and the CuPy it runs on."""
    model = CompiledModel(open_bytes(files[objective]))
    cupy = fake_cupy(model.library.file, **how)  # pyright: ignore[reportAttributeAccessIssue]
    cupy.__spec__ = sys.__spec__
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.delitem(sys.modules, "treec.runtime.gpu_cuda", raising=False)
    return model, cupy


def test_raw_outputs_stay_on_the_device(
    files: dict[str, bytes], rows: NDArray[Any], objective: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, cupy = placed(files, objective, monkeypatch)
    wanted = built(tmp_path, objective, "target cpu\nlayout packed\nwalk with=scalar\n")
    there = DeviceArray(rows, cupy)
    found = model.predict(there, raw=True), model.apply(there)
    assert model.device.startswith("CUDA")
    assert all(isinstance(array, DeviceArray) for array in found)
    assert "get" not in cupy.calls
    np.testing.assert_array_equal(host(found[0]), wanted.predict(rows, raw=True))
    np.testing.assert_array_equal(host(found[1]), wanted.apply(rows))


def test_responses_stay_on_the_device(
    files: dict[str, bytes], rows: NDArray[Any], objective: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, cupy = placed(files, objective, monkeypatch)
    wanted = built(tmp_path, objective, "target cpu\nlayout packed\nwalk with=scalar\n")
    found = model.predict(DeviceArray(rows, cupy))
    assert isinstance(found, DeviceArray)
    assert "get" not in cupy.calls
    np.testing.assert_array_equal(host(found), wanted.predict(rows))


@pytest.mark.parametrize("names", [np.array([3, 5, 9]), np.array(["no", "maybe", "yes"])], ids=["numbers", "text"])
def test_labels_are_found_on_the_device(names: NDArray[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Their indices alone come to the host; names that CuPy can have stay there."""
    ensemble = pytest.importorskip("sklearn.ensemble")
    draw = np.random.default_rng(2)
    rows = draw.normal(size=(200, 3)).astype(np.float32)
    source = ensemble.RandomForestClassifier(5, max_depth=4, random_state=0).fit(rows, names[draw.integers(0, 3, 200)])
    data = compiler.compile(source, PLAN, verify=False).library.all_bytes() or b""
    model, cupy = placed({"forest": data}, "forest", monkeypatch)
    copied: list[tuple[int, ...]] = []
    get = DeviceArray.get

    def counted(array: DeviceArray) -> NDArray[Any]:
        copied.append(array.data_.shape)
        return get(array)

    monkeypatch.setattr(DeviceArray, "get", counted)
    np.testing.assert_array_equal(model.predict(rows), source.predict(rows), strict=True)
    assert copied == [(200, 1)]
    assert [name for name in cupy.calls if name.startswith("treec_main")] == [
        "treec_main_raw_f32",
        "treec_main_label_f32",
    ]
    found = model.predict(DeviceArray(rows, cupy))
    assert isinstance(found, DeviceArray) == (names.dtype.kind == "i")
    np.testing.assert_array_equal(found.data_ if isinstance(found, DeviceArray) else found, source.predict(rows))


def test_rows_of_the_host_give_answers_of_the_host(
    files: dict[str, bytes], rows: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = placed(files, "regression", monkeypatch)
    assert type(model.predict(rows)) is np.ndarray


def test_a_launcher_queues_kernels_and_waits(
    files: dict[str, bytes], rows: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, cupy = placed(files, "regression", monkeypatch)
    library: Any = model.library
    task = library.kernel(Task.RAW, DType.F64, len(rows))
    kernels = [library.file.plan.kernel(symbol) for symbol in task.kernels]
    launch, wait = library.device.launcher(kernels, rows, np.empty((len(rows), 1)), (0, library.n_trees))
    assert cupy.calls == ["synchronize"]
    launch()
    wait()
    assert cupy.calls == ["synchronize", *task.kernels, "synchronize"]
    assert require_gpu(pocl=False) == "sm_75"


def test_kernels_of_a_task_have_scratch_in_common(
    rows: NDArray[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = built(tmp_path, "regression", PARTS)
    wanted, files = model.predict(rows), {"regression": model.library.all_bytes() or b""}
    model, cupy = placed(files, "regression", monkeypatch)
    np.testing.assert_array_equal(host(model.predict(DeviceArray(rows, cupy))), wanted)
    np.testing.assert_array_equal(model.predict(rows), wanted)


def test_shared_memory_is_asked_for_at_launch(rows: NDArray[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = built(tmp_path, "regression", SHARED)
    wanted, files = model.predict(rows), {"regression": model.library.all_bytes() or b""}
    model, cupy = placed(files, "regression", monkeypatch)
    assert max(kernel.dynamic_bytes for kernel in cupy.file.plan.kernels) == 81920
    np.testing.assert_array_equal(host(model.predict(DeviceArray(rows, cupy))), wanted)
    model, _ = placed(files, "regression", monkeypatch, shared=64 << 10)
    with pytest.raises(ArtifactError, match=r"81,920 bytes of shared memory, 16,384 more than the 65,536 of CUDA"):
        model.predict(rows)


def test_strided_rows_are_read_in_place(
    files: dict[str, bytes], rows: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, cupy = placed(files, "regression", monkeypatch)
    wide = np.zeros((600, 8))
    wide[::2, ::2] = rows
    for view in (wide[::2, ::2], np.asfortranarray(rows)):
        found = model.predict(DeviceArray(view, cupy))
        np.testing.assert_array_equal(host(found), model.predict(rows))


def test_blocks_of_rows_are_parts_of_one_array(
    files: dict[str, bytes], rows: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, cupy = placed(files, "regression", monkeypatch)
    whole = model.predict(rows)
    monkeypatch.setattr(gpu_library, "BLOCK_BYTES", 1000)
    cupy.calls.clear()
    found = model.predict(DeviceArray(rows, cupy))
    assert len(cupy.calls) > 5
    np.testing.assert_array_equal(host(found), whole)


def test_rows_of_the_host_go_in_blocks_where_memory_is_short(
    files: dict[str, bytes], rows: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = placed(files, "regression", monkeypatch)
    whole = model.predict(rows)
    largest = max(len(data) for data in model.library.file.tables.values())  # pyright: ignore[reportAttributeAccessIssue]
    short, cupy = placed(files, "regression", monkeypatch, room=max(largest, 2000))
    np.testing.assert_array_equal(short.predict(rows), whole)
    assert cupy.calls.count("get") >= 4


def test_outputs_without_room_are_an_error(
    files: dict[str, bytes], rows: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, cupy = placed(files, "regression", monkeypatch)
    there = DeviceArray(rows, cupy)
    model.predict(there)
    cupy.empty = lambda *_: (_ for _ in ()).throw(cupy.cuda.memory.OutOfMemoryError("Out of memory"))
    with pytest.raises(UsageError, match="no memory for the answers of 300 rows") as caught:
        model.predict(there)
    assert caught.value.fix


def test_rows_of_another_gpu_are_refused(
    files: dict[str, bytes], rows: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, cupy = placed(files, "regression", monkeypatch, devices=2)
    with pytest.raises(UsageError, match="the rows are on GPU 1 and the model is on GPU 0"):
        model.predict(DeviceArray(rows, cupy, 1))


def test_tensors_that_are_no_rows_are_refused(
    files: dict[str, bytes], rows: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, cupy = placed(files, "regression", monkeypatch)
    for wrong in (rows[:, :3], rows[0], np.zeros((3, 4), np.int64)):
        with pytest.raises(InputError, match=r"a tensor .* came"):
            model.predict(DeviceArray(wrong, cupy))


def test_a_machine_without_a_driver_says_so(
    files: dict[str, bytes], rows: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, cupy = placed(files, "regression", monkeypatch, devices=0)
    monkeypatch.setitem(sys.modules, "pyopencl", None)
    with pytest.raises(UsageError, match="CuPy finds no CUDA driver \\(cudaErrorNoDevice"):
        model.predict(DeviceArray(rows, cupy))
