"""What the tests of the tools share: small models as text, and how a command ended."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_FEATURES = 4
PLAIN = "target cpu input=f64\nlayout packed\norder row, tree\nwalk with=scalar\n"
"""A schedule that compiles quickly."""


@dataclass(frozen=True)
class Ran:
    """How a command ended. ``stdout``, ``stderr``: text."""

    code: int
    stdout: str
    stderr: str


Run = Callable[..., Ran]


def model_text(*, trees: int = 3, depth: int = 3, seed: int = 0, objective: str = "regression") -> str:
    """A LightGBM text model: complete trees over `N_FEATURES` features, the last of them categorical."""
    rng = np.random.default_rng(seed)
    names = " ".join(f"age_{i}" for i in range(N_FEATURES))
    head = (
        f"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={N_FEATURES - 1}\n"
        f"objective={objective}\nfeature_names={names}\nfeature_infos={' '.join(['[-1:1]'] * (N_FEATURES - 1))} 0:1:2:3\n"
    )
    body = "\n\n".join(_tree_text(number, depth, rng) for number in range(trees))
    tail = "end of trees\n\nparameters:\n[boosting: gbdt]\n\nend of parameters\n\npandas_categorical:null\n"
    return f"{head}\n{body}\n\n\n{tail}"


def _tree_text(number: int, depth: int, rng: np.random.Generator) -> str:
    n = 2**depth - 1
    left = [2 * i + 1 if 2 * i + 1 < n else ~(2 * i + 1 - n) for i in range(n)]
    right = [2 * i + 2 if 2 * i + 2 < n else ~(2 * i + 2 - n) for i in range(n)]
    feature: NDArray[np.int64] = rng.integers(0, N_FEATURES, n, dtype=np.int64)
    categorical: NDArray[np.bool_] = feature == N_FEATURES - 1
    sets = int(np.count_nonzero(categorical))
    threshold = np.where(categorical, np.cumsum(categorical) - 1, rng.normal(size=n))
    decision = np.where(categorical, 9, rng.choice([0, 8, 10, 4, 6], n))
    columns: dict[str, Any] = {
        "num_leaves": [n + 1],
        "num_cat": [sets],
        "split_feature": feature,
        "split_gain": [1] * n,
        "threshold": [repr(float(t)) if not c else int(t) for t, c in zip(threshold, categorical, strict=True)],
        "decision_type": decision,
        "left_child": left,
        "right_child": right,
        "leaf_value": [repr(float(v)) for v in rng.normal(size=n + 1).tolist()],
        "leaf_weight": [1] * (n + 1),
        "leaf_count": [1] * (n + 1),
        "internal_value": [0] * n,
        "internal_weight": [0] * n,
        "internal_count": [2] * n,
    }
    if sets:
        columns["cat_boundaries"] = range(sets + 1)
        columns["cat_threshold"] = rng.integers(1, 15, sets)
    columns |= {"is_linear": [0], "shrinkage": [1]}
    return "\n".join([f"Tree={number}", *(f"{key}={' '.join(map(str, value))}" for key, value in columns.items())])


def script(name: str) -> list[str]:
    """The command line of an installed console script."""
    return [sys.executable, str(Path(sysconfig.get_path("scripts")) / name)]


def names(folder: Path) -> set[str]:
    """Everything in a folder, hidden files included."""
    return {path.name for path in folder.iterdir()}
