"""Trees whose siblings lie side by side and whose leaves point at themselves. Pure numpy.

There is a record for each node and leaf. The root comes first; then, for each inner node, the child that a true answer
leads to, and the other one. A leaf leads to itself, so that more steps stay there: a walk needs no other state, no test for
a leaf, and no mask beside its neighbours.

Where predicates are asked about ranks, a record is a word of bit fields, and pairs lie in preorder of the nodes above. One
step is ``p + delta + (rank > threshold)``. A leaf reads the view behind all others, whose rank is 0, and has ``delta`` 0.
A leaf's threshold is its number in its tree; as ``base[t]`` is ``2 * nodes + t`` for the nodes of all trees before, its
number among all leaves is ``threshold + (base[t] + t) / 2``.

Where predicates are asked about values, a record is a threshold and a word, and pairs lie level by level: the few nodes
that most rows meet are neighbours in memory. One step is ``p + right - answer``: the false child is ``right`` records on,
the true one is before it. A leaf's threshold is NaN, about which every answer is false, and its ``right`` is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Missing, Predicates, Test, Trees
from treec.passes.algo.bit_fields import Widths
from treec.passes.algo.depths import leaf_depths, node_depths
from treec.passes.algo.packed import FEWEST, Records, make_records, narrow, predicate_kinds, threshold_bits
from treec.passes.algo.ranks import RankTables

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PairedTrees:
    """All tables of the layout on ranks, of 2 N + T positions.

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


@dataclass(frozen=True, eq=False)
class ValuePairs:
    """All tables of the layout on values, of 2 N + T positions.

    ``nodes``: records of a threshold and the fields ``right, feature, kind, missing_left``. ``base`` [T + 1]: position of
    each root. ``kinds`` i64 [n, 3] as in `treec.passes.algo.packed`. ``depth`` [T]: of the deepest leaf. ``leaf_row``,
    ``leaf_id``: of each position, 0 where it is no leaf's. ``column`` [T]: first output column, None if always 0.
    """

    nodes: Records
    base: NDArray[Any]
    kinds: I64
    depth: NDArray[Any]
    leaf_row: NDArray[Any]
    leaf_id: NDArray[Any]
    column: NDArray[Any] | None


def paired_bytes(paired: PairedTrees) -> int:
    """Bytes of all tables, leaf values and category sets aside."""
    tables = [paired.nodes.table, paired.base, paired.leaf_row, paired.leaf_id, paired.column]
    return sum(table.nbytes for table in tables if table is not None)


def value_pair_bytes(paired: ValuePairs, leaf_values: NDArray[Any]) -> int:
    """Bytes of the tables that outputs are computed from; ``leaf_values`` [L, width] lie by position if they are single."""
    values = len(paired.leaf_row) * leaf_values.itemsize
    if leaf_values.shape[1] > 1:
        values = leaf_values.nbytes + paired.leaf_row.nbytes
    tables = [paired.nodes.table, paired.base, paired.depth, paired.column]
    return values + sum(table.nbytes for table in tables if table is not None)


def pair_trees(ranks: RankTables, trees: Trees, *, align: int, widths: Widths = FEWEST) -> PairedTrees:
    """Lay trees with predicates on ranks out in records of a multiple of ``align`` bytes; ``widths``: of fields.

    Raises `treec.errors.UnsupportedModelError` if a node's fields need more than 64 bits.
    """
    base = 2 * trees.node_offset + np.arange(trees.n_trees + 1)
    at_node, at_leaf, children = _positions(trees, base, _local(trees))
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


def pair_values(
    predicates: Predicates, feature: NDArray[np.int32], trees: Trees, *, align: int, widths: Widths = FEWEST
) -> ValuePairs:
    """Lay trees with predicates on values out in records of a multiple of ``align`` bytes; ``widths``: of fields.

    ``feature`` i32 [n_inputs]: `treec.passes.algo.packed.walk_columns`.
    Raises `treec.errors.UnsupportedModelError` if a node's fields need more than 64 bits.
    """
    base = 2 * trees.node_offset + np.arange(trees.n_trees + 1)
    at_node, at_leaf, children = _positions(trees, base, _level_order(trees))
    kinds, kind = predicate_kinds(predicates)
    plain = np.flatnonzero(kinds[:, 0] != Test.IN_SET)
    if not len(plain):  # a leaf's threshold is no number of a set
        plain, kinds = np.array([len(kinds)]), np.concatenate([kinds, [[Test.LESS, Missing.NAN, 0]]])
    n, asked = int(base[-1]), trees.predicate
    missing_left = predicates.missing_left & (predicates.missing != Missing.NONE)
    columns = {
        "feature": _filled(n, 0, at_node, feature[predicates.input[asked]]),
        "kind": _filled(n, int(plain[0]), at_node, kind[asked]),
        "missing_left": _filled(n, 0, at_node, missing_left[asked]),
        "right": _filled(n, 0, at_node, children - at_node + 1),
    }
    threshold = np.full(n, np.nan, predicates.threshold.dtype)
    # As integers: a set's number, moved as a float, might not keep its bits.
    bits = np.dtype(f"i{threshold.itemsize}")
    threshold.view(bits)[at_node] = threshold_bits(predicates).view(bits)[asked]
    return ValuePairs(
        make_records(threshold, columns, align, widths),
        narrow(base),
        kinds,
        narrow(leaf_depths(trees)[1]),
        narrow(_filled(n, 0, at_leaf, trees.leaf_row)),
        narrow(_filled(n, 0, at_leaf, trees.leaf_id)),
        narrow(trees.column) if trees.column.any() else None,
    )


def _level_order(trees: Trees) -> I64:
    """Each node's number within its tree, level by level, i64 [N]."""
    tree = np.repeat(np.arange(trees.n_trees), np.diff(trees.node_offset))
    order = np.lexsort((node_depths(trees), tree))
    number = np.empty(trees.n_nodes, np.int64)
    number[order] = np.arange(trees.n_nodes) - trees.node_offset[tree]
    return number


def _local(trees: Trees) -> I64:
    """Each node's number within its tree, in preorder, i64 [N]."""
    return np.arange(trees.n_nodes) - np.repeat(trees.node_offset[:-1], np.diff(trees.node_offset))


def pair_positions(trees: Trees) -> tuple[I64, I64]:
    """Positions of all nodes and of all leaves in the layout on ranks, each counted from its tree's root."""
    base = 2 * trees.node_offset + np.arange(trees.n_trees + 1)
    at_node, at_leaf, _ = _positions(trees, base, _local(trees))
    at_node -= np.repeat(base[:-1], np.diff(trees.node_offset))
    at_leaf -= np.repeat(base[:-1], np.diff(trees.leaf_offset))
    return at_node, at_leaf


def _filled(n: int, default: int, at: I64, values: NDArray[Any]) -> I64:
    column = np.full(n, default, np.int64)
    column[at] = values
    return column


def _positions(trees: Trees, base: I64, number: I64) -> tuple[I64, I64, I64]:
    """Positions of all nodes, of all leaves, and of each node's child of a true answer; the other is next to it. Pairs lie
    in the order of ``number``, of nodes within their tree."""
    sizes = np.diff(trees.node_offset)
    tree = np.repeat(np.arange(trees.n_trees), sizes)
    children = base[tree] + 1 + 2 * number
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
