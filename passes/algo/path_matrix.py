"""The path matrix of Hummingbird's GEMM strategy: which conditions lead to which leaf, four leaves to a word. Pure numpy.

Let ``p[i]`` be 1 where a row goes left at node ``i``, else 0, and ``c[i, l]`` be +1 where leaf ``l`` is on the left of node
``i``, -1 where it is on the right, 0 where the node is not on its path. With ``lefts[l]``, the left turns on the way,
``sum(p * c[:, l]) - lefts[l]`` is less than 0 by one for each condition that does not hold; so it is 0 for the row's leaf
and less for all others. As a number of a byte, ``128 - lefts[l] + sum(p * c[:, l])``, its highest bit says whether a row is
there. The numbers of four leaves are added as one of 32 bits: what a negative term borrows from the next byte, later ones
give back, for the whole sum is right modulo 2**32 and all its bytes are from 1 to 128.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WORD_LEAVES = 4
"""Leaves whose numbers a word has, a byte each."""
LEAVES_MOST = 128
"""Of a tree: a thread holds their numbers in registers, and a path of 128 conditions would not fit a byte."""
HIT = 128
"""The byte of a leaf whose conditions all hold."""


@dataclass(frozen=True, eq=False)
class PathMatrix:
    """``path`` u32 [nodes, words]: what a node adds to the words where a row goes left. ``start`` u32 [trees, words]: the
    words before; bytes of leaves that a tree has not are 0. ``lefts`` [leaves]: left turns on the way. Leaves of a tree are
    numbered from left to right."""

    path: NDArray[np.uint32]
    start: NDArray[np.uint32]
    lefts: NDArray[np.int64]


def path_matrix(node_base: NDArray[np.int64], step: NDArray[np.int64]) -> PathMatrix:
    """The matrix of packed trees (`treec.passes.algo.packed`), by the first node of each and the nodes' steps to the right.

    Raises `ValueError` for a tree of more than `LEAVES_MOST` leaves.
    """
    leaves = np.diff(node_base) + 1
    if len(leaves) and leaves.max() > LEAVES_MOST:
        widest = int(leaves.argmax())
        count, most = int(leaves[widest]), LEAVES_MOST
        raise ValueError(f"tree {widest} has {count} leaves, {count - most} more than the {most} that a gemm counts for")
    words = -(-int(leaves.max(initial=1)) // WORD_LEAVES)
    first, middle, last, lefts = _spans(node_base, step)
    leaf = np.arange(words * WORD_LEAVES)
    left = (leaf >= first[:, None]) & (leaf < middle[:, None])
    right = (leaf >= middle[:, None]) & (leaf < last[:, None])
    start = np.zeros((len(leaves), words * WORD_LEAVES), np.int64)
    start[leaf < leaves[:, None]] = HIT - lefts
    return PathMatrix(_packed(left.astype(np.int64) - right), _packed(start), lefts)


def _spans(node_base: NDArray[np.int64], step: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Of each node the first leaf on its left, the first on its right and the end of these, by number in the tree; and of
    each leaf of all trees its left turns. All trees go down a level at a time."""
    n = len(step)
    first, last, lefts = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n + len(node_base) - 1, np.int64)
    tree = np.arange(len(node_base) - 1)
    node, end, leaf, turns = node_base[:-1], node_base[1:], np.zeros_like(tree), np.zeros_like(tree)
    while len(node):
        done = node == end
        lefts[node_base[tree[done]] + tree[done] + leaf[done]] = turns[done]
        tree, node, end, leaf, turns = (of[~done] for of in (tree, node, end, leaf, turns))
        first[node], last[node] = leaf, leaf + end - node + 1
        right, size = node + step[node], step[node]
        tree, turns = np.concatenate([tree, tree]), np.concatenate([turns + 1, turns])
        node, end, leaf = (
            np.concatenate([node + 1, right]),
            np.concatenate([right, end]),
            np.concatenate([leaf, leaf + size]),
        )
    return first, first + step, last, lefts


def _packed(numbers: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Four numbers as one, modulo 2**32."""
    four = numbers.reshape(len(numbers), numbers.shape[1] // WORD_LEAVES, WORD_LEAVES)
    return (four @ (1 << 8 * np.arange(WORD_LEAVES)) & 0xFFFFFFFF).astype(np.uint32)
