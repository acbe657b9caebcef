"""What verifiers of the forest dialect prove about arrays. All vectorised; the message names the column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from xdsl.utils.exceptions import VerifyException

from treec.errors import ModelError
from treec.frontends.base import check_preorder
from treec.treeir.blob import Blob, BlobAttr

FLOATS = (np.float32, np.float64)

_preorder_proofs: set[tuple[str, ...]] = set()
"""Digests of node offsets, leaf offsets and children that were proved: every pass verifies the module again."""


def require(condition: bool | np.bool_, what: str) -> None:
    if not condition:
        raise VerifyException(what)


def expect(what: str, blob: BlobAttr | None, dtypes: Iterable[Any], length: int | None = None, ndim: int = 1) -> None:
    """Check dtype, number of dimensions and, if given, length; an absent blob is fine."""
    if blob is None:
        return
    array = blob.array
    if array.ndim != ndim or array.dtype not in [np.dtype(d) for d in dtypes]:
        raise VerifyException(f"{what} has dtype {array.dtype} and {array.ndim} dimensions")
    if length is not None and len(array) != length:
        raise VerifyException(f"{what} has {len(array)} entries, not {length}")


def expect_within(what: str, blob: BlobAttr, limit: int, lowest: int = 0) -> None:
    """Check that all numbers are at least ``lowest`` and below ``limit``."""
    array = blob.array
    if len(array) and not lowest <= int(array.min()) <= int(array.max()) < limit:
        raise VerifyException(f"{what} is out of range: from {array.min()} to {array.max()}, of {limit}")


def expect_cover(what: str, blob: BlobAttr, end: int) -> None:
    """Check that offsets start at 0, do not decrease and end at ``end``."""
    offset = blob.array
    if len(offset) == 0 or offset[0] != 0 or offset[-1] != end or np.any(np.diff(offset.astype(np.int64)) < 0):
        raise VerifyException(f"{what} does not cover 0 to {end} without a gap")


def prove_preorder(node_offset: Blob, leaf_offset: Blob, left: Blob, right: Blob) -> None:
    """Prove that trees are as `treec.frontends.base.Trees` says: nodes in preorder, leaves from left to right.

    ``node_offset`` and ``leaf_offset`` must cover their trees already. Raises `VerifyException`.
    """
    key = (node_offset.digest, leaf_offset.digest, left.digest, right.digest)
    if key in _preorder_proofs:
        return
    require(
        bool(np.all(np.diff(leaf_offset.array) == np.diff(node_offset.array) + 1)), "a tree of n nodes has n + 1 leaves"
    )
    try:
        check_preorder(node_offset.array, left.array, right.array)
    except ModelError as error:
        raise VerifyException(error.message) from None
    _preorder_proofs.add(key)
