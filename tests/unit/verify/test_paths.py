"""Climbing paths: depths, the leaves below a node, and what the way there demands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given

from tests.property.forests import Shape, build, forests
from treec.frontends.base import F64, Forest, Missing, Test, Trees
from treec.verify.paths import Paths, confine, paths_of
from treec.verify.rows import Domain


def climber(forest: Forest) -> Paths:
    assert isinstance(forest.trees, Trees)
    return paths_of(forest, forest.trees)


@given(forest=forests())
def test_depths_and_leaf_ranges(forest: Forest) -> None:
    trees = forest.trees
    assert isinstance(trees, Trees)
    expected: dict[int, tuple[int, int, int]] = {}

    def visit(tree: int, child: int, depth: int) -> tuple[int, int]:
        at, leaf_at = int(trees.node_offset[tree]), int(trees.leaf_offset[tree])
        if child < 0:
            span, target = (~child, ~child + 1), trees.n_nodes + leaf_at + ~child
        else:
            left = visit(tree, int(trees.left[at + child]), depth + 1)
            right = visit(tree, int(trees.right[at + child]), depth + 1)
            span, target = (left[0], right[1]), at + child
        expected[target] = (depth, *span)
        return span

    tree_of: dict[int, int] = {}
    for tree in range(trees.n_trees):
        known = set(expected)
        visit(tree, 0 if trees.node_offset[tree + 1] > trees.node_offset[tree] else ~0, 0)
        tree_of |= dict.fromkeys(set(expected) - known, tree)
    targets = np.arange(trees.n_nodes + trees.n_leaves)
    paths = climber(forest)
    demands = paths.demands(targets, np.array([tree_of[target] for target in targets.tolist()], np.int64))
    found = zip(paths.depths(targets), demands.first, demands.end, strict=True)
    assert [tuple(int(n) for n in numbers) for numbers in found] == [expected[target] for target in targets.tolist()]


def chain(tests: list[tuple[Test, float, Missing, bool]]) -> Forest:
    """One tree: each node's left child is the next; one input, float64."""
    n = len(tests)
    forest = build(Shape(n_trees=1, leaves=1, n_inputs=1, n_predicates=n, input_dtype=F64))
    assert isinstance(forest.trees, Trees)
    predicates = replace(
        forest.predicates,
        test=np.array([test for test, *_ in tests], np.uint8),
        threshold=np.array([t for _, t, *_ in tests]),
        missing=np.array([kind for *_, kind, _ in tests], np.uint8),
        missing_left=np.array([left for *_, left in tests]),
    )
    rows = np.zeros(n + 1, np.int32)
    trees = replace(
        forest.trees,
        node_offset=np.array([0, n]),
        leaf_offset=np.array([0, n + 1]),
        predicate=np.arange(n, dtype=np.int32),
        left=np.array([*range(1, n), ~0], np.int32),
        right=np.array([~(n - node) for node in range(n)], np.int32),
        leaf_row=rows,
        leaf_id=np.arange(n + 1, dtype=np.int32),
    )
    return replace(forest, predicates=predicates, trees=trees).check()


def test_intervals_are_closed_and_meet() -> None:
    nan = Missing.NAN
    forest = chain([(Test.LESS, 3.0, nan, True), (Test.LESS_EQUAL, 2.0, nan, True), (Test.LESS_EQUAL, 2.5, nan, False)])
    targets = 3 + np.arange(4)  # the leaves, from the deepest on
    demands = climber(forest).demands(targets, np.zeros(4, np.int64))
    up = np.nextafter(2.0, 3.0)
    assert demands.hi[:, 0].tolist() == [2.0, 2.0, np.nextafter(3.0, 0.0), np.inf]
    assert demands.lo[:, 0].tolist() == [-np.inf, np.nextafter(2.5, 3.0), up, 3.0]  # the second is out of reach
    assert demands.nan[:, 0].tolist() == [False, True, False, False]


def test_an_empty_side_is_no_interval() -> None:
    nan = Missing.NAN
    forest = chain([(Test.LESS, -np.inf, nan, False), (Test.LESS_EQUAL, np.inf, nan, False)])
    demands = climber(forest).demands(np.array([2, 3, 4]), np.zeros(3, np.int64))
    assert (demands.lo > demands.hi)[:, 0].tolist() == [True, True, False]


def test_zeros_have_a_way_of_their_own() -> None:
    zero = Missing.ZERO_OR_NAN
    forest = chain([(Test.LESS, -1.0, zero, True), (Test.LESS, -1.0, Missing.NONE, False)])
    demands = climber(forest).demands(np.array([2, 3, 4]), np.zeros(3, np.int64))
    assert demands.band is not None
    assert demands.band.asked.all()
    assert demands.band.passes[:, 0].tolist() == [True, True, False]
    assert (demands.band.lo > demands.band.hi)[:, 0].tolist() == [True, False, False]
    assert demands.nan[:, 0].tolist() == [False, True, False]  # where none is missing, NaN counts as 0


def test_intervals_are_confined_to_what_rows_can_have() -> None:
    forest = chain([(Test.LESS_EQUAL, 0.1, Missing.NAN, False)])
    demands = climber(forest).demands(np.array([1, 2]), np.zeros(2, np.int64))
    confine(demands, Domain(forest, np.dtype(np.float32)))
    single = np.float32(0.1)  # above 0.1
    assert demands.hi[0, 0] == float(np.nextafter(single, np.float32(0)))
    assert demands.lo[1, 0] == float(single)
