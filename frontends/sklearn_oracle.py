"""scikit-learn's own answers, on one thread, for comparison."""

# pyright: basic

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import ModelError
from treec.frontends.pickle_records import Recorded
from treec.frontends.sklearn_view import BOOSTERS, HIST_BOOSTERS, EstimatorView, estimator_view


class SklearnOracle:
    """An `treec.frontends.oracle.Oracle` of a live estimator. The estimator itself is not changed.

    Forests run with ``n_jobs=1``: with more, the library adds trees in the order threads end, and its own last bits
    change from call to call.
    """

    library = "sklearn"

    def __init__(self, estimator: Any, view: EstimatorView) -> None:
        import sklearn

        self.version: str = sklearn.__version__
        self._kind = view.class_name
        self._estimator = copy.copy(estimator)
        if hasattr(self._estimator, "n_jobs"):
            self._estimator.n_jobs = 1
        self._n_features = int(view.integer("n_features_in_"))
        self._hist = self._kind in HIST_BOOSTERS
        self._encoded = np.zeros(self._n_features, bool)
        if self._hist and self._estimator._preprocessor is not None:
            self._check_preprocessor()
            self._encoded = np.asarray(self._estimator.is_categorical_, bool)
        self._nan: bool | None = None

    def _check_preprocessor(self) -> None:
        """The trees index its output without a bounds check."""
        out = self._quiet(self._estimator._preprocess_X, np.zeros((1, self._n_features)), reset=False)
        if out.shape != (1, self._n_features) or out.dtype != np.float64:
            raise ModelError(f"the preprocessor makes rows of {out.shape[1]} columns", place=self._kind)

    def _quiet(self, method: Any, rows: Any, **options: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # feature names that plain arrays do not have, overflow in casts
            try:
                return method(rows, **options)
            except Exception as error:
                message = f"scikit-learn's own prediction failed: {type(error).__name__}: {error}"
                raise ModelError(message, place=self._kind, fix="check that the library itself can use it") from error

    def accepts(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Trees refuse infinities and what overflows float32, and NaN where the estimator does not support it;
        HistGradientBoosting refuses infinities in categorical columns only."""
        if self._hist:
            return np.all(~np.isinf(rows[:, self._encoded]), axis=1)
        with np.errstate(over="ignore"):
            cast = rows.astype(np.float32)
        return np.all(~np.isinf(cast) if self._allows_nan() else np.isfinite(cast), axis=1)

    def _allows_nan(self) -> bool:
        if self._nan is None:
            try:
                self._quiet(self._estimator.predict, np.full((1, self._n_features), np.nan))
                self._nan = True
            except ModelError:
                self._nan = False
        return self._nan

    def raw(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        estimator = self._estimator
        if self._hist:
            return np.asarray(self._quiet(estimator._raw_predict, rows), order="C")
        if not self._kind.endswith("Classifier"):
            return self._quiet(estimator.predict, rows).reshape(len(rows), -1)
        if self._kind in BOOSTERS:
            return self._quiet(estimator.decision_function, rows).reshape(len(rows), -1)
        share = self._quiet(estimator.predict_proba, rows)
        return np.concatenate(share, axis=1) if isinstance(share, list) else share

    def predict(self, rows: NDArray[Any]) -> NDArray[Any]:
        return self._quiet(self._estimator.predict, rows)

    def predict_proba(self, rows: NDArray[Any]) -> NDArray[Any] | list[NDArray[Any]] | None:
        if not self._kind.endswith("Classifier"):
            return None
        return self._quiet(self._estimator.predict_proba, rows)

    def apply(self, rows: NDArray[Any]) -> NDArray[Any] | None:
        return None if self._hist else self._quiet(self._estimator.apply, rows)


def oracle_for(obj: object, *, place: str = "estimator") -> SklearnOracle | None:
    """From a live estimator, or one recorded from a pickle whose Forest was built and checked before.

    None where scikit-learn is not installed, or not in the model's version (same first two numbers).
    """
    if not isinstance(obj, Recorded):
        return SklearnOracle(obj, estimator_view(obj, place=place))
    try:
        import sklearn
    except ImportError:
        return None
    recorded = estimator_view(obj, place=place)
    if sklearn.__version__.split(".")[:2] != (recorded.version or "").split(".")[:2]:
        return None
    from treec.frontends.pickle_rebuild import rebuild_estimator

    try:
        return SklearnOracle(rebuild_estimator(obj, place=place), recorded)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"scikit-learn refuses the pickled estimator: {type(error).__name__}: {error}", place=place
        ) from error
