"""Node counts from the leaves that rows reach. Pure numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Trees
from treec.passes.algo.swap import leaf_ends


def with_counts(trees: Trees, leaf_count: NDArray[np.float64]) -> Trees:
    """The same trees with these counts of leaves, f64 [L], and of nodes: the sums of those below."""
    first, end = leaf_ends(trees)
    before = np.concatenate([[0.0], np.cumsum(leaf_count)])
    base = np.repeat(trees.leaf_offset[:-1], np.diff(trees.node_offset))
    return replace(trees, leaf_count=leaf_count, node_count=before[base + end] - before[base + first])
