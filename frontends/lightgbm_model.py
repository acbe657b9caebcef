"""A LightGBM text model → Forest that answers like ``lightgbm.Booster(model_file=…).predict``."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np

from treec.errors import UnsupportedModelError
from treec.frontends.base import Forest, Inputs, Outputs, Source, SumRule
from treec.frontends.lightgbm_nodes import F64, build_predicates, build_trees, read_nodes
from treec.frontends.lightgbm_objective import read_objective
from treec.frontends.lightgbm_text import TextModel, read_text


def forest_from_bytes(data: bytes, *, place: str) -> Forest:
    """The Forest of a text model (``Booster.save_model``, ``Booster.model_to_string``).

    Rows are compared in float64; the sum is float64 from 0 in tree order. Raises `ModelError` for a damaged file and
    `UnsupportedModelError` for what is not understood, with file and line.
    """
    return forest_from_text(data, place=place)


def forest_from_text(data: bytes, *, place: str, best_iteration: int = 0) -> Forest:
    """As `forest_from_bytes`, of the first ``best_iteration`` iterations only if that is above 0."""
    model = read_text(data, place=place)
    n_columns = model.header_int("num_tree_per_iteration", 1)
    if model.header_int("num_class", 1) != n_columns:
        raise model.header_error("num_class", f"not the {n_columns} of num_tree_per_iteration")
    model.header_int("label_index", -1)
    inputs = _inputs(model)
    objective = read_objective(model, n_columns)
    model = _first_iterations(model, n_columns, best_iteration)
    table = read_nodes(model, inputs.n_features)
    trees, leaves, node = build_trees(model, table, n_columns)
    predicates, of_node = build_predicates(model, table, node)
    n_trees = len(model.trees)
    outputs = Outputs(
        vector=n_columns == 1,
        link=objective.link,
        link_scale=objective.scale,
        average=float(n_trees // n_columns) if "average_output" in model.header else 1.0,
        apply_dtype="<i4",
        apply_shape=(n_trees,),
    )
    base: F64 = np.zeros(n_columns, np.float64)
    source = Source(
        "lightgbm",
        "text",
        version=model.header["version"],
        objective=objective.name,
        digest=hashlib.sha256(data).hexdigest(),
        notes=_notes(model, best_iteration),
    )
    trees = dataclasses.replace(trees, predicate=of_node)
    return Forest(inputs, predicates, trees, leaves, SumRule(np.dtype(np.float64), base), outputs, source).check()


def _inputs(model: TextModel) -> Inputs:
    n_features = model.header_int("max_feature_idx", 0) + 1
    labels: dict[str, list[str]] = {}
    for key in ("feature_names", "feature_infos"):
        labels[key] = [word for word in model.header.get(key, "").split(" ") if word]
        if len(labels[key]) != n_features:
            raise model.header_error(key, f"{n_features} entries are needed, {len(labels[key])} are there")
    return Inputs(
        n_features,
        np.dtype(np.float64),
        np.arange(n_features, dtype=np.int32),
        names=tuple(labels["feature_names"]),
        types=tuple(map(_feature_type, labels["feature_infos"])),
    )


def _feature_type(info: str) -> str:
    """From ``[low:high]``, the categories of training (``-1:3:8``), or ``none`` for a feature that training dropped."""
    if info == "none":
        return "unused"
    return "numerical" if info.startswith("[") else "categorical"


def _first_iterations(model: TextModel, n_columns: int, best_iteration: int) -> TextModel:
    n_trees = len(model.trees)
    if n_trees == 0 and "average_output" in model.header:
        message = "the average of no trees is not a number"
        raise UnsupportedModelError(message, place=model.place, fix="train for at least one iteration")
    if n_trees % n_columns:
        message = f"{n_trees} trees are no whole number of iterations of {n_columns}"
        raise model.header_error("num_tree_per_iteration", message)
    keep = best_iteration * n_columns
    if not 0 < keep < n_trees:
        return model
    return dataclasses.replace(model, trees=model.trees[:keep], starts=model.starts[: keep + 1])


def _notes(model: TextModel, best_iteration: int) -> tuple[str, ...]:
    notes: list[str] = []
    if model.header["version"] == "v2":
        notes.append("a version 2 file, answered as LightGBM 4 answers it (a missing category goes right)")
    if best_iteration > 0:
        notes.append(f"only iterations up to the best one, {best_iteration}")
    if model.pandas_categorical:
        notes.append(
            f"trained on a DataFrame with {len(model.pandas_categorical)} columns of pandas categories: "
            "rows hold the categories' codes"
        )
    return tuple(notes)
