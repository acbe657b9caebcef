"""Real scikit-learn objects from a pickle's records, for comparison only and after the frontends checked the arrays.

Nothing is unpickled: each record becomes an object of a class in a closed list, with the attributes that were read.
What prediction does not need (random states, scorers, training scores) becomes None.
"""

# pyright: basic

from __future__ import annotations

import functools
import importlib
from collections import OrderedDict
from typing import Any

import numpy as np

from treec.errors import ModelError
from treec.frontends.pickle_records import TRUST_FIX, UNSET, Name, Recorded, as_bytes, attributes, describe
from treec.frontends.sklearn_view import SUPPORTED

_HIST = "sklearn.ensemble._hist_gradient_boosting"
_CLASSES = {Name(module, name) for name, module in SUPPORTED.items()} | {
    Name("sklearn.dummy", "DummyClassifier"),
    Name("sklearn.dummy", "DummyRegressor"),
    Name("sklearn.preprocessing._label", "LabelEncoder"),
    Name("sklearn.preprocessing._encoders", "OrdinalEncoder"),
    Name("sklearn.preprocessing._function_transformer", "FunctionTransformer"),
    Name("sklearn.compose._column_transformer", "ColumnTransformer"),
    Name(f"{_HIST}.binning", "_BinMapper"),
    Name(f"{_HIST}.predictor", "TreePredictor"),
}
_TREE = Name("sklearn.tree._tree", "Tree")
_SLICE = Name("builtins", "slice")
_PARTIAL = Name("functools", "partial")
_CHECK = Name("sklearn.utils.validation", "check_array")
_DTYPES = {"float64": np.float64, "float32": np.float32, "int64": np.int64, "int32": np.int32}
_DROPPED = frozenset(
    ("random_state", "_rng", "_feature_subsample_rng", "_random_seed", "_scorer", "scoring", "_loss", "_sample_weight")
) | frozenset(("train_score_", "validation_score_", "oob_prediction_", "oob_decision_function_", "oob_score_"))
_MAX_DEPTH = 64


def rebuild_estimator(record: Recorded, *, place: str) -> Any:
    """A live estimator; raises `ModelError` naming whatever is not in the closed list."""
    estimator = _Builder(place).make(record, 0)
    if "_loss" in attributes(record, place=place):
        estimator._loss = estimator._get_loss(sample_weight=None)
    return estimator


class _Builder:
    def __init__(self, place: str) -> None:
        self.place = place
        self.made: dict[int, Any] = {}

    def make(self, value: Any, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise ModelError("the pickle nests objects too deeply", place=self.place)
        if id(value) not in self.made:
            self.made[id(value)] = self._make(value, depth + 1)
        return self.made[id(value)]

    def _make(self, value: Any, depth: int) -> Any:
        if isinstance(value, Recorded):
            return self._object(value, depth)
        if isinstance(value, Name):
            return self._name(value)
        if isinstance(value, np.ndarray):
            return self._array(value, depth)
        if isinstance(value, dict):
            kind = OrderedDict if isinstance(value, OrderedDict) else dict
            return kind((key, self.make(item, depth)) for key, item in value.items())
        if type(value) in (list, tuple, set, frozenset):
            return type(value)(self.make(item, depth) for item in value)
        return as_bytes(value)

    def _array(self, array: np.ndarray, depth: int) -> np.ndarray:
        if not array.dtype.hasobject:
            return array.copy(order="K")
        made = np.empty(array.size, object)
        for index, item in enumerate(array.ravel()):
            made[index] = self.make(item, depth)
        return made.reshape(array.shape)

    def _object(self, record: Recorded, depth: int) -> Any:
        if record.items is not None or record.pairs is not None or record.kwargs:
            raise self._refused(f"items in {record.name}")
        if record.name in _CLASSES and record.args == ():
            cls = getattr(importlib.import_module(record.module), record.qualname)
            made = cls.__new__(cls)
            self.made[id(record)] = made
            state = attributes(record, place=self.place)
            kept = {key: None if key in _DROPPED else self.make(item, depth) for key, item in state.items()}
            made.__setstate__(kept) if hasattr(made, "__setstate__") else made.__dict__.update(kept)
            return made
        if record.name == _TREE:
            return self._tree(record)
        if record.name == _SLICE and record.state is UNSET and len(record.args) == 3:
            return slice(*(None if part is None else int(part) for part in record.args))
        if record.name == _PARTIAL:
            return self._partial(record, depth)
        raise self._refused(str(record.name))

    def _tree(self, record: Recorded) -> Any:
        from sklearn.tree._tree import Tree

        n_features, n_classes, n_outputs = record.args
        state = {key: self.make(item, 0) for key, item in attributes(record, place=self.place).items()}
        tree = Tree(int(n_features), n_classes.astype(np.intp), int(n_outputs))
        tree.__setstate__(state)
        return tree

    def _partial(self, record: Recorded, depth: int) -> Any:
        """Only of ``check_array``, which HistGradientBoosting's preprocessor calls on numerical columns."""
        state = record.state
        fine = record.args == (_CHECK,) and type(state) is tuple and len(state) == 4
        if not fine or state[0] != _CHECK or state[1] != () or state[3] is not None:
            raise self._refused("a call of functools.partial")
        return functools.partial(self._name(_CHECK), **self.make(state[2], depth))

    def _name(self, name: Name) -> Any:
        if name.module == "numpy" and name.qualname in _DTYPES:
            return _DTYPES[name.qualname]
        if name == _CHECK or name in _CLASSES:
            return getattr(importlib.import_module(name.module), name.qualname)
        raise self._refused(str(name))

    def _refused(self, what: str) -> ModelError:
        return ModelError(
            f"refused: {describe(what)} is not needed for prediction and will not be made", place=self.place, fix=TRUST_FIX
        )
