"""Numbers about a model: depths by levels are those of a plain walk."""

from __future__ import annotations

import numpy as np
import pytest

from tests.property.forests import Shape, build
from treec.frontends.base import Trees
from treec.tools.cli.facts import model_facts, node_depths, tree_depths


def depth_by_walk(trees: Trees, tree: int) -> int:
    base = int(trees.node_offset[tree])
    n = int(trees.node_offset[tree + 1]) - base
    stack, deepest = ([(0, 1)] if n else []), 0
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        children = (int(trees.left[base + node]), int(trees.right[base + node]))
        stack += [(child, depth + 1) for child in children if child >= 0]
    return deepest


@pytest.mark.parametrize("seed", range(5))
def test_depths(seed: int) -> None:
    forest = build(Shape(n_trees=6, leaves=20, seed=seed))
    assert isinstance(forest.trees, Trees)
    expected = [depth_by_walk(forest.trees, tree) for tree in range(forest.trees.n_trees)]
    assert tree_depths(forest.trees).tolist() == expected
    assert len(node_depths(forest.trees)) == forest.trees.n_nodes
    facts = model_facts(forest)
    assert facts["depth"] == max(expected)
    assert sum(facts["depths"].values()) == 6
    assert facts["features_used"] == len(np.unique(forest.inputs.column[forest.predicates.input[forest.trees.predicate]]))
