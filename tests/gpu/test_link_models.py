"""Models of libraries with a link or labels: kernels answer with the bits of machine code for the CPU."""

# pyright: basic

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from treec import compiler
from treec.frontends.base import Link
from treec.frontends.load import load_model
from treec.passes.algo.c_math import others

pytest.importorskip("pyopencl")
pytest.importorskip("tvm")
lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")
ensemble = pytest.importorskip("sklearn.ensemble")

RNG = np.random.default_rng(11)
X = RNG.normal(size=(400, 5))
Y = RNG.integers(0, 3, 400)
COUNTS = RNG.poisson(np.exp(np.clip(2 * X[:, 0], -5, 5)))


def booster(objective: str, y: Any, **more: Any) -> Callable[[], Any]:
    parameters = {"objective": objective, "num_leaves": 7, "verbose": -1, "num_threads": 1, "learning_rate": 0.5, **more}
    return lambda: lightgbm.train(parameters, lightgbm.Dataset(X, y), num_boost_round=12)


def estimator(name: str, y: Any, **more: Any) -> Callable[[], Any]:
    return lambda: getattr(ensemble, name)(random_state=0, **more).fit(X, y)


def boosted(objective: str, y: Any, **more: Any) -> Callable[[], Any]:
    parameters = {"objective": objective, "max_depth": 3, "nthread": 1, **more}
    return lambda: xgboost.train(parameters, xgboost.DMatrix(X, y), num_boost_round=8)


def classifier(library: Any, y: Any) -> Callable[[], Any]:
    name = "XGBClassifier" if library is xgboost else "LGBMClassifier"
    more = {} if library is xgboost else {"verbose": -1}
    return lambda: getattr(library, name)(n_estimators=6, n_jobs=1, **more).fit(X, y)


MODELS: dict[str, tuple[Callable[[], Any], Link]] = {
    "binary": (booster("binary", Y == 1, sigmoid=1.3), Link.LGB_SIGMOID),
    "multiclass": (booster("multiclass", Y, num_class=3), Link.LGB_SOFTMAX),
    "one against all": (booster("multiclassova", Y, num_class=3), Link.LGB_SIGMOID),
    "poisson": (booster("poisson", COUNTS), Link.LGB_EXP),
    "cross entropy": (booster("cross_entropy", RNG.uniform(size=400)), Link.LGB_SIGMOID),
    "cross entropy lambda": (booster("cross_entropy_lambda", RNG.uniform(size=400)), Link.LGB_LOG1P_EXP),
    "histogram, two classes": (estimator("HistGradientBoostingClassifier", Y == 1, max_iter=10), Link.SKL_EXPIT),
    "histogram, classes": (estimator("HistGradientBoostingClassifier", Y, max_iter=5), Link.SKL_SOFTMAX),
    "histogram, poisson": (
        estimator("HistGradientBoostingRegressor", COUNTS, loss="poisson", max_iter=10),
        Link.SKL_EXP,
    ),
    "gradient, two classes": (estimator("GradientBoostingClassifier", Y == 1, n_estimators=10), Link.SKL_EXPIT),
    "gradient, classes": (estimator("GradientBoostingClassifier", Y, n_estimators=5), Link.SKL_SOFTMAX),
    "two outputs": (
        estimator("RandomForestClassifier", np.stack([Y, Y > 1], axis=1), n_estimators=5, max_depth=4),
        Link.IDENTITY,
    ),
    "class numbers": (boosted("multi:softmax", Y, num_class=3), Link.IDENTITY),
    "XGBClassifier": (classifier(xgboost, Y > 0), Link.XGB_SIGMOID),
    "LGBMClassifier": (classifier(lightgbm, Y > 0), Link.LGB_SIGMOID),
    "text labels": (classifier(lightgbm, np.array(["no", "maybe", "yes"])[Y]), Link.LGB_SOFTMAX),
    "forest": (estimator("RandomForestClassifier", Y, n_estimators=7, max_depth=5), Link.IDENTITY),
}


@pytest.mark.skipif(bool(others()), reason="the C library is not glibc with fused multiply-adds")
@pytest.mark.parametrize("name", MODELS)
def test_a_model_answers_as_on_the_cpu(name: str) -> None:
    make, link = MODELS[name]
    source = make()
    assert load_model(source).forest.outputs.link is link
    kernels = compiler.compile(source, "gpu-direct")
    wanted = compiler.compile(source, verify=False)
    rows = np.random.default_rng(5).normal(size=(3000, 5)) * 2
    rows = rows.astype(np.float32).astype(np.float64)
    np.testing.assert_array_equal(kernels.predict(rows, raw=True), wanted.predict(rows, raw=True), strict=True)
    np.testing.assert_array_equal(kernels.predict(rows), wanted.predict(rows), strict=True)
    facts = wanted.library.facts
    assert kernels.library.gives_labels == (facts.predicted != "response")
    if facts.is_classifier:
        probabilities = kernels.predict_proba(rows), wanted.predict_proba(rows)
        for found, known in zip(*([p] if isinstance(p, np.ndarray) else p for p in probabilities), strict=True):
            np.testing.assert_array_equal(found, known, strict=True)
