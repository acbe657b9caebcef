"""Counts of nodes from sample rows: how often each is reached, by the Forest's interpreter."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import InputError, UnsupportedModelError, UsageError
from treec.frontends.base import F32, F64, Forest, Trees
from treec.passes.algo.profile import with_counts
from treec.treeir.interp.forest import leaf_indices

ROWS_AT_ONCE = 1 << 12


@dataclass(frozen=True)
class Profiled:
    """``forest`` has the counts of ``rows`` rows, whose bytes in C order have this sha-256."""

    forest: Forest
    rows: int
    digest: str

    def facts(self) -> dict[str, Any]:
        return {"rows": self.rows, "sha256": self.digest}


def profiled(forest: Forest, profile: str | os.PathLike[str] | NDArray[Any]) -> Profiled:
    """Count the nodes that rows reach, in place of the model's own counts.

    ``profile``: rows [n, n_features] of any number dtype, or the path of a ``.npy`` file with them. Raises `UsageError`
    for a file that can't be read and `InputError` for rows of another shape or dtype, or none.
    """
    rows = _read(profile) if isinstance(profile, str | os.PathLike) else np.asarray(profile)
    if rows.dtype.kind not in "fiu" or rows.ndim != 2 or len(rows) == 0:
        reason = f"a profile is rows of numbers, at least one; this has dtype {rows.dtype} and shape {rows.shape}"
        raise InputError(reason, fix="save rows of features with numpy.save")
    if not isinstance(forest.trees, Trees):
        raise UnsupportedModelError("oblivious trees have no nodes to count", fix="leave out the profile")
    digest = hashlib.sha256(rows.tobytes()).hexdigest()
    rows = rows if rows.dtype in (F32, F64) else rows.astype(np.float64)
    trees, count = forest.trees, np.zeros(forest.trees.n_leaves, np.int64)
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        leaf = leaf_indices(forest, rows[begin : begin + ROWS_AT_ONCE]) + trees.leaf_offset[:-1]
        count += np.bincount(leaf.reshape(-1), minlength=trees.n_leaves)
    counted = replace(forest, trees=with_counts(trees, count.astype(np.float64)))
    return Profiled(counted.check(), len(rows), digest)


def _read(path: str | os.PathLike[str]) -> NDArray[Any]:
    try:
        return np.load(Path(path), allow_pickle=False)
    except OSError as error:
        reason = f"the profile can't be read: {error.strerror or error}"
        raise UsageError(reason, place=str(path), fix="check the path") from None
    except (ValueError, EOFError) as error:
        raise UsageError(f"the profile is no .npy file: {error}", place=str(path), fix="save it with numpy.save") from None
