"""What verifiers of the forest dialect prove about arrays. All vectorised; the message names the column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from xdsl.utils.exceptions import VerifyException

from treec.errors import ModelError
from treec.frontends.checks import check_preorder
from treec.treeir.blob import Blob, BlobAttr

FLOATS = (np.float32, np.float64)

LARGEST_TILE = 16
"""Nodes that a tile may have."""

_preorder_proofs: set[tuple[str, ...]] = set()
"""Digests of node offsets, leaf offsets and children that were proved: every pass verifies the module again."""
_tile_proofs: set[tuple[str, ...]] = set()
"""Likewise of node offsets, children and tiles."""


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


def prove_tiles(node_offset: Blob, left: Blob, right: Blob, tile: Blob) -> None:
    """Prove that tiles are as `treec.frontends.base.Trees` says: each hangs together and is not too large, and those of a
    tree are numbered from 0 on.

    Children must be proved already. Raises `VerifyException`.
    """
    key = (node_offset.digest, left.digest, right.digest, tile.digest)
    if key in _tile_proofs or len(tile.array) == 0:
        return
    offset, number = node_offset.array, tile.array.astype(np.int64)
    sizes = np.diff(offset)
    base = np.repeat(offset[:-1], sizes)
    require(bool(np.all((number >= 0) & (number < np.repeat(sizes, sizes)))), "tile is out of range")
    begins = np.ones(len(number), bool)  # nodes that are not in the tile of the node above
    for child in (left.array, right.array):
        inner = np.flatnonzero(child >= 0)
        below = base[inner] + child[inner]
        begins[below] = number[below] != number[inner]
    of_tile = np.bincount(base + number, minlength=len(number))  # a tree has at most as many tiles as nodes
    roots = np.bincount((base + number)[begins], minlength=len(number))
    require(int(of_tile.max()) <= LARGEST_TILE, f"a tile has {int(of_tile.max())} nodes, and the most is {LARGEST_TILE}")
    require(bool(np.all(roots[of_tile > 0] == 1)), "the nodes of a tile do not hang together")
    first_gap = (of_tile[1:] > 0) & (of_tile[:-1] == 0) & (base[1:] == base[:-1])
    require(not first_gap.any() and bool(np.all(of_tile[offset[:-1][sizes > 0]] > 0)), "tiles are not numbered from 0 on")
    _tile_proofs.add(key)
