# pyright: basic
"""The benchmark models and their input rows: frozen files of ``TREEC_EXTERNAL_MODELS``, those that `bench.make_models`
trains, or any model file by its path. `models.lock.json` has what each must hold."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FOLDER = Path(os.environ.get("TREEC_EXTERNAL_MODELS", ROOT.parent / "shared" / "models"))
MADE = Path(os.environ.get("TREEC_BENCH_MODELS", HERE / ".models"))
LOCK = HERE / "models.lock.json"

TREEBEARD = {
    "airline": "airline_xgb_model_save",
    "higgs": "higgs_xgb_model_save",
    "year": "year_prediction_msd_xgb_model_save",
}
TRAINED = {
    "covtype_like": "covtype_like.json",
    "letters_like": "letters_like.json",
    "abalone_like": "abalone_like.json",
    "higgs_like_missing": "higgs_like_missing.json",
    "higgs_like_lgb500x31": "higgs_like_lgb500x31.txt",
}
LLEAVES = {"lleaves_taxi": "NYC_taxi", "lleaves_airline": "airline", "lleaves_multiclass": "multiclass"}
"""No rows come with these: `rows_near_thresholds` makes them."""
HERE_TRAINED = {"lgb1000x255_cat": ".txt", "hist300x31": ".pkl", "forest200_deep": ".pkl"}
FIRST_EIGHT = [*TREEBEARD, *TRAINED]


@dataclass(frozen=True)
class BenchModel:
    """``rows`` f32 [n, n_features], C order."""

    name: str
    path: Path
    rows: NDArray[np.float32]

    @property
    def library(self) -> str:
        return {".txt": "lightgbm", ".pkl": "sklearn"}.get(self.path.suffix, "xgboost")

    def batch(self, n_rows: int) -> NDArray[np.float32]:
        """See `mixed_batch`."""
        return mixed_batch(self.rows, n_rows)

    @cached_property
    def forest(self) -> Any:
        from treec.frontends.load import load_model

        return load_model(self.path).forest

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What engines and tables need to know of it; plain data."""
        from treec.frontends.base import Test

        forest = self.forest
        leaves = np.diff(forest.trees.leaf_offset)
        return {
            "library": self.library,
            "features": forest.inputs.n_features,
            "trees": len(leaves),
            "rounds": len(forest.trees.iteration_offset) - 1,
            "leaves": int(leaves.sum()),
            "bits": max(1, int(leaves.max() - 1).bit_length()),
            "outputs": forest.n_columns,
            "link": str(forest.outputs.link),
            "classifier": bool(forest.outputs.is_classifier) or "softmax" in str(forest.outputs.link),
            "averaged": str(forest.sum.final) == "divide",
            "categories": bool((forest.predicates.test == Test.IN_SET).any()),
            "missing": bool(np.isnan(self.rows).any()),
        }

    @cached_property
    def digests(self) -> dict[str, str]:
        """sha-256 of what the trees ask (shape, features, thresholds), of the leaves' values and of the rows."""
        forest, trees = self.forest, self.forest.trees
        asked = [trees.node_offset, trees.left, trees.right, trees.leaf_row, forest.predicates.input[trees.predicate]]
        asked.append(forest.predicates.threshold[trees.predicate])
        return {
            "structure": _digest([*asked, forest.predicates.set_words]),
            "leaves": _digest([forest.leaves.values, forest.sum.base]),
            "rows": _digest([self.rows]),
        }

    def departures(self) -> list[str]:
        """Digests that differ from the frozen ones; empty for a model that is not in the lock file."""
        frozen = json.loads(LOCK.read_text()).get(self.name, {}) if LOCK.exists() else {}
        return [what for what, digest in frozen.get("digests", {}).items() if digest != self.digests[what]]


def mixed_batch(rows: NDArray[np.float32], n_rows: int) -> NDArray[np.float32]:
    """The first ``n_rows`` of the rows; when they are used up, new ones: each feature from one of two rows, by lot. The
    same rows again and again would teach a branch predictor the answers."""
    new = max(0, n_rows - len(rows))
    rng = np.random.default_rng(len(rows))
    one, other = rows[rng.integers(0, len(rows), (2, new))]
    mixed = np.where(rng.random(one.shape) < 0.5, one, other)
    return np.ascontiguousarray(np.concatenate([rows, mixed])[:n_rows])


def _digest(arrays: list[NDArray[Any]]) -> str:
    made = hashlib.sha256()
    for array in arrays:
        made.update(f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return made.hexdigest()


def known_models() -> list[str]:
    return [*TREEBEARD, *TRAINED, *LLEAVES, *HERE_TRAINED]


def bench_models(names: list[str] | None = None) -> list[BenchModel]:
    """The models by name or path; by default those of ``FIRST_EIGHT``. SystemExit for an unknown name or a missing file."""
    return [load(name) for name in names or FIRST_EIGHT]


def load(name: str) -> BenchModel:
    if name not in known_models():
        path = Path(name)
        if not path.is_file():
            raise SystemExit(f"unknown model {name}; the models are {', '.join(known_models())}, or a path")
        return _with_rows(BenchModel(path.stem, path, np.zeros((0, 0), np.float32)))
    if name in HERE_TRAINED:
        path = MADE / f"{name}{HERE_TRAINED[name]}"
        if not path.is_file():
            raise SystemExit(f"there is no {path}; make it: python -m bench.make_models")
        return BenchModel(name, path, np.load(MADE / f"{name}.npy"))
    if not FOLDER.is_dir():
        raise SystemExit(f"no models in {FOLDER}; set TREEC_EXTERNAL_MODELS")
    if name in TREEBEARD:
        path = FOLDER / "treebeard" / f"{TREEBEARD[name]}.json"
        return BenchModel(name, path, np.loadtxt(f"{path}.csv", delimiter=",", dtype=np.float32)[:, :-1])
    if name in LLEAVES:
        path = FOLDER / "lleaves" / LLEAVES[name] / "model.txt"
        return _with_rows(BenchModel(name, path, np.zeros((0, 0), np.float32)))
    with np.load(FOLDER / "trained" / "rows.npz") as rows:
        return BenchModel(name, FOLDER / "trained" / TRAINED[name], rows[name if name in rows else "higgs_like"])


def _with_rows(model: BenchModel) -> BenchModel:
    return BenchModel(model.name, model.path, rows_near_thresholds(model.forest))


def rows_near_thresholds(forest: Any, n_rows: int = 4000) -> NDArray[np.float32]:
    """Rows [n_rows, n_features] for a model that comes without: of each feature a threshold of the model drawn by lot or
    the number just above it, or one of its categories, so that answers of nodes are as mixed as they can be."""
    from treec.frontends.base import Test

    rng = np.random.default_rng(0)
    predicates = forest.predicates
    rows = np.zeros((n_rows, forest.inputs.n_features), np.float32)
    for number in np.unique(predicates.input):
        mine = predicates.input == number
        in_set = mine & (predicates.test == Test.IN_SET)
        column = forest.inputs.column[number]
        if in_set.any():
            sets = predicates.category_set[in_set]
            words = (np.diff(predicates.set_offset)[sets]).max()
            rows[:, column] = rng.integers(0, 32 * words, n_rows)
            continue
        values = rng.choice(np.unique(predicates.threshold[mine]), n_rows).astype(np.float32)
        rows[:, column] = np.where(rng.random(n_rows) < 0.5, values, np.nextafter(values, np.float32(np.inf)))
    return rows
