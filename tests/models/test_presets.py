"""Every preset compiles small models of every library, and answers with the library's bits, or within the bound of sums."""
# pyright: basic

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import treec
from treec.schedule.library import preset as schedule
from treec.schedule.library import preset_names

xgboost = pytest.importorskip("xgboost")
lightgbm = pytest.importorskip("lightgbm")
sklearn = pytest.importorskip("sklearn")

from sklearn import ensemble  # noqa: E402

RNG = np.random.default_rng(3)
ROWS = RNG.normal(size=(150, 4)).astype(np.float32)
TARGET = (ROWS[:, 0] * ROWS[:, 1] + ROWS[:, 2]).astype(np.float32)


@cache
def trained(library: str) -> tuple[Any, np.ndarray]:
    """A model, and its raw outputs."""
    if library == "xgboost":
        settings = {"max_depth": 3, "nthread": 1, "tree_method": "hist"}
        booster = xgboost.train(settings, xgboost.DMatrix(ROWS, TARGET), 5)
        return booster, booster.predict(xgboost.DMatrix(ROWS), output_margin=True)
    if library == "lightgbm":
        settings = {"num_leaves": 7, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1, "deterministic": True}
        booster = lightgbm.train(settings, lightgbm.Dataset(ROWS, TARGET), 5)
        return booster, booster.predict(ROWS, raw_score=True)
    model = ensemble.RandomForestRegressor(5, max_depth=3, max_features=2, random_state=0).fit(ROWS, TARGET)
    return model, model.predict(ROWS)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "sklearn"])
@pytest.mark.parametrize("preset", [name for name in preset_names() if not name.startswith("gpu-")])
def test_a_preset_answers_like_the_library(preset: str, library: str, tmp_path: Path) -> None:
    model, expected = trained(library)
    if schedule(preset).float_policy == "reassociate":  # verification has the bound, and compares batches
        expected = treec.compile(model, preset, verify=True).predict(ROWS, raw=True)
        np.testing.assert_allclose(np.asarray(expected).ravel(), trained(library)[1].ravel(), rtol=1e-5, atol=1e-5)
    compiled = treec.compile(model, preset, verify=False)
    for n in (1, 5, len(ROWS)):
        ours = np.asarray(compiled.predict(ROWS[:n], raw=True))
        np.testing.assert_array_equal(ours.ravel(), np.asarray(expected)[:n].ravel())
