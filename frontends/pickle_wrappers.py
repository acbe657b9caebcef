"""Live XGBoost and LightGBM objects from a pickle's records, for comparison only.

The model inside is loaded by its own library from bytes that a frontend has read before. A wrapper gets the plain
attributes that were read (numbers, text, arrays of numbers); nothing is unpickled.
"""

# pyright: basic

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np

from treec.frontends.pickle_records import Recorded, attributes

_PLAIN = (str, bool, int, float, type(None), np.generic)


def _plain(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return not value.dtype.hasobject
    return isinstance(value, _PLAIN)


def xgboost_wrapper(class_name: str, state: Mapping[str, Any], booster_bytes: bytes) -> Any:
    """A wrapper of ``xgboost.sklearn``; None where XGBoost is not installed. ``class_name`` was checked before."""
    if importlib.util.find_spec("xgboost") is None:
        return None
    import xgboost

    booster = xgboost.Booster()
    booster.__setstate__({"handle": bytearray(booster_bytes)})
    wrapper = getattr(xgboost, class_name)()
    wrapper.__dict__.update({key: value for key, value in state.items() if _plain(value)})
    wrapper._Booster = booster
    return wrapper


def lightgbm_object(
    class_name: str, state: Mapping[str, Any], booster_state: Mapping[str, Any], model_text: str, *, place: str
) -> Any:
    """A Booster or a wrapper of ``lightgbm.sklearn``; None where LightGBM is not installed.

    ``class_name`` was checked before; ``booster_state`` is that of the Booster itself, which stops at its best iteration.
    """
    if importlib.util.find_spec("lightgbm") is None:
        return None
    import lightgbm

    booster = lightgbm.Booster(model_str=model_text)
    best = booster_state.get("best_iteration", 0)
    booster.best_iteration = int(best) if isinstance(best, int | np.integer) else 0
    if class_name == "Booster":
        return booster
    wrapper = getattr(lightgbm, class_name)()
    wrapper.__dict__.update({key: value for key, value in state.items() if _plain(value)})
    wrapper._Booster = booster
    encoder = state.get("_le")
    if isinstance(encoder, Recorded):
        wrapper._le = _label_encoder(encoder, place)
    classes = state.get("_classes")
    if isinstance(classes, np.ndarray):
        wrapper._classes = _labels(classes)
    return wrapper


def _label_encoder(record: Recorded, place: str) -> Any:
    from sklearn.preprocessing import LabelEncoder

    encoder = LabelEncoder()
    encoder.classes_ = _labels(attributes(record, place=place)["classes_"])
    return encoder


def _labels(classes: np.ndarray) -> np.ndarray:
    if classes.dtype.hasobject:
        return np.array([item if isinstance(item, _PLAIN) else repr(item) for item in classes.tolist()], object)
    return classes
