"""Depths of leaves."""

from __future__ import annotations

from hypothesis import given

from tests.property.forests import forests
from treec.frontends.base import Forest, Trees
from treec.passes.algo.depths import leaf_depths


def depths_below(trees: Trees, base: int, child: int, depth: int) -> list[int]:
    if child < 0:
        return [depth]
    at = base + child
    children = (int(trees.left[at]), int(trees.right[at]))
    return [found for each in children for found in depths_below(trees, base, each, depth + 1)]


@given(forest=forests())
def test_depths_are_those_of_the_leaves(forest: Forest) -> None:
    trees = forest.trees
    assert isinstance(trees, Trees)
    shallowest, deepest = leaf_depths(trees)
    for tree in range(trees.n_trees):
        base, end = int(trees.node_offset[tree]), int(trees.node_offset[tree + 1])
        found = depths_below(trees, base, 0 if end > base else -1, 0)
        assert (shallowest[tree], deepest[tree]) == (min(found), max(found))
