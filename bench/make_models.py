# pyright: basic
"""Train the benchmark's own models, with fixed seeds, into a folder that git ignores, and compare with `models.lock.json`.

usage: python -m bench.make_models [--check] [--freeze]

Data come from numpy's generators through additions, multiplications and look-ups alone, which have the same bits on every
x86-64. Training runs on one thread. Its libraries promise no more than that their own sums repeat on one machine: so what
is compared is not a file's bytes but the arrays of the model (shape, features and thresholds; leaf values; rows), and
another digest is reported, not hidden: the results of a benchmark say of each model whether it is the frozen one.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from bench.models import HERE_TRAINED, LOCK, MADE, known_models, load

N_ROWS = 4000
"""Of the training rows, kept as input rows."""


def _noise(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Bell-shaped, without logarithms, whose last bits differ between C libraries."""
    return rng.random((n, 4)).sum(axis=1) - 2.0


def _numbers(seed: int, n: int, n_features: int) -> tuple[NDArray[np.float32], NDArray[np.float64], np.random.Generator]:
    rng = np.random.default_rng(seed)
    rows = rng.random((n, n_features), np.float32)
    x = rows.astype(np.float64)
    target = 4 * x[:, 0] * x[:, 1] - 3 * x[:, 2] * x[:, 2] + 2 * x[:, 3] * (x[:, 4] > 0.4) + x[:, 5] - x[:, 6] * x[:, 7]
    return rows, target, rng


def lgb1000x255_cat() -> NDArray[np.float32]:
    """LightGBM, 1000 trees of 255 leaves, 16 numbers and 8 categories of 6 to 200 values."""
    import lightgbm

    rows, target, rng = _numbers(11, 30_000, 24)
    for column, n_values in zip(range(16, 24), (6, 12, 24, 31, 40, 64, 120, 200), strict=True):
        codes = rng.integers(0, n_values, len(rows))
        rows[:, column] = codes
        target += 2.0 * rng.random(n_values)[codes]
    target += _noise(rng, len(rows))
    options = {"objective": "regression", "num_leaves": 255, "learning_rate": 0.05, "min_data_in_leaf": 20}
    options |= {"num_threads": 1, "seed": 0, "deterministic": True, "force_row_wise": True, "verbose": -1}
    data = lightgbm.Dataset(rows.astype(np.float64), target, categorical_feature=list(range(16, 24)))
    lightgbm.train(options, data, 1000).save_model(MADE / "lgb1000x255_cat.txt")
    return rows[:N_ROWS]


def hist300x31() -> NDArray[np.float32]:
    """HistGradientBoosting, 300 trees of 31 leaves, regression."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    rows, target, rng = _numbers(12, 20_000, 20)
    target += _noise(rng, len(rows))
    with threadpool_limits(1):
        model = HistGradientBoostingRegressor(max_iter=300, max_leaf_nodes=31, early_stopping=False, random_state=0)  # pyright: ignore
        _store("hist300x31", model.fit(rows, target))
    return rows[:N_ROWS]


def forest200_deep() -> NDArray[np.float32]:
    """Random forest, 200 trees without a limit of depth, two classes, noisy: some 2,000 leaves a tree."""
    from sklearn.ensemble import RandomForestClassifier

    rows, target, rng = _numbers(13, 12_000, 20)
    labels = (target + 1.5 * _noise(rng, len(rows)) > np.median(target)).astype(np.int64)
    _store("forest200_deep", RandomForestClassifier(200, random_state=0, n_jobs=1).fit(rows, labels))
    return rows[:N_ROWS]


def _store(name: str, model: object) -> None:
    with open(MADE / f"{name}.pkl", "wb") as file:
        pickle.dump(model, file)


MAKERS = {maker.__name__: maker for maker in (lgb1000x255_cat, hist300x31, forest200_deep)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="train nothing; compare what is there")
    parser.add_argument("--freeze", action="store_true", help="write models.lock.json from what is there")
    options = parser.parse_args()
    MADE.mkdir(parents=True, exist_ok=True)
    for name, maker in MAKERS.items():
        if not options.check and not (MADE / f"{name}{HERE_TRAINED[name]}").exists():
            print(f"training {name}", flush=True)
            np.save(MADE / f"{name}.npy", maker())
    if options.freeze:
        freeze()
    return check()


def freeze() -> None:
    libraries = {name: version(name) for name in ("xgboost", "lightgbm", "scikit-learn", "numpy")}
    lock = {}
    for model in map(load, known_models()):
        entry = {"trees": model.facts["trees"], "leaves": model.facts["leaves"], "digests": model.digests}
        lock[model.name] = entry | ({"trained_with": libraries} if model.name in HERE_TRAINED else {})
    LOCK.write_text(json.dumps(lock, indent=1) + "\n")


def check() -> int:
    """Say of each model whether it is the frozen one; 1 if one that was trained here differs in its number of trees, or a
    file that others trained differs at all."""
    status, lock = 0, json.loads(LOCK.read_text())
    for model in map(load, known_models()):
        differs, frozen = model.departures(), lock[model.name]
        found = f"{model.facts['trees']} trees, {model.facts['leaves']} leaves"
        if not differs:
            print(f"{model.name}: the frozen one: {found}")
            continue
        print(f"{model.name}: differs in {', '.join(differs)}: {found}; frozen: {frozen['trees']}, {frozen['leaves']}")
        if model.name not in HERE_TRAINED or frozen["trees"] != model.facts["trees"]:
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
