"""One view of a fitted scikit-learn object, live or recorded from a pickle, so that both go through the same code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends.base import Source
from treec.frontends.pickle_records import Name, Recorded, attributes, describe, is_array, is_integer

TREES = {name: "sklearn.tree._classes" for name in ("DecisionTreeClassifier", "DecisionTreeRegressor")} | {
    name: "sklearn.tree._classes" for name in ("ExtraTreeClassifier", "ExtraTreeRegressor")
}
FORESTS = {
    name: "sklearn.ensemble._forest"
    for name in ("RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor")
}
BOOSTERS = {name: "sklearn.ensemble._gb" for name in ("GradientBoostingClassifier", "GradientBoostingRegressor")}
HIST_BOOSTERS = {
    name: "sklearn.ensemble._hist_gradient_boosting.gradient_boosting"
    for name in ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
}
SUPPORTED = TREES | FORESTS | BOOSTERS | HIST_BOOSTERS

MIN_VERSION = (1, 9)
BEFORE_VERSION = (1, 10)
"""The versions whose answers were compared bit for bit; leaves and inputs meant other things before."""

MAX_FEATURES = 1 << 24

_ANSWERS = (
    *("predict", "predict_proba", "decision_function", "apply", "_raw_predict", "_raw_predict_init", "_preprocess_X"),
    *("_validate_X_predict", "_predict_iterations", "__getattribute__", "__getattr__", "__sklearn_clone__"),
)
"""What a subclass must not override if its answers are to be those of its base."""

_HINTS = {
    "Pipeline": "compile its last step (`pipeline[-1]`) and apply the steps before it to the rows yourself",
    "GridSearchCV": "compile its `best_estimator_`",
    "RandomizedSearchCV": "compile its `best_estimator_`",
    "CalibratedClassifierCV": "compile the classifiers inside (`calibrated_classifiers_[i].estimator`)",
    "FrozenEstimator": "compile its `estimator`",
}


@dataclass(frozen=True, eq=False)
class EstimatorView:
    """A class name, its module, and attributes. ``place`` says where in which file or object."""

    class_name: str
    module: str
    attributes: Mapping[str, Any]
    place: str
    version: str | None = None

    def get(self, name: str) -> Any:
        if name not in self.attributes:
            raise ModelError(
                f"{self.class_name} has no `{name}`", place=self.place, fix="fit the estimator before saving it"
            )
        return self.attributes[name]

    def integer(self, name: str, *, least: int = 0) -> int:
        value = self.get(name)
        if not is_integer(value) or not least <= value < 1 << 31:
            raise self.odd(name, value)
        return int(value)

    def number(self, name: str) -> float:
        value = self.get(name)
        if not isinstance(value, float | np.floating) and not (is_integer(value) and abs(value) < 1 << 53):
            raise self.odd(name, value)
        return float(cast("float", value))

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str):
            raise self.odd(name, value)
        return str(value)

    def array(self, name: str, kinds: str, *, dimensions: int) -> NDArray[Any]:
        """An array of the given dtype kinds (numpy's letters) and number of dimensions."""
        value = self.get(name)
        if not is_array(value) or value.ndim != dimensions or value.dtype.kind not in kinds:
            raise self.odd(name, value)
        return value

    def child(self, name: str) -> EstimatorView:
        return view_of(self.get(name), place=f"{self.place}: {name}")

    def odd(self, name: str, value: object) -> ModelError:
        return ModelError(f"`{name}` of {self.class_name} is {describe(value)}", place=self.place)


def view_of(value: object, *, place: str) -> EstimatorView:
    """Any object with attributes, from a pickle or alive."""
    if isinstance(value, Recorded):
        return EstimatorView(value.qualname, value.module, attributes(value, place=place), place)
    if isinstance(value, Name) or not hasattr(value, "__dict__"):
        raise ModelError(f"an object with attributes was expected, found {describe(value)}", place=place)
    return EstimatorView(type(value).__name__, type(value).__module__, vars(value), place)


def estimator_view(value: object, *, place: str = "estimator") -> EstimatorView:
    """The view of a whole estimator, after its class and version were found to be supported.

    Raises `UnsupportedModelError` for classes and versions that are not, `ModelError` for what is no estimator.
    """
    view = view_of(value, place=place)
    if isinstance(value, Recorded):
        version = view.attributes.get("_sklearn_version")
        if SUPPORTED.get(view.class_name) != view.module:
            raise _unsupported(view)
    else:
        view = _base_view(value, view)
        version = getattr(sys.modules.get("sklearn"), "__version__", None)
    _check_version(version, place)
    return EstimatorView(view.class_name, view.module, view.attributes, place, version)


def _base_view(value: object, view: EstimatorView) -> EstimatorView:
    """A live subclass counts as its scikit-learn base if it changes none of the answers."""
    classes = type(value).__mro__
    base = next((index for index, cls in enumerate(classes) if SUPPORTED.get(cls.__name__) == cls.__module__), None)
    if base is None:
        raise _unsupported(view)
    for cls in classes[:base]:
        changed = sorted(name for name in _ANSWERS if name in vars(cls))
        if changed:
            raise UnsupportedModelError(
                f"{cls.__module__}.{cls.__qualname__} overrides {', '.join(changed)}",
                place=view.place,
                fix="compile an estimator of scikit-learn's own class",
            )
    return EstimatorView(classes[base].__name__, classes[base].__module__, view.attributes, view.place)


def _unsupported(view: EstimatorView) -> UnsupportedModelError:
    fix = _HINTS.get(view.class_name, f"supported are {', '.join(sorted(SUPPORTED))}; compile the ones inside, if any")
    return UnsupportedModelError(f"{view.module}.{view.class_name} is not supported", place=view.place, fix=fix)


def _check_version(version: object, place: str) -> None:
    low, high = (".".join(map(str, v)) for v in (MIN_VERSION, BEFORE_VERSION))
    parts = version.split(".")[:2] if isinstance(version, str) else []
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        raise ModelError(f"the scikit-learn version is {describe(version)}", place=place)
    if not MIN_VERSION <= (int(parts[0]), int(parts[1])) < BEFORE_VERSION:
        raise UnsupportedModelError(
            f"the model is of scikit-learn {version}; supported are {low} up to, not including, {high}",
            place=place,
            fix=f"train it again, or load and save it, with scikit-learn {low}",
        )


def class_labels(value: object, view: EstimatorView) -> NDArray[Any]:
    """Labels of one output: numbers, text or bool, as the library returns them."""
    if not is_array(value) or value.ndim != 1 or len(value) == 0 or value.dtype.kind not in "biufUSO":
        raise view.odd("classes_", value)
    if value.dtype.kind == "O" and not all(isinstance(item, str | bool | int | float) for item in value.tolist()):
        raise UnsupportedModelError("class labels that are neither numbers nor text", place=view.place)
    return value.copy()


def feature_count(view: EstimatorView) -> int:
    count = view.integer("n_features_in_", least=1)
    if count > MAX_FEATURES:
        raise UnsupportedModelError(f"{count} features; at most {MAX_FEATURES} are supported", place=view.place)
    return count


def feature_names(view: EstimatorView, n_features: int) -> tuple[str, ...] | None:
    names = view.attributes.get("feature_names_in_")
    if names is None:
        return None
    labels = view.array("feature_names_in_", "OU", dimensions=1).tolist()
    if len(labels) != n_features or not all(isinstance(label, str) for label in labels):
        raise view.odd("feature_names_in_", names)
    return tuple(str(label) for label in labels)


def source_of(view: EstimatorView, objective: str, *notes: str) -> Source:
    """Without digest; the class is in the notes, because a file's name takes the place of ``name``."""
    return Source("sklearn", "object", view.version, objective, name=view.class_name, notes=(view.class_name, *notes))
