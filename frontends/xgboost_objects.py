"""Live XGBoost objects, and the plain state of pickled ones, → Forest. XGBoost itself is never imported here.

A Booster answers like its file. A scikit-learn wrapper answers like the wrapper: it stops at the best iteration, has a
missing value, and a classifier predicts labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any, cast

import numpy as np

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends.base import Forest, LabelRule, Link, Outputs, Predicted
from treec.frontends.xgboost_document import sniff
from treec.frontends.xgboost_model import build_forest, forest_from_bytes

__all__ = [
    "booster_bytes_from_state",
    "forest_from_bytes",
    "forest_from_object",
    "forest_from_wrapper_state",
    "is_xgboost_object",
    "sniff",
]

CLASSIFIERS = frozenset({"XGBClassifier", "XGBRFClassifier"})
WRAPPERS = CLASSIFIERS | {"XGBModel", "XGBRegressor", "XGBRFRegressor", "XGBRanker"}
_MODULES = frozenset({"xgboost.core", "xgboost.sklearn"})


def is_xgboost_object(obj: object) -> bool:
    """Whether ``obj`` is of a class of XGBoost or of one derived from it; the latter is refused by its name."""
    return any(cls.__module__.partition(".")[0] == "xgboost" for cls in type(obj).__mro__)


def forest_from_object(obj: Any, *, place: str = "object") -> Forest:
    """The Forest of a ``Booster`` or a fitted wrapper (`WRAPPERS`); the object is only read."""
    name = type(obj).__name__
    if type(obj).__module__ not in _MODULES or name not in WRAPPERS | {"Booster"}:
        raise UnsupportedModelError(
            f"objects of {type(obj).__module__}.{name} are not supported",
            place=place,
            fix=f"compile its Booster (`get_booster()`), or one of {', '.join(sorted(WRAPPERS))}",
        )
    if name == "Booster":
        forest = forest_from_bytes(_saved(obj), place=place)
        return replace(forest, source=replace(forest.source, format="object", name=name, digest=None)).check()
    state = cast("dict[str, Any]", vars(obj))
    booster: Any = state.get("_Booster")
    if booster is None:
        raise ModelError(f"the {name} is not fitted", place=place, fix="call fit before compiling it")
    forest = forest_from_wrapper_state(name, state, _saved(booster), place=place)
    return replace(forest, source=replace(forest.source, format="object"))


def _saved(booster: Any) -> bytes:
    return bytes(booster.save_raw("ubj"))


def booster_bytes_from_state(state: Mapping[str, Any], *, place: str = "Booster") -> bytes:
    """The model inside ``Booster.__getstate__()``, for `forest_from_bytes`."""
    handle = state.get("handle")
    if not isinstance(handle, (bytes, bytearray)):
        raise ModelError("the pickled Booster holds no model", place=place, fix="pickle it again after training")
    return bytes(handle)


def forest_from_wrapper_state(class_name: str, state: Mapping[str, Any], booster_bytes: bytes, *, place: str) -> Forest:
    """The Forest of a scikit-learn wrapper.

    ``class_name``: one of `WRAPPERS`; ``state``: its attributes (values of unknown types are refused where they matter);
    ``booster_bytes``: the model of its ``_Booster``. ``source.digest`` is left to the caller.
    """
    if class_name not in WRAPPERS:
        raise UnsupportedModelError(
            f"the XGBoost class {class_name!r} is not supported",
            place=place,
            fix=f"use one of {', '.join(sorted(WRAPPERS))}",
        )
    forest = build_forest(booster_bytes, place=f"{place}._Booster", use_best_iteration=True)
    outputs = forest.outputs
    notes = forest.source.notes
    if class_name in CLASSIFIERS:
        outputs, more = _classifier_outputs(state, forest, place)
        notes += more
    return replace(
        forest,
        inputs=replace(forest.inputs, missing_value=_missing_value(state, place)),
        outputs=outputs,
        source=replace(forest.source, name=class_name, digest=None, notes=notes),
    ).check()


def _missing_value(state: Mapping[str, Any], place: str) -> float:
    """In f32, which is where XGBoost compares; what is beyond f32 is infinite there."""
    missing: Any = state.get("missing", float("nan"))
    small_integer = isinstance(missing, Integral) and int(missing).bit_length() < 1024
    if not small_integer and not isinstance(missing, (float, np.floating)):
        raise UnsupportedModelError(
            "the wrapper's missing value is not a number", place=f"{place}.missing", fix="set missing= to a number or NaN"
        )
    with np.errstate(over="ignore"):
        return float(np.float32(float(cast(float, missing))))


def _classifier_outputs(state: Mapping[str, Any], forest: Forest, place: str) -> tuple[Outputs, tuple[str, ...]]:
    """``XGBClassifier.predict``: argmax over several columns, above one half for one column; labels are 0, 1, …"""
    n_classes, n_columns = _n_classes(state, place), forest.n_columns
    outputs = forest.outputs
    if forest.source.objective == "multi:softmax":
        labels = np.arange(n_columns, dtype=np.int32)
        note = "predict_proba is not offered: for multi:softmax it is SciPy's softmax, not XGBoost's"
        return replace(outputs, predicted=Predicted.LABEL, classes=(labels,)), (note,)
    if n_columns == 1 and n_classes <= 2:
        return replace(
            outputs,
            label=LabelRule.LINK_ABOVE_HALF,
            predicted=Predicted.LABEL,
            is_classifier=True,
            binary_proba=True,
            classes=(np.arange(2),),
        ), ()
    if n_columns == n_classes > 2 and outputs.link is Link.XGB_SOFTMAX:
        return replace(
            outputs,
            label=LabelRule.ARGMAX,
            predicted=Predicted.LABEL,
            is_classifier=True,
            classes=(np.arange(n_columns),),
        ), ()
    what = "a multi-label classifier" if n_classes == 2 else f"a classifier of {n_classes} classes with {n_columns} outputs"
    raise UnsupportedModelError(
        f"{what} ({forest.source.objective}) is not supported",
        place=place,
        fix="compile its Booster (get_booster()), which gives the responses",
    )


def _n_classes(state: Mapping[str, Any], place: str) -> int:
    found = state.get("n_classes_")
    if not isinstance(found, Integral) or int(found) < 1:
        raise ModelError("the classifier has no number of classes", place=f"{place}.n_classes_", fix="fit it again")
    if state.get("_le") is not None or "classes_" in state:
        raise UnsupportedModelError(
            "a classifier pickled by XGBoost before 1.7, with labels of its own",
            place=f"{place}.classes_",
            fix="fit it again with XGBoost 2 or later, or compile its Booster",
        )
    return int(found)
