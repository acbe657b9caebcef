"""Trees whose siblings lie side by side and whose leaves point at themselves. Pure numpy.

A record for each node and leaf is a word of bit fields. The root comes first; then, for each inner node in preorder, its
left and its right child, or the other way round where the node is inverted. One step is ``p + delta + (rank > threshold)``.
A leaf reads the view behind all others, whose rank is 0, and has ``delta`` 0, so that more steps stay there: a walk needs
no other state, no test for a leaf, and no mask beside its neighbours. A leaf's threshold is its number in its tree; as
``base[t]`` is ``2 * nodes + t`` for the nodes of all trees before, its number among all leaves is
``threshold + (base[t] + t) / 2``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Test, Trees
from treec.passes.algo.bit_fields import Widths
from treec.passes.algo.packed import FEWEST, Records, make_records, narrow
from treec.passes.algo.ranks import RankTables

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PairedTrees:
    """All tables of the layout, of 2 N + T positions.

    ``nodes``: records with the fields ``threshold, feature, kind, delta``. ``base`` [T + 1]: position of each root.
    ``tests`` i64[n]: the test of each kind. ``leaf_row`` [L]: row of leaf values, None if it is the leaf itself.
    ``leaf_id`` [L]: the library's number. ``column`` [T]: first output column, None if always 0.
    """

    nodes: Records
    base: NDArray[Any]
    tests: I64
    leaf_row: NDArray[Any] | None
    leaf_id: NDArray[Any]
    column: NDArray[Any] | None


def paired_bytes(paired: PairedTrees) -> int:
    """Bytes of all tables, leaf values and category sets aside."""
    tables = [paired.nodes.table, paired.base, paired.leaf_row, paired.leaf_id, paired.column]
    return sum(table.nbytes for table in tables if table is not None)


def pair_trees(ranks: RankTables, trees: Trees, *, align: int, widths: Widths = FEWEST) -> PairedTrees:
    """Lay trees with predicates on ranks out in records of a multiple of ``align`` bytes; ``widths``: of fields.

    Raises `treec.errors.UnsupportedModelError` if a node's fields need more than 64 bits.
    """
    base = 2 * trees.node_offset + np.arange(trees.n_trees + 1)
    at_node, at_leaf, children = _positions(trees, base)
    tests = np.flatnonzero(np.bincount(np.append(ranks.test, Test.LESS_EQUAL)))
    n = int(base[-1])
    number = np.arange(trees.n_leaves) - np.repeat(trees.leaf_offset[:-1], np.diff(trees.leaf_offset))
    asked = trees.predicate
    columns = {
        "threshold": _filled(n, 0, at_node, ranks.operand[asked]),
        "feature": _filled(n, len(ranks.view_rank), at_node, ranks.view[asked]),
        "kind": _filled(n, 0, at_node, np.searchsorted(tests, ranks.test[asked])),
        "delta": _filled(n, 0, at_node, children - at_node),
    }
    columns["threshold"][at_leaf] = number
    columns["kind"][at_leaf] = np.searchsorted(tests, int(Test.LESS_EQUAL))
    return PairedTrees(
        make_records(None, columns, align, widths),
        narrow(base),
        tests,
        None if np.array_equal(trees.leaf_row, np.arange(trees.n_leaves)) else narrow(trees.leaf_row),
        narrow(trees.leaf_id),
        narrow(trees.column) if trees.column.any() else None,
    )


def _filled(n: int, default: int, at: I64, values: NDArray[Any]) -> I64:
    column = np.full(n, default, np.int64)
    column[at] = values
    return column


def _positions(trees: Trees, base: I64) -> tuple[I64, I64, I64]:
    """Positions of all nodes, of all leaves, and of each node's child of a true answer; the other is next to it."""
    sizes = np.diff(trees.node_offset)
    tree = np.repeat(np.arange(trees.n_trees), sizes)
    local = np.arange(trees.n_nodes) - trees.node_offset[tree]
    children = base[tree] + 1 + 2 * local
    at_node, at_leaf = np.zeros(trees.n_nodes, np.int64), np.zeros(trees.n_leaves, np.int64)
    at_node[trees.node_offset[:-1][sizes > 0]] = base[:-1][sizes > 0]
    at_leaf[trees.leaf_offset[:-1][sizes == 0]] = base[:-1][sizes == 0]
    inverted = np.zeros(trees.n_nodes, bool) if trees.inverted is None else trees.inverted
    for side, child in enumerate((trees.left, trees.right)):
        inner = child >= 0
        place = children + (inverted ^ bool(side))
        at_node[trees.node_offset[tree[inner]] + child[inner]] = place[inner]
        at_leaf[trees.leaf_offset[tree[~inner]] + ~child[~inner]] = place[~inner]
    return at_node, at_leaf, children
