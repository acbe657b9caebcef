"""A Forest in numbers and words, for transcripts and ``treec inspect``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Final, Forest, Missing, ObliviousTrees, Test, Trees

_LIBRARIES = {"xgboost": "XGBoost", "lightgbm": "LightGBM", "sklearn": "scikit-learn"}
_MISSING = {
    Missing.NONE: "NaN counts as 0",
    Missing.NAN: "NaN routed",
    Missing.ZERO_OR_NAN: "zero and NaN routed",
}


def tree_depths(trees: Trees | ObliviousTrees) -> NDArray[np.int64]:
    """Inner nodes on the longest path of each tree, i64 [T]; 0 for a single leaf."""
    if isinstance(trees, ObliviousTrees):
        return np.diff(trees.level_offset)
    depth = np.zeros(trees.n_trees, np.int64)
    np.maximum.at(depth, tree_of_node(trees), node_depths(trees) + 1)
    return depth


def tree_of_node(trees: Trees) -> NDArray[np.int64]:
    """i64 [N]"""
    return np.repeat(np.arange(trees.n_trees), np.diff(trees.node_offset))


def node_depths(trees: Trees) -> NDArray[np.int64]:
    """Inner nodes above each node, i64 [N]: one step per level, all trees at once."""
    counts = np.diff(trees.node_offset)
    base = np.repeat(trees.node_offset[:-1], counts)
    depth = np.zeros(trees.n_nodes, np.int64)
    level = trees.node_offset[:-1][counts > 0]
    at = 0
    while len(level):
        depth[level] = at
        children = [(child + base)[level][child[level] >= 0] for child in (trees.left, trees.right)]
        level = np.concatenate(children)
        at += 1
    return depth


def model_facts(forest: Forest) -> dict[str, Any]:
    """Everything ``inspect`` shows, as plain JSON values."""
    trees, source = forest.trees, forest.source
    depth = tree_depths(trees)
    used = _used_predicates(forest)
    return {
        "name": source.name,
        "library": source.library,
        "format": source.format,
        "version": source.version,
        "objective": source.objective,
        "sha256": source.digest,
        "notes": list(source.notes),
        "trees": trees.n_trees,
        "iterations": len(trees.iteration_offset) - 1,
        "nodes": trees.n_nodes if isinstance(trees, Trees) else len(trees.predicate),
        "leaves": len(trees.leaf_row),
        "depth": int(depth.max(initial=0)),
        "depths": {str(d): int(n) for d, n in enumerate(np.bincount(depth)) if n},
        **_inputs(forest, used),
        **_outputs(forest),
    }


def _used_predicates(forest: Forest) -> NDArray[np.int64]:
    return np.unique(forest.trees.predicate).astype(np.int64)


def _inputs(forest: Forest, used: NDArray[np.int64]) -> dict[str, Any]:
    predicates, inputs = forest.predicates, forest.inputs
    columns = np.unique(inputs.column[predicates.input[used]])
    tests = np.unique(predicates.test[used])
    missing = [Missing(kind) for kind in np.unique(predicates.missing[used])]
    return {
        "features": inputs.n_features,
        "features_used": len(columns),
        "categorical_features": len(_categorical_columns(forest, used)),
        "category_sets": predicates.n_sets,
        "tests": [Test(kind).name.lower() for kind in tests],
        "missing": [kind.name.lower() for kind in missing],
        "missing_value": None if np.isnan(inputs.missing_value) else repr(float(inputs.missing_value)),
        "compares_in": inputs.dtype.name,
        "distinct_predicates": len(predicates),
        "feature_names": None if inputs.names is None else list(inputs.names),
    }


def _categorical_columns(forest: Forest, used: NDArray[np.int64]) -> NDArray[np.int32]:
    predicates, inputs = forest.predicates, forest.inputs
    categorical = np.isin(predicates.test[used], (Test.IN_SET, Test.EQUAL))
    asked = np.zeros(inputs.n_inputs, np.bool_)
    asked[predicates.input[used][categorical]] = True
    if inputs.table_offset is not None:
        asked |= np.diff(inputs.table_offset) > 0
    return np.unique(inputs.column[asked])


def _outputs(forest: Forest) -> dict[str, Any]:
    rule, out = forest.sum, forest.outputs
    final = {
        Final.NONE: "",
        Final.DIVIDE: f", then divided by {rule.operand:g}",
        Final.SCALE_BIAS: f", then times {rule.operand:g} plus {rule.bias:g}",
    }[rule.final]
    first = "from the base score" if rule.base_first else "from 0, base score last"
    return {
        "outputs": forest.n_columns,
        "leaf_width": forest.leaf_width,
        "linear_leaves": forest.leaves.linear is not None,
        "sum": f"{rule.dtype.name}, in tree order {first}{final}",
        "link": out.link.value,
        "label": out.label.value,
        "classes": [[str(label) for label in classes] for classes in out.classes],
        "classifier": out.is_classifier,
    }


def library_name(library: str) -> str:
    return _LIBRARIES.get(library, library)


def headline(facts: dict[str, Any]) -> str:
    """A model in one line."""
    source = " ".join(str(part) for part in (library_name(facts["library"]), facts["format"], facts["version"]) if part)
    categorical = f" ({facts['categorical_features']} categorical)" if facts["categorical_features"] else ""
    parts = [
        facts["objective"],
        f"{facts['trees']:,} tree{'s' if facts['trees'] != 1 else ''}",
        f"depth ≤ {facts['depth']}",
        f"{facts['leaves']:,} leaves",
        f"{facts['features']:,} features{categorical}",
        missing_words(facts),
    ]
    return f"{facts['name'] or 'model'}: " + " · ".join([source, *(str(part) for part in parts if part)])


def missing_words(facts: dict[str, Any]) -> str:
    """The kinds of missing values in words."""
    words = [_MISSING[Missing[kind.upper()]] for kind in facts["missing"]]
    if facts["missing_value"] is not None:
        words.append(f"{facts['missing_value']} counts as NaN")
    return ", ".join(words) or "no splits"
