"""scikit-learn's single trees and random forests (plain and extremely random) → Forest.

A forest's answer is the float64 sum of its leaves in tree order, divided by their number; a single tree's is its leaf. A
classifier's leaves hold proportions of classes, as stored; the label is the first largest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import F64, Final, Forest, LabelRule, Outputs, Predicted, SumRule
from treec.frontends.pickle_records import is_list
from treec.frontends.sklearn_columns import require
from treec.frontends.sklearn_trees import TreeArrays, assemble, read_tree, tree_inputs
from treec.frontends.sklearn_view import TREES, EstimatorView, class_labels, source_of, view_of


def forest_from_trees(view: EstimatorView) -> Forest:
    """From any class of `TREES` or `FORESTS` in `treec.frontends.sklearn_view`."""
    single = view.class_name in TREES
    trees = [read_tree(view)] if single else [read_tree(member) for member in _members(view)]
    inputs = tree_inputs(view)
    sizes = trees[0].n_classes
    predicates, shape, leaves = assemble(
        trees,
        n_features=inputs.n_features,
        column=np.zeros(len(trees), np.int32),
        trees_per_iteration=1,
        place=view.place,
    )
    # A single tree's answer is the leaf itself: -0.0 is the start that changes no bit of it.
    base = np.full(int(sizes.sum()), -0.0 if single else 0.0)
    total = SumRule(F64, base) if single else SumRule(F64, base, final=Final.DIVIDE, operand=float(len(trees)))
    outputs = _outputs(view, sizes, () if single else (len(trees),))
    source = source_of(view, view.text("criterion"))
    return Forest(inputs, predicates, shape, leaves, total, outputs, source)


def _members(view: EstimatorView) -> list[EstimatorView]:
    members = view.get("estimators_")
    if not is_list(members) or not members:
        raise view.odd("estimators_", members)
    kind = "Classifier" if view.class_name.endswith("Classifier") else "Regressor"
    views: list[EstimatorView] = []
    for index, member in enumerate(members):
        tree = view_of(member, place=f"{view.place}: tree {index}")
        fine = TREES.get(tree.class_name) == tree.module and tree.class_name.endswith(kind)
        require(fine, f"{tree.module}.{tree.class_name} is no tree of a {view.class_name}", tree.place)
        views.append(tree)
    return views


def _outputs(view: EstimatorView, sizes: NDArray[np.int64], apply_shape: tuple[int, ...]) -> Outputs:
    n_outputs = view.integer("n_outputs_", least=1)
    require(n_outputs == len(sizes), "`n_outputs_` is not that of the trees", view.place)
    if view.class_name.endswith("Regressor"):
        require(bool(np.all(sizes == 1)), "a regression tree with classes", view.place)
        return Outputs(vector=n_outputs == 1, apply_dtype="<i8", apply_shape=apply_shape)
    found = view.get("classes_")
    listed: object = [found] if n_outputs == 1 else found
    if not is_list(listed) or len(listed) != n_outputs:
        raise view.odd("classes_", found)
    classes = tuple(class_labels(labels, view) for labels in listed)
    fits = [len(labels) for labels in classes] == sizes.tolist()
    require(fits, "`classes_` does not fit the trees", view.place)
    return Outputs(
        vector=False,
        label=LabelRule.ARGMAX,
        predicted=Predicted.LABEL,
        is_classifier=True,
        classes=classes,
        groups=tuple(int(size) for size in sizes) if n_outputs > 1 else (),
        apply_dtype="<i8",
        apply_shape=apply_shape,
    )


def regression_trees(members: NDArray[Any], view: EstimatorView) -> list[TreeArrays]:
    """The trees of a boosting model, ``estimators_`` of shape (iterations, K), in the order they are added."""
    trees: list[TreeArrays] = []
    for index, member in enumerate(members.ravel().tolist()):
        tree = view_of(member, place=f"{view.place}: tree {index}")
        fine = tree.class_name == "DecisionTreeRegressor" and TREES[tree.class_name] == tree.module
        require(fine, f"{tree.module}.{tree.class_name} is no tree of a {view.class_name}", tree.place)
        arrays = read_tree(tree)
        require(arrays.values.shape[1:] == (1, 1), "a boosted tree with several outputs", tree.place)
        trees.append(arrays)
    return trees
