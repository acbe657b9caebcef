"""What a caller sees of a compiled model: answers, shapes, ranges of iterations, saving, pickling."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from treec.errors import ArtifactError, InputError, UsageError
from treec.frontends.base import Final, LabelRule, Outputs, Predicted
from treec.runtime import CompiledModel, load
from treec.runtime.library import Library

Make = Any
Rows = NDArray[np.float32]


def test_raw_response_and_leaves_are_the_models(plain: Any, rows: Rows) -> None:
    model, compiled, _ = plain
    raw = model.raw(rows)[:, 0]
    assert np.array_equal(compiled.predict(rows, raw=True), raw)
    assert np.array_equal(compiled.predict(rows), (0.5 + raw.astype(np.float64) / 8).astype(np.float32))
    leaves = compiled.apply(rows)
    assert np.array_equal(leaves, model.leaf_ids(rows))
    assert leaves.dtype == np.int32


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 37])
def test_every_batch_size_gives_the_same_rows(plain: Any, rows: Rows, n: int) -> None:
    model, compiled, _ = plain
    got = compiled.predict(rows[:n], raw=True)
    assert got.shape == (n,)
    assert got.dtype == np.float32
    assert np.array_equal(got, model.raw(rows)[:n, 0])


def test_empty_batches_keep_shapes_and_dtypes(make: Make) -> None:
    classes = (np.array(["a", "b", "c"]),)
    outputs = Outputs(
        False, label=LabelRule.ARGMAX, predicted=Predicted.LABEL, is_classifier=True, classes=classes, apply_shape=(6,)
    )
    _, compiled = make(n_columns=3, outputs=outputs)
    none = np.zeros((0, 3))
    assert compiled.predict(none).shape == (0,)
    assert compiled.predict(none).dtype == classes[0].dtype
    assert compiled.predict_proba(none).shape == (0, 3)
    assert compiled.predict(none, raw=True).shape == (0, 3)
    assert compiled.apply(none).shape == (0, 6)


def test_a_range_of_iterations_is_a_range_of_trees(make: Make, rows: Rows) -> None:
    model, compiled = make(n_columns=2, outputs=Outputs(False, apply_dtype="<f8", apply_shape=(3, 2)))
    assert compiled.n_iterations == 3
    assert np.array_equal(compiled.predict(rows, raw=True, iterations=(1, 3)), model.raw(rows, range(2, 6)))
    leaves = compiled.apply(rows, iterations=(1, 3))
    assert leaves.shape == (37, 2, 2)
    assert leaves.dtype == np.float64
    assert np.array_equal(leaves, model.leaf_ids(rows)[:, 2:].reshape(37, 2, 2))


@pytest.mark.parametrize("bad", [(0, 0), (2, 1), (0, 4), (-1, 2), (0.0, 1.0), 2, (1, 2, 3)])
def test_a_range_outside_the_model_is_refused(make: Make, rows: Rows, bad: Any) -> None:
    _, compiled = make(n_columns=2)
    with pytest.raises(UsageError, match="iterations 0 to 3"):
        compiled.predict(rows, iterations=bad)


@pytest.mark.parametrize("options", [{"final": Final.DIVIDE}, {"outputs": Outputs(True, average=6.0)}])
def test_a_part_of_an_average_is_refused(make: Make, rows: Rows, options: Any) -> None:
    _, compiled = make(**options)
    with pytest.raises(UsageError, match="averages its trees"):
        compiled.predict(rows, iterations=(0, 1))
    assert compiled.apply(rows, iterations=(0, 1)).shape == (37, 1)


def test_a_regression_has_no_probabilities(plain: Any, rows: Rows) -> None:
    with pytest.raises(UsageError, match="not a classifier"):
        plain[1].predict_proba(rows)
    assert plain[1].classes_ is None


def test_a_model_is_immutable(plain: Any) -> None:
    compiled: Any = plain[1]
    with pytest.raises(AttributeError, match="immutable"):
        compiled.n_trees = 3
    with pytest.raises(AttributeError, match="immutable"):
        del compiled.schedule
    compiled.card["source"]["library"] = "changed"
    assert compiled.card["source"]["library"] == "xgboost"


def test_what_a_model_says_about_itself(plain: Any) -> None:
    model, compiled, path = plain
    assert compiled.schedule == "order row, tree\n"
    assert (compiled.n_features, compiled.n_trees, compiled.n_iterations) == (3, 6, 6)
    assert repr(compiled) == (f"<treec.CompiledModel xgboost squares: 6 trees, 3 features, 1 output, x86-64-v3, {path}>")
    report = compiled.report()
    for said in ("3 features, 6 trees, 6 nodes, 12 leaves", "not verified", "order row, tree", "float32"):
        assert said in report
    assert {key: compiled.card[key] for key in model.card()} == model.card()


def test_the_report_shows_verification_and_further_facts(make: Make, build: Any, stumps_of: Any) -> None:
    model = stumps_of()
    model.facts = {"timings": {"parse": "0.1 s"}, "linker": "cc"}
    report = load(build(model)).report()
    assert "timings       parse: 0.1 s" in report
    assert "linker        cc" in report


def test_a_report_has_no_python_in_it(make: Make, build: Any, stumps_of: Any) -> None:
    model = stumps_of()
    model.facts = {
        "check": {"rows_run": 12345, "kinds": ["a", "b"], "library": {"name": "x", "max_ulp": 0}},
        "linker": None,
    }
    report = load(build(model)).report()
    for line in ("check         rows run: 12,345", "kinds: a, b", "library: name x, max ulp 0"):
        assert line in report
    assert "None" not in report
    assert "{" not in report


def test_a_copy_of_an_immutable_model_is_the_model(plain: Any) -> None:
    compiled = plain[1]
    assert copy.copy(compiled) is compiled
    assert copy.deepcopy([compiled])[0] is compiled


def test_save_writes_the_same_bytes(plain: Any, tmp_path: Path, rows: Rows) -> None:
    _, compiled, path = plain
    compiled.save(tmp_path / "copy.so")
    assert (tmp_path / "copy.so").read_bytes() == path.read_bytes()
    assert np.array_equal(load(tmp_path / "copy.so").predict(rows), compiled.predict(rows))
    assert [p.name for p in tmp_path.iterdir()] == ["copy.so"]


def test_save_keeps_the_model_that_was_loaded(build: Any, stumps_of: Any, tmp_path: Path) -> None:
    path = build(stumps_of())
    before = path.read_bytes()
    compiled = load(path)
    path.unlink()
    compiled.save(tmp_path / "copy.so")
    assert (tmp_path / "copy.so").read_bytes() == before


def test_save_to_a_missing_folder_is_a_users_error(plain: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="folder does not exist"):
        plain[1].save(tmp_path / "no" / "model.so")


def test_pickle_carries_the_artifact(plain: Any, rows: Rows) -> None:
    _, compiled, _ = plain
    again = pickle.loads(pickle.dumps(compiled))
    assert np.array_equal(again.predict(rows), compiled.predict(rows))
    assert again.card == compiled.card


def test_a_model_of_this_process_saves_by_its_saver(plain: Any, tmp_path: Path, rows: Rows) -> None:
    _, compiled, path = plain
    describe = _describe_address(compiled)
    saved: list[Path] = []

    def saver(target: Path) -> None:
        saved.append(target)
        target.write_bytes(path.read_bytes())

    jit = CompiledModel.from_jit(describe, compiled, saver=saver)
    assert np.array_equal(jit.predict(rows), compiled.predict(rows))
    jit.save(tmp_path / "model.so")
    assert saved == [tmp_path / "model.so"]
    assert np.array_equal(pickle.loads(pickle.dumps(jit)).predict(rows), compiled.predict(rows))
    with pytest.raises(UsageError, match="this process only"):
        CompiledModel.from_jit(describe, compiled).save(tmp_path / "other.so")


def test_a_model_of_this_process_may_bring_its_card(build: Any, stumps_of: Any, rows: Rows) -> None:
    model = stumps_of()
    compiled = load(build(model))
    jit = CompiledModel.from_jit(_describe_address(compiled), compiled, {**model.card(), "note": "here"})
    assert jit.card["note"] == "here"
    assert np.array_equal(jit.predict(rows), compiled.predict(rows))


def _describe_address(compiled: CompiledModel) -> int:
    import _ctypes

    library = compiled.library
    assert isinstance(library, Library)
    owner: Any = library.owner
    return _ctypes.dlsym(owner.handle, "treec_describe")


def test_a_status_of_the_code_is_an_error(make: Make, rows: Rows) -> None:
    _, compiled = make(defines={"STATUS": 3})
    for n_threads in (1, 2):
        with pytest.raises(ArtifactError, match="BAD_ARGUMENT"):
            compiled.predict(rows, n_threads=n_threads)


def test_f64_rows_without_code_for_them(make: Make, rows: Rows) -> None:
    only_f32 = {"KERNELS": 4}
    exact = rows.astype(np.float64)
    model, compiled = make(dtype="f8", defines=only_f32)
    assert np.array_equal(compiled.predict(exact, raw=True), model.raw(exact)[:, 0])
    inexact = exact.copy()
    inexact[3, 2] = 0.1
    with pytest.raises(InputError, match=r"takes float32 rows and .*0\.1.* is none \(row 3, column 2\)"):
        compiled.predict(inexact)
    model, compiled = make(dtype="f4", defines=only_f32)  # this model casts rows to float32 itself
    assert np.array_equal(compiled.predict(exact + 1e-12, raw=True), model.raw(exact + 1e-12)[:, 0])


def test_f32_rows_without_code_for_them_are_widened(make: Make, rows: Rows) -> None:
    model, compiled = make(dtype="f8", defines={"FIRST_KERNEL": 4, "KERNELS": 3})
    assert np.array_equal(compiled.predict(rows, raw=True), model.raw(rows)[:, 0])


def test_a_task_without_code_is_refused(make: Make, rows: Rows) -> None:
    _, compiled = make(defines={"KERNELS": 2})
    with pytest.raises(ArtifactError, match="no code for response outputs"):
        compiled.predict(rows)


def test_loading_needs_neither_compiler_nor_library(plain: Any) -> None:
    code = (
        "import sys, numpy, treec.runtime as r\n"
        "r.load(sys.argv[1]).predict(numpy.zeros((2, 3)))\n"
        "print(*(m for m in ('llvmlite', 'xdsl', 'xgboost', 'sklearn', 'lightgbm', 'rich') if m in sys.modules))\n"
        "print(*sorted(m for m in sys.modules if m.startswith('treec.') and not m.startswith('treec.runtime')))\n"
    )
    out = subprocess.run([sys.executable, "-c", code, str(plain[2])], capture_output=True, text=True, check=True).stdout
    heavy, ours = out.splitlines()
    assert heavy == ""
    assert ours.split() == [
        "treec.codegen",
        "treec.codegen.abi",
        "treec.codegen.cpu_levels",
        "treec.codegen.elf",
        "treec.codegen.files",
        "treec.errors",
    ]
