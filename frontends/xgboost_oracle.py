"""XGBoost's own answers, single-threaded, about a model file, a Booster or a scikit-learn wrapper."""
# pyright: basic

from __future__ import annotations

import copy
import importlib.util
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.oracle import Oracle, Rows
from treec.frontends.xgboost_document import Node, read_document


def oracle_for(source: bytes | Any) -> Oracle | None:
    """An oracle for model bytes (already read by `forest_from_bytes`), a Booster or a wrapper. The object is copied.

    None where XGBoost is not installed, and for files of XGBoost 2.0 to 3.0 with vector leaves: newer libraries crash
    on them.
    """
    if importlib.util.find_spec("xgboost") is None:
        return None
    import xgboost

    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        document = read_document(data, "model")
        if _crashes_library(document):
            return None
        booster = xgboost.Booster({"nthread": 1})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the advice to save old files again
            if document.path:  # the Model part of a pickled Booster
                booster.__setstate__({"handle": bytearray(data)})
                booster.set_param({"nthread": 1})
            else:
                booster.load_model(bytearray(data))
        return BoosterOracle(booster)
    if isinstance(source, xgboost.Booster):
        return BoosterOracle(_one_thread(source.copy()))
    wrapper = copy.copy(source)
    wrapper._Booster = _one_thread(source.get_booster().copy())
    wrapper.n_jobs = 1
    return WrapperOracle(wrapper)


def _one_thread(booster: Any) -> Any:
    booster.set_param({"nthread": 1})
    return booster


def _crashes_library(document: Node) -> bool:
    trees = document.get("learner").get("gradient_booster").get("model").get("trees").items()
    return any(
        t.get("tree_param").value.get("size_leaf_vector", "1") not in ("0", "1") and not t.has("leaf_weights")
        for t in trees
    )


def _two_dimensional(values: NDArray[Any]) -> NDArray[Any]:
    return values[:, np.newaxis] if values.ndim == 1 else values


class BoosterOracle:
    library = "xgboost"

    def __init__(self, booster: Any) -> None:
        import xgboost

        self.version: str = xgboost.__version__
        self.booster = booster
        self.missing = float("nan")
        self.rounds = (0, 0)

    def accepts(self, rows: Rows) -> NDArray[np.bool_]:
        """A DMatrix refuses infinities, and what is infinite as f32, but for the missing value."""
        with np.errstate(over="ignore"):
            values, missing = rows.astype(np.float32), np.float32(self.missing)
        return ~(np.isinf(values) & (values != missing)).any(axis=1)

    def matrix(self, rows: Rows) -> Any:
        import xgboost

        return xgboost.DMatrix(
            rows,
            missing=self.missing,
            nthread=1,
            feature_names=self.booster.feature_names,
            feature_types=self.booster.feature_types,
            enable_categorical=True,
        )

    def raw(self, rows: Rows) -> NDArray[Any]:
        return _two_dimensional(self.booster.predict(self.matrix(rows), output_margin=True))

    def predict(self, rows: Rows) -> NDArray[Any]:
        return self.booster.predict(self.matrix(rows))

    def predict_proba(self, rows: Rows) -> NDArray[Any] | None:
        return None

    def apply(self, rows: Rows) -> NDArray[Any] | None:
        """Leaf ids; ``apply`` of a wrapper is this call, but knows no feature names."""
        return self.booster.predict(self.matrix(rows), pred_leaf=True, iteration_range=self.rounds)


class WrapperOracle(BoosterOracle):
    """``accepts`` is that of ``apply``; the wrapper's ``predict`` takes infinities too."""

    def __init__(self, wrapper: Any) -> None:
        super().__init__(wrapper.get_booster())
        self.wrapper = wrapper
        self.missing = float(wrapper.missing)
        self.rounds = wrapper._get_iteration_range(None)

    def raw(self, rows: Rows) -> NDArray[Any]:
        return _two_dimensional(self.wrapper.predict(rows, output_margin=True))

    def predict(self, rows: Rows) -> NDArray[Any]:
        return self.wrapper.predict(rows)

    def predict_proba(self, rows: Rows) -> NDArray[Any] | None:
        if not hasattr(self.wrapper, "predict_proba") or self.wrapper.objective == "multi:softmax":
            return None
        return self.wrapper.predict_proba(rows)
