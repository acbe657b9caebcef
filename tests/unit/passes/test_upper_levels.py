"""The upper levels of trees: whatever predicates answer, they end where a walk of so many steps is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.forests import Shape, build, forests
from treec.errors import ScheduleError
from treec.frontends.base import Forest, Trees
from treec.passes.algo.depths import node_depths
from treec.passes.algo.pairs import pair_positions
from treec.passes.algo.predicate_bits import predicate_bits
from treec.passes.algo.ranks import rank_tables
from treec.passes.algo.upper_levels import upper_levels
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.plan import PredicateBitsOp, SlicedTreesOp, kernels_of

Answers = np.ndarray[tuple[int], np.dtype[np.bool_]]
HEAD = "split row into=(block, row) by=64\nrank features at=block to=u16\npredicates at=block\n"
ORDER = "order block, tree, row\n"


def trees_of(forest: Forest) -> Trees:
    assert isinstance(forest.trees, Trees)
    return forest.trees


def steps(trees: Trees, tree: int, answers: Answers, most: int) -> tuple[int, bool]:
    """A node (or leaf, if True) among all, that answers of predicates lead to in at most so many steps."""
    first, leaf = int(trees.node_offset[tree]), int(trees.leaf_offset[tree])
    if first == trees.node_offset[tree + 1]:
        return leaf, True
    node = 0
    for _ in range(most):
        at = first + node
        inverted = trees.inverted is not None and bool(trees.inverted[at])
        goes_left = bool(answers[trees.predicate[at]]) != inverted
        node = int((trees.left if goes_left else trees.right)[at])
        if node < 0:
            return leaf + ~node, True
    return first + node, False


@given(forest=forests(), levels=st.integers(1, 8), seed=st.integers(0, 100))
def test_the_upper_levels_end_where_a_walk_is_after_so_many_steps(forest: Forest, levels: int, seed: int) -> None:
    trees = trees_of(forest)
    upper = upper_levels(trees, levels)
    at_node, at_leaf = pair_positions(trees)
    assert upper.trees.n_nodes == int((node_depths(trees) < levels).sum())
    assert len(upper.start) == upper.trees.n_leaves == upper.trees.n_nodes + trees.n_trees
    rng = np.random.default_rng(seed)
    for tree in range(trees.n_trees):
        answers = rng.random(len(forest.predicates.test)) < 0.5
        end, is_leaf = steps(upper.trees, tree, answers, levels)
        assert is_leaf
        place, whole = steps(trees, tree, answers, levels)
        assert upper.start[end] == (at_leaf if whole else at_node)[place]


def test_predicates_of_lower_levels_have_no_slot() -> None:
    forest = build(Shape(n_trees=6, leaves=40, n_inputs=4, n_predicates=400, categorical=1))
    tables = rank_tables(forest.predicates)
    wanted = np.zeros(len(forest.predicates.test), np.bool_)
    wanted[upper_levels(trees_of(forest), 2).trees.predicate] = True
    some, all_ = predicate_bits(tables, wanted), predicate_bits(tables)
    np.testing.assert_array_equal(some.slot >= 0, wanted)
    assert len(some.test) < len(all_.test)
    for name in ("test", "view"):
        column = getattr(all_, name)[all_.slot[wanted]]
        np.testing.assert_array_equal(getattr(some, name)[some.slot[wanted]], column)


def planned(forest: Forest, text: str) -> tuple[list[PredicateBitsOp], list[SlicedTreesOp], list[str]]:
    """Bits and slices of the plan, and the bits that walks read."""
    module = forest_module(forest)
    *steps_, _ = pipeline_of(Schedule.from_text(text))
    run_pipeline(module, steps_)
    bits = [op for op in module.ops if isinstance(op, PredicateBitsOp)]
    sliced = [op for op in module.ops if isinstance(op, SlicedTreesOp)]
    read = [kernel.innermost_walk().predicates for kernel in kernels_of(module)]
    return bits, sliced, [symbol.root_reference.data for symbol in read if symbol is not None]


def test_bits_that_no_walk_reads_any_more_are_gone() -> None:
    forest = build(Shape(n_trees=6, leaves=40, n_predicates=400))
    plan = HEAD + "layout pairs\n" + ORDER + "walk with=bitslice slice=2 interleave=row:4\n"
    (bits,), (upper,), read = planned(forest, plan)
    assert read == [bits.sym_name.data]
    assert bits.n_predicates <= 6 * 3
    assert upper.leaf_id is None
    whole = "kernel when rows <= 64 {\n" + HEAD + ORDER + "walk with=bitslice\n}\n"
    both, _, read = planned(forest, whole + plan)
    assert len(both) == 2
    assert len(set(read)) == 2


def test_bits_that_another_kernel_reads_stay() -> None:
    forest = build(Shape(n_trees=6, leaves=40, n_predicates=400))
    kernel = "kernel when rows <= 64 {\n" + ORDER + "walk with=bitslice\n}\n"
    bits, _, read = planned(forest, HEAD + kernel + "layout pairs\n" + ORDER + "walk with=bitslice slice=1\n")
    assert sorted(op.sym_name.data for op in bits) == sorted(read)


def test_a_slice_of_more_levels_than_a_byte_numbers_is_refused() -> None:
    from xdsl.context import Context

    from treec.passes.plan.walk import WalkPass

    module = forest_module(build(Shape(n_trees=2, leaves=9)))
    *steps_, _, _ = pipeline_of(Schedule.from_text(HEAD + "layout pairs\n" + ORDER + "walk with=bitslice slice=2\n"))
    run_pipeline(module, steps_)
    with pytest.raises(ScheduleError, match="at most 8 levels, not 9"):
        WalkPass(strategy="bitslice", slice=9).apply(Context(), module)
