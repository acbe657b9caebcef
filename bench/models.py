# pyright: basic
"""The benchmark models and their input rows. All are frozen files of ``TREEC_EXTERNAL_MODELS``; nothing is trained here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("TREEC_EXTERNAL_MODELS", ROOT.parent / "shared" / "models"))

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


@dataclass(frozen=True)
class BenchModel:
    """``rows`` f32 [n, n_features], C order."""

    name: str
    path: Path
    rows: NDArray[np.float32]

    @property
    def library(self) -> str:
        return "lightgbm" if self.path.suffix == ".txt" else "xgboost"

    def batch(self, n_rows: int) -> NDArray[np.float32]:
        """The first ``n_rows`` of the rows; when they are used up, new ones: each feature from one of two rows, by lot. The
        same rows again and again would teach a branch predictor the answers."""
        new = max(0, n_rows - len(self.rows))
        rng = np.random.default_rng(len(self.rows))
        one, other = self.rows[rng.integers(0, len(self.rows), (2, new))]
        mixed = np.where(rng.random(one.shape) < 0.5, one, other)
        return np.ascontiguousarray(np.concatenate([self.rows, mixed])[:n_rows])


def bench_models(names: list[str] | None = None) -> list[BenchModel]:
    """The models by name, all by default. Raises SystemExit for an unknown name or a missing folder."""
    known = [*TREEBEARD, *TRAINED]
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise SystemExit(f"unknown model {unknown[0]}; the models are {', '.join(known)}")
    if not FOLDER.is_dir():
        raise SystemExit(f"no models in {FOLDER}; set TREEC_EXTERNAL_MODELS")
    return [_load(name) for name in names or known]


def _load(name: str) -> BenchModel:
    if name in TREEBEARD:
        path = FOLDER / "treebeard" / f"{TREEBEARD[name]}.json"
        return BenchModel(name, path, np.loadtxt(f"{path}.csv", delimiter=",", dtype=np.float32)[:, :-1])
    with np.load(FOLDER / "trained" / "rows.npz") as rows:
        return BenchModel(name, FOLDER / "trained" / TRAINED[name], rows[name if name in rows else "higgs_like"])
