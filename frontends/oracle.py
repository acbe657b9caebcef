"""What a source library can be asked, so that a compiled model can be compared with the very thing it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Protocol

from numpy.typing import NDArray

Rows = NDArray[Any]
"""f32 or f64, shape (n, n_features)."""


class Oracle(Protocol):
    """A library's own answers about one model, single-threaded. Rows are `Rows`; no method changes them.

    ``accepts`` comes first: every other method is called only with rows that the library does not refuse.
    """

    @property
    def library(self) -> str:
        """``"xgboost"``, ``"lightgbm"``, ``"sklearn"``."""
        ...

    @property
    def version(self) -> str: ...

    def accepts(self, rows: Rows) -> NDArray[Any]:
        """bool[n]: the rows that the library answers; it refuses the others (e.g. infinities in an XGBoost DMatrix)."""
        ...

    def raw(self, rows: Rows) -> NDArray[Any]:
        """(n, K) in the library's dtype: what the library calls raw. Always 2-D, whatever the library's shape."""
        ...

    def predict(self, rows: Rows) -> NDArray[Any]:
        """What ``predict`` of this kind of source (wrapper, estimator or Booster) returns, shape and dtype included."""
        ...

    def predict_proba(self, rows: Rows) -> NDArray[Any] | list[NDArray[Any]] | None:
        """Likewise ``predict_proba``; None where the source has none."""
        ...

    def apply(self, rows: Rows) -> NDArray[Any] | None:
        """Leaf ids as the library gives them (``apply``, or ``predict(pred_leaf=True)``); None where it has none."""
        ...


class RememberingOracle:
    """An oracle that is asked every question once, and answers from memory after that.

    A live estimator may be fitted again between the compilation and the saving of its compiled model: the file is then
    compared with what the library said of the model that was compiled.
    """

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._answers: dict[tuple[str, str, tuple[int, ...], bytes], Any] = {}

    @property
    def library(self) -> str:
        return self._oracle.library

    @property
    def version(self) -> str:
        return self._oracle.version

    def accepts(self, rows: Rows) -> NDArray[Any]:
        return self._ask(self._oracle.accepts, rows)

    def raw(self, rows: Rows) -> NDArray[Any]:
        return self._ask(self._oracle.raw, rows)

    def predict(self, rows: Rows) -> NDArray[Any]:
        return self._ask(self._oracle.predict, rows)

    def predict_proba(self, rows: Rows) -> NDArray[Any] | list[NDArray[Any]] | None:
        return self._ask(self._oracle.predict_proba, rows)

    def apply(self, rows: Rows) -> NDArray[Any] | None:
        return self._ask(self._oracle.apply, rows)

    def _ask(self, method: Callable[[Rows], Any], rows: Rows) -> Any:
        key = (method.__name__, rows.dtype.str, rows.shape, hashlib.sha256(rows.tobytes()).digest())
        if key not in self._answers:
            self._answers[key] = method(rows)
        return self._answers[key]
