"""What verifiers of the forest dialect prove about arrays. All vectorised; the message names the column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.utils.exceptions import VerifyException

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

    ``node_offset`` and ``leaf_offset`` must cover their trees already. From the roots down, one step per level: each node
    owns a range of nodes and its first leaf; its children must be where these put them. The ranges of siblings do not
    overlap, so every node and leaf has one parent. Raises `VerifyException`.
    """
    key = (node_offset.digest, leaf_offset.digest, left.digest, right.digest)
    if key in _preorder_proofs:
        return
    sizes = np.diff(node_offset.array)
    require(bool(np.all(np.diff(leaf_offset.array) == sizes + 1)), "a tree of n nodes has n + 1 leaves")
    base = node_offset.array[:-1][sizes > 0]
    node, end = np.zeros_like(base), sizes[sizes > 0]
    leaf = np.zeros_like(base)
    while len(node):
        node, end, leaf, base = _descend(left.array[base + node], right.array[base + node], node, end, leaf, base)
    _preorder_proofs.add(key)


def _descend(
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    node: NDArray[np.int64],
    end: NDArray[np.int64],
    leaf: NDArray[np.int64],
    base: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Check the children of nodes that own ``node : end`` and leaves from ``leaf`` on; the same for inner children."""
    goes_left, goes_right = left >= 0, right >= 0
    middle = np.where(goes_right, right, end)  # where the nodes on the right begin
    adjacent = (goes_left & (left == node + 1)) | (left == ~leaf)
    require(bool(adjacent.all()), "a left child is neither the next node nor the next leaf")
    beside = (goes_left == (middle > node + 1)) & (middle > node) & ((middle < end) | ~goes_right)
    require(bool(beside.all()), "a right child is not where its parent's left side ends")
    leaf_right = leaf + middle - node
    require(bool((goes_right | (right == ~leaf_right)).all()), "leaves are not numbered from left to right")
    return (
        np.concatenate([node[goes_left] + 1, middle[goes_right]]),
        np.concatenate([middle[goes_left], end[goes_right]]),
        np.concatenate([leaf[goes_left], leaf_right[goes_right]]),
        np.concatenate([base[goes_left], base[goes_right]]),
    )
