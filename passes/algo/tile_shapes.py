"""The nodes and exits of tiles, their shapes, and what answers lead to which exit. Pure numpy.

See `treec.passes.algo.tiled` for the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Trees

I64 = NDArray[np.int64]
NOTHING = np.int8(-128)
"""In a shape: no node in this lane."""


@dataclass(frozen=True, eq=False)
class TileNodes:
    """All tiles of a forest, tree by tree. M tiles of at most ``size`` nodes.

    ``tree`` i64 [M]. ``tile_base`` i64 [T + 1]: the first tile of each tree, which has its root. ``predicate`` [M, lanes].
    ``leads`` i8 [M, 2 * size]: where the true and the false answer of each node lead: to a node (>= 0), to exit ``~e``, or
    `NOTHING`. ``exit_tile``, ``exit_leaf`` i64 [M, size + 1]: the tile or the leaf (of all) behind each exit, or -1.
    """

    size: int
    lanes: int
    tree: I64
    tile_base: I64
    predicate: I64
    leads: NDArray[np.int8]
    exit_tile: I64
    exit_leaf: I64


def tile_nodes(trees: Trees) -> TileNodes:
    """The tiles of trees; without tiles each node is one."""
    sizes = np.diff(trees.node_offset)
    node_tree = np.repeat(np.arange(trees.n_trees), sizes)
    local = np.arange(trees.n_nodes) - trees.node_offset[node_tree]
    number = local if trees.tile is None else trees.tile.astype(np.int64)
    many = np.ones(trees.n_trees, np.int64)  # a tree of one leaf is one tile
    np.maximum.at(many, node_tree, number + 1)
    tile_base = np.concatenate([[0], np.cumsum(many)])
    tile = tile_base[node_tree] + _root_first(trees, number)
    order = np.argsort(tile, kind="stable")  # nodes by tile, in preorder
    count = np.bincount(tile, minlength=int(tile_base[-1]))
    first = np.cumsum(count) - count
    lane = np.zeros(trees.n_nodes, np.int64)
    lane[order] = np.arange(trees.n_nodes) - np.repeat(first, count)
    size = max(1, int(count.max(initial=1)))
    lanes = 1 << (size - 1).bit_length()
    target = _targets(trees, node_tree)
    leads, exit_tile, exit_leaf = _exits(target, tile, lane, (int(tile_base[-1]), size))
    alone = tile_base[:-1][sizes == 0]
    leads[alone, :2] = ~0, ~1
    exit_leaf[alone, :2] = trees.leaf_offset[:-1][sizes == 0][:, None]
    predicate = np.full((int(tile_base[-1]), lanes), -1, np.int64)
    predicate[tile, lane] = trees.predicate
    root = np.maximum(predicate[:, :1], 0)  # a tree of one leaf asks anything
    tile_tree = np.repeat(np.arange(trees.n_trees), many)
    predicate = np.where(predicate < 0, root, predicate)
    return TileNodes(size, lanes, tile_tree, tile_base, predicate, leads, exit_tile, exit_leaf)


def _root_first(trees: Trees, number: I64) -> I64:
    """Tiles renumbered in each tree so that the root's is 0."""
    sizes = np.diff(trees.node_offset)
    of_root = np.repeat(number[trees.node_offset[:-1][sizes > 0]], sizes[sizes > 0])
    return np.where(number == of_root, 0, np.where(number < of_root, number + 1, number))


def _targets(trees: Trees, node_tree: I64) -> I64:
    """Where the true and the false answer of each node lead, i64 [N, 2]: a node, or ``~leaf``, both of all trees."""
    sides = [
        np.where(
            child >= 0, trees.node_offset[node_tree] + child, ~(trees.leaf_offset[node_tree] + ~child.astype(np.int64))
        )
        for child in (trees.left, trees.right)
    ]
    target = np.stack(sides, axis=1)
    if trees.inverted is not None:
        target[trees.inverted] = target[trees.inverted, ::-1]
    return target


def _exits(target: I64, tile: I64, lane: I64, shape: tuple[int, int]) -> tuple[NDArray[np.int8], I64, I64]:
    n_tiles, size = shape
    leads = np.full((n_tiles, 2 * size), NOTHING, np.int8)
    exit_tile, exit_leaf = (np.full((n_tiles, size + 1), -1, np.int64) for _ in range(2))
    is_node = target >= 0
    node = np.where(is_node, target, 0)
    inside = is_node & (tile[node] == tile[:, None]) if len(tile) else is_node
    slot = 2 * lane[:, None] + np.arange(2)
    goes_out = np.zeros((n_tiles, 2 * size), bool)
    goes_out[tile[:, None], slot] = ~inside
    number = (np.cumsum(goes_out, axis=1) - 1)[tile[:, None], slot]
    leads[tile[:, None], slot] = np.where(inside, lane[node] if len(lane) else 0, ~number)
    row = np.broadcast_to(tile[:, None], target.shape)
    to_tile, to_leaf = is_node & ~inside, ~is_node
    exit_tile[row[to_tile], number[to_tile]] = tile[node[to_tile]]
    exit_leaf[row[to_leaf], number[to_leaf]] = ~target[to_leaf]
    return leads, exit_tile, exit_leaf


@dataclass(frozen=True, eq=False)
class Shapes:
    """Shapes that occur. ``leads`` i8 [n, 2 * size] as in `TileNodes`, ``of_tile`` i64 [M]."""

    size: int
    lanes: int
    leads: NDArray[np.int8]
    of_tile: I64

    @property
    def n(self) -> int:
        return len(self.leads)

    def lookup(self) -> NDArray[np.uint8]:
        """The exit of each shape by the mask of answers, u8 [n, 2**size]: all masks go down all shapes at once."""
        masks = np.arange(1 << self.size)
        at = np.zeros((self.n, len(masks)), np.int64)
        row = np.arange(self.n)[:, None]
        for _ in range(self.size):
            inside = at >= 0
            node = np.maximum(at, 0)
            answer = masks[None, :] >> node & 1
            at = np.where(inside, self.leads[row, 2 * node + 1 - answer].astype(np.int64), at)
        return (~at).astype(np.uint8)

    def care_and_want(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """For each shape and exit: the answers on the way to it, and which they are, as masks; unsigned [n, lanes]. Exit
        ``lanes``, if a shape has it, is the one where no other fits."""
        care, want = self._ways
        dtype = np.uint8 if self.size <= 8 else np.uint16
        exits = ((self.leads < 0) & (self.leads != NOTHING)).sum(axis=1)
        absent = np.arange(self.lanes)[None, :] >= exits[:, None]
        pad = ((0, 0), (0, max(0, self.lanes - self.size - 1)))
        care, want = (np.pad(way, pad)[:, : self.lanes] for way in (care, want))
        # What no mask fits: an answer that is wanted, and not cared for.
        return np.where(absent, 0, care).astype(dtype), np.where(absent, 1, want).astype(dtype)

    @cached_property
    def _ways(self) -> tuple[I64, I64]:
        """Masks of the way to every exit, i64 [n, size + 1] each. A node comes after those above it."""
        to_node = np.zeros((2, self.n, self.size), np.int64)
        to_exit = np.zeros((2, self.n, self.size + 1), np.int64)
        for lane in range(self.size):
            for side in (0, 1):
                leads = self.leads[:, 2 * lane + side].astype(np.int64)
                bit = np.int64(1 << lane)
                way = to_node[0, :, lane] | bit, to_node[1, :, lane] | (bit if side == 0 else 0)
                inner, out = np.flatnonzero(leads >= 0), np.flatnonzero((leads < 0) & (leads != NOTHING))
                for number in (0, 1):
                    to_node[number, inner, leads[inner]] = way[number][inner]
                    to_exit[number, out, ~leads[out]] = way[number][out]
        return to_exit[0], to_exit[1]


def shapes_of(nodes: TileNodes) -> Shapes:
    """The distinct shapes of tiles, and that of each."""
    rows = np.ascontiguousarray(nodes.leads).view(np.dtype((np.void, 2 * nodes.size))).reshape(-1)
    distinct, of_tile = np.unique(rows, return_inverse=True)
    leads = distinct.view(np.int8).reshape(-1, 2 * nodes.size)
    return Shapes(nodes.size, nodes.lanes, leads, of_tile.reshape(-1).astype(np.int64))
