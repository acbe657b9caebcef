"""Schedules are measured where there is a GPU, here on PoCL, which is allowed by name; the fastest is written."""

# pyright: basic

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.property.forests import Shape, build
from tests.unit.tools.tooling import Run, model_text
from treec import tuning
from treec.errors import InputError, UsageError, VerificationError
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.runtime import gpu_opencl
from treec.schedule.gpus import GPUS
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.tune_grid import MOST, Candidate, gpu_candidates

pytest.importorskip("tvm")
pytest.importorskip("pyopencl")

SMALL = Shape(n_trees=6, leaves=5, n_inputs=4)
PLAIN = (
    "target gpu input=f32\nlayout packed\nsplit row into=(b, t) by=32\nbind b grid.x\nbind t block.x\nwalk with=scalar\n"
)
HUGE = PLAIN.replace("by=32", "by=2048")


@pytest.mark.parametrize("arch", GPUS)
@pytest.mark.parametrize(("features", "batch"), [(4, 1 << 16), (4, 512), (150, 1 << 16), (2000, 1 << 16)])
def test_a_grid_has_at_most_forty_schedules_each_of_its_own(arch: str, features: int, batch: int) -> None:
    forest = build(Shape(n_trees=6, leaves=5, n_inputs=features))
    found = gpu_candidates(forest, arch, "f32", batch)
    assert 24 <= len(found) <= MOST
    assert found[0].name == "treec's choice"
    assert len({candidate.name for candidate in found}) == len(found)
    for candidate in found:
        target = candidate.schedule.gpu
        assert target is not None
        assert (target.arch, target.input) == (arch, "f32")
    grid = "\n".join(one.schedule.to_text() for one in found if one.name.startswith(("pairs", "reorg")))
    assert all("cache nodes" in one.schedule.to_text() for one in found[-2:])
    assert len({one.schedule.to_text() for one in found}) == len(found)
    assert ("cache rows" in grid) == (features <= 1500)
    assert ("by=50" in grid) == (batch == 512 or features > 100)
    assert any(one.name.startswith("pairs, 128 rows,") for one in found) == (batch > 2048)
    assert gpu_candidates(forest, arch, "f32", batch, most=3) == found[:3]


def test_complete_trees_are_tried_where_trees_nearly_are() -> None:
    full, ragged = build(Shape(n_trees=6, leaves=2)), build(Shape(n_trees=6, leaves=40, seed=2))
    for forest, tried in ((full, True), (ragged, False)):
        assert any(one.name.startswith("reorg") for one in gpu_candidates(forest, "sm_90", "f32", 512)) == tried


@pytest.mark.parametrize("batch", [512, 1 << 16])
def test_the_grid_applies_to_a_plain_forest(batch: int) -> None:
    forest = build(replace(SMALL, leaves=2))
    for candidate in gpu_candidates(forest, "sm_90", "f32", batch):
        run_pipeline(forest_module(forest), pipeline_of(candidate.schedule))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.txt"
    path.write_text(model_text())
    return path


def pick(monkeypatch: pytest.MonkeyPatch, **schedules: str) -> None:
    found = [Candidate(name, Schedule.from_text(text, name).with_target(input="f64")) for name, text in schedules.items()]
    monkeypatch.setattr(tuning, "gpu_candidates", lambda *_: found)


def test_the_fastest_comes_first_and_what_does_not_apply_last(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pick(monkeypatch, huge=HUGE, plain=PLAIN, again=PLAIN.replace("by=32", "by=64"))
    monkeypatch.setattr(tuning, "_timed", lambda launch, wait, times: launch() or wait() or times * 1e-3)
    found = tuning.tune(model, batch=70, rounds=1, pocl=True)
    assert [one.name for one in found.measured] == ["plain", "again", "huge"]
    assert found.device.startswith("PoCL")
    assert (found.batch, found.dtype) == (70, "f64")
    assert found.best.seconds == pytest.approx(1e-3)
    assert "1024 more" in (found.measured[2].refused or "")
    assert Schedule.from_text(found.text()) == found.schedule


def test_where_none_applies_it_says_why(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pick(monkeypatch, huge=HUGE)
    with pytest.raises(UsageError, match=r"none of 1 schedules runs here: .*1024 more"):
        tuning.tune(model, batch=10, pocl=True)


def test_a_wrong_bit_ends_it(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pick(monkeypatch, plain=PLAIN)
    run = gpu_opencl.OpenClDevice.run

    def wrong(self: Any, kernels: Any, rows: Any, out: Any, trees: Any) -> None:
        run(self, kernels, rows, out, trees)
        out[-1] = np.nextafter(out[-1], np.inf)

    monkeypatch.setattr(gpu_opencl.OpenClDevice, "run", wrong)
    with pytest.raises(VerificationError, match="`plain` gives other raw outputs"):
        tuning.tune(model, batch=10, pocl=True)


def test_rows_are_repeated_up_to_the_batch(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pick(monkeypatch, plain=PLAIN)
    found = tuning.tune(model, data=np.arange(12).reshape(3, 4), batch=8, rounds=1, pocl=True)
    assert (found.batch, found.dtype) == (8, "f64")
    with pytest.raises(InputError, match=r"the model takes \[n, 4\]"):
        tuning.tune(model, data=np.zeros((3, 5)), pocl=True)
    with pytest.raises(InputError, match="the rows have shape"):
        tuning.tune(model, data=np.zeros((0, 4)), pocl=True)


def test_a_machine_without_a_gpu_is_refused(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("treec.runtime.gpu_device.find_spec", lambda name: None)
    for pocl in (False, True):
        with pytest.raises(UsageError, match="no GPU to measure on"):
            tuning.tune(model, pocl=pocl)
    with pytest.raises(UsageError, match="not for 'cpu'"):
        tuning.tune(model, target="cpu")
    monkeypatch.undo()
    with pytest.raises(UsageError, match="no known architecture"):
        tuning.tune(model, arch="sm_1", pocl=True)


def test_the_command_writes_a_schedule_that_compiles(folder: Path, treec: Run) -> None:
    (folder / "model.txt").write_text(model_text())
    np.save(folder / "rows.npy", np.random.default_rng(0).normal(size=(40, 4)))
    flags = ("--data", "rows.npy", "--batch", "60", "--most", "2", "--rounds", "1", "-o", "best.sched")
    if not any(map(gpu_opencl.is_gpu, gpu_opencl.opencl_devices())):
        refused = treec("tune", "model.txt", *flags)
        assert refused.code == 2
        assert "no GPU to measure on" in refused.stderr
        assert not (folder / "best.sched").exists()
    made = treec("tune", "model.txt", "--target", "gpu", "--pocl", *flags)
    assert made.code == 0, made.stderr
    assert "60 of f64; the answers of 2 schedules" in made.stdout
    assert (folder / "best.sched").read_text().startswith("# The fastest of 2 schedules")
    compiled = treec("model.txt", "--schedule", "best.sched", "-o", "model.gpu")
    assert compiled.code == 0, compiled.stderr
    facts = json.loads(treec("tune", "model.txt", "--pocl", *flags, "--json").stdout)
    assert len(facts["tuning"]["candidates"]) == 2
    assert all(one["seconds"] > 0 for one in facts["tuning"]["candidates"])
    assert treec("tune", "model.txt", "--pocl", "-o", "model.txt").code == 2
