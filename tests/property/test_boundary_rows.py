"""Boundary rows reach every node that any row reaches, and no mutated model passes verification."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.property.forests import Shape, build, forests, shapes, with_leaves, with_predicates
from treec.errors import VerificationError
from treec.frontends.base import F32, F64, Forest, Missing, Test, Trees
from treec.treeir.interp import forest as interpreter
from treec.verify.boundary import Budget, boundary_rows
from treec.verify.check import verify
from treec.verify.compare import same
from treec.verify.rows import SPECIAL, Domain, pools
from treec.verify.runner import InterpreterRunner

GRID_ROWS = 40_000


def grid(forest: Forest, row_dtype: np.dtype[Any]) -> NDArray[Any]:
    """All combinations of values around thresholds, codes and special values; a random part where these are too many."""
    domain = Domain(forest, row_dtype)
    near, rng = pools(domain), np.random.default_rng(0)
    zeros = (1e-35, -1e-35, 1.0000001e-35, -1.0000001e-35, 2e-35, -2e-35)
    with np.errstate(over="ignore"):
        extra = np.array([*SPECIAL, *zeros, np.nan], np.float64).astype(row_dtype)
    columns: list[NDArray[Any]] = []
    for index in range(forest.inputs.n_inputs):
        values = np.concatenate([near.values[near.offset[index] : near.offset[index + 1]], extra])
        if forest.predicates.n_sets:
            values = np.concatenate([values, np.arange(32 * forest.predicates.n_sets + 32) + 0.5])
        columns.append(np.unique(values))
    sizes = [len(column) for column in columns]
    if np.prod(sizes) <= GRID_ROWS:
        encoded = np.array(list(itertools.product(*columns)))
    else:
        encoded = np.stack([rng.choice(column, GRID_ROWS) for column in columns], axis=1)
    with np.errstate(all="ignore"):
        return domain.decode(encoded.astype(forest.inputs.dtype), rng)


def leaf_spans(trees: Trees, tree: int) -> list[tuple[int, int]]:
    """The leaves below each node of a tree, by recursion."""
    base = int(trees.node_offset[tree])
    spans: dict[int, tuple[int, int]] = {}

    def span(child: int) -> tuple[int, int]:
        if child < 0:
            return ~child, ~child + 1
        spans[child] = (span(int(trees.left[base + child]))[0], span(int(trees.right[base + child]))[1])
        return spans[child]

    if trees.node_offset[tree + 1] > base:
        span(0)
    return [spans[node] for node in sorted(spans)]


def visited(forest: Forest, tree: int, leaves: NDArray[Any]) -> set[int]:
    """The nodes of a tree that rows ending in ``leaves`` came through."""
    assert isinstance(forest.trees, Trees)
    ended = np.unique(leaves)
    spans = leaf_spans(forest.trees, tree)
    return {node for node, (first, end) in enumerate(spans) if ((ended >= first) & (ended < end)).any()}


def nodes_reached(forest: Forest, row_dtype: np.dtype[Any]) -> tuple[set[tuple[int, int]], int]:
    """Nodes that boundary rows visit as ``verify`` runs them, and how many it calls unreachable."""
    plan = boundary_rows(forest, row_dtype=row_dtype)
    assert isinstance(forest.trees, Trees)
    found: set[tuple[int, int]] = set()
    unreachable = 0
    for attempt in range(3):
        for block in plan.blocks(attempt=attempt):
            unreachable += int((~block.possible & (block.target < plan.paths.n_nodes)).sum()) if attempt == 0 else 0
            leaf = interpreter.leaf_of_pairs(forest, interpreter.encode_inputs(forest, block.rows), block.tree)
            for tree in np.unique(block.tree):
                found |= {(int(tree), node) for node in visited(forest, int(tree), leaf[block.tree == tree])}
    return found, unreachable


@given(forest=forests(max_trees=3), row_dtype=st.sampled_from((F32, F64)))
def test_every_node_that_some_row_reaches_is_reached(forest: Forest, row_dtype: np.dtype[Any]) -> None:
    reached, unreachable = nodes_reached(forest, row_dtype)
    leaves = interpreter.leaf_indices(forest, grid(forest, row_dtype))
    reachable = {(t, node) for t in range(forest.trees.n_trees) for node in visited(forest, t, leaves[:, t])}
    assert reachable <= reached
    assert isinstance(forest.trees, Trees)
    assert len(reached) + unreachable == forest.trees.n_nodes


def mutants(forest: Forest, rng: np.random.Generator) -> dict[str, Forest]:
    """Forests that differ from ``forest`` in one number each."""
    p, found = forest.predicates, dict[str, Forest]()
    assert isinstance(forest.trees, Trees)
    used = np.unique(forest.trees.predicate)
    compares, sets = used[p.test[used] != Test.IN_SET], used[p.test[used] == Test.IN_SET]
    if len(compares):
        for name, toward in (("threshold up", np.inf), ("threshold down", -np.inf)):
            threshold = p.threshold.copy()
            at = rng.choice(compares)
            threshold[at] = np.nextafter(threshold[at], threshold.dtype.type(toward))
            found[name] = with_predicates(forest, threshold=threshold)
        at = rng.choice(compares)
        test = p.test.copy()
        test[at] = Test.LESS_EQUAL if test[at] == Test.LESS else Test.LESS
        found["test"] = with_predicates(forest, test=test)
    if len(used):
        for name, column in (("missing direction", p.missing_left), ("invalid direction", p.invalid_left)):
            flipped = column.copy()
            flipped[rng.choice(used)] ^= True
            found[name] = with_predicates(forest, **{name.replace(" direction", "_left"): flipped})
        missing = p.missing.copy()
        at = rng.choice(used)
        kinds = {Missing.NONE, Missing.NAN, *np.unique(missing).tolist()} - {int(missing[at])}
        missing[at] = rng.choice(np.array(sorted(kinds)))
        found["missing kind"] = with_predicates(forest, missing=missing)
    if len(sets) and len(p.set_words):
        words = p.set_words.copy()
        words[rng.integers(len(words))] ^= np.uint32(1) << rng.integers(0, 32, dtype=np.uint32)
        found["category bit"] = with_predicates(forest, set_words=words)
    values = forest.leaves.values.copy()
    values[rng.integers(len(values)), rng.integers(values.shape[1])] += 8
    found["leaf"] = with_leaves(forest, values)
    return found


def differ(a: Forest, b: Forest, rows: NDArray[Any]) -> bool:
    """Whether some tree alone gives another leaf or another raw output."""
    if (interpreter.leaf_indices(a, rows) != interpreter.leaf_indices(b, rows)).any():
        return True
    raws = (((interpreter.raw(f, rows, t, t + 1)) for f in (a, b)) for t in range(a.trees.n_trees))
    return any(not same(mine, theirs).all() for mine, theirs in raws)


@given(shape=shapes(max_trees=3), seed=st.integers(0, 2**32 - 1), row_dtype=st.sampled_from((F32, F64)))
def test_every_mutant_is_caught(shape: Shape, seed: int, row_dtype: np.dtype[Any]) -> None:
    # A final division can swallow the last bit of a leaf, but no step of 8.
    forest = build(replace(shape, n_trees=max(1, shape.n_trees)))
    rows = grid(forest, row_dtype)
    for name, mutant in mutants(forest, np.random.default_rng(seed)).items():
        if not differ(forest, mutant, rows):
            event(f"{name}: no row of the grid tells")
            continue
        event(f"{name}: differs")
        with pytest.raises(VerificationError) as error:
            verify(forest, InterpreterRunner(mutant, (row_dtype,)))
        assert error.value.place is not None, name


@given(
    shape=shapes(max_trees=2),
    words=st.integers(1, 3),
    tables=st.integers(0, 1),
    bit=st.integers(0, 95),
    row_dtype=st.sampled_from((F32, F64)),
)
def test_every_flipped_category_bit_is_caught(
    shape: Shape, words: int, tables: int, bit: int, row_dtype: np.dtype[Any]
) -> None:
    inputs = max(2, shape.n_inputs)
    forest = build(replace(shape, n_trees=2, n_inputs=inputs, categorical=inputs - 1, tables=tables, words=words))
    p = forest.predicates
    if len(p.set_words) == 0:
        return
    flipped = p.set_words.copy()
    flipped[bit // 32 % len(flipped)] ^= np.uint32(1 << bit % 32)
    mutant = with_predicates(forest, set_words=flipped)
    differs = differ(forest, mutant, grid(forest, row_dtype))
    event(f"differs: {differs}")
    if differs:
        with pytest.raises(VerificationError):
            verify(forest, InterpreterRunner(mutant, (row_dtype,)))


@given(forest=forests())
def test_a_model_that_is_right_passes(forest: Forest) -> None:
    found = verify(forest, InterpreterRunner(forest))
    assert isinstance(forest.trees, Trees)
    assert found.nodes == found.nodes_tested == forest.trees.n_nodes
    assert found.nodes_reached == found.nodes_reachable
    assert found.max_difference == 0.0


@settings(max_examples=8)
@given(shape=shapes(max_trees=5), seed=st.integers(0, 2**32 - 1))
def test_a_budget_takes_a_sample_and_says_so(shape: Shape, seed: int) -> None:
    forest = build(replace(shape, n_trees=5, leaves=40, words=0))
    assert isinstance(forest.trees, Trees)
    assume(forest.trees.n_nodes > 20)
    whole = verify(forest, InterpreterRunner(forest), seed=seed)
    sample = verify(forest, InterpreterRunner(forest), budget=Budget(boundary=30_000), seed=seed)
    assert whole.nodes_tested == whole.nodes
    assert sample.nodes_tested < sample.nodes == whole.nodes
    assert sample.boundary_rows < whole.boundary_rows
    assert sample == verify(forest, InterpreterRunner(forest), budget=Budget(boundary=30_000), seed=seed)
    assert "a sample" in sample.summary()
