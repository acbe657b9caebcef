"""Tiles: nodes of a tree that hang together and are evaluated together. Pure numpy, one step per level of tiles and node of
a tile, over all tiles of a level at once.

A tile grows from its root, one node at a time, by the neighbour that is next: the one nearest to the root (uniform), or
the one that most rows reach (greedy). What is left over at its edge become the roots of the tiles below.

After Treebeard (Prasad et al., MICRO 2022), which has both ways, and the rule for trees that are leaf-biased.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Trees

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]


def uniform_tiles(trees: Trees, size: int) -> NDArray[np.int32]:
    """The tile of each node, i32 [N], a number within its tree: the first ``size`` inner nodes in level order below each
    tile's root. Tiles are numbered by the preorder of their roots."""
    return _grow(trees, size, np.zeros(trees.n_nodes), lambda roots: np.zeros(len(roots), bool))


def probability_tiles(trees: Trees, size: int, node_count: F64, greedy: Bools) -> NDArray[np.int32]:
    """The same, but a tile of a tree that is ``greedy`` (bool [T]) takes the neighbour with the largest count next."""
    of_node = np.repeat(greedy, np.diff(trees.node_offset))
    return _grow(trees, size, node_count, lambda roots: of_node[roots])


def hybrid_tiles(trees: Trees, size: int, node_count: F64, threshold: float) -> NDArray[np.int32]:
    """The same, greedy for a tile whose root is met by at least ``threshold`` of its tree's rows."""
    sizes = np.diff(trees.node_offset)
    total = np.repeat(node_count[trees.node_offset[:-1][sizes > 0]], sizes[sizes > 0])
    return _grow(trees, size, node_count, lambda roots: node_count[roots] >= threshold * total[roots])


def leaf_biased(trees: Trees, leaf_count: F64, alpha: float, beta: float) -> Bools:
    """Trees in which at most ``alpha`` of the leaves have at least ``beta`` of the rows, bool [T]; none without rows."""
    leaves = np.diff(trees.leaf_offset)
    tree = np.repeat(np.arange(trees.n_trees), leaves)
    sorted_count = leaf_count[np.lexsort((-leaf_count, tree))]
    so_far = np.cumsum(sorted_count)
    before = np.concatenate([[0.0], so_far])[trees.leaf_offset]
    total = np.diff(before)
    enough = so_far - before[tree] >= beta * total[tree]
    place = np.arange(len(tree)) - trees.leaf_offset[tree] + 1
    needed = np.full(trees.n_trees, np.iinfo(np.int64).max)
    np.minimum.at(needed, tree[enough], place[enough])
    return (total > 0) & (needed <= alpha * leaves)


def _grow(trees: Trees, size: int, count: F64, greedy: Callable[[I64], Bools]) -> NDArray[np.int32]:
    sizes = np.diff(trees.node_offset)
    base = np.repeat(trees.node_offset[:-1], sizes)
    left, right = (np.where(child >= 0, base + child, -1) for child in (trees.left, trees.right))
    count = np.nan_to_num(count)
    root_of = np.zeros(trees.n_nodes, np.int64)
    roots = trees.node_offset[:-1][sizes > 0]
    while len(roots):
        roots = _grow_level(roots, left, right, count, greedy(roots), root_of, size)
    is_root = root_of == np.arange(trees.n_nodes)
    number = np.cumsum(is_root) - 1
    return (number[root_of] - number[base]).astype(np.int32)


def _grow_level(roots: I64, left: I64, right: I64, count: F64, greedy: Bools, root_of: I64, size: int) -> I64:
    """Grow a tile at each root; ``root_of`` learns the tile's root of each node. Returns the roots of the tiles below."""
    edge = np.full((len(roots), size + 1), -1, np.int64)
    rank = np.full((len(roots), size + 1), -np.inf)
    edge[:, 0], rank[:, 0] = roots, 0.0
    for step in range(size):
        slot = rank.argmax(axis=1)
        at = np.flatnonzero(edge[np.arange(len(roots)), slot] >= 0)
        slot = slot[at]
        node = edge[at, slot]
        root_of[node] = roots[at]
        for place, child, order in ((slot, left[node], 2 * step), (step + 1, right[node], 2 * step + 1)):
            by_rank = np.where(greedy[at], count[child], -float(order))
            edge[at, place] = child
            rank[at, place] = np.where(child >= 0, by_rank, -np.inf)
    return edge[edge >= 0]
