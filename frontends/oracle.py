"""What a source library can be asked, so that a compiled model can be compared with the very thing it came from."""

from __future__ import annotations

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
