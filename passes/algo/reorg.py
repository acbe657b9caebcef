"""Trees stored together, position by position: what Tahoe and FIL call reorg. Pure numpy.

All trees are padded to complete trees of one depth D. Position 0 is the root, and the children of position n are 2n + 1,
where a true answer leads, and 2n + 2. The number at position n of tree t is element ``n * n_trees + t``: neighbouring trees
are neighbours in memory at every position, and no record points anywhere. With places ``p = n * n_trees`` a step is

    p → 2 * p + n_trees            after a true answer
        2 * p + 2 * n_trees        after a false one

A leaf above the last level is walked on from, to copies of itself: every walk takes D steps and none tests for a leaf. What
is asked there does not matter; it is the question of the node above, whose value has just been read. After D steps a walk
is at a *slot*, ``j * n_trees + t`` for the j-th place of the last level. A walk that stops at a level above, d, because no
tree of its part is deeper, has its slot at the leftmost place below: ``(j << (D - d)) * n_trees + t``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import ScheduleError
from treec.frontends.base import Missing, Predicates, Trees
from treec.passes.algo.bit_fields import Widths
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.packed import FEWEST, Records, make_records, narrow, predicate_kinds, threshold_bits
from treec.passes.algo.ranks import RankTables

I64 = NDArray[np.int64]
REORG_LIMIT = 1 << 28
"""Bytes that the tables may take."""


@dataclass(frozen=True, eq=False)
class ReorgTrees:
    """All tables of the layout, of T trees with E = (2 ** depth - 1) * T elements and S = 2 ** depth * T slots.

    ``threshold`` [E], None where thresholds are ranks. ``asked`` [E]: records with the fields ``feature, kind`` and
    ``missing_left``, or ``threshold`` where it is a rank. ``kinds`` i64 [n, 3] as in `treec.passes.algo.packed`.
    ``leaf_row``, ``leaf_id`` [S]. ``column`` [T], None if always 0.
    """

    depth: int
    threshold: NDArray[Any] | None
    asked: Records
    kinds: I64
    leaf_row: NDArray[Any]
    leaf_id: NDArray[Any]
    column: NDArray[Any] | None


def reorganise(
    asked: tuple[Predicates, NDArray[np.int32]] | RankTables, trees: Trees, *, align: int, widths: Widths = FEWEST
) -> ReorgTrees:
    """Lay trees out position by position. Records of ``asked`` are a multiple of ``align`` bytes.

    ``asked``: predicates and the column that each input is read from, or ranks. ``widths``: of fields.
    Raises `ScheduleError` where the tables
    would take more than `REORG_LIMIT` bytes.
    """
    threshold, columns, kinds = _of_ranks(asked) if isinstance(asked, RankTables) else _of_values(*asked)
    depth = _depth(trees, align + (0 if threshold is None else threshold.itemsize))
    predicate, leaf = complete_trees(trees, depth)
    return ReorgTrees(
        depth,
        None if threshold is None else threshold[predicate],
        make_records(None, {name: column[predicate] for name, column in columns.items()}, align, widths),
        kinds,
        narrow(trees.leaf_row[leaf]),
        narrow(trees.leaf_id[leaf]),
        narrow(trees.column) if trees.column.any() else None,
    )


def _of_values(predicates: Predicates, feature: NDArray[np.int32]) -> tuple[NDArray[Any], dict[str, NDArray[Any]], I64]:
    kinds, kind = predicate_kinds(predicates)
    missing_left = predicates.missing_left & (predicates.missing != Missing.NONE)
    columns = {"missing_left": missing_left, "kind": kind, "feature": feature[predicates.input]}
    return threshold_bits(predicates), columns, kinds


def _of_ranks(ranks: RankTables) -> tuple[None, dict[str, NDArray[Any]], I64]:
    tests, kind = np.unique(ranks.test, return_inverse=True)
    kinds = np.stack([tests.astype(np.int64), *np.zeros((2, len(tests)), np.int64)], axis=1)
    return None, {"threshold": ranks.operand, "kind": kind.reshape(-1), "feature": ranks.view}, kinds


def _depth(trees: Trees, element: int) -> int:
    """Of the deepest leaf; refused where complete trees of that depth take too much."""
    _, deepest = leaf_depths(trees)
    depth = int(deepest.max(initial=0))
    slot = sum(narrow(column).itemsize for column in (trees.leaf_row, trees.leaf_id))
    size = trees.n_trees * (((1 << depth) - 1) * element + (1 << depth) * slot)
    if size > REORG_LIMIT:
        raise ScheduleError(
            f"`layout reorg` makes all {trees.n_trees:,} trees as deep as tree {deepest.argmax()}, which has {depth} "
            f"levels: at least {size / 2**20:,.0f} MiB for {trees.n_nodes:,} nodes; {REORG_LIMIT >> 20} MiB are the limit",
            fix="use `layout packed`, whose size is that of the nodes",
        )
    return depth


def complete_trees(trees: Trees, depth: int) -> tuple[I64, I64]:
    """The predicate at each element, i64 [(2 ** depth - 1) * T], and the leaf at each slot, i64 [2 ** depth * T]: numbers
    among all. No tree is deeper than ``depth``."""
    inverted = np.zeros(trees.n_nodes, bool) if trees.inverted is None else trees.inverted
    after_true = np.where(inverted, trees.right, trees.left)
    after_false = np.where(inverted, trees.left, trees.right)
    node_base, leaf_base = trees.node_offset[:-1], trees.leaf_offset[:-1]
    at = np.where(np.diff(trees.node_offset) > 0, 0, ~0).reshape(1, -1)  # a node of its tree, or ~leaf
    asked = np.zeros(at.shape, np.int64)  # what the node above asks
    levels: list[I64] = []
    for _ in range(depth):
        is_node = at >= 0
        node = np.where(is_node, at + node_base, 0)
        asked = np.where(is_node, trees.predicate[node], asked)
        levels.append(asked.reshape(-1))
        below = np.stack([np.where(is_node, after_true[node], at), np.where(is_node, after_false[node], at)], axis=1)
        at = below.reshape(-1, trees.n_trees)
        asked = np.repeat(asked, 2, axis=0)
    return np.concatenate([np.zeros(0, np.int64), *levels]), (~at + leaf_base).reshape(-1).astype(np.int64)
