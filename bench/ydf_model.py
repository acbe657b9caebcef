# pyright: basic
"""A model of another library as a YDF model, inside YDF's environment.

YDF imports scikit-learn's trees and forests only, but lets trees be set: treelite reads the model, each node becomes
``attribute >= threshold``, which is XGBoost's question turned round, and each leaf a value. Margins come out within float32
rounding; the bench compares them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from engines import CannotRun, Task, booster_of


def build(task: Task, treelite_model: Callable[[Task], Any]) -> Any:
    import ydf

    if task.facts["averaged"]:
        return ydf.from_sklearn(booster_of(task))
    if task.facts["categories"]:
        raise CannotRun("categories are not carried over")
    document = json.loads(treelite_model(task).dump_as_json(pretty_print=False))
    model = _empty(ydf, task.facts["features"], task.facts["outputs"])
    base = np.array(document["base_scores"], np.float32)
    several = task.facts["outputs"] > 1
    if not several:
        model.set_initial_predictions(base[:1])
    sys.setrecursionlimit(100_000)
    for number, tree in enumerate(document["trees"]):
        # With several outputs YDF forgets the initial predictions: they go into the leaves of the first round.
        start = float(base[number]) if several and number < len(base) else 0.0
        nodes = {node["node_id"]: node for node in tree["nodes"]}
        root = _node(nodes, tree.get("root_id", 0), start, task.facts["missing"])
        model.add_tree(_tree().Tree(root=root))
    return model


def _empty(ydf: Any, n_features: int, n_outputs: int) -> Any:
    """A gradient-boosted model without trees: regression gives plain sums, several classes give logits."""
    if n_outputs == 1:
        learner = ydf.GradientBoostedTreesLearner(label="y", task=ydf.Task.REGRESSION, num_trees=0)
        return learner.train({"y": [0.0, 1.0], "x": np.zeros((2, n_features))}, verbose=0)
    learner = ydf.GradientBoostedTreesLearner(label="y", task=ydf.Task.CLASSIFICATION, num_trees=0)
    labels = [f"{number:04}" for number in range(n_outputs)]
    model = learner.train({"y": labels, "x": np.zeros((n_outputs, n_features))}, verbose=0)
    model.set_output_logits(True)
    return model


def _tree() -> Any:
    from ydf.model import tree

    return tree


def _node(nodes: dict[int, Any], index: int, start: float, missing: bool) -> Any:
    tree = _tree()
    node = nodes[index]
    if "leaf_value" in node:
        value = float(np.float32(start) + np.float32(node["leaf_value"])) if start else node["leaf_value"]
        return tree.Leaf(value=tree.RegressionValue(num_examples=1, value=value))
    threshold = np.float32(node["threshold"])
    if float(threshold) < node["threshold"] or (node["comparison_op"] == "<=" and float(threshold) == node["threshold"]):
        threshold = np.nextafter(threshold, np.float32(np.inf))
    # Fast engines put the mean (0 here) for a missing value, and take only models that agree with that. Where no row lacks
    # a value, the answer for it is free.
    goes = not node["default_left"] if missing else bool(threshold <= 0)
    condition = tree.NumericalHigherThanCondition(
        missing=goes, score=0.0, attribute=node["split_feature_id"] + 1, threshold=float(threshold)
    )
    return tree.NonLeaf(
        condition=condition,
        pos_child=_node(nodes, node["right_child"], start, missing),
        neg_child=_node(nodes, node["left_child"], start, missing),
    )
