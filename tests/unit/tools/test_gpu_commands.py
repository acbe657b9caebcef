"""The commands on models for GPUs, from the model to answers, executed by PoCL."""

# pyright: basic

from __future__ import annotations

import json
import os
import pickle
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.tools.tooling import Run, model_text, script
from treec.passes.algo.c_math import others

pytest.importorskip("tvm")
pytest.importorskip("pyopencl")


def train(library: str, folder: Path) -> tuple[str, Any, Any]:
    """A model's file, rows, and the labels or responses that the library gives."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(200, 4)).astype(np.float32)
    wanted = (rows[:, 0] > 0).astype(int) + (rows[:, 1] > 0.4)
    if library == "xgboost":
        xgboost = pytest.importorskip("xgboost")
        model = xgboost.XGBClassifier(n_estimators=3, max_depth=3, n_jobs=1).fit(rows, wanted)
        model.save_model(folder / "model.ubj")
        return "model.ubj", rows, model.get_booster().predict(xgboost.DMatrix(rows))
    ensemble = pytest.importorskip("sklearn.ensemble")
    model = ensemble.RandomForestClassifier(4, max_depth=4, random_state=0).fit(rows, np.array(["a", "b", "c"])[wanted])
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    return "model.pkl", rows, model.predict(rows)


@pytest.mark.parametrize("library", ["xgboost", "sklearn"])
def test_from_a_model_to_answers(library: str, folder: Path, treec: Run) -> None:
    name, rows, wanted = train(library, folder)
    np.save(folder / "rows.npy", rows)
    made = treec(name, "--schedule", "gpu-shared-rows", "-o", "model.gpu", "--json")
    assert made.code == 0, made.stderr
    facts = json.loads(made.stdout)
    assert facts["verification"]["library"]["rows"] > 0
    assert facts["output"]["gpu"]["verified_on"].startswith("PoCL")

    predicted = treec("predict", "model.gpu", "--data", "rows.npy", "-o", "out.npy", "--json")
    assert predicted.code == 0, predicted.stderr
    assert json.loads(predicted.stdout)["device"].startswith("PoCL")
    got = np.load(folder / "out.npy")
    if library == "sklearn":
        np.testing.assert_array_equal(got, wanted)
    else:
        np.testing.assert_array_max_ulp(got, wanted, 8)

    shown = treec("inspect", "model.gpu")
    assert shown.code == 0
    assert "verified on: PoCL" in shown.stdout
    checked = treec("verify", "model.gpu", "--against", name, "--data", "rows.npy")
    assert checked.code == 0, checked.stderr
    assert "bit-identical" in checked.stdout


def test_a_header_is_refused(folder: Path, model: Path, treec: Run) -> None:
    refused = treec(model, "--schedule", "gpu-direct", "--header", "m.h", "-o", "m.gpu")
    assert refused.code == 2
    assert "no C header" in refused.stderr
    assert not (folder / "m.gpu").exists()
    assert not (folder / "m.h").exists()


def test_the_doctor_names_devices(treec: Run) -> None:
    facts = json.loads(treec("doctor", "--json").stdout)["gpu"]
    assert any("Portable Computing Language" in device for device in facts["opencl_devices"])


def test_kernels_go_into_the_file_in_other_languages_too(folder: Path, treec: Run) -> None:
    name, _, _ = train("xgboost", folder)
    made = treec(name, "-o", "model.gpu", "--emit", "rocm", "--emit", "metal", "--no-verify", "--json")
    assert made.code == 0, made.stderr
    forms = json.loads(made.stdout)["output"]["gpu"]["forms"]
    assert "HIP source (untested)" in forms
    assert any(form.startswith("Metal source (untested") for form in forms)
    refused = treec(name, "-o", "model.gpu", "--emit", "vulkan")
    assert refused.code == 2
    assert "SPIR-V" in refused.stderr


@pytest.mark.skipif(bool(others()), reason="the C library is not glibc with fused multiply-adds")
def test_another_c_library_is_told(folder: Path) -> None:
    """glibc is told that the CPU has no fused multiply-adds."""
    (folder / "model.txt").write_text(model_text(objective="binary sigmoid:1"))
    plain = {**os.environ, "GLIBC_TUNABLES": ""}
    other = {**plain, "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2,-FMA_Usable,-AVX2_Usable"}

    def said(*words: str, env: dict[str, str]) -> str:
        done = subprocess.run([*script("treec"), *words], capture_output=True, text=True, check=False, cwd=folder, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    compiled = "model.txt", "--schedule", "gpu-direct", "-o", "model.gpu"
    note = "the C library here has another exp than kernels"
    assert note in said(*compiled, env=other)
    assert "unlike ['exp'], max ulp" in said("inspect", "model.gpu", env=plain)
    assert note in said("verify", "model.gpu", "--against", "model.txt", env=other)
    assert "C library" not in said("verify", "model.gpu", "--against", "model.txt", env=plain)
