"""Hypothesis strategies for valid Forests of every kind, and rows for them.

Hypothesis chooses the shape (sizes, kinds, dtypes); the bulk of the numbers comes from a generator that it seeds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from treec.frontends.base import (
    F32,
    F64,
    CategoryCast,
    Final,
    Forest,
    Inputs,
    Leaves,
    Missing,
    Outputs,
    Predicates,
    SumRule,
    Test,
    Trees,
)
from treec.frontends.canonical import canonical_order

GRID = (-2.0, -1.0, -0.5, -1e-35, -0.0, 0.0, 1e-40, 1e-35, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 1e30)
"""Few thresholds, so that paths meet the same one again, contradict each other, and touch zeros and subnormals."""


@dataclass(frozen=True)
class Shape:
    """What to build. ``categorical`` and ``tables`` count inputs of these kinds, from the first; ``leaves``: the most
    leaves of a tree; ``words``: the most words of a category set."""

    n_trees: int = 3
    leaves: int = 8
    n_inputs: int = 3
    spare_features: int = 0
    categorical: int = 0
    tables: int = 0
    words: int = 1
    width: int = 1
    n_columns: int = 1
    n_predicates: int = 12
    missing: tuple[Missing, ...] = (Missing.NAN,)
    tests: tuple[Test, ...] = (Test.LESS,)
    cast: CategoryCast = CategoryCast.TRUNCATE
    input_dtype: np.dtype[Any] = field(default=F32)
    leaf_dtype: np.dtype[Any] = field(default=F32)
    sum_dtype: np.dtype[Any] = field(default=F32)
    weight_dtype: np.dtype[Any] | None = None
    base_first: bool = True
    final: Final = Final.NONE
    missing_value: float = float("nan")
    seed: int = 0


def build(shape: Shape) -> Forest:
    """A valid Forest of this shape; leaf ids are unique within a tree, and not in order."""
    rng = np.random.default_rng(shape.seed)
    predicates = _predicates(shape, rng)
    trees, n_values = _trees(shape, len(predicates), rng)
    values = np.round(rng.standard_normal((n_values, shape.width)), 3).astype(shape.leaf_dtype)
    base = np.round(rng.standard_normal(shape.n_columns), 3).astype(shape.sum_dtype)
    total = SumRule(shape.sum_dtype, base, shape.base_first, shape.final, operand=float(shape.n_trees), bias=0.125)
    return Forest(
        _inputs(shape, rng), predicates, trees, Leaves(values), total, Outputs(vector=shape.n_columns == 1)
    ).check()


def _inputs(shape: Shape, rng: np.random.Generator) -> Inputs:
    n_features = shape.n_inputs + shape.spare_features
    sizes = np.where(np.arange(shape.n_inputs) < shape.tables, rng.integers(1, 6, shape.n_inputs), 0)
    tables = [np.sort(rng.choice(np.arange(-5, 20) / 2, size, replace=False)) for size in sizes]
    return Inputs(
        n_features,
        shape.input_dtype,
        rng.permutation(n_features)[: shape.n_inputs].astype(np.int32),
        table_offset=np.concatenate([[0], np.cumsum(sizes)]) if shape.tables else None,
        table_value=np.concatenate(tables) if shape.tables else None,
        missing_value=shape.missing_value,
    )


def _predicates(shape: Shape, rng: np.random.Generator) -> Predicates:
    n = shape.n_predicates
    inputs = rng.integers(0, shape.n_inputs, n)
    in_set = inputs < max(shape.categorical, shape.tables)
    test = np.where(in_set, Test.IN_SET, rng.choice(np.array(shape.tests), n))
    sizes = rng.integers(0, shape.words + 1, int(in_set.sum()))
    bits = rng.random((int(sizes.sum()), 32)) < 0.25
    words = np.packbits(bits, axis=1, bitorder="little").view("<u4").ravel().astype(np.uint32)
    category_set = np.where(in_set, np.cumsum(in_set) - 1, -1)
    threshold = np.where(in_set, 0, rng.choice(np.array(GRID), n))
    missing = rng.choice(np.array(shape.missing), n)
    missing[(inputs < shape.tables) & (missing == Missing.ZERO_OR_NAN)] = Missing.NAN  # position 0 is no zero
    return Predicates(
        input=inputs.astype(np.int32),
        test=test.astype(np.uint8),
        threshold=threshold.astype(shape.input_dtype),
        missing=missing.astype(np.uint8),
        missing_left=rng.random(n) < 0.5,
        category_set=category_set.astype(np.int32),
        invalid_left=in_set & (rng.random(n) < 0.5),
        set_offset=np.concatenate([[0], np.cumsum(sizes)]),
        set_words=words,
        category_cast=shape.cast,
    )


def _trees(shape: Shape, n_predicates: int, rng: np.random.Generator) -> tuple[Trees, int]:
    sizes = rng.integers(1, shape.leaves + 1, shape.n_trees)
    parts = [_random_tree(int(size), rng) for size in sizes]
    offset = np.concatenate([[0], np.cumsum([len(left) for left, _ in parts], dtype=np.int64)])
    left, right = (np.concatenate([part[side] for part in parts] or [np.zeros(0, np.int64)]) for side in (0, 1))
    order = canonical_order(offset, left, right)
    n_leaves = len(order.leaf_source)
    n_values = max(1, n_leaves - n_leaves // 4)
    ids = [rng.permutation(int(size)) for size in sizes]
    trees = Trees(
        node_offset=order.node_offset,
        leaf_offset=order.leaf_offset,
        predicate=rng.integers(0, n_predicates, len(order.left)).astype(np.int32),
        left=order.left,
        right=order.right,
        leaf_row=rng.permutation(np.arange(n_leaves) % n_values).astype(np.int32),
        leaf_id=np.concatenate([*ids, np.zeros(0, np.int64)]).astype(np.int32),
        column=rng.integers(0, shape.n_columns - shape.width + 1, shape.n_trees).astype(np.int32),
        iteration_offset=np.arange(shape.n_trees + 1, dtype=np.int32),
        weight=None if shape.weight_dtype is None else rng.random(shape.n_trees).astype(shape.weight_dtype),
    )
    return trees, n_values


def _random_tree(n_leaves: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Children of a tree that grew by splitting random leaves; -1 for leaves."""
    left, right = (np.full(2 * n_leaves - 1, -1, np.int64) for _ in range(2))
    leaves = [0]
    for step in range(n_leaves - 1):
        node = leaves.pop(int(rng.integers(len(leaves))))
        left[node], right[node] = 2 * step + 1, 2 * step + 2
        leaves += [2 * step + 1, 2 * step + 2]
    return left, right


NUMERIC_TESTS = ((Test.LESS,), (Test.LESS_EQUAL,), (Test.LESS, Test.LESS_EQUAL, Test.EQUAL))
MISSING_KINDS = ((Missing.NONE,), (Missing.NAN,), (Missing.ZERO_OR_NAN,), tuple(Missing))


@st.composite
def shapes(draw: st.DrawFn, *, max_trees: int = 5, max_leaves: int = 12) -> Shape:
    """Shapes of all kinds of Forests."""
    width = draw(st.integers(1, 3))
    input_dtype = draw(st.sampled_from((F32, F64)))
    n_inputs = draw(st.integers(1, 5))
    categorical = draw(st.integers(0, n_inputs))
    return Shape(
        n_trees=draw(st.integers(0, max_trees)),
        leaves=draw(st.integers(1, max_leaves)),
        n_inputs=n_inputs,
        spare_features=draw(st.integers(0, 2)),
        categorical=categorical,
        tables=draw(st.integers(0, categorical)),
        words=draw(st.integers(0, 3)),
        width=width,
        n_columns=draw(st.integers(width, width + 2)),
        n_predicates=draw(st.integers(1, 20)),
        missing=draw(st.sampled_from(MISSING_KINDS)),
        tests=draw(st.sampled_from(NUMERIC_TESTS)),
        cast=draw(st.sampled_from(CategoryCast)),
        input_dtype=input_dtype,
        leaf_dtype=draw(st.sampled_from((F32, F64))),
        sum_dtype=draw(st.sampled_from((F32, F64))),
        weight_dtype=draw(st.sampled_from((None, F32, F64))),
        base_first=draw(st.booleans()),
        final=draw(st.sampled_from(Final)),
        missing_value=draw(st.sampled_from((float("nan"), float("nan"), -1.0, 0.0, 0.5))),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def forests(*, max_trees: int = 5, max_leaves: int = 12) -> st.SearchStrategy[Forest]:
    """Valid Forests: ragged and one-leaf trees, leaf vectors, several columns, every kind of missing value, categories with
    both casts and value tables, weights, all sum rules, f32 and f64."""
    return shapes(max_trees=max_trees, max_leaves=max_leaves).map(build)


def with_predicates(forest: Forest, **columns: NDArray[Any]) -> Forest:
    """The same Forest with other predicate columns."""
    return replace(forest, predicates=replace(forest.predicates, **columns)).check()


def with_leaves(forest: Forest, values: NDArray[Any]) -> Forest:
    """The same Forest with other leaf values."""
    return replace(forest, leaves=replace(forest.leaves, values=values)).check()
