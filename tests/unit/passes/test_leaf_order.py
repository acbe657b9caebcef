"""The order of leaves takes as few selects as any."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from hypothesis import given

from tests.property.forests import build, shapes
from treec.frontends.base import Trees
from treec.passes.algo.bitslice import slice_trees
from treec.passes.algo.leaf_order import gray

Node = tuple[int, Any, Any]
"""Predicate, true side, false side; a leaf is None."""


def nested(trees: Trees, tree: int, at: int = 0) -> Node | None:
    if at < 0 or trees.node_offset[tree + 1] == trees.node_offset[tree]:
        return None
    number = int(trees.node_offset[tree]) + at
    sides = [nested(trees, tree, int(child[number])) for child in (trees.left, trees.right)]
    if trees.inverted is not None and trees.inverted[number]:
        sides.reverse()
    return int(trees.predicate[number]), sides[0], sides[1]


def count(node: Node | None) -> int:
    return 0 if node is None else 1 + count(node[1]) + count(node[2])


def select_count(node: Node | None, orders: list[bool], begin: int, width: int) -> tuple[int, list[Any]]:
    """Selects below a node and its bits, by one order after the other in preorder; predicates differ."""
    if node is None:
        return 0, [gray(np.array(begin)) >> bit & 1 for bit in range(width)]
    first = orders.pop(0)
    leaves = count(node[1]) + 1, count(node[2]) + 1
    begins = (begin, begin + leaves[0]) if first else (begin + leaves[1], begin)
    (n_true, true), (n_false, false) = (
        select_count(side, orders, b, width) for side, b in zip(node[1:], begins, strict=True)
    )
    selects = n_true + n_false
    bits: list[Any] = []
    for yes, no in zip(true, false, strict=True):
        if isinstance(yes, np.integer) and isinstance(no, np.integer) and yes >= no:
            bits.append(yes if yes == no else ("predicate", id(node)))
        else:
            selects += 1
            bits.append(("select", id(node), len(bits)))
    return selects, bits


@given(shape=shapes(max_trees=3, max_leaves=8))
def test_no_order_takes_fewer_selects(shape: Any) -> None:
    trees = build(shape).trees
    assert isinstance(trees, Trees)
    own = np.arange(trees.n_nodes)  # so that no two selects are one
    each = replace(trees, predicate=own.astype(np.int32))
    sliced = slice_trees(each, own, trees.n_nodes, "index", "none")
    for tree in range(trees.n_trees):
        root = nested(each, tree)
        width = count(root).bit_length()
        found = sliced.select_offset[tree + 1] - sliced.select_offset[tree]
        orders = product((False, True), repeat=count(root))
        assert found <= min(select_count(root, list(order), 0, width)[0] for order in orders)


def test_neighbours_in_gray_code_differ_in_one_bit() -> None:
    codes = gray(np.arange(256))
    assert sorted(codes) == list(range(256))
    assert set((codes[1:] ^ codes[:-1]).tolist()) == {1 << bit for bit in range(8)}
