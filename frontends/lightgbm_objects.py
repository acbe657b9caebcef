"""Live LightGBM boosters and scikit-learn wrappers, and the state their pickles hold → Forest.

Nothing here imports LightGBM: objects are known by their classes' module and name, and a booster's trees come from its
model string, which holds every number exactly. The link's sigmoid scale is the exception: the string has 6 digits of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends.base import Forest, LabelRule, Link, Predicted
from treec.frontends.lightgbm_model import forest_from_text

WRAPPERS = ("LGBMModel", "LGBMRegressor", "LGBMClassifier", "LGBMRanker")
_METHODS = ("predict", "predict_proba")
# lightgbm.basic._MULTICLASS_OBJECTIVES: with these, a classifier of two classes has two columns.
_MULTICLASS = frozenset({"multiclass", "multiclassova", "multiclass_ova", "ova", "ovr", "softmax"})
_FALSE = frozenset({"", "0", "false", "none", "-"})


def is_lightgbm_object(obj: object) -> bool:
    """True for a ``Booster`` and for the scikit-learn wrappers, subclasses included."""
    return _class_name(type(obj)) is not None


def _class_name(cls: type[Any]) -> str | None:
    """The LightGBM class that ``cls`` is or derives from."""
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] == "lightgbm" and base.__name__ in ("Booster", *WRAPPERS):
            return base.__name__
    return None


def forest_from_object(obj: Any, *, place: str = "object") -> Forest:
    """The Forest of a live ``Booster`` or wrapper; answers like the object itself, best iteration included.

    Raises `UnsupportedModelError` for other objects, for a class that overrides ``predict`` and for Dask wrappers.
    """
    cls = cast("type[Any]", type(obj))
    name = _class_name(cls)
    if name is None:
        raise UnsupportedModelError(f"{cls.__name__} is not a LightGBM model", place=place)
    _refuse_overrides(cls, place)
    state = _attributes(obj)
    if name == "Booster":
        return _with_live_scale(forest_from_wrapper_state(name, state, _text_of(obj), place=place), obj)
    booster = state.get("_Booster")
    if booster is None:
        raise _not_fitted(name, place)
    forest = forest_from_wrapper_state(name, state, _text_of(booster), place=place)
    return _with_live_scale(forest, booster)


def _refuse_overrides(cls: type[Any], place: str) -> None:
    for method in _METHODS:
        module = getattr(getattr(cls, method, None), "__module__", "lightgbm")
        if module.partition(".")[0] != "lightgbm" or module == "lightgbm.dask":
            fix = (
                "call to_local() on it"
                if module == "lightgbm.dask"
                else "give its `booster_`, and apply your own step after"
            )
            raise UnsupportedModelError(f"{cls.__name__} has a `{method}` of its own", place=place, fix=fix)


def _attributes(obj: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", vars(obj))


def _text_of(booster: Any) -> str:
    return booster.model_to_string(num_iteration=-1)


def _with_live_scale(forest: Forest, booster: Any) -> Forest:
    """A booster that still holds its training set uses the sigmoid scale it was given, not the 6 digits of its string."""
    state = _attributes(booster)
    scale: Any = cast("dict[str, Any]", state.get("params") or {}).get("sigmoid")
    outputs = forest.outputs
    if "train_set" not in state or outputs.link is not Link.LGB_SIGMOID or not isinstance(scale, int | float):
        return forest
    if float(f"{scale:g}") != outputs.link_scale:
        return forest
    return dataclasses.replace(forest, outputs=dataclasses.replace(outputs, link_scale=float(scale)))


def model_text_from_state(state: Mapping[str, Any], *, place: str = "pickle") -> str:
    """The model string inside the state of a pickled ``Booster`` or wrapper, with all its iterations.

    A nested booster may be a mapping or a record whose ``state`` is one.
    """
    inner = _booster_state(state)
    text = inner.get("_handle", inner.get("handle")) if inner is not None else None
    if not isinstance(text, str):
        raise _not_fitted("the LightGBM model", place)
    return text


def _booster_state(state: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if "_Booster" not in state:
        return state
    inner = state["_Booster"]
    for candidate in (inner, getattr(inner, "state", None), getattr(inner, "__dict__", None)):
        if isinstance(candidate, Mapping):
            return cast("Mapping[str, Any]", candidate)
    return None


def forest_from_wrapper_state(class_name: str, state: Mapping[str, Any], model_text: str, *, place: str) -> Forest:
    """The Forest of a ``Booster`` or wrapper from its attributes and its model string (of all iterations).

    ``class_name`` is the LightGBM class, ``state`` what ``vars`` of the object or its pickle gives. The model string must
    be the booster's own. Raises `ModelError` for attributes that contradict the string.
    """
    if class_name != "Booster" and class_name not in WRAPPERS:
        raise UnsupportedModelError(
            f"lightgbm's {class_name} is not known; known are Booster, {', '.join(WRAPPERS)}",
            place=place,
            fix="give the booster, or a file of its save_model",
        )
    best: Any = (_booster_state(state) or {}).get("best_iteration", state.get("_best_iteration", 0))
    if not isinstance(best, int) and not isinstance(best, np.integer):
        raise ModelError("best_iteration is not a whole number", place=place)
    forest = forest_from_text(model_text.encode(), place=place, best_iteration=int(cast("int", best)))
    source = dataclasses.replace(forest.source, format="model string", name=class_name)
    if class_name in WRAPPERS:
        _refuse_early_stop(state, place)
    if class_name == "LGBMClassifier":
        forest = _as_classifier(forest, state, place)
    return dataclasses.replace(forest, source=source)


def _refuse_early_stop(state: Mapping[str, Any], place: str) -> None:
    """A wrapper hands its own parameters to every prediction; of those, only this one changes answers."""
    if str(state.get("pred_early_stop", False)).strip().lower() not in _FALSE:
        raise UnsupportedModelError(
            "pred_early_stop: the model leaves out trees, depending on the row",
            place=place,
            fix="set_params(pred_early_stop=False)",
        )


def _as_classifier(forest: Forest, state: Mapping[str, Any], place: str) -> Forest:
    """Labels and probabilities as ``LGBMClassifier`` makes them from the booster's response."""
    classes, objective = state.get("_classes"), state.get("_objective")
    labels = cast("NDArray[Any]", classes)
    if not isinstance(classes, np.ndarray) or labels.ndim != 1 or not len(labels):
        raise _not_fitted("LGBMClassifier", place)
    outputs = dataclasses.replace(forest.outputs, is_classifier=True, classes=(labels,))
    multiclass = len(labels) > 2 or (isinstance(objective, str) and objective in _MULTICLASS)
    columns = len(labels) if multiclass else 1
    if objective is not None and not isinstance(objective, str):
        return dataclasses.replace(forest, outputs=outputs)  # a function: predict and predict_proba give the raw score
    if forest.n_columns != columns:
        message = f"{len(labels)} classes, but {forest.n_columns} columns of output"
        raise ModelError(message, place=place, fix="fit the classifier again, with an objective for its classes")
    # `predict` is the argmax of [1 - p, p], or of the columns. In float64, p > 1 - p just where p > 0.5.
    rule = LabelRule.ARGMAX if multiclass else LabelRule.LINK_ABOVE_HALF
    outputs = dataclasses.replace(outputs, label=rule, predicted=Predicted.LABEL, binary_proba=not multiclass)
    return dataclasses.replace(forest, outputs=outputs)


def _not_fitted(what: str, place: str) -> ModelError:
    return ModelError(f"{what} holds no trained model", place=place, fix="fit it before saving it")
