"""The way through the compiler: schedules settled, phases told, and no file that was not checked."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.property.forests import Shape, build
from treec import compiler
from treec.default.schedule import default_schedule
from treec.errors import ModelError, ScheduleError, UsageError, VerificationError
from treec.frontends.base import Forest
from treec.frontends.load import LoadedModel
from treec.frontends.oracle import RememberingOracle
from treec.runtime.predictor import load
from treec.schedule.schedule import Schedule
from treec.treeir.interp import forest as interpreter
from treec.verify.compare import same

if os.uname().machine not in ("x86_64", "aarch64"):
    pytest.skip("treec makes code for x86-64 and aarch64", allow_module_level=True)

TEXT = "layout packed\nsplit row into=(block, row) by=16\norder block, tree, row\nwalk with=scalar\nparallel block"


@pytest.fixture(scope="module")
def forest() -> Forest:
    return build(Shape(n_trees=4, seed=7))


@pytest.fixture
def given(forest: Forest, monkeypatch: pytest.MonkeyPatch) -> Forest:
    """`compiler.start` reads this forest, whatever it is asked to read."""

    def load(model: object, *, trust: bool = False) -> LoadedModel:
        return LoadedModel(forest, lambda: None)

    monkeypatch.setattr(compiler, "load_model", load)
    return forest


def rows_of(forest: Forest, n: int = 20) -> NDArray[Any]:
    return np.random.default_rng(0).normal(size=(n, forest.inputs.n_features)).astype(np.float32)


def test_no_schedule_means_treecs_own_choice_with_its_reasons(given: Forest) -> None:
    compilation = compiler.start("m")
    choice = default_schedule(given)
    assert (compilation.schedule, compilation.reasons) == (choice.schedule, choice.reasons)
    assert compilation.reasons


def test_a_schedule_may_be_text_a_file_or_an_object(given: Forest, tmp_path: Path) -> None:
    wanted = Schedule.from_text(TEXT)
    file = tmp_path / "plan.sched"
    file.write_text(TEXT)
    for form in (TEXT, str(file), file, wanted):
        assert compiler.start("m", form).schedule == wanted
    assert compiler.start("m", wanted).reasons == ()


def test_a_schedule_file_that_is_not_there_is_named(given: Forest, tmp_path: Path) -> None:
    for name in (tmp_path / "none.sched", "tile", ""):
        with pytest.raises(UsageError, match="no such schedule") as caught:
            compiler.start("m", name)
        assert "tiled" in (caught.value.fix or "")


def test_a_wrong_schedule_is_refused_before_any_pass(given: Forest) -> None:
    with pytest.raises(ScheduleError, match="walk"):
        compiler.start("m", "layout packed\norder row, tree\n")


def test_level_and_rows_override_the_target_line(given: Forest) -> None:
    target = compiler.start(
        "m", "target cpu level=x86-64-v4 input=any\n" + TEXT, level="x86-64-v2", rows="f32"
    ).schedule.target
    assert (target.level, target.input) == ("x86-64-v2", "f32")


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises((ModelError, UsageError), match=r"none\.ubj"):
        compiler.start(tmp_path / "none.ubj")


def test_compiled_code_answers_and_tells_its_phases(given: Forest) -> None:
    told: list[tuple[str, float]] = []
    model = compiler.compile("m", TEXT, progress=lambda phase, done: told.append((phase, done)))
    rows = rows_of(given)
    assert same(model.predict(rows, raw=True), interpreter.raw(given, rows)[:, 0]).all()
    ended = [phase for phase, done in told if done == 1.0]
    assert list(dict.fromkeys(ended)) == ["parse", "schedule", "passes", "machine code", "library", "verify"]


def test_writing_needs_code(given: Forest, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not compiled yet"):
        compiler.write(compiler.start("m", TEXT), tmp_path / "m.so")
    assert list(tmp_path.iterdir()) == []


def test_a_mismatch_is_an_error_and_leaves_no_file(given: Forest, tmp_path: Path) -> None:
    compilation = compiler.start("m", TEXT)
    compiler.generate(compilation)
    wrong = replace(given, leaves=replace(given.leaves, values=given.leaves.values + np.float32(1))).check()
    compilation.model = LoadedModel(wrong, lambda: None)
    with pytest.raises(VerificationError):
        compiler.load_in_process(compilation)
    with pytest.raises(VerificationError):
        compiler.write(compilation, tmp_path / "m.so")
    assert list(tmp_path.iterdir()) == []
    compiler.load_in_process(compilation, verify=False)


def test_an_observer_sees_every_step(given: Forest) -> None:
    seen: list[str] = []
    compilation = compiler.start("m", TEXT)
    compiler.generate(compilation, observer=lambda done: seen.append(f"{done.number} {done.step.name}"))
    assert seen == [
        "1 plan-kernels",
        "2 layout",
        "3 split-loop",
        "4 order-loops",
        "5 walk",
        "6 parallel-loop",
        "7 lower-kernels",
    ]


def test_a_model_trained_on_since_can_still_be_saved(tmp_path: Path) -> None:
    estimators = pytest.importorskip("sklearn.ensemble")
    X = np.random.default_rng(0).normal(size=(60, 3))
    live: Any = estimators.RandomForestRegressor(2, max_depth=2, warm_start=True, random_state=0).fit(X, X[:, 0])
    model = compiler.compile(live)
    live.set_params(n_estimators=3).fit(X, -X[:, 0])  # in place: its list of trees grows
    first, second = tmp_path / "first.so", tmp_path / "second.so"
    model.save(first)
    model.save(second)
    loaded = load(second)
    assert same(loaded.predict(X), model.predict(X)).all()
    assert loaded.card["verification"]["library"]["rows"] > 0
    assert load(first).card["verification"]["boundary_rows"] == loaded.card["verification"]["boundary_rows"]


def test_an_oracle_is_asked_each_question_once() -> None:
    asked: list[str] = []

    class Counting:
        library, version = "xgboost", "3"

        def _answer(self, what: str, rows: NDArray[Any]) -> NDArray[Any]:
            asked.append(what)
            return np.full(len(rows), len(asked))

        def accepts(self, rows: NDArray[Any]) -> NDArray[Any]:
            return self._answer("accepts", rows)

        def raw(self, rows: NDArray[Any]) -> NDArray[Any]:
            return self._answer("raw", rows)

        predict = predict_proba = apply = raw

    oracle = RememberingOracle(Counting())
    rows = np.arange(6.0).reshape(2, 3)
    assert (oracle.library, oracle.version) == ("xgboost", "3")
    for question in (oracle.accepts, oracle.raw):
        assert question(rows).tolist() == question(rows.copy()).tolist()
    assert asked == ["accepts", "raw"]
    oracle.raw(rows + 1)
    oracle.raw(rows.astype(np.float32))
    oracle.raw(rows.reshape(3, 2))
    assert len(asked) == 5
