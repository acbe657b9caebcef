"""Whole way: a library's model → machine code → the library's own answers, raw outputs bit for bit and labels equal.

One thread and two, batches of all numbers of rows around which another kernel or block may serve a call, f32 and f64 rows,
C and Fortran order.
"""
# pyright: basic

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import treec
from treec.frontends.load import load_model

xgboost = pytest.importorskip("xgboost")
lightgbm = pytest.importorskip("lightgbm")
sklearn = pytest.importorskip("sklearn")

from sklearn import datasets, ensemble, tree  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def assert_bits_equal(ours: Any, theirs: Any, what: str) -> None:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == theirs.dtype, what
    assert ours.shape == theirs.shape, what
    same = (ours == theirs) & (np.signbit(ours) == np.signbit(theirs)) | (np.isnan(ours) & np.isnan(theirs))
    assert same.all(), f"{what}: {np.count_nonzero(~same)} of {same.size} differ"


def ulps(ours: Any, theirs: Any) -> float:
    """Largest distance in units in the last place of the expected values."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    return float(np.max(np.abs(ours.astype(np.float64) - theirs) / np.spacing(np.abs(theirs)), initial=0.0))


BATCHES = [*range(1, 18), *(n + by for n in (64, 128, 256, 512) for by in (-1, 0, 1))]


def assert_same_answers(source: Any, rows: np.ndarray, schedule: str | None = None) -> None:
    """Compile ``source`` and compare every output with its library's."""
    model = treec.compile(source, schedule, verify=False)
    oracle = load_model(source).oracle()
    assert oracle is not None
    rows = rows[oracle.accepts(rows)]
    assert len(rows) > 0
    raw = oracle.raw(rows)
    for n_rows in [*(n for n in BATCHES if n < len(rows)), len(rows)]:
        for n_threads in (1, 2):
            part = model.predict(rows[:n_rows], raw=True, n_threads=n_threads)
            assert_bits_equal(part.reshape(n_rows, -1), raw[:n_rows], f"raw of {n_rows} rows, {n_threads} threads")
    assert_bits_equal(model.predict(np.asfortranarray(rows), raw=True).reshape(raw.shape), raw, "Fortran order")
    if rows.dtype == np.float32:
        wide = rows.astype(np.float64)
        assert_bits_equal(model.predict(wide, raw=True).reshape(raw.shape), raw, "f64 rows")
    compare_responses(model, oracle, rows, raw.shape[1])


def compare_responses(model: Any, oracle: Any, rows: np.ndarray, n_columns: int) -> None:
    expected, ours = np.asarray(oracle.predict(rows)), model.predict(rows)
    assert (ours.shape, ours.dtype) == (expected.shape, expected.dtype)
    if expected.dtype.kind == "f" and model.card["outputs"]["predicted"] == "response":
        assert ulps(ours, expected) <= max(2, n_columns)
    else:
        assert np.array_equal(ours, expected)
    expected = oracle.predict_proba(rows)
    if expected is not None:
        ours = model.predict_proba(rows)
        pairs = zip(ours, expected, strict=True) if isinstance(expected, list) else [(ours, expected)]
        for got, wanted in pairs:
            assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
            assert ulps(got, wanted) <= max(2, n_columns)
    leaves = oracle.apply(rows)
    if leaves is not None:
        for n_rows in (1, min(256, len(rows)), len(rows)):
            got = model.apply(rows[:n_rows])
            assert (got.shape, got.dtype) == (leaves[:n_rows].shape, leaves.dtype)
            assert np.array_equal(got, leaves[:n_rows])


# ---- models that others trained ----------------------------------------------------------------------------------------

TREEBEARD = [
    "airline_xgb_model_save",
    "higgs_xgb_model_save",
    "year_prediction_msd_xgb_model_save",
    *(f"random/TestModel_Size1_{number}" for number in (0, 1, 13, 25)),
]
TRAINED = ["covtype_like", "letters_like", "abalone_like", "higgs_like_missing", "higgs_like_lgb500x31"]
LLEAVES = [
    "NYC_taxi",
    "airline",
    "leaf_scan",
    "mixed_categorical",
    "multiclass",
    "pure_categorical",
    "single_tree",
    "tiniest_single_tree",
]


@pytest.mark.parametrize("name", TREEBEARD)
def test_treebeard_models_give_the_expected_column(external_models: Path, name: str) -> None:
    path = external_models / "treebeard" / f"{name}.json"
    table = np.loadtxt(f"{path}.csv", delimiter=",")
    rows, expected = table[:, :-1].astype(np.float32), table[:, -1].astype(np.float32)
    assert ulps(treec.compile(path, verify=False).predict(rows), expected) <= 2
    assert_same_answers(path, rows)


@pytest.mark.parametrize("name", TRAINED)
def test_trained_models(external_models: Path, name: str) -> None:
    folder = external_models / "trained"
    [path] = folder.glob(f"{name}.*")
    with np.load(folder / "rows.npz") as rows:
        assert_same_answers(path, rows[name if name in rows else "higgs_like"][:1000])


@pytest.mark.parametrize("name", LLEAVES)
def test_lleaves_models(external_models: Path, name: str) -> None:
    path = external_models / "lleaves" / name / "model.txt"
    assert_same_answers(path, awkward_rows(load_model(path).forest, 1000))


AS_CODE = [
    *(f"lleaves/{name}/model.txt" for name in ("single_tree", "tiniest_single_tree", "leaf_scan", "pure_categorical")),
    *(f"treebeard/random/TestModel_Size1_{number}.json" for number in (2, 7, 21)),
]


@pytest.mark.parametrize("name", AS_CODE)
def test_small_models_as_code(external_models: Path, name: str) -> None:
    path = external_models / name
    rows = awkward_rows(load_model(path).forest, 1000)
    assert_same_answers(path, rows if name.startswith("lleaves") else rows.astype(np.float32), "lleaves")


def awkward_rows(forest: Any, n_rows: int) -> np.ndarray:
    """f64 rows of values at thresholds, next to them, categories, and everything that is special."""
    rng = np.random.default_rng(3)
    thresholds = np.unique(forest.predicates.threshold)
    special = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1e-35, -1e-35, 1e-36, -0.5, 1.5, -1, 1e9, 1e300])
    pool = np.concatenate([thresholds, np.nextafter(thresholds, np.inf), np.nextafter(thresholds, -np.inf), special])
    rows = rng.choice(pool, (n_rows, forest.inputs.n_features))
    codes = rng.integers(-2, 60, rows.shape)
    return np.where(rng.random(rows.shape) < 0.3, codes, rows).astype(np.float64)


# ---- models trained here -----------------------------------------------------------------------------------------------


@cache
def tables() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Real data that scikit-learn ships: f32 rows and a target."""
    made = {
        "regression": datasets.load_diabetes(return_X_y=True),
        "binary": datasets.load_breast_cancer(return_X_y=True),
        "multiclass": datasets.load_iris(return_X_y=True),
    }
    return {task: (rows.astype(np.float32), target) for task, (rows, target) in made.items()}


def with_missing(rows: np.ndarray) -> np.ndarray:
    holes = np.random.default_rng(5).random(rows.shape) < 0.1
    return np.where(holes, np.float32(np.nan), rows)


def with_categories(rows: np.ndarray) -> np.ndarray:
    """A first column of category codes, some unseen in training rows of the second half."""
    rng = np.random.default_rng(6)
    rows = rows.copy()
    rows[:, 0] = rng.integers(0, 20, len(rows))
    rows[len(rows) // 2 :, 0] += rng.integers(0, 15, len(rows) - len(rows) // 2)
    return rows


SKLEARN: dict[str, tuple[str, Callable[[], Any], bool]] = {
    "DecisionTreeRegressor": ("regression", lambda: tree.DecisionTreeRegressor(max_depth=9), True),
    "DecisionTreeClassifier": ("multiclass", lambda: tree.DecisionTreeClassifier(), True),
    "ExtraTreeRegressor": ("regression", lambda: tree.ExtraTreeRegressor(random_state=0), True),
    "ExtraTreeClassifier": ("binary", lambda: tree.ExtraTreeClassifier(random_state=0), True),
    "RandomForestRegressor": ("regression", lambda: ensemble.RandomForestRegressor(20, random_state=0), True),
    "RandomForestClassifier": ("multiclass", lambda: ensemble.RandomForestClassifier(20, random_state=0), True),
    "RandomForestClassifier, two classes": ("binary", lambda: ensemble.RandomForestClassifier(20, random_state=0), True),
    "ExtraTreesRegressor": ("regression", lambda: ensemble.ExtraTreesRegressor(20, random_state=0), True),
    "ExtraTreesClassifier": ("multiclass", lambda: ensemble.ExtraTreesClassifier(20, random_state=0), True),
    "GradientBoostingRegressor": ("regression", lambda: ensemble.GradientBoostingRegressor(random_state=0), False),
    "GradientBoostingClassifier": ("binary", lambda: ensemble.GradientBoostingClassifier(random_state=0), False),
    "GradientBoostingClassifier, exponential": (
        "binary",
        lambda: ensemble.GradientBoostingClassifier(loss="exponential", n_estimators=20, random_state=0),
        False,
    ),
    "GradientBoostingClassifier, three classes": (
        "multiclass",
        lambda: ensemble.GradientBoostingClassifier(n_estimators=20, random_state=0),
        False,
    ),
    "HistGradientBoostingRegressor": ("regression", lambda: ensemble.HistGradientBoostingRegressor(random_state=0), True),
    "HistGradientBoostingRegressor, poisson": (
        "regression",
        lambda: ensemble.HistGradientBoostingRegressor(loss="poisson", random_state=0),
        True,
    ),
    "HistGradientBoostingClassifier": ("binary", lambda: ensemble.HistGradientBoostingClassifier(random_state=0), True),
    "HistGradientBoostingClassifier, three classes": (
        "multiclass",
        lambda: ensemble.HistGradientBoostingClassifier(max_iter=20, random_state=0),
        True,
    ),
}


@pytest.mark.parametrize("name", SKLEARN)
def test_sklearn_estimators(name: str) -> None:
    task, make, missing = SKLEARN[name]
    rows, target = tables()[task]
    assert_same_answers(make().fit(rows, target), rows)
    if missing:
        holes = with_missing(rows)
        assert_same_answers(make().fit(holes, target), holes)


def test_sklearn_multi_output() -> None:
    rows, target = tables()["multiclass"]
    both = np.stack([target, target % 2], 1)
    assert_same_answers(ensemble.RandomForestRegressor(5, random_state=0).fit(rows, both.astype(float)), rows)
    assert_same_answers(ensemble.RandomForestClassifier(5, random_state=0).fit(rows, both), rows)


def test_hist_gradient_boosting_with_categories() -> None:
    rows, target = tables()["binary"]
    rows = with_missing(with_categories(rows))
    half = len(rows) // 2
    first: Any = [0]
    model = ensemble.HistGradientBoostingClassifier(categorical_features=first, max_iter=30, random_state=0)
    assert_same_answers(model.fit(rows[:half], target[:half]), rows)


XGBOOST = {
    "regressor": ("regression", lambda: xgboost.XGBRegressor(n_estimators=30, n_jobs=1)),
    "classifier": ("binary", lambda: xgboost.XGBClassifier(n_estimators=30, n_jobs=1)),
    "three classes": ("multiclass", lambda: xgboost.XGBClassifier(n_estimators=20, n_jobs=1)),
    "poisson": ("regression", lambda: xgboost.XGBRegressor(objective="count:poisson", n_estimators=20, n_jobs=1)),
    "random forest": ("binary", lambda: xgboost.XGBRFClassifier(n_estimators=20, n_jobs=1)),
    "ranker": ("regression", lambda: xgboost.XGBRanker(n_estimators=10, n_jobs=1)),
}


@pytest.mark.parametrize("name", XGBOOST)
def test_xgboost_wrappers_and_boosters(name: str) -> None:
    task, make = XGBOOST[name]
    rows, target = tables()[task]
    rows = with_missing(rows)
    group = {"group": [len(rows)]} if name == "ranker" else {}
    relevance = np.argsort(np.argsort(target)) * 5 // len(target) if name == "ranker" else target
    model = make().fit(rows, relevance, **group)
    assert_same_answers(model, rows)
    assert_same_answers(model.get_booster(), rows)


def test_xgboost_categories() -> None:
    rows, target = tables()["binary"]
    rows = with_missing(with_categories(rows))
    half = len(rows) // 2
    types = ["c"] + ["q"] * (rows.shape[1] - 1)
    train = xgboost.DMatrix(rows[:half], target[:half], feature_types=types, enable_categorical=True)
    settings = {"objective": "binary:logistic", "nthread": 1, "max_cat_to_onehot": 3}
    assert_same_answers(xgboost.train(settings, train, 20), rows)


LIGHTGBM = {
    "regressor": ("regression", lambda: lightgbm.LGBMRegressor(n_estimators=30, n_jobs=1, verbose=-1)),
    "classifier": ("binary", lambda: lightgbm.LGBMClassifier(n_estimators=30, n_jobs=1, verbose=-1)),
    "three classes": ("multiclass", lambda: lightgbm.LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1)),
    "zero is missing": (
        "regression",
        lambda: lightgbm.LGBMRegressor(zero_as_missing=True, n_estimators=20, n_jobs=1, verbose=-1),
    ),
    "nothing is missing": (
        "regression",
        lambda: lightgbm.LGBMRegressor(use_missing=False, n_estimators=20, n_jobs=1, verbose=-1),
    ),
    "random forest": (
        "binary",
        lambda: lightgbm.LGBMClassifier(
            boosting_type="rf", bagging_freq=1, bagging_fraction=0.6, n_estimators=20, n_jobs=1, verbose=-1
        ),
    ),
}


@pytest.mark.parametrize("name", LIGHTGBM)
def test_lightgbm_wrappers_and_boosters(name: str) -> None:
    task, make = LIGHTGBM[name]
    rows, target = tables()[task]
    rows = with_missing(rows)
    rows[::3, ::2] = 0.0
    model = make().fit(rows, target)
    assert_same_answers(model, rows)
    assert_same_answers(model.booster_, rows.astype(np.float64))


def test_lightgbm_categories() -> None:
    rows, target = tables()["binary"]
    rows = with_missing(with_categories(rows)).astype(np.float64)
    half = len(rows) // 2
    model = lightgbm.LGBMClassifier(n_estimators=20, n_jobs=1, min_data_per_group=1, cat_smooth=1, verbose=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(rows[:half], target[:half], categorical_feature=[0])
    rows[::5, 0] = [-0.5, 0.5, -3, 1e12, np.inf][0]
    assert_same_answers(model, rows)


@pytest.mark.parametrize("schedule", ["tiled", "one-row-at-a-time", "one-tree-at-a-time", "lleaves"])
def test_every_preset_gives_the_same_bits(schedule: str) -> None:
    rows, target = tables()["multiclass"]
    assert_same_answers(ensemble.RandomForestClassifier(10, random_state=0).fit(rows, target), rows, schedule)
    assert_same_answers(xgboost.XGBClassifier(n_estimators=10, n_jobs=1).fit(rows, target), rows, schedule)
