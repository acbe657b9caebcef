"""The one way in: any model, from a path, bytes or a live object, to a checked Forest and a way to ask its library."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from treec.errors import ModelError, UnsupportedModelError, UsageError
from treec.frontends.base import Forest
from treec.frontends.oracle import Oracle
from treec.frontends.pickle_records import TRUST_FIX, Recorded, as_bytes, attributes, describe
from treec.frontends.pickles import Reading, read_pickle, refuse_unexpected
from treec.frontends.sniff import Kind, sniff


@dataclass(frozen=True)
class LoadedModel:
    """``oracle`` makes, when called, the source library's own answers; None where the library is not installed."""

    forest: Forest
    oracle: Callable[[], Oracle | None]


def load_model(model: str | os.PathLike[str] | bytes | object, *, trust: bool = False) -> LoadedModel:
    """Load a model of XGBoost, LightGBM or scikit-learn.

    ``model``: a path, the content of a file, or a live Booster, wrapper or estimator. Files are told apart by content.
    ``trust``: really unpickle pickles, which runs whatever is in them, and go on from the live object.
    Raises `UsageError` for a path that can't be read, `ModelError` for a file that is damaged, hostile or of an unknown
    format, `UnsupportedModelError` for a sound model with something treec does not do yet.
    """
    if isinstance(model, bytes | bytearray | memoryview):
        return _from_bytes(bytes(cast("bytes", model)), "bytes", None, trust)
    if isinstance(model, str | os.PathLike):
        if isinstance(model, str) and "\n" in model:
            raise UsageError("this text is no path", fix="pass the content of a model file as bytes: text.encode()")
        path = Path(cast("str | os.PathLike[str]", model))
        return _from_bytes(_read(path), path.name, path.name, trust)
    loaded = _from_object(model, "object")
    loaded.forest.check()
    return loaded


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ModelError("this is a folder, not a model file", place=str(path), fix="name the model file inside")
        if path.exists() and not path.is_file():
            raise UsageError("this is no regular file", place=str(path), fix="copy the model to a file")
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"the model can't be read: {reason}", place=str(path), fix="check the path") from None
    except ValueError as error:  # a path with a null byte
        raise UsageError(f"this is no path: {error}", fix="pass a path, bytes or a model object") from None


def _from_bytes(data: bytes, place: str, name: str | None, trust: bool) -> LoadedModel:
    kind = sniff(data, place)
    if kind is Kind.PICKLE:
        loaded = _trusted(data, place) if trust else _from_pickle(data, place)
    else:
        loaded = _from_model_file(kind, data, place)
    digest = hashlib.sha256(data).hexdigest()
    source = replace(loaded.forest.source, digest=digest, name=name or loaded.forest.source.name)
    return LoadedModel(replace(loaded.forest, source=source).check(), loaded.oracle)


def _from_model_file(kind: Kind, data: bytes, place: str) -> LoadedModel:
    if kind is Kind.XGBOOST:
        from treec.frontends import xgboost_model, xgboost_oracle

        return LoadedModel(xgboost_model.forest_from_bytes(data, place=place), lambda: xgboost_oracle.oracle_for(data))
    from treec.frontends import lightgbm_model, lightgbm_oracle

    return LoadedModel(lightgbm_model.forest_from_bytes(data, place=place), lambda: lightgbm_oracle.oracle_for(data))


def _from_object(obj: object, place: str) -> LoadedModel:
    """Libraries are told apart by the modules of the object's class; none is imported here."""
    from treec.frontends import lightgbm_objects, sklearn_models, xgboost_objects

    if xgboost_objects.is_xgboost_object(obj):
        from treec.frontends import xgboost_oracle

        return LoadedModel(xgboost_objects.forest_from_object(obj, place=place), lambda: xgboost_oracle.oracle_for(obj))
    if lightgbm_objects.is_lightgbm_object(obj):
        from treec.frontends import lightgbm_oracle

        return LoadedModel(lightgbm_objects.forest_from_object(obj, place=place), lambda: lightgbm_oracle.oracle_for(obj))
    if sklearn_models.is_sklearn_object(obj):
        from treec.frontends import sklearn_oracle

        return LoadedModel(sklearn_models.forest_from_object(obj, place=place), lambda: sklearn_oracle.oracle_for(obj))
    raise UnsupportedModelError(
        f"an object of {type(obj).__module__}.{type(obj).__qualname__} is no model that treec knows",
        place=place,
        fix="pass a path, bytes, or an object of XGBoost, LightGBM or scikit-learn",
    )


def _trusted(data: bytes, place: str) -> LoadedModel:
    """Runs the pickle."""
    import io
    import pickle

    from treec.frontends.pickle_packed import packer

    try:
        if packer(data) is not None or b"joblib.numpy_pickle" in data:
            import joblib  # pyright: ignore[reportMissingTypeStubs]

            obj: object = joblib.load(io.BytesIO(data))  # pyright: ignore
        else:
            obj = pickle.loads(data)
    except Exception as error:
        raise ModelError(
            f"unpickling failed: {type(error).__name__}: {error}",
            place=place,
            fix="install what the model needs, in the versions it was saved with",
        ) from error
    return _from_object(obj, place)


def _from_pickle(data: bytes, place: str) -> LoadedModel:
    reading = read_pickle(data, place=place)
    root = reading.root
    if isinstance(root, Recorded) and root.module.split(".")[0] == "sklearn":
        return _packed(_recorded_sklearn(reading, root), reading)
    refuse_unexpected(reading)
    if isinstance(root, Recorded) and root.module.split(".")[0] == "xgboost":
        return _packed(_recorded_xgboost(root, place), reading)
    if isinstance(root, Recorded) and root.module.split(".")[0] == "lightgbm":
        return _packed(_recorded_lightgbm(root, place), reading)
    raise ModelError(
        f"the pickle holds {describe(root)}, not a model",
        place=place,
        fix=f"pickle the fitted model itself; {TRUST_FIX}" if isinstance(root, Recorded) else "pickle the model itself",
    )


def _packed(loaded: LoadedModel, reading: Reading) -> LoadedModel:
    """The format is that of the file, whatever the library keeps in it."""
    source = replace(loaded.forest.source, format="joblib" if reading.joblib else "pickle")
    return replace(loaded, forest=replace(loaded.forest, source=source))


def _recorded_sklearn(reading: Reading, root: Recorded) -> LoadedModel:
    from treec.frontends import sklearn_models, sklearn_oracle, sklearn_view

    view = sklearn_view.estimator_view(root, place=reading.place)  # first, so that a Pipeline is refused as one
    refuse_unexpected(reading)
    forest = sklearn_models.forest_from_estimator(view)
    return LoadedModel(forest, lambda: sklearn_oracle.oracle_for(root, place=reading.place))


def _recorded_xgboost(root: Recorded, place: str) -> LoadedModel:
    from treec.frontends import pickle_wrappers, xgboost_model, xgboost_objects, xgboost_oracle

    if str(root.name) == "xgboost.core.Booster":
        data = xgboost_objects.booster_bytes_from_state(_state(root, place), place=place)
        return LoadedModel(xgboost_model.forest_from_bytes(data, place=place), lambda: xgboost_oracle.oracle_for(data))
    state = _wrapper_state(root, "xgboost.sklearn", place)
    booster = _booster(state, "xgboost.core.Booster", place)
    data = xgboost_objects.booster_bytes_from_state(booster, place=place)

    def oracle() -> Oracle | None:
        wrapper: Any = pickle_wrappers.xgboost_wrapper(root.qualname, state, data)
        return None if wrapper is None else xgboost_oracle.oracle_for(wrapper)

    return LoadedModel(xgboost_objects.forest_from_wrapper_state(root.qualname, state, data, place=place), oracle)


def _recorded_lightgbm(root: Recorded, place: str) -> LoadedModel:
    from treec.frontends import lightgbm_objects, lightgbm_oracle, pickle_wrappers

    name = "Booster" if str(root.name) == "lightgbm.basic.Booster" else root.qualname
    state = _state(root, place) if name == "Booster" else _wrapper_state(root, "lightgbm.sklearn", place)
    booster = state if name == "Booster" else _booster(state, "lightgbm.basic.Booster", place)
    text = lightgbm_objects.model_text_from_state(booster, place=place)

    def oracle() -> Oracle | None:
        return lightgbm_oracle.oracle_for(pickle_wrappers.lightgbm_object(name, state, booster, text, place=place))

    return LoadedModel(lightgbm_objects.forest_from_wrapper_state(name, state, text, place=place), oracle)


def _state(record: Recorded, place: str) -> dict[str, Any]:
    return {key: as_bytes(value) for key, value in attributes(record, place=place).items()}


def _wrapper_state(root: Recorded, module: str, place: str) -> dict[str, Any]:
    if root.module != module:
        raise UnsupportedModelError(
            f"{root.name} is not supported", place=place, fix="pickle the Booster or the scikit-learn wrapper itself"
        )
    return _state(root, place)


def _booster(state: dict[str, Any], name: str, place: str) -> dict[str, Any]:
    booster = state.get("_Booster")
    if not isinstance(booster, Recorded) or str(booster.name) != name:
        raise ModelError("the wrapper has no Booster", place=place, fix="fit it before saving it")
    return _state(booster, place)
