"""Forest → IR → text → IR → Forest keeps every bit of what is computed with."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.parser import Parser
from xdsl.utils.exceptions import VerifyException

from tests.property.forests import Shape, build, forests
from treec.errors import ModelError
from treec.frontends.base import Forest, LabelRule, LinearLeaves, Link, ObliviousTrees, Outputs, Predicted, Trees
from treec.treeir.blob import Blob
from treec.treeir.forest import Forest as ForestDialect
from treec.treeir.forest import only_model
from treec.treeir.forest_checks import prove_preorder
from treec.treeir.forest_convert import forest_module, forest_of


def reread(module: ModuleOp) -> ModuleOp:
    context = Context()
    context.load_dialect(Builtin)
    context.load_dialect(ForestDialect)
    again = Parser(context, str(module)).parse_module()
    again.verify()
    return again


def assert_equal(left: Any, right: Any, skip: tuple[str, ...] = ()) -> None:
    for name in {field.name for field in fields(left)} - {*skip}:
        value, other = getattr(left, name), getattr(right, name)
        if hasattr(value, "dtype"):
            assert_same_array(name, value, other)
        elif isinstance(value, float):
            assert np.float64(value).tobytes() == np.float64(other).tobytes(), name
        elif not isinstance(value, LinearLeaves):
            assert value == other, name


def assert_same_array(name: str, value: Any, other: Any) -> None:
    assert value.dtype == other.dtype, name
    assert value.shape == other.shape, name
    assert value.tobytes() == other.tobytes(), name


def assert_same_forest(left: Forest, right: Forest) -> None:
    assert_equal(left.inputs, right.inputs, ("names", "types"))
    assert_equal(left.predicates, right.predicates)
    assert_equal(left.trees, right.trees)
    assert_equal(left.leaves, right.leaves)
    assert_equal(left.sum, right.sum)
    for name in ("link", "link_scale", "average", "label", "groups"):
        assert getattr(left.outputs, name) == getattr(right.outputs, name)


@given(forest=forests())
def test_a_forest_comes_back_from_the_text_of_its_module(forest: Forest) -> None:
    labels = {"label": LabelRule.ARGMAX, "predicted": Predicted.LABEL, "groups": (1,) * forest.n_columns}
    odd = replace(forest, outputs=replace(forest.outputs, link_scale=0.1, average=3.0, **labels))
    module = forest_module(odd)
    module.verify()
    assert_same_forest(odd, forest_of(only_model(reread(module))))


def test_linear_leaves_and_links_come_back() -> None:
    forest = build(Shape(leaf_dtype=np.dtype("f8"), sum_dtype=np.dtype("f8"), input_dtype=np.dtype("f8")))
    n = len(forest.leaves.values)
    linear = LinearLeaves(np.arange(n + 1), np.zeros(n, np.int32), np.linspace(-1, 1, n), np.array([-0.0, *np.ones(n - 1)]))
    odd = replace(
        forest, leaves=replace(forest.leaves, linear=linear), outputs=Outputs(vector=True, link=Link.LGB_SIGMOID)
    ).check()
    back = forest_of(only_model(reread(forest_module(odd))))
    assert back.leaves.linear is not None
    assert_equal(linear, back.leaves.linear)
    assert back.outputs.link is Link.LGB_SIGMOID


def test_oblivious_trees_come_back() -> None:
    forest = build(Shape(n_trees=1))
    trees = ObliviousTrees(
        np.array([0, 1]),
        np.array([0, 2]),
        np.zeros(1, np.int32),
        np.zeros(2, np.int32),
        np.arange(2, dtype=np.int32),
        np.zeros(1, np.int32),
        np.array([0, 1], np.int32),
    )
    odd = replace(forest, trees=trees).check()
    assert_same_forest(odd, forest_of(only_model(reread(forest_module(odd)))))


def test_arrays_are_shared_not_copied() -> None:
    forest = build(Shape())
    model = only_model(forest_module(forest))
    assert np.shares_memory(forest_of(model).predicates.threshold, forest.predicates.threshold)


def test_two_models_are_one_too_many() -> None:
    first, second = (only_model(forest_module(build(Shape()), name)) for name in ("a", "b"))
    for model in (first, second):
        model.detach()
    with pytest.raises(ModelError, match=r"expected one forest\.model in the module, found 2"):
        only_model(ModuleOp([first, second]))


@given(forest=forests(max_trees=3))
def test_a_moved_child_is_no_preorder(forest: Forest) -> None:
    """Any two children of the same tree that change places are found out."""
    trees = forest.trees
    assert isinstance(trees, Trees)
    parts = [trees.node_offset, trees.leaf_offset, trees.left, trees.right]
    prove_preorder(*map(Blob, parts))
    children = np.concatenate([trees.left, trees.right])
    tree = np.tile(np.repeat(np.arange(trees.n_trees), np.diff(trees.node_offset)), 2)
    for first in range(0, len(children), 3):
        for second in range(first + 1, len(children), 5):
            if tree[first] != tree[second]:
                continue
            moved = children.copy()
            moved[[first, second]] = moved[[second, first]]
            left, right = np.split(moved, 2)
            with pytest.raises(VerifyException, match="out of its place"):
                prove_preorder(Blob(trees.node_offset), Blob(trees.leaf_offset), Blob(left), Blob(right))
