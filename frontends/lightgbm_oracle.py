"""LightGBM's own answers about one model. See `treec.frontends.oracle`."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.lightgbm_objects import is_lightgbm_object
from treec.frontends.lightgbm_text import sniff
from treec.frontends.oracle import Oracle, Rows


def oracle_for(source: object) -> Oracle | None:
    """The library's view of a text model (bytes) or a live object; None if it is neither, or LightGBM is absent."""
    if not (sniff(source) if isinstance(source, bytes) else is_lightgbm_object(source)):
        return None
    try:
        import lightgbm
    except ImportError:
        return None
    model: Any = lightgbm.Booster(model_str=source.decode()) if isinstance(source, bytes) else source
    return LightGBMOracle(model, str(lightgbm.__version__))


class LightGBMOracle:
    """A Booster or a scikit-learn wrapper, asked on one thread."""

    library = "lightgbm"

    def __init__(self, model: Any, version: str) -> None:
        self.version = version
        self._model = model
        self._booster: Any = getattr(model, "booster_", model)

    def accepts(self, rows: Rows) -> NDArray[np.bool_]:
        """LightGBM answers every row of the right width: NaN, infinities and all."""
        return np.full(len(rows), rows.ndim == 2 and rows.shape[1] == self._booster.num_feature(), np.bool_)

    def raw(self, rows: Rows) -> NDArray[np.float64]:
        columns = self._booster.num_model_per_iteration()
        if not len(rows):
            return np.zeros((0, columns), np.float64)
        return self._ask(self._booster.predict, rows, raw_score=True).reshape(len(rows), columns)

    def predict(self, rows: Rows) -> NDArray[Any]:
        return self._ask(self._model.predict, rows)

    def predict_proba(self, rows: Rows) -> NDArray[np.float64] | None:
        method = getattr(self._model, "predict_proba", None)
        return None if method is None else self._ask(method, rows)

    def apply(self, rows: Rows) -> NDArray[np.int32]:
        if not len(rows):  # the library divides by the number of rows
            best, trees = self._booster.best_iteration, self._booster.num_trees()
            kept = best * self._booster.num_model_per_iteration() if best > 0 else trees
            return np.zeros((0, min(kept, trees)), np.int32)
        return self._ask(self._model.predict, rows, pred_leaf=True)

    def _ask(self, method: Any, rows: Rows, **arguments: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # e.g. rows without feature names, for a model that was fitted with them
            return method(rows, num_threads=1, verbosity=-1, **arguments)
