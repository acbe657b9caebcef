"""Which neighbouring trees code can take together, since the same code is for all of them. Pure numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def tree_runs(n: int, kind: NDArray[np.integer[Any]], column: NDArray[np.integer[Any]] | None) -> NDArray[np.bool_]:
    """Whether each tree and the next ones, ``n`` together, have one ``kind`` i64[T], -1 for what is never taken together,
    and add to one ``column`` (None: all do)."""
    found = kind >= 0
    found[max(0, len(kind) - n + 1) :] = False
    for step in range(1, min(n, len(kind))):
        same = kind[step:] == kind[:-step]
        if column is not None:
            same &= column[step:] == column[:-step]
        found[:-step] &= same
    return found
