"""Sums in another order stay within the bound that their terms allow; what is beyond it is an error."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.property.forests import Shape, build, forests
from treec.codegen.abi import Task
from treec.compiler import Compilation, generate, load_in_process
from treec.errors import VerificationError
from treec.frontends.base import Forest, Leaves, Trees
from treec.frontends.load import LoadedModel
from treec.passes.algo.order_trees import reorder_trees
from treec.runtime.execute import run_task
from treec.schedule.schedule import Schedule
from treec.treeir.interp import forest as interpreter
from treec.verify.bounds import sum_bound, within
from treec.verify.check import verify
from treec.verify.compare import same
from treec.verify.rows import Domain, random_rows
from treec.verify.runner import InterpreterRunner

Array = NDArray[Any]


def renumbered(forest: Forest, seed: int) -> Forest:
    """The same trees, added in another order."""
    assert isinstance(forest.trees, Trees)
    places = np.random.default_rng(seed).permutation(forest.trees.n_trees)
    return replace(forest, trees=replace(reorder_trees(forest.trees, places), order=None)).check()


def wild(forest: Forest, seed: int) -> Forest:
    """With leaves of very different sizes, so that the order matters."""
    values = forest.leaves.values
    scale = 10.0 ** np.random.default_rng(seed).integers(-9, 9, values.shape)
    return replace(forest, leaves=Leaves((values * scale).astype(values.dtype))).check()


@given(forest=forests(), seed=st.integers(0, 999))
def test_any_order_of_trees_is_within_the_bound(forest: Forest, seed: int) -> None:
    forest = wild(forest, seed)
    rows = random_rows(Domain(forest, forest.inputs.dtype), 40, seed)
    first, other = interpreter.raw(forest, rows), interpreter.raw(renumbered(forest, seed), rows)
    assert within(first, other, sum_bound(forest, rows)).all()


def test_the_bound_is_a_few_roundings_and_not_more() -> None:
    forest = wild(build(Shape(n_trees=6, leaves=8, seed=2)), 3)
    rows = random_rows(Domain(forest, forest.inputs.dtype), 200, 1)
    raw, bound = interpreter.raw(forest, rows), sum_bound(forest, rows)
    eps = float(np.finfo(forest.sum.dtype).eps)
    assert (bound > 0).all()
    assert (bound < 10 * eps * np.abs(forest.leaves.values).max() * 6).all()
    assert not within(raw, (raw + 3 * bound).astype(raw.dtype), bound).all()


def test_what_is_not_finite_meets_its_like() -> None:
    nan, inf = np.nan, np.inf
    expected = np.array([[nan, inf, 1.0, nan, -0.0, nan]])
    found = np.array([[nan, inf, nan, 1.0, 0.0, inf]])
    bound = np.array([[nan, inf, 0.5, inf, 0.0, inf]])
    np.testing.assert_array_equal(within(expected, found, bound), [[True, True, False, False, True, True]])


class Reordered(InterpreterRunner):
    """Adds in another order, of more trees than one."""

    def raw(self, rows: Array, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> Array:
        return (
            self.shifted(interpreter.raw(renumbered(self.forest, 1), rows))
            if tree_end is None
            else super().raw(rows, tree_begin, tree_end)
        )

    def shifted(self, raw: Array) -> Array:
        return raw

    def response(self, rows: Array, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> Array:
        return interpreter.response(self.forest, self.raw(rows, tree_begin, tree_end))


class Wrong(Reordered):
    def shifted(self, raw: Array) -> Array:
        return raw + raw.dtype.type(1e-3)


def test_verification_takes_another_order_where_it_is_allowed_and_reports_how_far_it_is() -> None:
    forest = wild(build(Shape(n_trees=6, leaves=8, seed=2)), 3)
    rows = random_rows(Domain(forest, forest.inputs.dtype), 200, 1)
    runner = Reordered(forest)
    assert not same(runner.raw(rows), interpreter.raw(forest, rows)).all()
    with pytest.raises(VerificationError, match="raw output"):
        verify(forest, runner)
    found = verify(forest, runner, reassociated=True)
    assert 0 < found.bound_share <= 1
    assert found.max_difference > 0
    assert found.to_dict()["bound_share"] == found.bound_share
    assert "sums reassociated" in found.summary()


def test_verification_refuses_what_is_beyond_the_bound() -> None:
    forest = build(Shape(n_trees=6, leaves=8, seed=2))
    with pytest.raises(VerificationError, match="raw output"):
        verify(forest, Wrong(forest), reassociated=True)


def test_verification_refuses_sums_that_depend_on_the_batch() -> None:
    forest = wild(build(Shape(n_trees=6, leaves=8, seed=2)), 3)

    class Fickle(Reordered):
        def raw(self, rows: Array, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> Array:
            if len(rows) == 7:
                return interpreter.raw(self.forest, rows, tree_begin, tree_end)
            return super().raw(rows, tree_begin, tree_end)

    with pytest.raises(VerificationError, match="batch of 7"):
        verify(forest, Fickle(forest), reassociated=True)


@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="treec makes code for x86-64 and aarch64")
def test_a_compiled_model_says_that_its_sums_are_reassociated_and_is_verified_so() -> None:
    forest = wild(build(Shape(n_trees=6, leaves=8, seed=2)), 3)
    lines = "float reassociate\nreorder trees by=size\nlayout packed\nwalk with=scalar"
    compilation = Compilation(LoadedModel(forest, lambda: None), Schedule.from_text(lines), ())
    generate(compilation)
    library = load_in_process(compilation).library
    assert library.card["float"] == "reassociate"
    assert 0 < library.card["verification"]["bound_share"] <= 1
    rows = random_rows(Domain(forest, forest.inputs.dtype), 200, 1)
    assert not same(run_task(library, Task.RAW, rows), interpreter.raw(forest, rows)).all()


class AnyOrder(Reordered):
    """Adds in another order in each call."""

    calls = 0

    def raw(self, rows: Array, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> Array:
        AnyOrder.calls += 1
        if tree_end is not None:
            return super().raw(rows, tree_begin, tree_end)
        return interpreter.raw(renumbered(self.forest, AnyOrder.calls), rows)


def test_sums_without_an_order_are_verified_within_the_bound() -> None:
    forest = wild(build(Shape(n_trees=6, leaves=8, seed=2)), 3)
    with pytest.raises(VerificationError, match="raw output"):
        verify(forest, AnyOrder(forest), reassociated=True)
    found = verify(forest, AnyOrder(forest), reassociated=True, repeats=False)
    assert 0 < found.bound_share <= 1
    assert found.to_dict()["repeats"] is False
    assert "in any order, other bits in each call" in found.summary()
    with pytest.raises(VerificationError, match="raw output"):
        verify(forest, Wrong(forest), reassociated=True, repeats=False)


def test_responses_of_sums_without_an_order_are_those_of_single_trees() -> None:
    forest = wild(build(Shape(n_trees=6, leaves=8, seed=2)), 3)

    class OffByABit(AnyOrder):
        def response(self, rows: Array, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> Array:
            right = super().response(rows, tree_begin, tree_end)
            return np.nextafter(right, np.inf, dtype=right.dtype) if tree_begin == 5 else right

    with pytest.raises(VerificationError, match="tree 5 alone"):
        verify(forest, OffByABit(forest), reassociated=True, repeats=False)
