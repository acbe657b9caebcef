"""Cut the trees of a forest into runs of neighbours. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def depth_parts(deepest: NDArray[np.int64]) -> NDArray[np.int64]:
    """Boundaries of the runs of neighbours with equal depth (i64 [T]), i64 [parts + 1], from 0 to T."""
    cuts = np.flatnonzero(np.diff(deepest)) + 1
    return np.concatenate([[0], cuts, [len(deepest)]]).astype(np.int64)


def step_parts(n_trees: int, step: int) -> NDArray[np.int64]:
    """Boundaries of the steps of a loop over ``n_trees``, i64 [steps + 1]; the last step may be shorter."""
    return np.append(np.arange(0, n_trees, step), n_trees).astype(np.int64)
